/*
 * The server's end of a connection, played by a test: a script in a thread of its own.
 */
#ifndef TESTS_UNIT_CLIENT_PEER_H
#define TESTS_UNIT_CLIENT_PEER_H

#include <pthread.h>

#include "src/client/connection.h"
#include "src/client/run.h"
#include "src/client/stream.h"

struct peer {
	struct channel *channel;
	struct message message; /* the last one received */
	struct message_arena arena;
	void (*script)(struct peer *p);
	int step; /* for the script */
	pthread_t thread;
	struct cancel cancel;
};

/* Starts the script on one end and returns a connection, past WELCOME, on the other. */
struct connection *peer_start(struct peer *p, void (*script)(struct peer *p), uint64_t timeout_ms);

/* Ends the connection if it is there, and waits for the script. */
void peer_join(struct peer *p);

/* For scripts.  false: the connection is over. */
bool peer_receive(struct peer *p);
bool peer_send(struct peer *p, const struct message *m);
bool peer_send_plain(struct peer *p, const uint8_t *plain, size_t length);
bool peer_answer(struct peer *p, enum message_type type); /* a message without fields that count */
bool peer_error(struct peer *p, int error);

/* Waits for the client to end the connection. */
void peer_linger(struct peer *p);

/* A stream over such a connection, with a request for this verb. */
struct rig {
	struct peer peer;
	struct transfer_request request;
	struct run run;
	struct stream *stream;
	char directory[64]; /* its own, for files */
	char path[96];	    /* "f" in it */
};
void rig_start(struct rig *rig, enum transfer_verb verb, void (*script)(struct peer *p));
void rig_end(struct rig *rig);

#endif
