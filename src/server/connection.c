#include "src/server/connection.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "proto/errors.h"
#include "src/base/clock.h"

#define PAIR_LOOK_MS                                                                               \
	200u /* a busy connection never waits, so the pair is looked at this often                 \
	      */
#define LINGER_MS 2000u
#define LAST_MS	  5000u /* for a record that is on its way when the session is to end */

static void
look_at_pair(struct connection *c)
{
	struct pair_message m;
	int r;

	while ((r = pair_receive(c->pair, &m)) == 1) {
		if (m.type == PAIR_JOINED)
			c->joined = true;
		else if (m.type == PAIR_STOP)
			c->stop_error = m.stop_error;
		else if (m.type == PAIR_RESERVED) {
			c->reserved = true;
			c->reservation = m;
		}
	}
	c->alone |= r < 0;
	if (r < 0 && c->stop_error == 0)
		c->stop_error = FTX_E_STOPPING;
	c->pair_looked_ms = clock_ms();
}

/*
 * Waits for events on the socket, or for the pair to speak.  0, or FTX_E_TIMEOUT after
 * timeout_ms (-1: never).
 */
static int
wait_for(struct connection *c, short events, int timeout_ms)
{
	struct pollfd pfds[2] = {
	    {.fd = channel_fd(c->channel), .events = events},
	    {.fd = c->stop_error != 0 ? -1 : c->pair, .events = POLLIN},
	};
	int n = poll(pfds, 2, timeout_ms);

	if (n == 0)
		return FTX_E_TIMEOUT;
	if (n > 0 && pfds[1].revents != 0)
		look_at_pair(c);
	return 0; /* EINTR too: the caller tries again */
}

static size_t
piece(const struct connection *c)
{
	return c->rate != NULL ? rate_piece(c->rate) : SIZE_MAX;
}

/* After bytes were moved: until the rate allows more, or the supervisor says to end. */
static void
keep_rate(struct connection *c, size_t bytes)
{
	uint64_t now = clock_ns();
	uint64_t next = c->rate != NULL && bytes > 0 ? rate_take(c->rate, bytes, now) : 0;

	for (; next > now && c->stop_error == 0; now = clock_ns()) {
		const struct timespec left = {.tv_sec = (time_t)((next - now) / 1000000000),
					      .tv_nsec = (long)((next - now) % 1000000000)};
		struct pollfd pfd = {.fd = c->pair, .events = POLLIN};

		if (ppoll(&pfd, 1, &left, NULL) > 0)
			look_at_pair(c);
	}
}

static void
look_now_and_then(struct connection *c)
{
	if (clock_ms() - c->pair_looked_ms >= PAIR_LOOK_MS)
		look_at_pair(c);
}

int
connection_stopped(struct connection *c)
{
	look_now_and_then(c);
	return c->stop_error;
}

int
connection_receive(struct connection *c, uint8_t **plain, size_t *length)
{
	uint64_t last_byte_ms = clock_ms();

	look_now_and_then(c);
	for (;;) {
		size_t got = 0;
		int r;

		if (c->stop_error != 0)
			return c->stop_error;
		r = channel_receive(c->channel, piece(c), plain, length, &got);
		activity_moved(c->activity, got, 0, clock_ms());
		keep_rate(c, got);
		if (r != 0)
			return r < 0 ? r : 0;
		if (got > 0)
			last_byte_ms = clock_ms();
		if (channel_mid_record(c->channel) && clock_ms() - last_byte_ms >= c->stall_ms)
			return FTX_E_TIMEOUT;
		wait_for(c, POLLIN, channel_mid_record(c->channel) ? (int)c->stall_ms : -1);
	}
}

uint8_t *
connection_payload(struct connection *c, enum message_type type)
{
	return channel_plain(c->channel) + message_head_bytes(type);
}

/* The sealed record. */
static int
flush(struct connection *c)
{
	for (;;) {
		size_t sent = 0;
		int r = channel_flush(c->channel, piece(c), &sent);

		activity_moved(c->activity, 0, sent, clock_ms());
		keep_rate(c, sent);
		if (r <= 0)
			return r;
		r = wait_for(c, POLLOUT, (int)(c->stop_error != 0 ? LAST_MS : c->stall_ms));
		if (r != 0)
			return r;
	}
}

int
connection_send(struct connection *c, const struct message *m)
{
	size_t length;
	int r;

	if (c->send_error != 0)
		return c->send_error;
	look_now_and_then(c);
	if (c->stop_error != 0 && message_info(m->type)->kind == KIND_PART)
		return c->stop_error;
	r = message_encode(m, channel_plain(c->channel), LIMIT_RECORD_PLAIN, &length);
	assert(r == 0);
	channel_seal(c->channel, length);
	c->send_error = flush(c);
	if (c->send_error != 0)
		channel_drop_unsent(c->channel);
	return c->send_error;
}

int
connection_await_joined(struct connection *c)
{
	while (!c->joined && c->stop_error == 0) {
		struct pollfd pfd = {.fd = c->pair, .events = POLLIN};

		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return FTX_E_STOPPING;
		look_at_pair(c);
	}
	return c->stop_error;
}

int
connection_tell(struct connection *c, const struct pair_message *m)
{
	int r;

	while ((r = pair_send(c->pair, m)) == FTX_E_BUSY) {
		struct pollfd pfd = {.fd = c->pair, .events = POLLOUT};

		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return FTX_E_STOPPING;
	}
	return r == 0 ? 0 : FTX_E_STOPPING;
}

int
connection_reserve(struct connection *c, const struct pair_message *asked,
		   struct pair_message *answer)
{
	int r;

	c->reserved = false;
	if ((r = connection_tell(c, asked)) != 0)
		return r;
	while (!c->reserved && !c->alone) {
		struct pollfd pfd = {.fd = c->pair, .events = POLLIN};

		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return FTX_E_STOPPING;
		look_at_pair(c);
	}
	*answer = c->reservation;
	return c->reserved ? 0 : FTX_E_STOPPING;
}

void
connection_linger(struct connection *c)
{
	uint64_t end_ms = clock_ms() + LINGER_MS;
	int fd = channel_fd(c->channel);
	char sink[4096];

	shutdown(fd, SHUT_WR);
	for (;;) {
		uint64_t now = clock_ms();
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		if (now >= end_ms || poll(&pfd, 1, clock_wait(now, end_ms)) <= 0 ||
		    recv(fd, sink, sizeof(sink), 0) <= 0)
			return;
	}
}
