/*
 * The supervisor's table of connections.  It lies in pages that children do not inherit: a child
 * sees no other connection.
 */
#ifndef SERVER_PEERS_H
#define SERVER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/server/activity.h"
#include "src/server/ledger.h"
#include "src/server/network.h"
#include "src/server/pair.h"
#include "src/server/policy.h"
#include "src/server/rate.h"
#include "src/server/supervisor.h"
#include "src/server/tally.h"
#include "src/server/waiting.h"

/*
 * PENDING: accepted, its first message not yet whole.  READY: whole, waits for a greeter.
 * GREETING: a greeter has it.  SESSION: a session has it.
 */
enum peer_state { PEER_FREE, PEER_PENDING, PEER_READY, PEER_GREETING, PEER_SESSION, PEER_STATES };

struct peer {
	enum peer_state state;
	uint32_t generation; /* so that an event for the place's former user is recognised */
	int conn;	     /* until the session has it; else -1 */
	int pair;	     /* to the greeter or session; else -1 */
	int log;	     /* what the session says (session_log.h); -1: nothing more */
	pid_t pid;
	uint64_t deadline_ms; /* 0: none.  Then the connection is cut or the child killed */
	union peer_address from;
	char address[NETWORK_END_BYTES]; /* the same as text */
	uint64_t source;		 /* sources_id() */
	bool is_proxy;	  /* that address is a trusted proxy's: nothing counts against it */
	bool header_due;  /* its header comes first, and its greeter reads that alone */
	bool header_read; /* that greeter has said whom the header names: */
	union peer_address named;
	bool dh_given;
	enum handshake_kind kind; /* as its greeter has said, with PAIR_DH */
	bool psk_given;
	uint8_t invite_id[HANDSHAKE_INVITE_ID_BYTES]; /* likewise, with PAIR_PSK */
	bool greeted;
	uint8_t joining_key[KEY_BYTES];	    /* that was proved with an invite */
	bool joins_later;		    /* it waits for the configuration to be read again */
	int failed;			    /* what its greeter said of the handshake; 0: nothing */
	bool known;			    /* the key that was proved is a client's */
	char client[LIMIT_SHARE_BYTES + 1]; /* of a session: the policy may become another */
	uint8_t fingerprint[POLICY_FINGERPRINT_BYTES];
	int64_t expires_s;	  /* 0: never */
	unsigned max_connections; /* as the policy has it */
	uint32_t accounts;	  /* ledger_accounts(); LEDGER_NONE: of a policy that is over */
	uint32_t account_count;
	struct activity *activity; /* of a session; NULL: there is none */
	uint64_t began_ms;	   /* likewise, clock_ms() */
	struct tally_line *tally;  /* likewise: its client's */
	struct tally_counted counted;
	struct rate *rate; /* shared with the client's other sessions; NULL: none */
	bool stopped;	   /* it was told to end */
	bool beyond;	   /* it was let in beyond a limit, to say which connection it is */
	uint64_t joined;   /* counts up; 0: not yet */
	uint8_t session_id[16];
	uint8_t stream;
	const struct peer *replaces; /* an older connection whose end this one's JOIN waits for */
	struct pair_message ended;
};

/* And one beyond the most sessions there may be (sessions.c). */
#define MAX_PEERS (SUPERVISOR_MAX_PENDING + SUPERVISOR_MAX_GREETERS + SUPERVISOR_MAX_SESSIONS + 1u)

_Static_assert(WAITING_SEATS >= SUPERVISOR_MAX_PENDING + SUPERVISOR_MAX_GREETERS,
	       "there is a seat for each connection without a session");

struct peers {
	struct peer *table;	 /* MAX_PEERS */
	struct waiting *waiting; /* those PENDING, READY and GREETING, by their place in table */
	unsigned count[PEER_STATES];
	uint64_t joined;
	uint64_t next_deadline_ms; /* no peer's deadline is earlier; UINT64_MAX: there is none */
};

/* 0 or a negative error. */
int peers_init(struct peers *peers);
void peers_release(struct peers *peers);

/* A free place, now PENDING with this connection; the states' limits leave one (asserted). */
struct peer *peer_new(struct peers *peers, int conn, uint64_t source);

/* Closes what is open and frees the place. */
void peer_free(struct peers *peers, struct peer *p);

/* From GREETING to PENDING: it turned out to come from this source. */
void peer_wait_again(struct peers *peers, struct peer *p, uint64_t source);

void peer_set_state(struct peers *peers, struct peer *p, enum peer_state state);
void peer_set_deadline(struct peers *peers, struct peer *p, uint64_t deadline_ms);

/* Resets the connection instead of closing it: being turned away never looks like an answer. */
void peer_reset_connection(struct peer *p);

void peer_kill(const struct peer *p);

struct peer *peers_of_pid(struct peers *peers, pid_t pid);

#endif
