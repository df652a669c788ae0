/*
 * keygen, key, and where identities are.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ftx/output.h"
#include "cmd/ftx/settings.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/config.h"
#include "src/secure/keyfile.h"

static int
key_problem(struct problem *why, int r, const char *path, const char *reason)
{
	char shown[512], place[PATH_MAX];
	struct problem ignored;

	display_escape(shown, sizeof(shown), path, strlen(path));
	if (r == FTX_E_NOT_FOUND) {
		bool usual = config_place(place, sizeof(place), "id", &ignored) == 0 &&
			     strcmp(place, path) == 0;

		problem_set(why, FTX_E_KEY_FILE, SIDE_LOCAL, "there is no key file '%s'", shown);
		problem_hint(why, "run ftx keygen%s", usual ? "" : " -o FILE");
		return FTX_E_KEY_FILE;
	}
	if (r == FTX_E_NOMEM)
		return problem_set(why, r, SIDE_LOCAL, NULL);
	return problem_set(why, FTX_E_KEY_FILE, SIDE_LOCAL, "key file '%s': %s", shown,
			   reason != NULL ? reason : error_text(r));
}

/* The machine's own key counts where the user has none: FTX_E_NOT_FOUND if there is none either. */
static int
read_any(const struct options *o, char *place, size_t capacity, uint8_t **secret,
	 struct problem *why)
{
	const char *reason = NULL;
	int r;

	if (o->identity != NULL && strlen(o->identity) < capacity)
		strcpy(place, o->identity);
	else if (o->identity != NULL)
		return problem_set(why, FTX_E_KEY_FILE, SIDE_LOCAL,
				   "the path of the key file is too long");
	else if ((r = config_place(place, capacity, "id", why)) != 0)
		return r;
	r = keyfile_read(place, secret, &reason);
	if (r != FTX_E_NOT_FOUND)
		return r == 0 ? 0 : key_problem(why, r, place, reason);
	if (o->identity != NULL)
		return r;
	r = keyfile_read(SYSTEM_IDENTITY, secret, &reason);
	return r == 0 ? 0 : FTX_E_NOT_FOUND;
}

int
identity_make(const struct options *o, uint8_t **secret, bool *made, struct problem *why)
{
	char place[PATH_MAX];
	int r = read_any(o, place, sizeof(place), secret, why);

	*made = r == FTX_E_NOT_FOUND;
	if (!*made)
		return r;
	if ((*secret = key_generate()) == NULL)
		return problem_nomem(why);
	if ((r = keyfile_create(place, *secret)) == 0)
		return 0;
	key_secret_free(*secret);
	*secret = NULL;
	*made = false;
	if (r == FTX_E_EXISTS)
		return read_any(o, place, sizeof(place), secret, why); /* somebody was faster */
	return key_problem(why, r, place, NULL);
}

char *
identity_path(const struct options *o, struct problem *why)
{
	char *path;

	problem_clear(why);
	if (o->identity == NULL)
		return NULL;
	path = realpath(o->identity, NULL);
	if (path == NULL)
		key_problem(why, error_from_errno(errno), o->identity, strerror(errno));
	return path;
}

int
identity_load(const struct options *o, const char *host, uint8_t **secret, struct problem *why)
{
	char place[4096];
	const char *path = o->identity != NULL ? o->identity : host;
	const char *reason = NULL;
	int r;

	if (path == NULL) {
		r = config_place(place, sizeof(place), "id", why);
		if (r != 0)
			return r;
		path = place;
	}
	r = keyfile_read(path, secret, &reason);
	if (r == FTX_E_NOT_FOUND && path == place) {
		/* A machine's own key, for what runs without a home. */
		int system_r = keyfile_read(SYSTEM_IDENTITY, secret, &reason);

		if (system_r == 0)
			return 0;
		if (system_r != FTX_E_NOT_FOUND && geteuid() == 0)
			return key_problem(why, system_r, SYSTEM_IDENTITY, reason);
	}
	return r == 0 ? 0 : key_problem(why, r, path, reason);
}

static int
print_public(const struct options *o, const uint8_t *secret)
{
	uint8_t public_key[KEY_BYTES];
	char text[KEY_TEXT_CHARS + 1];

	key_public(public_key, secret);
	key_format(text, public_key);
	puts(text);
	return output_end(o->verb_name);
}

int
complain(const struct options *o, const struct problem *why)
{
	fprintf(stderr, "ftx: %s: %s", o->verb_name, why->text);
	if (why->hint[0] != '\0')
		fprintf(stderr, " (%s)", why->hint);
	fputs("\n", stderr);
	return error_exit(why->error);
}

int
verb_key(const struct options *o)
{
	const struct config *config;
	struct problem why;
	uint8_t *secret;
	int code;

	if (settings_config(o, &config, &why) != 0 || identity_load(o, NULL, &secret, &why) != 0)
		return complain(o, &why);
	code = print_public(o, secret);
	key_secret_free(secret);
	return code;
}

int
verb_keygen(const struct options *o)
{
	char place[4096], shown[512];
	const char *path = o->output;
	const struct config *config;
	struct problem why;
	uint8_t *secret;
	int code, r;

	/* Where the key is looked for, it is made. */
	if (path == NULL && settings_config(o, &config, &why) != 0)
		return complain(o, &why);
	if (path == NULL)
		path = o->identity;
	if (path == NULL) {
		if (config_place(place, sizeof(place), "id", &why) != 0)
			return complain(o, &why);
		path = place;
	}
	secret = key_generate();
	if (secret == NULL) {
		problem_nomem(&why);
		return complain(o, &why);
	}
	r = keyfile_create(path, secret);
	display_escape(shown, sizeof(shown), path, strlen(path));
	if (r != 0) {
		problem_set(&why, r, SIDE_LOCAL, "'%s': %s", shown, error_text(r));
		if (r == FTX_E_EXISTS)
			problem_hint(&why,
				     "it is never overwritten; ftx key prints its public key");
		code = complain(o, &why);
	} else {
		code = print_public(o, secret);
	}
	key_secret_free(secret);
	return code;
}
