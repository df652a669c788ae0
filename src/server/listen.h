/*
 * Listening sockets.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/server/network.h"

struct listen_address {
	char host[64]; /* numeric, without brackets */
	uint16_t port; /* 0: any free one */
};

/* "127.0.0.1:7389", "[::1]:7389", ":0" (loopback).  0 or FTX_E_USAGE. */
int listen_parse(struct listen_address *a, const char *text);

bool listen_is_loopback(const struct listen_address *a);
bool listen_is_any(const struct listen_address *a);

/*
 * Opens, binds and listens.  Accepted sockets inherit what is set here: no delay, keepalive and a
 * limit for dead peers, and a low-water mark of the handshake's first message, so that a connection
 * is readable only when that is whole.  a->port becomes the real one.  *fd is owned by the caller.
 * 0 or the error of errno (FTX_E_BUSY: the port is taken).
 */
int listen_open(struct listen_address *a, int *fd);

/*
 * Makes a listening socket that another process has opened like one of listen_open(), close-on-exec
 * too.  0; or FTX_E_CONFIG with *why set to what is wrong with it, "is ..." for people.
 */
int listen_adopt(int fd, const char **why);

/* Where a socket listens, as "192.0.2.1:7389" or "[::]:7389". */
const char *listen_format(int fd, char out[static NETWORK_END_BYTES]);

#endif
