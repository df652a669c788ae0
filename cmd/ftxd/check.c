/*
 * ftxd check: is the configuration right?  What is wrong is told with file and line.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/ftxd/keys.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/secure/keyfile.h"
#include "src/server/share.h"

#define USAGE "ftxd check [-c FILE]"

/* Not wrong, since ftxd starts all the same, but not meant either. */
static void
check_shares(const struct policy *policy)
{
	for (size_t i = 0; i < policy->share_count; i++) {
		const struct share_place *share = &policy->shares[i];
		const char *why;
		int dir;

		if (share_open(share->path, &share->rules, &dir, &why) == 0)
			close(dir);
		else
			complain("check", "warning: share %s is offline: '%s': %s", share->name,
				 share->path, why);
	}
}

/* A key file that is named must be usable; the other one is made at the first start. */
static int
check_key(const struct server_config *server)
{
	uint8_t *secret;

	if (server->key_file == NULL)
		return 0;
	if ((secret = settings_key("check", server, false)) == NULL)
		return FTX_EXIT_CONFIG;
	key_secret_free(secret);
	return 0;
}

int
verb_check(int argc, char **argv)
{
	struct config *config;
	const struct policy *policy;
	const char *file;
	int code = settings_options("check", USAGE, argc, argv, &file);

	if (code != 0)
		return code;
	if (optind != argc) {
		complain("check", "there is nothing more to say\nusage: " USAGE);
		return FTX_EXIT_USAGE;
	}
	if ((code = settings_load("check", file, &config)) != 0)
		return code;
	policy = config_policy(config);
	if ((code = check_key(config_server(config))) == 0) {
		check_shares(policy);
		printf("%s: good: shares=%zu clients=%zu\n", file, policy->share_count,
		       policy->client_count);
	}
	config_free(config);
	return code;
}
