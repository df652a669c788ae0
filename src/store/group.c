/*
 * Receiving: a file is made, written and given its metadata, and nothing else is asked of the
 * kernel for it.  Its descriptor stays open, so that what the disk says later is not lost.
 */
#include "src/store/group_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"

enum { FIRST_TEXTS = 16384, NAME_TRIES = 16 };

static bool
is_on_disk(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) != 0 || (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC);
}

/* In a directory with a default ACL a new file's mode is not the one that was asked for. */
static bool
has_default_acl(int dir)
{
	return fgetxattr(dir, "system.posix_acl_default", NULL, 0) >= 0;
}

struct group *
group_new(struct tree *t, struct group_syncers *syncers)
{
	const struct tree_options *o = tree_options(t);
	struct group *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	/* All there may ever be: a status must not fail for lack of memory. */
	g->items = malloc(LIMIT_GROUP_ITEMS * sizeof(*g->items));
	g->own_syncers = syncers == NULL;
	g->syncers = syncers != NULL ? syncers : group_syncers_new();
	if (g->items == NULL || g->syncers == NULL) {
		if (g->own_syncers)
			group_syncers_free(g->syncers);
		free(g->items);
		free(g);
		return NULL;
	}
	g->tree = t;
	g->on_disk = is_on_disk(o->temp_dir >= 0 ? o->temp_dir : o->root);
	/* Without /proc a file that has no name never gets one. */
	g->no_unnamed = o->temp_dir >= 0 || access("/proc/self/fd", X_OK) != 0;
	g->modes_inherited =
	    o->temp_dir < 0 || o->rules->policy != METADATA_SERVER || has_default_acl(o->temp_dir);
	return g;
}

void
group_free(struct group *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].error == 0)
			group_fail(g, &g->items[i], FTX_E_INTERRUPTED);
	if (g->own_syncers)
		group_syncers_free(g->syncers);
	free(g->items);
	free(g->texts);
	free(g);
}

void
group_on_published(struct group *g, void (*published)(void *arg, const char *path), void *arg)
{
	g->published = published;
	g->published_arg = arg;
}

size_t
group_items(const struct group *g)
{
	return g->count - (g->open ? 1 : 0);
}

uint64_t
group_bytes(const struct group *g)
{
	return g->bytes;
}

int
group_temp_dir(const struct group *g, const struct place *p)
{
	int dir = tree_options(g->tree)->temp_dir;

	return dir >= 0 ? dir : p->dir;
}

/* *offset: where text is from now on. */
static int
keep_text(struct group *g, const char *text, size_t *offset)
{
	size_t length = strlen(text) + 1;

	if (length > g->texts_capacity - g->texts_used) {
		size_t capacity = g->texts_capacity != 0 ? 2 * g->texts_capacity : FIRST_TEXTS;
		char *texts = realloc(g->texts, capacity);

		if (texts == NULL)
			return FTX_E_NOMEM;
		g->texts = texts;
		g->texts_capacity = capacity;
	}
	memcpy(g->texts + g->texts_used, text, length);
	*offset = g->texts_used;
	g->texts_used += length;
	return 0;
}

int
group_keep_name(struct group *g, struct group_item *item, const char *name)
{
	int r = keep_text(g, name, &item->temp);

	item->named = r == 0;
	return r;
}

int
group_link(int fd, int dir, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) == 0 ? 0
									 : error_from_errno(errno);
}

void
group_fail(struct group *g, struct group_item *item, int error)
{
	int dir = tree_options(g->tree)->temp_dir;
	const struct place *p;

	item->error = error;
	if (item->fd >= 0)
		close(item->fd); /* its content is not wanted any more */
	item->fd = -1;
	if (!item->named)
		return;
	item->named = false;
	if (dir < 0) {
		/* A parent that has gone took the name with it. */
		if (tree_parent(g->tree, g->texts + item->path, false, &p) != 0)
			return;
		dir = p->dir;
	}
	unlinkat(dir, g->texts + item->temp, 0);
}

static struct group_item *
last_item(struct group *g)
{
	return &g->items[g->count - 1];
}

static int
open_new(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags | O_WRONLY | O_CLOEXEC, mode);
}

static int
open_named(struct group *g, const struct place *p, struct group_item *item, mode_t mode)
{
	char name[TREE_TEMP_BYTES];
	int dir = -1, r;

	for (unsigned tries = 0; tries < NAME_TRIES && item->fd < 0; tries++) {
		dir = tree_temp(g->tree, p, name);
		item->fd = open_new(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW, mode);
		if (item->fd < 0 && errno != EEXIST)
			return error_from_errno(errno);
	}
	if (item->fd < 0)
		return FTX_E_EXISTS;
	if ((r = group_keep_name(g, item, name)) != 0)
		unlinkat(dir, name, 0);
	return r;
}

/* Says "not here", rather than that this file cannot be made. */
static bool
is_no_tmpfile(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EISDIR || errnum == EINVAL || errnum == ENOSYS;
}

/* Beside its destination: without a name where that works. */
static int
open_beside(struct group *g, struct group_item *item, mode_t mode)
{
	const struct place *p;
	int r = tree_parent(g->tree, g->texts + item->path, true, &p);

	if (r != 0)
		return r;
	if (!g->no_unnamed) {
		item->fd = open_new(p->dir, ".", O_TMPFILE, mode);
		if (item->fd >= 0)
			return 0;
		if (!is_no_tmpfile(errno))
			return error_from_errno(errno);
		g->no_unnamed = true;
	}
	return open_named(g, p, item, mode);
}

/* As give_name_again() of the commit. */
static int
open_beside_again(struct group *g, struct group_item *item, mode_t mode, int error)
{
	const char *path = g->texts + item->path;
	const struct place *p;

	if (error == FTX_E_NOT_FOUND)
		tree_leave(g->tree);
	else if (error != FTX_E_DENIED || tree_parent(g->tree, path, false, &p) != 0 ||
		 tree_make_writable(g->tree, p, path) != 0)
		return error;
	return open_beside(g, item, mode);
}

static int
open_item(struct group *g, struct group_item *item, mode_t mode)
{
	int r;

	if (tree_options(g->tree)->temp_dir >= 0)
		return open_named(g, NULL, item, mode);
	r = open_beside(g, item, mode);
	return r == 0 || item->fd >= 0 ? r : open_beside_again(g, item, mode, r);
}

void
group_begin(struct group *g, const char *path, uint64_t size, const struct metadata *likely)
{
	const struct metadata_rules *rules = tree_options(g->tree)->rules;
	struct group_item *item;
	mode_t mode = 0600;
	int r;

	assert(!g->open && g->count < LIMIT_GROUP_ITEMS && size <= LIMIT_GROUP_BYTES);
	g->open = true;
	g->size = size;
	g->received = 0;
	item = &g->items[g->count++];
	*item = (struct group_item){.fd = -1};
	g->likely = likely != NULL && !g->modes_inherited;
	if (g->likely) {
		g->likely_mode = likely->mode;
		mode = metadata_mode(rules, likely);
	}
	if ((r = keep_text(g, path, &item->path)) == 0 &&
	    (r = open_item(g, item, mode)) == FTX_E_NOMEM && item->fd < 0) {
		group_relieve(g); /* it may be descriptors that there is no room for */
		r = open_item(g, item, mode);
	}
	if (r != 0)
		group_fail(g, item, r);
	else if (item->fd >= g->syncers->descriptors)
		group_relieve(g);
}

/* What the open file has of its own. */
static enum metadata_past
past_of(const struct group *g, const struct metadata *m)
{
	if (!g->likely)
		return METADATA_FRESH;
	return m->mode == g->likely_mode ? METADATA_MADE : METADATA_AGAIN;
}

void
group_write(struct group *g, const void *data, size_t length)
{
	struct group_item *item = last_item(g);
	uint64_t at = g->received;
	int r;

	assert(g->open && length <= g->size - g->received &&
	       length <= LIMIT_GROUP_BYTES - g->bytes);
	g->received += length;
	g->bytes += length;
	if (item->error == 0 && (r = pwrite_full(item->fd, data, length, at)) != 0)
		group_fail(g, item, r);
}

void
group_end(struct group *g, const struct metadata *metadata)
{
	const struct metadata_rules *rules = tree_options(g->tree)->rules;
	struct group_item *item = last_item(g);
	int r;

	assert(g->open && g->received == g->size);
	g->open = false;
	if (item->error != 0)
		return;
	r = metadata_apply(rules, item->fd, metadata, past_of(g, metadata), &item->flags);
	if (r != 0) {
		group_fail(g, item, r);
		return;
	}
	/* A hint that costs the commit nothing; what becomes of it is what fsync says. */
	if (g->on_disk && g->size > 0)
		(void)sync_file_range(item->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

void
group_drop(struct group *g, int error)
{
	assert(g->open && error < 0);
	g->open = false;
	if (last_item(g)->error == 0)
		group_fail(g, last_item(g), error);
}
