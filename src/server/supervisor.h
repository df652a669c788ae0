/*
 * The process that owns the listening sockets, the policy and the secret key, and never reads a
 * byte from the network.
 *
 *	accept -> the first 84 bytes are there -> greeter -> its key is known -> session
 *
 * Between accept and that, a connection of a trusted proxy has a greeter for the proxy's header;
 * then it begins to wait anew, as one of the source that the header names.
 *
 * A silent or dripping connection costs one descriptor.  A greeter lives handshake_timeout_ms
 * from accept at most.  Greeters are given in turn by source, 200 a second (waiting.h); a source
 * whose handshakes fail is turned away for a while (sources.h), which is a reset and so never looks
 * like an answer about keys.  Sessions run until they end; they are told to when the supervisor
 * ends, when a newer connection of the same client, run and stream comes, when what their client
 * may do has changed or is over, and they end by themselves when the supervisor is gone.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>

#include "src/server/file_log.h"
#include "src/server/key_holder.h"
#include "src/server/network.h"
#include "src/server/policy.h"
#include "src/server/sandbox.h"
#include "src/server/service.h"
#include "src/store/upload.h"

#define SUPERVISOR_MAX_PENDING	 256u /* accepted, their first message not yet whole */
#define SUPERVISOR_MAX_GREETERS	 128u
#define SUPERVISOR_MAX_SESSIONS	 1024u
#define SUPERVISOR_MAX_LISTENERS 16u
#define SUPERVISOR_MAX_PROXIES	 16u /* networks of them */

/* What may become another while it runs.  0 means the default. */
struct supervisor_settings {
	const struct policy *policy; /* borrowed */
	struct sandbox_options sandbox;
	unsigned max_connections;      /* sessions; SUPERVISOR_MAX_SESSIONS, which is the most */
	unsigned max_handshakes;       /* greeters; SUPERVISOR_MAX_GREETERS, which is the most */
	uint64_t handshake_timeout_ms; /* from accept to the end of a greeter; 5000 */
	uint64_t stall_timeout_ms;     /* as struct session_settings has it; SESSION_STALL_MS */
	uint64_t drain_time_ms;	       /* from PAIR_STOP to SIGKILL; 10000 */
	uint64_t penalty_ms;	       /* as struct source_rules has them; 1000 */
	uint64_t penalty_max_ms;       /* 600000 */
	enum file_log file_log;	       /* what sessions log of files */
	const char *metrics_file;      /* borrowed as the policy is; NULL: none */
	/* Connections from these begin with a proxy's header (proxy.h), and come from whom it
	 * names. */
	struct network trusted_proxies[SUPERVISOR_MAX_PROXIES];
	size_t trusted_proxy_count;
	/* What this node is called in shares that others serve too (upload.h); "": there are none.
	 */
	char node[UPLOAD_NODE_BYTES];
	uint64_t partial_expire_ms; /* what was left so long ago is removed; 604800000 */
	uint64_t quota_scan_ms;	    /* from one scan of a share to the next; 86400000 */
};

struct supervisor_options {
	const int *listeners; /* from listen_open(); borrowed */
	size_t listener_count;
	struct key_holder *key;	 /* and its others; borrowed */
	const char *state;	 /* for what is remembered, and invites; NULL: none.  borrowed */
	struct service *service; /* told what goes on; borrowed.  NULL: nobody is */
	const int *control;	 /* of control_open(); borrowed.  NULL: there is none */
	struct supervisor_settings settings;
	/*
	 * At SIGHUP: 0 with new settings, or an error, which it has told, and everything stays as
	 * it is.  NULL: SIGHUP ends the supervisor.
	 */
	int (*reload)(void *arg, struct supervisor_settings *settings);
	/*
	 * Can this program be executed anew in its place?  Asked after the third crash within an
	 * hour (crashes.h); false with the reason told.  NULL: it cannot.
	 */
	bool (*may_restart)(void *arg);
	/* A policy that reload gave is not used any more, or never was. */
	void (*release)(void *arg, const struct policy *policy);
	void *arg;
};

/* What supervisor_run() returns where its caller is to execute the program anew. */
#define SUPERVISOR_RESTART 1

/*
 * Runs until SIGTERM or SIGINT (twice: does not wait for them), then stops the sessions and returns
 * 0; SUPERVISOR_RESTART, sessions stopped likewise, with the listeners as they were; a negative
 * error where it could not start, FTX_E_UNSUPPORTED where its children could not be confined as is
 * required. Blocks the signals it handles (signalfd).  In children it never returns.
 */
int supervisor_run(const struct supervisor_options *options);

#endif
