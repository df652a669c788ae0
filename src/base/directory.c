#include "src/base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

int
directory_sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int errnum = 0;

	if (fd < 0)
		return error_from_errno(errno);
	if (fsync(fd) != 0)
		errnum = errno;
	close(fd);
	errno = errnum;
	return errnum != 0 ? error_from_errno(errnum) : 0;
}

int
directory_of(char *out, const char *path)
{
	size_t length = strlen(path);

	if (length >= PATH_MAX)
		return FTX_E_NAME;
	while (length > 0 && path[length - 1] != '/')
		length--;
	while (length > 1 && path[length - 1] == '/')
		length--;
	memcpy(out, length == 0 ? "." : path, length == 0 ? 1 : length);
	out[length == 0 ? 1 : length] = '\0';
	return 0;
}

/* One directory, whose parent is there. */
static int
make_one(const char *path, mode_t mode)
{
	char parent[PATH_MAX];
	int r;

	if (mkdir(path, mode) != 0)
		return errno == EEXIST ? 0 : error_from_errno(errno);
	r = directory_of(parent, path);
	return r != 0 ? r : directory_sync_path(parent);
}

int
directory_make(const char *path, mode_t mode)
{
	char made[PATH_MAX];
	size_t length = strlen(path);

	if (length >= PATH_MAX)
		return FTX_E_NAME;
	memcpy(made, path, length + 1);
	for (char *slash = made + 1; length > 0 && (slash = strchr(slash, '/')) != NULL; slash++) {
		int r;

		*slash = '\0';
		r = make_one(made, mode);
		*slash = '/';
		if (r != 0)
			return r;
	}
	return make_one(made, mode);
}
