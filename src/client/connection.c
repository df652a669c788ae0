/*
 * All sending and receiving happens in turn(): it sends what goes without waiting, receives what is
 * there, and only when neither moved waits for either.  Every other function prepares a record and
 * calls it until its own wish is fulfilled.
 */
#include "src/client/connection.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/client/bucket.h"
#include "src/secure/channel.h"

#define TICK_MS	 1000u /* how often a silent connection is looked at */
#define CLOSE_MS 1000u

struct waiting {
	enum message_type request;
	struct reply *reply;
};

struct connection {
	struct channel *channel;
	struct connection_options options;
	enum aead_id aead;
	uint8_t match_key[MATCH_KEY_BYTES];
	enum connection_state state;
	int error;
	bool closed_by_peer; /* error came with CLOSE */
	bool receiving;	     /* a callback runs: it must not send */

	/* Requests without their final answer, oldest first. */
	struct waiting window[LIMIT_UNANSWERED];
	unsigned head, count, limit, commits;
	struct reply nobody; /* of requests whose answers are not wanted any more */

	/* The stall clock. */
	uint64_t heard_ms;    /* the last sign of life, or when an answer began to be owed */
	uint64_t patience_ms; /* of WORKING, until the next message */
	int unacknowledged;   /* bytes the peer's kernel had not taken when last looked */

	uint64_t grace_until_ms; /* 0: cancellation counts */
	struct message message;
	struct message_arena arena;
};

struct connection *
connection_new(int fd, const struct session_keys *keys, const struct connection_options *options)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->channel = channel_new(fd, keys, CHANNEL_CLIENT);
	if (c->channel == NULL) {
		free(c);
		return NULL;
	}
	c->options = *options;
	c->aead = keys->aead;
	memcpy(c->match_key, keys->match_key, sizeof(c->match_key));
	c->state = STATE_NEW;
	c->limit = LIMIT_UNANSWERED;
	c->heard_ms = clock_ms();
	return c;
}

void
connection_free(struct connection *c)
{
	if (c == NULL)
		return;
	channel_free(c->channel);
	explicit_bzero(c->match_key, sizeof(c->match_key));
	free(c);
}

int
connection_error(const struct connection *c)
{
	return c->error;
}

uint32_t
connection_rtt_us(const struct connection *c)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(channel_fd(c->channel), IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return 0;
	return info.tcpi_rtt;
}

enum aead_id
connection_aead(const struct connection *c)
{
	return c->aead;
}

const uint8_t *
connection_match_key(const struct connection *c)
{
	return c->match_key;
}

void
connection_set_window(struct connection *c, unsigned unanswered)
{
	if (unanswered < LIMIT_UNANSWERED)
		c->limit = unanswered > 0 ? unanswered : 1;
}

void
connection_grace(struct connection *c, uint64_t ms)
{
	c->grace_until_ms = clock_ms() + ms;
	c->options.bucket = NULL;
}

void
connection_explain(const struct connection *c, struct problem *p)
{
	int error = c->error;

	if (error == FTX_E_PROTOCOL && c->closed_by_peer)
		problem_set(p, error, SIDE_REMOTE, "the server says we broke the protocol");
	else if (error == FTX_E_PROTOCOL || error == FTX_E_KEY_REFUSED || c->closed_by_peer)
		problem_set(p, error, SIDE_REMOTE, NULL);
	else if (error == FTX_E_TIMEOUT)
		problem_set(p, error, SIDE_NETWORK, "the server does not answer any more");
	else if (error == FTX_E_CLOSED || error == FTX_E_NETWORK)
		problem_set(p, error, SIDE_NETWORK, "the connection was lost");
	else
		problem_set(p, error, SIDE_LOCAL, NULL);
}

static int
fail(struct connection *c, int error)
{
	if (error != FTX_E_INTERRUPTED && c->error == 0)
		c->error = error;
	return error;
}

/* Which messages answer a request, beside ERROR and WORKING. */
static const struct {
	enum message_type request, answer;
} answers[] = {
    {MESSAGE_HELLO, MESSAGE_WELCOME},
    {MESSAGE_PING, MESSAGE_PONG},
    {MESSAGE_STAT, MESSAGE_ENTRY},
    {MESSAGE_OPEN, MESSAGE_HAVE},
    {MESSAGE_CHECKPOINT, MESSAGE_OK},
    {MESSAGE_RELEASE, MESSAGE_OK},
    {MESSAGE_SYNC, MESSAGE_OK},
    {MESSAGE_COMMIT, MESSAGE_COMMITTED},
    {MESSAGE_READ, MESSAGE_DATA},
    {MESSAGE_READ, MESSAGE_DATA_HOLE},
    {MESSAGE_READ, MESSAGE_DONE},
    {MESSAGE_OFFER, MESSAGE_VERDICTS},
    {MESSAGE_COMMIT_PACKS, MESSAGE_COMMITTED_PACKS},
    {MESSAGE_MKDIR, MESSAGE_STATUSES},
    {MESSAGE_SYMLINK, MESSAGE_STATUSES},
    {MESSAGE_LINK, MESSAGE_STATUSES},
    {MESSAGE_SETMETA, MESSAGE_STATUSES},
    {MESSAGE_REMOVE, MESSAGE_STATUSES},
    {MESSAGE_RENAME, MESSAGE_STATUSES},
    {MESSAGE_LIST, MESSAGE_OK},
    {MESSAGE_NEXT, MESSAGE_ENTRIES},
    {MESSAGE_NEXT, MESSAGE_MORE},
    {MESSAGE_NEXT, MESSAGE_LIST_DONE},
    {MESSAGE_FETCH, MESSAGE_DATA_PACK},
    {MESSAGE_FETCH, MESSAGE_FETCHED},
    {MESSAGE_STATFS, MESSAGE_SPACE},
    {MESSAGE_DIGEST, MESSAGE_DIGESTS},
    {MESSAGE_BEGIN, MESSAGE_BEGUN},
    {MESSAGE_PUBLISH, MESSAGE_PUBLISHED},
};

static bool
answers_request(enum message_type type, enum message_type request)
{
	if (type == MESSAGE_ERROR || type == MESSAGE_WORKING)
		return true;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].request == request && answers[i].answer == type)
			return true;
	return false;
}

static void
take_error(struct reply *reply, const struct message_error *e)
{
	struct problem *p = &reply->problem;
	int error = error_from_wire(e->code);

	problem_set(p, error, SIDE_REMOTE, NULL);
	p->retryable = e->retryable != 0;
	if (e->text.length > 0)
		display_escape(p->text, sizeof(p->text), e->text.data, e->text.length);
}

/* A part or an answer of the oldest request. */
static int
answer(struct connection *c, const struct message *m, bool final)
{
	struct waiting *oldest = &c->window[c->head];
	struct reply *reply = oldest->reply;
	int r = 0;

	if (c->count == 0 || !answers_request(m->type, oldest->request))
		return FTX_E_PROTOCOL;
	c->patience_ms = 0;
	if (m->type == MESSAGE_WORKING) {
		c->patience_ms = m->working.patience_s * UINT64_C(1000);
		return 0;
	}
	if (m->type == MESSAGE_ERROR)
		take_error(reply, &m->error);
	if (reply->on_message != NULL) {
		c->receiving = true;
		r = reply->on_message(reply->arg, m);
		c->receiving = false;
	}
	if (r != 0 || !final)
		return r;
	if (oldest->request == MESSAGE_COMMIT)
		c->commits--;
	if (m->type == MESSAGE_WELCOME)
		c->state = STATE_OPEN;
	c->head = (c->head + 1) % LIMIT_UNANSWERED;
	c->count--;
	reply->done = true;
	return 0;
}

static int
closing(struct connection *c, const struct message *m)
{
	c->closed_by_peer = true;
	if (m->type == MESSAGE_REFUSED)
		return FTX_E_KEY_REFUSED;
	if (m->close.code == 0)
		return FTX_E_CLOSED;
	return error_from_wire(m->close.code);
}

static int
dispatch(struct connection *c, const uint8_t *plain, size_t length)
{
	const struct message_info *info;
	int r = message_decode(&c->message, &c->arena, plain, length);

	if (r != 0)
		return r;
	info = message_info(c->message.type);
	if ((info->sender & SENDER_SERVER) == 0 || (info->states & c->state) == 0)
		return FTX_E_PROTOCOL;
	switch (info->kind) {
	case KIND_PART:
		return answer(c, &c->message, false);
	case KIND_ANSWER:
		return answer(c, &c->message, true);
	case KIND_CLOSING:
		return closing(c, &c->message);
	case KIND_REQUEST:
	case KIND_UNANSWERED:
		break;
	}
	return FTX_E_PROTOCOL;
}

/* What this direction may move now. */
static size_t
budget(struct connection *c, bool sending)
{
	if (c->options.bucket == NULL || sending != c->options.limit_sending)
		return SIZE_MAX;
	return bucket_budget(c->options.bucket, clock_ns());
}

static void
spend(struct connection *c, bool sending, size_t bytes)
{
	if (bytes == 0)
		return;
	c->heard_ms = clock_ms();
	if (c->options.bucket != NULL && sending == c->options.limit_sending)
		bucket_spend(c->options.bucket, bytes);
}

/* Sends what goes.  *moved is set where something went. */
static int
send_some(struct connection *c, bool *moved)
{
	size_t room, sent = 0;
	int r;

	if (channel_unsent(c->channel) == 0 || (room = budget(c, true)) == 0)
		return 0;
	r = channel_flush(c->channel, room, &sent);
	spend(c, true, sent);
	*moved = *moved || sent > 0;
	return r < 0 ? r : 0;
}

/* Takes in at most one message. */
static int
receive_some(struct connection *c, bool *moved)
{
	size_t room = budget(c, false);
	size_t length, received = 0;
	uint8_t *plain;
	int r;

	if (room == 0 && !channel_has_record(c->channel))
		return 0;
	r = channel_receive(c->channel, room, &plain, &length, &received);
	spend(c, false, received);
	if (r <= 0)
		return r;
	c->heard_ms = clock_ms();
	*moved = true;
	return dispatch(c, plain, length);
}

/* Did the peer's kernel take something since the last look?  Then the network lives. */
static bool
peer_takes(struct connection *c)
{
	int pending = 0;
	bool fewer;

	if (ioctl(channel_fd(c->channel), SIOCOUTQ, &pending) != 0)
		return false;
	fewer = pending < c->unacknowledged;
	c->unacknowledged = pending;
	return fewer;
}

/* 0, or FTX_E_TIMEOUT where an answer is owed and silence has lasted too long. */
static int
check_stall(struct connection *c)
{
	uint64_t now = clock_ms();
	uint64_t patience = c->options.timeout_ms;

	if (c->grace_until_ms != 0 && now >= c->grace_until_ms)
		return FTX_E_TIMEOUT;
	if (peer_takes(c) || c->count == 0)
		c->heard_ms = now;
	if (c->patience_ms > patience)
		patience = c->patience_ms;
	return now - c->heard_ms >= patience ? FTX_E_TIMEOUT : 0;
}

static int
wait_ready(struct connection *c)
{
	size_t out = channel_unsent(c->channel) > 0 ? budget(c, true) : 0;
	size_t in = budget(c, false);
	bool held_back = in == 0 || (out == 0 && channel_unsent(c->channel) > 0);
	bool cancellable = c->grace_until_ms == 0;
	struct pollfd fds[2] = {
	    {.fd = channel_fd(c->channel),
	     .events = (short)((in > 0 ? POLLIN : 0) | (out > 0 ? POLLOUT : 0))},
	    {.fd = cancellable ? c->options.cancel->fd : -1, .events = POLLIN},
	};
	int timeout = held_back ? bucket_wait_ms(c->options.bucket) : (int)TICK_MS;
	int n;

	if (c->options.timeout_ms < (uint64_t)timeout)
		timeout = (int)c->options.timeout_ms;
	if (!cancellable && timeout > 100)
		timeout = 100;
	n = poll(fds, 2, timeout);
	if (n < 0 && errno != EINTR)
		return error_from_errno(errno);
	if (held_back) {
		c->heard_ms = clock_ms(); /* our own doing */
		return !cancellable && clock_ms() >= c->grace_until_ms ? FTX_E_TIMEOUT : 0;
	}
	return n == 0 ? check_stall(c) : 0;
}

static int
turn(struct connection *c, bool wait)
{
	bool moved = false;
	int r;

	assert(!c->receiving);
	if (c->error != 0)
		return c->error;
	if (c->grace_until_ms == 0 && cancel_requested(c->options.cancel))
		return FTX_E_INTERRUPTED;
	r = send_some(c, &moved);
	if (r == 0)
		r = receive_some(c, &moved);
	else if (r == FTX_E_CLOSED || r == FTX_E_NETWORK) {
		/* The server's last words may say why it closed. */
		int said;

		do {
			moved = false;
			said = receive_some(c, &moved);
		} while (said == 0 && moved);
		if (c->closed_by_peer)
			r = said;
	}
	if (r == 0 && !moved && wait)
		r = wait_ready(c);
	return r == 0 ? 0 : fail(c, r);
}

static int
flush(struct connection *c)
{
	int r = c->error;

	while (r == 0 && channel_unsent(c->channel) > 0)
		r = turn(c, true);
	return r;
}

/* Encodes and seals; the caller has made sure that nothing is unsent. */
static int
seal(struct connection *c, const struct message *m)
{
	size_t length;
	int r = message_encode(m, channel_plain(c->channel), LIMIT_RECORD_PLAIN, &length);

	assert(r == 0); /* what we say is ours to get right */
	channel_seal(c->channel, length);
	return r;
}

int
connection_request(struct connection *c, const struct message *m, struct reply *reply)
{
	bool commit = m->type == MESSAGE_COMMIT;
	struct waiting *slot;
	int r = flush(c);

	while (r == 0 &&
	       (c->count >= c->limit || (commit && c->commits >= LIMIT_UNANSWERED_COMMITS)))
		r = turn(c, true);
	if (r != 0)
		return r;
	reply->done = false;
	problem_clear(&reply->problem);
	seal(c, m);
	if (c->count == 0)
		c->heard_ms = clock_ms();
	slot = &c->window[(c->head + c->count) % LIMIT_UNANSWERED];
	*slot = (struct waiting){.request = m->type, .reply = reply};
	c->count++;
	c->commits += commit;
	if (m->type == MESSAGE_HELLO)
		c->state = STATE_HELLO_SENT;
	return turn(c, false);
}

int
connection_wait_for(struct connection *c, const bool *flag)
{
	int r = 0;

	while (r == 0 && !*flag)
		r = turn(c, true);
	return r;
}

int
connection_wait(struct connection *c, const struct reply *reply)
{
	return connection_wait_for(c, &reply->done);
}

void
connection_abandon(struct connection *c, const struct reply *reply)
{
	for (unsigned i = 0; i < LIMIT_UNANSWERED; i++)
		if (c->window[i].reply == reply)
			c->window[i].reply = &c->nobody;
}

/* r: why there is no answer, or 0. */
static int
settle(struct connection *c, int r, struct reply *reply)
{
	if (r == 0)
		return reply->problem.error;
	/* Interrupted: the answer may still come, and reply be gone. */
	connection_abandon(c, reply);
	if (c->error != 0)
		connection_explain(c, &reply->problem);
	else
		problem_set(&reply->problem, r, SIDE_LOCAL, NULL);
	return r;
}

int
connection_answer(struct connection *c, struct reply *reply)
{
	return settle(c, connection_wait(c, reply), reply);
}

int
connection_call(struct connection *c, const struct message *m, struct reply *reply)
{
	int r = connection_request(c, m, reply);

	return settle(c, r != 0 ? r : connection_wait(c, reply), reply);
}

int
connection_tell(struct connection *c, const struct message *m)
{
	int r = flush(c);

	if (r != 0)
		return r;
	seal(c, m);
	return turn(c, false);
}

int
connection_poll(struct connection *c)
{
	return turn(c, false);
}

int
connection_chunk(struct connection *c, uint8_t **raw)
{
	int r = flush(c);

	if (r == 0)
		r = turn(c, false);
	if (r != 0)
		return r;
	*raw = channel_plain(c->channel) + message_head_bytes(MESSAGE_WRITE);
	return 0;
}

int
connection_send_chunk(struct connection *c, const struct message *m)
{
	bool moved = false;
	int r;

	seal(c, m);
	r = send_some(c, &moved); /* connection_chunk() takes in what arrives, and explains */
	if (r == FTX_E_CLOSED || r == FTX_E_NETWORK)
		return turn(c, false);
	return r == 0 ? 0 : fail(c, r);
}

void
connection_close(struct connection *c)
{
	const struct message bye = {.type = MESSAGE_CLOSE};

	if (c == NULL)
		return;
	if (c->error == 0 && c->state == STATE_OPEN) {
		connection_grace(c, CLOSE_MS);
		if (flush(c) == 0) {
			seal(c, &bye);
			(void)flush(c);
		}
	}
	connection_free(c);
}
