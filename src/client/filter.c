#include "src/client/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/wildcard.h"

/* Bytes of a pattern or line shown in a message. */
#define SHOWN_BYTES 256u

struct rule {
	enum filter_action action;
	bool directories_only;
	size_t components;  /* how many of the last ones are compared, 0 for the whole path */
	bool after_slashes; /* also what follows each slash */
	bool slash_before;  /* so that a leading `**` and a slash match at the top */
	bool slash_after;   /* directories: so that a slash and three stars match them */
	struct wildcard *wildcard; /* NULL: literal */
	char *literal;
	size_t literal_bytes;
};

struct filter {
	struct rule *rules;
	size_t count, capacity;
};

struct filter *
filter_new(void)
{
	return calloc(1, sizeof(struct filter));
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++) {
		wildcard_free(f->rules[i].wildcard);
		free(f->rules[i].literal);
	}
	free(f->rules);
	free(f);
}

static bool
ends_in_three_stars(const char *pattern, size_t length)
{
	return length >= 3 && memcmp(pattern + length - 3, "***", 3) == 0;
}

static bool
has_wildcards(const char *pattern, size_t length)
{
	return memchr(pattern, '*', length) != NULL || memchr(pattern, '?', length) != NULL ||
	       memchr(pattern, '[', length) != NULL;
}

/* Decides what of a path the pattern is compared with. */
static void
place(struct rule *rule, const char *pattern, size_t length)
{
	const char *double_star = memmem(pattern, length, "**", 2);
	size_t slashes = 0;

	if (double_star != NULL)
		rule->slash_after = ends_in_three_stars(pattern, length);
	if (length > 0 && pattern[0] == '/')
		return;
	if (double_star != NULL) {
		rule->slash_before = double_star == pattern;
		rule->after_slashes = !rule->slash_before;
		return;
	}
	for (size_t i = 0; i < length; i++)
		slashes += pattern[i] == '/';
	rule->components = slashes + 1;
}

static int
rule_init(struct rule *rule, const char *pattern, size_t length)
{
	if (length > 1 && pattern[length - 1] == '/') {
		rule->directories_only = true;
		length--;
	}
	place(rule, pattern, length);
	bool wild = has_wildcards(pattern, length);
	if (length > 0 && pattern[0] == '/') {
		pattern++;
		length--;
	}
	if (wild) {
		rule->wildcard = wildcard_new(pattern, length);
		return rule->wildcard != NULL ? 0 : FTX_E_NOMEM;
	}
	rule->literal = strndup(pattern, length);
	rule->literal_bytes = length;
	return rule->literal != NULL ? 0 : FTX_E_NOMEM;
}

static int
add(struct filter *f, struct rule rule, const char *pattern, size_t length)
{
	if (f->count == f->capacity) {
		size_t capacity = f->capacity == 0 ? 16 : 2 * f->capacity;
		struct rule *rules = reallocarray(f->rules, capacity, sizeof(*rules));

		if (rules == NULL)
			return FTX_E_NOMEM;
		f->rules = rules;
		f->capacity = capacity;
	}
	if (rule_init(&rule, pattern, length) != 0)
		return FTX_E_NOMEM;
	f->rules[f->count++] = rule;
	return 0;
}

/* Adds text[0..length); *complaint says what is wrong with it at FTX_E_USAGE. */
static int
add_text(struct filter *f, enum filter_action action, const char *text, size_t length,
	 const char **complaint)
{
	struct rule rule = {.action = action};

	if (length == 0)
		return 0;
	if (length >= 2 && (text[0] == '-' || text[0] == '+') && text[1] == ' ') {
		rule.action = text[0] == '+' ? FILTER_INCLUDE : FILTER_EXCLUDE;
		text += 2;
		length -= 2;
		*complaint = "the pattern is missing";
		if (length == 0)
			return FTX_E_USAGE;
	} else if (length == 1 && text[0] == '!') {
		*complaint = "clearing the list of rules is not supported";
		return FTX_E_USAGE;
	}
	*complaint = "the pattern is too long";
	if (length > WILDCARD_PATTERN_BYTES)
		return FTX_E_USAGE;
	return add(f, rule, text, length);
}

int
filter_add(struct filter *f, enum filter_action action, const char *pattern, struct problem *why)
{
	const char *complaint = "";
	char shown[SHOWN_BYTES];
	int r = add_text(f, action, pattern, strlen(pattern), &complaint);

	if (r == 0)
		return 0;
	if (r != FTX_E_USAGE)
		return problem_local(why, r, ENOMEM);
	display_escape(shown, sizeof(shown), pattern, strlen(pattern));
	return problem_set(why, r, SIDE_LOCAL, "%s '%s': %s",
			   action == FILTER_INCLUDE ? "--include" : "--exclude", shown, complaint);
}

/* The kinds of rules of rsync's --filter, and the modifiers that may follow each. */
static const struct {
	const char *kind;
	const char *modifiers;
} foreign[] = {
    {"-", ",/!Cprsx"},	     {"+", ",/!Cprsx"},	      {".", ",/+-Cenprswx"},
    {":", ",/+-Cenprswx"},   {"H", ",/!px"},	      {"S", ",/!px"},
    {"P", ",/!px"},	     {"R", ",/!px"},	      {"merge", ",/+-Cenprswx"},
    {"exclude", ",/!Cprsx"}, {"include", ",/!Cprsx"}, {"dir-merge", ",/+-Cenprswx"},
    {"hide", ",/!px"},	     {"show", ",/!px"},	      {"protect", ",/!px"},
    {"risk", ",/!px"},
};

/* A kind with its modifiers, a blank and more; "- " and "+ " were taken before. */
static bool
is_foreign(const char *line)
{
	if (strcmp(line, ":C") == 0 || strcmp(line, "-C") == 0)
		return true;
	if ((line[0] == '-' || line[0] == '+') && line[1] == ' ')
		return false;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		size_t kind = strlen(foreign[i].kind);

		if (strncmp(line, foreign[i].kind, kind) != 0)
			continue;
		/* Whole words have their modifiers behind a comma. */
		if (kind > 1 && line[kind] != ' ' && line[kind] != ',')
			continue;
		kind += strspn(line + kind, foreign[i].modifiers);
		if (line[kind] == ' ' && line[kind + 1] != '\0')
			return true;
	}
	return false;
}

static int
refuse_line(const char *path, size_t number, const char *line, size_t length, const char *complaint,
	    struct problem *why)
{
	char file[SHOWN_BYTES];
	char shown[SHOWN_BYTES];

	display_escape(file, sizeof(file), path, strlen(path));
	display_escape(shown, sizeof(shown), line, length);
	return problem_set(why, FTX_E_USAGE, SIDE_LOCAL, "%s, line %zu: '%s': %s", file, number,
			   shown, complaint);
}

/* One line without its end; line[length] is '\0'. */
static int
add_line(struct filter *f, const char *path, size_t number, const char *line, size_t length,
	 struct problem *why)
{
	const char *complaint = "";
	int r;

	if (line[0] == '#' || line[0] == ';')
		return 0;
	if (memchr(line, '\0', length) != NULL)
		return refuse_line(path, number, line, length, "a zero byte is in no name", why);
	if (is_foreign(line)) {
		r = refuse_line(path, number, line, length,
				"this kind of rsync's filter rules is not supported", why);
		problem_hint(why, "write \"- \" in front where a name begins like this");
		return r;
	}
	r = add_text(f, FILTER_EXCLUDE, line, length, &complaint);
	if (r == FTX_E_USAGE)
		return refuse_line(path, number, line, length, complaint, why);
	return r == 0 ? 0 : problem_local(why, r, ENOMEM);
}

/* Room for one line that is a little too long, so that the message can begin with it. */
struct line {
	char bytes[WILDCARD_PATTERN_BYTES + 8];
	size_t length;
};

/* Reads up to the next end of line.  What does not fit is cut off: such a line is refused. */
static bool
read_line(FILE *file, struct line *line)
{
	int c;

	line->length = 0;
	while ((c = getc_unlocked(file)) != EOF && c != '\n' && c != '\r')
		if (line->length < sizeof(line->bytes) - 1)
			line->bytes[line->length++] = (char)c;
	line->bytes[line->length] = '\0';
	if (c == EOF)
		return line->length > 0;
	/* One line for those who number them, where both end it. */
	if (c == '\r' && (c = getc_unlocked(file)) != '\n')
		ungetc(c, file);
	return true;
}

static int
file_problem(const char *path, int errnum, struct problem *why)
{
	char shown[SHOWN_BYTES];
	char text[128];
	int error = error_from_errno(errnum);

	display_escape(shown, sizeof(shown), path, strlen(path));
	problem_set(why, error, SIDE_LOCAL, "--exclude-from %s: %s", shown,
		    strerror_r(errnum, text, sizeof(text)));
	why->errnum = errnum;
	return error;
}

int
filter_add_file(struct filter *f, const char *path, struct problem *why)
{
	struct line line;
	FILE *file;
	int r = 0;

	if (strcmp(path, "-") == 0)
		return problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
				   "--exclude-from does not read standard input");
	file = fopen(path, "rbe");
	if (file == NULL)
		return file_problem(path, errno, why);
	errno = 0;
	for (size_t number = 1; r == 0 && read_line(file, &line); number++)
		r = add_line(f, path, number, line.bytes, line.length, why);
	if (r == 0 && ferror(file))
		r = file_problem(path, errno, why);
	fclose(file);
	return r;
}

/* The last components of a path; false where it has fewer. */
static bool
last_components(const char **path, size_t *length, size_t components)
{
	size_t at = *length;

	while (at > 0) {
		if ((*path)[at - 1] == '/' && --components == 0)
			break;
		at--;
	}
	if (at == 0 && components != 1)
		return false;
	*path += at;
	*length -= at;
	return true;
}

static bool
rule_matches(const struct rule *rule, const char *path, size_t length, bool is_directory)
{
	struct wildcard_run run;

	if (rule->directories_only && !is_directory)
		return false;
	if (rule->components > 0 && !last_components(&path, &length, rule->components))
		return false;
	if (rule->wildcard == NULL)
		return length == rule->literal_bytes && memcmp(path, rule->literal, length) == 0;
	wildcard_begin(&run, rule->wildcard, rule->after_slashes);
	if (rule->slash_before)
		wildcard_feed(&run, "/", 1);
	wildcard_feed(&run, path, length);
	if (rule->slash_after && is_directory)
		wildcard_feed(&run, "/", 1);
	return wildcard_matched(&run);
}

bool
filter_excludes(const struct filter *f, const char *path, bool is_directory)
{
	size_t length = strlen(path);

	if (length == 0)
		return false;
	for (size_t i = 0; i < f->count; i++)
		if (rule_matches(&f->rules[i], path, length, is_directory))
			return f->rules[i].action == FILTER_EXCLUDE;
	return false;
}
