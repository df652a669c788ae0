/*
 * Connections that became no session: why, how many, and a bounded part of them in the log.
 *
 * REFUSAL(NAME, name, place)
 *	name	as the log and the metrics have it
 *	place	LOGGED: a line each, REFUSALS_LINES a second, and then how many more there were.
 *		COUNTED: nothing that its peer has sent was looked at, so there is nothing to say
 */
#ifndef SERVER_REFUSALS_H
#define SERVER_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSAL_LIST                                                                               \
	REFUSAL(CROWDED, "crowded", COUNTED)	/* made room for another one */                    \
	REFUSAL(PENALTY, "penalty", COUNTED)	/* its address is turned away */                   \
	REFUSAL(SILENT, "silent", COUNTED)	/* went, or was cut, before a first message */     \
	REFUSAL(PROXY, "proxy", LOGGED)		/* a trusted one, without a right header */        \
	REFUSAL(HANDSHAKE, "handshake", LOGGED) /* junk, or for another server's key */            \
	REFUSAL(VERSION, "version", LOGGED)                                                        \
	REFUSAL(TIMEOUT, "timeout", LOGGED)                                                        \
	REFUSAL(CLOSED, "closed", LOGGED) /* by the peer, amid the handshake */                    \
	REFUSAL(CRASHED, "crashed", LOGGED)                                                        \
	REFUSAL(FAILURE, "failure", LOGGED) /* of this machine */                                  \
	REFUSAL(UNKNOWN_KEY, "unknown-key", LOGGED)                                                \
	REFUSAL(DISABLED, "disabled", LOGGED)                                                      \
	REFUSAL(EXPIRED, "expired", LOGGED)                                                        \
	REFUSAL(NETWORK, "network", LOGGED)                                                        \
	REFUSAL(INVITE, "invite", LOGGED) /* proved one that is good no more, or of nobody */      \
	REFUSAL(SESSIONS, "too-many-sessions", LOGGED)                                             \
	REFUSAL(SESSIONS_OF_CLIENT, "too-many-sessions-of-client", LOGGED)

enum refusal {
#define REFUSAL(NAME, name, place) REFUSED_##NAME,
	REFUSAL_LIST
#undef REFUSAL
	    REFUSALS
};

#define REFUSALS_LINES 10u /* a second */

/* All zero: none yet. */
struct refusals {
	uint64_t count[REFUSALS];
	uint64_t since_ms; /* when the present second began; 0: none has */
	unsigned lines;	   /* in it */
	unsigned unlogged; /* beyond them */
};

const char *refusal_name(enum refusal why);

/* One more, at now_ms (clock_ms()).  Returns whether a line about it is to be logged. */
bool refusals_add(struct refusals *r, enum refusal why, uint64_t now_ms);

/* When the second is over: logs how many had no line. */
void refusals_on_time(struct refusals *r, uint64_t now_ms);

/* When that is to be called at the latest; UINT64_MAX: no need. */
uint64_t refusals_next_ms(const struct refusals *r);

#endif
