/* A listing that goes on over another connection: each line once, whatever was lost in between. */
#include "src/client/listing_impl.h"

#include "tests/harness/unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "tests/unit/client_lines.h"

#define LONG_MS 10000
#define ALL	UINT_MAX

/* At most so many lines of l, as "<path", "path", "path!error", "path!error!" of a directory. */
static int
take(struct listing *l, unsigned most, FILE *out)
{
	static const char *const marks[] = {"<", "", ""};
	struct listing_line line;
	struct problem problem;
	int r = 1;

	for (unsigned i = 0; i < most && (r = listing_next(l, &line, &problem)) == 1; i++) {
		fprintf(out, "%s%s", marks[line.kind], line.path);
		if (line.kind == LISTING_ERROR)
			fprintf(out, "!%s%s", error_name(line.error), line.of_directory ? "!" : "");
		fputc(' ', out);
	}
	return r;
}

static struct peer peers[3];

static struct connection *
connect_to(struct peer *p, const char *text, bool break_off)
{
	lines_text = text;
	lines_break_off = break_off;
	memset(p, 0, sizeof(*p));
	return peer_start(p, lines_say, LONG_MS);
}

static void
lose(struct listing *l, struct connection *c, struct peer *p)
{
	listing_lost(l);
	connection_free(c);
	peer_join(p);
}

/* A listing of top, lost behind this text, which goes to out; in_vain: and over the next connection
 * before that. */
static struct listing *
lost_behind(const char *top, const char *text, bool in_vain, FILE *out)
{
	struct connection *c = connect_to(&peers[0], text, true);
	unsigned lines = *text != '\0';
	struct problem problem;
	struct listing *l;

	for (const char *at = text; *at != '\0'; at++)
		lines += *at == ' ' || *at == '|';
	cr_assert(listing_open(&l, c, 0, top, true, 0, &problem) == 0);
	cr_assert(take(l, lines, out) == 1);
	lose(l, c, &peers[0]);
	if (in_vain) {
		c = connect_to(&peers[1], "<", true);
		cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
		lose(l, c, &peers[1]);
	}
	return l;
}

/* What a listing of top says that is lost behind the first text and goes on with the second. */
static char *
listed(const char *top, const char *first, bool in_vain, const char *second)
{
	struct problem problem;
	struct connection *c;
	struct listing *l;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	lines_top = top;
	l = lost_behind(top, first, in_vain, out);
	c = connect_to(&peers[2], second, false);
	cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
	cr_expect(take(l, ALL, out) == 0);
	listing_close(l);
	connection_close(c);
	peer_join(&peers[2]);
	fclose(out);
	return text;
}

/* Lost behind each of its lines. */
Test(client_listing_again, every_line_of_a_listing_comes_once)
{
	static const struct {
		const char *said, *expected;
	} cases[] = {
	    {"< a b/ c|<b x y", "< a b c <b b/x b/y "},
	    {"< a/ b c/ d|<a x y/|<a/y|<c z", "< a b c d <a a/x a/y <a/y <c c/z "},
	    /* '/' comes before every other byte where directories are entered */
	    {"< a/ a-b/ a.b/|<a z/|<a/z|<a-b x|<a.b x",
	     "< a a-b a.b <a a/z <a/z <a-b a-b/x <a.b a.b/x "},
	    {"< a! b!/ c <b !|x", "< a!vanished b!vanished c <b b!denied! b/x "},
	    {"< a/ b|! c|<a ! x|y", "< a b !denied! c <a a!denied! a/x a/y "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t length = 0; length <= strlen(cases[i].said); length++) {
			char *first = strndup(cases[i].said, length);

			for (int in_vain = 0; in_vain < 2; in_vain++) {
				char *text;

				if (strchr(" |", cases[i].said[length]) == NULL && length > 0)
					continue;
				text = listed("s", first, in_vain != 0, cases[i].said);
				cr_expect_str_eq(text, cases[i].expected, "case %zu, '%s': %s", i,
						 first, text);
				free(text);
			}
			free(first);
		}
}

/*
 * What was made or went meanwhile: in front of what had come it is not seen any more.  That a
 * directory is gone is only told of one that is listed by itself.
 */
Test(client_listing_again, goes_on_behind_what_had_come)
{
	static const struct {
		const char *first, *second, *expected, *after_one_in_vain;
	} cases[] = {
	    {"< b", "< a b bb c", "< b bb c ", NULL},
	    {"< b c", "< a b", "< b c ", NULL},
	    {"< b", "< c", "< b c ", NULL},
	    {"< b/ c|<b x", "< b/ c <b w z", "< b c <b b/x b/z ", NULL},
	    {"< b/ c/|<b x", "< c/ <c z", "< b c <b b/x <c c/z ",
	     "< b c <b b/x b!vanished! <c c/z "},
	    {"< b/ c/|<b x y", "< b/ <b y z", "< b c <b b/x b/y b/z ",
	     "< b c <b b/x b/y b/z c!vanished! "},
	    {"< b/ c/ e/|<b x", "< b/ d/ e/ <b x <d z <e z", "< b c e <b b/x <d d/z <e e/z ",
	     "< b c e <b b/x c!vanished! <e e/z "},
	    {"< b/ c", "< c", "< b c ", NULL},
	    {"< b/|<b", "< b/ <b ! x y", "< b <b b!denied! b/x b/y ", NULL},
	    {"< b/|<b x", "< b/ <b ! x y", "< b <b b/x b!denied! b/y ", NULL},
	    {"< b/|<b a/|<b/a x", "< b/ <b a/ c/ <b/a x y/ <b/a/y z <b/c z",
	     "< b <b b/a <b/a b/a/x b/a/y <b/a/y b/a/y/z <b/c b/c/z ",
	     "< b <b b/a <b/a b/a/x b/a/y <b/a/y b/a/y/z "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int in_vain = 0; in_vain < 2; in_vain++) {
			char *text = listed("s", cases[i].first, in_vain != 0, cases[i].second);
			const char *expected = in_vain != 0 && cases[i].after_one_in_vain != NULL
						   ? cases[i].after_one_in_vain
						   : cases[i].expected;

			cr_expect_str_eq(text, expected, "case %zu: %s", i, text);
			free(text);
		}
}

/* Of a directory below the top: what does not belong there, or is not as it was announced. */
Test(client_listing_again, lies_end_the_other_connection_too)
{
	static const char *const lies[] = {
	    "",
	    "x",
	    "<b",
	    "<b x",
	    "!",
	    "< x x",
	    "< y x",
	    "< x <",
	    "< x <x",
	    "< y/ <z",
	    "< y/ z/ <z",
	    "< y/",
	    "< y/ <y a/ <y/b",
	    "< y/ <y a/ <a",
	    "< y/ <b/y",
	    "< y/ <c",
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct problem problem;
		struct listing_line line;
		struct connection *c;
		struct listing *l;
		FILE *out = fopen("/dev/null", "w");
		int r;

		lines_top = NULL;
		l = lost_behind("s", "< b/ c/|<b x", true, out);
		c = connect_to(&peers[2], lies[i], false);
		/* The answer to LIST and the lie may come at once, and while NEXT is sent. */
		(void)listing_again(l, c);
		r = listing_wait(l, &problem) != 0 ? problem.error : 1;
		while (r == 1)
			r = listing_next(l, &line, &problem);
		cr_expect(r == FTX_E_PROTOCOL && connection_error(c) == FTX_E_PROTOCOL, "'%s': %s",
			  lies[i], error_name(r));
		listing_close(l);
		connection_free(c);
		peer_join(&peers[2]);
		fclose(out);
	}
}

/* A walk that begins further down comes further than one from the top. */
Test(client_listing_again, what_is_too_deep_below_the_top_is_not_listed)
{
	enum { LOST_AT = LIMIT_PATH_DEPTH - 28 };
	char first[20000] = "<", second[40000] = "<", path[2 * LIMIT_PATH_DEPTH + 8] = "";
	char expected[4 * sizeof(path)];
	char *text, *end;

	for (unsigned depth = 1; depth <= LIMIT_PATH_DEPTH; depth++) {
		strcat(second, " d/");
		if (depth == LOST_AT)
			strcpy(first, second);
		strcat(path, depth > 1 ? "/d" : "d");
		sprintf(second + strlen(second), "|<%s", path);
	}
	sprintf(second + strlen(second), " e/ f|<%s/e a b/|<%s/e/b c", path, path);
	text = listed("s", first, true, second);
	snprintf(expected, sizeof(expected), "<%s %s/e!name %s/f!name ", path, path, path);
	end = strlen(text) > strlen(expected) ? text + strlen(text) - strlen(expected) : text;
	cr_expect_str_eq(end, expected, "%s", end);
	free(text);
}

/* Nor is what no LIST could name: that is an error of its own, and the others come. */
Test(client_listing_again, what_has_too_long_a_path_to_be_listed_by_itself_is_told)
{
	char top[LIMIT_PATH_BYTES], name[101], first[400], expected[1000], *text;

	memset(top, 'd', sizeof(top) - 50);
	for (size_t i = 1; i < sizeof(top) - 50; i += 200)
		top[i] = '/';
	top[sizeof(top) - 50] = '\0';
	memset(name, 'n', 100);
	name[100] = '\0';
	snprintf(first, sizeof(first), "< %s/ z/|<%s x", name, name);
	snprintf(expected, sizeof(expected), "< %s z <%s %s/x %s!name! <z z/y ", name, name, name,
		 name);
	text = listed(top, first, true, "< z/|<z y");
	cr_expect_str_eq(text, expected, "%s", text);
	free(text);
}

/* Parts that had come and were not given out when the connection was lost. */
Test(client_listing_again, what_had_come_is_kept)
{
	struct problem problem;
	struct connection *c;
	struct listing *l;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	lines_top = "s";
	c = connect_to(&peers[0], "<|a|b|c|d|e|f|g|h|i|j|k", false);
	cr_assert(listing_open(&l, c, 0, "s", true, 0, &problem) == 0);
	while (l->parts < 8) {
		l->arrived = false;
		cr_assert(connection_wait_for(c, &l->arrived) == 0);
	}
	cr_assert(take(l, 1, out) == 1);
	lose(l, c, &peers[0]);
	c = connect_to(&peers[1], "< g h i j k", false); /* the others are gone meanwhile */
	cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
	cr_expect(take(l, ALL, out) == 0);
	/* Nothing is asked for any more. */
	lose(l, c, &peers[1]);
	c = connect_to(&peers[2], "", true);
	cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
	cr_expect(take(l, ALL, out) == 0);
	listing_close(l);
	connection_close(c);
	peer_join(&peers[2]);
	fclose(out);
	cr_expect_str_eq(text, "< a b c d e f g h i j k ");
	free(text);
}

/* No connection brings more than two parts. */
Test(client_listing_again, comes_to_its_end_over_connections_that_are_all_short)
{
	static const char said[] = "< a/ b/ c/|<a x y|<b d/ e/|<b/d z|<b/e|<c w";
	static const char expected[] = "< a b c <a a/x a/y <b b/d b/e <b/d b/d/z <b/e <c c/w ";
	struct problem problem;
	struct listing *l = listing_new(0, true, 0);
	unsigned connections = 0;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = 1;

	lines_top = "s";
	lines_most_parts = 2;
	do {
		struct connection *c = connect_to(&peers[0], said, false);

		cr_assert((connections == 0 ? listing_ask(l, c, "s") : listing_again(l, c)) == 0);
		cr_assert(listing_wait(l, &problem) == 0);
		r = take(l, ALL, out);
		if (r != 0) {
			cr_assert(connection_is_lost(c), "%s", problem.text);
			lose(l, c, &peers[0]);
		} else {
			listing_close(l);
			connection_close(c);
			peer_join(&peers[0]);
		}
	} while (r != 0 && ++connections < 20);
	lines_most_parts = INT_MAX;
	fclose(out);
	cr_expect(r == 0 && connections > 3, "%u: %s", connections, text);
	cr_expect_str_eq(text, expected, "%s", text);
	free(text);
}
