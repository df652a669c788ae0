/*
 * What the files of listing share: listing.c (questions, parts, lines given out), listing_check.c
 * (the order of the lines).
 */
#ifndef CLIENT_LISTING_IMPL_H
#define CLIENT_LISTING_IMPL_H

#include "src/client/listing.h"
#include "src/client/position.h"

enum { LINE_ENTRY = 0, LINE_ENTER = 1, LINE_ERROR = 2 }; /* listed.kind */

/* A part as it came, copied: what its lines point to stands behind them. */
struct part {
	struct part *next;
	uint32_t count, at;
	struct listed lines[];
};

/* A directory on the way down. */
struct level {
	size_t path_length;
	char *names; /* of directories in it, terminated, one after the other */
	size_t length, room, next;
};

/* What was given out last, to be found again on another connection. */
struct passed {
	bool any;
	bool entered;	      /* a directory was, and nothing in it */
	bool directory_error; /* said of the directory that path is in */
	char path[LIMIT_PATH_BYTES + 1 + LIMIT_NAME_BYTES + 1];
};

struct listing {
	struct connection *connection;
	const char *asked_path;
	struct passed passed;
	bool passing; /* what comes was given out before */
	uint8_t walk;
	bool recursive;
	unsigned metadata_parts;
	bool open;		   /* the server has this walk */
	bool closing;		   /* lines are not wanted any more */
	struct reply begun, reply; /* to LIST; to the last NEXT */
	bool arrived;		   /* a part or the answer has come since it was reset */
	unsigned asked;
	uint64_t count; /* lines that came */
	uint64_t count_before;

	/* Where the lines that arrive are. */
	struct level levels[LIMIT_PATH_DEPTH + 1];
	unsigned depth;
	size_t pending; /* bytes of all levels' names */
	char arriving[LIMIT_PATH_BYTES + 1];
	char last[LIMIT_NAME_BYTES + 1]; /* entry of the current directory; "": none yet */

	/* Parts that are here, and the line that was given out. */
	struct part *first, *end;
	unsigned parts;
	size_t directory_length;
	char path[LIMIT_PATH_BYTES + 1 + LIMIT_NAME_BYTES + 1];
};

/* listing_check.c */

/* The next line that arrives: 0, FTX_E_PROTOCOL, FTX_E_TOO_LARGE, FTX_E_NOMEM. */
int listing_check(struct listing *l, const struct listed *line);

/* The directory whose turn it is becomes l->arriving.  false: all have been entered. */
bool listing_enter_next(struct listing *l);

/* Forgets the lowest level. */
void listing_leave(struct listing *l);

#endif
