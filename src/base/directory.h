/*
 * Directories by the path that a user typed.  What lies below a share is never reached in this way
 * (src/store/resolve.h).
 */
#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

#include <sys/types.h>

/*
 * Makes path, and what is missing above it, with mode less the umask; the names of what was made
 * are on stable storage then.  A path that exists is fine, whatever it is.  0 or the error of
 * errno, which is kept.
 */
int directory_make(const char *path, mode_t mode);

/* fsync of a directory.  0 or the error of errno, which is kept. */
int directory_sync_path(const char *path);

/*
 * Writes the directory that path lies in to out ("." and "/" included), PATH_MAX bytes.
 * FTX_E_NAME where it does not fit.
 */
int directory_of(char *out, const char *path);

#endif
