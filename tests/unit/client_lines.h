/*
 * Listings as a server says them, written as text.
 *
 * "<path" enters a directory, "name/" is one, "name" is a file, "name@" a link, "name!" an entry
 * with an error, "name!/" one with an error and the type of a directory, "!" says that the current
 * directory cannot be read.  Spaces between; "|" between parts.
 */
#ifndef TESTS_UNIT_CLIENT_LINES_H
#define TESTS_UNIT_CLIENT_LINES_H

#include "tests/unit/client_peer.h"

/* One word; leads into it. */
struct listed lines_one(const char *word, size_t length);

/* Sends a part; returns how many lines it had. */
uint64_t lines_send(struct peer *p, const char *text);
void lines_send_done(struct peer *p, uint64_t count);

/* LIST is answered OK, and the first NEXT has come. */
bool lines_until_next(struct peer *p);

/*
 * A script that says all of lines_text and the end; where lines_top is the path of that, of each
 * directory below that is listed what is said of it, or that it is not there.
 */
extern const char *lines_text, *lines_top;
extern int64_t lines_off;    /* what the count is wrong by */
extern bool lines_break_off; /* behind all lines nothing comes any more */
extern int lines_most_parts; /* before a connection ends */
void lines_say(struct peer *p);

#endif
