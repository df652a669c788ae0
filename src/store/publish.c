#include "src/store/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

int
publish_new(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return error_from_errno(errno);
	if (linkat(from_dir, from, to_dir, to, 0) != 0)
		return error_from_errno(errno);
	/* A partial that has a second name is not used again, so this may fail. */
	unlinkat(from_dir, from, 0);
	return 0;
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
