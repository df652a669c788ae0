/* How often, and for how long, a connection is tried for again: the first one, and one that was
 * lost. */
#include "src/client/connect.h"

#include "tests/harness/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_host.h"

#define LONG_MS 60000u

/* Somebody on the loopback who is no server: answers each connection with so many bytes. */
static struct stranger {
	int fd;
	uint16_t port;
	size_t bytes;
	unsigned count;
	pthread_t thread;
} stranger;

static void *
answer_all(void *arg)
{
	static const uint8_t nonsense[HANDSHAKE_REPLY_BYTES] = {1, 2, 3};
	struct stranger *s = arg;
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->count++;
		(void)recv(fd, hello, sizeof(hello), MSG_WAITALL);
		if (s->bytes > 0)
			(void)send(fd, nonsense, s->bytes, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void
stranger_start(size_t bytes)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);

	stranger = (struct stranger){.bytes = bytes};
	stranger.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(stranger.fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		  listen(stranger.fd, 16) == 0 &&
		  getsockname(stranger.fd, (struct sockaddr *)&at, &length) == 0);
	stranger.port = ntohs(at.sin_port);
	cr_assert(pthread_create(&stranger.thread, NULL, answer_all, &stranger) == 0);
}

static void
stranger_end(void)
{
	shutdown(stranger.fd, SHUT_RDWR);
	pthread_join(stranger.thread, NULL);
	close(stranger.fd);
}

static struct cancel cancel, enough;
static struct retry retry;
static struct server_info info;
static struct connection *connection;
static struct problem problem;
static unsigned retries;	/* on_retry() was called */
static uint64_t delays[16];	/* what it was told */
static unsigned stop_after;	/* that many, `enough` is requested; 0: never */
static bool others_get_further; /* in each pause */

static void
on_retry(void *arg, const struct problem *p, uint64_t delay_ms)
{
	(void)arg;
	(void)p;
	if (retries < 16)
		delays[retries] = delay_ms;
	if (++retries == stop_after)
		cancel_request(&enough);
	if (others_get_further)
		retry_progress(&retry);
}

static int
connect_to(const struct host *h, uint16_t port, bool again, bool spare, uint64_t retry_for_ms)
{
	static const uint8_t identity[KEY_BYTES] = {9};
	uint8_t public_key[KEY_BYTES];
	struct connect_options options = {.host = "127.0.0.1",
					  .port = port,
					  .family = AF_INET,
					  .server_key = public_key,
					  .identity = identity,
					  .spare = spare,
					  .retry_for_ms = retry_for_ms,
					  .again = again ? &retry : NULL,
					  .connection = {.cancel = &cancel, .timeout_ms = LONG_MS},
					  .until_connected = &enough,
					  .on_retry = on_retry};

	key_public(public_key, identity);
	if (h != NULL)
		memcpy(public_key, h->public_key, sizeof(public_key));
	return connect_server(&connection, &info, &options, &problem);
}

static void
setup(void)
{
	retries = stop_after = 0;
	others_get_further = false;
	retry_init(&retry);
	cr_assert(cancel_init(&cancel) == 0 && cancel_init(&enough) == 0);
}

static void
teardown(void)
{
	cancel_release(&cancel);
	cancel_release(&enough);
	retry_release(&retry);
}

TestSuite(client_persist, .init = setup, .fini = teardown);

/* Who says nothing is not the one whose key is known; but who has proved it may be away. */
Test(client_persist, silence_says_something_of_a_key_the_first_time_alone)
{
	stranger_start(0);
	cr_expect(connect_to(NULL, stranger.port, false, false, 100) == FTX_E_SERVER_KEY);
	cr_expect(stranger.count == 1 && retries == 0);
	retry_lost(&retry);
	cr_expect(connect_to(NULL, stranger.port, true, false, 400) == FTX_E_CLOSED);
	cr_expect(stranger.count > 2);
	stranger_end();
}

/* A message 2 that is not of the key's holder: on a network that spoils, a few times. */
Test(client_persist, a_key_is_disproved_at_once_or_after_four_attempts_where_it_was_proved)
{
	stranger_start(HANDSHAKE_REPLY_BYTES);
	cr_expect(connect_to(NULL, stranger.port, false, false, LONG_MS) == FTX_E_SERVER_KEY);
	cr_expect(stranger.count == 1);
	retry_lost(&retry);
	cr_expect(connect_to(NULL, stranger.port, true, false, LONG_MS) == FTX_E_SERVER_KEY);
	cr_expect(stranger.count == 5, "%u", stranger.count);
	stranger_end();
}

/* Nobody listens any more. */
Test(client_persist, who_was_there_before_is_waited_for_until_the_time_is_over)
{
	stranger_start(0);
	stranger_end();
	retry_lost(&retry);
	cr_expect(connect_to(NULL, stranger.port, true, false, 1000) == FTX_E_NETWORK);
	cr_expect(retries >= 3, "%u", retries);
	for (unsigned i = 0; i + 1 < retries && i + 1 < 16; i++)
		cr_expect(delays[i] <= 1000);
}

Test(client_persist, pauses_grow_also_where_others_get_further_meanwhile)
{
	stranger_start(0);
	stranger_end();
	others_get_further = true;
	stop_after = 4;
	cr_expect(connect_to(NULL, stranger.port, true, true, LONG_MS) == FTX_E_INTERRUPTED);
	cr_assert(retries == 4);
	cr_expect(delays[1] >= 150 && delays[2] >= 300 && delays[3] >= 600, "%llu %llu %llu",
		  (unsigned long long)delays[1], (unsigned long long)delays[2],
		  (unsigned long long)delays[3]);
}

static bool
say_busy(struct peer *p)
{
	struct message m = {.type = MESSAGE_ERROR};

	m.error.code = (uint16_t)-FTX_E_BUSY;
	m.error.retryable = 1;
	return peer_receive(p) && peer_send(p, &m) && false;
}

static void
answer_ping(struct peer *p)
{
	if (peer_receive(p) && p->message.type == MESSAGE_PING)
		peer_answer(p, MESSAGE_PONG);
	peer_linger(p);
}

/* A further connection that a busy server refuses is done without, another one is waited for. */
Test(client_persist, busy_is_the_end_for_a_spare_one)
{
	struct host h;

	host_start(&h, answer_ping, NULL);
	h.greet = say_busy;
	cr_expect(connect_to(&h, h.port, true, true, LONG_MS) == FTX_E_BUSY && retries == 0);
	stop_after = 2;
	cr_expect(connect_to(&h, h.port, true, false, LONG_MS) == FTX_E_INTERRUPTED &&
		  retries == 2);
	host_end(&h);
}

/* Of many that lost the same server at once, not all come back at once. */
Test(client_persist, who_lost_a_connection_pauses_first)
{
	const struct message ping = {.type = MESSAGE_PING};
	struct reply reply = {0};
	struct host h;

	host_start(&h, answer_ping, NULL);
	retry_lost(&retry);
	cr_assert(connect_to(&h, h.port, true, false, LONG_MS) == 0);
	cr_expect(atomic_load(&retry.pauses) == 1 && retries == 0);
	/* And what ended the dialling does not end the connection. */
	cancel_request(&enough);
	cr_expect(connection_call(connection, &ping, &reply) == 0);
	connection_close(connection);
	host_end(&h);
}

Test(client_persist, no_time_is_left_is_told_before_anybody_is_asked)
{
	retry_lost(&retry);
	atomic_fetch_sub(&retry.since_ms, 5000);
	stranger_start(0);
	cr_expect(connect_to(NULL, stranger.port, true, false, 5000) == FTX_E_CLOSED);
	cr_expect(stranger.count == 0);
	stranger_end();
}
