/*
 * The walk serves all: it holds exactly one directory at a time, opens the next component from it,
 * and tells a visitor about each directory it stands in.  What another process renames or replaces
 * meanwhile can at worst make the walk fail: it never follows a link and never goes up.
 *
 * openat2 is quicker, and right where it succeeds; why it does not, the walk finds out.
 */
#include "src/store/resolve.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/mount.h"
#include "src/store/name.h"

enum { RECENT_S = 3600 };

struct walk {
	int dir; /* owned, O_PATH: where the walk stands */
	unsigned flags;
	unsigned made;	    /* directories */
	struct mount mount; /* of the root */
};

static int
check_mount(const struct walk *w, int dir)
{
	struct mount m;
	int r;

	if ((w->flags & RESOLVE_ENTER_MOUNTS) != 0)
		return 0;
	if ((r = mount_of(dir, "", false, &m)) != 0)
		return r;
	return mount_same(&m, &w->mount) ? 0 : FTX_E_OTHER_FILE_SYSTEM;
}

static int
walk_begin(struct walk *w, int root, unsigned flags)
{
	int r;

	w->flags = flags;
	w->dir = openat(root, ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->dir < 0)
		return error_from_errno(errno);
	if ((r = mount_of(w->dir, "", false, &w->mount)) != 0) {
		close(w->dir);
		w->dir = -1;
	}
	return r;
}

static void
walk_end(struct walk *w)
{
	if (w->dir >= 0)
		close(w->dir);
	w->dir = -1;
}

/* Why a component that is there could not be opened as a directory: a link or something else? */
static int
why_not_directory(int dir, const char *name, int open_errno)
{
	struct stat st;

	if (open_errno != ENOTDIR && open_errno != ELOOP)
		return error_from_errno(open_errno);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_from_errno(errno);
	return S_ISLNK(st.st_mode) ? FTX_E_IS_LINK : FTX_E_CONFLICT;
}

static int
make_directory(struct walk *w, const char *name)
{
	if (mkdirat(w->dir, name, 0777) != 0)
		return errno == EEXIST ? 0 : error_from_errno(errno);
	w->made++;
	return directory_sync(w->dir);
}

/* One component down.  On error the walk stands where it stood. */
static int
walk_down(struct walk *w, const char *name)
{
	const int open_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int next = openat(w->dir, name, open_flags);
	int r;

	if (next < 0 && errno == ENOENT && (w->flags & RESOLVE_MAKE_PARENTS) != 0) {
		if ((r = make_directory(w, name)) != 0)
			return r;
		next = openat(w->dir, name, open_flags);
	}
	if (next < 0)
		return why_not_directory(w->dir, name, errno);
	if ((r = check_mount(w, next)) != 0) {
		close(next);
		return r;
	}
	close(w->dir);
	w->dir = next;
	return 0;
}

/* Cuts the first component off *path into name; false where it was the last one. */
static bool
next_component(const char **path, char name[static LIMIT_NAME_BYTES + 1])
{
	const char *end = strchrnul(*path, '/');
	size_t length = (size_t)(end - *path);

	assert(length <= LIMIT_NAME_BYTES);
	memcpy(name, *path, length);
	name[length] = '\0';
	*path = *end == '/' ? end + 1 : end;
	return *end == '/';
}

static atomic_bool lacks_openat2;

void
resolve_walk_only(bool only)
{
	atomic_store(&lacks_openat2, only);
}

/*
 * The directory above path's last component by one system call.  path passed path_check(), and has
 * a slash.  -1: not so.
 */
static int
open_parent(int root, const char *path, unsigned flags)
{
	const struct open_how how = {
	    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
		       ((flags & RESOLVE_ENTER_MOUNTS) != 0 ? 0 : RESOLVE_NO_XDEV),
	};
	char parent[LIMIT_PATH_BYTES + 1];
	size_t length = (size_t)(strrchr(path, '/') - path);
	int dir;

	if (atomic_load(&lacks_openat2))
		return -1;
	memcpy(parent, path, length);
	parent[length] = '\0';
	dir = (int)syscall(SYS_openat2, root, parent, &how, sizeof(how));
	/* EPERM: an older seccomp filter's way to say it. */
	if (dir < 0 && (errno == ENOSYS || errno == EPERM || errno == E2BIG || errno == EINVAL))
		atomic_store(&lacks_openat2, true);
	return dir;
}

/*
 * From root to the directory above the leaf; visit, where there is one, is told of each directory
 * on the way, that one included, and may end the walk with an error.  On FTX_E_IS_LINK and
 * FTX_E_NOT_FOUND the walk stands above the component in name, else it has ended.
 */
static int
walk_to_parent(struct walk *w, int root, const char *path, unsigned flags,
	       char name[static LIMIT_NAME_BYTES + 1], int (*visit)(int dir, bool is_parent))
{
	bool above;
	int r;

	*w = (struct walk){.dir = -1};
	if (path[0] != '\0' && (r = path_check(path, strlen(path))) != 0)
		return r;
	if (visit == NULL && strchr(path, '/') != NULL &&
	    (w->dir = open_parent(root, path, flags)) >= 0) {
		strcpy(name, strrchr(path, '/') + 1);
		return 0;
	}
	if ((r = walk_begin(w, root, flags)) != 0)
		return r;
	do {
		above = next_component(&path, name);
		if (visit != NULL)
			r = visit(w->dir, !above);
		if (r == 0 && above)
			r = walk_down(w, name);
	} while (r == 0 && above);
	if (r != 0 && r != FTX_E_IS_LINK && r != FTX_E_NOT_FOUND)
		walk_end(w);
	return r;
}

int
resolve_parent(int root, const char *path, unsigned flags, struct place *p)
{
	struct walk w;
	int r = walk_to_parent(&w, root, path, flags, p->leaf, NULL);

	if (r == FTX_E_NOT_FOUND)
		walk_end(&w);
	if (r == 0 && path[0] == '\0')
		strcpy(p->leaf, ".");
	p->dir = w.dir;
	p->made = w.made;
	return r;
}

void
place_release(struct place *p)
{
	if (p->dir >= 0)
		close(p->dir);
	p->dir = -1;
}

int
resolve_nearest(int root, const char *path, unsigned flags, int *dir)
{
	char name[LIMIT_NAME_BYTES + 1];
	struct walk w;
	int r = walk_to_parent(&w, root, path, flags & ~(unsigned)RESOLVE_MAKE_PARENTS, name, NULL);

	if (r == FTX_E_NOT_FOUND && w.dir >= 0)
		r = 0;
	if (r != 0)
		walk_end(&w);
	*dir = w.dir;
	return r;
}

/* A time in the future, after the clock was set back, counts as recent. */
static int
sync_visit(int dir, bool is_parent)
{
	struct stat st;

	if (!is_parent) {
		if (fstat(dir, &st) != 0)
			return error_from_errno(errno);
		if (time(NULL) - st.st_ctim.tv_sec >= RECENT_S)
			return 0;
	}
	return directory_sync(dir);
}

int
resolve_sync_parents(int root, const char *path, unsigned flags)
{
	char name[LIMIT_NAME_BYTES + 1];
	struct walk w;
	int r = walk_to_parent(&w, root, path, flags & ~(unsigned)RESOLVE_MAKE_PARENTS, name,
			       sync_visit);

	walk_end(&w);
	return r;
}

int
directory_sync(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return error_from_errno(errno);
	/* EINVAL: a file system that has no such operation (CIFS) */
	if (fsync(fd) != 0 && errno != EINVAL)
		r = error_from_errno(errno);
	close(fd);
	return r;
}
