#include "tests/unit/client_peer.h"

#include "tests/harness/unit.h"

#include <string.h>

#include "proto/errors.h"
#include "src/client/bucket.h"

#define LONG_MS	   10000
#define SILENCE_MS 1000 /* waited for in vain, and enough for the first answer under load */

static struct message
stat_request(void)
{
	struct message m = {.type = MESSAGE_STAT};

	m.stat.path = span_of("s/f");
	return m;
}

/* Answers every STAT, in order, with its number as size. */
static void
answer_stats(struct peer *p)
{
	while (peer_receive(p) && p->message.type == MESSAGE_STAT) {
		struct message m = {.type = MESSAGE_ENTRY};

		m.entry.attributes.identity.size = (uint64_t)p->step++;
		m.entry.attributes.metadata.type = ENTRY_FILE;
		if (p->step % 3 == 0)
			peer_answer(p, MESSAGE_WORKING);
		if (!peer_send(p, &m))
			return;
	}
}

static int
take_size(void *arg, const struct message *m)
{
	*(uint64_t *)arg = m->entry.attributes.identity.size;
	return 0;
}

Test(client_connection, answers_reach_their_requests_in_order)
{
	enum { MANY = 3 * LIMIT_UNANSWERED };
	static struct reply replies[MANY];
	static uint64_t sizes[MANY];
	const struct message m = stat_request();
	struct peer p = {0};
	struct connection *c = peer_start(&p, answer_stats, LONG_MS);

	for (unsigned i = 0; i < MANY; i++) {
		replies[i] = (struct reply){.on_message = take_size, .arg = &sizes[i]};
		cr_assert(connection_request(c, &m, &replies[i]) == 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		cr_assert(connection_wait(c, &replies[i]) == 0);
		cr_assert(sizes[i] == i);
	}
	connection_close(c);
	peer_join(&p);
}

/* Reads nothing until it has written 16 MiB of parts. */
static void
write_first(struct peer *p)
{
	static uint8_t content[LIMIT_CHUNK_BYTES];
	struct message m = {.type = MESSAGE_DATA};

	if (!peer_receive(p))
		return;
	m.data.raw_length = sizeof(content);
	m.data.data = (struct span){content, sizeof(content)};
	for (int i = 0; i < 64; i++)
		if (!peer_send(p, &m))
			return;
	peer_answer(p, MESSAGE_DONE);
	for (int i = 0; i < 64; i++)
		if (!peer_receive(p))
			return;
	if (peer_receive(p) && p->message.type == MESSAGE_CHECKPOINT)
		peer_answer(p, MESSAGE_OK);
	peer_linger(p);
}

static int
count_parts(void *arg, const struct message *m)
{
	*(int *)arg += m->type == MESSAGE_DATA;
	return 0;
}

Test(client_connection, both_may_write_much_without_waiting_for_each_other)
{
	const struct range range = {0, 1};
	struct message read = {.type = MESSAGE_READ}, ask = {.type = MESSAGE_CHECKPOINT};
	struct reply answer = {.on_message = count_parts}, asked = {0};
	struct peer p = {0};
	struct connection *c = peer_start(&p, write_first, LONG_MS);
	int parts = 0;

	answer.arg = &parts;
	read.read.path = span_of("s/f");
	read.read.ranges.items = &range;
	read.read.ranges.count = 1;
	cr_assert(connection_request(c, &read, &answer) == 0);
	for (int i = 0; i < 64; i++) {
		struct message m = {.type = MESSAGE_WRITE};
		uint8_t *raw;

		cr_assert(connection_chunk(c, &raw) == 0);
		memset(raw, i, LIMIT_CHUNK_BYTES);
		m.write.raw_length = LIMIT_CHUNK_BYTES;
		m.write.data = (struct span){raw, LIMIT_CHUNK_BYTES};
		cr_assert(connection_send_chunk(c, &m) == 0);
	}
	cr_assert(connection_call(c, &ask, &asked) == 0);
	cr_expect(answer.done && parts == 64);
	connection_close(c);
	peer_join(&p);
}

/* T21, T35: what a server may not say to a STAT. */
static const enum message_type wrong_answers[] = {
    MESSAGE_WELCOME, MESSAGE_REFUSED, MESSAGE_HAVE,	 MESSAGE_OK,   MESSAGE_PONG,
    MESSAGE_DATA,    MESSAGE_DONE,    MESSAGE_COMMITTED, MESSAGE_STAT, MESSAGE_HELLO,
    MESSAGE_WRITE,   MESSAGE_COMMIT,  MESSAGE_PING,
};
#define WRONG_ANSWERS (sizeof(wrong_answers) / sizeof(wrong_answers[0]))

static void
answer_wrongly(struct peer *p)
{
	if (peer_receive(p))
		peer_answer(p, wrong_answers[p->step]);
	peer_linger(p);
}

Test(client_connection, T21_T35_an_answer_of_another_type_ends_the_connection)
{
	const struct message m = stat_request();

	for (unsigned i = 0; i < WRONG_ANSWERS; i++) {
		static struct reply reply;
		struct peer p = {.step = (int)i};
		struct connection *c = peer_start(&p, answer_wrongly, LONG_MS);

		cr_expect(connection_call(c, &m, &reply) == FTX_E_PROTOCOL, "%u",
			  (unsigned)wrong_answers[i]);
		cr_expect(reply.problem.side == SIDE_REMOTE);
		cr_expect(connection_request(c, &m, &reply) == FTX_E_PROTOCOL);
		connection_close(c);
		peer_join(&p);
	}
}

/* Error numbers without a row, wherever they can stand, and how the answer is asked for. */
enum { UNKNOWN = 60000 };
static const struct item_status strange_status[] = {{0}, {.code = UNKNOWN}};
static const struct offer_verdict strange_verdict[] = {{0}, {.state = 6, .code = UNKNOWN}};
static const struct listed strange_line[] = {{.kind = 2, .code = UNKNOWN}};
static const struct fetched strange_file[] = {{.code = UNKNOWN, .flags = 1}};
static const struct path_digest strange_digest[] = {{0}, {.code = UNKNOWN}};

static const struct {
	enum message_type request;
	struct message answer;
} strangers[] = {
    {MESSAGE_STAT, {.type = MESSAGE_ERROR, .error.code = UNKNOWN}},
    {MESSAGE_STAT, {.type = MESSAGE_ERROR, .error.code = 0}},
    {MESSAGE_STAT, {.type = MESSAGE_CLOSE, .close.code = UNKNOWN}},
    {MESSAGE_OFFER, {.type = MESSAGE_VERDICTS, .verdicts.verdicts = {strange_verdict, 2}}},
    {MESSAGE_REMOVE, {.type = MESSAGE_STATUSES, .statuses.statuses = {strange_status, 2}}},
    {MESSAGE_COMMIT_PACKS,
     {.type = MESSAGE_COMMITTED_PACKS, .committed_packs.statuses = {strange_status, 2}}},
    {MESSAGE_NEXT, {.type = MESSAGE_ENTRIES, .entries.lines = {strange_line, 1}}},
    {MESSAGE_FETCH, {.type = MESSAGE_DATA_PACK, .data_pack.items = {strange_file, 1}}},
    {MESSAGE_DIGEST, {.type = MESSAGE_DIGESTS, .digests.digests = {strange_digest, 2}}},
};

static void
answer_strangely(struct peer *p)
{
	if (peer_receive(p))
		peer_send(p, &strangers[p->step].answer);
	peer_linger(p);
}

Test(client_connection, T35_an_error_number_that_there_is_not_ends_the_connection)
{
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		static struct reply reply;
		const struct message m = {.type = strangers[i].request};
		struct peer p = {.step = (int)i};
		struct connection *c = peer_start(&p, answer_strangely, LONG_MS);

		cr_expect(connection_call(c, &m, &reply) == FTX_E_PROTOCOL, "case %zu", i);
		cr_expect(connection_error(c) == FTX_E_PROTOCOL, "case %zu", i);
		cr_expect(reply.problem.side == SIDE_REMOTE);
		connection_close(c);
		peer_join(&p);
	}
}

static void
speak_unasked(struct peer *p)
{
	static const enum message_type types[] = {MESSAGE_OK, MESSAGE_WORKING, MESSAGE_ERROR};

	peer_answer(p, types[p->step]);
	peer_linger(p);
}

Test(client_connection, T35_an_answer_nobody_asked_for_ends_the_connection)
{
	for (int i = 0; i < 3; i++) {
		struct peer p = {.step = i};
		struct connection *c = peer_start(&p, speak_unasked, LONG_MS);
		uint8_t *raw;
		int r = 0;

		while (r == 0)
			r = connection_chunk(c, &raw);
		cr_expect(r == FTX_E_PROTOCOL);
		connection_close(c);
		peer_join(&p);
	}
}

static void
answer_junk(struct peer *p)
{
	static const uint8_t junk[] = {MESSAGE_ENTRY, 1, 2, 3};

	if (peer_receive(p))
		peer_send_plain(p, junk, sizeof(junk));
	peer_linger(p);
}

static void
close_busy(struct peer *p)
{
	struct message m = {.type = MESSAGE_CLOSE};

	if (peer_receive(p)) {
		m.close.code = (uint16_t)-FTX_E_STOPPING;
		m.close.retryable = 1;
		peer_send(p, &m);
	}
}

static void
close_without_a_word(struct peer *p)
{
	(void)peer_receive(p);
}

static void
say_nothing(struct peer *p)
{
	peer_linger(p);
}

static const struct {
	void (*script)(struct peer *p);
	uint64_t timeout_ms;
	int error;
} ends[] = {
    {answer_junk, LONG_MS, FTX_E_PROTOCOL},
    {close_busy, LONG_MS, FTX_E_STOPPING},
    {close_without_a_word, LONG_MS, FTX_E_CLOSED},
    {say_nothing, SILENCE_MS, FTX_E_TIMEOUT},
};

Test(client_connection, an_end_is_told_from_the_others)
{
	const struct message m = stat_request();

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		static struct reply reply;
		struct peer p = {0};
		struct connection *c = peer_start(&p, ends[i].script, ends[i].timeout_ms);
		int r = connection_call(c, &m, &reply);

		cr_expect(r == ends[i].error, "case %zu: %s", i, error_name(r));
		cr_expect(reply.problem.error == ends[i].error);
		connection_close(c);
		peer_join(&p);
	}
}

static void
refuse(struct peer *p)
{
	if (peer_receive(p))
		peer_error(p, FTX_E_DENIED);
	if (peer_receive(p))
		peer_answer(p, MESSAGE_PONG);
	peer_linger(p);
}

Test(client_connection, an_error_ends_its_request_only_and_is_safe_to_show)
{
	const struct message m = stat_request(), ping = {.type = MESSAGE_PING};
	struct reply reply = {0};
	struct peer p = {0};
	struct connection *c = peer_start(&p, refuse, LONG_MS);

	cr_expect(connection_call(c, &m, &reply) == FTX_E_DENIED);
	cr_expect_str_eq(reply.problem.text, "because\\x1b[31m");
	cr_expect(connection_error(c) == 0);
	cr_expect(connection_call(c, &ping, &reply) == 0);
	connection_close(c);
	peer_join(&p);
}

/* "Requests": no more than so many without their answer; the next one waits, here in vain. */
static const struct {
	enum message_type type;
	unsigned go; /* so many are sent at once */
} windows[] = {
    {MESSAGE_STAT, LIMIT_UNANSWERED},
    {MESSAGE_COMMIT, LIMIT_UNANSWERED_COMMITS},
    {MESSAGE_COMMIT_PACKS, LIMIT_UNANSWERED}, /* not counted among the COMMITs */
};

Test(client_connection, a_full_window_waits_for_an_answer)
{
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		static struct reply replies[LIMIT_UNANSWERED + 1];
		const struct message m = {.type = windows[i].type};
		struct peer p = {0};
		struct connection *c = peer_start(&p, say_nothing, SILENCE_MS);

		for (unsigned n = 0; n < windows[i].go; n++)
			cr_assert(connection_request(c, &m, &replies[n]) == 0, "case %zu: %u", i,
				  n);
		cr_expect(connection_request(c, &m, &replies[windows[i].go]) == FTX_E_TIMEOUT,
			  "case %zu", i);
		connection_close(c);
		peer_join(&p);
	}
}

/* A server may want fewer. */
Test(client_connection, the_window_is_the_servers)
{
	static struct reply replies[4];
	const struct message m = stat_request();
	struct peer p = {0};
	struct connection *c = peer_start(&p, say_nothing, SILENCE_MS);

	connection_set_window(c, 3);
	for (unsigned n = 0; n < 3; n++)
		cr_assert(connection_request(c, &m, &replies[n]) == 0);
	cr_expect(connection_request(c, &m, &replies[3]) == FTX_E_TIMEOUT);
	connection_close(c);
	peer_join(&p);
}

/* All connections of a run share one rate: none of it is left for the second. */
Test(client_connection, connections_share_a_bucket)
{
	struct bucket bucket;
	struct connection_options options = {.timeout_ms = LONG_MS, .limit_sending = true};
	static struct reply first, second;
	const struct message m = stat_request();
	struct peer p[2] = {{.step = 0}, {.step = 0}};
	struct connection *c[2];

	bucket_init(&bucket, 0, 0);
	options.bucket = &bucket;
	for (int i = 0; i < 2; i++)
		c[i] = peer_start_with(&p[i], answer_stats, &options);
	bucket_release(&bucket);
	bucket_init(&bucket, 1, UINT64_MAX); /* a byte a second, and no second ever passes */
	cr_expect(connection_request(c[0], &m, &first) == 0);
	cr_expect(connection_request(c[1], &m, &second) == 0);
	for (int i = 0; i < 100; i++)
		cr_assert(connection_poll(c[0]) == 0 && connection_poll(c[1]) == 0);
	cr_expect(!first.done && !second.done);
	for (int i = 0; i < 2; i++) {
		connection_grace(c[i], LONG_MS); /* the last words are not limited */
		cr_expect(connection_wait(c[i], i == 0 ? &first : &second) == 0);
		connection_close(c[i]);
		peer_join(&p[i]);
	}
	bucket_release(&bucket);
}

static void
ask_for_patience(struct peer *p)
{
	struct message m = {.type = MESSAGE_WORKING};

	m.working.patience_s = 300;
	if (peer_receive(p) && peer_send(p, &m))
		cancel_request(&p->cancel);
	peer_linger(p);
}

/* The timeout alone would come first: what ends the waiting is the cancellation. */
Test(client_connection, cancellation_ends_waiting_but_not_the_connection)
{
	const struct message m = stat_request();
	static struct reply reply;
	struct peer p = {0};
	struct connection *c = peer_start(&p, ask_for_patience, LONG_MS);

	cr_expect(connection_call(c, &m, &reply) == FTX_E_INTERRUPTED);
	cr_expect(connection_error(c) == 0);
	connection_grace(c, 20);
	cr_expect(connection_wait(c, &reply) == FTX_E_TIMEOUT);
	connection_close(c);
	peer_join(&p);
}
