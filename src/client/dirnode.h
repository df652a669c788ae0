/*
 * A directory of the destination while anything in it is still to be done.  Its metadata is set
 * last, on whichever stream comes last: everything made in it changes its time.
 *
 * There are only those of the scanner's way down and of the batches in flight.  All fields that
 * change are under the lock of struct work, but for unkept_said, which is set before its own entry
 * is over and looked at when its metadata was set.
 */
#ifndef CLIENT_DIRNODE_H
#define CLIENT_DIRNODE_H

#include <stdbool.h>

#include "src/client/entry.h"

struct dirnode {
	struct live live;	/* first */
	struct dirnode *next;	/* in the list of those ready for their metadata */
	struct dirnode *parent; /* NULL: the root itself */
	struct root *root;
	char *path;
	struct metadata metadata;
	unsigned refs;	  /* directories in it that still exist here, and itself */
	unsigned pending; /* what is still to happen in it: entries, the scan, its own entry */
	int stream;	  /* that made it: a client that may only append sets metadata on that
			     connection alone; -1: none did */
	bool orphaned;	  /* that connection is gone */
	bool made;	  /* it is there (as far as this run knows) */
	bool absent;	  /* it was not there before this run, so nothing below it was */
	bool touched;	  /* its metadata is to be set */
	bool failed;	  /* it could not be made: that is said, and it gets no metadata */
	bool unkept_said; /* that not all of its metadata can be kept */
	uint8_t bytes[];  /* of path and metadata */
};

/* pending is 1: the scan.  NULL: out of memory. */
struct dirnode *dirnode_new(struct dirnode *parent, struct root *root, const char *path,
			    const struct metadata *m);
void dirnode_free(struct dirnode *d);

#endif
