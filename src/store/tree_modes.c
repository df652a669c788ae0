/*
 * Directories that are made writable for their owner while something is done in them, and get their
 * mode back when they are synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/tree_impl.h"

/* Of a held directory, that need not be one that may be entered. */
static int
change_mode(int dir, mode_t mode)
{
	char path[32];

	if (fchmodat(dir, ".", mode, 0) == 0)
		return 0;
	if (errno != EACCES)
		return error_from_errno(errno);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	return chmod(path, mode) == 0 ? 0 : error_from_errno(errno);
}

static int
reserve_saved(struct tree_unsynced *u)
{
	size_t size = u->saved_size == 0 ? 16 : u->saved_size * 2;
	struct tree_saved *saved;

	if (u->saved_count < u->saved_size)
		return 0;
	if ((saved = realloc(u->saved, size * sizeof(*saved))) == NULL)
		return FTX_E_NOMEM;
	u->saved = saved;
	u->saved_size = size;
	return 0;
}

int
tree_make_writable(struct tree *t, const struct place *p, const char *path)
{
	struct tree_unsynced *u = &t->unsynced;
	struct stat before, given;
	int r;

	/* First: it may sync, and that would restore the mode. */
	if ((r = tree_touch_parent(t, path)) != 0 || (r = reserve_saved(u)) != 0)
		return r;
	if (fstat(p->dir, &before) != 0)
		return error_from_errno(errno);
	if (before.st_uid != geteuid() || (before.st_mode & 0700) == 0700)
		return FTX_E_DENIED;
	if ((r = change_mode(p->dir, (before.st_mode & 07777) | 0700)) != 0)
		return r;
	if (fstat(p->dir, &given) != 0)
		return error_from_errno(errno);
	u->saved[u->saved_count++] = (struct tree_saved){
	    .dev = before.st_dev,
	    .ino = before.st_ino,
	    .before = before.st_mode & 07777,
	    .given = given.st_mode & 07777,
	};
	return 0;
}

int
tree_restore_mode(const struct tree *t, int fd, const struct stat *st)
{
	const struct tree_unsynced *u = &t->unsynced;

	for (size_t i = 0; i < u->saved_count; i++) {
		const struct tree_saved *s = &u->saved[i];

		if (s->dev == st->st_dev && s->ino == st->st_ino &&
		    s->given == (st->st_mode & 07777))
			return fchmod(fd, s->before) == 0 ? 0 : error_from_errno(errno);
	}
	return 0;
}

void
tree_forget_saved(struct tree *t, const struct stat *st)
{
	struct tree_unsynced *u = &t->unsynced;
	size_t kept = 0;

	for (size_t i = 0; i < u->saved_count; i++)
		if (u->saved[i].dev != st->st_dev || u->saved[i].ino != st->st_ino)
			u->saved[kept++] = u->saved[i];
	u->saved_count = kept;
}
