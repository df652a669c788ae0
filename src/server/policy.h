/*
 * Who may do what.  A session is given one client's policy and nothing else.
 */
#ifndef SERVER_POLICY_H
#define SERVER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "proto/limits.h"
#include "src/secure/handshake.h"
#include "src/server/network.h"
#include "src/server/refusals.h"
#include "src/server/rights.h"

#define POLICY_CLIENT_KEYS	 2u /* one client's, while it changes from one to the other */
#define POLICY_FINGERPRINT_BYTES 16u

/* How much there may be below a directory.  0: no limit. */
struct quota {
	uint64_t bytes;
	uint64_t files; /* directories and links too */
};

/* What holds for everybody in a share.  All zero: nothing special. */
struct share_rules {
	bool require_mount;   /* offline where nothing is mounted on its directory */
	bool refuse_symlinks; /* none are made */
	bool shared_fs;	      /* other nodes serve it too */
	bool has_umask;	      /* else the process's own */
	mode_t umask_bits;
	uint64_t min_free_bytes;
	uint32_t min_free_hundredths; /* of a percent of the file system */
	struct quota quota;	      /* of all that is in it, whoever put it there */
};

struct share_place {
	char name[LIMIT_SHARE_BYTES + 1];
	const char *path; /* absolute */
	bool read_only;	  /* nobody has more than list and get */
	struct share_rules rules;
};

/* One share as one client sees it. */
struct grant {
	char share[LIMIT_SHARE_BYTES + 1];
	const char *path;    /* absolute, of the share's directory */
	const char *subtree; /* below it: what this client sees as the share; NULL, "": all of it */
	uint8_t rights;
	struct share_rules rules;
};

struct client_policy {
	char name[LIMIT_SHARE_BYTES + 1];
	uint8_t keys[POLICY_CLIENT_KEYS][KEY_BYTES];
	size_t key_count; /* may be 0 where it is invited */
	bool invited;	  /* an invite brings it a key, or has done so */
	const struct grant *grants;
	size_t grant_count;
	bool disabled;
	const struct network *from; /* where it may come from */
	size_t from_count;	    /* 0: from anywhere */
	int64_t expires_s;	    /* seconds since 1970; from then on it is refused.  0: never */
	uint64_t rate;		    /* bytes/s of all its sessions together; 0: no limit */
	uint64_t max_file_bytes;    /* 0: no limit but the protocol's */
	unsigned max_connections;   /* 0: no limit but the server's */
	struct quota quota;	    /* of what is in each of its grants, whoever put it there */
	uint64_t expect_every_ms;   /* without a session so long it is overdue; 0: never */
	uint8_t fingerprint[POLICY_FINGERPRINT_BYTES]; /* policy_fingerprint() */
};

struct policy {
	const struct client_policy *clients;
	size_t client_count;
	const struct share_place *shares; /* to be looked at for whether they are there */
	size_t share_count;
};

/* The client of a public key, or NULL.  Compares in constant time. */
const struct client_policy *policy_find(const struct policy *policy,
					const uint8_t key[static KEY_BYTES]);

/* The client of this name, or NULL. */
const struct client_policy *policy_of_name(const struct policy *policy, const char *name);

/* Does it have this key? */
bool policy_has_key(const struct client_policy *client, const uint8_t key[static KEY_BYTES]);

/*
 * Is a client that has proved its key not let in from address at now_s (seconds since 1970)?  Then
 * *why is set.
 */
bool policy_refuses(const struct client_policy *client, const struct sockaddr *address,
		    int64_t now_s, enum refusal *why);

/*
 * Sets client->fingerprint, which differs where anything else of the policy does, but for
 * expect_every_ms, which is nothing to a session.
 */
void policy_fingerprint(struct client_policy *client);

#endif
