/*
 * ftxd client: the clients of a configuration, and the files clients.d/NAME.conf.
 */
#include <assert.h>
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
#include "proto/limits.h"
#include "src/secure/keyfile.h"
#include "src/server/rights.h"

#define USAGE                                                                                      \
	"ftxd client ls | add NAME KEY --share SHARE[:/SUBTREE]=RIGHTS... | disable NAME | "       \
	"enable NAME | rm NAME  [-c FILE]"

struct request {
	const char *file;
	const char *words[3]; /* what to do, NAME, KEY */
	int word_count;
	const char *shares[LIMIT_SHARES];
	size_t share_count;
};

static int
usage(const char *why)
{
	complain("client", "%s\nusage: " USAGE, why);
	return FTX_EXIT_USAGE;
}

/* Not by getopt(): a public key may begin with '-', and is no option then. */
static int
parse(struct request *q, int argc, char **argv)
{
	uint8_t key[KEY_BYTES];

	for (int i = 1; i < argc; i++) {
		const char *value;

		if ((value = option_value(argc, argv, &i, "--config")) != NULL ||
		    (value = option_value(argc, argv, &i, "-c")) != NULL) {
			q->file = value;
		} else if ((value = option_value(argc, argv, &i, "--share")) != NULL) {
			if (q->share_count == LIMIT_SHARES)
				return usage("too many shares");
			q->shares[q->share_count++] = value;
		} else if (argv[i][0] == '-' && key_parse(key, argv[i]) != 0) {
			return usage("unknown option");
		} else if (q->word_count == 3) {
			return usage("too many arguments");
		} else {
			q->words[q->word_count++] = argv[i];
		}
	}
	return q->file[0] != '\0' ? 0 : usage("an option's value is missing");
}

static const char *
state_of(const struct client_policy *client)
{
	if (client->disabled)
		return "disabled";
	if (client->key_count == 0)
		return "invited";
	return client->expires_s != 0 && time(NULL) >= client->expires_s ? "expired" : "enabled";
}

static int
list(const struct request *q)
{
	struct config *config;
	const struct policy *policy;
	int code = settings_load("client", q->file, &config);

	if (code != 0)
		return code;
	policy = config_policy(config);
	for (size_t i = 0; i < policy->client_count; i++) {
		const struct client_policy *client = &policy->clients[i];

		printf("%s %s", client->name, state_of(client));
		for (size_t n = 0; n < client->grant_count; n++) {
			const struct grant *grant = &client->grants[n];
			char rights[RIGHTS_TEXT_BYTES];

			printf(" %s%s%s=%s", grant->share, grant->subtree[0] != '\0' ? ":/" : "",
			       grant->subtree, rights_format(rights, grant->rights));
		}
		putchar('\n');
	}
	config_free(config);
	return 0;
}

/* What the new client is to be told.  It is there even if this cannot be said. */
static void
print_addresses(const struct request *q)
{
	char place[SETTINGS_PLACE_BYTES];
	char key[KEY_TEXT_CHARS + 1];
	uint8_t public_key[KEY_BYTES];
	struct config *config;
	const struct client_policy *client;

	if (settings_load("client", q->file, &config) != 0)
		return;
	client = policy_of_name(config_policy(config), q->words[1]);
	if (client != NULL &&
	    settings_public_key("client", config_server(config), 0, public_key) == 0) {
		settings_place(place, config_server(config), NULL);
		key_format(key, public_key);
		for (size_t i = 0; i < client->grant_count; i++)
			printf("ftx://%s@%s/%s/\n", key, place, client->grants[i].share);
	}
	config_free(config);
}

static int
add(const struct request *q, struct client_file *f)
{
	uint8_t key[KEY_BYTES];
	char *text = NULL;
	int code;

	if (key_parse(key, q->words[2]) != 0)
		return usage("KEY is no public key: 43 characters, as \"ftx key\" prints them");
	code = client_text("client", q->words[1], q->words[2], q->shares, q->share_count, &text);
	if (code == 0)
		code = client_file_add(f, text);
	free(text);
	if (code == 0)
		print_addresses(q);
	return code;
}

static int
disable(const struct request *q, struct client_file *f)
{
	(void)q;
	return client_file_enable(f, false);
}

static int
enable(const struct request *q, struct client_file *f)
{
	(void)q;
	return client_file_enable(f, true);
}

/* Also what an invite has brought it, or may still bring it. */
static int
erase(const struct request *q, struct client_file *f)
{
	int code = client_file_remove(f);

	return code != 0 ? code : invited_forget("client", q->file, q->words[1]);
}

static const struct {
	const char *name;
	int words;
	int (*run)(const struct request *q, struct client_file *f);
	const char *done;
} changes[] = {
    {"add", 3, add, "added"},
    {"disable", 2, disable, "disabled"},
    {"enable", 2, enable, "enabled"},
    {"rm", 2, erase, "removed"},
};

static int
change(const struct request *q, size_t which)
{
	struct client_file f;
	bool adding = changes[which].run == add;
	int code;

	if (q->word_count != changes[which].words || (q->share_count > 0) != adding)
		return usage(adding ? "NAME, KEY and --share are needed" : "NAME alone is needed");
	assert(q->words[1] != NULL); /* every change has a NAME */
	if (!ini_name_ok(q->words[1], strlen(q->words[1])))
		return usage("a NAME has up to 40 letters, digits and ._- and begins with a letter "
			     "or digit");
	if ((code = client_file_open(&f, "client", q->file, q->words[1], adding)) == 0)
		code = changes[which].run(q, &f);
	client_file_close(&f);
	if (code == 0)
		fprintf(stderr, "client %s is %s; that counts when ftxd reads it (SIGHUP)\n",
			q->words[1], changes[which].done);
	return code;
}

int
verb_client(int argc, char **argv)
{
	struct request q = {.file = CONFIG_FILE};
	int code = parse(&q, argc, argv);

	if (code != 0)
		return code;
	if (q.word_count == 0)
		return usage("what is to be done?");
	if (strcmp(q.words[0], "ls") == 0)
		return q.word_count == 1 && q.share_count == 0 ? list(&q)
							       : usage("ls needs nothing more");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (strcmp(changes[i].name, q.words[0]) == 0)
			return change(&q, i);
	return usage("that is none of ls, add, disable, enable and rm");
}
