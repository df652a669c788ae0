/*
 * The addresses of a host.
 *
 * getaddrinfo(3) can be interrupted by nothing, and takes as long as name servers are silent: it
 * has a thread of its own, which is left behind where it is not waited for any longer.
 */
#ifndef CLIENT_LOOKUP_H
#define CLIENT_LOOKUP_H

#include <netdb.h>

#include "src/client/dial.h"

/*
 * host, port, family, lookup_ms and cancel of the options count.  0 with *list, which is the
 * caller's: freeaddrinfo(3); otherwise p says why:
 *	FTX_E_NETWORK		the name is not known, or nobody is there to say so
 *	FTX_E_TIMEOUT		there was no answer for lookup_ms
 *	FTX_E_INTERRUPTED
 *	FTX_E_NOMEM, ...	there is no thread for it
 * An answer that comes too late is taken by the next call that asks for the same.
 */
int lookup(struct addrinfo **list, const struct dial_options *options, struct problem *p);

#endif
