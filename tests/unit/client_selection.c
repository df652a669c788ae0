#include "src/client/selection.h"

#include "tests/harness/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/limits.h"

struct list_file {
	char path[40];
};

static struct list_file
list_file(const char *text, size_t length)
{
	struct list_file f = {"/tmp/ftx-selection-XXXXXX"};
	int fd = mkostemp(f.path, O_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, text, length) == (ssize_t)length && close(fd) == 0);
	return f;
}

/* The selection of a list of so many bytes. */
static struct selection *
selection_of(const char *text, size_t length, bool nul_separated)
{
	struct list_file f = list_file(text, length);
	struct problem why = {0};
	struct selection *s;

	cr_assert_eq(selection_read(&s, f.path, nul_separated, &why), 0, "%s", why.text);
	unlink(f.path);
	return s;
}

/* What was not seen, joined by '|'. */
static void
expect_unseen(const struct selection *s, const char *expected)
{
	char joined[256] = "";
	size_t iterator = 0;
	const char *name;

	while ((name = selection_next_unseen(s, &iterator)) != NULL) {
		strcat(joined, joined[0] == '\0' ? "" : "|");
		strcat(joined, name);
	}
	cr_expect_str_eq(joined, expected, "'%s', expected '%s'", joined, expected);
}

#define NONE  SELECTION_NONE
#define ENTER SELECTION_ENTER
#define WHOLE SELECTION_WHOLE

/* Names that sort between a name and what is below it are here on purpose: '-' and '.' are before
 * '/'. */
static const char list[] = "b/c\n"
			   "a\n"
			   "a-b\n"
			   "a.c/x\n"
			   "a/sub/deep\n"
			   "d/e/f\n"
			   "d/e/g\n"
			   "d/e-\n"
			   "file/below\n"
			   "\xff/\x01\n"
			   "#c\n"
			   "sp ace \n"
			   "b/c\n";

static const struct {
	const char *path;
	bool is_directory;
	enum selection_verdict verdict;
} checks[] = {
    {"", true, ENTER},	       {"a", true, WHOLE},
    {"a/sub", true, WHOLE},    {"a/sub/deep", false, WHOLE},
    {"a/other", false, WHOLE}, {"a-b", false, WHOLE},
    {"a-", true, NONE},	       {"a-c", true, NONE},
    {"a.c", true, ENTER},      {"a.c", false, NONE},
    {"a.c/x", true, WHOLE},    {"a.c/x/y/z", false, WHOLE},
    {"a.c/y", true, NONE},     {"b", true, ENTER},
    {"b/c", false, WHOLE},     {"b/d", false, NONE},
    {"b/c0", false, NONE},     {"b/", true, NONE},
    {"c", true, NONE},	       {"c/d", true, NONE},
    {"d", true, ENTER},	       {"d/e", true, ENTER},
    {"d/e/f", true, WHOLE},    {"d/e/ff", true, NONE},
    {"d/e-", false, WHOLE},    {"d/f", true, NONE},
    {"file", false, NONE},     {"#c", false, WHOLE},
    {"sp ace ", false, WHOLE}, {"sp ace", false, NONE},
    {"\xff", true, ENTER},     {"\xff/\x01", false, WHOLE},
    {"\xfe", true, NONE},      {"zzz", true, NONE},
};

Test(selection, takes_what_is_listed_and_the_way_to_it)
{
	struct selection *s = selection_of(list, sizeof(list) - 1, false);

	cr_expect_eq(selection_count(s), 12);
	expect_unseen(s, "#c|a|a/sub/deep|a-b|a.c/x|b/c|d/e/f|d/e/g|d/e-|file/below|sp ace |"
			 "\xff/\x01");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		cr_expect_eq(selection_check(s, checks[i].path, checks[i].is_directory),
			     checks[i].verdict, "'%s'", checks[i].path);
	expect_unseen(s, "d/e/g|file/below");
	selection_free(s);
}

Test(selection, has_not_seen_what_is_missing_below_a_listed_name)
{
	static const char text[] = "a\na/missing\na/there\nb/c\nb\n";
	struct selection *s = selection_of(text, sizeof(text) - 1, false);

	cr_expect_eq(selection_check(s, "a", true), WHOLE);
	cr_expect_eq(selection_check(s, "a/there", true), WHOLE);
	cr_expect_eq(selection_check(s, "a/third", true), WHOLE);
	expect_unseen(s, "a/missing|b|b/c");
	cr_expect_eq(selection_check(s, "b/d", false), WHOLE);
	expect_unseen(s, "a/missing|b/c");
	selection_free(s);
}

/* What is written, and the one name it stands for. */
static const struct {
	const char *text, *name;
} spellings[] = {
    {"a", "a"},
    {"a\n", "a"},
    {"\n\na\n\n", "a"},
    {"./a", "a"},
    {"/a", "a"},
    {"//a", "a"},
    {"./././a", "a"},
    {".//a", "a"},
    {"/./a", "a"},
    {"a/", "a"},
    {"a//", "a"},
    {"a//b", "a/b"},
    {"a///b//c/", "a/b/c"},
    {".a", ".a"},
    {"..a", "..a"},
    {"a/.b", "a/.b"},
    {"./.a/", ".a"},
    {"a b", "a b"},
    {"a\r\n", "a\r"},
    {"\\a", "\\a"},
    {"a\n./a\n/a\na/\n", "a"},
};

Test(selection, reads_every_spelling_of_a_name)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct selection *s =
		    selection_of(spellings[i].text, strlen(spellings[i].text), false);

		cr_expect_eq(selection_count(s), 1, "%s", spellings[i].text);
		expect_unseen(s, spellings[i].name);
		cr_expect_eq(selection_check(s, spellings[i].name, false), WHOLE);
		expect_unseen(s, "");
		selection_free(s);
	}
}

Test(selection, takes_all_where_the_top_is_listed)
{
	static const char *const tops[] = {".", "./", "/", "//", "./.", "x\n.\n"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		struct selection *s = selection_of(tops[i], strlen(tops[i]), false);

		cr_expect_eq(selection_check(s, "", true), WHOLE, "%s", tops[i]);
		cr_expect_eq(selection_check(s, "any/thing", false), WHOLE, "%s", tops[i]);
		selection_check(s, "x", false);
		expect_unseen(s, "");
		selection_free(s);
	}
}

Test(selection, of_nothing_takes_nothing)
{
	static const char *const texts[] = {"", "\n", "\n\n\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct selection *s = selection_of(texts[i], strlen(texts[i]), false);

		cr_expect_eq(selection_count(s), 0);
		cr_expect_eq(selection_check(s, "", true), ENTER);
		cr_expect_eq(selection_check(s, "a", true), NONE);
		expect_unseen(s, "");
		selection_free(s);
	}
}

Test(selection, separates_by_zero_bytes_on_request)
{
	static const char text[] = "new\nline\0./a//b\0\0\n\0last";
	struct selection *s = selection_of(text, sizeof(text) - 1, true);

	expect_unseen(s, "\n|a/b|last|new\nline");
	cr_expect_eq(selection_check(s, "new\nline", false), WHOLE);
	cr_expect_eq(selection_check(s, "new", false), NONE);
	expect_unseen(s, "\n|a/b|last");
	selection_free(s);
}

static char long_name[LIMIT_NAME_BYTES + 2];

static const struct {
	const char *text;
	size_t length;
	const char *says;
} refused[] = {
#define TEXT(text) (text), sizeof(text) - 1
    {TEXT("a\n../b\n"), "entry 2: '../b'"},
    {TEXT(".."), "entry 1: '..'"},
    {TEXT("a\n\nb/../c\n"), "entry 3: 'b/../c'"},
    {TEXT("./../a"), "'../a'"},
    {TEXT("a/./b"), "'a/./b'"},
    {TEXT("a/."), "'a/.'"},
    {TEXT("a/.ftx/b"), "'a/.ftx/b'"},
    {TEXT(".ftx-1"), "'.ftx-1'"},
    {TEXT("a\0b\n"), "'a\\x00b'"},
    {TEXT("x\033/.."), "'x\\x1B/..'"},
    {long_name, sizeof(long_name) - 1, "'xxx"},
#undef TEXT
};

Test(selection, refuses_names_that_no_share_has)
{
	memset(long_name, 'x', sizeof(long_name) - 1);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct list_file f = list_file(refused[i].text, refused[i].length);
		struct problem why = {0};
		struct selection *s;

		cr_expect_eq(selection_read(&s, f.path, false, &why), FTX_E_USAGE, "%s",
			     refused[i].text);
		cr_expect(s == NULL);
		cr_expect(strcasestr(why.text, refused[i].says) != NULL, "%s", why.text);
		cr_expect(strstr(why.text, f.path) != NULL, "%s", why.text);
		unlink(f.path);
	}
}

Test(selection, names_a_file_it_cannot_read)
{
	struct problem why = {0};
	struct selection *s;

	cr_expect_eq(selection_read(&s, "/nowhere/li\nst", false, &why), FTX_E_NOT_FOUND);
	cr_expect(strstr(why.text, "/nowhere/li\\nst: No such file") != NULL, "%s", why.text);
	cr_expect_eq(why.errnum, ENOENT);
	cr_expect_eq(selection_read(&s, "/tmp", false, &why), FTX_E_CONFLICT);
	cr_expect_eq(why.errnum, EISDIR);
}

Test(selection, reads_standard_input)
{
	struct problem why = {0};
	struct selection *s;
	int ends[2];

	cr_assert(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
	cr_assert(write(ends[1], "a/b", 3) == 3 && close(ends[1]) == 0);
	cr_assert_eq(selection_read(&s, "-", false, &why), 0, "%s", why.text);
	expect_unseen(s, "a/b");
	selection_free(s);
}

/* More than the first buffer takes, in an order that is not theirs, each twice. */
Test(selection, holds_long_lists)
{
	enum { COUNT = 60007 };
	char *text = NULL;
	size_t length, iterator = 0;
	FILE *out = open_memstream(&text, &length);
	struct selection *s;
	char path[64];

	for (size_t i = 0; i < 2 * COUNT; i++)
		fprintf(out, "dir%zu/%zu\n", i * 7919 % COUNT % 100, i * 7919 % COUNT);
	fclose(out);
	s = selection_of(text, length, false);
	free(text);
	cr_assert_eq(selection_count(s), COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "dir%zu", i % 100);
		cr_assert_eq(selection_check(s, path, true), ENTER);
		snprintf(path, sizeof(path), "dir%zu/%zu", (i + 1) % 100, i);
		cr_assert_eq(selection_check(s, path, false), NONE, "%s", path);
		snprintf(path, sizeof(path), "dir%zu/%zu", i % 100, i);
		if (i != 4711)
			cr_assert_eq(selection_check(s, path, false), WHOLE, "%s", path);
	}
	cr_expect_str_eq(selection_next_unseen(s, &iterator), "dir11/4711");
	cr_expect(selection_next_unseen(s, &iterator) == NULL);
	selection_free(s);
}
