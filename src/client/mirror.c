#include "src/client/mirror.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/backup.h"
#include "src/client/dirnode.h"
#include "src/client/get.h"
#include "src/client/put.h"
#include "src/client/surplus.h"
#include "src/client/verdict.h"
#include "src/store/metadata.h"

#define PORTION 512u /* removed by one request */

struct mirror {
	struct stream *s;
	struct root *root;
};

static void
withhold(struct run *run, const struct root *root, const char *why, const char *hint)
{
	struct problem p;

	problem_set(&p, FTX_E_WITHHELD, SIDE_LOCAL, "nothing was deleted: %s", why);
	problem_hint(&p, "%s", hint);
	run_guarded(run, root, &p);
}

static void
withhold_many(struct run *run, const struct root *root, uint64_t count)
{
	char why[96];

	snprintf(why, sizeof(why), "it would be %" PRIu64 ", and --max-delete allows %" PRIu64,
		 count, run->request->max_delete);
	withhold(run, root, why, "-n without --max-delete prints them");
}

/* The result of one deletion. */
static void
result(struct mirror *m, const struct surplus_item *d, int error)
{
	struct run *run = m->s->run;
	struct transfer_file f = {.type = (enum entry_type)d->type,
				  .action = ACTION_DELETE,
				  .status = run->request->dry_run ? STATUS_PLANNED : STATUS_DONE};
	struct problem p;

	/* Somebody else may have been faster, or have put something there. */
	if (error == FTX_E_NOT_EMPTY || error == FTX_E_NOT_FOUND)
		return;
	if (error != 0)
		verdict_problem(run, &p, error);
	run_result(run, m->root, d->path, &f, error != 0 ? &p : NULL);
}

struct portion {
	struct mirror *m;
	uint32_t count;
	struct surplus_item *items; /* PORTION of them */
	struct path_only paths[PORTION];
	struct item_status statuses[PORTION];
	uint32_t answered;
	uint32_t retime_count;
	struct surplus_item *retime; /* PORTION */
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
	unsigned losses;
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
		losses = s->losses;
		s->unsynced = true; /* also where only the lost connection has done it */
		r = stream_call_again(s, &message, take_statuses, p);
		if (r != 0 && stream_is_over(s))
			return r;
		for (uint32_t i = 0; i < p->answered; i++) {
			unsigned code = p->statuses[i].code;
			int error = r != 0 ? r : code != 0 ? error_from_wire(code) : 0;

			/* Removed by the request whose answer was lost. */
			if (error == FTX_E_NOT_FOUND && losses != s->losses)
				error = 0;
			result(m, &p->items[begin + i], error);
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

/* A directory's own metadata is set once more, as that of those in which something was made. */
static int
set_again(struct mirror *m, const char *path, const struct metadata *metadata)
{
	struct work *w = &m->s->run->work;
	struct dirnode *d = dirnode_new(NULL, m->root, path, metadata);

	if (d == NULL)
		return FTX_E_NOMEM;
	d->made = d->touched = true;
	work_enter(w, d);
	work_leave(w, d);
	return 0;
}

/* put: as it is on this disk; what cannot be read any more the next run will tell. */
static int
retime_remote(struct mirror *m, const char *path)
{
	const struct run *run = m->s->run;
	const int flags = run->request->copy_links ? 0 : O_NOFOLLOW;
	struct metadata_buffer *buffer = malloc(sizeof(*buffer));
	struct metadata metadata;
	struct stat st;
	int r = buffer != NULL ? 0 : FTX_E_NOMEM;
	int fd = openat(m->root->local, path[0] != '\0' ? path : ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);

	if (r == 0 && fd >= 0 && fstat(fd, &st) == 0 &&
	    metadata_read(&run->rules, run->parts, fd, "", fd, &st, &metadata, buffer) == 0)
		r = set_again(m, path, &metadata);
	if (fd >= 0)
		close(fd);
	free(buffer);
	return r;
}

struct asked {
	struct mirror *m;
	const char *path;
};

static int
take_directory(void *arg, const struct message *m)
{
	struct asked *a = arg;
	const struct metadata *metadata = &m->entry.attributes.metadata;

	if (m->type != MESSAGE_ENTRY || metadata->type != ENTRY_DIRECTORY)
		return 0;
	if ((metadata->flags & ~a->m->s->run->parts) != 0 || xattrs_check(&metadata->xattrs) != 0)
		return FTX_E_PROTOCOL;
	return set_again(a->m, a->path, metadata);
}

/* get: as the server says. */
static int
retime_local(struct mirror *m, const char *path)
{
	struct stream *s = m->s;
	struct asked asked = {m, path};
	struct message message = {.type = MESSAGE_STAT};
	char remote[LIMIT_PATH_BYTES + 1];
	int r = root_remote(m->root, path, remote);

	if (r != 0)
		return 0; /* too long for the server: it is not there */
	message.stat.path = span_of(remote);
	message.stat.parts = (uint16_t)s->run->parts;
	r = stream_call_again(s, &message, take_directory, &asked);
	return r != 0 && stream_is_over(s) ? r : 0;
}

static int
retime_all(struct portion *p)
{
	struct mirror *m = p->m;
	struct run *run = m->s->run;
	int r = 0;

	for (uint32_t i = 0; i < p->retime_count && r == 0; i++)
		r = run_is_put(run) ? retime_remote(m, p->retime[i].path)
				    : retime_local(m, p->retime[i].path);
	if (r == FTX_E_NOMEM)
		return problem_set(&m->s->problem, r, SIDE_LOCAL, NULL);
	if (r != 0 || p->retime_count == 0)
		return r;
	/* They wait in the run's work like any others. */
	return run_is_put(run) ? put_run(m->s) : get_run(m->s);
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
	if (r == 0)
		r = run_is_put(p->m->s->run) ? remove_remote(p) : remove_local(p);
	return r == 0 ? retime_all(p) : r;
}

static struct portion *
portion_new(struct mirror *m)
{
	struct portion *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->m = m;
	p->items = calloc(PORTION, sizeof(*p->items));
	p->retime = calloc(PORTION, sizeof(*p->retime));
	return p;
}

static void
portion_free(struct portion *p)
{
	if (p == NULL)
		return;
	free(p->items);
	free(p->retime);
	free(p);
}

/* All of it, the last first. */
static int
remove_all(struct mirror *m, struct surplus *surplus)
{
	struct surplus_reader *reader = surplus_reader_new(surplus);
	struct portion *p = portion_new(m);
	const struct surplus_item *item = NULL;
	int r =
	    reader != NULL && p != NULL && p->items != NULL && p->retime != NULL ? 0 : FTX_E_NOMEM;

	if (r != 0)
		problem_set(&m->s->problem, r, SIDE_LOCAL, NULL);
	while (r == 0 && !cancel_requested(&m->s->run->cancel)) {
		int read = surplus_next(reader, &item);

		if (read != 0) {
			r = problem_set(&m->s->problem, read, SIDE_LOCAL, NULL);
			break;
		}
		if (item != NULL && item->kind == SURPLUS_RETIME)
			p->retime[p->retime_count++] = *item;
		else if (item != NULL)
			p->items[p->count++] = *item;
		if (p->count == PORTION || p->retime_count == PORTION || item == NULL) {
			r = remove_portion(p);
			p->count = p->retime_count = 0;
		}
		if (item == NULL)
			break;
	}
	surplus_reader_free(reader);
	portion_free(p);
	return r;
}

static int
mirror_root(struct mirror *m)
{
	struct run *run = m->s->run;
	const struct transfer_request *request = run->request;
	struct surplus *surplus = NULL;
	const char *why = NULL;
	uint64_t count;
	int r;

	if (atomic_load(&m->root->incomplete)) {
		withhold(run, m->root, "the source could not be read to its end", "");
		return 0;
	}
	if (atomic_load(&m->root->entries) == 0 && !request->delete_empty) {
		withhold(run, m->root, "the source is empty", "--delete-empty allows it");
		return 0;
	}
	r = surplus_find(&surplus, m->s, m->root, &why);
	if (r != 0)
		return r;
	if ((r = surplus_count(surplus, &count)) != 0)
		problem_set(&m->s->problem, r, SIDE_LOCAL, NULL);
	else if (why != NULL)
		withhold(run, m->root, why, "");
	else if (request->has_max_delete && count > request->max_delete)
		withhold_many(run, m->root, count);
	else
		r = remove_all(m, surplus);
	surplus_free(surplus);
	return r;
}

static bool
has_failed(struct run *run)
{
	bool failed;

	pthread_mutex_lock(&run->results);
	failed = run->outcome.exits != 0;
	pthread_mutex_unlock(&run->results);
	return failed;
}

int
mirror_delete(struct stream *s)
{
	struct run *run = s->run;
	struct mirror *m = calloc(1, sizeof(*m));
	int r = 0;

	if (m == NULL)
		return problem_nomem(&s->problem);
	m->s = s;
	/* Not that of a deletion, where this begins again because a connection was lost. */
	if (!run->mirroring)
		run->mirror_withheld = has_failed(run);
	run->mirroring = true;
	for (size_t i = 0; i < run->request->source_count && r == 0; i++) {
		m->root = &run->roots[i];
		if (!m->root->is_directory || m->root->mirrored)
			continue;
		if (run->mirror_withheld)
			withhold(run, m->root, "not everything could be transferred", "");
		else
			r = mirror_root(m);
		m->root->mirrored = r == 0;
	}
	free(m);
	return r;
}
