/*
 * A whole server on loopback, with one client that it knows, and what a test says to it.
 */
#ifndef HOSTILE_SERVER_RIG_H
#define HOSTILE_SERVER_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "proto/message.h"
#include "src/secure/channel.h"
#include "src/server/listen.h"

#define PATIENCE_MS 20000 /* only a hang waits this long */

/* The process, and what a suite asks of it before server_setup(). */
extern struct server {
	pid_t pid;
	struct listen_address address;
	uint8_t key[KEY_BYTES];
	uint8_t client_secret[KEY_BYTES];
	char directory[64];
	rlim_t descriptors;			     /* the server may have so many; 0: as usual */
	unsigned connections, connections_of_client; /* there may be; 0: as usual */
	unsigned handshakes;			     /* likewise; each may take a minute then */
	const char *proxy;			     /* is trusted; NULL: none */
	bool logs;				     /* all that it says is in log, */
	unsigned accepts_without_memory;	     /* so many fail */
	int log;				     /* a file */
} server;

/* Starts it; ends it, which has to work. */
void server_setup(void);
void server_teardown(void);

/* A connection to it; from: the last byte of its own address, 0: whichever. */
int server_dial(void);
int server_dial_from(uint8_t from);

/* Reads exactly length bytes; less only when the connection ends. */
size_t server_take(int fd, uint8_t *out, size_t length);

/* A connection on which this key was proved; owned by the caller. */
struct channel *server_handshake(const uint8_t secret[static KEY_BYTES]);

/* The next message; borrowed until the next call.  0, or why there is none. */
int server_receive(struct channel *ch, struct message *m);

/* Says HELLO; m: what the server answers first. */
struct channel *server_ask(uint8_t run, uint8_t stream, struct message *m);

/* The same, and it is WELCOME. */
struct channel *server_session(uint8_t run, uint8_t stream);
void server_expect_busy(uint8_t run, uint8_t stream);

/* Afterwards what fails from here is not punished. */
void server_expect_service(void);

/* The only child of the server, or 0. */
pid_t server_child(void);

/* The pair of the only child, as if that had been taken over. */
int server_child_pair(void);

/* Stderr of the only child, likewise. */
int server_child_log(void);

/* How many descriptors of the only child lead to the log, as it has it. */
unsigned server_child_has_log(void);

/* What it has said so far, and what a session that has ended has; borrowed until the next call. */
const char *server_log(void);

/* It ends; all that it has said. */
const char *server_whole_log(void);

/* Until it sleeps: what it was told of is done. */
void server_wait_until_idle(void);

#endif
