/*
 * From a host's name to a connected socket: every address is tried.
 */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "src/client/cancel.h"
#include "src/client/problem.h"

struct dial_options {
	const char *host; /* a name or a number */
	uint16_t port;
	int family;	     /* AF_UNSPEC, AF_INET, AF_INET6 */
	uint64_t lookup_ms;  /* for the name */
	uint64_t timeout_ms; /* for one address */
	const struct cancel *cancel;
};

/*
 * 0 with *fd non-blocking and set up for a long transfer; FTX_E_NETWORK, FTX_E_TIMEOUT,
 * FTX_E_INTERRUPTED, or what lookup() returns.  *absent: the name is not known, or every address
 * refused: trying on for long is of little use.
 */
int dial(int *fd, const struct dial_options *options, bool *absent, struct problem *p);

#endif
