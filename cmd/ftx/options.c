#include "cmd/ftx/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/units.h"

#define DEFAULT_RETRY_FOR_MS (10u * 60u * 1000u)
#define DEFAULT_TIMEOUT_MS   60000u

#define TRANSFERS (VERB_PUT | VERB_GET)
#define KEYS	  (VERB_KEYGEN | VERB_KEY)

/* Long options without a short one. */
enum { OPT_COMPRESS = 256, OPT_BWLIMIT, OPT_PORT, OPT_JSON, OPT_RETRY_FOR, OPT_TIMEOUT, OPT_HELP };

/*
 * Every option: short name (or OPT_*), long name or NULL, whether it takes an argument, the verbs
 * it is for, and a hint where it is refused: what people of other programs look for behind that
 * letter.
 */
static const struct row {
	int id;
	const char *name;
	bool argument;
	unsigned verbs;
	const char *refused;
} rows[] = {
    {'i', "identity", true, TRANSFERS | VERB_KEY, NULL},
    {'o', NULL, true, VERB_KEYGEN, NULL},
    {'q', NULL, false, TRANSFERS, NULL},
    {'v', NULL, false, TRANSFERS, NULL},
    {'T', "no-target-directory", false, TRANSFERS, NULL},
    {'n', "dry-run", false, TRANSFERS, NULL},
    {'z', NULL, false, TRANSFERS, NULL},
    {OPT_COMPRESS, "compress", true, TRANSFERS, NULL},
    {OPT_BWLIMIT, "bwlimit", true, TRANSFERS, NULL},
    {OPT_PORT, "port", true, TRANSFERS, NULL},
    {OPT_JSON, "json", false, TRANSFERS, NULL},
    {OPT_RETRY_FOR, "retry-for", true, TRANSFERS, NULL},
    {OPT_TIMEOUT, "timeout", true, TRANSFERS, NULL},
    {'4', NULL, false, TRANSFERS, NULL},
    {'6', NULL, false, TRANSFERS, NULL},
    {'a', NULL, false, TRANSFERS, NULL},
    {'r', NULL, false, TRANSFERS, NULL},
    {'t', NULL, false, TRANSFERS, NULL},
    {'p', NULL, false, TRANSFERS, NULL},
    {'l', NULL, false, TRANSFERS, NULL},
    {'V', "version", false, TRANSFERS | KEYS, NULL},
    {OPT_HELP, "help", false, TRANSFERS | KEYS, NULL},
    {'h', NULL, false, 0, "help is --help"},
    {'P', NULL, false, 0, "a port is --port, and progress is shown by itself on a terminal"},
    {'e', NULL, false, 0, "there is no remote shell: ftx talks to ftxd"},
    {'g', NULL, false, 0, "owners and groups are not transferred"},
    {'D', NULL, false, 0, "devices and special files are skipped"},
    {'b', NULL, false, 0, "there are no backup copies"},
    {'F', NULL, false, 0, "there are no filter files"},
    {'J', NULL, false, 0, "there are no jump hosts"},
    {'W', NULL, false, 0, "whole files are sent as it is, only resumed where one was cut off"},
    {'C', NULL, false, 0, "compression is --compress, on by default"},
    {'R', NULL, false, 0, "where things land: see ftx(1)"},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
	enum verb verb;
	const char *name;
} verbs[] = {{VERB_PUT, "put"}, {VERB_GET, "get"}, {VERB_KEYGEN, "keygen"}, {VERB_KEY, "key"}};

static enum options_result __attribute__((format(printf, 2, 3)))
wrong(const struct options *o, const char *format, ...)
{
	va_list ap;

	fputs("ftx: ", stderr);
	if (o->verb_name != NULL)
		fprintf(stderr, "%s: ", o->verb_name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\n", stderr);
	return OPTIONS_WRONG;
}

static const char *
shown(const char *text)
{
	static char buffer[512];

	return display_escape(buffer, sizeof(buffer), text, strlen(text));
}

static const struct row *
find_row(int id)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

static const char *
row_name(const struct row *row)
{
	static char text[40];

	if (row->name != NULL)
		snprintf(text, sizeof(text), "--%s", row->name);
	else
		snprintf(text, sizeof(text), "-%c", row->id);
	return text;
}

/* auto, none, zlib[:LEVEL], zstd[:LEVEL] */
static bool
parse_compress(struct transfer_request *t, const char *text)
{
	static const struct {
		const char *name;
		enum compress_mode mode;
		int max_level;
	} modes[] = {{"auto", COMPRESS_AUTO, 0},
		     {"none", COMPRESS_NONE, 0},
		     {"zlib", COMPRESS_ZLIB, 9},
		     {"zstd", COMPRESS_ZSTD, 19}};
	size_t length = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char *end = NULL;
		long level;

		if (strlen(modes[i].name) != length || memcmp(text, modes[i].name, length) != 0)
			continue;
		t->compress = modes[i].mode;
		t->level = 0;
		if (text[length] == '\0')
			return true;
		level = strtol(text + length + 1, &end, 10);
		if (end == text + length + 1 || *end != '\0' || level < 1 ||
		    level > modes[i].max_level)
			return false;
		t->level = (int)level;
		return true;
	}
	return false;
}

static bool
parse_port(uint16_t *port, const char *text)
{
	char *end = NULL;
	long n = strtol(text, &end, 10);

	*port = (uint16_t)n;
	return end != text && *end == '\0' && n >= 1 && n <= 65535;
}

static enum options_result
bad_value(const struct options *o, const struct row *row, const char *form)
{
	return wrong(o, "'%s' is not possible for %s: %s", shown(optarg), row_name(row), form);
}

/* Takes one option's meaning over. */
static enum options_result
apply(struct options *o, const struct row *row)
{
	struct transfer_request *t = &o->transfer;

	switch (row->id) {
	case 'i':
		o->identity = optarg;
		break;
	case 'o':
		o->output = optarg;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'T':
		t->no_target_directory = true;
		break;
	case 'n':
		t->dry_run = true;
		break;
	case 'z':
		t->compress = COMPRESS_AUTO;
		break;
	case '4':
		t->family = AF_INET;
		break;
	case '6':
		t->family = AF_INET6;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_COMPRESS:
		if (!parse_compress(t, optarg))
			return bad_value(o, row, "auto, none, zlib[:1..9], zstd[:1..19]");
		break;
	case OPT_BWLIMIT:
		if (size_parse(&t->bwlimit, optarg) != 0 || t->bwlimit == 0)
			return bad_value(o, row, "bytes a second, as 500K or 20M, more than 0");
		break;
	case OPT_PORT:
		if (!parse_port(&t->port, optarg))
			return bad_value(o, row, "a number from 1 to 65535");
		break;
	case OPT_RETRY_FOR:
		if (duration_parse(&t->retry_for_ms, optarg) != 0)
			return bad_value(o, row, "a duration, as 30s or 10m; 0 is one attempt");
		break;
	case OPT_TIMEOUT:
		if (duration_parse(&t->timeout_ms, optarg) != 0 || t->timeout_ms == 0)
			return bad_value(o, row, "a duration, as 30s or 2m, more than 0");
		break;
	default: /* -a -r -t -p -l: so it is anyway */
		break;
	}
	return OPTIONS_RUN;
}

/* Builds getopt_long()'s tables from rows. */
static void
build_tables(char *letters, struct option *longs)
{
	size_t n = 0, m = 0;

	letters[n++] = ':'; /* ':' for a missing argument, no messages of its own */
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].id < 256) {
			letters[n++] = (char)rows[i].id;
			if (rows[i].argument)
				letters[n++] = ':';
		}
		if (rows[i].name != NULL)
			longs[m++] = (struct option){.name = rows[i].name,
						     .has_arg = rows[i].argument ? required_argument
										 : no_argument,
						     .val = rows[i].id};
	}
	letters[n] = '\0';
	longs[m] = (struct option){0};
}

/* What getopt_long() did not take: says which and why. */
static enum options_result
bad_option(const struct options *o, int c, char **argv)
{
	const char *word = argv[optind - 1];

	if (c == ':') {
		const struct row *row = find_row(optopt);

		return wrong(o, "%s needs a value", row != NULL ? row_name(row) : shown(word));
	}
	if (optopt >= 256 || (optopt != 0 && strncmp(word, "--", 2) == 0))
		return wrong(o, "'%s': this option takes no value", shown(word));
	if (optopt != 0)
		return wrong(o, "unknown option -%c; ftx --help", optopt);
	return wrong(o, "unknown option '%s'; ftx --help", shown(word));
}

static enum options_result
find_verb(struct options *o, int argc, char **argv, const bool *used)
{
	if (optind >= argc)
		return wrong(o, "a command is missing: put, get, keygen or key; ftx --help");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[optind], verbs[i].name) == 0) {
			o->verb = verbs[i].verb;
			o->verb_name = verbs[i].name;
		}
	if (o->verb_name == NULL)
		return wrong(o, "there is no command '%s'; ftx --help", shown(argv[optind]));
	for (size_t i = 0; i < ROWS; i++) {
		if (used[i] && (rows[i].verbs & o->verb) == 0) {
			if (rows[i].id == 'o' && (o->verb & TRANSFERS) != 0)
				return wrong(o, "-o: options are ftx's own, see ftx --help");
			return wrong(o, "%s is not for this command", row_name(&rows[i]));
		}
	}
	o->arguments = argv + optind + 1;
	o->argument_count = (size_t)(argc - optind - 1);
	return OPTIONS_RUN;
}

static enum options_result
check_arguments(struct options *o)
{
	if ((o->verb & TRANSFERS) == 0) {
		if (o->argument_count != 0)
			return wrong(o, "'%s' is too much: there are no arguments",
				     shown(o->arguments[0]));
		return OPTIONS_RUN;
	}
	if (o->argument_count < 2)
		return wrong(o, o->verb == VERB_PUT ? "sources and a destination: ftx put SRC... "
						      "ftx://KEY@HOST/SHARE/PATH"
						    : "sources and a destination: ftx get "
						      "ftx://KEY@HOST/SHARE/PATH... DEST");
	o->transfer.verb = o->verb == VERB_PUT ? TRANSFER_PUT : TRANSFER_GET;
	o->transfer.sources = (const char *const *)o->arguments;
	o->transfer.source_count = o->argument_count - 1;
	o->transfer.dest = o->arguments[o->argument_count - 1];
	return OPTIONS_RUN;
}

enum options_result
options_parse(struct options *o, int argc, char **argv)
{
	char letters[2 * ROWS + 2];
	struct option longs[ROWS + 1];
	bool used[ROWS] = {false};
	enum options_result result;
	int c;

	memset(o, 0, sizeof(*o));
	o->transfer.family = AF_UNSPEC;
	o->transfer.retry_for_ms = DEFAULT_RETRY_FOR_MS;
	o->transfer.timeout_ms = DEFAULT_TIMEOUT_MS;
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return OPTIONS_HELP;
	build_tables(letters, longs);
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct row *row = c == '?' || c == ':' ? NULL : find_row(c);

		if (row == NULL)
			return bad_option(o, c, argv);
		if (c == OPT_HELP)
			return OPTIONS_HELP;
		if (c == 'V')
			return OPTIONS_VERSION;
		if (row->refused != NULL)
			return wrong(o, "-%c is not an option here: %s", c, row->refused);
		used[row - rows] = true;
		result = apply(o, row);
		if (result != OPTIONS_RUN)
			return result;
	}
	result = find_verb(o, argc, argv, used);
	return result == OPTIONS_RUN ? check_arguments(o) : result;
}
