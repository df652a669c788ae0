#include "src/client/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/verdict.h"
#include "src/store/name.h"

/* Both names relative to the share: what is there, and its place in the backup directory. */
struct moving {
	char share[LIMIT_SHARE_BYTES + 1];
	char from[LIMIT_PATH_BYTES + 1];
	char to[LIMIT_PATH_BYTES + 1];
	struct item_status status;
};

static int
plan(const struct run *run, const struct root *root, const char *path, struct moving *m)
{
	const char *rest = address_rest(root->remote);
	const char *name;
	size_t length = 0;
	int from, to;

	address_share(m->share, root->remote);
	from = snprintf(m->from, sizeof(m->from), "%s%s%s", rest,
			rest[0] != '\0' && path[0] != '\0' ? "/" : "", path);
	/* A file that was named itself has no path below its source: its own name. */
	if (path[0] == '\0')
		path = strrchr(root->remote, '/') + 1;
	/* Several sources do not share names. */
	if (run->request->source_count > 1) {
		name = strrchr(root->remote, '/');
		name = name != NULL ? name + 1 : "";
		length = root->is_directory ? strlen(name) : 0;
	} else {
		name = "";
	}
	to = snprintf(m->to, sizeof(m->to), "%s/%.*s%s%s", run->request->backup_dir, (int)length,
		      name, length > 0 ? "/" : "", path);
	return from < 0 || to < 0 || (size_t)from >= sizeof(m->from) ||
		       (size_t)to >= sizeof(m->to) || path_check(m->to, strlen(m->to)) != 0
		   ? FTX_E_NAME
		   : 0;
}

static int
take_status(void *arg, const struct message *m)
{
	struct moving *moving = arg;

	if (m->type != MESSAGE_STATUSES)
		return 0;
	if (m->statuses.statuses.count != 1)
		return FTX_E_PROTOCOL;
	moving->status = m->statuses.statuses.items[0];
	return 0;
}

static void
fill(struct message *m, struct path_pair *pair, const struct moving *moving, bool move)
{
	if (move) {
		*pair = (struct path_pair){.path = span_of(moving->from),
					   .target = span_of(moving->to)};
		m->type = MESSAGE_RENAME;
		m->rename.base = span_of(moving->share);
		m->rename.replace = 1;
		m->rename.pairs.items = pair;
		m->rename.pairs.count = 1;
	} else {
		*pair = (struct path_pair){.path = span_of(moving->to),
					   .target = span_of(moving->from)};
		m->type = MESSAGE_LINK;
		m->link.base = span_of(moving->share);
		m->link.pairs.items = pair;
		m->link.pairs.count = 1;
	}
}

/* r: of the request.  0, or the error of this one name in s->problem. */
static int
judge(struct stream *s, const struct moving *moving, int r)
{
	int error = error_from_wire(moving->status.code);

	if (r != 0 || moving->status.code == 0)
		return r;
	return problem_set(&s->problem, error, SIDE_REMOTE, "its backup: %s", error_text(error));
}

static int
ask(struct stream *s, struct moving *moving, bool move)
{
	struct message m = {0};
	struct path_pair pair;

	fill(&m, &pair, moving, move);
	s->unsynced = true;
	return judge(s, moving, stream_call(s, &m, take_status, moving));
}

/* The same of what is deleted, when nothing else is under way. */
static int
ask_again(struct stream *s, struct moving *moving)
{
	unsigned losses = s->losses;
	struct message m = {0};
	struct path_pair pair;
	int r;

	fill(&m, &pair, moving, true);
	s->unsynced = true; /* also where only the lost connection has done it */
	r = stream_call_again(s, &m, take_status, moving);
	s->unsynced = true;
	/* Moved by the request whose answer was lost. */
	if (r == 0 && losses != s->losses && moving->status.code == (uint16_t)-FTX_E_NOT_FOUND)
		moving->status.code = 0;
	return judge(s, moving, r);
}

int
backup_batch(struct stream *s, struct batch *b)
{
	struct moving *m = malloc(sizeof(*m));
	int r = m != NULL ? 0 : problem_nomem(&s->problem);

	for (size_t i = 0; i < b->count && r == 0; i++) {
		struct entry *e = &b->entries[i];

		if (e->begun || e->arrived || e->verdict.state != TREE_DIFFERS ||
		    e->metadata.type == ENTRY_DIRECTORY || verdict_is_ignored(s->run, e))
			continue;
		r = plan(s->run, b->root, e->path, m);
		if (r != 0)
			problem_set(&s->problem, r, SIDE_LOCAL, NULL);
		else
			r = ask(s, m, e->metadata.type == ENTRY_SYMLINK);
		if (r != 0 && !stream_is_over(s)) {
			/* What could not be kept is not replaced. */
			e->verdict = (struct offer_verdict){.state = TREE_ERROR,
							    .code = (uint16_t)-s->problem.error};
			r = 0;
		}
	}
	free(m);
	return r;
}

int
backup_move(struct stream *s, struct root *root, const char *path)
{
	struct moving *m = malloc(sizeof(*m));
	struct transfer_file f = {.type = ENTRY_FILE, .action = ACTION_DELETE};
	int r = m != NULL ? 0 : problem_nomem(&s->problem);

	if (r == 0 && (r = plan(s->run, root, path, m)) != 0)
		problem_set(&s->problem, r, SIDE_LOCAL, NULL);
	if (r == 0)
		r = ask_again(s, m);
	free(m);
	if (r == 0 || stream_is_over(s))
		return r == 0 ? 0 : r;
	run_result(s->run, root, path, &f, &s->problem);
	return 0;
}

/* Is path the directory, or in it? */
static bool
is_inside(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/' || length == 0);
}

int
backup_check(const struct root *root, const char *dir, struct problem *p)
{
	const char *mirrored = address_rest(root->remote);
	char shown[512];

	if (!is_inside(dir, mirrored) && !is_inside(mirrored, dir))
		return 0;
	display_escape(shown, sizeof(shown), dir, strlen(dir));
	return problem_set(p, FTX_E_USAGE, SIDE_LOCAL,
			   "--backup-dir '%s' has to be outside of what is put", shown);
}
