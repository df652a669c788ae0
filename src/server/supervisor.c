/*
 * DESIGN.  One loop over epoll; every wait has a descriptor or a deadline behind it, and the
 * supervisor waits for no child.  What it knows of a connection is one struct peer, which moves
 * through PENDING, READY, GREETING, SESSION (peers.h).  A child takes what it needs as arguments:
 * the table does not exist in it.
 */
#include "src/server/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/secure/aead.h"
#include "src/server/child.h"
#include "src/server/greeter.h"
#include "src/server/joining.h"
#include "src/server/pair.h"
#include "src/server/session.h"
#include "src/server/supervisor_impl.h"
#include "src/store/metadata.h"

#define MAX_EVENTS	64
#define MAX_DESCRIPTORS (2 * MAX_PEERS)

#define HANDSHAKE_TIMEOUT_MS 5000u
#define DRAIN_TIME_MS	     10000u
#define PENALTY_MS	     1000u
#define PENALTY_MAX_MS	     600000u
#define PARTIAL_EXPIRE_MS    UINT64_C(604800000)
#define QUOTA_SCAN_MS	     UINT64_C(86400000)

#define TURN_MESSAGES 64u   /* of one child, then it is the others' turn */
#define LAST_MESSAGES 4096u /* more than fit into the pair of a child that is dead */

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

/* Forks; in the child only conn and pair are left of the supervisor's descriptors.  -1, 0, pid. */
static pid_t
fork_child(struct supervisor *s, const struct peer *p, int pair, enum child_output output)
{
	int conn = p->conn;
	pid_t pid = fork();

	if (pid == 0) {
		key_holder_forget(s->options->key);
		child_enter(conn, pair, output);
	}
	return pid;
}

int
supervisor_start_child(struct supervisor *s, struct peer *p, struct session_keys *keys,
		       const struct client_policy *client)
{
	struct session_settings settings = {.stall_ms = s->settings.stall_timeout_ms,
					    .rate = p->rate,
					    .activity = p->activity,
					    .file_log = s->settings.file_log,
					    .node = s->settings.node,
					    .share_watch = s->operations.share_watch != 0};
	struct server_keys server;
	uint64_t deadline_ms = p->deadline_ms;
	bool header_due = p->header_due;
	uint32_t generation = p->generation + 1; /* events of a former pair mean nothing then */
	pid_t pid = -1;
	int ends[2];
	int r;

	if (client != NULL)
		books_counted(s, client, settings.counted);
	key_holder_public(s->options->key, &server);
	/* FTX_E_NOMEM: no descriptors either. */
	do
		r = pair_new(ends);
	while (r == FTX_E_NOMEM && admission_make_room(s));
	if (r != 0)
		return r;
	r = supervisor_watch(s, ends[0], EPOLLIN, EVENT_PAIR, (size_t)(p - s->peers.table),
			     generation);
	if (r == 0)
		r = rate_lend(settings.rate);
	if (r == 0)
		r = activity_lend(settings.activity);
	if (r == 0 && (pid = fork_child(s, p, ends[1], keys ? CHILD_LOGS : CHILD_SILENT)) == 0) {
		if (header_due)
			greeter_read_header(CHILD_CONN, CHILD_PAIR, deadline_ms);
		if (keys == NULL)
			greeter_run(CHILD_CONN, CHILD_PAIR, &server, deadline_ms);
		else
			session_run(CHILD_CONN, CHILD_PAIR, keys, client, &settings);
	}
	if (r == 0 && pid < 0)
		r = error_from_errno(errno);
	rate_keep(settings.rate);
	activity_keep(settings.activity);
	close(ends[1]);
	if (r != 0) {
		close(ends[0]);
		return r;
	}
	p->generation = generation;
	p->pid = pid;
	p->pair = ends[0];
	return 0;
}

void
supervisor_tell(const struct peer *p, const struct pair_message *m)
{
	if (pair_send(p->pair, m) == FTX_E_BUSY)
		peer_kill(p);
}

static void
answer_dh(struct supervisor *s, struct peer *p, const struct pair_message *asked)
{
	struct pair_message answer = {.type = PAIR_DH_ANSWER};

	p->dh_given = true;
	p->kind = asked->asked.kind == HANDSHAKE_INVITE ? HANDSHAKE_INVITE : HANDSHAKE_SESSION;
	answer.dh.error =
	    key_holder_es(s->options->key, p->kind, asked->asked.ephemeral, answer.dh.with);
	supervisor_tell(p, &answer);
	sodium_memzero(&answer, sizeof(answer));
}

/* The client has proved its key.  Whoever it is, the greeter ends; a known one gets a session. */
static void
greeted(struct supervisor *s, struct peer *p, struct session_keys *keys)
{
	struct pair_message verdict = {.type = PAIR_PROCEED};
	const struct client_policy *client = sessions_admit(s, p, keys->client_key, &verdict.type);
	int greeter_pair = p->pair;

	p->greeted = true;
	p->known = verdict.type != PAIR_REFUSE;
	if (p->known)
		sources_known(s->sources, p->source, clock_ms());
	if (client != NULL && (sessions_prepare(s, p, client) != 0 ||
			       supervisor_start_child(s, p, keys, client) != 0)) {
		sessions_failed(s, p, client);
		verdict.type = PAIR_BUSY;
	}
	pair_send(greeter_pair, &verdict);
	if (verdict.type != PAIR_PROCEED)
		return; /* its end or its deadline frees p */
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, greeter_pair, NULL);
	close(greeter_pair);
	close(p->conn);
	p->conn = -1;
	p->deadline_ms = 0;
	sessions_began(s, p, client);
	session_keys_wipe(keys); /* those that are forked next are not to have them */
	admission_start_greeters(s);
}

/* One message of a child.  What it may not say now costs it its life. */
static void
child_said(struct supervisor *s, struct peer *p, struct pair_message *m)
{
	bool naming = p->state == PEER_GREETING && p->header_due;
	bool greeting = p->state == PEER_GREETING && !p->header_due;

	if (naming && m->type == PAIR_NAMED && !p->header_read) {
		p->header_read = true;
		p->named = m->named;
	} else if (greeting && m->type == PAIR_DH && !p->dh_given) {
		answer_dh(s, p, m);
	} else if (greeting && m->type == PAIR_PSK && p->dh_given && p->kind == HANDSHAKE_INVITE &&
		   !p->psk_given) {
		joining_tell_psk(s, p, m);
	} else if (greeting && m->type == PAIR_GREETED && p->psk_given && !p->greeted) {
		joining_proved(s, p, &m->keys);
	} else if (greeting && m->type == PAIR_GREETED && p->kind == HANDSHAKE_SESSION &&
		   !p->greeted) {
		greeted(s, p, &m->keys);
	} else if (greeting && m->type == PAIR_FAILED && !p->greeted && p->failed == 0 &&
		   m->failed_error < 0) {
		p->failed = m->failed_error;
	} else if (p->state == PEER_SESSION && m->type == PAIR_JOIN && p->joined == 0) {
		sessions_join(s, p, m);
	} else if (p->state == PEER_SESSION && m->type == PAIR_RESERVE && books_reserve(s, p, m)) {
		return;
	} else if (p->state == PEER_SESSION && m->type == PAIR_CHANGED && books_change(s, p, m)) {
		return;
	} else if (p->state == PEER_SESSION && m->type == PAIR_ENDED) {
		p->ended = *m;
		sessions_let_go(s, p);
	} else {
		log_error("a child said what it may not: killed address=%s", p->address);
		peer_kill(p);
	}
}

/* most: messages; what is left is told of again. */
static void
on_pair(struct supervisor *s, struct peer *p, unsigned most)
{
	uint32_t generation = p->generation;
	struct pair_message m;
	int r;

	/* Another generation: that child is no longer p's. */
	while (most-- > 0 && p->generation == generation && (r = pair_receive(p->pair, &m)) != 0) {
		if (r == FTX_E_CLOSED) {
			epoll_ctl(s->epoll, EPOLL_CTL_DEL, p->pair, NULL);
			break; /* the rest when it is reaped */
		}
		if (r == 1)
			child_said(s, p, &m);
		else
			peer_kill(p);
	}
	sodium_memzero(&m, sizeof(m));
	sodium_stackzero(4096);
}

static void
reap(struct supervisor *s)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct peer *p = peers_of_pid(&s->peers, pid);

		if (books_reap(s, pid, status) || operations_reaped(s, pid, status) || p == NULL)
			continue; /* a greeter whose client has its session is nobody's */
		p->pid = 0;
		if (p->state == PEER_GREETING) {
			/* It may have reported and ended before its report was read. */
			on_pair(s, p, LAST_MESSAGES);
			if (p->state == PEER_GREETING)
				admission_over(s, p, status);
			admission_start_greeters(s);
			continue;
		}
		on_pair(s, p, LAST_MESSAGES);
		sessions_over(s, p, status);
	}
}

/* The settings in force: what is given, or the default. */
static void
take_settings(struct supervisor *s, const struct supervisor_settings *given)
{
	s->settings = *given;
	if (given->max_connections == 0)
		s->settings.max_connections = SUPERVISOR_MAX_SESSIONS;
	if (given->max_handshakes == 0)
		s->settings.max_handshakes = SUPERVISOR_MAX_GREETERS;
	if (given->handshake_timeout_ms == 0)
		s->settings.handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS;
	if (given->stall_timeout_ms == 0)
		s->settings.stall_timeout_ms = SESSION_STALL_MS;
	if (given->drain_time_ms == 0)
		s->settings.drain_time_ms = DRAIN_TIME_MS;
	if (given->penalty_ms == 0)
		s->settings.penalty_ms = PENALTY_MS;
	if (given->penalty_max_ms == 0)
		s->settings.penalty_max_ms = PENALTY_MAX_MS;
	if (given->partial_expire_ms == 0)
		s->settings.partial_expire_ms = PARTIAL_EXPIRE_MS;
	if (given->quota_scan_ms == 0)
		s->settings.quota_scan_ms = QUOTA_SCAN_MS;
	assert(s->settings.max_connections <= SUPERVISOR_MAX_SESSIONS &&
	       s->settings.max_handshakes <= SUPERVISOR_MAX_GREETERS);
}

static int
take_reload(struct supervisor *s)
{
	const struct supervisor_options *options = s->options;
	struct supervisor_settings fresh = {0};
	const struct policy *unused = s->settings.policy;
	struct books books = {.ledger = NULL};
	int r = options->reload(options->arg, &fresh);

	if (r != 0)
		return r;
	if ((r = books_prepare(fresh.policy, &books)) == 0 &&
	    (r = sandbox_setup(&fresh.sandbox)) == 0) {
		take_settings(s, &fresh);
		books_take(s, &books);
		operations_reloaded(s);
		sessions_check(s);
		admission_start_greeters(s);
		log_info("the new configuration is in force");
	} else {
		log_error("the old configuration is kept");
		(void)sandbox_setup(&s->settings.sandbox); /* as it was before */
		books_drop(&books);
		unused = fresh.policy;
	}
	options->release(options->arg, unused);
	return r;
}

int
supervisor_reload(struct supervisor *s)
{
	int r;

	service_reloading(s->options->service);
	r = take_reload(s);
	service_ready(s->options->service);
	return r;
}

static void
on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap(s);
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
		on_pair(s, p, TURN_MESSAGES);
}

static int
wait_ms(const struct supervisor *s)
{
	uint64_t now = clock_ms();
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
	if (s->expiry_ms != 0 && s->expiry_ms < next)
		next = s->expiry_ms;
	if (books_next_ms(s) < next)
		next = books_next_ms(s);
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)(next - now + 1);
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

/* A descriptor for each session and pending connection, two for each greeter, and some more. */
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
	take_settings(&s, &options->settings);
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
