#include "cmd/ftxd/settings.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/ftxd/keys.h"
#include "cmd/ftxd/paths.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/secure/keyfile.h"

static int
usage_error(const char *verb, const char *usage, const char *why)
{
	complain(verb, "%s\nusage: %s", why, usage);
	return FTX_EXIT_USAGE;
}

/* flag: NULL for verbs without one; *given stays as it is then. */
static int
take_options(const char *verb, const char *usage, int argc, char **argv, const char **file,
	     const char *flag, bool *given)
{
	const struct option options[] = {{"config", required_argument, NULL, 'c'},
					 {flag, no_argument, NULL, 'f'},
					 {NULL, 0, NULL, 0}};
	int c;

	*file = CONFIG_FILE;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:c:", options, NULL)) != -1) {
		if (c == 'c')
			*file = optarg;
		else if (c == 'f')
			*given = true;
		else
			return usage_error(verb, usage,
					   c == ':' ? "an option's value is missing"
						    : "unknown option");
	}
	return 0;
}

int
settings_options(const char *verb, const char *usage, int argc, char **argv, const char **file)
{
	bool none = false;

	return take_options(verb, usage, argc, argv, file, NULL, &none);
}

int
settings_options_and_flag(const char *verb, const char *usage, int argc, char **argv,
			  const char **file, const char *flag, bool *given)
{
	int code;

	*given = false;
	code = take_options(verb, usage, argc, argv, file, flag, given);
	if (code == 0 && optind != argc)
		code = usage_error(verb, usage, "there is nothing more to say");
	return code;
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
settings_control(const struct server_config *server)
{
	return server->control != NULL ? strdup(server->control)
				       : path_join(server->state, CONFIG_CONTROL);
}

size_t
settings_key_count(const struct server_config *server)
{
	return server->key_file_count > 0 ? server->key_file_count : 1;
}

char *
settings_key_file(const struct server_config *server, size_t n)
{
	return server->key_file_count > 0 ? strdup(server->key_files[n])
					  : path_join(server->state, "server-key");
}

/* What root keeps in a directory of somebody else's is of no use to either afterwards. */
static bool
state_is_ours(const char *verb, const char *state)
{
	const struct passwd *user;
	struct stat st;

	if (geteuid() != 0 || stat(state, &st) != 0 || st.st_uid == 0)
		return true;
	user = getpwuid(st.st_uid);
	complain(verb,
		 "the state directory '%s' belongs to %s%s, and root is to leave it alone: "
		 "runuser -u USER -- ftxd, or state = another one",
		 state, user != NULL ? "" : "another user", user != NULL ? user->pw_name : "");
	return false;
}

uint8_t *
settings_key(const char *verb, const struct server_config *server, size_t n, bool make)
{
	char *path;
	uint8_t *secret;

	if (!state_is_ours(verb, server->state))
		return NULL;
	if ((path = settings_key_file(server, n)) == NULL) {
		complain(verb, "%s", error_text(FTX_E_NOMEM));
		return NULL;
	}
	/* A server that makes itself another key because a disk is not there helps nobody. */
	secret = key_load(verb, path, make && server->key_file_count == 0, NULL);
	free(path);
	return secret;
}

/* Whose key it is: root's, unless the directory, or in a directory of root the file, says more. */
static void
find_owner(const char *path, struct stat *owner)
{
	char directory[PATH_MAX];
	struct stat st;

	*owner = (struct stat){0};
	if (directory_of(directory, path) == 0 && stat(directory, &st) == 0)
		*owner = st;
	if (owner->st_uid == 0 && lstat(path, &st) == 0)
		*owner = st;
}

static bool
directory_is_there(const char *path)
{
	char directory[PATH_MAX];

	return directory_of(directory, path) == 0 && access(directory, F_OK) == 0;
}

int
settings_as_owner(const char *verb, const char *path, int (*work)(void *arg), void *arg)
{
	struct stat owner;
	int code = FTX_EXIT_FAILURE;

	find_owner(path, &owner);
	if (geteuid() != 0 || owner.st_uid == 0)
		return work(arg);
	if (setegid(owner.st_gid) != 0 || seteuid(owner.st_uid) != 0)
		complain(verb, "'%s': cannot become its owner: %s", path, strerror(errno));
	else
		code = work(arg);
	if (seteuid(0) != 0 || setegid(0) != 0) {
		complain(verb, "cannot become root again: %s", strerror(errno));
		exit(FTX_EXIT_FAILURE);
	}
	return code;
}

struct load {
	const char *verb, *path;
	bool make;
	uint8_t *secret;
};

static int
load(void *arg)
{
	struct load *l = arg;

	l->secret = key_load(l->verb, l->path, l->make, NULL);
	return l->secret != NULL ? 0 : FTX_EXIT_CONFIG;
}

int
settings_public_key(const char *verb, const struct server_config *server, size_t n,
		    uint8_t public_key[static KEY_BYTES])
{
	struct load l = {.verb = verb, .make = server->key_file_count == 0};
	char *path = settings_key_file(server, n);
	int code = FTX_EXIT_CONFIG;

	l.path = path;
	if (path == NULL)
		complain(verb, "%s", error_text(FTX_E_NOMEM));
	else if (l.make && !directory_is_there(path))
		complain(verb,
			 "there is no key yet, nor the state directory '%s': ftxd makes both when "
			 "it is started",
			 server->state);
	else
		code = settings_as_owner(verb, path, load, &l);
	free(path);
	if (code != 0)
		return FTX_EXIT_CONFIG;
	key_public(public_key, l.secret);
	key_secret_free(l.secret);
	return 0;
}

/* Does it end in a port? */
static bool
has_port(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon != NULL && strchr(colon, ']') == NULL;
}

void
settings_place(char out[static SETTINGS_PLACE_BYTES], const struct server_config *server,
	       const char *told)
{
	const struct listen_address *a = &server->listen[0];
	char host[HOST_NAME_MAX + 3];
	bool v6 = strchr(a->host, ':') != NULL;

	if (told == NULL)
		told = server->public_address;
	snprintf(host, sizeof(host), v6 ? "[%s]" : "%s", a->host);
	if (listen_is_any(a) && gethostname(host, sizeof(host)) != 0)
		strcpy(host, "localhost");
	if (told != NULL && has_port(told))
		snprintf(out, SETTINGS_PLACE_BYTES, "%s", told);
	else
		snprintf(out, SETTINGS_PLACE_BYTES, "%s:%u", told != NULL ? told : host, a->port);
}
