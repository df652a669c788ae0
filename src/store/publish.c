#include "src/store/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

bool
publish_lacks_flags(int errnum)
{
	return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP;
}

static bool
is_same_file(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat a, b;

	return fstatat(from_dir, from, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(to_dir, to, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * A file server whose answer was lost is asked again, and says then that the name exists: it is the
 * one it has just made.  (link(2) of NFS.)
 */
static int
link_new(int from_dir, const char *from, int to_dir, const char *to)
{
	int r;

	if (linkat(from_dir, from, to_dir, to, 0) == 0)
		return 0;
	r = error_from_errno(errno);
	return r == FTX_E_EXISTS && is_same_file(from_dir, from, to_dir, to) ? 0 : r;
}

/* As a flag of the rename.  false: the file system does not know it. */
static bool
rename_new(int from_dir, const char *from, int to_dir, const char *to, int *error)
{
	bool done = renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0;

	*error = done ? 0 : error_from_errno(errno);
	return done || !publish_lacks_flags(errno);
}

int
publish_new(int from_dir, const char *from, int to_dir, const char *to)
{
	int r;

	if (rename_new(from_dir, from, to_dir, to, &r))
		return r;
	if ((r = link_new(from_dir, from, to_dir, to)) != 0)
		return r;
	/* A partial that has a second name is not used again, so this may fail. */
	unlinkat(from_dir, from, 0);
	return 0;
}

int
publish_new_locked(int dir, const char *from, const char *to)
{
	struct stat st;
	int r;

	if (rename_new(dir, from, dir, to, &r))
		return r;
	if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return FTX_E_EXISTS;
	return errno == ENOENT ? publish_over(dir, from, dir, to) : error_from_errno(errno);
}

int
publish_over(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat(from_dir, from, to_dir, to) == 0 ? 0 : error_from_errno(errno);
}

bool
publish_leads_to(int dir, const char *name, int fd)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}
