/*
 * The process that serves one authenticated connection with one client's rights.
 *
 * Straight-line code: read a request, handle it, answer it; in order, one at a time.  It needs its
 * subtrees, its connection and its pair, and has nothing else (sandbox.h).  It ends on CLOSE, end
 * of file, a protocol error, PAIR_STOP, or when the supervisor is gone; then finished blocks of
 * open uploads are made durable first.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <stdint.h>

#include "src/secure/handshake.h"
#include "src/server/policy.h"

/* A peer that neither sends the rest of a record nor takes any byte for this long is cut off. */
#define SESSION_STALL_MS 120000u

/* Takes conn and pair, wipes keys, borrows client.  Never returns. */
_Noreturn void session_run(int conn, int pair, struct session_keys *keys,
			   const struct client_policy *client);

#endif
