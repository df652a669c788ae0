/*
 * ftxd invite: a client whose key is not known yet, and a code that brings it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/ftxd/client_file.h"
#include "cmd/ftxd/invited.h"
#include "cmd/ftxd/options.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/units.h"
#include "src/secure/invite.h"
#include "src/server/rights.h"

#define USAGE                                                                                      \
	"ftxd invite NAME [--share SHARE[:/SUBTREE]=RIGHTS]... [--address HOST[:PORT]] "           \
	"[--ttl DURATION] [-c FILE]"
#define TTL_MS	     (UINT64_C(10) * 60 * 1000)
#define TTL_LEAST_MS UINT64_C(1000)
#define TTL_MOST_MS  (UINT64_C(30) * 24 * 3600 * 1000)

struct request {
	const char *file;
	const char *name;
	const char *address; /* NULL: as the configuration has it */
	uint64_t ttl_ms;
	const char *shares[LIMIT_SHARES];
	size_t share_count;
};

static int
usage(const char *why)
{
	complain("invite", "%s\nusage: " USAGE, why);
	return FTX_EXIT_USAGE;
}

static int
take_option(struct request *q, int argc, char **argv, int *i)
{
	const char *value;

	if ((value = option_value(argc, argv, i, "--config")) != NULL ||
	    (value = option_value(argc, argv, i, "-c")) != NULL) {
		q->file = value;
		return value[0] != '\0' ? 0 : usage("an option's value is missing");
	}
	if ((value = option_value(argc, argv, i, "--share")) != NULL) {
		if (q->share_count == LIMIT_SHARES)
			return usage("too many shares");
		q->shares[q->share_count++] = value;
		return 0;
	}
	if ((value = option_value(argc, argv, i, "--address")) != NULL) {
		q->address = value;
		return config_is_place(value)
			   ? 0
			   : usage("--address is HOST, HOST:PORT or [IPV6]:PORT");
	}
	if ((value = option_value(argc, argv, i, "--ttl")) == NULL)
		return usage("unknown option");
	if (duration_parse(&q->ttl_ms, value) != 0 || q->ttl_ms < TTL_LEAST_MS ||
	    q->ttl_ms > TTL_MOST_MS)
		return usage("--ttl is a duration from 1s to 30d, as 10m");
	return 0;
}

static int
parse(struct request *q, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int code = 0;

		if (argv[i][0] == '-')
			code = take_option(q, argc, argv, &i);
		else if (q->name != NULL)
			code = usage("one NAME at a time");
		else
			q->name = argv[i];
		if (code != 0)
			return code;
	}
	if (q->name == NULL)
		return usage("who is invited?");
	if (!ini_name_ok(q->name, strlen(q->name)))
		return usage("a NAME has up to 40 letters, digits and ._- and begins with a letter "
			     "or digit");
	return 0;
}

/* Where the client is to find the server. */
static int
set_place(struct invite_code *code, const struct request *q, const struct server_config *server)
{
	char place[SETTINGS_PLACE_BYTES];
	size_t length;

	settings_place(place, server, q->address);
	length = strlen(place);
	/* A machine may be called whatever it likes. */
	if (q->address == NULL && !config_is_place(place) && listen_is_any(&server->listen[0])) {
		complain("invite",
			 "the name of this machine is none to be found by, '%s': say "
			 "--address HOST:PORT, or public-address",
			 place);
		return FTX_EXIT_CONFIG;
	}
	if (length > INVITE_PLACE_BYTES) {
		complain("invite", "the address '%s' is too long", place);
		return FTX_EXIT_CONFIG;
	}
	if (length > 2 && strcmp(place + length - 2, ":0") == 0) {
		complain("invite", "the port is any free one: say --address HOST:PORT");
		return FTX_EXIT_CONFIG;
	}
	memcpy(code->place, place, length + 1);
	return 0;
}

/* The section of a client that is not there yet. */
static int
add_client(const struct request *q)
{
	struct client_file f;
	char *text;
	int code = client_text("invite", q->name, "invite", q->shares, q->share_count, &text);

	if (code != 0)
		return code;
	if ((code = client_file_open(&f, "invite", q->file, q->name, true)) == 0)
		code = client_file_add(&f, text);
	client_file_close(&f);
	free(text);
	return code;
}

/* May it be invited, as it stands in the configuration now?  0 or the exit code. */
static int
check_client(const struct request *q, const struct config *config, bool *is_new)
{
	const struct client_policy *client = policy_of_name(config_policy(config), q->name);

	*is_new = client == NULL;
	if (*is_new)
		return q->share_count > 0 ? 0 : usage("what may it do?  --share is needed");
	if (!client->invited)
		complain("invite", "[client %s] is in %s already, with a key of its own", q->name,
			 config_client_place(config, q->name));
	else if (q->share_count > 0)
		complain("invite",
			 "[client %s] is in %s already: what it may do is changed there; without "
			 "--share it gets another code",
			 q->name, config_client_place(config, q->name));
	else
		return 0;
	return FTX_EXIT_FAILURE;
}

static int
print_code(const struct invite_code *code, const struct invite *invite)
{
	char text[INVITE_TEXT_BYTES], until[32] = "";
	time_t end = (time_t)invite->expires_s;
	struct tm tm;

	if (gmtime_r(&end, &tm) != NULL)
		strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);
	invite_format(text, code);
	fprintf(stderr, "client %s may join once, until %s, with this on its machine:\n",
		invite->client, until);
	printf("ftx join %s\n", text);
	explicit_bzero(text, sizeof(text));
	if (fflush(stdout) == 0)
		return 0;
	complain("invite", "the code cannot be written");
	return FTX_EXIT_FAILURE;
}

static int
invite_client(const struct request *q, const struct config *config)
{
	const struct server_config *server = config_server(config);
	struct invite_code code = {.place = ""};
	struct invite invite = {.expires_s = time(NULL) + (int64_t)(q->ttl_ms / 1000)};
	bool is_new;
	int exit_code;

	strcpy(invite.client, q->name); /* ini_name_ok() */
	invite_draw(&code);
	invite_handshake(&invite.proof, &code);
	if ((exit_code = check_client(q, config, &is_new)) == 0 &&
	    (exit_code = set_place(&code, q, server)) == 0 &&
	    (exit_code = settings_public_key("invite", server, 0, code.server_key)) == 0 &&
	    (exit_code = invited_prepare("invite", server, q->name, is_new)) == 0 &&
	    (!is_new || (exit_code = add_client(q)) == 0) &&
	    (exit_code = invited_make("invite", server, &invite)) == 0)
		exit_code = print_code(&code, &invite);
	explicit_bzero(&code, sizeof(code));
	invite_wipe(&invite);
	return exit_code;
}

int
verb_invite(int argc, char **argv)
{
	struct request q = {.file = CONFIG_FILE, .ttl_ms = TTL_MS};
	struct config *config;
	int code = parse(&q, argc, argv);

	if (code != 0 || (code = settings_load("invite", q.file, &config)) != 0)
		return code;
	code = invite_client(&q, config);
	config_free(config);
	return code;
}
