/*
 * What has to be synced is remembered by path, each once.  tree_sync() sorts the paths so that
 * everything below a directory comes right behind it, adds the directories above them, and goes
 * through them once, depth first: each directory is opened from the one above, never through a
 * link, and synced when all below it is.  A directory above that nothing was made in needs a sync
 * only where its status changed within the last hour: an older one was synced when it was made.
 *
 * What is gone by then needs no sync.  What is there but may not be read is synced with all of its
 * file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/store/tree_impl.h"

enum { RECENT_S = 3600, ARENA_FIRST = 64 * 1024 };

static const char *
path_of(const struct tree_unsynced *u, const struct tree_dirty *d)
{
	return u->arena + d->offset;
}

/* Where the path is in the index, or the free place where it belongs. */
static uint16_t *
index_of(struct tree_unsynced *u, const char *path, size_t length)
{
	struct digest hash = digest_of(path, length);
	uint32_t at;

	/* Whoever chooses paths that collide makes at most TREE_DIRTY_MAX of them be compared. */
	memcpy(&at, hash.bytes, sizeof(at));
	for (at %= TREE_DIRTY_SLOTS; u->index[at] != 0; at = (at + 1) % TREE_DIRTY_SLOTS) {
		const struct tree_dirty *d = &u->dirty[u->index[at] - 1];

		if (d->length == length && memcmp(path_of(u, d), path, length) == 0)
			break;
	}
	return &u->index[at];
}

/* Room for more bytes in the arena; at most TREE_DIRTY_MAX paths are in it. */
static int
arena_reserve(struct tree_unsynced *u, size_t more)
{
	size_t size = u->arena_size == 0 ? ARENA_FIRST : u->arena_size;
	char *arena;

	while (size - u->arena_used < more)
		size *= 2;
	if (size == u->arena_size)
		return 0;
	if ((arena = realloc(u->arena, size)) == NULL)
		return FTX_E_NOMEM;
	u->arena = arena;
	u->arena_size = size;
	return 0;
}

/* Syncs when there is no more room. */
static int
make_room(struct tree *t)
{
	struct tree_unsynced *u = &t->unsynced;
	int r;

	if (u->count < TREE_DIRTY_MAX)
		return 0;
	if ((r = tree_sync_now(t)) != 0 && u->error == 0)
		u->error = r;
	return r;
}

int
tree_unsynced_add(struct tree *t, const char *path, size_t length, bool is_file)
{
	struct tree_unsynced *u = &t->unsynced;
	uint16_t *index;
	int r;

	if (u->count > 0) {
		struct tree_dirty *last = &u->dirty[u->count - 1];

		if (last->length == length && memcmp(path_of(u, last), path, length) == 0) {
			last->is_file |= is_file;
			return 0;
		}
	}
	if (*(index = index_of(u, path, length)) != 0) {
		u->dirty[*index - 1].is_file |= is_file;
		return 0;
	}
	if ((r = make_room(t)) != 0 || (r = arena_reserve(u, length)) != 0)
		return r;
	memcpy(u->arena + u->arena_used, path, length);
	u->dirty[u->count] = (struct tree_dirty){
	    .offset = (uint32_t)u->arena_used,
	    .length = (uint16_t)length,
	    .is_file = is_file,
	};
	*index_of(u, path, length) = (uint16_t)++u->count;
	u->arena_used += length;
	return 0;
}

/* One path of the round; its text is in the arena. */
struct item {
	const char *path;
	uint16_t length;
	bool changed; /* else it is only above something that is */
	bool is_file;
};

struct round {
	struct item *items;
	size_t count, size;
};

/* Everything below a directory right behind it: a '/' comes before all other bytes. */
static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	size_t common = x->length < y->length ? x->length : y->length;

	for (size_t i = 0; i < common; i++) {
		int cx = x->path[i] == '/' ? -1 : (uint8_t)x->path[i];
		int cy = y->path[i] == '/' ? -1 : (uint8_t)y->path[i];

		if (cx != cy)
			return cx - cy;
	}
	return (int)x->length - (int)y->length;
}

/* Is above the path of a, or of a directory above it? */
static bool
is_above(const char *above, size_t length, const struct item *a)
{
	if (length == 0)
		return true;
	return a->length >= length && memcmp(above, a->path, length) == 0 &&
	       (a->length == length || a->path[length] == '/');
}

static int
round_add(struct round *round, struct item item)
{
	if (round->count == round->size) {
		size_t size = round->size == 0 ? 256 : round->size * 2;
		struct item *items = realloc(round->items, size * sizeof(*items));

		if (items == NULL)
			return FTX_E_NOMEM;
		round->items = items;
		round->size = size;
	}
	round->items[round->count++] = item;
	return 0;
}

/* item behind the directories above it that are not in the round yet. */
static int
round_add_with_above(struct round *round, const struct item *item, const struct item *before)
{
	size_t length = 0;
	int r = 0;

	while (r == 0 && length < item->length) {
		const char *slash;

		if (before == NULL || !is_above(item->path, length, before))
			r = round_add(round, (struct item){
						 .path = item->path,
						 .length = (uint16_t)length,
					     });
		length += length > 0 ? 1 : 0;
		slash = memchr(item->path + length, '/', item->length - length);
		length = slash != NULL ? (size_t)(slash - item->path) : item->length;
	}
	return r != 0 ? r : round_add(round, *item);
}

static int
round_begin(struct round *round, const struct tree_unsynced *u)
{
	struct item *sorted = calloc(u->count, sizeof(*sorted));
	int r = sorted == NULL ? FTX_E_NOMEM : 0;

	*round = (struct round){0};
	for (uint32_t i = 0; r == 0 && i < u->count; i++)
		sorted[i] = (struct item){
		    .path = path_of(u, &u->dirty[i]),
		    .length = u->dirty[i].length,
		    .changed = true,
		    .is_file = u->dirty[i].is_file,
		};
	if (r == 0)
		qsort(sorted, u->count, sizeof(*sorted), compare_items);
	for (uint32_t i = 0; r == 0 && i < u->count; i++)
		r = round_add_with_above(round, &sorted[i], i > 0 ? &sorted[i - 1] : NULL);
	free(sorted);
	return r;
}

/* A directory on the way down. */
struct open_directory {
	const struct item *item;
	int fd;
	bool readable; /* else it is O_PATH */
};

struct descent {
	struct tree *t;
	bool durable; /* false: modes are restored, and nothing else */
	bool all;     /* something could only be synced with all of the file system */
	int error;    /* the first one */
	size_t depth;
	struct open_directory stack[LIMIT_PATH_DEPTH + 1];
};

static void
fail(struct descent *d, int error)
{
	if (d->error == 0)
		d->error = error;
}

/* EINVAL: a file system that has no such operation for directories (CIFS). */
static void
sync_descriptor(struct descent *d, int fd)
{
	if (fsync(fd) != 0 && errno != EINVAL)
		fail(d, error_from_errno(errno));
}

/* All below it is done. */
static void
leave_directory(struct descent *d)
{
	struct open_directory *o = &d->stack[--d->depth];
	struct stat st;
	int r;

	if (!o->readable) {
		d->all |= o->item->changed;
	} else if (fstat(o->fd, &st) != 0) {
		fail(d, error_from_errno(errno));
	} else {
		if ((r = tree_restore_mode(d->t, o->fd, &st)) != 0)
			fail(d, r);
		/* A time in the future, after the clock was set back, counts as recent. */
		if (d->durable && (o->item->changed || time(NULL) - st.st_ctim.tv_sec < RECENT_S))
			sync_descriptor(d, o->fd);
	}
	close(o->fd);
}

static void
sync_file(struct descent *d, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (!d->durable) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0) {
		d->all |= errno == EACCES || errno == EPERM;
		return;
	}
	sync_descriptor(d, fd);
	close(fd);
}

/* The directory could not be opened: is that an error? */
static void
missed(struct descent *d, int errnum)
{
	/* Gone, or something else by now: whoever did that has to sync it. */
	if (errnum != ENOENT && errnum != ENOTDIR && errnum != ELOOP)
		fail(d, error_from_errno(errnum));
}

static void
enter_directory(struct descent *d, const struct item *item, int dir, const char *name)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct open_directory o = {.item = item, .readable = true};

	o.fd = openat(dir, name, O_RDONLY | flags);
	if (o.fd < 0 && (errno == EACCES || errno == EPERM)) {
		o.readable = false;
		o.fd = openat(dir, name, O_PATH | flags);
	}
	if (o.fd < 0)
		missed(d, errno);
	else
		d->stack[d->depth++] = o;
}

static void
visit(struct descent *d, const struct item *item)
{
	char name[LIMIT_NAME_BYTES + 1];
	const struct open_directory *above;
	size_t start, length;
	struct stat st;

	while (d->depth > 0 && !is_above(d->stack[d->depth - 1].item->path,
					 d->stack[d->depth - 1].item->length, item))
		leave_directory(d);
	if (item->length == 0) {
		enter_directory(d, item, d->t->options.root, ".");
		return;
	}
	if (d->depth == 0)
		return;
	above = &d->stack[d->depth - 1];
	start = above->item->length > 0 ? above->item->length + 1u : 0;
	length = item->length - start;
	/* A slash: the directory that this is in could not be opened. */
	if (memchr(item->path + start, '/', length) != NULL)
		return;
	memcpy(name, item->path + start, length);
	name[length] = '\0';
	if (item->is_file && fstatat(above->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode))
		sync_file(d, above->fd, name);
	else
		enter_directory(d, item, above->fd, name);
}

static int
sync_all(const struct tree *t)
{
	int fd = openat(t->options.root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 || syncfs(fd) != 0)
		r = error_from_errno(errno);
	if (fd >= 0)
		close(fd);
	return r;
}

/* All of it is done, or has failed: begin anew. */
static void
clear(struct tree_unsynced *u)
{
	memset(u->index, 0, sizeof(u->index));
	u->count = 0;
	u->arena_used = 0;
	u->saved_count = 0;
}

static int
go_round(struct tree *t, bool durable)
{
	struct tree_unsynced *u = &t->unsynced;
	struct descent d = {.t = t, .durable = durable};
	struct round round;
	int r = round_begin(&round, u);

	for (size_t i = 0; r == 0 && i < round.count; i++)
		visit(&d, &round.items[i]);
	while (d.depth > 0)
		leave_directory(&d);
	if (r == 0 && durable && d.all && (r = sync_all(t)) != 0)
		fail(&d, r);
	free(round.items);
	if (r == FTX_E_NOMEM && d.error == 0)
		return r;
	clear(u);
	return d.error;
}

int
tree_sync_now(struct tree *t)
{
	if (t->unsynced.count == 0)
		return 0;
	if (t->options.before_long_call != NULL)
		t->options.before_long_call(t->options.arg);
	return go_round(t, true);
}

int
tree_sync(struct tree *t)
{
	int earlier = t->unsynced.error;
	int r = tree_sync_now(t);

	tree_leave(t);
	t->unsynced.error = 0;
	return earlier != 0 ? earlier : r;
}

void
tree_unsynced_end(struct tree *t)
{
	struct tree_unsynced *u = &t->unsynced;

	if (u->saved_count > 0)
		go_round(t, false);
	free(u->arena);
	free(u->saved);
}
