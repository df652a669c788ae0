/*
 * Publishing: first all files are on stable storage, then each gets its name, then the directories
 * are synced.
 */
#include "src/store/group_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/publish.h"

#define KEPT_TEXTS (1u << 20) /* of the texts; more is given back after a commit */

/* A name is taken.  May the file or link that has it be replaced?  st: of it; all zero: it has
 * gone. */
static int
check_taken(const struct group *g, const struct place *p, struct stat *st)
{
	if (fstatat(p->dir, p->leaf, st, AT_SYMLINK_NOFOLLOW) != 0) {
		*st = (struct stat){0};
		return errno == ENOENT ? 0 : error_from_errno(errno);
	}
	if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		return FTX_E_CONFLICT;
	return tree_options(g->tree)->overwrite ? 0 : FTX_E_EXISTS;
}

static int
replaced(const struct group *g, const struct stat *before, int r)
{
	if (r == 0 && before->st_mode != 0)
		usage_note_gone(tree_options(g->tree)->tally, before);
	return r;
}

/* Most names are new, so that is tried first. */
static int
move_named(const struct group *g, const struct group_item *item, const struct place *p)
{
	const char *temp = g->texts + item->temp;
	int dir = group_temp_dir(g, p);
	int r = publish_new(dir, temp, p->dir, p->leaf);
	struct stat before;

	if (r == FTX_E_EXISTS && (r = check_taken(g, p, &before)) == 0)
		r = replaced(g, &before, publish_over(dir, temp, p->dir, p->leaf));
	return r;
}

/* No link() replaces anything: through a temporary name, then. */
static int
link_over(struct group *g, const struct group_item *item, const struct place *p)
{
	char name[TREE_TEMP_BYTES];
	int dir = tree_temp(g->tree, p, name);
	int r = group_link(item->fd, dir, name);

	if (r == 0 && (r = publish_over(dir, name, p->dir, p->leaf)) != 0)
		unlinkat(dir, name, 0);
	return r;
}

static int
link_unnamed(struct group *g, const struct group_item *item, const struct place *p)
{
	int r = group_link(item->fd, p->dir, p->leaf);
	struct stat before;

	if (r == FTX_E_EXISTS && (r = check_taken(g, p, &before)) == 0)
		r = replaced(g, &before, link_over(g, item, p));
	return r;
}

static int
give_name(struct group *g, const struct group_item *item, const struct place *p)
{
	return item->named ? move_named(g, item, p) : link_unnamed(g, item, p);
}

/*
 * The directory that is kept open may have gone and been made again, and one of our own may lack
 * the right to write.
 */
static int
give_name_again(struct group *g, const struct group_item *item, int error)
{
	const char *path = g->texts + item->path;
	const struct place *p;

	if (error == FTX_E_NOT_FOUND)
		tree_leave(g->tree);
	else if (error != FTX_E_DENIED)
		return error;
	if (tree_parent(g->tree, path, true, &p) != 0 ||
	    (error == FTX_E_DENIED && tree_make_writable(g->tree, p, path) != 0))
		return error;
	return give_name(g, item, p);
}

static int
publish(struct group *g, struct group_item *item)
{
	const char *path = g->texts + item->path;
	const struct place *p;
	int r = tree_parent(g->tree, path, true, &p);

	if (r == 0 && (r = give_name(g, item, p)) != 0)
		r = give_name_again(g, item, r);
	if (r != 0)
		return r == FTX_E_NOT_EMPTY ? FTX_E_CONFLICT : r;
	item->named = false; /* it has no temporary name any more */
	if (item->fd >= 0 && close(item->fd) != 0 && errno != EINTR)
		r = error_from_errno(errno);
	item->fd = -1;
	return r != 0 ? r : tree_touch_parent(g->tree, path);
}

static void
clear(struct group *g)
{
	g->count = 0;
	g->settled = 0;
	g->bytes = 0;
	g->texts_used = 0;
	if (g->texts_capacity > KEPT_TEXTS) {
		free(g->texts);
		g->texts = NULL;
		g->texts_capacity = 0;
	}
}

int
group_commit(struct group *g, struct item_status *statuses)
{
	int r;

	assert(!g->open);
	group_settle(g);
	for (size_t i = 0; i < g->count; i++) {
		struct group_item *item = &g->items[i];

		if (item->error == 0 && (r = publish(g, item)) != 0)
			group_fail(g, item, r);
	}
	r = tree_sync(g->tree);
	for (size_t i = 0; i < g->count && g->published != NULL; i++)
		if (g->items[i].error == 0)
			g->published(g->published_arg, g->texts + g->items[i].path);
	for (size_t i = 0; i < g->count; i++) {
		int error = g->items[i].error != 0 ? g->items[i].error : r;

		statuses[i].code = (uint16_t)-error;
		statuses[i].flags = error == 0 ? g->items[i].flags : 0;
	}
	clear(g);
	return r;
}
