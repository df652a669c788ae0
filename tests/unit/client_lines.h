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

/* A script that says all of lines_text and the end. */
extern const char *lines_text;
extern int64_t lines_off; /* what the count is wrong by */
void lines_say(struct peer *p);

#endif
