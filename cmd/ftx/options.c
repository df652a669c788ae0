/*
 * Two passes of getopt_long(): the first finds the verb, wherever it stands, the second gives each
 * option the meaning that it has for this verb.
 */
#include "cmd/ftx/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/option_values.h"
#include "cmd/ftx/suggest.h"
#include "proto/errors.h"
#include "src/client/config.h"
#include "src/client/filter.h"

#define LONG_BASE 256 /* getopt_long()'s value of a long option: this and the row's number */

struct getopt_tables {
	char letters[2 * OPTION_ROWS_MAX + 2];
	struct option longs[OPTION_ROWS_MAX + 1];
};

static bool
same_option(const struct option_row *a, const struct option_row *b, bool by_letter)
{
	if (by_letter)
		return a->letter == b->letter;
	return b->name != NULL && strcmp(a->name, b->name) == 0;
}

/* The first row of its letter or name; one letter may have several, for different verbs. */
static const struct option_row *
first_row(const struct option_row *row, bool by_letter)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (same_option(row, &option_rows[i], by_letter))
			return &option_rows[i];
	return row;
}

static void
build_tables(struct getopt_tables *t)
{
	size_t n = 0, m = 0;

	t->letters[n++] = ':'; /* ':' for a missing argument, no messages of its own */
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->letter != 0 && first_row(row, true) == row) {
			t->letters[n++] = row->letter;
			if (row->argument != NULL)
				t->letters[n++] = ':';
		}
		if (row->name == NULL || first_row(row, false) != row)
			continue;
		/* A refused one is to be told so with a value, too: --info=progress2. */
		t->longs[m++] =
		    (struct option){.name = row->name,
				    .has_arg = row->id == OPTION_REFUSED ? optional_argument
					       : row->argument != NULL	 ? required_argument
									 : no_argument,
				    .val = LONG_BASE + (int)i};
	}
	t->letters[n] = '\0';
	t->longs[m] = (struct option){0};
}

/* The row that getopt_long()'s answer stands for with this verb; 0: with any. */
static const struct option_row *
find_row(int c, unsigned verb)
{
	const struct option_row letter = {.letter = (char)c};
	const struct option_row *typed = c >= LONG_BASE ? &option_rows[c - LONG_BASE] : &letter;
	const struct option_row *found = NULL;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!same_option(typed, row, c < LONG_BASE))
			continue;
		if ((row->verbs & verb) != 0 || (verb == 0 && row->id != OPTION_REFUSED))
			return row;
		if (found == NULL || row->id == OPTION_REFUSED)
			found = row;
	}
	return found;
}

/* The verb, if it is not known yet, may stand behind what is wrong. */
static void
look_for_verb(struct options *o, int argc, char **argv)
{
	for (int i = 1; o->verb == 0 && i < argc; i++) {
		const struct verb_row *verb = verb_find(argv[i]);

		if (verb != NULL) {
			o->verb = verb->verb;
			o->verb_name = verb->name;
		}
	}
}

/* As it was typed. */
static const char *
typed_name(const struct option_row *row, int c)
{
	struct option_row typed = *row;

	if (c < LONG_BASE)
		typed.name = NULL;
	return option_name(&typed);
}

static enum options_result
refused(const struct options *o, const struct option_row *row, int c)
{
	return options_wrong(o, "%s is not an option here: %s", typed_name(row, c), row->text);
}

/* An option without the value that it takes; one letter may take none with this verb. */
static enum options_result
no_value(const struct options *o, const char *word)
{
	const struct option_row *row = find_row(optopt, o->verb);

	if (row == NULL)
		return options_wrong(o, "%s needs a value", option_shown(word));
	if (row->id == OPTION_REFUSED)
		return refused(o, row, optopt);
	return options_wrong(o, "%s needs a value", typed_name(row, optopt));
}

/* What getopt_long() did not take: says which and why. */
static enum options_result
bad_option(struct options *o, int c, int argc, char **argv)
{
	const char *word = argv[optind - 1];
	char like[SUGGESTION_BYTES], help[32];

	look_for_verb(o, argc, argv);
	snprintf(help, sizeof(help), "ftx help%s%s", o->verb_name != NULL ? " " : "",
		 o->verb_name != NULL ? o->verb_name : "");
	if (c == ':')
		return no_value(o, word);
	if (optopt >= LONG_BASE)
		return options_wrong(o, "'%s': this option takes no value", option_shown(word));
	if (optopt != 0)
		return options_wrong(o, "unknown option -%s%s (%s)",
				     option_shown((const char[]){(char)optopt, '\0'}),
				     suggest_letter(like, (char)optopt, o->verb), help);
	return options_wrong(o, "unknown option '%s'%s (%s)", option_shown(word),
			     suggest_option(like, word, o->verb), help);
}

/* Finds the verb, and what is not to wait for it. */
static enum options_result
no_verb(const struct options *o, const char *typed)
{
	char like[SUGGESTION_BYTES];

	return options_wrong(o, "there is no command '%s'%s (ftx help)", option_shown(typed),
			     suggest_verb(like, typed));
}

static enum options_result
first_pass(struct options *o, struct getopt_tables *t, int argc, char **argv)
{
	bool help = argc == 2 && strcmp(argv[1], "-h") == 0;
	const struct verb_row *verb;
	int c;

	opterr = 0;
	optind = 0;
	while (!help && (c = getopt_long(argc, argv, t->letters, t->longs, NULL)) != -1) {
		const struct option_row *row = c == '?' || c == ':' ? NULL : find_row(c, 0);

		if (row == NULL)
			return bad_option(o, c, argc, argv);
		if (row->id == OPTION_VERSION)
			return OPTIONS_VERSION;
		if (row->id == OPTION_REFUSED)
			return refused(o, row, c);
		help = row->id == OPTION_HELP;
	}
	/* The words behind --help are in order, options and all. */
	for (int i = 1; help && o->verb == 0 && i < argc; i++)
		if ((verb = verb_find(argv[i])) != NULL)
			o->verb = verb->verb;
	if (help)
		return OPTIONS_HELP;
	if (optind >= argc)
		return options_wrong(o, "a command is missing: put, get, ls ... (ftx help)");
	verb = verb_find(argv[optind]);
	if (verb == NULL)
		return no_verb(o, argv[optind]);
	o->verb = verb->verb;
	o->verb_name = verb->name;
	return OPTIONS_RUN;
}

/*
 * Applies the options.  *dashes: the word "--" that ended them, NULL without one.  A value may be
 * spelled so too.
 */
static enum options_result
second_pass(struct options *o, struct getopt_tables *t, int argc, char **argv, const char **dashes)
{
	enum options_result result = OPTIONS_RUN;
	const char *last_value = NULL;
	int c;

	optind = 0;
	while (result == OPTIONS_RUN &&
	       (c = getopt_long(argc, argv, t->letters, t->longs, NULL)) != -1) {
		const struct option_row *row = find_row(c, o->verb);

		if (row == NULL)
			return bad_option(o, c, argc, argv);
		if (row->id == OPTION_REFUSED)
			return refused(o, row, c);
		if ((row->verbs & o->verb) == 0)
			return options_wrong(o, "%s is not for this command (ftx help %s)",
					     typed_name(row, c), o->verb_name);
		last_value = row->argument != NULL ? optarg : NULL;
		result = option_apply(o, row, optarg);
	}
	*dashes = NULL;
	if (result == OPTIONS_RUN && strcmp(argv[optind - 1], "--") == 0 &&
	    argv[optind - 1] != last_value)
		*dashes = argv[optind - 1];
	return result;
}

/* How many of the words as typed stand behind this one. */
static size_t
words_behind(char *const *typed, int argc, const char *word)
{
	for (int i = 0; i < argc; i++)
		if (typed[i] == word)
			return (size_t)(argc - i - 1);
	return 0;
}

/* What help is asked about: a verb, a topic, or nothing, which is all. */
static enum options_result
take_help(struct options *o)
{
	char like[SUGGESTION_BYTES];
	const char *about = o->argument_count > 0 ? o->arguments[0] : NULL;
	const struct verb_row *verb = about != NULL ? verb_find(about) : NULL;

	if (o->argument_count > 1)
		return options_wrong(o, "'%s' is too much: ftx help [COMMAND or TOPIC]",
				     option_shown(o->arguments[1]));
	o->topic = about != NULL && verb == NULL ? topic_find(about) : NULL;
	if (about != NULL && verb == NULL && o->topic == NULL)
		return options_wrong(o, "there is no help about '%s'%s (ftx help)",
				     option_shown(about), suggest_help(like, about));
	o->verb = verb != NULL ? verb->verb : 0;
	return OPTIONS_HELP;
}

static enum options_result
parse(struct options *o, int argc, char **argv, char *const *typed)
{
	static struct getopt_tables tables;
	const char *dashes = NULL;
	enum options_result result;
	size_t behind;

	build_tables(&tables);
	result = first_pass(o, &tables, argc, argv);
	if (result == OPTIONS_RUN)
		result = second_pass(o, &tables, argc, argv, &dashes);
	if (result != OPTIONS_RUN)
		return result;
	o->arguments = argv + optind + 1;
	o->argument_count = (size_t)(argc - optind - 1);
	behind = dashes != NULL ? words_behind(typed, argc, dashes) : 0;
	if (o->from_command && behind > 0 && behind <= o->argument_count) {
		o->command = argv + argc - behind;
		o->argument_count -= behind;
	}
	return o->verb == VERB_HELP ? take_help(o) : options_check(o);
}

enum options_result
options_parse(struct options *o, int argc, char **argv)
{
	const char *posix = getenv("POSIXLY_CORRECT");
	enum options_result result;
	char **typed;

	option_defaults(o);
	typed = calloc((size_t)argc + 1, sizeof(*typed));
	if (typed == NULL)
		return options_wrong(o, "%s", error_text(FTX_E_NOMEM));
	memcpy(typed, argv, (size_t)argc * sizeof(*typed));
	/* It would make an argument of "-n" behind one, and what was to be only planned be done. */
	if (posix != NULL)
		unsetenv("POSIXLY_CORRECT");
	result = parse(o, argc, argv, typed);
	/* A command of ours may go by it. */
	if (posix != NULL)
		setenv("POSIXLY_CORRECT", posix, 1);
	free(typed);
	return result;
}

void
options_release(struct options *o)
{
	config_free(o->config);
	o->config = NULL;
	filter_free(o->filter);
	o->filter = NULL;
	o->transfer.filter = NULL;
}
