/*
 * What the files of listing share: listing.c (questions, parts, lines given out), listing_check.c
 * (the order of the lines).
 */
#ifndef CLIENT_LISTING_IMPL_H
#define CLIENT_LISTING_IMPL_H

#include "src/client/listing.h"

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

/*
 * How far the lines that arrive have come.  levels[floor] is the directory that the server walks;
 * what waits in those before it gets walks of its own.
 */
struct front {
	struct level levels[LIMIT_PATH_DEPTH + 1];
	unsigned depth, floor;
	size_t pending; /* bytes of all levels' names */
	char arriving[LIMIT_PATH_BYTES + 1];
	char last[LIMIT_NAME_BYTES + 1]; /* entry of the current directory; "": none yet */
	bool entered;			 /* the current directory was */
	bool error_came;		 /* of the current directory */
	bool beyond;			 /* what comes is too deep below the top */

	/* Of levels[floor] these lines come for a second time: it was entered, up to this name. */
	bool passing;
	char passed[LIMIT_NAME_BYTES + 1];
};

struct listing {
	struct connection *connection;
	const char *asked_path;
	uint8_t walk;
	bool recursive;
	unsigned metadata_parts;
	bool over;		   /* all has arrived */
	bool open;		   /* the server has this walk */
	bool closing;		   /* lines are not wanted any more */
	struct reply begun, reply; /* to LIST; to the last NEXT */
	bool arrived;		   /* a part or the answer has come since it was reset */
	unsigned asked;
	uint64_t count; /* lines of this walk that came */
	uint64_t count_before;
	struct front at;
	struct front reached; /* where another connection was lost */
	bool behind;	      /* at has not come so far */

	/* Parts that are here, and the line that was given out. */
	struct part *first, *end;
	unsigned parts;
	size_t directory_length;
	char path[LIMIT_PATH_BYTES + 1 + LIMIT_NAME_BYTES + 1];
};

/*
 * How a line is taken: once, not at all, or as that of an entry that is too deep below the top.
 */
enum { LISTED_NEW, LISTED_AGAIN, LISTED_BEYOND };

/* The next line that arrives: 0, FTX_E_PROTOCOL, FTX_E_TOO_LARGE, FTX_E_NOMEM. */
int listing_check(struct listing *l, const struct listed *line, uint8_t *as);

/* The directory of this walk whose turn it is becomes at.arriving.  false: all were entered. */
bool listing_enter_next(struct listing *l);

/* As that, with a walk of its own: of all that wait.  false: nothing does. */
bool listing_next_walk(struct listing *l);

/*
 * A connection was lost: the next walk is that of the top, whose lines that came are passed over,
 * or where this has been in vain, that of the directory that was arriving.
 */
void listing_walk_again(struct listing *l);

/* Length of the path of the directory that the server walks, relative to the top. */
size_t listing_base(const struct listing *l);

/* Forgets the lowest level; all of them. */
void listing_leave(struct front *f);
void listing_leave_all(struct front *f);

#endif
