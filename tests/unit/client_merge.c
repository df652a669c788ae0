#include "src/client/merge.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_lines.h"

#define LONG_MS 10000

/* "name/" makes a directory, anything else a file. */
static int
make_tree(char *directory, const char *names)
{
	int top;

	unit_directory(directory, 64, "merge");
	top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(top >= 0);
	while (*names != '\0') {
		size_t length = strcspn(names, " ");
		char *name = strndup(names, length);

		if (name[length - 1] == '/')
			cr_assert(mkdirat(top, name, 0755) == 0);
		else
			close(openat(top, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
		free(name);
		names += length + (names[length] == ' ');
	}
	return top;
}

/* The last name first, so directories are empty when it is their turn. */
static void
remove_tree(int top, const char *directory, const char *names)
{
	size_t end = strlen(names);

	while (end > 0) {
		size_t begin = end;
		char *name;

		while (begin > 0 && names[begin - 1] != ' ')
			begin--;
		name = strndup(names + begin, end - begin);
		unlinkat(top, name, name[end - begin - 1] == '/' ? AT_REMOVEDIR : 0);
		free(name);
		end = begin > 0 ? begin - 1 : 0;
	}
	close(top);
	rmdir(directory);
}

/* "=" at both ends, "-" only here, "+" only there; "<" where a directory is entered. */
static void
print_item(FILE *out, const struct merge_item *i)
{
	const char *side = i->here == NULL ? "+" : i->there == NULL ? "-" : "=";

	if (i->kind == MERGE_ERROR)
		fprintf(out, "!%s ", side);
	else
		fprintf(out, "%s%s%s%s ", i->kind == MERGE_ENTER ? "<" : "", side, i->path,
			i->there != NULL && i->there->kind == LISTING_ERROR ? "!" : "");
	if (i->kind != MERGE_ERROR && i->here != NULL && i->there != NULL)
		cr_expect_str_eq(i->here->path, i->there->path);
}

static int vanishing_top = -1; /* its directory "d" goes when it has been an entry */

/* The whole sequence; skipped: a directory of this end whose rest is passed over, or NULL. */
static char *
merge_text(struct peer *p, int top, const char *skipped, int *error)
{
	const struct walk_options options = {.recursive = true};
	struct connection *c = peer_start(p, lines_say, LONG_MS);
	struct merge_item item = {.kind = MERGE_ENTER};
	struct problem problem = {0};
	struct listing *l;
	struct merge *m;
	struct walk *w;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert(listing_open(&l, c, 0, "s/d", true, 0, &problem) == 0);
	cr_assert(walk_new(&w, top, &options) == 0);
	m = merge_new(w, l);
	cr_assert(m != NULL);
	while ((*error = merge_next(m, &item, &problem)) == 0 && item.kind != MERGE_END) {
		print_item(out, &item);
		if (item.kind == MERGE_ENTER && skipped != NULL && strcmp(item.path, skipped) == 0)
			walk_skip(w);
		if (item.kind == MERGE_ENTRY && vanishing_top >= 0)
			unlinkat(vanishing_top, "d", AT_REMOVEDIR);
	}
	cr_expect(problem.error == *error);
	if (*error == 0) {
		cr_expect(merge_next(m, &item, &problem) == 0);
		cr_expect(item.kind == MERGE_END);
	}
	merge_free(m);
	walk_free(w);
	listing_close(l);
	connection_close(c);
	peer_join(p);
	fclose(out);
	return text;
}

static const struct {
	const char *here, *there, *expected, *skipped;
} cases[] = {
    {"", "<", "<= ", NULL},
    {"a b c", "<", "<= -a -b -c ", NULL},
    {"", "< a b|c", "<= +a +b +c ", NULL},
    {"a b d", "< a c d", "<= =a -b +c =d ", NULL},
    {"d/ d/x e", "< d/ e <d x", "<= =d =e <=d =d/x ", NULL},
    {"a/ a/x b/ b/y", "< b/ c/ <b y z <c w", "<= -a =b +c <-a -a/x <=b =b/y +b/z <+c +c/w ", NULL},
    {"a/ a/b/ a/b/x a-b/ a-b/y", "< a-b/ <a-b y", "<= -a =a-b <-a -a/b <-a/b -a/b/x <=a-b =a-b/y ",
     NULL},
    {"a/ a/b/ a/b/x a-b/", "< a/ a-b/ <a b/ <a/b y <a-b",
     "<= =a =a-b <=a =a/b <=a/b -a/b/x +a/b/y <=a-b ", NULL},
    {"d", "< d/ <d x y", "<= =d <+d +d/x +d/y ", NULL},
    {"d/ d/x", "< d", "<= =d <-d -d/x ", NULL},
    {"a b c", "< a! b", "<= =a! =b -c ", NULL},
    {"d/ d/x", "< d!/ <d !", "<= =d! <=d !+ -d/x ", NULL},
    {"a/ a/x a/d/ a/d/y b", "< a/ b <a x", "<= =a =b <=a +a/x ", "a"},
    {"\x7f \xff", "< \x7f \x80 \xff", "<= =\x7f +\x80 =\xff ", NULL},
    {"a/ a/x a\x01/ a\x01/y", "< a/ a\x01/ <a x <a\x01 y",
     "<= =a =a\x01 <=a =a/x <=a\x01 =a\x01/y ", NULL},
};

Test(client_merge, gives_every_name_of_either_end_once_and_in_order)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p = {0};
		char directory[64];
		int top = make_tree(directory, cases[i].here);
		char *text;
		int error;

		lines_text = cases[i].there;
		text = merge_text(&p, top, cases[i].skipped, &error);
		cr_expect(error == 0, "case %zu: %s", i, error_name(error));
		cr_expect_str_eq(text, cases[i].expected, "case %zu: \"%s\", not \"%s\"", i, text,
				 cases[i].expected);
		free(text);
		remove_tree(top, directory, cases[i].here);
	}
}

Test(client_merge, ends_with_the_error_of_the_listing)
{
	struct peer p = {0};
	char directory[64];
	int top = make_tree(directory, "a b");
	int error;

	lines_text = "<|b|c|d|e|f|g|a"; /* the lie comes with a later NEXT */
	free(merge_text(&p, top, NULL, &error));
	cr_expect(error == FTX_E_PROTOCOL);
	remove_tree(top, directory, "a b");
}

/* It vanishes between being an entry and being entered. */
Test(client_merge, says_that_a_directory_of_this_end_could_not_be_read)
{
	struct peer p = {0};
	char directory[64];
	int top = make_tree(directory, "d/");
	char *text;
	int error;

	lines_text = "< d/ <d x y";
	vanishing_top = top;
	text = merge_text(&p, top, NULL, &error);
	vanishing_top = -1;
	cr_expect(error == 0);
	cr_expect_str_eq(text, "<= =d <=d !- +d/x +d/y ");
	free(text);
	remove_tree(top, directory, "");
}
