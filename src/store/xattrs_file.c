/*
 * Extended attributes on the file system.
 *
 * Before Linux 6.13 the calls take a descriptor or a path, but no directory and name, and a
 * symbolic link or FIFO has no ordinary descriptor.  So here, and nowhere else, an entry is reached
 * by a path made of a descriptor: /proc/self/fd/DIR/NAME.  The directory is the one that is open,
 * the name is one component, and the l-calls do not follow it: nothing can lead elsewhere.  Where
 * there is getxattrat() it reads, in a fraction of the time: an unchanged tree is made of such
 * reads.
 */
#include "src/store/xattrs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/errors.h"

/* The number is the same on all machines.  A filter of system calls may not know it: EPERM. */
enum { NR_GETXATTRAT = 464 };
static atomic_bool lacks_getxattrat;

enum { LIST_ROOM = 512, LIST_MOST = 65536 }; /* XATTR_LIST_MAX of the kernel */

/* Names of an entry, ascending, not terminated. */
struct names {
	struct span *items; /* owned */
	size_t count;
	char *list; /* owned; what items lead into */
};

int
xattr_place_init(struct xattr_place *p, int dir, const char *name, int fd)
{
	p->fd = fd;
	p->dir = dir;
	p->name = name[0] != '\0' ? name : ".";
	return fd >= 0 || strlen(name) <= LIMIT_NAME_BYTES ? 0 : FTX_E_NAME;
}

/* Room for the path of a place that is a directory and a name. */
enum { PATH_ROOM = sizeof("/proc/self/fd/-2147483648/") + LIMIT_NAME_BYTES };

static const char *
path_of(const struct xattr_place *p, char room[static PATH_ROOM])
{
	int length = snprintf(room, PATH_ROOM, "/proc/self/fd/%d/%s", p->dir, p->name);

	assert(length < PATH_ROOM); /* xattr_place_init() has looked */
	return room;
}

/* The way without getxattrat(). */
static ssize_t
get_by_path(const struct xattr_place *p, const char *name, void *value, size_t size)
{
	char room[PATH_ROOM];

	return lgetxattr(path_of(p, room), name, value, size);
}

ssize_t
xattr_get(const struct xattr_place *p, const char *name, void *value, size_t size)
{
	if (p->fd >= 0)
		return fgetxattr(p->fd, name, value, size);
	if (size <= UINT32_MAX && !atomic_load(&lacks_getxattrat)) {
		/* struct xattr_args of linux/xattr.h, which is newer than its headers here */
		struct {
			uint64_t value;
			uint32_t size, flags;
		} args = {(uintptr_t)value, (uint32_t)size, 0};
		ssize_t n = syscall(NR_GETXATTRAT, p->dir, p->name, AT_SYMLINK_NOFOLLOW, name,
				    &args, sizeof(args));

		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return n;
		atomic_store(&lacks_getxattrat, true);
	}
	return get_by_path(p, name, value, size);
}

static ssize_t
list(const struct xattr_place *p, char *room, size_t size)
{
	char path[PATH_ROOM];

	return p->fd >= 0 ? flistxattr(p->fd, room, size)
			  : llistxattr(path_of(p, path), room, size);
}

static int
set(const struct xattr_place *p, const char *name, const struct span *value)
{
	char path[PATH_ROOM];

	return p->fd >= 0 ? fsetxattr(p->fd, name, value->data, value->length, 0)
			  : lsetxattr(path_of(p, path), name, value->data, value->length, 0);
}

static int
drop(const struct xattr_place *p, const char *name)
{
	char path[PATH_ROOM];

	return p->fd >= 0 ? fremovexattr(p->fd, name) : lremovexattr(path_of(p, path), name);
}

bool
xattrs_not_kept(int errnum)
{
	static const int errnums[] = {EOPNOTSUPP, EPERM, EACCES, ENOSYS, ENOSPC,
				      EDQUOT,	  E2BIG, ERANGE, EINVAL};

	for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++)
		if (errnums[i] == errnum)
			return true;
	return false;
}

bool
xattrs_unreadable(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EPERM || errnum == EACCES || errnum == ENOSYS ||
	       errnum == ENODATA;
}

static int
by_name(const void *a, const void *b)
{
	return xattr_compare(a, b);
}

static void
names_release(struct names *n)
{
	free(n->items);
	free(n->list);
}

/* Takes a list of terminated names apart.  Only those of classes count. */
static int
names_split(struct names *n, size_t bytes, unsigned classes)
{
	size_t most = 0;

	for (size_t i = 0; i < bytes; i++)
		most += n->list[i] == '\0';
	if (most == 0)
		return 0;
	n->items = calloc(most, sizeof(n->items[0]));
	if (n->items == NULL)
		return FTX_E_NOMEM;
	for (size_t i = 0; i < bytes && n->count < most;) {
		size_t length = strnlen(n->list + i, bytes - i);
		struct span name = {(const uint8_t *)n->list + i, length};

		if (length > 0 && length <= LIMIT_NAME_BYTES && (xattr_class(&name) & classes) != 0)
			n->items[n->count++] = name;
		i += length + 1;
	}
	qsort(n->items, n->count, sizeof(n->items[0]), by_name);
	return 0;
}

/* Lists those of classes.  Most entries have none: that costs one call and no memory. */
static int
names_list(struct names *n, const struct xattr_place *p, unsigned classes)
{
	char first[LIST_ROOM];
	ssize_t got = list(p, first, sizeof(first));

	*n = (struct names){0};
	if (got == 0 || (got < 0 && xattrs_unreadable(errno)))
		return 0;
	if (got < 0 && errno != ERANGE)
		return error_from_errno(errno);
	n->list = malloc(got > 0 ? (size_t)got : LIST_MOST);
	if (n->list == NULL)
		return FTX_E_NOMEM;
	if (got > 0) {
		memcpy(n->list, first, (size_t)got);
	} else if ((got = list(p, n->list, LIST_MOST)) < 0) {
		/* E2BIG: the kernel itself cannot list them. */
		return errno == E2BIG ? FTX_E_TOO_LARGE : error_from_errno(errno);
	}
	return got == 0 ? 0 : names_split(n, (size_t)got, classes);
}

/* The value goes straight to its place behind the name. */
static int
read_one(const struct xattr_place *p, const struct span *name, struct put_cursor *out)
{
	struct put_cursor at = *out;
	struct put_cursor length_at;
	uint8_t *value;
	ssize_t got;

	if (at.left < 4 + name->length)
		return FTX_E_TOO_LARGE;
	put_u16(&at, (uint16_t)name->length);
	put_bytes(&at, name->data, name->length);
	length_at = at;
	put_u16(&at, 0);
	value = at.next;
	got = xattr_get(p, (const char *)name->data, value, at.left);
	if (got < 0) {
		if (xattrs_unreadable(errno))
			return 0;
		return errno == ERANGE ? FTX_E_TOO_LARGE : error_from_errno(errno);
	}
	/* With no room left the kernel only says how long the value is. */
	if ((size_t)got > at.left || got > UINT16_MAX)
		return FTX_E_TOO_LARGE;
	put_u16(&length_at, (uint16_t)got);
	put_bytes(&at, value, (size_t)got);
	*out = at;
	return 0;
}

int
xattrs_read(const struct xattr_place *p, unsigned classes, struct put_cursor *out)
{
	struct names n;
	int r = classes != 0 ? names_list(&n, p, classes) : 0;

	if (classes == 0)
		return 0;
	for (size_t i = 0; i < n.count && r == 0; i++)
		r = read_one(p, &n.items[i], out);
	names_release(&n);
	return r;
}

static int
remove_extra(const struct xattr_place *p, const struct span *packed, unsigned classes,
	     unsigned *lost)
{
	struct get_cursor c = get_cursor_over(packed->data, packed->length);
	struct span name, value;
	bool more = xattrs_next(&c, classes, &name, &value);
	struct names n;
	int r = names_list(&n, p, classes);

	for (size_t i = 0; i < n.count && r == 0; i++) {
		while (more && xattr_compare(&name, &n.items[i]) < 0)
			more = xattrs_next(&c, classes, &name, &value);
		if (more && xattr_compare(&name, &n.items[i]) == 0)
			continue;
		if (drop(p, (const char *)n.items[i].data) == 0 || errno == ENODATA)
			continue;
		if (xattrs_not_kept(errno))
			*lost |= xattr_class(&n.items[i]);
		else
			r = error_from_errno(errno);
	}
	names_release(&n);
	return r;
}

int
xattrs_apply(const struct xattr_place *p, const struct span *packed, unsigned classes, bool fresh,
	     unsigned *lost)
{
	struct get_cursor c = get_cursor_over(packed->data, packed->length);
	struct span name, value;
	int r = 0;

	*lost = 0;
	/* First what goes: it may have taken the room. */
	if (!fresh || (classes & (XATTR_ACL | XATTR_DEFAULT_ACL)) != 0)
		r = remove_extra(p, packed, classes, lost);
	while (r == 0 && xattrs_next(&c, classes, &name, &value)) {
		char text[LIMIT_NAME_BYTES + 1];

		if (name.length > LIMIT_NAME_BYTES)
			return FTX_E_PROTOCOL;
		memcpy(text, name.data, name.length);
		text[name.length] = '\0';
		if (set(p, text, &value) == 0)
			continue;
		if (xattrs_not_kept(errno))
			*lost |= xattr_class(&name);
		else
			r = error_from_errno(errno);
	}
	return r;
}
