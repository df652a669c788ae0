/*
 * What is known of the addresses that connections come from: who has failed to prove a key, who
 * has proved one, whose child has crashed.
 *
 * A source is an IPv4 address, also where it comes mapped into IPv6, or the first 64 bits of an
 * IPv6 address, which is what one customer has of them.  A source that fails is turned away for a
 * while, which doubles each time; where a known key came from, failing costs nothing for a day:
 * nobody keeps out a client with whom he shares an address.
 *
 * The table has one size, whoever connects.  Its clock is whatever the caller passes, in
 * milliseconds.
 */
#ifndef SERVER_SOURCES_H
#define SERVER_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define SOURCES_PLACES	 4096u
#define SOURCES_KNOWN_MS UINT64_C(86400000) /* so long is a known key remembered */
#define SOURCES_CRASH_MS UINT64_C(90000)    /* so long is the source of a crash turned away */

/* How long a source that fails is turned away: at first, and at most.  Neither is 0. */
struct source_rules {
	uint64_t penalty_ms;
	uint64_t penalty_max_ms; /* not less than penalty_ms */
};

struct sources;

/* NULL without memory.  Children of a fork do not inherit the table. */
struct sources *sources_new(void);
void sources_free(struct sources *s); /* may be NULL */

/* What a source is called here: a hash under a key that nobody else has; never 0. */
uint64_t sources_id(const struct sources *s, const struct sockaddr *address);

/* For how many more milliseconds a source is turned away; 0: it is not. */
uint64_t sources_blocked(const struct sources *s, uint64_t id, uint64_t now_ms);

/*
 * A handshake has failed.  Returns for how many milliseconds the source is turned away because of
 * it; 0: a known key came from it, it is turned away already, or it is its first failure, which is
 * forgiven: a client that has two keys of its server may begin with the wrong one.
 */
uint64_t sources_failed(struct sources *s, uint64_t id, const struct source_rules *rules,
			uint64_t now_ms);

/* A known key was proved from there; what has failed before is forgotten. */
void sources_known(struct sources *s, uint64_t id, uint64_t now_ms);

/* Was one, and so lately that it counts? */
bool sources_are_known(const struct sources *s, uint64_t id, uint64_t now_ms);

/* A child that served it has crashed: it is turned away, whoever else is there. */
void sources_crashed(struct sources *s, uint64_t id, uint64_t now_ms);

#endif
