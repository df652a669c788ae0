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

/* What the supervisor makes of the client's ephemeral key with each key of the server. */
struct step_es {
	const struct greeter *greeter;
	enum handshake_kind kind;
	bool asked;
	size_t key; /* whose turn it is */
	struct pair_message answer;
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

/* The step es, asked of the supervisor, once: no secret key is in this process. */
static int
ask_for_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	   uint8_t k[static 32])
{
	struct step_es *es = arg;
	const struct greeter *g = es->greeter;
	struct pair_message m = {.type = PAIR_DH, .asked.kind = es->kind};
	int r;

	if (!es->asked) {
		memcpy(m.asked.ephemeral, ephemeral, KEY_BYTES);
		if ((r = pair_send(g->pair, &m)) != 0)
			return r;
		if ((r = pair_wait(g->pair, &es->answer, g->deadline_ms)) != 1)
			return r;
		if (es->answer.type != PAIR_DH_ANSWER)
			return FTX_E_PROTOCOL;
		es->asked = true;
	}
	memcpy(ck, es->answer.dh.with[es->key].ck, 64);
	memcpy(k, es->answer.dh.with[es->key].k, 32);
	return es->answer.dh.error;
}

/* Asks for the psk of the invite that the client names.  Whose is not known keeps a random one. */
static int
ask_for_psk(const struct greeter *g, struct handshake_server *handshake)
{
	struct pair_message m = {.type = PAIR_PSK};
	int r;

	memcpy(m.invite_id, handshake->invite_id, sizeof(m.invite_id));
	if ((r = pair_send(g->pair, &m)) != 0)
		return r;
	if ((r = pair_wait(g->pair, &m, g->deadline_ms)) != 1)
		return r;
	if (m.type != PAIR_PSK_ANSWER)
		return FTX_E_PROTOCOL;
	if (m.psk.error == 0)
		handshake_server_psk(handshake, m.psk.psk);
	explicit_bzero(&m, sizeof(m));
	return 0;
}

/*
 * One sealed record, then waits for the client to close: closing with unread bytes here would send
 * a reset, which may overtake the record.
 */
static void
last_word(const struct greeter *g, const struct session_keys *keys, const struct message *m)
{
	static struct record_state sealing;
	static uint8_t frame[RECORD_OVERHEAD_BYTES + 256];
	uint8_t sink[512];
	size_t length;

	if (message_encode(m, frame + RECORD_HEADER_BYTES, sizeof(frame) - RECORD_OVERHEAD_BYTES,
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

/* What the supervisor's verdict is in the protocol.  false: a session is at work, not we. */
static bool
word_for(struct message *m, const struct pair_message *verdict)
{
	*m = (struct message){0};
	if (verdict->type == PAIR_REFUSE) {
		m->type = MESSAGE_REFUSED;
	} else if (verdict->type == PAIR_BUSY) {
		m->type = MESSAGE_ERROR;
		m->error.code = (uint16_t)-FTX_E_BUSY;
		m->error.retryable = 1;
		m->error.text = span_of("too many connections");
	} else if (verdict->type == PAIR_ENTERED && verdict->entered.error == 0) {
		m->type = MESSAGE_JOINED;
		m->joined.client = span_of(verdict->entered.client);
	} else if (verdict->type == PAIR_ENTERED) {
		m->type = MESSAGE_CLOSE;
		m->close.code = (uint16_t)-verdict->entered.error;
		m->close.retryable = error_retryable(verdict->entered.error);
	} else {
		return false;
	}
	return true;
}

/* Messages 1 and 2, with the key of the server's that the client expects. */
static int
reply_with_key(const struct greeter *g, const struct server_keys *server,
	       struct handshake_server *handshake, const uint8_t *hello, uint8_t *reply)
{
	static struct step_es es;
	int r = handshake_kind_of(&es.kind, hello);

	es.greeter = g;
	if (r != 0)
		return r;
	/* Under another key than the client's the seal of message 1 is wrong. */
	r = FTX_E_PROTOCOL;
	for (es.key = 0; es.key < server->count && r == FTX_E_PROTOCOL; es.key++)
		r = handshake_server_reply(handshake, server->keys[es.key], ask_for_es, &es, hello,
					   reply);
	explicit_bzero(&es.answer, sizeof(es.answer));
	return r;
}

static int
greet(const struct greeter *g, const struct server_keys *server, struct session_keys *keys)
{
	static struct handshake_server handshake;
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	int r;

	if ((r = read_exactly(g, hello, sizeof(hello))) != 0)
		return r;
	r = reply_with_key(g, server, &handshake, hello, reply);
	if (r == 0 || r == FTX_E_VERSION) {
		int sent = write_exactly(g, reply, sizeof(reply));

		r = r != 0 ? r : sent;
	}
	if (r == 0 && handshake.kind == HANDSHAKE_INVITE)
		r = ask_for_psk(g, &handshake);
	if (r == 0 && (r = read_exactly(g, finish, sizeof(finish))) == 0)
		r = handshake_server_finish(&handshake, finish, keys);
	handshake_server_wipe(&handshake);
	return r;
}

_Noreturn void
greeter_run(int conn, int pair, const struct server_keys *server, uint64_t deadline_ms)
{
	static struct session_keys keys;
	struct greeter g = {.conn = conn, .pair = pair, .deadline_ms = deadline_ms};
	struct pair_message m = {.type = PAIR_GREETED};
	struct message word;
	int r;

	sandbox_greeter();
	if ((r = greet(&g, server, &keys)) != 0) {
		m = (struct pair_message){.type = PAIR_FAILED, .failed_error = r};
		(void)pair_send(pair, &m); /* without it the supervisor knows no reason */
	} else {
		m.keys = keys;
		if (pair_send(pair, &m) == 0 && pair_wait(pair, &m, deadline_ms) == 1 &&
		    word_for(&word, &m))
			last_word(&g, &keys, &word);
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
