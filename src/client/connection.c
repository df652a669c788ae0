#include "src/client/connection_impl.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/clock.h"

#define CLOSE_MS 1000u

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
	c->heard_ms = clock_boot_ms();
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

bool
connection_is_damaged(const struct connection *c)
{
	return c->damaged;
}

bool
connection_is_lost(const struct connection *c)
{
	/* Only a connection of this very run takes over another's place. */
	if (c->closed_by_peer && c->error != FTX_E_CLOSED)
		return c->retryable && c->error != FTX_E_REPLACED;
	return c->error == FTX_E_CLOSED || c->error == FTX_E_NETWORK || c->error == FTX_E_TIMEOUT;
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
connection_set_cancel(struct connection *c, const struct cancel *cancel)
{
	c->options.cancel = cancel;
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
	else if (c->damaged)
		problem_set(p, error, SIDE_NETWORK, "what came was damaged on its way");
	else if (error == FTX_E_CLOSED || error == FTX_E_NETWORK)
		problem_set(p, error, SIDE_NETWORK, "the connection was lost");
	else
		problem_set(p, error, SIDE_LOCAL, NULL);
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
	int r = connection_flush(c);

	while (r == 0 &&
	       (c->count >= c->limit || (commit && c->commits >= LIMIT_UNANSWERED_COMMITS)))
		r = connection_turn(c, true);
	if (r != 0)
		return r;
	reply->done = false;
	problem_clear(&reply->problem);
	seal(c, m);
	if (c->count == 0)
		c->heard_ms = clock_boot_ms();
	slot = &c->window[(c->head + c->count) % LIMIT_UNANSWERED];
	*slot = (struct waiting){.request = m->type, .reply = reply};
	c->count++;
	c->commits += commit;
	if (m->type == MESSAGE_HELLO)
		c->state = STATE_HELLO_SENT;
	return connection_turn(c, false);
}

int
connection_wait_for(struct connection *c, const bool *flag)
{
	int r = 0;

	while (r == 0 && !*flag)
		r = connection_turn(c, true);
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
	int r = connection_flush(c);

	if (r != 0)
		return r;
	seal(c, m);
	return connection_turn(c, false);
}

int
connection_poll(struct connection *c)
{
	return connection_turn(c, false);
}

int
connection_chunk(struct connection *c, uint8_t **raw)
{
	int r = connection_flush(c);

	if (r == 0)
		r = connection_turn(c, false);
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
	r = connection_send_some(
	    c, &moved); /* connection_chunk() takes in what arrives, and explains */
	if (r == FTX_E_CLOSED || r == FTX_E_NETWORK)
		return connection_turn(c, false);
	return r == 0 ? 0 : connection_fail(c, r);
}

void
connection_close(struct connection *c)
{
	const struct message bye = {.type = MESSAGE_CLOSE};

	if (c == NULL)
		return;
	if (c->error == 0 && c->state == STATE_OPEN) {
		connection_grace(c, CLOSE_MS);
		if (connection_flush(c) == 0) {
			seal(c, &bye);
			(void)connection_flush(c);
		}
	}
	connection_free(c);
}
