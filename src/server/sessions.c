/*
 * Who gets a session, and how long it lasts: limits, joining, changes of the policy, expiry.
 */
#include <string.h>
#include <sys/wait.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/secure/keyfile.h"
#include "src/server/supervisor_impl.h"

/* How often expiry is looked at: the wall clock may be set. */
#define LOOK_MS 10000u

/* Of a run: a get has one that lists and one that reads. */
#define FIRST_CONNECTIONS 2u

static bool
is_session_of(const struct peer *p, const char *client)
{
	return p->state == PEER_SESSION && strcmp(p->client, client) == 0;
}

unsigned
sessions_of(const struct supervisor *s, const char *client)
{
	unsigned count = 0;

	for (size_t i = 0; i < MAX_PEERS; i++)
		count += is_session_of(&s->peers.table[i], client);
	return count;
}

/*
 * Are there more sessions than there may be?  One more is let in, until it has said which
 * connection it is: it may be one without which nobody goes on.  most: of the client; 0: any number
 */
static bool
is_beyond(const struct supervisor *s, const char *client, unsigned most, enum refusal *why)
{
	*why = REFUSED_SESSIONS;
	if (s->peers.count[PEER_SESSION] > s->settings.max_connections)
		return true;
	*why = REFUSED_SESSIONS_OF_CLIENT;
	return most != 0 && sessions_of(s, client) > most;
}

/* What stands against a session for this client now.  false: nothing. */
static bool
objection(const struct supervisor *s, const struct client_policy *client, const struct peer *p,
	  enum pair_type *verdict, enum refusal *why)
{
	*verdict = PAIR_REFUSE;
	if (client == NULL) {
		*why = REFUSED_UNKNOWN_KEY;
		return true;
	}
	if (policy_refuses(client, &p->from.any, clock_wall_s(), why))
		return true;
	*verdict = PAIR_BUSY;
	if (is_beyond(s, client->name, client->max_connections, why))
		return true;
	*verdict = PAIR_PROCEED;
	return false;
}

const struct client_policy *
sessions_admit(struct supervisor *s, const struct peer *p, const uint8_t key[static KEY_BYTES],
	       enum pair_type *verdict)
{
	const struct client_policy *client = policy_find(s->settings.policy, key);
	char text[KEY_TEXT_CHARS + 1];
	enum refusal why;

	if (!objection(s, client, p, verdict, &why))
		return client;
	key_format(text, key);
	if (refusals_add(&s->refusals, why, clock_ms()))
		log_warning("refused reason=%s address=%s key=%s%s%s", refusal_name(why),
			    p->address, text, client != NULL ? " client=" : "",
			    client != NULL ? client->name : "");
	return NULL;
}

static int
share_rate(struct supervisor *s, struct peer *p, const struct client_policy *client)
{
	if (client->rate == 0)
		return 0;
	for (size_t i = 0; i < MAX_PEERS && p->rate == NULL; i++) {
		const struct peer *other = &s->peers.table[i];

		/* Those under an earlier policy have another one, and are ending. */
		if (is_session_of(other, client->name) &&
		    memcmp(other->fingerprint, client->fingerprint, sizeof(other->fingerprint)) ==
			0)
			p->rate = other->rate;
	}
	if (p->rate == NULL)
		p->rate = rate_new(client->rate);
	return p->rate != NULL ? 0 : FTX_E_NOMEM;
}

static void
leave_rate(struct supervisor *s, struct peer *p)
{
	struct rate *rate = p->rate;

	p->rate = NULL;
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (s->peers.table[i].rate == rate)
			return;
	rate_free(rate);
}

int
sessions_prepare(struct supervisor *s, struct peer *p, const struct client_policy *client)
{
	if ((p->activity = activity_new()) == NULL)
		return FTX_E_NOMEM;
	return share_rate(s, p, client);
}

void
sessions_failed(struct supervisor *s, struct peer *p, const struct client_policy *client)
{
	if (refusals_add(&s->refusals, REFUSED_FAILURE, clock_ms()))
		log_error("cannot start a session address=%s client=%s", p->address, client->name);
	activity_free(p->activity);
	p->activity = NULL;
	leave_rate(s, p);
}

/* Expiry is looked at again when the first of them expires, but soon enough in any case. */
static void
plan_look(struct supervisor *s, int64_t expires_s, uint64_t now_ms)
{
	int64_t left_s = expires_s - clock_wall_s();
	uint64_t at_ms = now_ms + LOOK_MS;

	if (left_s < (int64_t)(LOOK_MS / 1000))
		at_ms = now_ms + (left_s > 0 ? (uint64_t)left_s * 1000 : 1);
	if (s->expiry_ms == 0 || at_ms < s->expiry_ms)
		s->expiry_ms = at_ms;
}

void
sessions_began(struct supervisor *s, struct peer *p, const struct client_policy *client)
{
	enum refusal why;

	strcpy(p->client, client->name);
	memcpy(p->fingerprint, client->fingerprint, sizeof(p->fingerprint));
	p->expires_s = client->expires_s;
	p->max_connections = client->max_connections;
	books_began(s, p);
	peer_set_state(&s->peers, p, PEER_SESSION);
	operations_session_began(s, p);
	/* Who never says it keeps out whoever does. */
	if ((p->beyond = is_beyond(s, p->client, p->max_connections, &why)))
		peer_set_deadline(&s->peers, p, clock_ms() + s->settings.handshake_timeout_ms);
	if (p->expires_s != 0)
		plan_look(s, p->expires_s, clock_ms());
}

void
sessions_stop(struct supervisor *s, struct peer *p, int error)
{
	const struct pair_message stop = {.type = PAIR_STOP, .stop_error = error};

	if (p->stopped)
		return;
	p->stopped = true;
	children_tell(p, &stop);
	peer_set_deadline(&s->peers, p, clock_ms() + s->settings.drain_time_ms);
}

/* Is old one of p's client, run and stream that has joined and not let go of its files? */
static bool
is_same_stream(const struct peer *old, const struct peer *p)
{
	return old->state == PEER_SESSION && old->joined != 0 && old->ended.type != PAIR_ENDED &&
	       strcmp(old->client, p->client) == 0 && old->stream == p->stream &&
	       memcmp(old->session_id, p->session_id, sizeof(p->session_id)) == 0;
}

static bool
is_older(const struct peer *old, const struct peer *p)
{
	return is_same_stream(old, p) && old->joined < p->joined;
}

/*
 * Are so many connections there that what is left is for those without which nothing goes on?  A
 * fifth is: nobody's streams shall keep out somebody who has none yet.
 */
static bool
is_crowded(unsigned count, unsigned most)
{
	return count > most - most / 5;
}

/* The other connections of p's run, but for those that p replaces. */
static unsigned
sessions_of_run(const struct supervisor *s, const struct peer *p)
{
	unsigned count = 0;

	for (size_t i = 0; i < MAX_PEERS; i++) {
		const struct peer *other = &s->peers.table[i];

		count += is_session_of(other, p->client) && other->joined != 0 &&
			 other->stream != p->stream &&
			 memcmp(other->session_id, p->session_id, sizeof(p->session_id)) == 0;
	}
	return count;
}

/* Is p a further one of a run, and too many are there for it? */
static bool
is_in_a_crowd(const struct supervisor *s, const struct peer *p, enum refusal *why)
{
	if (sessions_of_run(s, p) < FIRST_CONNECTIONS)
		return false;
	*why = REFUSED_SESSIONS;
	if (is_crowded(s->peers.count[PEER_SESSION], s->settings.max_connections))
		return true;
	*why = REFUSED_SESSIONS_OF_CLIENT;
	return p->max_connections != 0 && is_crowded(sessions_of(s, p->client), p->max_connections);
}

/* Does a run have two connections, of one client or (NULL) of any?  Then it goes on and ends. */
static bool
goes_on(const struct supervisor *s, const char *client)
{
	for (size_t i = 0; i < MAX_PEERS; i++) {
		const struct peer *p = &s->peers.table[i];

		if (p->state == PEER_SESSION && p->joined != 0 &&
		    (client == NULL || strcmp(p->client, client) == 0) &&
		    sessions_of_run(s, p) + 1 >= FIRST_CONNECTIONS)
			return true;
	}
	return false;
}

static bool
has_older(const struct supervisor *s, const struct peer *p)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (is_same_stream(&s->peers.table[i], p))
			return true;
	return false;
}

/*
 * p is one session more than there may be.  Is it one without which nobody goes on?  Where runs of
 * one connection each fill all places, and they are gets, each waits for its second.
 */
static bool
is_needed(const struct supervisor *s, const struct peer *p, enum refusal why)
{
	return sessions_of_run(s, p) + 1 == FIRST_CONNECTIONS &&
	       !goes_on(s, why == REFUSED_SESSIONS ? NULL : p->client);
}

/* What stands against p, which has said whose connection it is?  false: nothing. */
static bool
is_too_many(const struct supervisor *s, const struct peer *p, enum refusal *why)
{
	if (has_older(s, p))
		return false; /* it takes the place of that one */
	if (p->beyond && is_beyond(s, p->client, p->max_connections, why))
		return !is_needed(s, p, *why);
	return is_in_a_crowd(s, p, why);
}

/* Further streams of who is served already are no news. */
static void
log_too_many(struct supervisor *s, const struct peer *p, enum refusal why)
{
	if (sessions_of_run(s, p) > 0)
		log_info("one more stream refused reason=%s address=%s client=%s",
			 refusal_name(why), p->address, p->client);
	else if (refusals_add(&s->refusals, why, clock_ms()))
		log_warning("refused reason=%s address=%s client=%s", refusal_name(why), p->address,
			    p->client);
}

/* p may begin when no older one is left; those there are get told to end. */
static void
join_after_older(struct supervisor *s, struct peer *p)
{
	const struct pair_message joined = {.type = PAIR_JOINED};

	p->replaces = NULL;
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *old = &s->peers.table[i];

		if (is_older(old, p)) {
			sessions_stop(s, old, FTX_E_REPLACED);
			p->replaces = old;
		}
	}
	if (p->replaces == NULL)
		children_tell(p, &joined);
}

void
sessions_join(struct supervisor *s, struct peer *p, const struct pair_message *asked)
{
	enum refusal why;

	memcpy(p->session_id, asked->join.session_id, sizeof(p->session_id));
	p->stream = asked->join.stream;
	if (!p->stopped)
		p->deadline_ms = 0;
	if (is_too_many(s, p, &why)) {
		log_too_many(s, p, why);
		sessions_stop(s, p, FTX_E_BUSY);
		return;
	}
	p->joined = ++s->peers.joined;
	join_after_older(s, p);
}

void
sessions_let_go(struct supervisor *s, const struct peer *p)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (s->peers.table[i].state == PEER_SESSION && s->peers.table[i].replaces == p)
			join_after_older(s, &s->peers.table[i]);
}

static void
log_end(const struct peer *p, int status)
{
	uint64_t now_ms = clock_ms();
	const char *reason = "died";
	struct activity_seen seen;

	if (p->ended.type == PAIR_ENDED)
		reason = p->ended.ended_error == 0 ? "done" : error_name(p->ended.ended_error);
	activity_look(p->activity, now_ms, &seen);
	log_info("session client=%s address=%s reason=%s status=%d seconds=%llu received=%llu "
		 "sent=%llu committed=%llu",
		 p->client, p->address, reason,
		 WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
		 (unsigned long long)((now_ms - p->began_ms) / 1000),
		 (unsigned long long)seen.received, (unsigned long long)seen.sent,
		 (unsigned long long)seen.committed);
}

void
sessions_over(struct supervisor *s, struct peer *p, int status)
{
	log_end(p, status);
	operations_session_over(s, p);
	/* Its key was known until now. */
	if (!admission_crashed(s, p, status))
		sources_known(s->sources, p->source, clock_ms());
	if (p->ended.type == PAIR_ENDED && p->ended.ended_error == 0)
		books_came(s, p);
	p->ended.type = PAIR_ENDED;
	sessions_let_go(s, p);
	leave_rate(s, p);
	peer_free(&s->peers, p);
}

/* What the new policy has against a session that the old one let in; 0: nothing. */
static int
changed(const struct supervisor *s, const struct peer *p)
{
	const struct client_policy *client = policy_of_name(s->settings.policy, p->client);
	enum refusal why;

	if (client == NULL || policy_refuses(client, &p->from.any, clock_wall_s(), &why))
		return FTX_E_KEY_REFUSED;
	if (memcmp(client->fingerprint, p->fingerprint, sizeof(p->fingerprint)) != 0)
		return FTX_E_RECONFIGURED;
	return 0;
}

void
sessions_check(struct supervisor *s)
{
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &s->peers.table[i];
		int error = p->state == PEER_SESSION ? changed(s, p) : 0;

		if (error != 0)
			sessions_stop(s, p, error);
	}
}

void
sessions_on_time(struct supervisor *s, uint64_t now_ms)
{
	int64_t now_s = clock_wall_s();

	if (s->expiry_ms == 0 || now_ms < s->expiry_ms)
		return;
	s->expiry_ms = 0;
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &s->peers.table[i];

		if (p->state != PEER_SESSION || p->expires_s == 0)
			continue;
		if (now_s >= p->expires_s)
			sessions_stop(s, p, FTX_E_KEY_REFUSED);
		else
			plan_look(s, p->expires_s, now_ms);
	}
}
