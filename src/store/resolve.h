/*
 * From a relative path to a held parent directory and a leaf, never outside the root and never
 * through a symbolic link.
 *
 * Asks the kernel for all of it at once (openat2); where that is not to be had, where it fails, and
 * where something is to be made or done on the way, walks component by component with
 * openat(O_NOFOLLOW|O_DIRECTORY|O_PATH) on held descriptors.  Both see the same.
 * Everything else of the project that touches a share uses *at calls on what comes from here.
 */
#ifndef STORE_RESOLVE_H
#define STORE_RESOLVE_H

#include <stdbool.h>

#include "proto/limits.h"

/* For tests: as on a kernel without openat2. */
void resolve_walk_only(bool only);

/* A name in a directory. */
struct place {
	int dir;       /* owned; -1 when empty.  O_PATH: *at() calls yes, fsync() no */
	unsigned made; /* directories that RESOLVE_MAKE_PARENTS has made on the way */
	char leaf[LIMIT_NAME_BYTES + 1];
};

enum resolve_flags {
	/* Missing directories above the leaf are made (0777 less umask) and synced. */
	RESOLVE_MAKE_PARENTS = 1,
	/* Other file systems below root may be entered (client side). */
	RESOLVE_ENTER_MOUNTS = 2,
};

/*
 * root: borrowed directory descriptor.  path: terminated; "" resolves to root itself with the leaf
 * ".".  Returns 0 with p filled (place_release() it), or FTX_E_NAME (path_check() says no),
 * FTX_E_NOT_FOUND (a directory above the leaf is missing), FTX_E_CONFLICT (one is not a directory),
 * FTX_E_OTHER_FILE_SYSTEM, FTX_E_DENIED, ...  FTX_E_IS_LINK: p is filled too, with the link itself,
 * so the caller can say where it points.  With every other error p is empty.  The leaf is not
 * looked at.
 */
int resolve_parent(int root, const char *path, unsigned flags, struct place *p);
void place_release(struct place *p);

/* Opens the deepest directory above the leaf that exists: as resolve_parent(), but nothing missing
 * is an error.  *dir: owned, O_PATH. */
int resolve_nearest(int root, const char *path, unsigned flags, int *dir);

/*
 * fsyncs the parent directory of path and each ancestor up to and including root whose status
 * changed within the last hour (an entry is durable when all directories that lead to it are).
 */
int resolve_sync_parents(int root, const char *path, unsigned flags);

/* fsync of a directory; dir may be O_PATH. */
int directory_sync(int dir);

#endif
