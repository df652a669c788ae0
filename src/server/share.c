#include "src/server/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/server/child.h"
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

static void
see_space(int dir, struct share_seen *seen)
{
	uint64_t bytes = 0, bytes_free = 0;

	(void)get_space(dir, &bytes, &bytes_free);
	atomic_store(&seen->bytes, bytes);
	atomic_store(&seen->bytes_free, bytes_free);
}

static void
look(const struct share_place *share, struct share_seen *seen)
{
	enum share_presence before = (enum share_presence)atomic_load(&seen->presence);
	enum share_presence now = SHARE_ONLINE;
	const char *why = "";
	int dir;

	if (share_open(share->path, &share->rules, &dir, &why) != 0) {
		now = SHARE_OFFLINE;
	} else {
		see_space(dir, seen);
		close(dir);
	}
	if (now == SHARE_OFFLINE && before != SHARE_OFFLINE)
		log_warning("share is offline share=%s reason=\"%s\"", share->name, why);
	else if (now == SHARE_ONLINE && before == SHARE_OFFLINE)
		log_info("share is back share=%s", share->name);
	atomic_store(&seen->presence, now);
}

static _Noreturn void
watch(const struct policy *policy, struct share_seen *seen)
{
	const struct timespec pause = {.tv_sec = SHARE_LOOK_S};

	for (;;) {
		for (size_t i = 0; i < policy->share_count; i++)
			look(&policy->shares[i], &seen[i]);
		nanosleep(&pause, NULL);
	}
}

pid_t
share_watch_start(const struct policy *policy, struct share_seen *seen, struct key_holder *key)
{
	pid_t pid;

	if (policy->share_count == 0)
		return 0;
	if ((pid = child_fork_helper(key)) == 0)
		watch(policy, seen);
	return pid > 0 ? pid : error_from_errno(errno);
}
