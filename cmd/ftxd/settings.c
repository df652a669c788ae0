#include "cmd/ftxd/settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftxd/keys.h"
#include "cmd/ftxd/paths.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"

int
settings_options(const char *verb, const char *usage, int argc, char **argv, const char **file)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{NULL, 0, NULL, 0}};
	int c;

	*file = CONFIG_FILE;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:c:", options, NULL)) != -1) {
		if (c != 'c') {
			complain(verb, "%s\nusage: %s",
				 c == ':' ? "an option's value is missing" : "unknown option",
				 usage);
			return FTX_EXIT_USAGE;
		}
		*file = optarg;
	}
	return 0;
}

int
settings_load(const char *verb, const char *file, struct config **config)
{
	struct ini_error error;

	if (config_load(config, file, &error) == 0)
		return 0;
	complain(verb, "%s", error.text);
	return FTX_EXIT_CONFIG;
}

char *
settings_key_file(const struct server_config *server)
{
	return server->key_file != NULL ? strdup(server->key_file)
					: path_join(server->state, "server-key");
}

uint8_t *
settings_key(const char *verb, const struct server_config *server, bool make)
{
	char *path = settings_key_file(server);
	uint8_t *secret;

	if (path == NULL) {
		complain(verb, "%s", error_text(FTX_E_NOMEM));
		return NULL;
	}
	/* A server that makes itself another key because a disk is not there helps nobody. */
	secret = key_load(verb, path, make && server->key_file == NULL, NULL);
	free(path);
	return secret;
}
