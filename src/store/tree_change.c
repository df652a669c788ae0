/*
 * What changes entries.  A call that fails because the directory was removed and made again, or
 * because it may not be written in, is tried again (tree_attempt_again()).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/mount.h"
#include "src/store/publish.h"
#include "src/store/tree_impl.h"

int
tree_mkdir(struct tree *t, const char *path, const struct metadata *m, uint8_t *flags)
{
	struct tree_attempt a = {.path = path, .make = true};
	struct stat st;
	int r = tree_attempt(t, &a);

	/* Its metadata follows when everything is in it. */
	(void)m;
	*flags = 0;
	if (r != 0)
		return r;
	while (mkdirat(a.p->dir, a.p->leaf, 0700) != 0) {
		if (errno == EEXIST) {
			if ((r = tree_stat(a.p, &st)) != 0)
				return r;
			*flags = STATUS_NOTHING_DONE;
			return S_ISDIR(st.st_mode) ? 0 : FTX_E_CONFLICT;
		}
		if (!tree_attempt_again(t, &a))
			return error_from_errno(errno);
	}
	if ((r = tree_note_made(t, a.p->dir, a.p->leaf)) != 0)
		return r;
	return tree_touch_parent(t, path);
}

/* May what is there be replaced by a file or link? */
static int
check_replaceable(const struct tree *t, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		return FTX_E_CONFLICT;
	return t->options.overwrite ? 0 : FTX_E_EXISTS;
}

/*
 * The temporary entry goes to where a is.  Two names of one inode are not renamed, so the
 * temporary one is removed in any case.
 */
static int
move_over(struct tree *t, struct tree_attempt *a, const struct stat *before, int temp_dir,
	  const char *temp)
{
	int r = 0;

	while (renameat(temp_dir, temp, a->p->dir, a->p->leaf) != 0)
		/* Without a directory for them the temporary name is where a is. */
		if ((errno == ENOENT && temp_dir == a->p->dir) || !tree_attempt_again(t, a)) {
			r = error_from_errno(errno);
			break;
		}
	unlinkat(temp_dir, temp, 0);
	if (r == 0)
		usage_note_gone(t->options.tally, before);
	return r;
}

static int
replace_by_link(struct tree *t, struct tree_attempt *a, const struct stat *before,
		const char *target, const struct metadata *m, uint8_t *flags)
{
	char temp[TREE_TEMP_BYTES];
	int dir = tree_temp(t, a->p, temp);
	int r;

	while (symlinkat(target, dir, temp) != 0) {
		if (dir != a->p->dir || !tree_attempt_again(t, a))
			return error_from_errno(errno);
		dir = tree_temp(t, a->p, temp);
	}
	if ((r = metadata_apply_link(t->options.rules, dir, temp, m, flags)) != 0 ||
	    (r = tree_note_made(t, dir, temp)) != 0) {
		unlinkat(dir, temp, 0);
		return r;
	}
	return move_over(t, a, before, dir, temp);
}

/* A link is there that leads where it should: its metadata. */
static int
refresh_link(struct tree *t, const struct place *p, const struct stat *st, const struct metadata *m,
	     uint8_t *flags)
{
	struct metadata there;
	int r =
	    metadata_read(t->options.rules, m->flags, p->dir, p->leaf, -1, st, &there, &t->buffer);

	if (r != 0 && r != FTX_E_TOO_LARGE)
		return r;
	if (r == 0 && !metadata_differs(t->options.rules, m, &there)) {
		*flags = STATUS_NOTHING_DONE;
		return 0;
	}
	if (!t->options.overwrite && !tree_is_made(t, p->dir, p->leaf))
		return FTX_E_EXISTS;
	return metadata_apply_link(t->options.rules, p->dir, p->leaf, m, flags);
}

static int
symlink_over(struct tree *t, struct tree_attempt *a, const char *target, const struct metadata *m,
	     uint8_t *flags)
{
	struct stat st;
	size_t length;
	int r = tree_stat(a->p, &st);

	if (r != 0)
		return r;
	if (S_ISLNK(st.st_mode) && (r = tree_read_link(t, a->p, &length)) == 0 &&
	    strcmp(t->target, target) == 0)
		return refresh_link(t, a->p, &st, m, flags);
	if (r != 0 && r != FTX_E_TOO_LARGE)
		return r;
	if ((r = check_replaceable(t, &st)) != 0)
		return r;
	return replace_by_link(t, a, &st, target, m, flags);
}

int
tree_symlink(struct tree *t, const char *path, const char *target, const struct metadata *m,
	     uint8_t *flags)
{
	struct tree_attempt a = {.path = path, .make = true};
	int r = tree_attempt(t, &a);
	bool there = false;

	*flags = 0;
	if (r != 0)
		return r;
	if (target[0] == '\0' || strlen(target) > LIMIT_PATH_BYTES)
		return FTX_E_NAME;
	while (!there && symlinkat(target, a.p->dir, a.p->leaf) != 0)
		if (errno == EEXIST)
			there = true;
		else if (!tree_attempt_again(t, &a))
			return error_from_errno(errno);
	if (there)
		r = symlink_over(t, &a, target, m, flags);
	else if ((r = tree_note_made(t, a.p->dir, a.p->leaf)) == 0)
		r = metadata_apply_link(t->options.rules, a.p->dir, a.p->leaf, m, flags);
	if (r != 0 && there)
		return r;
	if ((*flags & STATUS_NOTHING_DONE) == 0) {
		int touched = tree_touch_parent(t, path);

		r = r != 0 ? r : touched;
	}
	return r;
}

/* More names than the file system has room for are no fault of the disk. */
static int
link_error(int errnum)
{
	return errnum == EMLINK ? FTX_E_UNSUPPORTED : error_from_errno(errnum);
}

static int
link_over(struct tree *t, struct tree_attempt *a, const struct place *existing,
	  const struct stat *inode, uint8_t *flags)
{
	char temp[TREE_TEMP_BYTES];
	struct stat st;
	int dir, r = tree_stat(a->p, &st);

	if (r != 0)
		return r;
	if (st.st_dev == inode->st_dev && st.st_ino == inode->st_ino) {
		*flags = STATUS_NOTHING_DONE;
		return 0;
	}
	if ((r = check_replaceable(t, &st)) != 0)
		return r;
	dir = tree_link_temp(t, a->p, temp);
	while (linkat(existing->dir, existing->leaf, dir, temp, 0) != 0) {
		if (dir != a->p->dir || !tree_attempt_again(t, a))
			return link_error(errno);
		dir = tree_link_temp(t, a->p, temp);
	}
	return move_over(t, a, &st, dir, temp);
}

int
tree_link(struct tree *t, const char *path, const char *existing, uint8_t *flags)
{
	return tree_link_from(t, path, t, existing, flags);
}

int
tree_link_from(struct tree *t, const char *path, struct tree *other, const char *existing,
	       uint8_t *flags)
{
	struct tree_attempt a = {.path = path, .make = true};
	const struct place *from;
	struct stat st;
	bool there = false;
	int r = tree_parent_in(other, TREE_OTHER, existing, false, &from);

	*flags = 0;
	if (r != 0 || (r = tree_stat(from, &st)) != 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return S_ISLNK(st.st_mode) ? FTX_E_IS_LINK : FTX_E_NOT_REGULAR;
	if ((r = tree_attempt(t, &a)) != 0)
		return r;
	while (!there && linkat(from->dir, from->leaf, a.p->dir, a.p->leaf, 0) != 0)
		if (errno == EEXIST)
			there = true;
		else if (!tree_attempt_again(t, &a))
			return link_error(errno);
	if (there && (r = link_over(t, &a, from, &st, flags)) != 0)
		return r;
	return (*flags & STATUS_NOTHING_DONE) != 0 ? 0 : tree_touch_parent(t, path);
}

/* Opens for metadata_apply().  A device or FIFO is never opened: that may do things. */
static int
open_for_metadata(const struct place *p, const struct stat *st, int *fd)
{
	int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	mode_t usable = S_ISDIR(st->st_mode) ? 0700 : 0600;
	struct stat opened;

	if (S_ISDIR(st->st_mode))
		flags |= O_DIRECTORY;
	*fd = openat(p->dir, p->leaf, flags | O_RDONLY);
	/* Its owner may lack the right to read it, but not that to change its mode. */
	if (*fd < 0 && errno == EACCES && st->st_uid == geteuid() &&
	    fchmodat(p->dir, p->leaf, (st->st_mode & 07777) | usable, AT_SYMLINK_NOFOLLOW) == 0)
		*fd = openat(p->dir, p->leaf, flags | O_RDONLY);
	if (*fd < 0)
		return error_from_errno(errno);
	if (fstat(*fd, &opened) == 0 && opened.st_dev == st->st_dev && opened.st_ino == st->st_ino)
		return 0;
	close(*fd);
	return FTX_E_CHANGED;
}

/* The walk has looked at the directories above; the entry may be a mount point itself. */
static int
check_mount(const struct tree *t, int above, int fd)
{
	struct mount a, b;
	int r;

	if ((t->options.resolve_flags & RESOLVE_ENTER_MOUNTS) != 0)
		return 0;
	if ((r = mount_of(above, "", false, &a)) != 0 || (r = mount_of(fd, "", false, &b)) != 0)
		return r;
	return mount_same(&a, &b) ? 0 : FTX_E_OTHER_FILE_SYSTEM;
}

static int
setmeta_open(struct tree *t, const char *path, const struct stat *st, int fd,
	     const struct metadata *m, uint8_t *flags)
{
	int r;

	if (!t->options.overwrite && !tree_is_made(t, fd, ""))
		return FTX_E_DENIED;
	if ((r = metadata_apply(t->options.rules, fd, m, METADATA_STANDING, flags)) != 0)
		return r;
	if (S_ISDIR(st->st_mode))
		tree_forget_saved(t, st);
	return tree_unsynced_add(t, path, strlen(path), !S_ISDIR(st->st_mode));
}

int
tree_setmeta(struct tree *t, const char *path, const struct metadata *m, uint8_t *flags)
{
	struct tree_attempt a = {.path = path};
	struct stat st;
	int fd, r = tree_attempt(t, &a);

	*flags = 0;
	while (r == 0 && fstatat(a.p->dir, a.p->leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
		if (!tree_attempt_again(t, &a))
			r = error_from_errno(errno);
	if (r != 0)
		return r;
	if (metadata_of(&st).type != m->type)
		return FTX_E_CONFLICT;
	if (t->options.spare_linked && S_ISREG(st.st_mode) && st.st_nlink > 1)
		return FTX_E_EXISTS;
	/* Asked before anything is opened, and again of what was. */
	if (!t->options.overwrite && !tree_is_made(t, a.p->dir, a.p->leaf))
		return FTX_E_DENIED;
	if (S_ISLNK(st.st_mode)) {
		r = metadata_apply_link(t->options.rules, a.p->dir, a.p->leaf, m, flags);
		return r != 0 ? r : tree_touch_parent(t, path);
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return FTX_E_UNSUPPORTED;
	if ((r = open_for_metadata(a.p, &st, &fd)) != 0)
		return r;
	if ((r = check_mount(t, a.p->dir, fd)) == 0)
		r = setmeta_open(t, path, &st, fd, m, flags);
	close(fd);
	return r;
}

int
tree_remove(struct tree *t, const char *path)
{
	struct tree_attempt a = {.path = path};
	struct stat st;
	int r;

	if (path[0] == '\0')
		return FTX_E_DENIED;
	if ((r = tree_attempt(t, &a)) != 0)
		return r;
	while (fstatat(a.p->dir, a.p->leaf, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	       unlinkat(a.p->dir, a.p->leaf, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0) {
		/* POSIX allows either where a directory is not empty. */
		if (errno == EEXIST)
			return FTX_E_NOT_EMPTY;
		if (!tree_attempt_again(t, &a))
			return error_from_errno(errno);
	}
	usage_note_gone(t->options.tally, &st);
	if (S_ISDIR(st.st_mode))
		tree_leave(t);
	return tree_touch_parent(t, path);
}

/* Is below the path of above, or of something in it? */
static bool
is_within(const char *below, const char *above)
{
	size_t length = strlen(above);

	return strncmp(below, above, length) == 0 &&
	       (below[length] == '/' || below[length] == '\0');
}

/* Without renameat2(RENAME_NOREPLACE): two names for a moment. */
static int
move_by_link(const struct place *from, const struct place *to)
{
	int errnum;

	if (linkat(from->dir, from->leaf, to->dir, to->leaf, 0) != 0)
		return -1;
	if (unlinkat(from->dir, from->leaf, 0) == 0)
		return 0;
	errnum = errno;
	unlinkat(to->dir, to->leaf, 0);
	errno = errnum;
	return -1;
}

/* A directory has no second name; a rename of one replaces an empty directory and nothing else. */
static int
move_directory(const struct place *from, const struct place *to)
{
	struct stat st;

	if (fstatat(to->dir, to->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(from->dir, from->leaf, to->dir, to->leaf) : -1;
}

/* 0, or -1 with errno; EEXIST where something is there. */
static int
move_new(const struct place *from, const struct place *to, bool is_directory)
{
	if (renameat2(from->dir, from->leaf, to->dir, to->leaf, RENAME_NOREPLACE) == 0)
		return 0;
	if (!publish_lacks_flags(errno))
		return -1;
	return is_directory ? move_directory(from, to) : move_by_link(from, to);
}

/* Whether from may replace what is at to; *same: they are two names of one inode. */
static int
check_target(struct tree *t, const struct stat *from, const struct place *to, bool *there,
	     bool *same, struct stat *st)
{
	int r = tree_stat(to, st);

	*there = r == 0;
	*same = false;
	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	if (S_ISDIR(from->st_mode))
		return FTX_E_CONFLICT;
	*same = st->st_dev == from->st_dev && st->st_ino == from->st_ino;
	return check_replaceable(t, st);
}

/* Two names of one inode: rename() would do nothing, what is wanted is one name less. */
static int
move_over_name(const struct place *from, const struct place *to, bool same)
{
	return same ? unlinkat(from->dir, from->leaf, 0)
		    : renameat(from->dir, from->leaf, to->dir, to->leaf);
}

static int
move(struct tree *t, struct tree_attempt *from, struct tree_attempt *to, const struct stat *st,
     bool replace)
{
	bool there = false, same = false;
	struct stat before;
	int r = replace ? check_target(t, st, to->p, &there, &same, &before) : 0;

	if (r != 0)
		return r;
	while ((there ? move_over_name(from->p, to->p, same)
		      : move_new(from->p, to->p, S_ISDIR(st->st_mode))) != 0)
		if (!tree_attempt_again(t, to) && !tree_attempt_again(t, from))
			return error_from_errno(errno);
	if (there && !same)
		usage_note_gone(t->options.tally, &before);
	return 0;
}

int
tree_rename(struct tree *t, const char *from, const char *to, bool replace)
{
	struct tree_attempt source = {.slot = TREE_OTHER, .path = from};
	struct tree_attempt target = {.slot = TREE_MAIN, .path = to, .make = true};
	struct stat st;
	int r;

	if (from[0] == '\0' || to[0] == '\0')
		return FTX_E_DENIED;
	if ((r = tree_attempt(t, &source)) != 0 || (r = tree_stat(source.p, &st)) != 0)
		return r;
	if (strcmp(from, to) == 0)
		return replace ? 0 : FTX_E_EXISTS;
	if (S_ISDIR(st.st_mode)) {
		if (is_within(to, from))
			return FTX_E_CONFLICT;
		/* What is to be synced is remembered by its path. */
		if ((r = tree_sync_now(t)) != 0)
			return r;
	}
	if ((r = tree_attempt(t, &target)) != 0 ||
	    (r = move(t, &source, &target, &st, replace && t->options.overwrite)) != 0)
		return r;
	/* What is kept open is above both names, so it is where it was. */
	r = tree_touch_parent(t, from);
	return r != 0 ? r : tree_touch_parent(t, to);
}
