/*
 * The header in which a proxy says whom it speaks for: version 2 of the PROXY protocol
 * (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2).  Nothing is read
 * here: it is given bytes.
 */
#ifndef SERVER_PROXY_H
#define SERVER_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "src/server/network.h"

#define PROXY_FIXED_BYTES 16u	/* always there; says how many more */
#define PROXY_REST_BYTES  2048u /* addresses and extensions; a proxy sends some hundred at most */

/*
 * Looks at the first bytes.  0 with *rest set to how many follow; FTX_E_PROTOCOL where they begin
 * no header of version 2, or more follow than PROXY_REST_BYTES.
 */
int proxy_begin(const uint8_t fixed[static PROXY_FIXED_BYTES], size_t *rest);

/*
 * Whom a whole header names, its fixed bytes and the rest that proxy_begin() said.  Of LOCAL, which
 * is the proxy itself, out->any.sa_family is AF_UNSPEC, and what follows is passed over unseen;
 * otherwise AF_INET or AF_INET6.  FTX_E_PROTOCOL for everything else: neither TCP over IPv4 nor TCP
 * over IPv6, addresses cut short, extensions that do not fill the rest, a wrong checksum.
 */
int proxy_read(const uint8_t fixed[static PROXY_FIXED_BYTES], const uint8_t *rest,
	       union peer_address *out);

#endif
