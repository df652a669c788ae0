/*
 * put: changes to entries of the server that are not content, gathered into requests: MKDIR,
 * SYMLINK, SETMETA of nodes; LINK of names.
 */
#ifndef CLIENT_OPS_H
#define CLIENT_OPS_H

#include "src/client/request.h"

/* Of one kind, below one root, in order. */
struct op_list {
	struct root *root;
	enum request_kind kind;
	uint32_t count;
	size_t encoded;
	struct node nodes[LIMIT_ENTRIES];
	struct path_pair pairs[LIMIT_ENTRIES]; /* LINK */
	void *items[LIMIT_ENTRIES];
};

/*
 * Adds one; item (a struct entry, dirnode or link_name, or NULL) gets its status.  What n leads to
 * must live until the next ops_flush().  0, or why the connection is over, in the stream's problem.
 */
int ops_add(struct stream *s, enum request_kind kind, struct root *root, const struct node *n,
	    void *item);

/* path becomes a name of target. */
int ops_add_link(struct stream *s, struct root *root, const char *path, const char *target,
		 void *item);

/* Sends what is gathered. */
int ops_flush(struct stream *s);

#endif
