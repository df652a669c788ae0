/*
 * Networks as clients are let in from: ADDRESS or ADDRESS/BITS, IPv4 or IPv6.  An IPv4 address that
 * comes mapped into IPv6 (::ffff:192.0.2.1, RFC 4291) is the IPv4 address, on both sides.
 */
#ifndef SERVER_NETWORK_H
#define SERVER_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

union peer_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct network {
	bool v4;
	uint8_t bits;	     /* 0..32, 0..128 */
	uint8_t address[16]; /* 4 of them of an IPv4 one; those behind the bits are 0 */
};

/* 0; FTX_E_USAGE with *why set to a clause for people. */
int network_parse(struct network *n, const char *text, const char **why);

/* false also for an address that is neither IPv4 nor IPv6. */
bool network_has(const struct network *n, const struct sockaddr *address);

#define NETWORK_END_BYTES 80

/* An address with its port, "192.0.2.1:7389" or "[2001:db8::1]:7389"; without an address "?:?". */
const char *network_format_end(const union peer_address *end, char out[static NETWORK_END_BYTES]);

#endif
