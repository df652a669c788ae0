/*
 * What the daemon keeps of invites (PROTOCOL.md, "Invites"), below the directory that `state` of
 * ftxd.conf(5) names:
 *
 *	invites/ID		one invite, 0600, as secret as a key:
 *				"ftx-invite PSK EXPIRES NAME [KEY]", KEY once it is used
 *	clients.d/NAME.conf	the key that an invite brought to [client NAME]:
 *				the only part of the configuration that the daemon writes
 *
 * `ftxd invite` makes invites, the supervisor looks them up and enters keys.  Each change is made
 * as a whole and is on stable storage when its function returns.  All these files belong to who
 * runs this, and nobody else has access to them; others are refused.
 */
#ifndef SERVER_INVITES_H
#define SERVER_INVITES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/secure/handshake.h"

#define INVITES_KEPT_S 86400 /* an invite is remembered so long after it has expired */
#define INVITES_MOST   256u  /* at a time, those remembered too */

/* Secret, for its psk.  Wipe it with invite_wipe(). */
struct invite {
	struct handshake_invite proof;
	char client[LIMIT_SHARE_BYTES + 1];
	int64_t expires_s; /* seconds since 1970 */
	bool used;
	uint8_t key[KEY_BYTES]; /* of the client, once it is used */
};
void invite_wipe(struct invite *invite);

/* The directory `state`, for the functions below, owned by the caller.  0 or the error of errno. */
int invites_open(int *state, const char *path);

/*
 * The invite of this id.  0 with *out; FTX_E_NOT_FOUND; FTX_E_KEY_FILE for a file that others can
 * read or that is no invite; another error.  Leaves nothing of the secret on the stack.
 */
int invites_read(int state, const uint8_t id[static HANDSHAKE_INVITE_ID_BYTES], struct invite *out);

/* Makes it, or replaces the one that has its id.  Directories that are missing are made. */
int invites_write(int state, const struct invite *invite);

/*
 * The invite of this id has brought this key.  0, or an error of invites_read() or invites_write().
 */
int invites_mark_used(int state, const uint8_t id[static HANDSHAKE_INVITE_ID_BYTES],
		      const uint8_t key[static KEY_BYTES]);

/*
 * Removes the invites of a client, used ones too (NULL: of none), all that are no longer remembered
 * at now_s, and what is none.  *count: how many are left, those that cannot be read at the moment
 * too.  FTX_E_TOO_LARGE where there are more than it looks at.
 */
int invites_sweep(int state, const char *client, int64_t now_s, unsigned *count);

/*
 * Enters a client's key, if it has none from an invite yet: of several that try at the same time
 * one does it.  0; FTX_E_EXISTS where another key is there already, or this one.
 */
int invites_enter_key(int state, const char *client, const uint8_t key[static KEY_BYTES]);

/* Has an invite brought this client a key?  0 with *has, or an error. */
int invites_has_key(int state, const char *client, bool *has);

/* The client's key is no longer there; that there was none is fine. */
int invites_remove_key(int state, const char *client);

#endif
