/*
 * What the files of connection share: connection.c (the object, requests), connection_turn.c (what
 * moves bytes and waits), connection_take.c (what arrives).
 */
#ifndef CLIENT_CONNECTION_IMPL_H
#define CLIENT_CONNECTION_IMPL_H

#include "src/client/connection.h"
#include "src/secure/channel.h"

struct waiting {
	enum message_type request;
	struct reply *reply;
};

struct connection {
	struct channel *channel;
	struct connection_options options;
	enum aead_id aead;
	uint8_t match_key[MATCH_KEY_BYTES];
	enum connection_state state;
	int error;
	bool closed_by_peer; /* error came with CLOSE ... */
	bool retryable;	     /* ... which says that another connection may fare better */
	bool damaged;	     /* error is NETWORK: a record is not what was sent */
	bool receiving;	     /* a callback runs: it must not send */

	/* Requests without their final answer, oldest first. */
	struct waiting window[LIMIT_UNANSWERED];
	unsigned head, count, limit, commits;
	struct reply nobody; /* of requests whose answers are not wanted any more */

	/* The stall clock, of clock_boot_ms(). */
	uint64_t heard_ms;    /* the last sign of life, or when an answer began to be owed */
	uint64_t patience_ms; /* of WORKING, until the next message */
	int unacknowledged;   /* bytes the peer's kernel had not taken when last looked */

	uint64_t grace_until_ms; /* 0: cancellation counts */
	struct message message;
	struct message_arena arena;
};

/* connection_turn.c */

/*
 * Sends what goes without waiting, takes in at most one message, and where neither moved and wait
 * is set waits for either.  0 or why the connection is over; FTX_E_INTERRUPTED.
 */
int connection_turn(struct connection *c, bool wait);

/* Until nothing is unsent. */
int connection_flush(struct connection *c);

/* Sends what goes.  *moved is set where something went. */
int connection_send_some(struct connection *c, bool *moved);

/* error is the connection's from now on, unless it had one or is only interrupted.  Returns it. */
int connection_fail(struct connection *c, int error);

/* connection_take.c */

/* A record that has arrived: 0, or why the connection is over. */
int connection_take(struct connection *c, const uint8_t *plain, size_t length);

#endif
