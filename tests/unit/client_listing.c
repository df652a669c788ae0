#include "src/client/listing_impl.h"

#include "tests/harness/unit.h"
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/store/metadata.h"
#include "tests/unit/client_lines.h"

#define LONG_MS 10000

/* A whole listing as text; *error is what it ended with. */
static char *
listing_text(struct peer *p, void (*script)(struct peer *p), bool recursive, int *error)
{
	struct connection *c = peer_start(p, script, LONG_MS);
	struct problem problem = {0};
	struct listing_line line;
	struct listing *l;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	*error = listing_open(&l, c, 1, "s/d", recursive, 7, &problem);
	while (*error == 0 && (*error = listing_next(l, &line, &problem)) == 1) {
		const char *marks[] = {"<", "", ""};

		fprintf(out, "%s%s", marks[line.kind], line.path);
		if (line.kind == LISTING_ERROR)
			fprintf(out, "!%s%s", error_name(line.error), line.of_directory ? "!" : "");
		else
			cr_expect(line.attributes != NULL);
		fputc(' ', out);
		*error = 0;
	}
	cr_expect(problem.error == *error);
	listing_close(l);
	connection_close(c);
	peer_join(p);
	fclose(out);
	return text;
}

static const struct {
	const char *said, *expected;
	bool recursive;
} good[] = {
    {"<", "< ", true},
    {"< a b/ c", "< a b c ", false},
    {"< a/ b c/|<a x y/|<a/y|<c z", "< a b c <a a/x a/y <a/y <c c/z ", true},
    {"<|a|b|c|d|e|f|g|h|i|j|k", "< a b c d e f g h i j k ", true},
    {"< a! b!/ c <b !|x", "< a!vanished b!vanished c <b b!denied! b/x ", true},
    {"< ! a@", "< !denied! a ", true},
    {"< a a-b a.b aa ab \x7f \x80 \xff", "< a a-b a.b aa ab \x7f \x80 \xff ", true},
};

Test(client_listing, gives_out_what_an_honest_server_says)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct peer p = {0};
		char *text;
		int error;

		lines_text = good[i].said;
		text = listing_text(&p, lines_say, good[i].recursive, &error);
		cr_expect(error == 0, "\"%s\": %s", good[i].said, error_name(error));
		cr_expect_str_eq(text, good[i].expected);
		free(text);
	}
}

static const struct {
	const char *what, *said;
	bool flat;
	int off;
} lies[] = {
    {"nothing at all", "", false, 0},
    {"an entry before the top", "a <", false, 0},
    {"an error before the top", "! <", false, 0},
    {"another top", "<a", false, 0},
    {"the top twice", "< <", false, 0},
    {"a name twice", "< a a", false, 0},
    {"names out of order", "< b a", false, 0},
    {"names out of order over parts", "< b|a", false, 0},
    {"a longer name before its beginning", "< ab a", false, 0},
    {"a name with a slash", "< a/b", false, 0},
    {"a name that goes up", "< ..", false, 0},
    {"a reserved name", "< .ftx", false, 0},
    {"a reserved name that begins so", "< .ftx-1", false, 0},
    {"a directory that had no entry", "< a/ <a <b", false, 0},
    {"a file that is entered", "< a <a", false, 0},
    {"a link that is entered", "< a@ <a", false, 0},
    {"a directory that is entered twice", "< a/ <a <a", false, 0},
    {"directories out of order", "< a/ b/ <b <a", false, 0},
    {"a directory that is left out", "< a/ b/ <b", false, 0},
    {"a directory that is left out at the end", "< a/ b/ <a", false, 0},
    {"a directory of another directory", "< a/ b/ <a x/ <b <a/x", false, 0},
    {"a path that goes up", "< a/ <../a", false, 0},
    {"a path with its slash behind", "< a/ <a/", false, 0},
    {"a directory entered where nothing was to be", "< a/ <a", true, 0},
    {"one line less than it says", "< a", false, 1},
    {"one line more than it says", "< a", false, -1},
    {"an error entry out of order", "< b a!", false, 0},
    {"directory with an error, left out", "< a!/ b", false, 0},
};

Test(client_listing, lies_of_a_server_end_the_connection)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct peer p = {0};
		int error;

		lines_text = lies[i].said;
		lines_off = lies[i].off;
		free(listing_text(&p, lines_say, !lies[i].flat, &error));
		cr_expect(error == FTX_E_PROTOCOL, "%s: %s", lies[i].what, error_name(error));
	}
}

/* Changes a good line; what the attributes may not say. */
static void (*spoil)(struct listed *line);

static void
say_spoiled(struct peer *p)
{
	struct message m = {.type = MESSAGE_ENTRIES};
	struct listed lines[2] = {lines_one("<", 1), lines_one("a", 1)};

	if (!lines_until_next(p))
		return;
	spoil(&lines[1]);
	m.entries.lines.items = lines;
	m.entries.lines.count = 2;
	peer_send(p, &m);
	lines_send_done(p, 2);
	peer_linger(p);
}

static void
no_type(struct listed *l)
{
	l->attributes.metadata.type = 0;
}

static void
target_of_a_file(struct listed *l)
{
	l->attributes.target = span_of("x");
}

static void
link_without_target(struct listed *l)
{
	l->attributes.metadata.type = ENTRY_SYMLINK;
}

static void
target_with_nul(struct listed *l)
{
	l->attributes.metadata.type = ENTRY_SYMLINK;
	l->attributes.target = (struct span){(const uint8_t *)"a\0b", 3};
}

static void
xattrs_that_are_none(struct listed *l)
{
	l->attributes.metadata.xattrs = span_of("x");
}

static void
unknown_code(struct listed *l)
{
	l->code = 9999;
}

static void
name_too_long(struct listed *l)
{
	static uint8_t name[LIMIT_NAME_BYTES + 1];

	memset(name, 'x', sizeof(name));
	l->path = (struct span){name, sizeof(name)};
}

static void
name_with_nul(struct listed *l)
{
	l->path = (struct span){(const uint8_t *)"a\0b", 3};
}

static void
name_empty(struct listed *l)
{
	l->path.length = 0;
}

static void
error_without_code(struct listed *l)
{
	*l = (struct listed){.kind = 2};
}

static void
error_with_a_path(struct listed *l)
{
	l->kind = 2;
	l->code = 1;
}

static void
entered_with_code(struct listed *l)
{
	l->attributes.metadata.type = ENTRY_DIRECTORY;
	l->kind = 1;
	l->path.length = 0;
	l->code = 1;
}

Test(client_listing, attributes_that_cannot_be_end_the_connection)
{
	static void (*const spoils[])(struct listed * l) = {
	    no_type,	  target_of_a_file,	link_without_target, target_with_nul,
	    unknown_code, xattrs_that_are_none, name_too_long,	     name_with_nul,
	    name_empty,	  error_without_code,	error_with_a_path,   entered_with_code,
	};

	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct peer p = {0};
		int error;

		spoil = spoils[i];
		free(listing_text(&p, say_spoiled, true, &error));
		cr_expect(error == FTX_E_PROTOCOL, "%zu: %s", i, error_name(error));
	}
}

static void
say_more_parts_than_asked(struct peer *p)
{
	char name[] = "a";

	if (!lines_until_next(p))
		return;
	lines_send(p, "<");
	for (unsigned i = 0; i < p->message.next.parts; i++, name[0]++)
		lines_send(p, name);
	peer_answer(p, MESSAGE_MORE);
	peer_linger(p);
}

static void
say_an_empty_part(struct peer *p)
{
	if (lines_until_next(p))
		lines_send(p, "");
	peer_linger(p);
}

static void
say_more_and_nothing(struct peer *p)
{
	if (lines_until_next(p))
		peer_answer(p, MESSAGE_MORE);
	peer_linger(p);
}

static void
say_deeper_and_deeper(struct peer *p)
{
	char path[LIMIT_PATH_BYTES + 1] = "";
	unsigned parts;

	if (!lines_until_next(p))
		return;
	parts = p->message.next.parts;
	lines_send(p, "< d/");
	for (unsigned depth = 1;; depth++) {
		char part[LIMIT_PATH_BYTES + 16];

		if (--parts == 0) {
			peer_answer(p, MESSAGE_MORE);
			if (!peer_receive(p))
				return;
			parts = p->message.next.parts;
		}
		strcat(path, depth == 1 ? "d" : "/d");
		snprintf(part, sizeof(part), "<%s d/", path);
		p->step++;
		lines_send(p, part);
		if (depth > 2 * LIMIT_PATH_DEPTH)
			return;
	}
}

static void
refuse_next(struct peer *p)
{
	if (lines_until_next(p))
		peer_error(p, FTX_E_PROTOCOL);
	peer_linger(p);
}

Test(client_listing, answers_that_never_end_are_noticed)
{
	static void (*const scripts[])(struct peer * p) = {
	    say_more_parts_than_asked, say_an_empty_part, say_more_and_nothing,
	    say_deeper_and_deeper,     refuse_next,
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct peer p = {0};
		int error;

		free(listing_text(&p, scripts[i], true, &error));
		cr_expect(error == FTX_E_PROTOCOL, "%zu: %s", i, error_name(error));
		if (scripts[i] == say_deeper_and_deeper)
			cr_expect(p.step >= (int)LIMIT_PATH_DEPTH - 1);
	}
}

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

Test(client_listing, a_refusal_is_of_the_listing_only)
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
Test(client_listing, nothing_is_listed_that_was_refused)
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

Test(client_listing, is_ended_early_in_good_order)
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

Test(client_listing, an_interrupted_one_can_be_closed_before_its_answer_comes)
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
Test(client_listing, asks_for_more_before_it_gives_out_the_last_part)
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

Test(client_listing, T26_a_million_lines_come_one_by_one)
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
