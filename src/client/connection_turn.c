/*
 * All sending and receiving happens in connection_turn(): it sends what goes without waiting,
 * receives what is there, and only when neither moved waits for either.  Every other function
 * prepares a record and calls it until its own wish is fulfilled.
 */
#include "src/client/connection_impl.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/bucket.h"

#define TICK_MS	   1000u /* how often a silent connection is looked at */
#define UNHEARD_MS 1000u

int
connection_fail(struct connection *c, int error)
{
	if (error != FTX_E_INTERRUPTED && c->error == 0)
		c->error = error;
	return error;
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
	c->heard_ms = clock_boot_ms();
	if (c->options.bucket != NULL && sending == c->options.limit_sending)
		bucket_spend(c->options.bucket, bytes);
}

/* Sends what goes.  *moved is set where something went. */
int
connection_send_some(struct connection *c, bool *moved)
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
	/*
	 * No peer that holds the keys has said what does not open: the network spoilt it, or
	 * somebody on it.
	 */
	if (r == FTX_E_PROTOCOL) {
		c->damaged = true;
		return FTX_E_NETWORK;
	}
	if (r <= 0)
		return r;
	c->heard_ms = clock_boot_ms();
	*moved = true;
	return connection_take(c, plain, length);
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

/*
 * Is something on its way, and has the peer's kernel said nothing for a while?  One that lives does
 * at once, also where its program takes nothing.
 */
static bool
is_unheard(const struct connection *c)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	return getsockopt(channel_fd(c->channel), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_unacked > 0 && info.tcpi_last_ack_recv >= UNHEARD_MS;
}

/* 0, or FTX_E_TIMEOUT where something is owed and silence has lasted too long. */
static int
check_stall(struct connection *c)
{
	/* The server's clock went on while this machine was suspended. */
	uint64_t now = clock_boot_ms();
	uint64_t patience = c->options.timeout_ms;

	if (c->grace_until_ms != 0 && clock_ms() >= c->grace_until_ms)
		return FTX_E_TIMEOUT;
	if (peer_takes(c) || (c->count == 0 && !is_unheard(c)))
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
		c->heard_ms = clock_boot_ms(); /* our own doing */
		return !cancellable && clock_ms() >= c->grace_until_ms ? FTX_E_TIMEOUT : 0;
	}
	return n == 0 ? check_stall(c) : 0;
}

int
connection_turn(struct connection *c, bool wait)
{
	bool moved = false;
	int r;

	assert(!c->receiving);
	if (c->error != 0)
		return c->error;
	if (c->grace_until_ms == 0 && cancel_requested(c->options.cancel))
		return FTX_E_INTERRUPTED;
	r = connection_send_some(c, &moved);
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
	return r == 0 ? 0 : connection_fail(c, r);
}

int
connection_flush(struct connection *c)
{
	int r = c->error;

	while (r == 0 && channel_unsent(c->channel) > 0)
		r = connection_turn(c, true);
	return r;
}
