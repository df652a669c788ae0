/*
 * From accept to the greeter, and what is made of its end.  A connection costs one descriptor here
 * and is not read from; who makes room when there are too many, and whose turn it is, waiting.h
 * says; who is not let in at all, sources.h.
 *
 * A trusted proxy's connection has two greeters: one reads the proxy's header, and when that has
 * ended the connection waits as one of the source it names.  A wrong header, and what the proxy
 * does for itself, count against nobody: everybody behind it comes from its address.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/proxy.h"
#include "src/server/supervisor_impl.h"

#define ACCEPTS_IN_A_ROW 64u  /* so that children and signals get their turn */
#define REST_MS		 200u /* without descriptors or memory */

void
admission_turn_away(struct supervisor *s, struct peer *p, enum refusal why)
{
	(void)refusals_add(&s->refusals, why, clock_ms());
	peer_reset_connection(p);
	peer_free(&s->peers, p);
}

/* Resets one that waits, as waiting_victim() has it.  false: there is none. */
static bool
evict(struct supervisor *s, bool silent_only)
{
	uint32_t number;

	if (!waiting_victim(s->peers.waiting, silent_only, &number))
		return false;
	admission_turn_away(s, &s->peers.table[number], REFUSED_CROWDED);
	return true;
}

/* Of an address that is turned away. */
static void
turn_away(struct supervisor *s, int conn, uint64_t now_ms)
{
	struct peer p = {.conn = conn};

	(void)refusals_add(&s->refusals, REFUSED_PENALTY, now_ms);
	peer_reset_connection(&p);
}

static bool
is_trusted_proxy(const struct supervisor *s, const union peer_address *from)
{
	for (size_t i = 0; i < s->settings.trusted_proxy_count; i++)
		if (network_has(&s->settings.trusted_proxies[i], &from->any))
			return true;
	return false;
}

/* From now on conn is readable when so many bytes are there. */
static int
await_bytes(int conn, unsigned bytes)
{
	int value = (int)bytes;

	return setsockopt(conn, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
}

/* Has to come before anything else is done with p's connection. */
static unsigned
first_bytes(const struct peer *p)
{
	return p->header_due ? PROXY_FIXED_BYTES : HANDSHAKE_HELLO_BYTES;
}

static void
look_up(struct supervisor *s, const struct peer *p)
{
	uint32_t number = (uint32_t)(p - s->peers.table);

	if (p->header_due)
		waiting_know(s->peers.waiting, number, WAITING_PROXY);
	else if (sources_are_known(s->sources, p->source, clock_ms()))
		waiting_know(s->peers.waiting, number, WAITING_KNOWN);
}

/* p is PENDING: waits for its first bytes, without reading them. */
static void
await_first_bytes(struct supervisor *s, struct peer *p)
{
	look_up(s, p);
	if (await_bytes(p->conn, first_bytes(p)) == 0 &&
	    supervisor_watch(s, p->conn, EPOLLIN | EPOLLRDHUP, EVENT_CONN,
			     (size_t)(p - s->peers.table), p->generation) == 0)
		return;
	peer_reset_connection(p);
	peer_free(&s->peers, p);
}

/* There shall be a place for one more that waits. */
static void
keep_a_place(struct supervisor *s)
{
	if (s->peers.count[PEER_PENDING] + s->peers.count[PEER_READY] >= SUPERVISOR_MAX_PENDING)
		evict(s, false);
}

static void
admit(struct supervisor *s, int conn, const union peer_address *from)
{
	uint64_t source = sources_id(s->sources, &from->any);
	bool proxy = is_trusted_proxy(s, from);
	uint64_t now_ms = clock_ms();
	struct peer *p;

	if (!proxy && sources_blocked(s->sources, source, now_ms) != 0) {
		turn_away(s, conn, now_ms);
		return;
	}
	keep_a_place(s);
	p = peer_new(&s->peers, conn, source);
	p->from = *from;
	p->is_proxy = p->header_due = proxy;
	network_format_end(from, p->address);
	peer_set_deadline(&s->peers, p, now_ms + s->settings.handshake_timeout_ms);
	await_first_bytes(s, p);
}

bool
admission_lacks_room(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM || errnum == ENOBUFS;
}

void
admission_accept(struct supervisor *s, int listener)
{
	for (unsigned n = 0; n < ACCEPTS_IN_A_ROW && s->accept_again_ms == 0; n++) {
		union peer_address from = {.any.sa_family = AF_UNSPEC};
		socklen_t length = sizeof(from);
		int conn = accept4(listener, &from.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (conn >= 0) {
			admit(s, conn, &from);
		} else if (!admission_lacks_room(errno)) {
			return; /* EAGAIN, or a connection that is already gone */
		} else if (!admission_make_room(s)) {
			log_warning("out of file descriptors or memory: new connections wait");
			admission_close(s);
			s->accept_again_ms = clock_ms() + REST_MS;
		}
	}
}

bool
admission_make_room(struct supervisor *s)
{
	return evict(s, true);
}

void
admission_look(struct supervisor *s, struct peer *p)
{
	int available = 0;

	if (ioctl(p->conn, FIONREAD, &available) != 0 || available < (int)first_bytes(p)) {
		/* A proxy that only looks whether somebody listens is refused nothing. */
		if (!p->is_proxy)
			(void)refusals_add(&s->refusals, REFUSED_SILENT, clock_ms());
		peer_free(&s->peers, p);
		return;
	}
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, p->conn, NULL);
	peer_set_state(&s->peers, p, PEER_READY);
	admission_start_greeters(s);
}

static void
start_greeter(struct supervisor *s, struct peer *p)
{
	/* From here on the greeter and the session read whatever there is. */
	if (await_bytes(p->conn, 1) != 0 || children_start(s, p, NULL, NULL) != 0) {
		if (refusals_add(&s->refusals, REFUSED_FAILURE, clock_ms()))
			log_error("cannot start a greeter address=%s", p->address);
		peer_reset_connection(p);
		peer_free(&s->peers, p);
		return;
	}
	peer_set_state(&s->peers, p, PEER_GREETING);
}

/* The greeters that one source may have: others come at any moment. */
static unsigned
greeters_of_one(const struct supervisor *s)
{
	return s->settings.max_handshakes > 4 ? s->settings.max_handshakes / 4 : 1;
}

/* And those of sources that no known key came from. */
static unsigned
greeters_of_strangers(const struct supervisor *s)
{
	return s->settings.max_handshakes - s->settings.max_handshakes / 4;
}

static unsigned
cost_ms(const struct peer *p)
{
	return p->header_due ? PACE_HEADER_MS : PACE_HANDSHAKE_MS;
}

void
admission_start_greeters(struct supervisor *s)
{
	uint64_t now_ms = clock_ms();
	uint32_t number;

	s->greet_again_ms = 0;
	while (
	    s->peers.count[PEER_GREETING] < s->settings.max_handshakes &&
	    waiting_next(s->peers.waiting, greeters_of_one(s), greeters_of_strangers(s), &number)) {
		struct peer *p = &s->peers.table[number];

		if (!p->is_proxy && sources_blocked(s->sources, p->source, now_ms) != 0) {
			admission_turn_away(s, p, REFUSED_PENALTY);
		} else if ((s->greet_again_ms = pace_take(&s->pace, now_ms, cost_ms(p))) != 0) {
			return;
		} else {
			start_greeter(s, p);
		}
	}
}

bool
admission_crashed(struct supervisor *s, const struct peer *p, int status)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

	for (size_t i = 0; WIFSIGNALED(status) && i < sizeof(crashes) / sizeof(crashes[0]); i++) {
		if (WTERMSIG(status) != crashes[i])
			continue;
		if (p->is_proxy) {
			log_error("a child crashed address=%s signal=%d", p->address, crashes[i]);
		} else {
			log_error("a child crashed: its source is turned away for %u s address=%s "
				  "signal=%d",
				  (unsigned)(SOURCES_CRASH_MS / 1000), p->address, crashes[i]);
			sources_crashed(s->sources, p->source, clock_ms());
		}
		ending_crashed(s);
		return true;
	}
	return false;
}

/* Of a greeter that has ended with this status. */
static enum refusal
reason_of(const struct peer *p, int status)
{
	switch (p->failed) {
	case FTX_E_VERSION:
		return REFUSED_VERSION;
	case FTX_E_TIMEOUT:
		return REFUSED_TIMEOUT;
	case FTX_E_CLOSED:
		return REFUSED_CLOSED;
	case 0: /* it was killed at its deadline, or could not be confined */
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? REFUSED_TIMEOUT
									  : REFUSED_FAILURE;
	default:
		return REFUSED_HANDSHAKE;
	}
}

/* Nothing counts against a proxy.  Returns for how long the address is turned away because of it.
 */
static uint64_t
penalise(struct supervisor *s, const struct peer *p, uint64_t now_ms)
{
	const struct source_rules rules = {.penalty_ms = s->settings.penalty_ms,
					   .penalty_max_ms = s->settings.penalty_max_ms};

	return p->is_proxy ? 0 : sources_failed(s->sources, p->source, &rules, now_ms);
}

/* A handshake that proved no key.  penalty_ms: so long is its address turned away now. */
static void
log_failure(struct supervisor *s, const struct peer *p, enum refusal why, uint64_t penalty_ms,
	    uint64_t now_ms)
{
	if (refusals_add(&s->refusals, why, now_ms))
		log_warning("handshake failed address=%s reason=%s turned-away-ms=%llu", p->address,
			    refusal_name(why), (unsigned long long)penalty_ms);
}

/* The header has been read: p comes from whom it names. */
static void
take_name(struct peer *p)
{
	p->header_due = false;
	if (p->named.any.sa_family == AF_UNSPEC)
		return; /* the proxy speaks for itself */
	p->is_proxy = false;
	p->from = p->named;
	network_format_end(&p->from, p->address);
}

/* As in admit(), now that it is known whose connection this is. */
static void
admit_named(struct supervisor *s, struct peer *p)
{
	uint64_t source;

	take_name(p);
	source = sources_id(s->sources, &p->from.any);
	close(p->pair);
	p->pair = -1;
	p->pid = 0;
	if (!p->is_proxy && sources_blocked(s->sources, source, clock_ms()) != 0) {
		admission_turn_away(s, p, REFUSED_PENALTY);
		return;
	}
	keep_a_place(s);
	peer_wait_again(&s->peers, p, source);
	await_first_bytes(s, p);
}

/* The greeter that was to read a proxy's header has ended. */
static void
header_over(struct supervisor *s, struct peer *p, int status)
{
	bool crashed = !s->stopping && admission_crashed(s, p, status);

	/* Without a connection its time was up. */
	if (p->header_read && p->conn >= 0 && !crashed) {
		admit_named(s, p);
		return;
	}
	if (!s->stopping &&
	    refusals_add(&s->refusals, crashed ? REFUSED_CRASHED : REFUSED_PROXY, clock_ms()) &&
	    !crashed)
		log_warning("a trusted proxy sent no right header address=%s reason=proxy",
			    p->address);
	peer_reset_connection(p);
	peer_free(&s->peers, p);
}

void
admission_over(struct supervisor *s, struct peer *p, int status)
{
	uint64_t now_ms = clock_ms();

	if (p->header_due) {
		header_over(s, p, status);
		return;
	}
	if (!p->known && !s->stopping) {
		bool crashed = admission_crashed(s, p, status);
		uint64_t penalty_ms = crashed ? SOURCES_CRASH_MS : penalise(s, p, now_ms);

		/* Of one who has proved an unknown key sessions_admit() has told. */
		if (!p->greeted)
			log_failure(s, p, crashed ? REFUSED_CRASHED : reason_of(p, status),
				    penalty_ms, now_ms);
	}
	peer_free(&s->peers, p);
}

int
admission_open(struct supervisor *s)
{
	int r = 0;

	for (size_t i = 0; i < s->options->listener_count && r == 0; i++)
		r = supervisor_watch(s, s->options->listeners[i], EPOLLIN, EVENT_LISTENER, i, 0);
	return r;
}

void
admission_close(struct supervisor *s)
{
	for (size_t i = 0; i < s->options->listener_count; i++)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->options->listeners[i], NULL);
}

void
admission_on_time(struct supervisor *s, uint64_t now_ms)
{
	if (s->greet_again_ms != 0 && now_ms >= s->greet_again_ms)
		admission_start_greeters(s);
	if (s->accept_again_ms == 0 || now_ms < s->accept_again_ms || s->stopping)
		return;
	s->accept_again_ms = 0;
	(void)admission_open(s); /* what is watched already stays so */
}
