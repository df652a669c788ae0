/*
 * --delete: what is at the destination of a root and not at its source.
 *
 * Both ends are looked at anew.  Names go to a spool, so memory does not grow with them, and come
 * back the last first: what is in a directory before the directory.  A directory in which something
 * excluded stays is not among them.
 */
#ifndef CLIENT_SURPLUS_H
#define CLIENT_SURPLUS_H

#include "src/client/stream.h"

struct surplus;
struct surplus_reader;

enum surplus_kind {
	SURPLUS_REMOVE, /* is to go */
	SURPLUS_KEEP,	/* excluded: never given out */
	SURPLUS_RETIME, /* a directory of both ends: what was in it is gone, it gets its times again
			 */
};

struct surplus_item {
	uint8_t kind;
	uint8_t type; /* enum entry_type */
	char path[LIMIT_PATH_BYTES + 1];
};

/*
 * Looks, over the connection of s, which has nothing else to do.  0, or why the connection is over,
 * in s->problem.  *why: NULL, or why nothing may be deleted (constant text).
 */
int surplus_find(struct surplus **out, struct stream *s, struct root *root, const char **why);
void surplus_free(struct surplus *u);

struct surplus_reader *surplus_reader_new(struct surplus *u); /* NULL: out of memory */
void surplus_reader_free(struct surplus_reader *r);

/* The next one; *item is NULL at the end, borrowed until the next call.  0, or the error of the
 * spool. */
int surplus_next(struct surplus_reader *r, const struct surplus_item **item);

/* How many are to go. */
int surplus_count(struct surplus *u, uint64_t *count);

#endif
