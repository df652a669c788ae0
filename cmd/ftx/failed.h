/*
 * --failed0 FILE: the names of the entries that failed, each ended by a zero byte, in the form that
 * --files-from FILE -0 reads.
 *
 * With one directory as the source they are relative to it (the directory itself is "."), so the
 * same command with --files-from FILE -0 tries these again.  With several sources, or a file, each
 * begins with the last name of its source, so they are relative to where all of these lie; a
 * source without a last name ("." or "/") counts as that place itself.  An empty list: nothing
 * failed.
 */
#ifndef FTX_FAILED_H
#define FTX_FAILED_H

#include <stdbool.h>
#include <stdio.h>

#include "src/client/transfer.h"

struct failed {
	FILE *file; /* NULL: not asked for */
	const char *path;
	const struct transfer_request *request;
	int errnum; /* of the first write that failed */
};

/* Makes the file, or empties it.  path NULL: nothing is written.  0 or FTX_E_CONFIG in why. */
int failed_open(struct failed *f, const char *path, const struct transfer_request *request,
		struct problem *why);

/* An entry failed.  Other errors are not its business. */
void failed_add(struct failed *f, const struct transfer_error *e);

/* 0, or in why what the list lacks because it could not be written. */
int failed_close(struct failed *f, struct problem *why);

#endif
