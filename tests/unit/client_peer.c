#include "tests/unit/client_peer.h"

#include "tests/harness/unit.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/channel.h"

bool
peer_receive(struct peer *p)
{
	uint8_t *plain;
	size_t length;
	int r;

	while ((r = channel_receive(p->channel, SIZE_MAX, &plain, &length, NULL)) == 0) {
		struct pollfd fd = {.fd = channel_fd(p->channel), .events = POLLIN};

		poll(&fd, 1, -1);
	}
	return r == 1 && message_decode(&p->message, &p->arena, plain, length) == 0;
}

static bool
send_sealed(struct peer *p)
{
	int r;

	while ((r = channel_flush(p->channel, SIZE_MAX, NULL)) == 1) {
		struct pollfd fd = {.fd = channel_fd(p->channel), .events = POLLOUT};

		poll(&fd, 1, -1);
	}
	return r == 0;
}

bool
peer_send(struct peer *p, const struct message *m)
{
	size_t length;

	/* What went before did not get through: the client has gone. */
	if (channel_unsent(p->channel) > 0)
		return false;
	if (message_encode(m, channel_plain(p->channel), LIMIT_RECORD_PLAIN, &length) != 0)
		abort();
	channel_seal(p->channel, length);
	return send_sealed(p);
}

bool
peer_send_plain(struct peer *p, const uint8_t *plain, size_t length)
{
	if (channel_unsent(p->channel) > 0)
		return false;
	memcpy(channel_plain(p->channel), plain, length);
	channel_seal(p->channel, length);
	return send_sealed(p);
}

bool
peer_answer(struct peer *p, enum message_type type)
{
	struct message m = {.type = type};

	return peer_send(p, &m);
}

bool
peer_error(struct peer *p, int error)
{
	struct message m = {.type = MESSAGE_ERROR};

	m.error.code = (uint16_t)-error;
	m.error.text = span_of("because\x1b[31m");
	return peer_send(p, &m);
}

void
peer_linger(struct peer *p)
{
	while (peer_receive(p))
		;
}

static void *
peer_main(void *arg)
{
	struct peer *p = arg;

	if (peer_receive(p) && p->message.type == MESSAGE_HELLO && peer_answer(p, MESSAGE_WELCOME))
		p->script(p);
	channel_free(p->channel);
	return NULL;
}

struct connection *
peer_start(struct peer *p, void (*script)(struct peer *p), uint64_t timeout_ms)
{
	const struct connection_options options = {.timeout_ms = timeout_ms};

	return peer_start_with(p, script, &options);
}

struct connection *
peer_start_with(struct peer *p, void (*script)(struct peer *p),
		const struct connection_options *with)
{
	struct connection_options options = *with;
	struct session_keys keys = {.aead = AEAD_CHACHA20_POLY1305};
	struct message hello = {.type = MESSAGE_HELLO};
	static struct reply reply;
	struct connection *c;
	int fds[2];

	options.cancel = &p->cancel;
	signal(SIGPIPE, SIG_IGN);
	memset(keys.client_to_server, 1, sizeof(keys.client_to_server));
	memset(keys.server_to_client, 2, sizeof(keys.server_to_client));
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	p->script = script;
	p->channel = channel_new(fds[1], &keys, CHANNEL_SERVER);
	cr_assert(cancel_init(&p->cancel) == 0);
	c = connection_new(fds[0], &keys, &options);
	cr_assert(c != NULL && p->channel != NULL);
	cr_assert(pthread_create(&p->thread, NULL, peer_main, p) == 0);
	cr_assert(connection_call(c, &hello, &reply) == 0);
	return c;
}

void
peer_join(struct peer *p)
{
	pthread_join(p->thread, NULL);
	cancel_release(&p->cancel);
}
