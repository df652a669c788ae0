#include "src/client/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/mapping.h"
#include "src/store/name.h"
#include "src/store/resolve.h"

static int
fail(struct problem *p)
{
	return problem_local(p, error_from_errno(errno), errno);
}

/* Makes directory[0..end) unless it is there, and its entry durable. */
static int
make_one(char *directory, size_t end)
{
	char rest = directory[end];
	size_t slash = end;
	int errnum = 0;
	int parent;

	directory[end] = '\0';
	if (mkdir(directory, 0777) != 0) {
		errnum = errno == EEXIST ? 0 : errno;
		directory[end] = rest;
		errno = errnum;
		return errnum != 0 ? -1 : 0;
	}
	directory[end] = rest;
	while (slash > 0 && directory[slash - 1] != '/')
		slash--;
	rest = directory[slash];
	directory[slash] = '\0';
	parent = open(slash > 0 ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory[slash] = rest;
	if (parent < 0)
		return -1;
	if (fsync(parent) != 0)
		errnum = errno;
	close(parent);
	errno = errnum;
	return errnum != 0 ? -1 : 0;
}

static int
make_directories(char *directory)
{
	for (size_t i = 1; directory[i - 1] != '\0'; i++)
		if ((directory[i] == '/' || directory[i] == '\0') && directory[i - 1] != '/' &&
		    make_one(directory, i) != 0)
			return -1;
	return 0;
}

int
local_open(struct local_place *place, const char *path, bool make, struct problem *p)
{
	const char *name;
	size_t length = mapping_last_name(path, &name);
	size_t before = (size_t)(name - path);

	place->dir = -1;
	if (!name_ok(name, length) || before > LIMIT_PATH_BYTES)
		return problem_set(p, FTX_E_NAME, SIDE_LOCAL, NULL);
	memcpy(place->name, name, length);
	place->name[length] = '\0';
	while (before > 1 && path[before - 1] == '/')
		before--;
	memcpy(place->directory, path, before);
	place->directory[before] = '\0';
	if (before == 0)
		strcpy(place->directory, ".");
	place->dir = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dir < 0 && errno == ENOENT && make) {
		if (make_directories(place->directory) != 0)
			return fail(p);
		place->dir = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return place->dir < 0 ? fail(p) : 0;
}

void
local_release(struct local_place *place)
{
	if (place->dir >= 0)
		close(place->dir);
	place->dir = -1;
}

int
local_stat(const struct local_place *place, struct stat *st, struct problem *p)
{
	return fstatat(place->dir, place->name, st, AT_SYMLINK_NOFOLLOW) != 0 ? fail(p) : 0;
}

int
local_sync(const struct local_place *place, struct problem *p)
{
	int fd = openat(place->dir, place->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = 0;

	/* A file that we may not read cannot be synced alone. */
	if (fd >= 0 ? fsync(fd) != 0 : syncfs(place->dir) != 0)
		r = fail(p);
	if (fd >= 0)
		close(fd);
	if (r == 0 && fsync(place->dir) != 0)
		r = fail(p);
	return r;
}
