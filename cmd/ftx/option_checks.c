#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/ftx/option_values.h"
#include "src/client/address.h"

/* What cannot be, one row each: both are said, and why not. */
struct conflict {
	bool first, second;
	const char *why;
};

static enum options_result
refuse_conflicts(const struct options *o, const struct conflict *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].first && rows[i].second)
			return options_wrong(o, "%s", rows[i].why);
	return OPTIONS_RUN;
}
#define REFUSE(o, rows) refuse_conflicts(o, rows, sizeof(rows) / sizeof((rows)[0]))

static enum options_result
check_together(const struct options *o)
{
	const struct transfer_request *t = &o->transfer;
	const struct conflict rows[] = {
	    {t->delete, o->files_from != NULL,
	     "--delete with --files-from: what is not on the list was not looked for, so nothing "
	     "says what to delete"},
	    {t->has_max_delete, !t->delete, "--max-delete is for --delete, which is not given"},
	    {t->delete_excluded, !t->delete,
	     "--delete-excluded is for --delete, which is not given"},
	    {t->delete_empty, !t->delete, "--delete-empty is for --delete, which is not given"},
	    {t->set != SET_NONE, t->delete,
	     "--delete with a set: a set has nothing in it but what is put"},
	    {t->set != SET_NONE, t->backup_dir != NULL,
	     "--backup-dir with a set: nothing of a set is overwritten"},
	    {o->nul_separated, o->files_from == NULL, "-0 is for --files-from, which is not given"},
	    {o->files_from != NULL, t->source_count > 1,
	     "--files-from takes exactly one source, the directory that its names are in"},
	    {o->failed0 != NULL, o->failed0 != NULL && strcmp(o->failed0, "-") == 0,
	     "--failed0 takes a file: standard output may be the data, and is for events"},
	};

	return REFUSE(o, rows);
}

/* One stream without a name, from standard input or to standard output. */
static enum options_result
check_stream(const struct options *o, bool input)
{
	const struct transfer_request *t = &o->transfer;
	const struct conflict rows[] = {
	    {true, o->argument_count != 1 + (size_t)!o->from_command,
	     input ? "standard input is the single source: ftx put - HOST:SHARE/NAME"
		   : "standard output takes one file: ftx get HOST:SHARE/NAME -"},
	    {true, t->delete, "--delete is for directories, and this is one stream"},
	    {true, o->files_from != NULL,
	     "--files-from is for a directory, and this is one stream"},
	    {true, o->failed0 != NULL,
	     "--failed0 lists names, and a stream has none: the exit code says it"},
	    {true, t->set != SET_NONE, "a set is a directory, and this is one stream"},
	    {true, o->filter != NULL,
	     "--exclude and --include are for what is below a directory, and this is one stream"},
	    {input, t->checksum, "-c compares before it sends, and a stream is read only once"},
	    {input, t->update, "-u compares times, and a stream has none"},
	};

	return REFUSE(o, rows);
}

/* Standard input has no name of its own: the destination has to say one. */
static enum options_result
check_input(struct options *o)
{
	struct transfer_request *t = &o->transfer;
	struct address a;
	struct problem why;
	enum options_result result = check_stream(o, true);

	if (result != OPTIONS_RUN)
		return result;
	if (address_parse(&a, t->dest, &why) != 0)
		return options_wrong(o, "%s", why.text);
	if (a.trailing_slash || address_rest(a.path)[0] == '\0')
		return options_wrong(o,
				     "'%s': a name is needed there, standard input has none of its "
				     "own: HOST:SHARE/NAME",
				     option_shown(t->dest));
	if (t->ignore_existing || t->backup_dir != NULL)
		return options_wrong(o, "%s is for files, not for standard input",
				     t->ignore_existing ? "--ignore-existing" : "--backup-dir");
	t->no_target_directory = true;
	if (!o->from_command)
		t->input_fd = STDIN_FILENO;
	return OPTIONS_RUN;
}

bool
argument_is_remote(const char *argument)
{
	return argument[0] != '/' && argument[0] != '.' && strchr(argument, ':') != NULL;
}

static bool
has_dash(const struct options *o)
{
	for (size_t i = 0; i < o->transfer.source_count; i++)
		if (strcmp(o->transfer.sources[i], "-") == 0)
			return true;
	return false;
}

/* Do both name one server in one way: is what stands before the first colon the same? */
static bool
same_host(const char *a, const char *b)
{
	size_t length = strcspn(a, ":") + 1;

	return strncmp(a, b, length) == 0;
}

/* Is what has a remote form where a local name is needed one that is there? */
static bool
is_there(const char *path)
{
	char top[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(top, sizeof(top), "%.*s", (int)strcspn(path, "/"), path) >=
	    sizeof(top))
		return false;
	return lstat(top, &st) == 0;
}

/* Both ends on the server of the other: a local name of this kind is none that anybody has. */
static bool
is_remote_too(const char *local, const char *remote)
{
	return argument_is_remote(local) && same_host(local, remote) && !is_there(local);
}

#define NO_COPY_THERE                                                                              \
	"from server to server nothing is copied; ftx mv renames there, ftx ln gives a further "   \
	"name"

static enum options_result
check_put_direction(const struct options *o)
{
	const struct transfer_request *t = &o->transfer;

	if (strchr(t->dest, ':') == NULL)
		return options_wrong(o,
				     "'%s': the last argument of put is remote, HOST:SHARE/PATH%s",
				     option_shown(t->dest),
				     argument_is_remote(t->sources[0]) ? " (ftx get downloads)"
								       : " (ftx help paths)");
	for (size_t i = 0; i < t->source_count && !o->from_command; i++)
		if (strcmp(t->sources[i], "/dev/stdin") == 0)
			return options_wrong(o, "'%s': standard input is -", t->sources[i]);
		else if (is_remote_too(t->sources[i], t->dest))
			return options_wrong(o,
					     "'%s': put uploads what is here (" NO_COPY_THERE ")",
					     option_shown(t->sources[i]));
	return OPTIONS_RUN;
}

static enum options_result
check_get_direction(const struct options *o)
{
	const struct transfer_request *t = &o->transfer;
	const char *shown;

	for (size_t i = 0; i < t->source_count; i++)
		if (strchr(t->sources[i], ':') == NULL)
			return options_wrong(o,
					     "'%s': all but the last argument of get are remote, "
					     "HOST:SHARE/PATH%s",
					     option_shown(t->sources[i]),
					     argument_is_remote(t->dest) ? " (ftx put uploads)"
									 : " (ftx help paths)");
	if (strcmp(t->dest, "/dev/stdout") == 0)
		return options_wrong(o, "'%s': standard output is -", t->dest);
	shown = option_shown(t->dest);
	if (is_remote_too(t->dest, t->sources[0]))
		return options_wrong(o,
				     "'%s': the last argument of get is local (" NO_COPY_THERE
				     "; a name with a colon: ./%s)",
				     shown, shown);
	return OPTIONS_RUN;
}

/* Fingers that know ssh: -p is accepted, and would leave a number behind. */
static enum options_result
check_port(const struct options *o)
{
	uint16_t port;

	for (size_t i = 0; o->accepted_p && i + 1 < o->argument_count; i++)
		if (address_port(&port, o->arguments[i], strlen(o->arguments[i])) &&
		    access(o->arguments[i], F_OK) != 0)
			return options_wrong(o,
					     "'%s': -p keeps modes, which is so anyway; a port is "
					     "--port %s",
					     option_shown(o->arguments[i]), o->arguments[i]);
	return OPTIONS_RUN;
}

static enum options_result
check_transfer(struct options *o)
{
	struct transfer_request *t = &o->transfer;
	bool put = o->verb == VERB_PUT;
	bool input = put && (o->from_command || has_dash(o));
	enum options_result result;

	if (t->dest[0] == '\0')
		return options_wrong(o, "the destination is empty");
	result = put ? check_put_direction(o) : check_get_direction(o);
	if (result == OPTIONS_RUN)
		result = check_port(o);
	if (result != OPTIONS_RUN)
		return result;

	if (input)
		result = check_input(o);
	else if (!put && strcmp(t->dest, "-") == 0)
		result = check_stream(o, false);
	if (result == OPTIONS_RUN && o->has_min_size && !input)
		result = options_wrong(o, "--min-size is for standard input and --from-command");
	return result == OPTIONS_RUN ? check_together(o) : result;
}

/* What the one argument of a transfer lacks. */
static enum options_result
one_argument(const struct options *o)
{
	const char *argument = o->arguments[0];

	if (o->verb == VERB_GET && argument_is_remote(argument))
		return options_wrong(o, "the destination is missing; to here: ftx get %s .",
				     option_shown(argument));
	if (o->verb == VERB_PUT && argument_is_remote(argument))
		return options_wrong(o, "the source is missing; standard input: ftx put - %s",
				     option_shown(argument));
	return options_wrong(o, "the %s is missing; it is remote: HOST:SHARE/PATH (ftx help paths)",
			     o->verb == VERB_PUT ? "destination" : "source");
}

static enum options_result
count_arguments(const struct options *o)
{
	const struct verb_row *row = verb_of(o->verb);
	size_t least = row->least;

	if (o->verb == VERB_PUT && !o->from_command)
		least = 2;
	if (o->argument_count > row->most)
		return options_wrong(o, "'%s' is too much: ftx %s %s",
				     option_shown(o->arguments[row->most]), row->name, row->usage);
	if (o->argument_count >= least)
		return OPTIONS_RUN;
	if ((o->verb & VERBS_TRANSFER) != 0 && o->argument_count == 1)
		return one_argument(o);
	if ((o->verb & VERBS_TRANSFER) != 0)
		return options_wrong(o,
				     "sources and a destination are needed: ftx %s %s; REMOTE is "
				     "HOST:SHARE/PATH or ftx://KEY@HOST/SHARE/PATH",
				     row->name, row->usage);
	return options_wrong(o, "arguments are missing: ftx %s %s%s", row->name, row->usage,
			     (o->verb & VERBS_REMOTE) != 0 ? " (ftx help paths)" : "");
}

/* Where an argument is a server, HOST may stand for HOST:. */
static void
take_host(struct options *o, size_t n)
{
	if (n >= o->argument_count || strchr(o->arguments[n], ':') != NULL ||
	    strlen(o->arguments[n]) + 2 > sizeof(o->server))
		return;
	snprintf(o->server, sizeof(o->server), "%s:", o->arguments[n]);
	o->arguments[n] = o->server;
}

/* The shares of a server are asked of HOST:, which is easily typed without its colon. */
static enum options_result
check_server(const struct options *o)
{
	for (size_t i = 0; i < o->argument_count; i++) {
		const char *shown = option_shown(o->arguments[i]);

		if (strpbrk(o->arguments[i], ":/") == NULL)
			return options_wrong(o,
					     "'%s': a remote path has a colon; all shares of a "
					     "server: ftx %s %s:",
					     shown, o->verb_name, shown);
	}
	return OPTIONS_RUN;
}

/* Which arguments of verify, ln and mv are what. */
static enum options_result
check_sides(const struct options *o)
{
	for (size_t i = 0; o->verb == VERB_MV && i < o->argument_count; i++)
		if (strchr(o->arguments[i], ':') == NULL)
			return options_wrong(o, "'%s': the new name is remote too, HOST:SHARE/PATH",
					     option_shown(o->arguments[i]));
	if (o->verb == VERB_VERIFY && strchr(o->arguments[1], ':') == NULL)
		return options_wrong(o,
				     "'%s': the second argument of verify is remote, "
				     "HOST:SHARE/PATH",
				     option_shown(o->arguments[1]));
	if (o->verb == VERB_LN && !o->symbolic && strchr(o->arguments[0], ':') == NULL)
		return options_wrong(o,
				     "'%s': the file is named as HOST:SHARE/PATH; with -s it is a "
				     "symbolic link with this text",
				     option_shown(o->arguments[0]));
	return OPTIONS_RUN;
}

enum options_result
options_check(struct options *o)
{
	struct transfer_request *t = &o->transfer;
	enum options_result result = OPTIONS_RUN;

	if (o->from_command && o->command == NULL)
		return options_wrong(o, "the command is missing: ftx put --from-command "
					"HOST:SHARE/NAME -- COMMAND [ARGUMENT]...");
	if (o->from_command && o->argument_count != 1)
		return options_wrong(o, "one destination is needed before the --: ftx put "
					"--from-command HOST:SHARE/NAME -- COMMAND [ARGUMENT]...");
	result = count_arguments(o);
	if (result == OPTIONS_RUN && (o->verb == VERB_PING || o->verb == VERB_CONFIG))
		take_host(o, o->verb == VERB_PING ? 0 : 1);
	if (result == OPTIONS_RUN && (o->verb == VERB_LS || o->verb == VERB_DF))
		result = check_server(o);
	if (result == OPTIONS_RUN)
		result = check_sides(o);
	if (result != OPTIONS_RUN || (o->verb & (VERBS_TRANSFER | VERBS_REMOTE)) == 0)
		return result;
	t->sources = (const char *const *)o->arguments;
	t->source_count = o->argument_count;
	if (o->verb == VERB_VERIFY) {
		t->source_count = 1;
		t->dest = o->arguments[1];
	}
	if ((o->verb & VERBS_TRANSFER) == 0)
		return OPTIONS_RUN;
	t->verb = o->verb == VERB_PUT ? TRANSFER_PUT : TRANSFER_GET;
	t->dest = o->arguments[o->argument_count - 1];
	/* The command stands for the source in what is said. */
	if (o->from_command)
		t->sources = (const char *const *)o->command;
	t->source_count = o->from_command ? 1 : o->argument_count - 1;
	return check_transfer(o);
}
