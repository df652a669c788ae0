#include "cmd/ftx/option_values.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/units.h"
#include "src/client/filter.h"

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
}

/* Which setting an option gives what value; text NULL: the value that is typed. */
static const struct {
	enum option_id id;
	enum setting setting;
	const char *text;
} option_settings[] = {
    {OPTION_BWLIMIT, SETTING_BWLIMIT, NULL},	      {OPTION_COMPRESS, SETTING_COMPRESS, NULL},
    {OPTION_COMPRESS_AUTO, SETTING_COMPRESS, "auto"}, {OPTION_IDENTITY, SETTING_IDENTITY, NULL},
    {OPTION_NO_PROGRESS, SETTING_PROGRESS, "never"},  {OPTION_PORT, SETTING_PORT, NULL},
    {OPTION_PROGRESS, SETTING_PROGRESS, "always"},    {OPTION_RETRY_FOR, SETTING_RETRY_FOR, NULL},
    {OPTION_STREAMS, SETTING_STREAMS, NULL},	      {OPTION_TIMEOUT, SETTING_TIMEOUT, NULL},
};

/* false: it is none of them.  *form: NULL, or what the value should look like. */
static bool
give_setting(struct options *o, enum option_id id, const char *value, const char **form)
{
	struct settings tried;

	*form = NULL;
	for (size_t i = 0; i < sizeof(option_settings) / sizeof(option_settings[0]); i++) {
		enum setting setting = option_settings[i].setting;

		if (option_settings[i].id != id)
			continue;
		if (option_settings[i].text != NULL)
			value = option_settings[i].text;
		if (!setting_parse(&tried, setting, value))
			*form = setting_rows[setting].form;
		o->given[setting] = value;
		return true;
	}
	return false;
}

/* NULL, or the form that the value of an option with a number has. */
static const char *
set_number(struct options *o, enum option_id id, const char *value)
{
	struct transfer_request *t = &o->transfer;

	if (id == OPTION_MAX_DELETE) {
		t->has_max_delete = count_parse(&t->max_delete, value) == 0;
		return t->has_max_delete ? NULL : "a number; 0 withholds every deletion";
	}
	o->has_min_size = size_parse(&t->min_size, value) == 0;
	return o->has_min_size ? NULL : "bytes, as 500 or 20M; 0 accepts that there is nothing";
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
	/* What the first one names would be passed over without a word. */
	if (*place != NULL)
		return options_wrong(o, "%s is there twice", option_name(row));
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

static enum options_result
wrong_value(const struct options *o, const struct option_row *row, const char *value,
	    const char *form)
{
	return options_wrong(o, "'%s' is not possible for %s: %s", option_shown(value),
			     option_name(row), form);
}

enum options_result
option_apply(struct options *o, const struct option_row *row, const char *value)
{
	const char *form;

	if (set_switch(o, row->id))
		return OPTIONS_RUN;
	if (give_setting(o, row->id, value, &form))
		return form == NULL ? OPTIONS_RUN : wrong_value(o, row, value, form);
	/* clang-format off */
	switch ((int)row->id) { /* set_number() has the rest */
	case OPTION_ACCEPTED:
		o->accepted_p = o->accepted_p || row->letter == 'p';
		return OPTIONS_RUN;
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
	case OPTION_IPV4:	   o->transfer.family = AF_INET; return OPTIONS_RUN;
	case OPTION_IPV6:	   o->transfer.family = AF_INET6; return OPTIONS_RUN;
	}
	/* clang-format on */
	form = set_number(o, row->id, value);
	return form == NULL ? OPTIONS_RUN : wrong_value(o, row, value, form);
}
