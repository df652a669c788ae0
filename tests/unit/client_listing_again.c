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

/* So many lines of the first, and what then comes of the second. */
static char *
listed(const char *first, unsigned lines, const char *second)
{
	static struct peer peers[2];
	struct problem problem;
	struct connection *c;
	struct listing *l;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	memset(peers, 0, sizeof(peers));
	lines_text = first;
	c = peer_start(&peers[0], lines_say, LONG_MS);
	cr_assert(listing_open(&l, c, 0, "s", true, 0, &problem) == 0);
	cr_assert(take(l, lines, out) == 1);
	listing_lost(l);
	connection_free(c);
	peer_join(&peers[0]);
	lines_text = second;
	c = peer_start(&peers[1], lines_say, LONG_MS);
	cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
	cr_expect(take(l, ALL, out) == 0);
	listing_close(l);
	connection_close(c);
	peer_join(&peers[1]);
	fclose(out);
	return text;
}

/* Lost behind each of its lines. */
Test(client_listing_again, every_line_of_a_listing_comes_once)
{
	static const struct {
		const char *said, *expected;
		unsigned lines;
	} cases[] = {
	    {"< a b/ c|<b x y", "< a b c <b b/x b/y ", 7},
	    {"< a/ b c/ d|<a x y/|<a/y|<c z", "< a b c d <a a/x a/y <a/y <c c/z ", 10},
	    /* '/' comes before every other byte where directories are entered */
	    {"< a/ a-b/ a.b/|<a z/|<a/z|<a-b x|<a.b x",
	     "< a a-b a.b <a a/z <a/z <a-b a-b/x <a.b a.b/x ", 10},
	    {"< a! b!/ c <b !|x", "< a!vanished b!vanished c <b b!denied! b/x ", 7},
	    {"< a/ b|! c|<a ! x|y", "< a b !denied! c <a a!denied! a/x a/y ", 8},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned lines = 0; lines < cases[i].lines; lines++) {
			char *text = listed(cases[i].said, lines, cases[i].said);

			cr_expect_str_eq(text, cases[i].expected, "case %zu, %u lines: %s", i,
					 lines, text);
			free(text);
		}
}

/* What was made or went meanwhile: in front of what was given out it is not seen any more. */
Test(client_listing_again, goes_on_behind_what_was_given_out)
{
	static const struct {
		const char *first;
		unsigned lines;
		const char *second, *expected;
	} cases[] = {
	    {"< b c", 2, "< a b bb c", "< b bb c "},
	    {"< b c", 2, "< c", "< b c "},
	    {"< b c", 3, "< a b", "< b c "},
	    {"< b/ c <b x y", 5, "< b/ c <b w z", "< b c <b b/x b/z "},
	    {"< b/ c/ <b x y <c z", 5, "< c/ <c z", "< b c <b b/x <c c/z "},
	    {"< b/ c <b x", 3, "< c", "< b c "},
	    {"< b/ <b x", 2, "< b/ <b ! x", "< b <b b!denied! b/x "},
	    {"< b/ <b x y", 4, "< b/ <b ! x y", "< b <b b/x b!denied! b/y "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = listed(cases[i].first, cases[i].lines, cases[i].second);

		cr_expect_str_eq(text, cases[i].expected, "case %zu: %s", i, text);
		free(text);
	}
}

/* Parts that had come and were not given out when the connection was lost. */
Test(client_listing_again, what_had_come_is_asked_for_once_more)
{
	static struct peer peers[2];
	struct problem problem;
	struct connection *c;
	struct listing *l;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	lines_text = "<|a|b|c|d|e|f|g|h|i|j|k";
	c = peer_start(&peers[0], lines_say, LONG_MS);
	cr_assert(listing_open(&l, c, 0, "s", true, 0, &problem) == 0);
	while (l->parts < 4) {
		l->arrived = false;
		cr_assert(connection_wait_for(c, &l->arrived) == 0);
	}
	cr_assert(take(l, 1, out) == 1);
	listing_lost(l);
	connection_free(c);
	peer_join(&peers[0]);
	c = peer_start(&peers[1], lines_say, LONG_MS);
	cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
	cr_expect(take(l, ALL, out) == 0);
	listing_close(l);
	connection_close(c);
	peer_join(&peers[1]);
	fclose(out);
	cr_expect_str_eq(text, "< a b c d e f g h i j k ");
	free(text);
}

/* Lost twice, the second time before anything new had come. */
Test(client_listing_again, may_be_asked_again_and_again)
{
	static struct peer peers[3];
	struct problem problem;
	struct connection *c;
	struct listing *l = NULL;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	lines_text = "< a b/ c|<b x y";
	for (int i = 0; i < 3; i++) {
		c = peer_start(&peers[i], lines_say, LONG_MS);
		if (i == 0)
			cr_assert(listing_open(&l, c, 0, "s", true, 0, &problem) == 0);
		else
			cr_assert(listing_again(l, c) == 0 && listing_wait(l, &problem) == 0);
		cr_expect(take(l, i == 0 ? 3 : i == 1 ? 0 : ALL, out) == (i == 2 ? 0 : 1));
		if (i < 2) {
			listing_lost(l);
			connection_free(c);
			peer_join(&peers[i]);
		}
	}
	listing_close(l);
	connection_close(c);
	peer_join(&peers[2]);
	fclose(out);
	cr_expect_str_eq(text, "< a b c <b b/x b/y ");
	free(text);
}
