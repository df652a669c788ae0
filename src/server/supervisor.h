/*
 * The process that owns the listening sockets, the policy and the secret key, and never reads a
 * byte from the network.
 *
 *	accept -> the first 84 bytes are there -> greeter -> its key is known -> session
 *
 * A silent or dripping connection costs one descriptor.  A greeter lives HANDSHAKE_MS from
 * accept at most.  Sessions run until they end; they are told to when the supervisor ends, when a
 *newer connection of the same client, run and stream comes, and they end by themselves when the
 * supervisor is gone.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>

#include "src/server/key_holder.h"
#include "src/server/policy.h"
#include "src/server/sandbox.h"

#define SUPERVISOR_HANDSHAKE_MS	 5000u
#define SUPERVISOR_MAX_PENDING	 256u /* accepted, their first message not yet whole */
#define SUPERVISOR_MAX_GREETERS	 128u
#define SUPERVISOR_MAX_SESSIONS	 1024u
#define SUPERVISOR_MAX_LISTENERS 16u
#define SUPERVISOR_STOP_MS	 10000u /* from PAIR_STOP to SIGKILL */

struct supervisor_options {
	const int *listeners; /* from listen_open(); borrowed */
	size_t listener_count;
	const struct policy *policy; /* borrowed */
	struct key_holder *key;	     /* borrowed */
	struct sandbox_options sandbox;
};

/*
 * Runs until SIGTERM or SIGINT, then stops the sessions and returns 0; a negative error where it
 * could not start, FTX_E_UNSUPPORTED where its children could not be confined as is required.
 * Blocks the signals it handles (signalfd).  In children it never returns.
 */
int supervisor_run(const struct supervisor_options *options);

#endif
