#include "src/server/greeter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/message.h"
#include "src/base/clock.h"
#include "src/secure/record.h"
#include "src/server/pair.h"
#include "src/server/proxy.h"
#include "src/server/sandbox.h"

struct greeter {
	int conn;
	int pair;
	uint64_t deadline_ms;
};

/* Waits until conn is ready for events.  0, FTX_E_TIMEOUT or FTX_E_CLOSED. */
static int
wait_for(const struct greeter *g, short events)
{
	uint64_t now = clock_ms();
	struct pollfd pfd = {.fd = g->conn, .events = events};
	struct timespec left;

	if (now >= g->deadline_ms)
		return FTX_E_TIMEOUT;
	left.tv_sec = (time_t)((g->deadline_ms - now) / 1000);
	left.tv_nsec = (long)((g->deadline_ms - now) % 1000 * 1000000);
	if (ppoll(&pfd, 1, &left, NULL) < 0 && errno != EINTR)
		return FTX_E_CLOSED;
	return 0;
}

static int
read_exactly(const struct greeter *g, uint8_t *out, size_t length)
{
	size_t got = 0;
	int r;

	while (got < length) {
		ssize_t n = read(g->conn, out + got, length - got);

		if (n > 0) {
			got += (size_t)n;
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return FTX_E_CLOSED;
		if ((r = wait_for(g, POLLIN)) != 0)
			return r;
	}
	return 0;
}

static int
write_exactly(const struct greeter *g, const uint8_t *data, size_t length)
{
	size_t done = 0;
	int r;

	while (done < length) {
		ssize_t n = write(g->conn, data + done, length - done);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return FTX_E_CLOSED;
		if ((r = wait_for(g, POLLOUT)) != 0)
			return r;
	}
	return 0;
}

/* The step es, asked of the supervisor: the secret key is not in this process. */
static int
ask_for_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	   uint8_t k[static 32])
{
	const struct greeter *g = arg;
	struct pair_message m = {.type = PAIR_DH};
	int r;

	memcpy(m.ephemeral, ephemeral, KEY_BYTES);
	if ((r = pair_send(g->pair, &m)) != 0)
		return r;
	if ((r = pair_wait(g->pair, &m, g->deadline_ms)) != 1)
		return r;
	if (m.type != PAIR_DH_ANSWER)
		return FTX_E_PROTOCOL;
	memcpy(ck, m.dh.ck, sizeof(m.dh.ck));
	memcpy(k, m.dh.k, sizeof(m.dh.k));
	r = m.dh.error;
	explicit_bzero(&m, sizeof(m));
	return r;
}

/*
 * One sealed record that turns the client away, then waits for it to close: closing with unread
 * bytes here would send a reset, which may overtake the record.
 */
static void
turn_away(const struct greeter *g, const struct session_keys *keys, enum pair_type verdict)
{
	static struct record_state sealing;
	static uint8_t frame[RECORD_OVERHEAD_BYTES + 256];
	struct message m = {.type = MESSAGE_REFUSED};
	uint8_t sink[512];
	size_t length;

	if (verdict == PAIR_BUSY) {
		m.type = MESSAGE_ERROR;
		m.error.code = (uint16_t)-FTX_E_BUSY;
		m.error.retryable = 1;
		m.error.text = span_of("too many connections");
	}
	if (message_encode(&m, frame + RECORD_HEADER_BYTES, sizeof(frame) - RECORD_OVERHEAD_BYTES,
			   &length) != 0)
		return;
	record_init(&sealing, keys->aead, keys->server_to_client);
	length = record_seal(&sealing, frame, length);
	record_release(&sealing);
	if (write_exactly(g, frame, length) != 0)
		return;
	while (read_exactly(g, sink, sizeof(sink)) == 0)
		continue;
}

static int
greet(const struct greeter *g, const uint8_t server_public[static KEY_BYTES],
      struct session_keys *keys)
{
	static struct handshake_server handshake;
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	struct greeter asking = *g;
	int r;

	if ((r = read_exactly(g, hello, sizeof(hello))) != 0)
		return r;
	r = handshake_server_reply(&handshake, server_public, ask_for_es, &asking, hello, reply);
	if (r == 0 || r == FTX_E_VERSION) {
		int sent = write_exactly(g, reply, sizeof(reply));

		r = r != 0 ? r : sent;
	}
	if (r == 0 && (r = read_exactly(g, finish, sizeof(finish))) == 0)
		r = handshake_server_finish(&handshake, finish, keys);
	handshake_server_wipe(&handshake);
	return r;
}

_Noreturn void
greeter_run(int conn, int pair, const uint8_t server_public[static KEY_BYTES], uint64_t deadline_ms)
{
	static struct session_keys keys;
	struct greeter g = {.conn = conn, .pair = pair, .deadline_ms = deadline_ms};
	struct pair_message m = {.type = PAIR_GREETED};
	int r;

	sandbox_greeter();
	if ((r = greet(&g, server_public, &keys)) != 0) {
		m = (struct pair_message){.type = PAIR_FAILED, .failed_error = r};
		(void)pair_send(pair, &m); /* without it the supervisor knows no reason */
	} else {
		m.keys = keys;
		if (pair_send(pair, &m) == 0 && pair_wait(pair, &m, deadline_ms) == 1 &&
		    (m.type == PAIR_REFUSE || m.type == PAIR_BUSY))
			turn_away(&g, &keys, m.type);
	}
	session_keys_wipe(&keys);
	explicit_bzero(&m, sizeof(m));
	_exit(0);
}

static int
read_header(const struct greeter *g, union peer_address *named)
{
	uint8_t fixed[PROXY_FIXED_BYTES];
	static uint8_t rest[PROXY_REST_BYTES];
	size_t length;
	int r;

	if ((r = read_exactly(g, fixed, sizeof(fixed))) != 0 ||
	    (r = proxy_begin(fixed, &length)) != 0 || (r = read_exactly(g, rest, length)) != 0)
		return r;
	return proxy_read(fixed, rest, named);
}

_Noreturn void
greeter_read_header(int conn, int pair, uint64_t deadline_ms)
{
	const struct greeter g = {.conn = conn, .pair = pair, .deadline_ms = deadline_ms};
	struct pair_message m = {.type = PAIR_NAMED};

	sandbox_greeter();
	if (read_header(&g, &m.named) == 0)
		(void)pair_send(pair, &m);
	_exit(0);
}
