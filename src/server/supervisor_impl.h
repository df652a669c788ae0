/*
 * What the files of the supervisor share: supervisor.c (the loop and the children) and admission.c
 * (from accept to the first message).
 */
#ifndef SERVER_SUPERVISOR_IMPL_H
#define SERVER_SUPERVISOR_IMPL_H

#include "src/server/peers.h"
#include "src/server/supervisor.h"

/* What an epoll event is about: a listener's number, the signals, a peer's connection or pair. */
enum event_kind { EVENT_LISTENER, EVENT_SIGNAL, EVENT_CONN, EVENT_PAIR };

struct supervisor {
	const struct supervisor_options *options;
	struct peers peers;
	int epoll;
	int signals;
	bool stopping;
	uint64_t
	    accept_again_ms; /* not 0: no descriptors were left, the listeners rest until then */
};

/* Adds fd to the epoll set.  generation: of the peer; events of another one are passed over. */
int supervisor_watch(const struct supervisor *s, int fd, uint32_t events, enum event_kind kind,
		     size_t index, uint32_t generation);

/* Gives greeters to connections that are READY, as far as there may be more. */
void supervisor_start_greeters(struct supervisor *s);

/* Accepts what waits at a listener. */
void admission_accept(struct supervisor *s, int listener);

/* Resets the oldest silent connection: its descriptor is needed.  false: there is none. */
bool admission_make_room(struct supervisor *s);

/* The first message of p is whole, or p has gone; nothing is read here to know which. */
void admission_look(struct supervisor *s, struct peer *p);

/* Watches the listeners, or stops it. */
int admission_open(struct supervisor *s);
void admission_close(struct supervisor *s);

/* Ends the listeners' rest when it is time. */
void admission_on_time(struct supervisor *s, uint64_t now_ms);

#endif
