/*
 * A server on the loopback that takes connections, shakes hands and plays a script on each; and a
 * whole transfer against it, through transfer.h.
 */
#ifndef TESTS_UNIT_CLIENT_HOST_H
#define TESTS_UNIT_CLIENT_HOST_H

#include "tests/unit/client_peer.h"

#define HOST_CONNECTIONS 16u

struct host {
	int fd;
	uint16_t port;
	uint8_t secret[KEY_BYTES], public_key[KEY_BYTES];
	bool (*greet)(struct peer *p); /* false: no script; NULL: HELLO is answered by WELCOME */
	void (*script)(struct peer *p);
	void *arg;
	struct peer peers[HOST_CONNECTIONS];
	unsigned count;
	pthread_t thread;
};

void host_start(struct host *h, void (*script)(struct peer *p), void *arg);

/* WELCOME, from a host that allows so many requests without their answers. */
bool host_welcome(struct peer *p, unsigned unanswered);

/* When the client's connections have ended. */
void host_end(struct host *h);

/* "ftx://KEY@127.0.0.1:PORT/PATH", until the next call. */
const char *host_address(const struct host *h, const char *path);

/* The events of a transfer, up to TRANSFER_FINISHED. */
struct transferring {
	struct transfer *t;
	struct transfer_event *events[256];
	unsigned count;
	struct outcome outcome;
};

void transferring_start(struct transferring *r, const struct transfer_request *request);
/* Until the end, or until an event of this type; false: it was the end that came. */
bool transferring_until(struct transferring *r, enum transfer_event_type type);
unsigned transferring_errors(const struct transferring *r, int error);
void transferring_end(struct transferring *r);

#endif
