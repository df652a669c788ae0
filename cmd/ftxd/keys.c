#include "cmd/ftxd/keys.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftxd/paths.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/secure/keyfile.h"

static uint8_t *
key_make(const char *verb, const char *path)
{
	uint8_t *secret = key_generate();
	int r = secret != NULL ? keyfile_create(path, secret) : FTX_E_NOMEM;

	if (r == 0)
		return secret;
	if (r == FTX_E_EXISTS)
		complain(verb, "'%s': exists already; a key is never overwritten", path);
	else
		complain(verb, "'%s': cannot make a key file: %s", path, error_text(r));
	key_secret_free(secret);
	return NULL;
}

uint8_t *
key_load(const char *verb, const char *path, int make, int *made)
{
	const char *why = NULL;
	uint8_t *secret = NULL;
	int r = keyfile_read(path, &secret, &why);

	if (made != NULL)
		*made = 0;
	if (r == 0)
		return secret;
	if (r == FTX_E_NOT_FOUND && make) {
		if (made != NULL)
			*made = 1;
		return key_make(verb, path);
	}
	complain(verb, "'%s': %s", path, r == FTX_E_KEY_FILE && why != NULL ? why : error_text(r));
	return NULL;
}

static void
print_key(const uint8_t *secret, const char *format)
{
	uint8_t public_key[KEY_BYTES];
	char text[KEY_TEXT_CHARS + 1];

	key_public(public_key, secret);
	key_format(text, public_key);
	printf(format[0] == 'u' ? "ftx://%s@127.0.0.1:7389\n" : "%s\n", text);
}

int
verb_keygen(int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'},
						{NULL, 0, NULL, 0}};
	const char *path = NULL;
	uint8_t *secret;
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1)
		if (c == 'o')
			path = optarg;
		else
			return FTX_EXIT_USAGE;
	if (path == NULL || optind != argc) {
		complain("keygen", "usage: ftxd keygen -o FILE");
		return FTX_EXIT_USAGE;
	}
	if ((secret = key_make("keygen", path)) == NULL)
		return FTX_EXIT_CONFIG;
	print_key(secret, "key");
	key_secret_free(secret);
	return 0;
}

int
verb_key(int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'},
						{"state", required_argument, NULL, 's'},
						{NULL, 0, NULL, 0}};
	const char *key_file = NULL;
	const char *state_given = NULL;
	char *state = NULL;
	char *path = NULL;
	uint8_t *secret = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (c == 'k')
			key_file = optarg;
		else if (c == 's')
			state_given = optarg;
		else
			return FTX_EXIT_USAGE;
	if (optind != argc) {
		complain("key", "usage: ftxd key [--key FILE] [--state DIR]");
		return FTX_EXIT_USAGE;
	}
	state = state_given != NULL ? strdup(state_given) : default_state_directory();
	path = key_file != NULL ? strdup(key_file)
	       : state != NULL	? path_join(state, "server-key")
				: NULL;
	if (path == NULL)
		complain("key", "HOME is not set: give --key FILE");
	else
		secret = key_load("key", path, 0, NULL);
	if (secret != NULL) {
		print_key(secret, "key");
		print_key(secret, "url");
	}
	key_secret_free(secret);
	free(path);
	free(state);
	return secret != NULL ? 0 : FTX_EXIT_CONFIG;
}
