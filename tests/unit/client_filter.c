#include "src/client/filter.h"

#include "tests/harness/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/wildcard.h"
#include "tests/unit/client_filter_sets.h"

extern char **environ;

#define SETS (sizeof(sets) / sizeof(sets[0]))

static int
compare_strings(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

struct names {
	char *name[TREE_ENTRIES];
	size_t count;
};

/* Adds tree[i] without the slash of a directory. */
static void
names_add(struct names *n, size_t i)
{
	size_t length = strlen(tree[i]);

	n->name[n->count++] = strndup(tree[i], length - (tree[i][length - 1] == '/'));
}

/* Frees the names. */
static char *
names_join(struct names *n)
{
	char *joined = NULL;
	size_t length;
	FILE *out = open_memstream(&joined, &length);

	qsort(n->name, n->count, sizeof(n->name[0]), compare_strings);
	for (size_t i = 0; i < n->count; i++) {
		fprintf(out, "%s%s", i == 0 ? "" : "|", n->name[i]);
		free(n->name[i]);
	}
	fclose(out);
	return joined;
}

/* Does a directory of the tree, marked as gone, lie above this entry? */
static bool
lies_below_gone(size_t i, const bool *gone)
{
	for (size_t above = 0; above < i; above++) {
		size_t length = strlen(tree[above]);

		if (gone[above] && tree[above][length - 1] == '/' &&
		    strncmp(tree[above], tree[i], length) == 0)
			return true;
	}
	return false;
}

static char *
join_gone(const bool *gone)
{
	struct names n = {.count = 0};

	for (size_t i = 0; i < TREE_ENTRIES; i++)
		if (gone[i] && !lies_below_gone(i, gone))
			names_add(&n, i);
	return names_join(&n);
}

/* What the filter leaves out, asked from the top down as a transfer does. */
static char *
left_out_by(const struct filter *f)
{
	bool gone[TREE_ENTRIES] = {false};

	for (size_t i = 0; i < TREE_ENTRIES; i++) {
		size_t length = strlen(tree[i]);
		bool is_directory = tree[i][length - 1] == '/';
		char path[128];

		if (lies_below_gone(i, gone))
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)(length - is_directory), tree[i]);
		gone[i] = filter_excludes(f, path, is_directory);
	}
	return join_gone(gone);
}

static struct filter *
filter_of(const char *const *rules)
{
	struct filter *f = filter_new();
	struct problem why = {0};

	for (size_t i = 0; i < MAX_RULES && rules[i] != NULL; i++)
		cr_assert_eq(filter_add(f, rules[i][0] == '+' ? FILTER_INCLUDE : FILTER_EXCLUDE,
					rules[i] + 1, &why),
			     0, "%s: %s", rules[i], why.text);
	return f;
}

Test(filter, leaves_out_what_rsync_leaves_out)
{
	for (size_t i = 0; i < SETS; i++) {
		struct filter *f = filter_of(sets[i].rules);
		char *out = left_out_by(f);

		cr_expect_str_eq(out, sets[i].left_out, "set %zu, '%s': got %s, expected %s", i,
				 sets[i].rules[0], out, sets[i].left_out);
		free(out);
		filter_free(f);
	}
}

/* Starts rsync with its output to a pipe, which is returned; NULL where there is none. */
static FILE *
rsync_start(char **argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int ends[2];
	int r;

	cr_assert(pipe2(ends, O_CLOEXEC) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	r = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (r == 0)
		return fdopen(ends[0], "rb");
	close(ends[0]);
	return NULL;
}

/* Ends when rsync does; its exit code, or -1. */
static int
rsync_end(FILE *output, pid_t pid)
{
	int status;

	fclose(output);
	cr_assert(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Turns rsync's \#ooo for bytes it does not print into these bytes, and drops the end of the line.
 */
static void
unescape(char *line)
{
	char *out = line;
	unsigned byte;

	while (*line != '\0' && *line != '\n') {
		if (sscanf(line, "\\#%3o", &byte) == 1) {
			*out++ = (char)byte;
			line += 5;
		} else {
			*out++ = *line++;
		}
	}
	*out = '\0';
}

/* What of the tree rsync did not name. */
static char *
missing_in(FILE *output)
{
	bool gone[TREE_ENTRIES];
	char *line = NULL;
	size_t room = 0;

	memset(gone, true, sizeof(gone));
	while (getline(&line, &room, output) > 0) {
		size_t i = 0;

		unescape(line);
		while (i < TREE_ENTRIES && strcmp(line, tree[i]) != 0)
			i++;
		cr_assert(i < TREE_ENTRIES || strcmp(line, "./") == 0, "'%s'", line);
		if (i < TREE_ENTRIES)
			gone[i] = false;
	}
	free(line);
	return join_gone(gone);
}

static void
make_tree(const char *top)
{
	char path[256];

	for (size_t i = 0; i < TREE_ENTRIES; i++) {
		snprintf(path, sizeof(path), "%s/%s", top, tree[i]);
		if (tree[i][strlen(tree[i]) - 1] == '/')
			cr_assert(mkdir(path, 0700) == 0 || errno == EEXIST, "%s", path);
		else
			cr_assert(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	}
}

static void
remove_tree(const char *top)
{
	char path[256];

	for (size_t i = TREE_ENTRIES; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", top, tree[i]);
		cr_assert(remove(path) == 0, "%s: %s", path, strerror(errno));
	}
	cr_expect(rmdir(top) == 0);
}

/* Makes a tree to compare with; false, with a line that says so, where there is no rsync. */
static bool
source_make(char *top)
{
	char *version[] = {(char[]){"rsync"}, (char[]){"--version"}, NULL};
	pid_t pid;
	FILE *output = rsync_start(version, &pid);
	char line[128] = "";

	if (output != NULL) {
		line[fread(line, 1, sizeof(line) - 1, output)] = '\0';
		while (fgetc(output) != EOF)
			;
		rsync_end(output, pid);
	}
	if (strncmp(line, "rsync ", 6) != 0) {
		cr_log_warn("not compared with rsync: it is not installed");
		return false;
	}
	strcpy(top, "/tmp/ftx-filter-XXXXXX");
	cr_assert(mkdtemp(top) != NULL);
	make_tree(top);
	return true;
}

/* What `rsync -a OPTIONS top/ DST/` would leave out; NULL at the end of options. */
static char *
left_out_by_rsync(const char *top, char *const *options)
{
	char source[64], destination[64];
	char *argv[MAX_RULES + 6] = {(char[]){"rsync"}, (char[]){"-an"},
				     (char[]){"--out-format=%n"}};
	size_t n = 3;
	pid_t pid;
	FILE *output;
	char *out;

	snprintf(source, sizeof(source), "%s/", top);
	snprintf(destination, sizeof(destination), "%s-to/", top);
	while (*options != NULL)
		argv[n++] = *options++;
	argv[n++] = source;
	argv[n] = destination;
	output = rsync_start(argv, &pid);
	cr_assert(output != NULL);
	out = missing_in(output);
	cr_assert_eq(rsync_end(output, pid), 0);
	return out;
}

static char *
left_out_by_rsync_with(const char *top, const char *const *rules)
{
	char *options[MAX_RULES + 1] = {NULL};
	char *out;

	for (size_t i = 0; i < MAX_RULES && rules[i] != NULL; i++)
		cr_assert(asprintf(&options[i], "--%s=%s",
				   rules[i][0] == '+' ? "include" : "exclude", rules[i] + 1) > 0);
	out = left_out_by_rsync(top, options);
	for (size_t i = 0; options[i] != NULL; i++)
		free(options[i]);
	return out;
}

Test(filter, agrees_with_the_rsync_installed)
{
	char top[32];

	if (!source_make(top))
		return;
	for (size_t i = 0; i < SETS; i++) {
		char *out = left_out_by_rsync_with(top, sets[i].rules);

		cr_expect_str_eq(out, sets[i].left_out, "set %zu, '%s': rsync %s, expected %s", i,
				 sets[i].rules[0], out, sets[i].left_out);
		free(out);
	}
	remove_tree(top);
}

static void
write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "wbe");

	cr_assert(file != NULL && fwrite(text, 1, length, file) == length && fclose(file) == 0);
}

/* Comments, both ends of a line, blanks that belong to names, and an end without a newline. */
static const char rules_file[] = "# not a rule\n"
				 "; nor this\n"
				 "\n"
				 "+ /foo\r\n"
				 "\r\n"
				 "foo\r"
				 "- *.c\n"
				 "sp ace\n"
				 " #c\n"
				 "merge\n"
				 "clear\n"
				 "+plus\n"
				 "-dash\n"
				 "!*\n"
				 "- ;s\n"
				 "other/";
#define RULES_FILE_LEAVES_OUT                                                                      \
	"!|+plus|-dash|;s|a/foo|dir/foo|dir/sub/foo|dir/sub/x.c|other|sp ace|src/x.c|x.c|x/dir/"   \
	"foo|x/dir/sub/foo"

Test(filter, reads_a_file_as_rsync_does)
{
	char path[] = "/tmp/ftx-filter-file-XXXXXX";
	struct filter *f = filter_new();
	struct problem why = {0};
	char top[32];
	char *out;

	cr_assert(close(mkstemp(path)) == 0);
	write_file(path, rules_file, sizeof(rules_file) - 1);
	cr_assert_eq(filter_add_file(f, path, &why), 0, "%s", why.text);
	out = left_out_by(f);
	cr_expect_str_eq(out, RULES_FILE_LEAVES_OUT, "%s", out);
	free(out);
	filter_free(f);
	if (source_make(top)) {
		char *options[] = {(char[]){"--exclude-from"}, path, NULL};

		out = left_out_by_rsync(top, options);
		cr_expect_str_eq(out, RULES_FILE_LEAVES_OUT, "rsync: %s", out);
		free(out);
		remove_tree(top);
	}
	unlink(path);
}

/* What is refused, and words of the message. */
static const struct {
	const char *text;
	size_t length;
	const char *says;
} refused[] = {
#define TEXT(text) (text), sizeof(text) - 1
    {TEXT("a\nmerge other\n"), "line 2: 'merge other': this kind"},
    {TEXT("dir-merge .rules"), "line 1: 'dir-merge .rules': this kind"},
    {TEXT("dir-merge,n- .rules"), "this kind"},
    {TEXT(". file"), "line 1: '. file': this kind"},
    {TEXT(": .rules"), "this kind"},
    {TEXT(":n- .rules"), "this kind"},
    {TEXT(":C"), "this kind"},
    {TEXT("-C"), "this kind"},
    {TEXT("-! x"), "this kind"},
    {TEXT("+/ x"), "this kind"},
    {TEXT("P x"), "this kind"},
    {TEXT("protect x"), "this kind"},
    {TEXT("exclude x"), "this kind"},
    {TEXT("# c\r\n\r\n!\r\n"), "line 3: '!': clearing"},
    {TEXT("a\n- \n"), "line 2: '- ': the pattern is missing"},
    {TEXT("a\n\nb\0c\n"), "line 3: 'b\\x00c': a zero byte"},
#undef TEXT
};

Test(filter, refuses_what_it_does_not_know_by_file_and_line)
{
	char path[] = "/tmp/ftx-filter-refused-XXXXXX";

	cr_assert(close(mkstemp(path)) == 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct filter *f = filter_new();
		struct problem why = {0};

		write_file(path, refused[i].text, refused[i].length);
		cr_expect_eq(filter_add_file(f, path, &why), FTX_E_USAGE, "%s", refused[i].text);
		cr_expect(strstr(why.text, refused[i].says) != NULL, "%s: %s", refused[i].text,
			  why.text);
		cr_expect(strncmp(why.text, path, strlen(path)) == 0, "%s", why.text);
		filter_free(f);
	}
	unlink(path);
}

Test(filter, names_a_file_it_cannot_read)
{
	struct filter *f = filter_new();
	struct problem why = {0};

	cr_expect_eq(filter_add_file(f, "/nowhere/ru\nles", &why), FTX_E_NOT_FOUND);
	cr_expect(strstr(why.text, "/nowhere/ru\\nles: No such file") != NULL, "%s", why.text);
	cr_expect_eq(why.errnum, ENOENT);
	cr_expect_eq(filter_add_file(f, "/tmp", &why), FTX_E_CONFLICT);
	cr_expect_eq(why.errnum, EISDIR);
	cr_expect_eq(filter_add_file(f, "-", &why), FTX_E_USAGE);
	cr_expect(strstr(why.text, "standard input") != NULL, "%s", why.text);
	filter_free(f);
}

Test(filter, refuses_patterns_that_are_no_rules)
{
	static char longest[WILDCARD_PATTERN_BYTES + 2];
	char path[] = "/tmp/ftx-filter-long-XXXXXX";
	struct filter *f = filter_new();
	struct problem why = {0};

	cr_expect_eq(filter_add(f, FILTER_EXCLUDE, "!", &why), FTX_E_USAGE);
	cr_expect(strstr(why.text, "--exclude '!'") != NULL, "%s", why.text);
	cr_expect_eq(filter_add(f, FILTER_INCLUDE, "+ ", &why), FTX_E_USAGE);
	cr_expect(strstr(why.text, "--include '+ '") != NULL, "%s", why.text);
	cr_expect_eq(filter_add(f, FILTER_EXCLUDE, "", &why), 0);

	memset(longest, '*', sizeof(longest) - 1);
	cr_expect_eq(filter_add(f, FILTER_EXCLUDE, longest, &why), FTX_E_USAGE);
	cr_expect(strstr(why.text, "too long") != NULL, "%s", why.text);
	cr_assert(close(mkstemp(path)) == 0);
	for (size_t length = WILDCARD_PATTERN_BYTES - 2; length < 3 * sizeof(longest);
	     length += 1000) {
		char *line = calloc(1, length);

		memset(line, 'x', length);
		write_file(path, line, length);
		cr_expect_eq(filter_add_file(f, path, &why),
			     length <= WILDCARD_PATTERN_BYTES ? 0 : FTX_E_USAGE, "%zu", length);
		free(line);
	}
	unlink(path);
	longest[WILDCARD_PATTERN_BYTES] = '\0';
	cr_expect_eq(filter_add(f, FILTER_EXCLUDE, longest, &why), 0);
	cr_expect(filter_excludes(f, "x", false));
	filter_free(f);
}

Test(filter, never_leaves_out_the_top)
{
	static const char *const rules[MAX_RULES] = {"-*", "-**", "-/", "-***"};
	struct filter *f = filter_of(rules);

	cr_expect(!filter_excludes(f, "", true));
	cr_expect(filter_excludes(f, "x", true));
	filter_free(f);
}

/* A backtracking matcher would not end before the sun does. */
Test(filter, is_not_slowed_down_by_patterns_made_to_hurt, .timeout = 60)
{
	static char path[LIMIT_PATH_BYTES + 1];
	static char stars[WILDCARD_PATTERN_BYTES + 1];
	const char *rules[MAX_RULES] = {"-/*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
					"-**a**a**a**a**a**a**a**b", "-a**a*a**a*a**a*a**a*b",
					"-**/*a*a*/**/*a*a*/**/*a*a*/**/b", stars};
	struct filter *f;

	for (size_t i = 0; i < sizeof(stars) - 1; i++)
		stars[i] = i == 0 ? '-' : i % 2 == 0 ? '*' : 'a';
	stars[sizeof(stars) - 2] = 'b';
	for (size_t i = 0; i < LIMIT_PATH_BYTES; i++)
		path[i] = i % 128 == 127 ? '/' : 'a';
	f = filter_of(rules);
	for (unsigned i = 0; i < 100; i++)
		cr_assert(!filter_excludes(f, path, false));
	path[LIMIT_PATH_BYTES - 1] = 'b';
	cr_expect(filter_excludes(f, path, false));
	filter_free(f);
}
