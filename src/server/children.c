/*
 * DESIGN.  A child takes what it needs as arguments: the table of peers does not exist in it.  What
 * it says is trusted for nothing but its own figures, and what it may not say at that moment ends
 * it (pair.h).  Nobody waits for a child: it is heard when its pair or its log (session_log.h) has
 * something, and for the last time when it has been reaped.
 */
#include <errno.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/child.h"
#include "src/server/greeter.h"
#include "src/server/joining.h"
#include "src/server/session.h"
#include "src/server/session_log.h"
#include "src/server/supervisor_impl.h"

/* More than fit into the pair, and the log, of a child that is dead. */
#define LAST_MESSAGES 4096u
#define LAST_LINES    65536u

/* The supervisor's ends and the child's; those of log are -1 without a session. */
struct links {
	int pair[2], log[2];
};

static int
make_link(struct supervisor *s, int (*make)(int ends[static 2]), int ends[static 2])
{
	int r;

	/* FTX_E_NOMEM: no descriptors either. */
	do
		r = make(ends);
	while (r == FTX_E_NOMEM && admission_make_room(s));
	return r;
}

/* end: 0, the supervisor's, or 1. */
static void
close_links(const struct links *l, unsigned end)
{
	if (l->pair[end] >= 0)
		close(l->pair[end]);
	if (l->log[end] >= 0)
		close(l->log[end]);
}

/* generation: of p, when it has them. */
static int
make_links(struct supervisor *s, const struct peer *p, uint32_t generation, bool session,
	   struct links *l)
{
	size_t index = (size_t)(p - s->peers.table);
	int r;

	*l = (struct links){{-1, -1}, {-1, -1}};
	if ((r = make_link(s, pair_new, l->pair)) == 0)
		r = supervisor_watch(s, l->pair[0], EPOLLIN, EVENT_PAIR, index, generation);
	if (r == 0 && session && (r = make_link(s, session_log_new, l->log)) == 0)
		r = supervisor_watch(s, l->log[0], EPOLLIN, EVENT_LOG, index, generation);
	return r;
}

/* Forks; in the child only these are left of the supervisor's descriptors.  -1, 0, pid. */
static pid_t
fork_child(struct supervisor *s, const struct peer *p, const struct links *l)
{
	int conn = p->conn;
	pid_t pid = fork();

	if (pid == 0) {
		key_holder_forget(s->options->key);
		child_enter(conn, l->pair[1], l->log[1]);
	}
	return pid;
}

int
children_start(struct supervisor *s, struct peer *p, struct session_keys *keys,
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
	struct links links;
	pid_t pid = -1;
	int r;

	if (client != NULL)
		books_counted(s, client, settings.counted);
	key_holder_public(s->options->key, &server);
	r = make_links(s, p, generation, keys != NULL, &links);
	if (r == 0)
		r = rate_lend(settings.rate);
	if (r == 0)
		r = activity_lend(settings.activity);
	if (r == 0 && (pid = fork_child(s, p, &links)) == 0) {
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
	close_links(&links, 1);
	if (r != 0) {
		close_links(&links, 0);
		return r;
	}
	p->generation = generation;
	p->pid = pid;
	p->pair = links.pair[0];
	p->log = links.log[0];
	return 0;
}

void
children_tell(const struct peer *p, const struct pair_message *m)
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
	children_tell(p, &answer);
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
	if (client != NULL &&
	    (sessions_prepare(s, p, client) != 0 || children_start(s, p, keys, client) != 0)) {
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

/* Of PAIR_ENDED; it is counted by its name. */
static bool
is_error(int error)
{
	return error == 0 || (error < 0 && error_from_wire(-(unsigned)error) == error);
}

/* One message of a child.  What it may not say now costs it its life. */
static void
child_said(struct supervisor *s, struct peer *p, struct pair_message *m)
{
	bool naming = p->state == PEER_GREETING && p->header_due;
	bool greeting = p->state == PEER_GREETING && !p->header_due;

	if (p->state == PEER_GREETING && p->conn < 0)
		return; /* cut off: its time is over, or everybody's */
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
	} else if (p->state == PEER_SESSION && m->type == PAIR_ENDED &&
		   p->ended.type != PAIR_ENDED && is_error(m->ended_error)) {
		p->ended = *m;
		sessions_let_go(s, p);
	} else {
		log_error("a child said what it may not: killed address=%s", p->address);
		peer_kill(p);
	}
}

void
children_hear(struct supervisor *s, struct peer *p, unsigned most)
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

void
children_reap(struct supervisor *s)
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
			children_hear(s, p, LAST_MESSAGES);
			if (p->state == PEER_GREETING)
				admission_over(s, p, status);
			admission_start_greeters(s);
			continue;
		}
		if (p->log >= 0)
			session_log_hear(p, LAST_LINES);
		children_hear(s, p, LAST_MESSAGES);
		sessions_over(s, p, status);
	}
}
