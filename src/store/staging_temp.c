/*
 * A lock on the directory itself (flock) tells whose session is alive: it goes with the process.
 * Where the file system has no such locks, what dead sessions left stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/store/each_name.h"
#include "src/store/publish.h"
#include "src/store/staging.h"

enum { SWEEP_MAX = 64, TRIES = 8 };

static int
open_directory(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Only files and links are ever made in it. */
static bool
remove_name(void *arg, const char *name)
{
	const int *dir = arg;

	unlinkat(*dir, name, 0);
	return true;
}

static void
remove_content(int dir)
{
	each_name(dir, remove_name, &dir);
}

/* One that has no living session goes. */
static bool
sweep_one(int tmp, const char *name)
{
	int dir = open_directory(tmp, name);
	bool dead;

	if (dir < 0)
		return false;
	dead = flock(dir, LOCK_EX | LOCK_NB) == 0;
	if (dead) {
		remove_content(dir);
		unlinkat(tmp, name, AT_REMOVEDIR);
	}
	close(dir);
	return dead;
}

struct sweep {
	int tmp;
	unsigned swept;
};

static bool
sweep_name(void *arg, const char *name)
{
	struct sweep *s = arg;

	if (strlen(name) == STAGING_TEMP_BYTES - 1 && sweep_one(s->tmp, name))
		s->swept++;
	return s->swept < SWEEP_MAX;
}

/* FTX_E_BUSY: another session took it for a dead one's before it was locked. */
static int
make_locked(int tmp, int *dir, char name[static STAGING_TEMP_BYTES])
{
	uint8_t random[(STAGING_TEMP_BYTES - 1) / 2];
	int fd;

	randombytes_buf(random, sizeof(random));
	hex_encode(name, random, sizeof(random));
	if (mkdirat(tmp, name, 0700) != 0)
		return error_from_errno(errno);
	if ((fd = open_directory(tmp, name)) < 0)
		return errno == ENOENT ? FTX_E_BUSY : error_from_errno(errno);
	if ((flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
	    !publish_leads_to(tmp, name, fd)) {
		close(fd);
		return FTX_E_BUSY;
	}
	*dir = fd;
	return 0;
}

void
staging_temp_sweep(int up)
{
	int tmp = open_directory(up, "tmp");

	if (tmp >= 0) {
		struct sweep s = {.tmp = tmp};

		each_name(tmp, sweep_name, &s);
		close(tmp);
	}
}

int
staging_temp_open(int up, int *dir, char name[static STAGING_TEMP_BYTES])
{
	int tmp, r = staging_open_step(up, "tmp", &tmp);

	if (r != 0)
		return r;
	r = FTX_E_BUSY;
	for (unsigned i = 0; i < TRIES && r == FTX_E_BUSY; i++)
		r = make_locked(tmp, dir, name);
	close(tmp);
	return r;
}

void
staging_temp_close(int up, int dir, const char *name)
{
	int tmp = open_directory(up, "tmp");

	remove_content(dir);
	if (tmp >= 0) {
		unlinkat(tmp, name, AT_REMOVEDIR);
		close(tmp);
	}
	close(dir);
}
