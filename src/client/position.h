/*
 * The order in which a walk and a recursive listing give things out: a directory when it is
 * entered, its entries by their names, then each directory in it.
 */
#ifndef CLIENT_POSITION_H
#define CLIENT_POSITION_H

#include <stdbool.h>
#include <stddef.h>

struct position {
	const char *path; /* borrowed */
	size_t directory; /* of path: bytes that name the directory */
	const char *name; /* in it, borrowed; NULL: it is entered */
};

/* name: last component of path. */
struct position position_of(const char *path, const char *name, bool is_entered);

/* <0, 0, >0: a comes before b, they are the same, a comes behind b. */
int position_compare(const struct position *a, const struct position *b);

#endif
