#include "tests/unit/client_host.h"

#include "tests/harness/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/channel.h"

static int
step_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	uint8_t k[static 32])
{
	const struct host *h = arg;

	return handshake_es(h->secret, ephemeral, ck, k);
}

static bool
shake_hands(struct host *h, int fd, struct session_keys *keys)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES], reply[HANDSHAKE_REPLY_BYTES],
	    finish[HANDSHAKE_FINISH_BYTES];
	struct handshake_server s;

	return recv(fd, hello, sizeof(hello), MSG_WAITALL) == (ssize_t)sizeof(hello) &&
	       handshake_server_reply(&s, h->public_key, step_es, h, hello, reply) == 0 &&
	       send(fd, reply, sizeof(reply), MSG_NOSIGNAL) == (ssize_t)sizeof(reply) &&
	       recv(fd, finish, sizeof(finish), MSG_WAITALL) == (ssize_t)sizeof(finish) &&
	       handshake_server_finish(&s, finish, keys) == 0;
}

bool
host_welcome(struct peer *p, unsigned unanswered)
{
	struct message welcome = {.type = MESSAGE_WELCOME};

	welcome.welcome.codecs = CODEC_MASK_ALL;
	welcome.welcome.unanswered = (uint16_t)unanswered;
	welcome.welcome.handles = LIMIT_HANDLES;
	return peer_send(p, &welcome);
}

static bool
greet(struct peer *p)
{
	return peer_receive(p) && p->message.type == MESSAGE_HELLO &&
	       host_welcome(p, LIMIT_UNANSWERED);
}

static void *
serve_one(void *arg)
{
	struct peer *p = arg;

	if (p->greet != NULL ? p->greet(p) : greet(p))
		p->script(p);
	channel_free(p->channel);
	return NULL;
}

static void *
take_connections(void *arg)
{
	struct host *h = arg;
	struct session_keys keys;
	int fd;

	while ((fd = accept(h->fd, NULL, NULL)) >= 0) {
		struct peer *p = &h->peers[h->count];

		if (h->count == HOST_CONNECTIONS || !shake_hands(h, fd, &keys)) {
			close(fd);
			continue;
		}
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		p->greet = h->greet;
		p->script = h->script;
		p->arg = h->arg;
		p->channel = channel_new(fd, &keys, CHANNEL_SERVER);
		if (p->channel == NULL || pthread_create(&p->thread, NULL, serve_one, p) != 0)
			abort();
		h->count++;
	}
	return NULL;
}

void
host_start(struct host *h, void (*script)(struct peer *p), void *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);

	memset(h, 0, sizeof(*h));
	signal(SIGPIPE, SIG_IGN);
	h->script = script;
	h->arg = arg;
	memset(h->secret, 7, sizeof(h->secret));
	key_public(h->public_key, h->secret);
	h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(h->fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(h->fd, 16) == 0);
	cr_assert(getsockname(h->fd, (struct sockaddr *)&at, &length) == 0);
	h->port = ntohs(at.sin_port);
	cr_assert(pthread_create(&h->thread, NULL, take_connections, h) == 0);
}

void
host_end(struct host *h)
{
	shutdown(h->fd, SHUT_RDWR);
	pthread_join(h->thread, NULL);
	for (unsigned i = 0; i < h->count; i++)
		pthread_join(h->peers[i].thread, NULL);
	close(h->fd);
}

const char *
host_address(const struct host *h, const char *path)
{
	static char text[256];
	char key[KEY_TEXT_CHARS + 1];

	key_format(key, h->public_key);
	snprintf(text, sizeof(text), "ftx://%s@127.0.0.1:%u/%s", key, (unsigned)h->port, path);
	return text;
}

void
transferring_start(struct transferring *r, const struct transfer_request *request)
{
	static const uint8_t identity[KEY_BYTES] = {9};
	const char *key_file;
	struct problem why;

	memset(r, 0, sizeof(*r));
	cr_assert(transfer_new(&r->t, request, &why) == 0, "%s", why.text);
	cr_assert(transfer_resolve(r->t, NULL, &key_file, &why) == 0, "%s", why.text);
	cr_assert(transfer_start(r->t, identity, &why) == 0, "%s", why.text);
}

bool
transferring_until(struct transferring *r, enum transfer_event_type type)
{
	for (;;) {
		struct pollfd fd = {.fd = transfer_fd(r->t), .events = POLLIN};
		struct transfer_event *event;

		poll(&fd, 1, -1);
		while ((event = transfer_next(r->t)) != NULL) {
			cr_assert(r->count < 256);
			r->events[r->count++] = event;
			if (event->type == TRANSFER_FINISHED)
				transfer_outcome(r->t, &r->outcome);
			if (event->type == type || event->type == TRANSFER_FINISHED)
				return event->type == type;
		}
	}
}

unsigned
transferring_errors(const struct transferring *r, int error)
{
	unsigned count = 0;

	for (unsigned i = 0; i < r->count; i++)
		count += r->events[i]->type == TRANSFER_ERROR &&
			 (error == 0 || r->events[i]->error.problem.error == error);
	return count;
}

void
transferring_end(struct transferring *r)
{
	for (unsigned i = 0; i < r->count; i++)
		transfer_event_free(r->events[i]);
	transfer_free(r->t);
}
