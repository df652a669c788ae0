#include "src/client/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/client/mapping.h"
#include "src/store/name.h"
#include "src/store/resolve.h"

static int
fail(struct problem *p)
{
	return problem_local(p, error_from_errno(errno), errno);
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
		if (directory_make(place->directory, 0777) != 0)
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
