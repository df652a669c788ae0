/*
 * What get_big.c receives of a file into an upload that is open: READs for its segments, their
 * answers, and checkpoints among them.
 *
 * The server is believed in nothing: every DATA must be exactly what was asked for, in order.  What
 * goes wrong here in the middle of an answer is remembered, and the rest of the answer is read and
 * thrown away.
 */
#ifndef CLIENT_GET_RECEIVE_H
#define CLIENT_GET_RECEIVE_H

#include "src/client/big.h"
#include "src/client/stream.h"

#define READS_AHEAD 2u /* so that no answer's end is waited for */

struct receiver;

/* A READ and how far its answer has come. */
struct part {
	struct receiver *p;
	struct reply reply;
	struct range range;
	uint64_t offset; /* the byte that comes next */
	bool changed;
};

struct receiver {
	struct stream *s;
	struct big *b;
	char remote[LIMIT_PATH_BYTES + 1];
	int dir; /* owned: the directory of the destination */
	char name[LIMIT_NAME_BYTES + 1];
	struct upload_staging staging;
	struct upload *upload;
	bool looks;	/* it is asked anew what the file is */
	int failure;	/* of what came, or of the disk: the rest is thrown away */
	bool resending; /* what comes was counted before */
	struct part parts[READS_AHEAD];
	unsigned first, reading;
	uint64_t portion; /* bytes after which a checkpoint is due: this stream's share */
	uint64_t since_bytes, since_ms, interval_ms;
};

/* Where it lands, to be shown.  Returns out. */
char *receiver_shown_path(const struct receiver *p, char *out, size_t capacity);

/* What went wrong on this disk.  Returns r. */
int receiver_problem(struct receiver *p, int r);

/* An empty file is READ all the same: is it still what it was?  0 or why the stream is over. */
int receiver_check_empty(struct receiver *p);

/* All segments that nobody else takes.  0, or an error in the stream's problem. */
int receiver_fetch(struct receiver *p);

#endif
