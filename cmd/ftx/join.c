/*
 * join: an invite becomes a key that the server knows, and a name for the server here.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/ftx/option_values.h"
#include "cmd/ftx/signals.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/ini.h"
#include "src/base/io.h"
#include "src/client/config.h"
#include "src/client/config_edit.h"
#include "src/client/connect.h"
#include "src/secure/invite.h"

struct join {
	const struct options *options;
	struct invite_code code;
	char host[ADDRESS_HOST_BYTES];
	uint16_t port;
	char alias[INI_NAME_BYTES + 1];
	bool known; /* a section says the same already */
	struct problem why;
};

/* The last word of what "ftxd invite" has printed, on the terminal or through a pipe. */
static int
read_code(char *out, size_t capacity, struct problem *why)
{
	char text[4096];
	size_t length = 0, start;
	int r = 0;

	if (isatty(STDIN_FILENO)) {
		fputs("code: ", stderr);
		if (fgets(text, sizeof(text), stdin) != NULL)
			length = strlen(text);
	} else {
		r = read_full(STDIN_FILENO, text, sizeof(text) - 1, &length);
	}
	if (r != 0)
		return problem_local(why, r, errno);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	start = length;
	while (start > 0 && !isspace((unsigned char)text[start - 1]))
		start--;
	if (length == start)
		return problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
				   "there is no code: ftx join CODE, or CODE on standard input");
	snprintf(out, capacity, "%.*s", (int)(length - start), text + start);
	explicit_bzero(text, sizeof(text));
	return 0;
}

static int
take_code(struct join *j)
{
	const struct options *o = j->options;
	char typed[4096] = "";
	const char *text = o->argument_count > 0 ? o->arguments[0] : typed;
	const char *reason;
	int r = 0;

	if (o->argument_count == 0)
		r = read_code(typed, sizeof(typed), &j->why);
	if (r == 0 && invite_parse(&j->code, text, &reason) != 0)
		r = problem_set(&j->why, FTX_E_USAGE, SIDE_LOCAL, "%s", reason);
	explicit_bzero(typed, sizeof(typed));
	/* Everybody here can read arguments for as long as we run, which may be minutes. */
	if (o->argument_count > 0)
		explicit_bzero(o->arguments[0], strlen(o->arguments[0]));
	if (r != 0)
		return r;
	if (address_split(j->host, &j->port, j->code.place) && j->port != 0)
		return 0;
	return problem_set(&j->why, FTX_E_USAGE, SIDE_LOCAL, "the code has no address in it");
}

/* --as, or what stands before the first dot of a name; a number is one as a whole. */
static int
choose_alias(struct join *j)
{
	const char *given = j->options->alias;
	const char *name = given != NULL ? given : j->host;
	size_t length = strlen(name);

	if (given == NULL && j->host[strspn(j->host, "0123456789.")] != '\0')
		length = strcspn(name, ".");
	if (!ini_name_ok(name, length))
		return problem_set(&j->why, FTX_E_USAGE, SIDE_LOCAL,
				   given != NULL
				       ? "--as: a NAME has up to 40 letters, digits and ._- and "
					 "begins with a letter or a digit"
				       : "the server's address is no name: --as NAME gives it one");
	memcpy(j->alias, name, length);
	j->alias[length] = '\0';
	return 0;
}

/* Do both names lead to one file? */
static bool
same_file(const char *a, const char *b)
{
	struct stat one, other;

	return strcmp(a, b) == 0 || (stat(a, &one) == 0 && stat(b, &other) == 0 &&
				     one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

/* Is it the server of the code, which may have got a second key since? */
static bool
same_server(const struct join *j, const struct config_host *h)
{
	uint16_t port = h->port != 0 ? h->port : ADDRESS_DEFAULT_PORT;
	bool has_key = false;

	for (unsigned i = 0; i < h->key_count; i++)
		has_key |= memcmp(h->keys[i], j->code.server_key, KEY_BYTES) == 0;
	return has_key && port == j->port && strcmp(h->address, j->host) == 0;
}

/*
 * Does a section of this name say the same already?  One that says something else is in the way: of
 * another server, or with another identity, by which the server knows somebody else.
 */
static int
check_section(struct join *j, const struct config_host *h)
{
	const char *given = j->options->identity;
	char place[PATH_MAX];
	int r = config_place(place, sizeof(place), "id", &j->why);
	bool server = same_server(j, h);

	if (r != 0)
		return r;
	j->known = server && same_file(h->identity != NULL ? h->identity : place,
				       given != NULL ? given : place);
	if (j->known)
		return 0;
	return problem_set(&j->why, FTX_E_USAGE, SIDE_LOCAL,
			   "[host %s] is in %s already, %s: --as NAME gives this one another name",
			   j->alias, option_shown(h->file),
			   server ? "with another identity" : "for another server or key");
}

static int
check_alias(struct join *j)
{
	struct config *config;
	const struct config_host *h;
	int r = config_load(&config, &j->why);

	if (r != 0)
		return r;
	if ((h = config_host(config, j->alias)) != NULL)
		r = check_section(j, h);
	config_free(config);
	return r;
}

static void
on_retry(void *arg, const struct problem *p, uint64_t delay_ms)
{
	const struct join *j = arg;

	if (!j->options->quiet)
		fprintf(stderr, "ftx: join: %s; trying again in %.1f s\n", p->text,
			(double)delay_ms / 1000);
}

static int
prove(struct join *j, const uint8_t *identity, char client[static CLIENT_NAME_BYTES])
{
	const struct transfer_request *t = &j->options->transfer;
	static struct cancel cancel = {.fd = -1};
	struct handshake_invite invite;
	struct connect_options o = {
	    .host = j->host,
	    .port = j->port,
	    .family = t->family,
	    .server_key = j->code.server_key,
	    .identity = identity,
	    .invite = &invite,
	    .retry_for_ms = t->retry_for_ms,
	    .connection = {.cancel = &cancel, .timeout_ms = t->timeout_ms},
	    .on_retry = on_retry,
	    .arg = j,
	};
	int r = cancel_init(&cancel);

	if (r == 0)
		r = signals_catch(&cancel);
	if (r != 0)
		return problem_local(&j->why, r, errno);
	invite_handshake(&invite, &j->code);
	r = connect_join(client, &o, &j->why);
	explicit_bzero(&invite, sizeof(invite));
	if (r == FTX_E_NETWORK && j->why.hint[0] == '\0')
		problem_hint(&j->why,
			     "the code says that the server is at %s; \"ftxd invite NAME --address "
			     "HOST:PORT\" there makes one that says something else",
			     j->code.place);
	return r;
}

/* The server's section, unless it is there. */
static int
name_server(struct join *j)
{
	char place[PATH_MAX], address[ADDRESS_SERVER_BYTES];
	struct host_lines host = {
	    .name = j->alias, .address = address, .server_key = j->code.server_key};
	char *identity;
	int r;

	if (j->known)
		return 0;
	address_format_server(address, j->host, j->port);
	host.identity = identity = identity_path(j->options, &j->why);
	r = j->why.error;
	if (r == 0 && (r = config_place(place, sizeof(place), "config", &j->why)) == 0)
		r = config_add_host(place, &host, &j->why);
	free(identity);
	if (r != 0)
		problem_hint(&j->why, "the server has entered the key; the same command again does "
				      "the rest");
	return r;
}

static int
join(struct join *j)
{
	char client[CLIENT_NAME_BYTES];
	uint8_t *secret;
	bool made;
	int r;

	if ((r = take_code(j)) != 0 || (r = choose_alias(j)) != 0 || (r = check_alias(j)) != 0 ||
	    (r = identity_make(j->options, &secret, &made, &j->why)) != 0)
		return r;
	if (made && !j->options->quiet)
		fputs("ftx: join: a key was made\n", stderr);
	r = prove(j, secret, client);
	key_secret_free(secret);
	if (r == 0)
		r = name_server(j);
	if (r == 0 && !j->options->quiet)
		fprintf(stderr, "ftx: join: %s knows this key as %s; ftx ls %s: shows the shares\n",
			j->alias, client, j->alias);
	return r;
}

int
verb_join(const struct options *o)
{
	struct join j = {.options = o};
	int r = join(&j);

	explicit_bzero(&j.code, sizeof(j.code));
	if (signals_caught() != 0)
		signals_die(signals_caught());
	return r == 0 ? FTX_EXIT_OK : complain(o, &j.why);
}
