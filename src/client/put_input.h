/*
 * What the files of standard input share: put_input.c (where it lands, COMMIT), put_input_send.c
 * (what comes and is sent).
 */
#ifndef CLIENT_PUT_INPUT_H
#define CLIENT_PUT_INPUT_H

#include "src/client/put.h"

#define INPUT_HANDLE 0u

/* What no CHECKPOINT has confirmed is kept, to be sent again over another connection. */
#define KEPT_BYTES (UINT64_C(16) << 20)

struct input {
	struct stream *s;
	int fd;
	uint64_t size;	/* bytes that have come, in whole chunks */
	size_t pending; /* and those of the chunk that is coming */
	bool ended;
	bool failed; /* at this end: another connection changes nothing */
	struct identity identity;
	struct digest *digests; /* owned: of the blocks */
	uint64_t blocks, room;
	uint8_t *kept;	    /* owned: KEPT_BYTES; the byte at offset n is kept[n % KEPT_BYTES] */
	uint64_t confirmed; /* bytes that need not be kept */
	uint64_t look_ms;   /* when the connection is looked at next, whether or not input comes */

	/* Of this connection. */
	uint64_t sent; /* what is before it is there, or on its way */
	/* Since the last CHECKPOINT, which was asked for at since_ms and confirms asked_bytes. */
	uint64_t since_bytes, since_ms, since_blocks, asked_bytes;
	uint64_t interval_ms; /* from that one to the next, unless there is much to be kept */
	bool asked;	      /* its answer was not looked at */
	bool opened;

	bool accepted;	 /* all of it was good */
	bool committing; /* COMMIT was sent: it may have come without its answer */
	bool arrived;
	uint8_t flags;
	struct digest digest; /* of the file */
};

/* It went wrong at this end.  Returns error. */
int input_fail(struct input *p, int error);

/* More of the input.  0, or an error in the stream's problem. */
int input_read(struct input *p);

/*
 * Sends the chunk that comes next of what is kept and is not there.  0, or an error in the stream's
 * problem.
 */
int input_send(struct input *p);

#endif
