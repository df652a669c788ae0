#include "cmd/ftx/option_values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/units.h"
#include "src/client/address.h"
#include "src/client/filter.h"

#define DEFAULT_RETRY_FOR_MS (10u * 60u * 1000u)
#define DEFAULT_TIMEOUT_MS   60000u

enum options_result
options_wrong(const struct options *o, const char *format, ...)
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

const char *
option_shown(const char *text)
{
	static char buffer[512];

	return display_escape(buffer, sizeof(buffer), text, strlen(text));
}

void
option_defaults(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->transfer.family = AF_UNSPEC;
	o->transfer.input_fd = -1;
	o->transfer.min_size = 1;
	o->transfer.streams = STREAMS_AUTO;
	o->transfer.retry_for_ms = DEFAULT_RETRY_FOR_MS;
	o->transfer.timeout_ms = DEFAULT_TIMEOUT_MS;
}

/* Digits and nothing else. */
static bool
parse_count(uint64_t *n, const char *text)
{
	char *end;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return errno == 0;
}

/* auto, none, zlib[:LEVEL], zstd[:LEVEL] */
static bool
parse_compress(struct transfer_request *t, const char *text)
{
	static const struct {
		const char *name;
		enum compress_mode mode;
		uint64_t max_level;
	} modes[] = {{"auto", COMPRESS_AUTO, 0},
		     {"none", COMPRESS_NONE, 0},
		     {"zlib", COMPRESS_ZLIB, 9},
		     {"zstd", COMPRESS_ZSTD, 19}};
	size_t length = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		uint64_t level;

		if (strlen(modes[i].name) != length || memcmp(text, modes[i].name, length) != 0)
			continue;
		t->compress = modes[i].mode;
		t->level = 0;
		if (text[length] == '\0')
			return true;
		if (!parse_count(&level, text + length + 1) || level < 1 ||
		    level > modes[i].max_level)
			return false;
		t->level = (int)level;
		return true;
	}
	return false;
}

static bool
parse_streams(unsigned *streams, const char *text)
{
	uint64_t n;

	if (strcmp(text, "auto") == 0) {
		*streams = STREAMS_AUTO;
		return true;
	}
	if (!parse_count(&n, text) || n < 1 || n > STREAMS_MAX)
		return false;
	*streams = (unsigned)n;
	return true;
}

/* NULL, or the form that the value of an option with a number or a word has. */
static const char *
set_value(struct options *o, enum option_id id, const char *value)
{
	struct transfer_request *t = &o->transfer;
	bool good = true;

	if (id == OPTION_COMPRESS) {
		good = parse_compress(t, value);
		return good ? NULL : "auto, none, zlib[:1..9], zstd[:1..19]";
	}
	if (id == OPTION_BWLIMIT) {
		good = size_parse(&t->bwlimit, value) == 0 && t->bwlimit != 0;
		return good ? NULL : "bytes a second, as 500K or 20M, more than 0";
	}
	if (id == OPTION_PORT) {
		good = address_port(&t->port, value, strlen(value));
		return good ? NULL : "a number from 1 to 65535";
	}
	if (id == OPTION_RETRY_FOR) {
		good = duration_parse(&t->retry_for_ms, value) == 0;
		return good ? NULL : "a duration, as 30s or 10m; 0 is one attempt";
	}
	if (id == OPTION_TIMEOUT) {
		good = duration_parse(&t->timeout_ms, value) == 0 && t->timeout_ms != 0;
		return good ? NULL : "a duration, as 30s or 2m, more than 0";
	}
	if (id == OPTION_STREAMS) {
		good = parse_streams(&t->streams, value);
		return good ? NULL : "auto, or a number from 1 to 16";
	}
	if (id == OPTION_MAX_DELETE) {
		good = t->has_max_delete = parse_count(&t->max_delete, value);
		return good ? NULL : "a number; 0 withholds every deletion";
	}
	good = o->has_min_size = size_parse(&t->min_size, value) == 0;
	return good ? NULL : "bytes, as 500 or 20M; 0 accepts that there is nothing";
}

static enum options_result
add_rule(struct options *o, enum option_id id, const char *value)
{
	struct problem why;
	int r;

	if (o->filter == NULL && (o->filter = filter_new()) == NULL)
		return options_wrong(o, "%s", error_text(FTX_E_NOMEM));
	if (id == OPTION_EXCLUDE_FROM)
		r = filter_add_file(o->filter, value, &why);
	else
		r = filter_add(o->filter, id == OPTION_EXCLUDE ? FILTER_EXCLUDE : FILTER_INCLUDE,
			       value, &why);
	o->transfer.filter = o->filter;
	return r == 0 ? OPTIONS_RUN : options_wrong(o, "%s", why.text);
}

static enum options_result
set_set(struct options *o, enum set_mode mode)
{
	if (o->transfer.set != SET_NONE && o->transfer.set != mode)
		return options_wrong(o, "--atomic-set is for a destination that does not exist, "
					"--replace-set for one that does: one of them");
	o->transfer.set = mode;
	return OPTIONS_RUN;
}

static enum options_result
set_text(const struct options *o, const struct option_row *row, const char **place,
	 const char *value)
{
	if (value[0] == '\0')
		return options_wrong(o, "%s needs a name", option_name(row));
	*place = value;
	return OPTIONS_RUN;
}

/* The switches: which of the booleans an option sets.  false: it is none of them. */
static bool
set_switch(struct options *o, enum option_id id)
{
	struct transfer_request *t = &o->transfer;
	const struct {
		enum option_id id;
		bool *place;
	} switches[] = {
	    {OPTION_ACLS, &t->acls},
	    {OPTION_ALL, &o->all},
	    {OPTION_CHECKSUM, &t->checksum},
	    {OPTION_COPY_LINKS, &t->copy_links},
	    {OPTION_DELETE, &t->delete},
	    {OPTION_DELETE_EMPTY, &t->delete_empty},
	    {OPTION_DELETE_EXCLUDED, &t->delete_excluded},
	    {OPTION_DRY_RUN, &t->dry_run},
	    {OPTION_FORCE, &o->force},
	    {OPTION_FROM_COMMAND, &o->from_command},
	    {OPTION_HARD_LINKS, &t->hard_links},
	    {OPTION_IGNORE_EXISTING, &t->ignore_existing},
	    {OPTION_JSON, &o->json},
	    {OPTION_LONG, &o->long_format},
	    {OPTION_META, &o->metadata},
	    {OPTION_NO_OWNER, &t->no_owner},
	    {OPTION_NO_RESUME, &t->no_resume},
	    {OPTION_NO_SYNC, &t->no_sync},
	    {OPTION_NO_TARGET_DIRECTORY, &t->no_target_directory},
	    {OPTION_NUL, &o->nul_separated},
	    {OPTION_NUMERIC_IDS, &t->numeric_ids},
	    {OPTION_ONE_FILE_SYSTEM, &t->one_file_system},
	    {OPTION_PARENTS, &o->parents},
	    {OPTION_QUIET, &o->quiet},
	    {OPTION_STRICT_META, &t->strict_meta},
	    {OPTION_SYMBOLIC, &o->symbolic},
	    {OPTION_UPDATE, &t->update},
	    {OPTION_VERBOSE, &o->verbose},
	    {OPTION_XATTRS, &t->xattrs},
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (switches[i].id == id) {
			*switches[i].place = true;
			return true;
		}
	return false;
}

enum options_result
option_apply(struct options *o, const struct option_row *row, const char *value)
{
	const char *form;

	if (set_switch(o, row->id))
		return OPTIONS_RUN;
	/* clang-format off */
	switch ((int)row->id) { /* set_value() has the rest */
	case OPTION_ACCEPTED:	   return OPTIONS_RUN;
	case OPTION_IDENTITY:	   return set_text(o, row, &o->identity, value);
	case OPTION_OUTPUT:	   return set_text(o, row, &o->output, value);
	case OPTION_ALIAS:	   return set_text(o, row, &o->alias, value);
	case OPTION_FILES_FROM:	   return set_text(o, row, &o->files_from, value);
	case OPTION_FAILED0:	   return set_text(o, row, &o->failed0, value);
	case OPTION_BACKUP_DIR:	   return set_text(o, row, &o->transfer.backup_dir, value);
	case OPTION_EXCLUDE:
	case OPTION_INCLUDE:
	case OPTION_EXCLUDE_FROM:  return add_rule(o, row->id, value);
	case OPTION_ATOMIC_SET:	   return set_set(o, SET_NEW);
	case OPTION_REPLACE_SET:   return set_set(o, SET_EXCHANGE);
	case OPTION_COMPRESS_AUTO: o->transfer.compress = COMPRESS_AUTO; return OPTIONS_RUN;
	case OPTION_IPV4:	   o->transfer.family = AF_INET; return OPTIONS_RUN;
	case OPTION_IPV6:	   o->transfer.family = AF_INET6; return OPTIONS_RUN;
	case OPTION_PROGRESS:	   o->progress = PROGRESS_ALWAYS; return OPTIONS_RUN;
	case OPTION_NO_PROGRESS:   o->progress = PROGRESS_NEVER; return OPTIONS_RUN;
	}
	/* clang-format on */
	form = set_value(o, row->id, value);
	if (form == NULL)
		return OPTIONS_RUN;
	return options_wrong(o, "'%s' is not possible for %s: %s", option_shown(value),
			     option_name(row), form);
}
