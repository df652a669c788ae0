/*
 * ftxd check: is the configuration right?  What is wrong is told with file and line.  With --unit
 * also: what does it need of the unit?
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd/ftxd/keys.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/unit.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/secure/keyfile.h"
#include "src/server/share.h"

#define USAGE "ftxd check [--unit] [-c FILE]"

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

/* Key files that are named must be usable; another one is made at the first start. */
static int
check_key(const struct server_config *server)
{
	uint8_t public_key[KEY_BYTES];
	int code = 0;

	for (size_t i = 0; i < server->key_file_count && code == 0; i++)
		code = settings_public_key("check", server, i, public_key);
	return code;
}

int
verb_check(int argc, char **argv)
{
	struct config *config;
	const struct policy *policy;
	const char *file;
	bool unit;
	int code = settings_options_and_flag("check", USAGE, argc, argv, &file, "unit", &unit);

	if (code != 0 || (code = settings_load("check", file, &config)) != 0)
		return code;
	policy = config_policy(config);
	if ((code = check_key(config_server(config))) == 0 && unit) {
		unit_print(config, file);
	} else if (code == 0) {
		check_shares(policy);
		printf("%s: good: shares=%zu clients=%zu\n", file, policy->share_count,
		       policy->client_count);
	}
	config_free(config);
	return code;
}
