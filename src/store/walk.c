/*
 * A frame for each directory on the way down.  Its names lie in one arena, each behind its inode
 * number, and are found through an array of 4-byte offsets, which is sorted by name.  They are
 * looked at a window at a time, in the order of their inode numbers, which is the order on disk
 * of ext4 (cold, that is a few times faster than the order of names); one window serves all
 * frames, as a directory is given out complete before the next is entered.  Of what was given out
 * only the directories to be entered are kept.
 */
#include "src/store/walk_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"

static bool
watches_mounts(const struct walk *w)
{
	return w->options.one_file_system || w->options.refuse_mounts;
}

/* Sets w->path; it has room for one name more than a path may have. */
static size_t
set_path(struct walk *w, const struct frame *f, const char *name)
{
	size_t at = f->path_length, length = strlen(name);

	assert(at <= LIMIT_PATH_BYTES && length <= LIMIT_NAME_BYTES);
	if (at > 0)
		w->path[at++] = '/';
	memcpy(w->path + at, name, length + 1);
	return at + length;
}

static void
set_item(const struct walk *w, struct walk_item *item, enum walk_kind kind)
{
	const char *slash = strrchr(w->path, '/');

	*item = (struct walk_item){.kind = kind, .path = w->path, .dir = -1};
	item->name = slash != NULL ? slash + 1 : w->path;
	if (w->depth > 0)
		item->dir = w->frames[w->depth - 1].fd;
}

/* Is it a directory that the walk is in? */
static bool
is_above(const struct walk *w, const struct stat *st)
{
	for (unsigned i = 0; i < w->depth; i++)
		if (w->frames[i].ino == st->st_ino && w->frames[i].dev == st->st_dev)
			return true;
	return false;
}

/* What a name that was read and then could not be looked at means. */
static int
look_error(const struct walk *w, const struct frame *f, const char *name, int errnum)
{
	struct stat st;

	if (errnum != ENOENT)
		return error_from_errno(errnum);
	if (w->options.follow && fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return FTX_E_NOT_FOUND; /* a link that leads nowhere */
	return FTX_E_VANISHED;
}

/* 0 with *enter, or why the directory at name is an error. */
static int
judge_directory(const struct walk *w, const struct frame *f, const char *name,
		const struct stat *st, bool *enter, int *errnum)
{
	struct mount mount;
	int r;

	if (w->options.follow && is_above(w, st)) {
		*errnum = ELOOP;
		return FTX_E_IS_LINK;
	}
	*enter = w->options.recursive;
	if (!watches_mounts(w))
		return 0;
	if ((r = mount_of(f->fd, name, w->options.follow, &mount)) != 0) {
		*errnum = errno;
		return r == FTX_E_NOT_FOUND ? FTX_E_VANISHED : r;
	}
	if (mount_same(&mount, &w->mount))
		return 0;
	*enter = false;
	if (!w->options.refuse_mounts)
		return 0;
	*errnum = EXDEV;
	return FTX_E_OTHER_FILE_SYSTEM;
}

/* The next entry becomes *item.  false: it is not wanted. */
static bool
give_entry(struct walk *w, struct frame *f, struct walk_item *item)
{
	const struct looked *l = &w->looked[f->next - w->window_from];
	const char *name = walk_name_at(f, f->next);
	bool is_directory = l->errnum == 0 && S_ISDIR(l->st.st_mode);
	size_t length = set_path(w, f, name);
	bool enter = false;
	uint32_t position = f->next++;

	if (w->options.wanted != NULL && !w->options.wanted(w->options.arg, w->path, is_directory))
		return false;
	set_item(w, item, WALK_ENTRY);
	item->st = l->st;
	item->errnum = l->errnum;
	if (length > LIMIT_PATH_BYTES || w->depth > LIMIT_PATH_DEPTH) {
		item->error = FTX_E_NAME;
		item->errnum = ENAMETOOLONG;
	} else if (l->errnum != 0) {
		item->error = look_error(w, f, name, l->errnum);
	} else if (is_directory) {
		item->error = judge_directory(w, f, name, &l->st, &enter, &item->errnum);
	}
	if (item->error != 0)
		item->kind = WALK_ERROR;
	else if (enter)
		f->order[f->kept++] = f->order[position];
	return true;
}

/* A directory that could not be opened is entered all the same: its error follows. */
static void
frame_fail(struct frame *f, int error, int errnum)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->error = error;
	f->errnum = errnum;
}

static int
open_error(int errnum)
{
	if (errnum == ENOENT)
		return FTX_E_VANISHED;
	if (errnum == ELOOP || errnum == ENOTDIR)
		return FTX_E_CHANGED; /* it was a directory */
	return error_from_errno(errnum);
}

/* The directory that was opened need not be the one that was looked at. */
static void
check_opened(struct walk *w, struct frame *f, const struct stat *st)
{
	struct mount mount;
	int r;

	if (w->options.follow && is_above(w, st)) {
		frame_fail(f, FTX_E_IS_LINK, ELOOP);
	} else if (watches_mounts(w)) {
		if ((r = mount_of(f->fd, "", false, &mount)) != 0)
			frame_fail(f, r, errno);
		else if (!mount_same(&mount, &w->mount))
			frame_fail(f, FTX_E_OTHER_FILE_SYSTEM, EXDEV);
	}
}

/* Enters the next directory below the current one. */
static void
descend(struct walk *w, struct walk_item *item)
{
	struct frame *above = &w->frames[w->depth - 1];
	const char *name = walk_name_at(above, above->next++);
	int follow = w->options.follow ? 0 : AT_SYMLINK_NOFOLLOW;
	struct frame *f = &w->frames[w->depth];
	struct stat st;

	assert(w->depth <= LIMIT_PATH_DEPTH);
	*f = (struct frame){.path_length = set_path(w, above, name)};
	f->fd = openat(above->fd, name,
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow != 0 ? O_NOFOLLOW : 0));
	if (f->fd < 0)
		frame_fail(f, open_error(errno), errno);
	else if (fstat(f->fd, &st) != 0)
		frame_fail(f, error_from_errno(errno), errno);
	else
		check_opened(w, f, &st);
	if (f->fd < 0 && (fstatat(above->fd, name, &st, follow) != 0 || !S_ISDIR(st.st_mode))) {
		memset(&st, 0, sizeof(st));
		st.st_mode = S_IFDIR; /* what it was when it was an entry */
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	w->depth++;
	set_item(w, item, WALK_ENTER);
	item->st = st;
}

static void
enter_top(struct walk *w, struct walk_item *item)
{
	struct frame *f = &w->frames[0];

	w->started = true;
	w->depth = 1;
	set_item(w, item, WALK_ENTER);
	item->st = w->looked[0].st; /* of walk_new() */
	f->dev = item->st.st_dev;
	f->ino = item->st.st_ino;
}

/* One step in the current directory.  1: *item is one. */
static int
step(struct walk *w, struct walk_item *item)
{
	struct frame *f = &w->frames[w->depth - 1];
	int r;

	switch (f->phase) {
	case FRAME_OPENED:
		if ((r = walk_read_names(w, f)) != 0)
			return r;
		f->phase = FRAME_LISTING;
		if (f->error == 0)
			return 0;
		set_item(w, item, WALK_ERROR);
		item->of_directory = true;
		item->error = f->error;
		item->errnum = f->errnum;
		return 1;
	case FRAME_LISTING:
		if (f->next == f->count) {
			walk_begin_descent(f);
			return 0;
		}
		if (f->next == w->window_end)
			walk_look_ahead(w, f);
		return give_entry(w, f, item);
	case FRAME_DESCENDING:
		if (f->next < f->count) {
			descend(w, item);
			return 1;
		}
		f->phase = FRAME_LEFT;
		w->path[f->path_length] = '\0';
		set_item(w, item, WALK_LEAVE);
		return 1;
	case FRAME_LEFT:
		walk_frame_release(f);
		w->depth--;
		return 0;
	}
	return 0;
}

int
walk_next(struct walk *w, struct walk_item *item)
{
	int r = 0;

	if (w->over)
		return FTX_E_NOMEM;
	if (!w->started) {
		enter_top(w, item);
		return 0;
	}
	while (r == 0 && w->depth > 0)
		r = step(w, item);
	if (r < 0) {
		w->over = true;
		return r;
	}
	if (r == 0) {
		w->path[0] = '\0';
		set_item(w, item, WALK_END);
	}
	return 0;
}

void
walk_skip(struct walk *w)
{
	struct frame *f;

	if (w->depth == 0)
		return;
	f = &w->frames[w->depth - 1];
	if (f->phase == FRAME_LEFT)
		return;
	f->phase = FRAME_DESCENDING;
	f->next = f->count = 0;
}

unsigned long
walk_reserved(const struct walk *w)
{
	return w->reserved;
}

int
walk_new(struct walk **out, int top, const struct walk_options *options)
{
	struct walk *w = calloc(1, sizeof(*w));
	struct stat *st;
	struct frame *f;
	int r;

	if (w == NULL)
		return FTX_E_NOMEM;
	w->options = *options;
	f = &w->frames[0];
	st = &w->looked[0].st;
	f->fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		frame_fail(f, error_from_errno(errno), errno);
	if (fstatat(top, "", st, AT_EMPTY_PATH) != 0)
		r = error_from_errno(errno);
	else
		r = mount_of(top, "", false, &w->mount);
	if (r != 0) {
		walk_frame_release(f);
		free(w);
		return r;
	}
	*out = w;
	return 0;
}

void
walk_free(struct walk *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < sizeof(w->frames) / sizeof(w->frames[0]); i++)
		if (i == 0 || i < w->depth)
			walk_frame_release(&w->frames[i]);
	free(w);
}
