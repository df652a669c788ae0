/*
 * A connection to a server: pipelined requests, answers in order (PROTOCOL.md, "Pipelining").
 *
 * It never waits in writing without reading: one poll serves both directions, and what arrives is
 * handed to callbacks that only take it in and never send.  So the server may block in
 * writing and neither end can wait for the other for ever.
 *
 * Everything that arrives is checked here for type, order and state; its content is checked by the
 * callback.  The first error ends the connection and comes back from every later call, but for
 * FTX_E_INTERRUPTED, after which connection_grace() allows a few last words.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/client/cancel.h"
#include "src/client/problem.h"
#include "src/secure/handshake.h"
#include "src/secure/match.h"

struct bucket;
struct connection;

struct connection_options {
	const struct cancel *cancel; /* borrowed until connection_free() */
	uint64_t timeout_ms;	     /* silence where an answer is owed */
	struct bucket *bucket;	     /* borrowed; NULL: no limit to the rate ... */
	bool limit_sending;	     /* ... of what is sent, or of what is received */
};

/* Takes fd.  NULL: out of memory, fd is still the caller's. */
struct connection *connection_new(int fd, const struct session_keys *keys,
				  const struct connection_options *options);

/* Says CLOSE where the connection is in good order (at most a second), and frees.  NULL allowed. */
void connection_close(struct connection *c);

/* Ends it without a word, in the middle of an answer. */
void connection_free(struct connection *c);

/*
 * What becomes of a request.  Owned by the caller, who keeps it until done is set or the
 * connection is freed.
 */
struct reply {
	/*
	 * Called for each part (but WORKING) and for the final answer, ERROR included; what m
	 * points to lives until it returns.  Not 0: the connection ends with that error.  May be
	 * NULL.
	 */
	int (*on_message)(void *arg, const struct message *m);
	void *arg;

	bool done;
	struct problem problem; /* error != 0: the answer was ERROR */
};

/*
 * Sends a request, after waiting for room in the window.  Its answer arrives during this and any
 * later call.  0 or why the connection is over; FTX_E_INTERRUPTED.
 */
int connection_request(struct connection *c, const struct message *m, struct reply *reply);

/* Until reply is done. */
int connection_wait(struct connection *c, const struct reply *reply);

/* Until a callback has set *flag. */
int connection_wait_for(struct connection *c, const bool *flag);

/* reply is its owner's again: what still answers it is read and thrown away. */
void connection_abandon(struct connection *c, const struct reply *reply);

/*
 * Waits for the answer: 0, its error, or that of the connection (connection_error() tells which),
 * explained in reply->problem in any case.
 */
int connection_answer(struct connection *c, struct reply *reply);

/* Request and answer. */
int connection_call(struct connection *c, const struct message *m, struct reply *reply);

/*
 * A chunk of a file, without copying it.  connection_chunk(): takes in answers, waits until the
 * record before is on its way and gives room for LIMIT_CHUNK_BYTES; the caller puts the payload
 * there. connection_send_chunk(): m is a WRITE whose payload stands in that place.
 */
int connection_chunk(struct connection *c, uint8_t **raw);
int connection_send_chunk(struct connection *c, const struct message *m);

/* Sends a message that has no answer, as connection_request() sends one that has. */
int connection_tell(struct connection *c, const struct message *m);

/* Takes in what has arrived and sends what goes, without waiting. */
int connection_poll(struct connection *c);

/* 0 while the connection is good. */
int connection_error(const struct connection *c);

/*
 * Did it end for a reason that another one may not have: the network, a server that stops or whose
 * configuration for this client was changed?  What both ends hold true afterwards is on their
 * disks.
 */
bool connection_is_lost(const struct connection *c);

/* Was it what came that was not as it was sent? */
bool connection_is_damaged(const struct connection *c);

/* Why it is over: fills p. */
void connection_explain(const struct connection *c, struct problem *p);

/* From now on neither cancellation nor the rate counts, but all must be over in so many ms. */
void connection_grace(struct connection *c, uint64_t ms);

/* From now on this is the wish to stop that ends what waits; borrowed until connection_free(). */
void connection_set_cancel(struct connection *c, const struct cancel *cancel);

/* Requests that may be without their answer, as WELCOME said. */
void connection_set_window(struct connection *c, unsigned unanswered);

/* Microseconds of a round trip, as the kernel has measured it; 0 where it does not say. */
uint32_t connection_rtt_us(const struct connection *c);

/* The cipher of its records. */
enum aead_id connection_aead(const struct connection *c);

/* MATCH_KEY_BYTES: what keys its digests (match.h).  Secret; borrowed until connection_free(). */
const uint8_t *connection_match_key(const struct connection *c);

#endif
