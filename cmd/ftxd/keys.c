#include "cmd/ftxd/keys.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ftxd/paths.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/secure/keyfile.h"

/* Makes a key file.  0 with *secret owned by the caller, or an error. */
static int
create(const char *path, uint8_t **secret)
{
	int r;

	if ((*secret = key_generate()) == NULL)
		return FTX_E_NOMEM;
	if ((r = keyfile_create(path, *secret)) == 0)
		return 0;
	key_secret_free(*secret);
	*secret = NULL;
	return r;
}

static void
complain_of_create(const char *verb, const char *path, int r)
{
	if (r == FTX_E_EXISTS)
		complain(verb, "'%s': exists already; a key is never overwritten", path);
	else
		complain(verb, "'%s': cannot make a key file: %s", path, error_text(r));
}

uint8_t *
key_load(const char *verb, const char *path, int make, int *made)
{
	const char *why = NULL;
	uint8_t *secret = NULL;
	int r = keyfile_read(path, &secret, &why);

	if (made != NULL)
		*made = 0;
	if (r == FTX_E_NOT_FOUND && make) {
		r = create(path, &secret);
		if (made != NULL)
			*made = r == 0;
		if (r != 0 && r != FTX_E_EXISTS) {
			complain_of_create(verb, path, r);
			return NULL;
		}
		if (r == FTX_E_EXISTS)
			r = keyfile_read(path, &secret, &why); /* somebody else was faster */
	}
	if (r == 0)
		return secret;
	complain(verb, "'%s': %s", path, r == FTX_E_KEY_FILE && why != NULL ? why : error_text(r));
	return NULL;
}

/* The public key of secret as text. */
static const char *
public_text(const uint8_t *secret, char text[static KEY_TEXT_CHARS + 1])
{
	uint8_t public_key[KEY_BYTES];

	key_public(public_key, secret);
	key_format(text, public_key);
	return text;
}

static void
print_key(const uint8_t *secret)
{
	char text[KEY_TEXT_CHARS + 1];

	printf("%s\n", public_text(secret, text));
}

static void
print_address(const uint8_t *secret, const char *address)
{
	char text[KEY_TEXT_CHARS + 1];

	printf("ftx://%s@%s\n", public_text(secret, text), address);
}

static int
key_of_config(const char *file)
{
	char place[SETTINGS_PLACE_BYTES];
	char text[KEY_TEXT_CHARS + 1];
	uint8_t public_key[KEY_BYTES];
	struct config *config;
	const struct server_config *server;
	int code = settings_load("key", file, &config);

	if (code != 0)
		return code;
	server = config_server(config);
	settings_place(place, server, NULL);
	for (size_t i = 0; i < settings_key_count(server) && code == 0; i++) {
		if ((code = settings_public_key("key", server, i, public_key)) != 0)
			break;
		key_format(text, public_key);
		printf("%s\nftx://%s@%s\n", text, text, place);
	}
	config_free(config);
	return code;
}

int
verb_keygen(int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'},
						{NULL, 0, NULL, 0}};
	const char *path = NULL;
	uint8_t *secret;
	int c, r;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1)
		if (c == 'o')
			path = optarg;
		else
			return FTX_EXIT_USAGE;
	if (path == NULL || optind != argc) {
		complain("keygen", "usage: ftxd keygen -o FILE");
		return FTX_EXIT_USAGE;
	}
	if ((r = create(path, &secret)) != 0) {
		complain_of_create("keygen", path, r);
		return FTX_EXIT_CONFIG;
	}
	print_key(secret);
	key_secret_free(secret);
	return 0;
}

int
verb_key(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"key", required_argument, NULL, 'k'},
						{"state", required_argument, NULL, 's'},
						{NULL, 0, NULL, 0}};
	const char *config_file = NULL;
	const char *key_file = NULL;
	const char *state_given = NULL;
	char *state = NULL;
	char *path = NULL;
	uint8_t *secret = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		if (c == 'c')
			config_file = optarg;
		else if (c == 'k')
			key_file = optarg;
		else if (c == 's')
			state_given = optarg;
		else
			return FTX_EXIT_USAGE;
	if (optind != argc || (config_file != NULL && (key_file != NULL || state_given != NULL))) {
		complain("key", "usage: ftxd key [-c FILE | [--key FILE] [--state DIR]]");
		return FTX_EXIT_USAGE;
	}
	/* Where a configuration is installed it is the server that root is asked about. */
	if (config_file == NULL && key_file == NULL && state_given == NULL && geteuid() == 0 &&
	    access(CONFIG_FILE, F_OK) == 0)
		config_file = CONFIG_FILE;
	if (config_file != NULL)
		return key_of_config(config_file);
	state = state_given != NULL ? strdup(state_given) : default_state_directory();
	path = key_file != NULL ? strdup(key_file)
	       : state != NULL	? path_join(state, "server-key")
				: NULL;
	if (path == NULL)
		complain("key", "HOME is not set: give --key FILE");
	else
		secret = key_load("key", path, 0, NULL);
	if (secret != NULL) {
		print_key(secret);
		print_address(secret, "127.0.0.1:7389");
	}
	key_secret_free(secret);
	free(path);
	free(state);
	return secret != NULL ? 0 : FTX_EXIT_CONFIG;
}
