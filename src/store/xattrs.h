/*
 * Extended attributes in their packed form (struct metadata.xattrs), and on the file system.
 *
 * Packed: for each attribute u16 length and name, u16 length and value, ascending by the bytes of
 * the names.  Attributes are handled by class, as this process may keep some and not others.
 */
#ifndef STORE_XATTRS_H
#define STORE_XATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/cursor.h"
#include "proto/limits.h"
#include "proto/message.h"

enum xattr_class {
	XATTR_USER = 1,	       /* user.*, but ours */
	XATTR_PRIVILEGED = 2,  /* security.* but labels, trusted.* */
	XATTR_ACL = 4,	       /* system.posix_acl_access */
	XATTR_DEFAULT_ACL = 8, /* system.posix_acl_default */
	XATTR_OTHER = 16,      /* ours, the system's own labels, unknown name spaces: left alone */
};

enum xattr_class xattr_class(const struct span *name);

/* Order of names, by their bytes: below 0, 0, above 0. */
int xattr_compare(const struct span *a, const struct span *b);

/* Packed attributes one by one: the next one of classes.  false: no more. */
bool xattrs_next(struct get_cursor *c, unsigned classes, struct span *name, struct span *value);

/* Classes that occur. */
unsigned xattrs_classes(const struct span *packed);

/* Are the attributes of these classes the same? */
bool xattrs_equal(const struct span *a, const struct span *b, unsigned classes);

/*
 * Appends those of a that are of a_classes and those of b that are of b_classes, in order; the
 * classes are disjoint.  0 or FTX_E_TOO_LARGE.
 */
int xattrs_merge(struct put_cursor *out, const struct span *a, unsigned a_classes,
		 const struct span *b, unsigned b_classes);

/* Where attributes are: an open file, or a name that is not followed. */
struct xattr_place {
	int fd;		  /* -1: dir and name */
	int dir;	  /* borrowed */
	const char *name; /* borrowed */
};

/* fd, or where it is -1 dir/name ("": dir itself; dir may be O_PATH).  FTX_E_NAME: overlong. */
int xattr_place_init(struct xattr_place *p, int dir, const char *name, int fd);

ssize_t xattr_get(const struct xattr_place *p, const char *name, void *value, size_t size);

/*
 * Appends what is there of classes, in order.  What cannot be read for lack of permission or has
 * just gone is left out.  0, FTX_E_TOO_LARGE (does not fit in out), or the error of errno.
 */
int xattrs_read(const struct xattr_place *p, unsigned classes, struct put_cursor *out);

/*
 * Gives the entry those of packed that are of classes; what it has beyond them of these classes is
 * removed.  fresh: it has no others but inherited ACLs.  0 with *lost (classes of which something
 * could not be kept), or the error of errno.
 */
int xattrs_apply(const struct xattr_place *p, const struct span *packed, unsigned classes,
		 bool fresh, unsigned *lost);

/* Errors that say that nothing can be read there: no permission, no such thing. */
bool xattrs_unreadable(int errnum);

/* Errors that say "this file system, or this file, does not hold such a thing". */
bool xattrs_not_kept(int errnum);

#endif
