/*
 * What the files of the supervisor share: supervisor.c (the loop), children.c (who is started, what
 * they say), reload.c (settings), admission.c (from accept to the first message), joining.c
 * (invites), sessions.c (who is let in, and for how long), ending.c and operations.c (what is told
 * of it all, in status.c and metrics.c).
 */
#ifndef SERVER_SUPERVISOR_IMPL_H
#define SERVER_SUPERVISOR_IMPL_H

#include "src/server/books_impl.h"
#include "src/server/crashes.h"
#include "src/server/operations.h"
#include "src/server/peers.h"
#include "src/server/refusals.h"
#include "src/server/sources.h"
#include "src/server/supervisor.h"

/*
 * What an epoll event is about: a listener's number, the signals, a peer's connection, pair or log,
 * the control socket, a reader of it, the scan of a share.
 */
enum event_kind {
	EVENT_LISTENER,
	EVENT_SIGNAL,
	EVENT_CONN,
	EVENT_PAIR,
	EVENT_LOG,
	EVENT_CONTROL,
	EVENT_READER,
	EVENT_SCAN,
};

struct supervisor {
	const struct supervisor_options *options;
	struct supervisor_settings settings; /* in force, none of them 0 */
	struct peers peers;
	struct sources *sources;
	struct pace pace;
	struct operations operations;
	struct crashes crashes;
	int epoll;
	int signals;
	bool stopping;
	bool again; /* it stops to become another process */
	uint64_t
	    accept_again_ms; /* not 0: no descriptors were left, the listeners rest until then */
	uint64_t greet_again_ms; /* not 0: handshakes of this moment are used up, READY ones wait */
	uint64_t join_again_ms;	 /* not 0: until then no invite has the configuration read again */
	struct refusals refusals;
	struct books books;
	uint64_t expiry_ms; /* not 0: when sessions are looked at for whether they have expired */
};

/* Adds fd to the epoll set.  generation: of the peer; events of another one are passed over. */
int supervisor_watch(const struct supervisor *s, int fd, uint32_t events, enum event_kind kind,
		     size_t index, uint32_t generation);

/* The settings in force: what is given, or the default. */
void supervisor_take_settings(struct supervisor *s, const struct supervisor_settings *given);

/*
 * Gives p a child: with keys a session, without a greeter.  In the child p itself does not exist.
 */
int children_start(struct supervisor *s, struct peer *p, struct session_keys *keys,
		   const struct client_policy *client);

/* A message that cannot be delivered means a child that does not read: it is killed. */
void children_tell(const struct peer *p, const struct pair_message *m);

/* What p's child has said, at most so many messages; what is left is told of again. */
void children_hear(struct supervisor *s, struct peer *p, unsigned most);

/* Of children that have ended. */
void children_reap(struct supervisor *s);

/* Everybody is told to end; with s->again so that another process takes this one's place. */
void ending_begin(struct supervisor *s);

/* Kills who has not ended yet. */
void ending_hurry(struct supervisor *s);

/* A child has crashed: with too many of them another process is to take this one's place. */
void ending_crashed(struct supervisor *s);

/* Reads the configuration again.  0: the new one is in force; otherwise the old one stays. */
int supervisor_reload(struct supervisor *s);

/*
 * Whose key a greeter's client has proved, if a session is to be begun for it; NULL with the
 * verdict for the greeter, which is logged.
 */
const struct client_policy *sessions_admit(struct supervisor *s, const struct peer *p,
					   const uint8_t key[static KEY_BYTES],
					   enum pair_type *verdict);

/*
 * Gives p what its session has in common with the supervisor, and with its client's other sessions.
 * 0 or FTX_E_NOMEM.
 */
int sessions_prepare(struct supervisor *s, struct peer *p, const struct client_policy *client);

/* That did not work, or p could not be given a child: logs it, takes it back. */
void sessions_failed(struct supervisor *s, struct peer *p, const struct client_policy *client);

/* How many this client has. */
unsigned sessions_of(const struct supervisor *s, const char *client);

/* p has a session of this client. */
void sessions_began(struct supervisor *s, struct peer *p, const struct client_policy *client);

/* p's session is to end after its present request, with this error for its client. */
void sessions_stop(struct supervisor *s, struct peer *p, int error);

/* PAIR_JOIN; a newer connection of the same client, run and stream replaces the older one. */
void sessions_join(struct supervisor *s, struct peer *p, const struct pair_message *asked);

/* p has let go of its files. */
void sessions_let_go(struct supervisor *s, const struct peer *p);

/* p's process has ended: logs it, frees p. */
void sessions_over(struct supervisor *s, struct peer *p, int status);

/* After the policy has become another: those end whose client is not what it was. */
void sessions_check(struct supervisor *s);

/* Ends those whose clients have expired, when it is time. */
void sessions_on_time(struct supervisor *s, uint64_t now_ms);

/* Accepts what waits at a listener. */
void admission_accept(struct supervisor *s, int listener);

/* accept() has failed with this for want of descriptors or memory: what is to be accepted stays. */
bool admission_lacks_room(int errnum);

/* Resets a silent connection: its descriptor is needed.  false: there is none. */
bool admission_make_room(struct supervisor *s);

/* Resets p, which waits without a greeter, and frees it. */
void admission_turn_away(struct supervisor *s, struct peer *p, enum refusal why);

/* Gives greeters to connections that are READY, as far as there may be more. */
void admission_start_greeters(struct supervisor *s);

/* p's greeter has ended with this status and no session: frees p, or has it wait anew. */
void admission_over(struct supervisor *s, struct peer *p, int status);

/* A child that p had has ended with this status.  Did it crash?  Then its source is turned away. */
bool admission_crashed(struct supervisor *s, const struct peer *p, int status);

/* The first message of p is whole, or p has gone; nothing is read here to know which. */
void admission_look(struct supervisor *s, struct peer *p);

/* Watches the listeners, or stops it. */
int admission_open(struct supervisor *s);
void admission_close(struct supervisor *s);

/* Ends the listeners' rest, and starts greeters, when it is time. */
void admission_on_time(struct supervisor *s, uint64_t now_ms);

#endif
