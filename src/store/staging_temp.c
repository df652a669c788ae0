/*
 * A lock on the directory itself (flock) tells whose session is alive: it goes with the process.
 * Where the file system has no such locks, what dead sessions left stays.  Of another node's locks
 * nothing is known; but a session that has had no small file for a week has none of its own there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/store/each_name.h"
#include "src/store/publish.h"
#include "src/store/staging.h"

enum { SWEEP_MAX = 64, TRIES = 8, RANDOM_DIGITS = 32, OTHERS_S = 7 * 86400 };

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

/* Is it a session's, of whichever node? */
static bool
is_temp(const char *name)
{
	size_t length = strlen(name);

	return length == RANDOM_DIGITS || length == UPLOAD_NODE_BYTES + RANDOM_DIGITS;
}

static bool
is_of_node(const char *name, const char *node)
{
	if (node[0] == '\0')
		return strlen(name) == RANDOM_DIGITS;
	return strlen(name) > RANDOM_DIGITS && strncmp(name, node, UPLOAD_NODE_BYTES - 1) == 0;
}

static bool
is_old(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && time(NULL) - st.st_mtime > OTHERS_S;
}

/* One that has no living session goes. */
static bool
sweep_one(int tmp, const char *name, const char *node)
{
	int dir = open_directory(tmp, name);
	bool dead;

	if (dir < 0)
		return false;
	dead = (is_of_node(name, node) || is_old(dir)) && flock(dir, LOCK_EX | LOCK_NB) == 0;
	if (dead) {
		remove_content(dir);
		unlinkat(tmp, name, AT_REMOVEDIR);
	}
	close(dir);
	return dead;
}

struct sweep {
	int tmp;
	const char *node;
	unsigned swept;
};

static bool
sweep_name(void *arg, const char *name)
{
	struct sweep *s = arg;

	if (is_temp(name) && sweep_one(s->tmp, name, s->node))
		s->swept++;
	return s->swept < SWEEP_MAX;
}

/* FTX_E_BUSY: another session took it for a dead one's before it was locked. */
static int
make_locked(int tmp, const char *node, int *dir, char name[static STAGING_TEMP_BYTES])
{
	uint8_t random[RANDOM_DIGITS / 2];
	char digits[RANDOM_DIGITS + 1];
	int fd;

	randombytes_buf(random, sizeof(random));
	hex_encode(digits, random, sizeof(random));
	snprintf(name, STAGING_TEMP_BYTES, "%s%s%s", node, node[0] != '\0' ? "." : "", digits);
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
staging_temp_sweep(int up, const char *node)
{
	int tmp = open_directory(up, "tmp");

	if (tmp >= 0) {
		struct sweep s = {.tmp = tmp, .node = node};

		each_name(tmp, sweep_name, &s);
		close(tmp);
	}
}

int
staging_temp_open(int up, const char *node, int *dir, char name[static STAGING_TEMP_BYTES])
{
	int tmp, r = staging_open_step(up, "tmp", &tmp);

	if (r != 0)
		return r;
	r = FTX_E_BUSY;
	for (unsigned i = 0; i < TRIES && r == FTX_E_BUSY; i++)
		r = make_locked(tmp, node, dir, name);
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
