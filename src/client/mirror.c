#include "src/client/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/backup.h"
#include "src/client/filter.h"
#include "src/client/merge.h"
#include "src/client/spool.h"
#include "src/client/verdict.h"

#define PORTION 512u /* removed by one request */

/* A record of the spool: the type, then the path with its terminator. */
struct doomed {
	char type;
	char path[LIMIT_PATH_BYTES + 1];
};

struct mirror {
	struct stream *s;
	struct root *root;
	struct spool *spool;
	struct doomed record;
};

/* Is it kept because it, or a directory above it, is excluded? */
static bool
is_protected(const struct mirror *m, const char *path, bool is_directory)
{
	const struct transfer_request *request = m->s->run->request;
	char above[LIMIT_PATH_BYTES + 1];

	if (request->filter == NULL || request->delete_excluded)
		return false;
	for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) {
		size_t length = (size_t)(slash - path);

		memcpy(above, path, length);
		above[length] = '\0';
		if (filter_excludes(request->filter, above, true))
			return true;
	}
	return filter_excludes(request->filter, path, is_directory);
}

static int
doom(struct mirror *m, const char *path, enum entry_type type)
{
	size_t length = strlen(path) + 1;
	int r;

	if (is_protected(m, path, type == ENTRY_DIRECTORY))
		return 0;
	m->record.type = (char)type;
	memcpy(m->record.path, path, length);
	r = spool_append(m->spool, &m->record, offsetof(struct doomed, path) + length);
	return r != 0 ? problem_set(&m->s->problem, r, SIDE_LOCAL,
				    "the list of what is to be deleted: %s", error_text(r))
		      : 0;
}

/* put: what the server has and this end has not. */
static int
collect_remote(struct mirror *m)
{
	struct stream *s = m->s;
	struct listing_line line;
	struct listing *l;
	struct stat st;
	int r = listing_open(&l, s->connection, 1, m->root->remote, true, 0, &s->problem);

	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	while ((r = listing_next(l, &line, &s->problem)) == 1) {
		if (line.kind == LISTING_ERROR)
			atomic_store(&m->root->incomplete, true);
		if (line.kind != LISTING_ENTRY ||
		    fstatat(m->root->local, line.path, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
		    (errno != ENOENT && errno != ENOTDIR))
			continue;
		if ((r = doom(m, line.path, (enum entry_type)line.attributes->metadata.type)) != 0)
			break;
	}
	listing_close(l);
	return r < 0 ? r : 0;
}

static enum entry_type
type_of(const struct stat *st)
{
	return (enum entry_type)metadata_of(st).type;
}

static int
collect_surplus(struct mirror *m, struct merge *merge)
{
	struct merge_item item = {.kind = MERGE_ENTER};
	int r = 0;

	while (r == 0 && item.kind != MERGE_END) {
		if ((r = merge_next(merge, &item, &m->s->problem)) != 0)
			return r;
		if (item.there != NULL && item.there->kind == LISTING_ERROR)
			atomic_store(&m->root->incomplete, true);
		if (item.kind == MERGE_ENTRY && item.there == NULL && item.here->kind == WALK_ENTRY)
			r = doom(m, item.path, type_of(&item.here->st));
	}
	return r;
}

/* get: what this end has and the server has not. */
static int
collect_local(struct mirror *m)
{
	const struct walk_options options = {.recursive = true, .one_file_system = true};
	struct stream *s = m->s;
	struct listing *l = NULL;
	struct merge *merge = NULL;
	struct walk *w = NULL;
	int r;

	if (m->root->local < 0)
		return 0;
	r = listing_open(&l, s->connection, 1, m->root->remote, true, 0, &s->problem);
	if (r != 0)
		return r;
	r = walk_new(&w, m->root->local, &options);
	if (r == 0 && (merge = merge_new(w, l)) == NULL)
		r = FTX_E_NOMEM;
	if (r != 0)
		problem_set(&s->problem, r, SIDE_LOCAL, NULL);
	else
		r = collect_surplus(m, merge);
	merge_free(merge);
	walk_free(w);
	listing_close(l);
	return r;
}

static void
withhold(struct run *run, const struct root *root, const char *why)
{
	struct problem p;
	char shown[512];

	display_escape(shown, sizeof(shown), root->typed, strlen(root->typed));
	problem_set(&p, FTX_E_DENIED, SIDE_LOCAL, "'%s': nothing was deleted: %s", shown, why);
	run_note(run, &p);
	pthread_mutex_lock(&run->results);
	run->outcome.guarded = true;
	pthread_mutex_unlock(&run->results);
}

/* The result of one deletion. */
static void
result(struct mirror *m, const struct doomed *d, int error)
{
	struct run *run = m->s->run;
	struct transfer_file f = {.type = (enum entry_type)d->type,
				  .action = ACTION_DELETE,
				  .status = run->request->dry_run ? STATUS_PLANNED : STATUS_DONE};
	struct problem p;

	/* What is protected in a directory keeps it; somebody else may have been faster. */
	if (error == FTX_E_NOT_EMPTY || error == FTX_E_NOT_FOUND)
		return;
	if (error != 0)
		verdict_problem(run, &p, error);
	run_result(run, m->root, d->path, &f, error != 0 ? &p : NULL);
}

struct portion {
	struct mirror *m;
	uint32_t count;
	struct doomed *items; /* PORTION of them */
	struct path_only paths[PORTION];
	struct item_status statuses[PORTION];
	uint32_t answered;
};

static int
take_statuses(void *arg, const struct message *m)
{
	struct portion *p = arg;

	if (m->type != MESSAGE_STATUSES)
		return 0;
	if (m->statuses.statuses.count != p->answered)
		return FTX_E_PROTOCOL;
	memcpy(p->statuses, m->statuses.statuses.items, p->answered * sizeof(p->statuses[0]));
	return 0;
}

static int
remove_remote(struct portion *p)
{
	struct mirror *m = p->m;
	struct stream *s = m->s;
	struct message message = {.type = MESSAGE_REMOVE};
	uint32_t begin = 0;
	int r = 0;

	/* Names of a few thousand bytes need several records. */
	while (begin < p->count && r == 0) {
		size_t bytes = LIMIT_PATH_BYTES + 64u;
		uint32_t end = begin;

		for (;
		     end < p->count && bytes + strlen(p->items[end].path) + 2 < LIMIT_RECORD_PLAIN;
		     end++) {
			p->paths[end - begin].path = span_of(p->items[end].path);
			bytes += strlen(p->items[end].path) + 2;
		}
		p->answered = end - begin;
		message.remove.base = span_of(m->root->remote);
		message.remove.paths.items = p->paths;
		message.remove.paths.count = p->answered;
		r = stream_call(s, &message, take_statuses, p);
		if (r != 0 && stream_is_over(s))
			return r;
		for (uint32_t i = 0; i < p->answered; i++) {
			unsigned code = p->statuses[i].code;

			result(m, &p->items[begin + i],
			       r != 0	   ? r
			       : code != 0 ? error_from_wire(code)
					   : 0);
		}
		s->unsynced = true;
		r = 0;
		begin = end;
	}
	return r;
}

static int
remove_local(struct portion *p)
{
	struct stream *s = p->m->s;
	int r = stream_set_root(s, p->m->root);

	for (uint32_t i = 0; i < p->count && r == 0; i++) {
		result(p->m, &p->items[i], tree_remove(s->tree, p->items[i].path));
		s->unsynced = true;
	}
	return r;
}

static int
remove_portion(struct portion *p)
{
	const struct transfer_request *request = p->m->s->run->request;
	int r = 0;

	if (request->dry_run) {
		for (uint32_t i = 0; i < p->count; i++)
			result(p->m, &p->items[i], 0);
		return 0;
	}
	/* What has been moved away is not found any more, and that is fine. */
	for (uint32_t i = 0; i < p->count && r == 0 && request->backup_dir != NULL; i++)
		if (p->items[i].type != ENTRY_DIRECTORY)
			r = backup_move(p->m->s, p->m->root, p->items[i].path);
	if (r != 0)
		return r;
	return run_is_put(p->m->s->run) ? remove_remote(p) : remove_local(p);
}

/* All of the spool, the last first. */
static int
remove_all(struct mirror *m)
{
	struct spool_reader *reader = spool_reader_new(m->spool, SPOOL_BACKWARD);
	struct portion *p = calloc(1, sizeof(*p));
	const void *record = NULL;
	size_t length;
	int r = reader != NULL && p != NULL ? 0 : FTX_E_NOMEM;

	if (r == 0) {
		p->m = m;
		p->items = calloc(PORTION, sizeof(*p->items));
		r = p->items != NULL ? 0 : FTX_E_NOMEM;
	}
	if (r != 0)
		problem_set(&m->s->problem, r, SIDE_LOCAL, NULL);
	while (r == 0 && !cancel_requested(&m->s->run->cancel)) {
		int read = spool_read(reader, &record, &length);

		if (read != 0) {
			r = problem_set(&m->s->problem, read, SIDE_LOCAL, NULL);
			break;
		}
		if (record != NULL)
			memcpy(&p->items[p->count++], record, length);
		if (p->count == PORTION || (record == NULL && p->count > 0)) {
			r = remove_portion(p);
			p->count = 0;
		}
		if (record == NULL)
			break;
	}
	spool_reader_free(reader);
	if (p != NULL)
		free(p->items);
	free(p);
	return r;
}

static int
mirror_root(struct mirror *m)
{
	struct run *run = m->s->run;
	const struct transfer_request *request = run->request;
	int r;

	if (atomic_load(&m->root->incomplete)) {
		withhold(run, m->root, "the source could not be read to its end");
		return 0;
	}
	if (atomic_load(&m->root->entries) == 0 && !request->delete_empty) {
		withhold(run, m->root, "the source is empty (--delete-empty allows it)");
		return 0;
	}
	m->spool = spool_new();
	if (m->spool == NULL)
		return problem_set(&m->s->problem, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	r = run_is_put(run) ? collect_remote(m) : collect_local(m);
	if (r == 0 && atomic_load(&m->root->incomplete))
		withhold(run, m->root, "the destination could not be listed to its end");
	else if (r == 0 && request->has_max_delete && spool_count(m->spool) > request->max_delete)
		withhold(run, m->root, "more than --max-delete allows");
	else if (r == 0)
		r = remove_all(m);
	spool_free(m->spool);
	return r;
}

int
mirror_delete(struct stream *s)
{
	struct run *run = s->run;
	struct mirror *m = calloc(1, sizeof(*m));
	bool failed;
	int r = 0;

	if (m == NULL)
		return problem_set(&s->problem, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	m->s = s;
	pthread_mutex_lock(&run->results);
	failed = run->outcome.exits != 0;
	pthread_mutex_unlock(&run->results);
	for (size_t i = 0; i < run->request->source_count && r == 0; i++) {
		m->root = &run->roots[i];
		if (m->root->is_directory && failed)
			withhold(run, m->root, "not everything could be transferred");
		else if (m->root->is_directory)
			r = mirror_root(m);
	}
	free(m);
	return r;
}
