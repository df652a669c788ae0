/*
 * The connections that have no session yet, by where they come from: which of them gets the next
 * greeter, and which makes room when there are too many.
 *
 * They are served in turn by source, and no source has more than its share of the greeters, so
 * whoever comes from elsewhere waits for one turn of those there are.  Of those that wait every
 * other one is of a source that a known key came from, and some greeters are never strangers': who
 * has many addresses may hold all that are.  Nothing here reads a clock or a socket; a connection
 * is the number that its owner gives it.
 */
#ifndef SERVER_WAITING_H
#define SERVER_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAITING_SEATS 384u

/*
 * So many may wait of one source without being the first to make room: more than a client opens
 * at a time, and so few that it takes many sources to fill all seats.
 */
#define WAITING_SHARE 16u

/* A handshake costs a fork and three multiplications on the curve: 200 are let begin a second. */
#define PACE_HANDSHAKE_MS 5u
#define PACE_HEADER_MS	  1u /* of a proxy: a fork alone */
#define PACE_CREDIT_MS	  250u

/* SILENT: its first message is not whole.  READY: it is.  GREETING: a greeter has it. */
enum waiting_state { WAITING_SILENT, WAITING_READY, WAITING_GREETING };

/* PROXY: what it has a greeter for takes no time, and behind it may be anybody: it waits its turn.
 */
enum waiting_standing { WAITING_STRANGER, WAITING_PROXY, WAITING_KNOWN };

struct waiting_seat {
	uint64_t source;   /* sources_id() */
	uint64_t arrived;  /* counts up */
	uint64_t turn;	   /* of READY and GREETING: the round in which it is served */
	uint32_t number;   /* the connection */
	uint16_t waiting;  /* of its source, this one with them: SILENT and READY */
	uint16_t greeting; /* likewise: GREETING */
	enum waiting_state state;
	enum waiting_standing standing;
};

struct waiting {
	struct waiting_seat seats[WAITING_SEATS];
	size_t count;
	uint64_t arrivals;
	uint64_t turn;	 /* that is being served */
	bool known_last; /* the last that got a greeter was KNOWN */
};

/* A connection, SILENT, a stranger's; there is a seat (asserted), and its number has none. */
void waiting_add(struct waiting *w, uint32_t number, uint64_t source);

/* It is no stranger's.  It has a seat (asserted). */
void waiting_know(struct waiting *w, uint32_t number, enum waiting_standing standing);

/* It has become READY, or GREETING.  It has a seat (asserted). */
void waiting_move(struct waiting *w, uint32_t number, enum waiting_state state);

/* Gives up its seat, if it has one. */
void waiting_leave(struct waiting *w, uint32_t number);

/*
 * The READY one whose turn it is, of a source that has fewer than most_of_one greeters: a KNOWN
 * one, and after each of them one of the others, if there are both; a stranger's only where
 * strangers have fewer than most_of_strangers.  false: there is none.
 */
bool waiting_next(const struct waiting *w, unsigned most_of_one, unsigned most_of_strangers,
		  uint32_t *number);

/*
 * Who makes room: of the source that has most, if that is more than its share, the oldest, silent
 * ones first; else the oldest silent one of all; else, unless only silent ones are asked for, the
 * oldest; KNOWN ones behind all others.  false: there is none.
 */
bool waiting_victim(const struct waiting *w, bool silent_only, uint32_t *number);

/* Time up to which handshakes have used up what they may have. */
struct pace {
	uint64_t used_up_to_ms;
};

/* May one more begin at now_ms that costs so much?  0: it has; otherwise when to ask again. */
uint64_t pace_take(struct pace *pace, uint64_t now_ms, unsigned cost_ms);

#endif
