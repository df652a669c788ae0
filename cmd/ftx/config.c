/*
 * config show: what is in force, and who says so.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ftx/option_values.h"
#include "cmd/ftx/output.h"
#include "cmd/ftx/settings.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/config.h"

/* "KEY VALUE  WHERE" */
static void
row(const char *key, const char *value, const char *where)
{
	char shown[DISPLAY_PATH_BYTES];

	display_escape(shown, sizeof(shown), value, strlen(value));
	printf("%-11s %-33s  %s\n", key, shown, where);
}

/* FILE:LINE, shown; in a buffer of its own until the next call. */
static const char *
place(const char *file, unsigned line)
{
	static char text[DISPLAY_PATH_BYTES + 16];
	char shown[DISPLAY_PATH_BYTES];

	display_escape(shown, sizeof(shown), file, strlen(file));
	snprintf(text, sizeof(text), "%s:%u", shown, line);
	return text;
}

static void
setting_row(const struct setting_said *said, enum setting id, const char *value)
{
	const struct setting_row *names = &setting_rows[id];
	char where[DISPLAY_PATH_BYTES + 80];

	switch (said->origin) {
	case SETTING_BUILT_IN:
		row(names->key, value, "built in");
		break;
	case SETTING_OF_FILE:
		snprintf(where, sizeof(where), "%s, [%s%s]", place(said->file, said->line),
			 said->host != NULL ? "host " : "defaults",
			 said->host != NULL ? said->host : "");
		row(names->key, value, where);
		break;
	case SETTING_OF_ENVIRONMENT:
		row(names->key, value, names->variable);
		break;
	case SETTING_OF_ADDRESS:
		row(names->key, value, "the address");
		break;
	case SETTING_OF_OPTION:
		snprintf(where, sizeof(where), "--%s", names->key);
		row(names->key, value, where);
		break;
	}
}

/* The key file of whom nobody names one. */
static int
default_identity(char *out, size_t capacity, struct problem *why)
{
	int r = config_place(out, capacity, "id", why);

	if (r != 0)
		return r;
	if (access(out, F_OK) != 0 && access(SYSTEM_IDENTITY, F_OK) == 0)
		snprintf(out, capacity, "%s", SYSTEM_IDENTITY);
	return 0;
}

static int
print_settings(const struct options *o, struct problem *why)
{
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		struct setting_said said = settings_said(o, (enum setting)i);
		char path[PATH_MAX];
		int r;

		if (said.text == NULL && (r = default_identity(path, sizeof(path), why)) != 0)
			return r;
		setting_row(&said, (enum setting)i, said.text != NULL ? said.text : path);
	}
	return 0;
}

static void
print_keys(const struct config_host *h)
{
	char key[KEY_TEXT_CHARS + 1];

	for (unsigned i = 0; i < h->key_count; i++) {
		key_format(key, h->keys[i]);
		row("server-key", key, place(h->file, h->key_lines[i]));
	}
	if (h->key_count == 0)
		row("server-key", "none", "a server without a known key is not contacted");
}

/* Who HOST is. */
static int
print_server(const struct options *o, const char *typed, struct problem *why)
{
	const struct config_host *h = settings_host(o);
	struct address a;
	char key[KEY_TEXT_CHARS + 1];
	int r = address_parse_server(&a, typed, why);

	if (r != 0)
		return r;
	if (h != NULL) {
		row("address", h->address,
		    place(h->file, h->address_line != 0 ? h->address_line : h->line));
		print_keys(h);
		return 0;
	}
	row("address", a.host, a.named ? "no section has this name" : "the address");
	key_format(key, a.key);
	row("server-key", a.has_key ? key : "none",
	    a.has_key ? "the address" : "a server without a known key is not contacted");
	return 0;
}

/* Which files count, and what names there are. */
static void
print_sources(const struct config *config)
{
	const struct config_host *h;
	char address[ADDRESS_SERVER_BYTES];

	for (unsigned i = 0; i < CONFIG_FILES; i++)
		row("file", config_file(config, i),
		    access(config_file(config, i), F_OK) == 0 ? "read" : "not there");
	for (size_t n = 0; (h = config_host_at(config, n)) != NULL; n++) {
		address_format_server(address, h->address,
				      h->port != 0 ? h->port : ADDRESS_DEFAULT_PORT);
		printf("host        %-15s %-17s  %s\n", h->name, address, place(h->file, h->line));
	}
}

int
verb_config(const struct options *o)
{
	const struct config *config;
	struct problem why;
	int r;

	if (strcmp(o->arguments[0], "show") != 0) {
		options_wrong(o, "'%s': it is ftx config show [HOST]",
			      option_shown(o->arguments[0]));
		return FTX_EXIT_USAGE;
	}
	r = settings_config(o, &config, &why);
	if (r == 0 && o->argument_count > 1)
		r = print_server(o, o->arguments[1], &why);
	if (r == 0)
		r = print_settings(o, &why);
	if (r != 0)
		return complain(o, &why);
	if (o->argument_count == 1)
		print_sources(config);
	return output_end(o->verb_name);
}
