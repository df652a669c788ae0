/* What a client asks for before it has WELCOME, and takes from it. */
#include "src/client/connect.h"

#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "proto/errors.h"
#include "tests/unit/client_host.h"

#define LONG_MS 10000

/* What ask_early() asks, and what came of it. */
struct asked {
	struct reply reply;
	unsigned times, entries;
};

static int
count_entry(void *arg, const struct message *m)
{
	struct asked *a = arg;

	a->entries += m->type == MESSAGE_ENTRY;
	return 0;
}

static int
ask_early(void *arg, struct connection *c)
{
	struct message m = {.type = MESSAGE_STAT};
	struct asked *a = arg;

	a->times++;
	a->reply = (struct reply){.on_message = count_entry, .arg = a};
	m.stat.path = span_of("s/f");
	return connection_request(c, &m, &a->reply);
}

static struct server_info info; /* of the last connection */

static int
connect_to(struct host *h, struct asked *asked, struct connection **c, struct cancel *cancel)
{
	static const uint8_t identity[KEY_BYTES] = {9};
	const struct connect_options options = {
	    .host = "127.0.0.1",
	    .port = h->port,
	    .family = AF_INET,
	    .server_key = h->public_key,
	    .identity = identity,
	    .retry_for_ms = LONG_MS,
	    .connection = {.cancel = cancel, .timeout_ms = LONG_MS},
	    .ask_early = ask_early,
	    .arg = asked,
	};
	struct problem p;

	cr_assert(cancel_init(cancel) == 0);
	return connect_server(c, &info, &options, &p);
}

static void
answer_stat(struct peer *p)
{
	if (p->message.type == MESSAGE_STAT || peer_receive(p))
		peer_answer(p, MESSAGE_ENTRY);
	peer_linger(p);
}

/* Says WELCOME only when it has the question that was sent behind HELLO. */
static bool
welcome_late(struct peer *p)
{
	return peer_receive(p) && p->message.type == MESSAGE_HELLO && peer_receive(p) &&
	       p->message.type == MESSAGE_STAT && host_welcome(p, LIMIT_UNANSWERED_LEAST);
}

Test(client_connect, what_is_asked_early_does_not_wait_for_WELCOME)
{
	struct host h;
	struct cancel cancel;
	struct asked asked = {0};
	struct connection *c = NULL;

	host_start(&h, answer_stat, NULL);
	h.greet = welcome_late;
	cr_assert(connect_to(&h, &asked, &c, &cancel) == 0);
	cr_expect(connection_answer(c, &asked.reply) == 0);
	cr_expect(asked.times == 1 && asked.entries == 1);
	connection_close(c);
	host_end(&h);
	cancel_release(&cancel);
}

/* The first connection is turned away, after the question that was sent behind HELLO. */
static bool
welcome_the_second(struct peer *p)
{
	struct message m = {.type = MESSAGE_CLOSE};

	if (p != p->arg)
		return welcome_late(p);
	m.close.code = (uint16_t)-FTX_E_STOPPING;
	m.close.retryable = 1;
	if (peer_receive(p) && peer_receive(p))
		peer_send(p, &m);
	return false;
}

Test(client_connect, what_was_asked_early_is_asked_again_on_another_connection)
{
	struct host h;
	struct cancel cancel;
	struct asked asked = {0};
	struct connection *c = NULL;

	host_start(&h, answer_stat, &h.peers[0]);
	h.greet = welcome_the_second;
	cr_assert(connect_to(&h, &asked, &c, &cancel) == 0);
	cr_expect(connection_answer(c, &asked.reply) == 0);
	cr_expect(asked.times == 2 && asked.entries == 1);
	connection_close(c);
	host_end(&h);
	cancel_release(&cancel);
}

static bool
welcome_too_few(struct peer *p)
{
	return peer_receive(p) && host_welcome(p, LIMIT_UNANSWERED_LEAST - 1);
}

Test(client_connect, a_server_allows_what_every_server_has_to)
{
	struct host h;
	struct cancel cancel;
	struct asked asked = {0};
	struct connection *c = NULL;

	host_start(&h, answer_stat, NULL);
	h.greet = welcome_too_few;
	cr_expect(connect_to(&h, &asked, &c, &cancel) == FTX_E_PROTOCOL);
	cr_expect(c == NULL && asked.entries == 0);
	host_end(&h);
	cancel_release(&cancel);
}

/* What a server says of itself, from now, and what a client makes of it, within a day. */
static const struct {
	const char *client;
	int64_t ahead_s;
	bool absolute; /* ahead_s is its clock */
	int64_t least_ms, most_ms;
} servers[] = {
    {"laptop", 1000000, false, 900000000, 1100000000},
    {"", -1000000, false, -1100000000, -900000000},
    {"\xff\x1b[2J", 0, false, -100000000, 100000000},
    {"a", INT64_MAX, true, INT64_MAX, INT64_MAX},
    {"a", INT64_MIN, true, INT64_MIN, INT64_MIN},
};

static bool
welcome_with_a_clock(struct peer *p)
{
	const size_t *n = p->arg;
	struct message m = {.type = MESSAGE_WELCOME};

	m.welcome.codecs = 5;
	m.welcome.unanswered = LIMIT_UNANSWERED;
	m.welcome.handles = LIMIT_HANDLES;
	m.welcome.client = span_of(servers[*n].client);
	m.welcome.time_s = servers[*n].ahead_s + (servers[*n].absolute ? 0 : time(NULL));
	m.welcome.time_ns = 999999999;
	return peer_receive(p) && peer_send(p, &m);
}

Test(client_connect, takes_name_and_clock_of_any_server)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct host h;
		struct cancel cancel;
		struct asked asked = {0};
		struct connection *c = NULL;

		host_start(&h, answer_stat, &i);
		h.greet = welcome_with_a_clock;
		cr_assert(connect_to(&h, &asked, &c, &cancel) == 0);
		cr_expect_str_eq(info.client, servers[i].client);
		cr_expect(info.clock_ahead_ms >= servers[i].least_ms &&
			      info.clock_ahead_ms <= servers[i].most_ms,
			  "server %zu: %lld ms", i, (long long)info.clock_ahead_ms);
		cr_expect_eq(info.codecs, 5);
		connection_close(c);
		host_end(&h);
		cancel_release(&cancel);
	}
}
