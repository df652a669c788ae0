/* What a client asks for before it has WELCOME. */
#include "src/client/connect.h"

#include "tests/harness/unit.h"
#include <sys/socket.h>

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
	struct server_info info;
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
