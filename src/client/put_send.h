/*
 * What put_big.c sends of a file over a handle that is open: the blocks of its segments, and
 * CHECKPOINTs among them.
 */
#ifndef CLIENT_PUT_SEND_H
#define CLIENT_PUT_SEND_H

#include "src/client/big.h"
#include "src/client/stream.h"

#define SENDER_HANDLE 0u /* one file at a time on a connection */

struct sender {
	struct stream *s;
	struct big *b;
	struct source *source;
	char *path;	/* where the source borrows it, or NULL */
	bool opened;	/* the handle is in use */
	bool resending; /* what is sent was counted before */
	bool arrived;	/* it is there already, by a COMMIT whose answer was lost */

	/* The first block was sent behind OPEN; its digest. */
	bool has_first;
	struct digest first;

	uint64_t portion;     /* bytes after which one is due: this stream's share */
	uint64_t since_bytes; /* sent since the last CHECKPOINT ... */
	uint64_t since_ms;    /* ... that was asked for then */
	uint64_t interval_ms;
	bool asked; /* and its duration not yet looked at */
};

/* Takes errno's error r over into the stream's problem.  Returns r. */
int sender_problem(struct sender *p, int r);

/* Before anything is sent over a handle. */
void sender_begin(struct sender *p);

/* Has a CHECKPOINT been answered ERROR?  Then the handle takes nothing more. */
int sender_check(struct sender *p);

/* The first block, before it is known whether it is there.  Sets has_first. */
int sender_send_first(struct sender *p);

/* Was it sent so, and missing?  Then it is counted, and no segment needs it. */
bool sender_use_first(struct sender *p);

/* All segments that nobody else takes.  0, or an error in the stream's problem. */
int sender_send(struct sender *p);

#endif
