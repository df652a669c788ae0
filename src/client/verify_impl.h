/*
 * What the files of verify share: verify.c (entries side by side), verify_content.c (digests of
 * files, a portion at a time).
 */
#ifndef CLIENT_VERIFY_IMPL_H
#define CLIENT_VERIFY_IMPL_H

#include "src/client/listing.h"
#include "src/client/verify.h"
#include "src/store/tree.h"

#define PORTION_FILES LIMIT_ENTRIES
/* Content of a portion, about: so much is compared before what was found is said. */
#define PORTION_BYTES (UINT64_C(256) << 20)
/* Of a DIGEST: paths with their lengths, beside the base and the fixed fields. */
#define PORTION_NAMES (LIMIT_RECORD_PLAIN - LIMIT_PATH_BYTES - 16u)

/* A file that waits for its digests. */
struct candidate {
	uint64_t size;
	unsigned differences; /* in mode and mtime */
	int error, errnum;    /* of reading it here */
	struct path_digest here, there;
};

struct portion {
	bool sent;
	struct reply reply;
	uint32_t count;
	size_t names_length;
	uint64_t bytes;
	uint64_t hashed; /* of them, at this end over this connection */
	struct candidate files[PORTION_FILES];
	struct path_only paths[PORTION_FILES]; /* lead into names */
	char names[PORTION_NAMES];	       /* terminated: no longer than with their lengths */
};

struct verify {
	struct connection *connection; /* NULL: it was lost, and there is no other */
	struct listing *listing;       /* NULL: none goes on */
	const struct verify_request *request;
	struct transfer_progress *progress;
	struct problem *problem; /* why it ends */
	struct problem blind;	 /* error != 0: the server tells no digests */
	int top;		 /* this end's directory, -1: a file */
	struct tree *tree;
	bool both;	      /* the directory that is compared is at both ends */
	bool here_incomplete; /* and this is known of it */
	bool there_incomplete;
	struct portion *portion, *last; /* that is being filled, that was sent before */
	char target[LIMIT_PATH_BYTES + 1];
	uint8_t block[LIMIT_BLOCK_BYTES];
};

/* verify.c: results */

void verify_give(struct verify *v, const struct verify_result *result);
void verify_fail(struct verify *v, const char *path, enum entry_type type, const struct problem *p);
void verify_fail_remote(struct verify *v, const char *path, enum entry_type type, int error);
void verify_fail_local(struct verify *v, const char *path, enum entry_type type, int error,
		       int errnum);

/* verify_content.c: 0, or what ends it all, in v->problem */

/* A file that has this size at both ends, and these differences beside; its content decides. */
int verify_content(struct verify *v, const char *path, uint64_t size, unsigned differences);

/* Sends a portion and reads it at this end; then the one before must be answered. */
int verify_flush(struct verify *v);

/* The answer to a portion. */
int verify_finish(struct verify *v, struct portion *portion);

/*
 * After an error: was the connection lost, and is there another one, over which the listing and
 * what was asked goes on?  0 or what ends it all.
 */
int verify_recover(struct verify *v);

/* The connection, or this end's wish to stop, ends it.  Returns the error. */
int verify_explain(struct verify *v, int error);

#endif
