/*
 * DESIGN.  One loop over epoll; every wait has a descriptor or a deadline behind it, and the
 * supervisor waits for no child.  What it knows of a connection is one struct peer, which moves
 * through PENDING, READY, GREETING, SESSION (peers.h).
 */
#include "src/server/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/secure/aead.h"
#include "src/server/joining.h"
#include "src/server/session_log.h"
#include "src/server/supervisor_impl.h"
#include "src/store/metadata.h"

#define MAX_EVENTS	64
#define MAX_DESCRIPTORS (2 * MAX_PEERS)

/* Of one child, then it is the others' turn. */
#define TURN_MESSAGES 64u
#define TURN_LINES    64u

static uint64_t
event_data(enum event_kind kind, size_t index, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint64_t)index << 4 | (uint64_t)kind;
}

int
supervisor_watch(const struct supervisor *s, int fd, uint32_t events, enum event_kind kind,
		 size_t index, uint32_t generation)
{
	struct epoll_event event = {.events = events,
				    .data.u64 = event_data(kind, index, generation)};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : error_from_errno(errno);
}

static void
on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			children_reap(s);
		} else if (info.ssi_signo == SIGHUP && s->options->reload != NULL) {
			if (!s->stopping)
				(void)supervisor_reload(s); /* it has said what is wrong */
		} else if (!s->stopping || s->again) {
			log_info("stopping signal=%u sessions=%u", info.ssi_signo,
				 s->peers.count[PEER_SESSION]);
			s->again = false;
			ending_begin(s);
		} else {
			ending_hurry(s);
		}
	}
}

static void
on_deadlines(struct supervisor *s)
{
	uint64_t now = clock_ms();

	refusals_on_time(&s->refusals, now);
	admission_on_time(s, now);
	joining_on_time(s, now);
	sessions_on_time(s, now);
	operations_on_time(s, now);
	books_on_time(s, now);
	service_on_time(s->options->service, now, s->peers.count[PEER_SESSION]);
	if (now < s->peers.next_deadline_ms)
		return;
	s->peers.next_deadline_ms = UINT64_MAX;
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &s->peers.table[i];

		if (p->state == PEER_FREE || p->deadline_ms == 0)
			continue;
		if (p->deadline_ms > now) {
			peer_set_deadline(&s->peers, p, p->deadline_ms);
			continue;
		}
		p->deadline_ms = 0;
		peer_kill(p);
		if (p->state == PEER_PENDING || p->state == PEER_READY)
			admission_turn_away(
			    s, p, p->state == PEER_READY ? REFUSED_CROWDED : REFUSED_SILENT);
		else if (p->state == PEER_GREETING)
			peer_reset_connection(p);
	}
}

static void
on_event(struct supervisor *s, const struct epoll_event *event)
{
	enum event_kind kind = (enum event_kind)(event->data.u64 & 15);
	size_t index = (size_t)(event->data.u64 >> 4 & 0x0fffffff);
	struct peer *p;

	if (kind == EVENT_SIGNAL) {
		on_signals(s);
		return;
	}
	if (kind == EVENT_CONTROL) {
		operations_accept(s);
		return;
	}
	if (kind == EVENT_READER) {
		operations_go_on(s, index);
		return;
	}
	if (kind == EVENT_SCAN) {
		books_on_scan(s);
		return;
	}
	if (kind == EVENT_LISTENER) {
		if (!s->stopping)
			admission_accept(s, s->options->listeners[index]);
		return;
	}
	p = &s->peers.table[index];
	if (p->state == PEER_FREE || p->generation != (uint32_t)(event->data.u64 >> 32))
		return;
	if (kind == EVENT_CONN && p->state == PEER_PENDING)
		admission_look(s, p);
	else if (kind == EVENT_PAIR && p->pair >= 0)
		children_hear(s, p, TURN_MESSAGES);
	else if (kind == EVENT_LOG && p->log >= 0)
		session_log_hear(p, TURN_LINES);
}

static int
wait_ms(const struct supervisor *s)
{
	uint64_t next = service_next_ms(s->options->service, s->peers.count[PEER_SESSION]);

	if (s->peers.next_deadline_ms < next)
		next = s->peers.next_deadline_ms;
	if (operations_next_ms(s) < next)
		next = operations_next_ms(s);
	if (refusals_next_ms(&s->refusals) < next)
		next = refusals_next_ms(&s->refusals);
	if (s->accept_again_ms != 0 && s->accept_again_ms < next)
		next = s->accept_again_ms;
	if (s->greet_again_ms != 0 && s->greet_again_ms < next)
		next = s->greet_again_ms;
	if (s->join_again_ms != 0 && s->join_again_ms < next)
		next = s->join_again_ms;
	if (s->expiry_ms != 0 && s->expiry_ms < next)
		next = s->expiry_ms;
	if (books_next_ms(s) < next)
		next = books_next_ms(s);
	return clock_wait(clock_ms(), next);
}

static int
loop(struct supervisor *s)
{
	struct epoll_event events[MAX_EVENTS];

	while (!s->stopping || s->peers.count[PEER_FREE] < MAX_PEERS) {
		int n = epoll_wait(s->epoll, events, MAX_EVENTS, wait_ms(s));

		if (n < 0 && errno != EINTR)
			return error_from_errno(errno);
		for (int i = 0; i < n; i++)
			on_event(s, &events[i]);
		on_deadlines(s);
	}
	return 0;
}

static int
setup_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return error_from_errno(errno);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return error_from_errno(errno);
	return supervisor_watch(s, s->signals, EPOLLIN, EVENT_SIGNAL, 0, 0);
}

/* A descriptor for each pending connection, two for each greeter and session, and some more. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= MAX_DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < MAX_DESCRIPTORS ? limit.rlim_max : MAX_DESCRIPTORS;
	/* With fewer, connections wait (admission.c). */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .epoll = -1, .signals = -1};
	int r;

	assert(options->listener_count <= SUPERVISOR_MAX_LISTENERS);
	supervisor_take_settings(&s, &options->settings);
	if ((r = sandbox_setup(&s.settings.sandbox)) != 0)
		return r;
	raise_descriptor_limit();
	/* What the children would all have to do. */
	metadata_own_names();
	aead_prepare();
	if ((s.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return error_from_errno(errno);
	s.sources = sources_new();
	if ((r = s.sources != NULL ? peers_init(&s.peers) : FTX_E_NOMEM) == 0)
		r = setup_signals(&s);
	if (r == 0)
		r = books_open(&s);
	if (r == 0 && (r = operations_open(&s)) == 0)
		r = admission_open(&s);
	if (r == 0) {
		joining_begin(&s);
		operations_reloaded(&s);
		service_ready(options->service);
		r = loop(&s);
	}
	operations_close(&s);
	books_close(&s);
	if (s.signals >= 0)
		close(s.signals);
	close(s.epoll);
	peers_release(&s.peers);
	sources_free(s.sources);
	return r == 0 && s.again ? SUPERVISOR_RESTART : r;
}
