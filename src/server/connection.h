/*
 * A session's connection as its handlers see it: messages in, messages out, and the supervisor's
 * voice on the side.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/secure/channel.h"
#include "src/server/activity.h"
#include "src/server/pair.h"
#include "src/server/rate.h"

struct connection {
	struct channel *channel;
	int pair;
	uint64_t stall_ms;	 /* as struct session_settings has it */
	struct rate *rate;	 /* of this client's sessions; NULL: no limit */
	uint64_t pair_looked_ms; /* when the pair was last looked at */
	int stop_error;		 /* not 0: the supervisor says to end, or is gone */
	int send_error;		 /* not 0: the peer takes nothing more */
	bool joined;		 /* PAIR_JOINED has come */
	bool alone;		 /* the supervisor is gone */
	bool reserved;		 /* PAIR_RESERVED has come */
	struct pair_message reservation;
	struct activity *activity; /* where bytes are counted; NULL: nowhere */
};

/*
 * Waits for the next record.  0 with the plaintext until the next call; stop_error once it
 * is set; FTX_E_TIMEOUT for a stall within a record; FTX_E_CLOSED, ...
 */
int connection_receive(struct connection *c, uint8_t **plain, size_t *length);

/* Where a payload of a message of this type goes so that it need not be copied. */
uint8_t *connection_payload(struct connection *c, enum message_type type);

/*
 * Seals and sends one message, waiting as long as the peer takes bytes.  0 or why the connection
 * is over, which is the result of every later call too; for a part of an answer that is stop_error,
 * so that a long answer does not outlive the supervisor.  m must be valid (asserted): the server
 * does not send what it would not read.
 */
int connection_send(struct connection *c, const struct message *m);

/* Has the supervisor said to end?  0, or stop_error; cheap, for loops that send nothing. */
int connection_stopped(struct connection *c);

/* Waits for PAIR_JOINED.  0, or stop_error. */
int connection_await_joined(struct connection *c);

/*
 * Says something to the supervisor, waiting until it takes it.  0, or FTX_E_STOPPING where that is
 * gone; being told to end does not matter here.
 */
int connection_tell(struct connection *c, const struct pair_message *m);

/* Asks it PAIR_RESERVE.  0 with its answer, or FTX_E_STOPPING likewise. */
int connection_reserve(struct connection *c, const struct pair_message *asked,
		       struct pair_message *answer);

/* Tells the peer nothing more comes and waits until it closes, at most a second or two. */
void connection_linger(struct connection *c);

#endif
