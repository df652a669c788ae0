/*
 * LIST, NEXT, STATFS (PROTOCOL.md, "Listing").
 *
 * A part is filled while its lines fit a record.  The line that does not is held for the next part
 * and described once more then, so nothing of it is kept but the walk's item.  Lines lead into
 * s->raw, which has room for all that varies in a record.
 */
#include "src/server/handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/charges.h"
#include "src/store/mount.h"
#include "src/store/resolve.h"

/* Between two looks at the clock and at what the supervisor says. */
#define LINES_A_LOOK 16u

enum { LINE_ENTRY = 0, LINE_ENTER = 1, LINE_ERROR = 2 }; /* listed.kind */

static void
listing_release(struct listing *l)
{
	walk_free(l->walk);
	*l = (struct listing){.walk = NULL};
}

void
walks_close(struct session *s)
{
	for (size_t i = 0; i < LIMIT_WALKS; i++)
		listing_release(&s->listings[i]);
	free(s->lines);
	s->lines = NULL;
}

/* Why leaf could not be opened as a directory. */
static int
why_not_directory(const struct place *p, int open_errno)
{
	struct stat st;

	if (open_errno != ENOTDIR && open_errno != ELOOP)
		return error_from_errno(open_errno);
	if (fstatat(p->dir, p->leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_from_errno(errno);
	return S_ISLNK(st.st_mode) ? FTX_E_IS_LINK : FTX_E_CONFLICT;
}

/* *fd: owned, O_PATH.  The resolver leaves the leaf to its caller, so its mount is looked at here.
 */
static int
open_directory(const struct target *t, int *fd)
{
	struct mount root, here;
	struct place place;
	int r = resolve_parent(t->subtree->root, t->rest, 0, &place);

	*fd = -1;
	if (r == 0) {
		*fd = openat(place.dir, place.leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*fd < 0)
			r = why_not_directory(&place, errno);
	}
	place_release(&place);
	if (r == 0 && (r = mount_of(t->subtree->root, "", false, &root)) == 0 &&
	    (r = mount_of(*fd, "", false, &here)) == 0 && !mount_same(&root, &here))
		r = FTX_E_OTHER_FILE_SYSTEM;
	return r;
}

int
handle_list(struct session *s, const struct message *m)
{
	struct walk_options options = {.recursive = m->list.recursive != 0, .refuse_mounts = true};
	struct listing *l = &s->listings[m->list.walk];
	struct target t;
	int fd = -1;
	int r;

	if (l->walk != NULL)
		return FTX_E_PROTOCOL;
	r = target_parse(s, &m->list.path, RIGHT_LIST, &t);
	if (r == 0 && s->lines == NULL &&
	    (s->lines = malloc(LIMIT_ENTRIES * sizeof(*s->lines))) == NULL)
		r = FTX_E_NOMEM;
	if (r == 0)
		r = open_directory(&t, &fd);
	if (r == 0)
		r = walk_new(&l->walk, fd, &options);
	if (fd >= 0)
		close(fd);
	l->failed = r;
	if (r != 0)
		return answer_path_error(s, r, &t);
	l->subtree = t.subtree;
	l->parts = m->list.parts;
	return answer_ok(s);
}

/* The next thing to be said becomes l->item. */
static int
next_item(struct listing *l)
{
	if (l->held) {
		l->held = false;
		return 0;
	}
	if (l->error != 0) {
		l->item =
		    (struct walk_item){.kind = WALK_ERROR, .error = l->error, .of_directory = true};
		l->error = 0;
		return 0;
	}
	return walk_next(l->walk, &l->item);
}

/* l->item as a line; its spans lead into s and the walk. */
static void
describe(struct session *s, struct listing *l, struct listed *line)
{
	const struct walk_item *i = &l->item;
	int r;

	memset(line, 0, sizeof(*line));
	if (i->kind == WALK_ERROR) {
		line->kind = i->of_directory ? LINE_ERROR : LINE_ENTRY;
		line->code = (uint16_t)-i->error;
		line->path = i->of_directory ? (struct span){NULL, 0} : span_of(i->name);
	} else if (i->kind == WALK_ENTRY) {
		r = session_attributes(s, l->subtree, l->parts, i->dir, i->name, &i->st,
				       &line->attributes);
		line->path = span_of(i->name);
		line->code = (uint16_t)-r;
	} else {
		/* One that could not be opened is what its entry said; its error follows anyway. */
		r = session_attributes(s, l->subtree, i->dir >= 0 ? l->parts : 0, i->dir, "",
				       &i->st, &line->attributes);
		line->kind = LINE_ENTER;
		line->path = span_of(i->path);
		l->error = i->dir >= 0 ? r : 0;
	}
}

/* What of a line varies in length. */
enum { SPANS = 5 };
static void
spans_of(struct listed *line, struct span *spans[static SPANS])
{
	spans[0] = &line->path;
	spans[1] = &line->attributes.metadata.user;
	spans[2] = &line->attributes.metadata.group;
	spans[3] = &line->attributes.metadata.xattrs;
	spans[4] = &line->attributes.target;
}

/* A record that is being filled. */
struct part {
	uint32_t count;
	size_t line_bytes; /* of a line with nothing in it */
	size_t encoded;	   /* bytes of the message so far */
	size_t used;	   /* of s->raw */
};

/* Takes the line, which is the next one of s->lines, into the part.  false: it does not fit. */
static bool
add_line(struct session *s, struct part *p, struct listed *line)
{
	struct span *spans[SPANS];
	size_t varying = 0;

	spans_of(line, spans);
	for (size_t i = 0; i < SPANS; i++)
		varying += spans[i]->length;
	if (p->encoded + p->line_bytes + varying > LIMIT_RECORD_PLAIN ||
	    p->used + varying > sizeof(s->raw))
		return false;
	for (size_t i = 0; i < SPANS; i++) {
		if (spans[i]->length == 0)
			continue;
		memcpy(s->raw + p->used, spans[i]->data, spans[i]->length);
		spans[i]->data = s->raw + p->used;
		p->used += spans[i]->length;
	}
	p->encoded += p->line_bytes + varying;
	p->count++;
	return true;
}

/* The first parts are small, so that a client across a slow link has something to begin with. */
static uint32_t
most_lines(const struct listing *l)
{
	if (l->lines < 256)
		return 64;
	return l->lines < LIMIT_ENTRIES ? 256 : LIMIT_ENTRIES;
}

/* Lines until a record is full or the walk is over.  *walk_error: the walk cannot go on. */
static int
fill_part(struct session *s, struct listing *l, struct part *p, int *walk_error)
{
	int r;

	*p = (struct part){.line_bytes = structure_min_bytes(structure_info(STRUCTURE_listed)),
			   .encoded = 1 + sizeof(uint32_t)}; /* type, count */
	while (p->count < most_lines(l)) {
		struct listed *line = &s->lines[p->count];

		if (p->count % LINES_A_LOOK == 0 && (r = session_progress(s)) != 0)
			return r;
		if ((*walk_error = next_item(l)) != 0)
			return 0;
		if (l->item.kind == WALK_LEAVE)
			continue;
		if (l->item.kind == WALK_END)
			break;
		describe(s, l, line);
		if (!add_line(s, p, line)) {
			l->held = true;
			break;
		}
	}
	return 0;
}

static int
send_part(struct session *s, struct listing *l, const struct part *p)
{
	struct message m = {.type = MESSAGE_ENTRIES};

	if (p->count == 0)
		return 0;
	m.entries.lines.items = s->lines;
	m.entries.lines.count = p->count;
	l->lines += p->count;
	s->working_ms = 0; /* the client's patience ends with it */
	return connection_send(&s->connection, &m);
}

int
handle_next(struct session *s, const struct message *m)
{
	struct listing *l = &s->listings[m->next.walk];
	struct message answer = {.type = MESSAGE_MORE};
	struct part part;
	int walk_error = 0;
	int r = l->failed;

	l->failed = 0;
	if (r != 0)
		return answer_error(s, r, NULL);
	if (l->walk == NULL)
		return FTX_E_PROTOCOL;
	for (unsigned i = 0; i < m->next.parts && r == 0; i++) {
		r = fill_part(s, l, &part, &walk_error);
		if (r == 0 && walk_error == 0)
			r = send_part(s, l, &part);
		if (walk_error != 0 || l->item.kind == WALK_END)
			break;
	}
	if (r != 0)
		return r;
	if (walk_error != 0) {
		listing_release(l);
		return answer_error(s, walk_error, NULL);
	}
	if (m->next.parts == 0 || l->item.kind == WALK_END) {
		answer.type = MESSAGE_LIST_DONE;
		answer.list_done.count = l->lines;
		listing_release(l);
	}
	return connection_send(&s->connection, &answer);
}

/* 2^64-1 where the file system says nothing, or more than that. */
static uint64_t
times(uint64_t count, uint64_t unit)
{
	uint64_t product;

	return __builtin_mul_overflow(count, unit, &product) ? UINT64_MAX : product;
}

static uint64_t
least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The file system is no larger than the quota, and has no more left than that. */
static int
limit_space(struct session *s, const struct subtree *t, struct message_space *space)
{
	struct usage left, most;
	int r = charge_left(s, t, &left, &most);

	if (r != 0)
		return r;
	space->bytes = least_of(space->bytes, most.bytes);
	space->bytes_free = least_of(space->bytes_free, left.bytes);
	space->files = least_of(space->files, most.files);
	space->files_free = least_of(space->files_free, left.files);
	return 0;
}

int
handle_statfs(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_SPACE};
	struct message_space *space = &answer.space;
	struct statvfs v;
	struct target t;
	int dir = -1;
	int r = target_parse(s, &m->statfs.path, RIGHT_LIST, &t);

	if (r == 0)
		r = resolve_nearest(t.subtree->root, t.rest, 0, &dir);
	if (r == 0 && fstatvfs(dir, &v) != 0)
		r = error_from_errno(errno);
	if (dir >= 0)
		close(dir);
	if (r != 0)
		return answer_path_error(s, r, &t);
	space->bytes = v.f_blocks > 0 ? times(v.f_blocks, v.f_frsize) : UINT64_MAX;
	space->bytes_free = v.f_blocks > 0 ? times(v.f_bavail, v.f_frsize) : UINT64_MAX;
	space->files = v.f_files > 0 ? v.f_files : UINT64_MAX;
	space->files_free = v.f_files > 0 ? v.f_favail : UINT64_MAX;
	if ((r = limit_space(s, t.subtree, space)) != 0)
		return answer_error(s, r, NULL);
	return connection_send(&s->connection, &answer);
}
