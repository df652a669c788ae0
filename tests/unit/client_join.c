/* What a client makes of each answer to its invite. */
#include "src/client/connect.h"

#include "tests/harness/unit.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/message.h"
#include "src/secure/channel.h"
#include "src/secure/keyfile.h"

/* What a server does on a connection when the invite is proved. */
enum act { ACT_END, ACT_CLOSE, ACT_SAY, ACT_RESET };

struct step {
	enum act act;
	struct message say; /* of ACT_SAY */
};

static struct server {
	const struct step *steps; /* one a connection; the last is ACT_END */
	unsigned connections;
	int fd;
	uint16_t port;
	uint8_t secret[KEY_BYTES], public_key[KEY_BYTES];
	struct handshake_invite invite;
	pthread_t thread;
} server;

static int
step_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	uint8_t k[static 32])
{
	(void)arg;
	return handshake_es_of(HANDSHAKE_INVITE, server.secret, ephemeral, ck, k);
}

static bool
shake_hands(int fd, struct session_keys *keys)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES], reply[HANDSHAKE_REPLY_BYTES],
	    finish[HANDSHAKE_FINISH_BYTES];
	struct handshake_server s;

	if (recv(fd, hello, sizeof(hello), MSG_WAITALL) != (ssize_t)sizeof(hello) ||
	    handshake_server_reply(&s, server.public_key, step_es, NULL, hello, reply) != 0 ||
	    s.kind != HANDSHAKE_INVITE ||
	    memcmp(s.invite_id, server.invite.id, sizeof(s.invite_id)) != 0 ||
	    send(fd, reply, sizeof(reply), MSG_NOSIGNAL) != (ssize_t)sizeof(reply) ||
	    recv(fd, finish, sizeof(finish), MSG_WAITALL) != (ssize_t)sizeof(finish))
		return false;
	handshake_server_psk(&s, server.invite.psk);
	return handshake_server_finish(&s, finish, keys) == 0;
}

static void
serve_one(int fd, const struct step *step)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct session_keys keys;
	struct channel *ch;
	size_t length;

	if (!shake_hands(fd, &keys))
		abort();
	if (step->act == ACT_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (step->act != ACT_SAY) {
		close(fd);
		return;
	}
	ch = channel_new(fd, &keys, CHANNEL_SERVER);
	if (ch == NULL ||
	    message_encode(&step->say, channel_plain(ch), LIMIT_RECORD_PLAIN, &length) != 0)
		abort();
	channel_seal(ch, length);
	if (channel_flush(ch, SIZE_MAX, NULL) != 0)
		abort();
	channel_free(ch);
}

static void *
serve(void *arg)
{
	(void)arg;
	for (const struct step *step = server.steps; step->act != ACT_END; step++) {
		int fd = accept(server.fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		server.connections++;
		serve_one(fd, step);
	}
	return NULL;
}

static int
join(const struct step *steps, char client[static CLIENT_NAME_BYTES], struct problem *p)
{
	static const uint8_t identity[KEY_BYTES] = {9};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	struct cancel cancel;
	struct connect_options options = {
	    .host = "127.0.0.1",
	    .family = AF_INET,
	    .server_key = server.public_key,
	    .identity = identity,
	    .invite = &server.invite,
	    .retry_for_ms = 60000,
	    .connection = {.cancel = &cancel, .timeout_ms = 60000},
	};
	int r;

	signal(SIGPIPE, SIG_IGN);
	server.steps = steps;
	memset(server.secret, 7, sizeof(server.secret));
	key_public(server.public_key, server.secret);
	memset(&server.invite, 5, sizeof(server.invite));
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(server.fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		  listen(server.fd, 16) == 0);
	cr_assert(getsockname(server.fd, (struct sockaddr *)&at, &size) == 0);
	options.port = ntohs(at.sin_port);
	cr_assert(cancel_init(&cancel) == 0);
	cr_assert(pthread_create(&server.thread, NULL, serve, NULL) == 0);
	r = connect_join(client, &options, p);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	cancel_release(&cancel);
	return r;
}

static struct step
joined(const char *name)
{
	struct step step = {.act = ACT_SAY, .say = {.type = MESSAGE_JOINED}};

	step.say.joined.client = span_of(name);
	return step;
}

static struct step
close_with(int error, uint8_t retryable)
{
	struct step step = {.act = ACT_SAY, .say = {.type = MESSAGE_CLOSE}};

	step.say.close.code = (uint16_t)-error;
	step.say.close.retryable = retryable;
	return step;
}

Test(client_join, JOINED_says_what_the_server_calls_us)
{
	const struct step steps[] = {joined("laptop"), {.act = ACT_END}};
	char client[CLIENT_NAME_BYTES];
	struct problem p;

	cr_assert_eq(join(steps, client, &p), 0);
	cr_assert_str_eq(client, "laptop");
}

/* Who has died amid it, or is busy, is asked again; what cannot change is not. */
Test(client_join, is_tried_again_until_there_is_an_answer)
{
	const struct step steps[] = {
	    {.act = ACT_CLOSE}, {.act = ACT_RESET}, joined("a"), {.act = ACT_END}};
	char client[CLIENT_NAME_BYTES];
	struct problem p;

	cr_assert_eq(join(steps, client, &p), 0, "%s", p.text);
	cr_assert_str_eq(client, "a");
	cr_assert_eq(server.connections, 3);
}

Test(client_join, three_times_without_a_word_is_an_invite_that_is_not_known)
{
	const struct step steps[] = {
	    {.act = ACT_CLOSE}, {.act = ACT_CLOSE}, {.act = ACT_CLOSE}, {.act = ACT_END}};
	char client[CLIENT_NAME_BYTES];
	struct problem p;

	cr_assert_eq(join(steps, client, &p), FTX_E_INVITE_UNKNOWN);
	cr_assert_eq(server.connections, 3);
	cr_assert_eq(error_exit(p.error), FTX_EXIT_KEY_REFUSED);
}

Test(client_join, error_of_CLOSE_is_what_is_said_and_final_unless_retryable)
{
	static const int errors[] = {FTX_E_INVITE_USED, FTX_E_INVITE_EXPIRED, FTX_E_KEY_REFUSED,
				     FTX_E_EXISTS, FTX_E_CONFIG};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct step steps[] = {close_with(errors[i], 0), {.act = ACT_END}};
		char client[CLIENT_NAME_BYTES];
		struct problem p;

		cr_expect_eq(join(steps, client, &p), errors[i]);
		cr_expect_eq(p.side, SIDE_REMOTE);
		cr_expect_neq(p.hint[0], '\0', "error %d", errors[i]);
	}
	{
		const struct step steps[] = {
		    close_with(FTX_E_NO_SPACE, 1), joined("b"), {.act = ACT_END}};
		char client[CLIENT_NAME_BYTES];
		struct problem p;

		cr_expect_eq(join(steps, client, &p), 0);
		cr_expect_str_eq(client, "b");
	}
}

Test(client_join, anything_else_is_a_broken_protocol)
{
	struct step wrong[] = {joined("a/b"),
			       joined(""),
			       close_with(0, 0),
			       {.act = ACT_SAY, .say = {.type = MESSAGE_REFUSED}},
			       {.act = ACT_SAY, .say = {.type = MESSAGE_OK}}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct step steps[] = {wrong[i], {.act = ACT_END}};
		char client[CLIENT_NAME_BYTES];
		struct problem p;

		cr_expect_eq(join(steps, client, &p), FTX_E_PROTOCOL, "row %zu", i);
	}
}
