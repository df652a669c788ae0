#include "src/store/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/limits.h"
#include "src/store/walk.h"

struct removal {
	int above[LIMIT_PATH_DEPTH + 2]; /* the directories on the way down, owned; -1: not open */
	size_t depth;
	int error; /* the first one */
	struct usage_tally *tally;
};

static void
fail(struct removal *m, int error)
{
	if (m->error == 0 && error != FTX_E_NOT_FOUND && error != FTX_E_VANISHED)
		m->error = error;
}

/* The walk opens it next. */
static void
make_usable(struct removal *m, int dir, const char *name, const struct stat *st)
{
	if ((st->st_mode & 0700) != 0700 && st->st_uid == geteuid() &&
	    fchmodat(dir, name, (st->st_mode & 07777) | 0700, AT_SYMLINK_NOFOLLOW) != 0)
		fail(m, error_from_errno(errno));
}

static void
remove_entry(struct removal *m, const struct walk_item *item)
{
	if (S_ISDIR(item->st.st_mode))
		make_usable(m, item->dir, item->name, &item->st);
	else if (unlinkat(item->dir, item->name, 0) != 0)
		fail(m, error_from_errno(errno));
	else
		usage_note_gone(m->tally, &item->st);
}

static void
enter(struct removal *m, const struct walk_item *item)
{
	int fd = item->dir >= 0 ? openat(item->dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (item->dir >= 0 && fd < 0)
		fail(m, error_from_errno(errno));
	m->above[m->depth++] = fd;
}

static void
leave(struct removal *m, const struct walk_item *item)
{
	int dir = m->above[--m->depth];

	if (dir >= 0)
		close(dir);
	/* The top is removed by the caller. */
	if (m->depth == 0 || (dir = m->above[m->depth - 1]) < 0)
		return;
	if (unlinkat(dir, item->name, AT_REMOVEDIR) != 0)
		fail(m, errno == EEXIST ? FTX_E_NOT_EMPTY : error_from_errno(errno));
	else
		usage_note_gone(m->tally, &(const struct stat){.st_mode = S_IFDIR});
}

static int
remove_content(struct removal *m, int top, void (*progress)(void *arg), void *arg)
{
	const struct walk_options options = {
	    .recursive = true, .refuse_mounts = true, .show_reserved = true};
	struct walk_item item = {.kind = WALK_LEAVE};
	struct walk *walk;
	int r = walk_new(&walk, top, &options);

	if (r != 0)
		return r;
	while ((r = walk_next(walk, &item)) == 0 && item.kind != WALK_END) {
		if (progress != NULL)
			progress(arg);
		switch (item.kind) {
		case WALK_ENTER:
			enter(m, &item);
			break;
		case WALK_ENTRY:
			remove_entry(m, &item);
			break;
		case WALK_ERROR:
			fail(m, item.error);
			break;
		case WALK_LEAVE:
			leave(m, &item);
			break;
		case WALK_END:
			break;
		}
	}
	while (m->depth > 0)
		if (m->above[--m->depth] >= 0)
			close(m->above[m->depth]);
	walk_free(walk);
	return r;
}

int
remove_tree(int parent, const char *name, void (*progress)(void *arg), void *arg,
	    struct usage_tally *tally)
{
	struct removal m = {.tally = tally};
	struct stat st;
	int top, r;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : error_from_errno(errno);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(parent, name, 0) == 0)
			usage_note_gone(tally, &st);
		else if (errno != ENOENT)
			return error_from_errno(errno);
		return 0;
	}
	make_usable(&m, parent, name, &st);
	top = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0)
		return errno == ENOENT ? 0 : error_from_errno(errno);
	r = remove_content(&m, top, progress, arg);
	close(top);
	if (r != 0)
		return r;
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		usage_note_gone(tally, &st);
	else if (errno != ENOENT)
		fail(&m, errno == EEXIST ? FTX_E_NOT_EMPTY : error_from_errno(errno));
	return m.error;
}
