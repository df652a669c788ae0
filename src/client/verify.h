/*
 * Compares a file or a directory of this end with one of the server: types, sizes, links' targets,
 * and contents by keyed digests that both ends compute at the same time (PROTOCOL.md, "Content"),
 * so nothing is transferred.  Memory does not grow with the trees.
 */
#ifndef CLIENT_VERIFY_H
#define CLIENT_VERIFY_H

#include "src/client/connection.h"
#include "src/client/transfer.h"

struct filter;

enum difference {
	DIFFERENCE_ONLY_HERE, /* a directory: with all that is below it */
	DIFFERENCE_ONLY_THERE,
	DIFFERENCE_TYPE,
	DIFFERENCE_SIZE,
	DIFFERENCE_CONTENT, /* of files of one size */
	DIFFERENCE_TARGET,  /* of symbolic links */
	DIFFERENCE_MODE,
	DIFFERENCE_MTIME,
	DIFFERENCE_COUNT
};

/* "only here", ... */
const char *difference_text(enum difference d);

/* What became of one entry, once for each that was found at either end. */
struct verify_result {
	const char *path; /* below the two; "": they themselves */
	enum entry_type type;
	uint64_t bytes;		       /* of content that was to be compared */
	unsigned differences;	       /* bits 1 << enum difference; 0: equal */
	bool skipped;		       /* a device, a socket, a FIFO */
	const struct problem *problem; /* not NULL: it could not be compared; side says where */
	bool repeated;		       /* the same problem was said of all already */
};

struct verify_request {
	const char *local;	      /* as typed; a link is followed */
	const char *remote;	      /* SHARE/REST */
	const struct attributes *top; /* what is at remote */
	const struct filter *filter;  /* NULL: all */
	bool metadata;		      /* mode and mtime too */
	bool one_file_system;	      /* of this end: others are not entered */
	const struct cancel *cancel;

	void (*on_result)(void *arg, const struct verify_result *result);
	/*
	 * c was lost: 0 with another one in *c, which is borrowed then, or an error in p, and *c is
	 * NULL.  NULL: none is asked for.
	 */
	int (*on_lost)(void *arg, struct connection **c, struct problem *p);
	/* As often as a block of this end is read. */
	void (*on_progress)(void *arg, const struct transfer_progress *progress);
	void *arg;
};

/*
 * Everything is borrowed until the return.  0 when all was looked at, whatever was found; or why it
 * ended early, in p: FTX_E_NOT_FOUND of local, the connection's error, FTX_E_INTERRUPTED,
 * FTX_E_NOMEM.  progress is final then.  Uses walk 0 of c.
 */
int verify_run(struct connection *c, const struct verify_request *request,
	       struct transfer_progress *progress, struct problem *p);

#endif
