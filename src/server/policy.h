/*
 * Who may do what.  A session is given one client's policy and nothing else.
 */
#ifndef SERVER_POLICY_H
#define SERVER_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/secure/handshake.h"

/* Rights only add; the bits of struct share.rights (PROTOCOL.md, "Messages"). */
enum right {
	RIGHT_LIST = 1,
	RIGHT_GET = 2,
	RIGHT_PUT = 4,
	RIGHT_OVERWRITE = 8,
	RIGHT_DELETE = 16,
	RIGHTS_FULL = 31,
};

/* One share as one client sees it. */
struct grant {
	char share[LIMIT_SHARE_BYTES + 1];
	const char
	    *subtree; /* absolute path of the directory that is the share's root for this client */
	uint8_t rights;
};

struct client_policy {
	char name[LIMIT_SHARE_BYTES + 1];
	uint8_t key[KEY_BYTES];
	const struct grant *grants;
	size_t grant_count;
};

struct policy {
	const struct client_policy *clients;
	size_t client_count;
};

/* The client of a public key, or NULL.  Compares in constant time. */
const struct client_policy *policy_find(const struct policy *policy,
					const uint8_t key[static KEY_BYTES]);

#endif
