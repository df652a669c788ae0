/* What a listing says: that of an honest server, and lies. */
#include "src/client/listing_impl.h"

#include "tests/harness/unit.h"
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
