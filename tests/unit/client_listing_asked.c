/* Asking for a listing: refusals, an early end, asking ahead, and how much there may be of it. */
#include "src/client/listing_impl.h"

#include "tests/harness/unit.h"
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "tests/unit/client_lines.h"

#define LONG_MS 10000

static void
refuse_list(struct peer *p)
{
	for (int i = 0; i < LISTING_REQUESTS; i++)
		if (peer_receive(p))
			peer_error(p, FTX_E_DENIED);
	if (peer_receive(p) && p->message.type == MESSAGE_PING)
		peer_answer(p, MESSAGE_PONG);
	peer_linger(p);
}

Test(client_listing_asked, a_refusal_is_of_the_listing_only)
{
	const struct message ping = {.type = MESSAGE_PING};
	struct peer p = {0};
	struct connection *c = peer_start(&p, refuse_list, LONG_MS);
	static struct reply reply;
	struct problem problem;
	struct listing *l;

	cr_expect(listing_open(&l, c, 0, "s", true, 0, &problem) == FTX_E_DENIED);
	cr_expect(l == NULL && problem.error == FTX_E_DENIED && problem.side == SIDE_REMOTE);
	cr_expect(connection_call(c, &ping, &reply) == 0);
	connection_close(c);
	peer_join(&p);
}

static void
refuse_and_list(struct peer *p)
{
	if (!peer_receive(p))
		return;
	peer_error(p, FTX_E_DENIED);
	if (peer_receive(p) && p->message.type == MESSAGE_NEXT) {
		lines_send(p, "< a");
		lines_send_done(p, 2);
	}
	peer_linger(p);
}

/* The two requests are sent together; who refuses the first cannot answer the second. */
Test(client_listing_asked, nothing_is_listed_that_was_refused)
{
	struct peer p = {0};
	struct connection *c = peer_start(&p, refuse_and_list, LONG_MS);
	struct problem problem;
	struct listing *l;

	/* FTX_E_DENIED, unless what must not come comes before that is looked at. */
	cr_expect(listing_open(&l, c, 0, "s", true, 0, &problem) != 0);
	cr_expect(connection_error(c) == FTX_E_PROTOCOL);
	connection_close(c);
	peer_join(&p);
}

/* Four parts and MORE; then the walk is to be ended. */
static void
expect_an_early_end(struct peer *p)
{
	if (!lines_until_next(p))
		return;
	lines_send(p, "< a/ b");
	peer_answer(p, MESSAGE_MORE);
	do {
		if (!peer_receive(p) || p->message.type != MESSAGE_NEXT)
			return;
		if (p->message.next.parts > 0) {
			lines_send(p, "c");
			peer_answer(p, MESSAGE_MORE);
		}
	} while (p->message.next.parts > 0 && ++p->step < 2);
	p->step = p->message.next.parts == 0 ? 100 : -1;
	lines_send_done(p, p->step == 100 ? 4 : 0);
	if (peer_receive(p) && p->message.type == MESSAGE_PING)
		peer_answer(p, MESSAGE_PONG);
	peer_linger(p);
}

Test(client_listing_asked, is_ended_early_in_good_order)
{
	const struct message ping = {.type = MESSAGE_PING};
	struct peer p = {0};
	struct connection *c = peer_start(&p, expect_an_early_end, LONG_MS);
	static struct reply reply;
	struct listing_line line;
	struct problem problem;
	struct listing *l;

	cr_assert(listing_open(&l, c, 3, "s", true, 0, &problem) == 0);
	for (int i = 0; i < 2; i++)
		cr_assert(listing_next(l, &line, &problem) == 1);
	cr_expect_str_eq(line.path, "a");
	/* MORE has surely come; what the client asks for then is answered with one part. */
	while (listing_next(l, &line, &problem) == 1 && strcmp(line.path, "c") != 0)
		;
	listing_close(l);
	cr_expect(connection_call(c, &ping, &reply) == 0);
	connection_close(c);
	peer_join(&p);
	cr_expect(p.step == 100);
}

static void
answer_after_cancellation(struct peer *p)
{
	if (!lines_until_next(p))
		return;
	cancel_request(&p->cancel);
	(void)peer_receive(p); /* CLOSE: the client does not wait */
	lines_send(p, "<");
	peer_linger(p);
}

Test(client_listing_asked, an_interrupted_one_can_be_closed_before_its_answer_comes)
{
	struct peer p = {0};
	struct connection *c = peer_start(&p, answer_after_cancellation, LONG_MS);
	struct listing_line line;
	struct problem problem;
	struct listing *l;
	int r;

	cr_assert((l = listing_new(0, true, 0)) != NULL);
	r = listing_ask(l, c, "s");
	if (r == 0)
		r = listing_wait(l, &problem);
	if (r == 0)
		r = listing_next(l, &line, &problem);
	cr_expect(r == FTX_E_INTERRUPTED);
	listing_close(l);
	cr_expect(connection_error(c) == 0);
	connection_close(c);
	peer_join(&p);
}

struct ahead {
	sem_t sent;
	unsigned parts;
};

/* All the parts that are asked for and MORE at once; then the next NEXT. */
static void
wait_to_be_asked(struct peer *p)
{
	struct ahead *a = p->arg;
	uint64_t count = 0;
	char text[32];

	if (!lines_until_next(p))
		return;
	a->parts = p->message.next.parts;
	for (unsigned i = 0; i < a->parts; i++) {
		snprintf(text, sizeof(text), "%sa%02u a%02u", i == 0 ? "< " : "", 2 * i, 2 * i + 1);
		count += lines_send(p, text);
	}
	peer_answer(p, MESSAGE_MORE);
	sem_post(&a->sent);
	if (peer_receive(p) && p->message.type == MESSAGE_NEXT)
		lines_send_done(p, count);
	peer_linger(p);
}

/* The server has nothing to do from the end of its answer to the next question. */
Test(client_listing_asked, asks_for_more_before_it_gives_out_the_last_part)
{
	struct ahead ahead = {.parts = 0};
	struct peer p = {.arg = &ahead};
	struct connection *c;
	struct listing_line line;
	struct problem problem;
	struct listing *l;
	unsigned count = 0;

	sem_init(&ahead.sent, 0, 0);
	c = peer_start(&p, wait_to_be_asked, LONG_MS);
	cr_assert((l = listing_new(0, true, 0)) != NULL);
	cr_assert(listing_ask(l, c, "s") == 0 && listing_wait(l, &problem) == 0);
	sem_wait(&ahead.sent);
	/* The directory and two names a part: up to the first name of the last one. */
	for (; count < 2 * ahead.parts; count++)
		cr_assert(listing_next(l, &line, &problem) == 1);
	cr_expect(l->asked > 0);
	for (; listing_next(l, &line, &problem) == 1; count++)
		;
	cr_expect(problem.error == 0 && count == 2 * ahead.parts + 1);
	listing_close(l);
	connection_close(c);
	peer_join(&p);
	sem_destroy(&ahead.sent);
}

/* T26: a list of 10^6, cheap to make: names are numbers of fixed width. */
enum { MILLION = 1000000 };

static void
say_a_million(struct peer *p)
{
	static struct listed lines[LIMIT_ENTRIES];
	static char names[LIMIT_ENTRIES][8];
	struct message m = {.type = MESSAGE_ENTRIES};
	unsigned parts, number = 0;

	if (!lines_until_next(p))
		return;
	lines_send(p, "<");
	parts = p->message.next.parts - 1u;
	while (number < MILLION) {
		uint32_t count = 0;

		if (parts-- == 0) {
			if (!peer_answer(p, MESSAGE_MORE) || !peer_receive(p))
				return;
			parts = p->message.next.parts - 1u;
		}
		for (; count < LIMIT_ENTRIES && number < MILLION; count++, number++) {
			snprintf(names[count], sizeof(names[count]), "%07u", number);
			lines[count] = lines_one(names[count], 7);
		}
		m.entries.lines.items = lines;
		m.entries.lines.count = count;
		if (!peer_send(p, &m))
			return;
	}
	lines_send_done(p, MILLION + 1);
	peer_linger(p);
}

Test(client_listing_asked, T26_a_million_lines_come_one_by_one)
{
	struct peer p = {0};
	struct connection *c = peer_start(&p, say_a_million, LONG_MS);
	struct listing_line line;
	struct problem problem;
	struct listing *l;
	unsigned count = 0;
	int r;

	cr_assert(listing_open(&l, c, 0, "s", true, 0, &problem) == 0);
	while ((r = listing_next(l, &line, &problem)) == 1)
		count++;
	cr_expect(r == 0 && count == MILLION + 1);
	listing_close(l);
	connection_close(c);
	peer_join(&p);
}
