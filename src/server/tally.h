/*
 * What clients have moved since the daemon was started: of each name a line of counters that only
 * grow.  The table has one size, whatever configurations come and go; who does not fit into it is
 * counted in the last line, TALLY_OTHERS.
 */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/server/activity.h"

#define TALLY_CLIENTS 1024u
#define TALLY_OTHERS  "(others)" /* no client has such a name */

struct tally_line {
	char client[LIMIT_SHARE_BYTES + 1]; /* "": nobody yet */
	uint64_t sessions;
	uint64_t received;
	uint64_t sent;
	uint64_t committed;
};

/* TALLY_CLIENTS + 1 lines, filled from the first on, and TALLY_OTHERS at the end.  NULL without
 * memory.  Children of a fork do not inherit it. */
struct tally_line *tally_new(void);
void tally_free(struct tally_line *tally); /* may be NULL */

/* The client's line, made where there was none. */
struct tally_line *tally_of(struct tally_line *tally, const char *client);
/* The line, or NULL. */
const struct tally_line *tally_find(const struct tally_line *tally, const char *client);

/* Figures of a session that are in its client's line already. */
struct tally_counted {
	uint64_t received, sent, committed;
};

/* Adds what a session has moved since then.  A figure that went down, as no honest one does, adds
 * nothing. */
void tally_add(struct tally_line *line, struct tally_counted *counted,
	       const struct activity_seen *seen);

#endif
