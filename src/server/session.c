#include "src/server/session.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/server/charges.h"
#include "src/server/handlers.h"

/* Before a call that cannot be left, and how often while it goes on (PROTOCOL.md, "Liveness"). */
#define LONG_CALL_PATIENCE_S 300
#define WORKING_EVERY_MS     10000u

int
session_progress(struct session *s)
{
	struct message m = {.type = MESSAGE_WORKING};
	uint64_t now = clock_ms();
	int r = connection_stopped(&s->connection);

	if (r != 0 || !s->answering ||
	    (s->working_ms != 0 && now - s->working_ms < WORKING_EVERY_MS))
		return r;
	s->working_ms = now;
	m.working.patience_s = LONG_CALL_PATIENCE_S;
	return connection_send(&s->connection, &m);
}

void
session_working(void *session)
{
	/* A lost connection is noticed by whoever sends the answer. */
	(void)session_progress(session);
}

static int
welcome(struct session *s)
{
	struct message m = {.type = MESSAGE_WELCOME};
	struct share shares[LIMIT_SHARES];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	m.welcome.codecs = CODEC_MASK_ALL;
	m.welcome.handles = LIMIT_HANDLES;
	m.welcome.unanswered = LIMIT_UNANSWERED;
	randombytes_buf(m.welcome.node_id, sizeof(m.welcome.node_id));
	m.welcome.client = span_of(s->client->name);
	m.welcome.time_s = now.tv_sec;
	m.welcome.time_ns = (uint32_t)now.tv_nsec;
	m.welcome.shares.items = shares;
	for (size_t i = 0; i < s->subtree_count; i++) {
		const struct grant *grant = s->subtrees[i].grant;

		if ((grant->rights & RIGHT_LIST) != 0)
			shares[m.welcome.shares.count++] =
			    (struct share){.name = span_of(grant->share), .rights = grant->rights};
	}
	return connection_send(&s->connection, &m);
}

/* HELLO, JOIN, WELCOME: when the answer goes out, no older connection of this stream is alive. */
static int
handle_hello(struct session *s, const struct message *m)
{
	struct pair_message join = {.type = PAIR_JOIN};
	int r;

	memcpy(s->session_id, m->hello.session_id, sizeof(s->session_id));
	s->peer_codecs = m->hello.codecs | 1u << CODEC_RAW;
	memcpy(join.join.session_id, s->session_id, sizeof(s->session_id));
	join.join.stream = m->hello.stream;
	if (pair_send(s->connection.pair, &join) != 0)
		return FTX_E_STOPPING;
	if ((r = connection_await_joined(&s->connection)) != 0)
		return r;
	return welcome(s);
}

static int
handle_ping(struct session *s, const struct message *m)
{
	const struct message pong = {.type = MESSAGE_PONG};

	(void)m;
	return connection_send(&s->connection, &pong);
}

static int
dispatch(struct session *s, const struct message *m)
{
	/* Only what a client sends comes here; CLOSE does not. */
	/* clang-format off */
	static const struct {
		enum message_type type;
		int (*handle)(struct session *, const struct message *);
	} table[] = {
	    {MESSAGE_WRITE, handle_write},
	    {MESSAGE_HOLE, handle_hole},
	    {MESSAGE_PACK, handle_pack},
	    {MESSAGE_READ, handle_read},
	    {MESSAGE_FETCH, handle_fetch},
	    {MESSAGE_STAT, handle_stat},
	    {MESSAGE_OPEN, handle_open},
	    {MESSAGE_CHECKPOINT, handle_checkpoint},
	    {MESSAGE_COMMIT, handle_commit},
	    {MESSAGE_COMMIT_PACKS, handle_commit_packs},
	    {MESSAGE_OFFER, handle_offer},
	    {MESSAGE_MKDIR, handle_mkdir},
	    {MESSAGE_SYMLINK, handle_symlink},
	    {MESSAGE_LINK, handle_link},
	    {MESSAGE_SETMETA, handle_setmeta},
	    {MESSAGE_REMOVE, handle_remove},
	    {MESSAGE_RENAME, handle_rename},
	    {MESSAGE_RELEASE, handle_release},
	    {MESSAGE_SYNC, handle_sync},
	    {MESSAGE_LIST, handle_list},
	    {MESSAGE_NEXT, handle_next},
	    {MESSAGE_STATFS, handle_statfs},
	    {MESSAGE_DIGEST, handle_digest},
	    {MESSAGE_BEGIN, handle_begin},
	    {MESSAGE_PUBLISH, handle_publish},
	    {MESSAGE_PING, handle_ping},
	    {MESSAGE_HELLO, handle_hello},
	};
	/* clang-format on */
	bool hold;
	int r;

	activity_begin(s->connection.activity, (unsigned)m->type);
	s->answering = message_info(m->type)->kind == KIND_REQUEST;
	s->working_ms = 0;
	/* These change nothing but partials. */
	hold = m->type != MESSAGE_WRITE && m->type != MESSAGE_HOLE;
	if (hold && (r = filling_hold(s)) != 0)
		return r;
	r = FTX_E_PROTOCOL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].type == m->type) {
			r = table[i].handle(s, m);
			break;
		}
	if (hold)
		filling_let_go(s);
	charges_tell(s);
	s->answering = false;
	activity_begin(s->connection.activity, 0);
	return r;
}

/* Reads and handles requests until the connection is over.  0: the client said CLOSE. */
static int
serve(struct session *s)
{
	unsigned state = STATE_NEW;

	for (;;) {
		const struct message_info *info;
		struct message m;
		uint8_t *plain;
		size_t length;
		int r;

		if ((r = connection_receive(&s->connection, &plain, &length)) != 0) {
			s->broken = r == FTX_E_PROTOCOL;
			return r;
		}
		if (message_decode(&m, &s->arena, plain, length) != 0)
			return FTX_E_PROTOCOL;
		info = message_info(m.type);
		if ((info->sender & SENDER_CLIENT) == 0 || (info->states & state) == 0)
			return FTX_E_PROTOCOL;
		if (m.type == MESSAGE_CLOSE)
			return 0;
		if ((r = dispatch(s, &m)) != 0)
			return r;
		state = STATE_OPEN;
	}
}

/* Says why, where there is still somebody to say it to. */
static void
say_goodbye(struct session *s, int error)
{
	struct message m = {.type = MESSAGE_CLOSE};

	if (error == 0 || s->broken || error == FTX_E_CLOSED || error == FTX_E_NETWORK ||
	    error == FTX_E_TIMEOUT)
		return;
	m.close.code = (uint16_t)-error;
	m.close.retryable = error_retryable(error);
	if (connection_send(&s->connection, &m) == 0)
		connection_linger(&s->connection);
}

/* Unheard, a session counts as one that died, and its client as one that did not come. */
static void
report(struct session *s, int error)
{
	struct pair_message m = {.type = PAIR_ENDED};

	m.ended_error = error;
	(void)connection_tell(&s->connection, &m); /* a supervisor that is gone counts nothing */
}

_Noreturn void
session_run(int conn, int pair, struct session_keys *keys, const struct client_policy *client,
	    const struct session_settings *settings)
{
	struct session *s = calloc(1, sizeof(*s));
	int r = FTX_E_NOMEM;

	if (s == NULL)
		_exit(1);
	s->client = client;
	s->share_watch = settings->share_watch;
	s->node = settings->node;
	for (size_t i = 0; i < LIMIT_SHARES; i++)
		s->charges[i].counted = settings->counted[i];
	memcpy(s->client_key, keys->client_key, sizeof(s->client_key));
	s->connection.pair = pair;
	s->connection.stall_ms = settings->stall_ms;
	s->connection.rate = settings->rate;
	s->connection.activity = settings->activity;
	s->file_log = settings->file_log;
	s->connection.channel = channel_new(conn, keys, CHANNEL_SERVER);
	memcpy(s->match_key, keys->match_key, sizeof(s->match_key));
	session_keys_wipe(keys);
	s->decoder = decoder_new();
	s->encoder = encoder_new();
	if (s->connection.channel == NULL)
		_exit(1);
	if (s->decoder != NULL && s->encoder != NULL && (r = session_enter(s)) == 0)
		r = serve(s);
	handles_close(s);
	walks_close(s);
	filling_end(s);
	packing_end(s);
	subtrees_close(s);
	charges_end(s);
	report(s, r);
	say_goodbye(s, r);
	channel_free(s->connection.channel);
	_exit(0);
}
