/*
 * A directory of the server, line by line (PROTOCOL.md, "Listing"): LIST, and NEXT while there is
 * room.  What a hostile server could say is checked here: every name and path obeys the name rule,
 * names are in strictly ascending byte order, a directory is entered at most once, only after its
 * entry, in order, below the current top; the count at the end is right.
 *
 *	ENTER "", its entries in order; then each directory of it: ENTER "a", ...
 */
#ifndef CLIENT_LISTING_H
#define CLIENT_LISTING_H

#include "src/client/connection.h"

struct listing;

enum listing_kind { LISTING_ENTER, LISTING_ENTRY, LISTING_ERROR };

struct listing_line {
	enum listing_kind kind;
	const char *path; /* relative to the top ("" is the top), terminated; of ERROR: the
			     directory or entry it is about */
	const char *name; /* last component of path */
	const struct attributes *attributes; /* ENTER, ENTRY */
	int error;			     /* ERROR: FTX_E_* */
	bool of_directory; /* ERROR: what was listed of this directory is incomplete */
};

/*
 * Begins.  path: SHARE/REST of a directory.  parts: bits of metadata.flags.  Other requests may be
 * made on c meanwhile, by the same thread.
 * walk: 0..LIMIT_WALKS-1, not in use on c.
 */
int listing_open(struct listing **out, struct connection *c, uint8_t walk, const char *path,
		 bool recursive, unsigned parts, struct problem *p);

/* The parts of that, for who has something else to ask in between.  NULL: out of memory. */
struct listing *listing_new(uint8_t walk, bool recursive, unsigned parts);

/*
 * LISTING_REQUESTS requests, which bring the first lines.  Once; but again where the connection is
 * gone before any answer, on another.  path is borrowed until listing_close().  0, or why the
 * connection is over.
 */
int listing_ask(struct listing *l, struct connection *c, const char *path);
#define LISTING_REQUESTS 2

/* 0 when the directory is being listed, or why it is not. */
int listing_wait(struct listing *l, struct problem *p);

/* The connection that it was asked for on is gone. */
void listing_lost(struct listing *l);

/*
 * After that: asks for what has not come yet, on c, with as many requests as listing_ask(); then
 * listing_wait().  A directory that is gone by then may get an ERROR without being entered.
 */
int listing_again(struct listing *l, struct connection *c);

/* 1 with *line, borrowed until the next call; 0 at the end; or an error in p. */
int listing_next(struct listing *l, struct listing_line *line, struct problem *p);

/* Ends it early where it is not at its end.  NULL allowed. */
void listing_close(struct listing *l);

#endif
