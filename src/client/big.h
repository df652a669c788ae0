/*
 * A big file, in contiguous segments that streams take one after the other, each over its own
 * connection and its own handle: the partial and its journal make them one file (PROTOCOL.md,
 * "Uploads"; src/store/upload.h).
 *
 * The first stream opens it and learns what is missing.  Whoever finds no segment left puts its
 * handle away; the last one waits until the others have, and commits.
 */
#ifndef CLIENT_BIG_H
#define CLIENT_BIG_H

#include <pthread.h>

#include "src/client/entry.h"
#include "src/client/problem.h"
#include "src/data/checksum.h"

#define SEGMENT_BLOCKS 32u /* 32 MiB: one writer's stretch of a file */

struct big {
	struct live live; /* first */
	struct big *next;
	struct entry *entry;
	struct identity identity; /* of the source, as it was opened */
	int attempt;

	/* Under the lock of struct work, from here on. */
	bool opened;	  /* todo is there */
	bool helpers;	  /* others may join */
	bool concluded;	  /* entry is no more to be looked at */
	unsigned active;  /* streams that work on it */
	unsigned leaving; /* of them: putting their handle away */
	int error;	  /* what ended it; problem explains */
	bool lost;	  /* ... a connection: it goes on over another one */
	struct problem problem;
	bool resumable;

	struct block_range *todo; /* owned: blocks that this run moves, ascending */
	uint32_t todo_count;
	uint64_t todo_blocks;
	uint32_t next_range;  /* the next segment begins in this one ... */
	uint64_t next_block;  /* ... so many blocks behind its first ... */
	uint64_t next_number; /* ... and is that many blocks into todo */

	/* put: digests of the blocks of todo, in order; owned. */
	struct digest *digests;
	atomic_uint_fast64_t moved; /* bytes, of this attempt */
	uint64_t present;	    /* bytes that were there */
	uint64_t credit;  /* bytes of an earlier attempt that are in the run's progress already */
	bool begun;	  /* this run has opened it, as it is now */
	uint64_t resumed; /* bytes that were there then */
	bool committing;  /* put: COMMIT was sent: it may have come without its answer */
};

/* How a stream that was the last one at a file is done with it. */
enum big_end {
	BIG_OVER,
	BIG_AGAIN, /* it is begun once more */
	BIG_LEFT,  /* to whoever has a connection: this one's is lost */
};

struct segment {
	uint64_t first, count; /* blocks; count 0: none is left */
	uint64_t number;       /* of first within todo */
	unsigned active;       /* streams at the file */
};

/*
 * What is missing is all but have[0..count) of the file of b->identity: sets todo, present, and
 * room for digests, with nothing moved.  0 or FTX_E_NOMEM.
 */
int big_set_todo(struct big *b, const struct block_range *have, uint32_t count);

/* These blocks are to be moved (again). */
int big_set_ranges(struct big *b, const struct block_range *ranges, uint32_t count);

/* NULL: out of memory. */
struct big *big_new(struct entry *e);
void big_free(struct big *b);

#endif
