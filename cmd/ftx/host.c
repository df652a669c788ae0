/*
 * host add, ls, rm: names of servers in the user's configuration.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/option_values.h"
#include "cmd/ftx/output.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/ini.h"
#include "src/client/config.h"
#include "src/client/config_edit.h"

#define NAME_RULE                                                                                  \
	"is no name for a server: up to 40 letters, digits and ._- , the first a letter or a "     \
	"digit"

static int
wrong(const struct options *o, const char *text, const char *why)
{
	options_wrong(o, "'%s': %s", option_shown(text), why);
	return FTX_EXIT_USAGE;
}

/* ftx://KEY@HOST[:PORT], and nothing behind it. */
static int
parse_server(struct address *a, const char *text, struct problem *why)
{
	int r;

	/* What else there is in the text matters only in the one form. */
	a->has_key = false;
	if (strncmp(text, "ftx://", strlen("ftx://")) == 0 &&
	    (r = address_parse_server(a, text, why)) != 0)
		return r;
	if (!a->has_key)
		return problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
				   "'%s': the server is written ftx://KEY@HOST[:PORT], as \"ftxd "
				   "key\" there prints it",
				   option_shown(text));
	if (a->path[0] != '\0')
		return problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
				   "a name is for a whole server: leave /%s out",
				   option_shown(a->path));
	return 0;
}

static int
add(const struct options *o, const char *name, const char *server)
{
	char place[PATH_MAX], address[ADDRESS_SERVER_BYTES];
	struct host_lines host = {.name = name, .address = address};
	struct problem why;
	struct address a;
	char *identity;
	int r;

	if (!ini_name_ok(name, strlen(name)))
		return wrong(o, name, NAME_RULE);
	if (parse_server(&a, server, &why) != 0)
		return complain(o, &why);
	address_format_server(address, a.host, a.port != 0 ? a.port : ADDRESS_DEFAULT_PORT);
	host.server_key = a.key;
	host.identity = identity = identity_path(o, &why);
	r = why.error;
	if (r == 0 && (r = config_place(place, sizeof(place), "config", &why)) == 0)
		r = config_add_host(place, &host, &why);
	free(identity);
	if (r == FTX_E_EXISTS)
		problem_hint(&why, "ftx host rm %s takes it away", name);
	return r == 0 ? FTX_EXIT_OK : complain(o, &why);
}

static int
erase(const struct options *o, const char *name)
{
	char place[PATH_MAX];
	struct problem why;
	struct config *config;
	const struct config_host *host;
	int r;

	if (!ini_name_ok(name, strlen(name)))
		return wrong(o, name, NAME_RULE);
	r = config_place(place, sizeof(place), "config", &why);
	if (r == 0)
		r = config_remove_host(place, name, &why);
	/* One of everybody's is not this user's to take away. */
	if (r == FTX_E_NOT_FOUND && config_load(&config, &why) == 0) {
		host = config_host(config, name);
		problem_set(&why, r, SIDE_LOCAL,
			    host != NULL ? "[host %s] is in %s: change it there"
					 : "there is no [host %s] in %s",
			    name, option_shown(host != NULL ? host->file : place));
		config_free(config);
	}
	return r == 0 ? FTX_EXIT_OK : complain(o, &why);
}

/* NAME ftx://KEY@HOST:PORT, and a second key behind it. */
static void
print_host(const struct config_host *host)
{
	char address[ADDRESS_SERVER_BYTES], key[KEY_TEXT_CHARS + 1];

	address_format_server(address, host->address,
			      host->port != 0 ? host->port : ADDRESS_DEFAULT_PORT);
	printf("%s ftx://", host->name);
	if (host->key_count > 0) {
		key_format(key, host->keys[0]);
		printf("%s@", key);
	}
	printf("%s", address);
	if (host->key_count > 1) {
		key_format(key, host->keys[1]);
		printf(" %s", key);
	}
	putchar('\n');
}

static int
list(const struct options *o)
{
	struct config *config;
	const struct config_host *host;
	struct problem why;

	if (config_load(&config, &why) != 0)
		return complain(o, &why);
	for (size_t n = 0; (host = config_host_at(config, n)) != NULL; n++)
		print_host(host);
	config_free(config);
	return output_end(o->verb_name);
}

int
verb_host(const struct options *o)
{
	char **words = o->arguments;
	bool adding = strcmp(words[0], "add") == 0;

	if (adding && o->argument_count == 3)
		return add(o, words[1], words[2]);
	if (o->identity != NULL)
		return wrong(o, words[0], "-i is for ftx host add NAME ftx://KEY@HOST[:PORT]");
	if (strcmp(words[0], "ls") == 0 && o->argument_count == 1)
		return list(o);
	if (strcmp(words[0], "rm") == 0 && o->argument_count == 2)
		return erase(o, words[1]);
	return wrong(o, words[0],
		     "it is ftx host add NAME ftx://KEY@HOST[:PORT], ftx host ls or ftx host rm "
		     "NAME");
}
