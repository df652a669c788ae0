/*
 * The process that serves one authenticated connection with one client's rights.
 *
 * Straight-line code: read a request, handle it, answer it; in order, one at a time.  It needs its
 * subtrees, its connection, its pair and its log (session_log.h), and has nothing else (sandbox.h).
 * It ends on CLOSE, end of file, a protocol error, PAIR_STOP, or when the supervisor is gone; then
 * finished blocks of open uploads are made durable first.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "src/secure/handshake.h"
#include "src/server/activity.h"
#include "src/server/file_log.h"
#include "src/server/policy.h"
#include "src/server/rate.h"

#define SESSION_STALL_MS 120000u

struct session_settings {
	/* A peer that neither sends the rest of a record nor takes any byte so long is cut off. */
	uint64_t stall_ms;
	struct rate *rate;	   /* NULL: none */
	struct activity *activity; /* where it says what it does; NULL: nowhere */
	enum file_log file_log;
	bool share_watch; /* somebody else says which shares are offline */
	const char *node; /* of 16 hex digits: what this node is called in shares with shared_fs */
	bool counted[LIMIT_SHARES]; /* grants of which it says what comes and goes */
};

/* Takes conn and pair, wipes keys, borrows the rest.  Never returns. */
_Noreturn void session_run(int conn, int pair, struct session_keys *keys,
			   const struct client_policy *client,
			   const struct session_settings *settings);

#endif
