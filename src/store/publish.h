/*
 * Putting a finished file in its place, and asking whether a name still leads to it.
 */
#ifndef STORE_PUBLISH_H
#define STORE_PUBLISH_H

#include <stdbool.h>

/*
 * Has renameat2 with flags failed with this errno because the file system, or the kernel, does not
 * know them?  NFS and GlusterFS say EINVAL, others ENOSYS or EOPNOTSUPP.  EINVAL has other causes
 * too, for which a rename without flags then fails as well.
 */
bool publish_lacks_flags(int errnum);

/*
 * Moves from_dir/from, a file, to to_dir/to if nothing is there: FTX_E_EXISTS otherwise.  One
 * rename where the file system has renameat2(RENAME_NOREPLACE), a link and an unlink where it has
 * not.
 */
int publish_new(int from_dir, const char *from, int to_dir, const char *to);

/*
 * The same within dir, for who holds a lock without which nobody makes a file named to: a look and
 * a rename where the file system has not RENAME_NOREPLACE.  At no time has the file two names.
 */
int publish_new_locked(int dir, const char *from, const char *to);

/* Moves it over whatever file is there. */
int publish_over(int from_dir, const char *from, int to_dir, const char *to);

/* Does dir/name, not followed, lead to the file that fd is open on? */
bool publish_leads_to(int dir, const char *name, int fd);

#endif
