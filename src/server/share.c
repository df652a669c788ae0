#include "src/server/share.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/store/mount.h"
#include "src/store/resolve.h"

/* Is something mounted on dir?  0 or the error of errno. */
static int
is_mount_point(int dir, bool *mounted)
{
	struct mount above, here;
	struct statx stx;
	int r;

	if (statx(dir, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) != 0)
		return error_from_errno(errno);
	*mounted = (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	if ((stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
		return 0;
	/* Before Linux 5.8: another file system than that of the directory above. */
	if ((r = mount_of(dir, "", false, &here)) != 0 ||
	    (r = mount_of(dir, "..", false, &above)) != 0)
		return r;
	*mounted = !mount_same(&here, &above);
	return 0;
}

int
share_open(const char *path, const struct share_rules *rules, int *dir, const char **why)
{
	bool mounted = true;
	int r = 0;

	*dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0) {
		*why = strerror(errno);
		return FTX_E_OFFLINE;
	}
	if (rules->require_mount)
		r = is_mount_point(*dir, &mounted);
	if (r == 0 && mounted)
		return 0;
	*why = r != 0 ? error_text(r) : "nothing is mounted there";
	close(*dir);
	*dir = -1;
	return FTX_E_OFFLINE;
}

/* name in parent, on the same file system. */
static int
open_below(int parent, const char *name, int *dir)
{
	struct mount above, here;
	int r;

	*dir = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir < 0)
		return error_from_errno(errno);
	if ((r = mount_of(parent, "", false, &above)) == 0 &&
	    (r = mount_of(*dir, "", false, &here)) == 0 && !mount_same(&above, &here))
		r = FTX_E_OTHER_FILE_SYSTEM;
	if (r == 0)
		return 0;
	close(*dir);
	*dir = -1;
	return r;
}

int
share_subtree(int share, const char *path, bool make, int *dir)
{
	struct place place;
	int r = resolve_parent(share, path, make ? RESOLVE_MAKE_PARENTS : 0, &place);

	*dir = -1;
	if (r == 0 && make) {
		if (mkdirat(place.dir, place.leaf, 0777) == 0)
			r = directory_sync(place.dir);
		else if (errno != EEXIST)
			r = error_from_errno(errno);
	}
	if (r == 0)
		r = open_below(place.dir, place.leaf, dir);
	place_release(&place);
	return r;
}

static uint64_t
times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* false: it counts none, as ramfs and some of FUSE. */
static bool
get_space(int dir, uint64_t *bytes, uint64_t *bytes_free)
{
	struct statvfs v;

	if (fstatvfs(dir, &v) != 0 || v.f_blocks == 0)
		return false;
	*bytes = times(v.f_blocks, v.f_frsize);
	*bytes_free = times(v.f_bavail, v.f_frsize);
	return true;
}

static uint64_t
kept(const struct share_rules *rules, uint64_t bytes)
{
	uint64_t part = bytes / 10000 * rules->min_free_hundredths;

	return part > rules->min_free_bytes ? part : rules->min_free_bytes;
}

uint64_t
share_keep_free(int dir, const struct share_rules *rules)
{
	uint64_t bytes, bytes_free;

	return get_space(dir, &bytes, &bytes_free) ? kept(rules, bytes) : 0;
}

bool
share_has_room(int dir, const struct share_rules *rules, uint64_t bytes)
{
	uint64_t all, left, needed;

	if ((rules->min_free_bytes == 0 && rules->min_free_hundredths == 0) ||
	    !get_space(dir, &all, &left))
		return true;
	return !__builtin_add_overflow(kept(rules, all), bytes, &needed) && needed <= left;
}

/* What is known of a share. */
enum presence { UNKNOWN, ONLINE, OFFLINE };

static enum presence
look(const struct share_place *share, enum presence before)
{
	enum presence now = ONLINE;
	const char *why = "";
	int dir;

	if (share_open(share->path, &share->rules, &dir, &why) != 0)
		now = OFFLINE;
	else
		close(dir);
	if (now == OFFLINE && before != OFFLINE)
		log_warning("share is offline share=%s reason=\"%s\"", share->name, why);
	else if (now == ONLINE && before == OFFLINE)
		log_info("share is back share=%s", share->name);
	return now;
}

static _Noreturn void
watch(const struct policy *policy, enum presence *known)
{
	const struct timespec pause = {.tv_sec = SHARE_LOOK_S};

	for (;;) {
		for (size_t i = 0; i < policy->share_count; i++)
			known[i] = look(&policy->shares[i], known[i]);
		nanosleep(&pause, NULL);
	}
}

static _Noreturn void
watcher(const struct policy *policy, pid_t parent)
{
	enum presence *known = calloc(policy->share_count, sizeof(*known));
	sigset_t none;

	sigemptyset(&none);
	if (known == NULL || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
	    close_range(3, ~0U, 0) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		_exit(1);
	/* A terminal sends these to the whole group; the parent says when to end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	watch(policy, known);
}

pid_t
share_watch_start(const struct policy *policy)
{
	pid_t parent = getpid();
	pid_t pid;

	if (policy->share_count == 0)
		return 0;
	if ((pid = fork()) == 0)
		watcher(policy, parent);
	return pid > 0 ? pid : error_from_errno(errno);
}
