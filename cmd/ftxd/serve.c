/*
 * ftxd serve: one directory as one share, from the command line alone.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/ftxd/again.h"
#include "cmd/ftxd/keys.h"
#include "cmd/ftxd/paths.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/log.h"
#include "src/secure/keyfile.h"
#include "src/server/control.h"
#include "src/server/listen.h"
#include "src/server/supervisor.h"

#define MAX_CLIENTS 256

struct serve {
	char directory[PATH_MAX];
	const char *listen[SUPERVISOR_MAX_LISTENERS];
	struct listen_address addresses[SUPERVISOR_MAX_LISTENERS];
	size_t listen_count;
	const char *client_keys[MAX_CLIENTS];
	size_t client_count;
	char *key_file;
	char *state;
	const char *control_path; /* NULL: there is no control socket */
	int control;
	struct grant grant;
	struct client_policy clients[MAX_CLIENTS];
};

static int
usage(const char *why)
{
	complain("serve",
		 "%s\nusage: ftxd serve DIR [--listen ADDR:PORT]... [--client KEY]... "
		 "[--key FILE] [--state DIR] [--control FILE]",
		 why);
	return FTX_EXIT_USAGE;
}

static int
parse_options(struct serve *s, int argc, char **argv)
{
	static const struct option options[] = {
	    {"listen", required_argument, NULL, 'l'},  {"client", required_argument, NULL, 'c'},
	    {"key", required_argument, NULL, 'k'},     {"state", required_argument, NULL, 's'},
	    {"control", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (c == 'l' && s->listen_count < SUPERVISOR_MAX_LISTENERS)
			s->listen[s->listen_count++] = optarg;
		else if (c == 'c' && s->client_count < MAX_CLIENTS)
			s->client_keys[s->client_count++] = optarg;
		else if (c == 'k')
			s->key_file = optarg;
		else if (c == 's')
			s->state = optarg;
		else if (c == 'o')
			s->control_path = optarg;
		else if (c == ':')
			return usage("an option's value is missing");
		else
			return usage(c == '?' ? "unknown option" : "too many of one option");
	}
	if (optind != argc - 1)
		return usage(optind == argc ? "which directory?" : "one directory only");
	return 0;
}

static int
parse_addresses(struct serve *s)
{
	if (s->listen_count == 0)
		s->listen[s->listen_count++] = "127.0.0.1:7389";
	for (size_t i = 0; i < s->listen_count; i++) {
		if (listen_parse(&s->addresses[i], s->listen[i]) != 0) {
			complain(
			    "serve",
			    "'%s' is not an address to listen on: ADDR:PORT, as 127.0.0.1:7389 "
			    "or [::1]:7389",
			    s->listen[i]);
			return FTX_EXIT_USAGE;
		}
		if (!listen_is_loopback(&s->addresses[i]) && s->client_count == 0)
			return usage(
			    "on other than loopback, say with --client KEY who may use it");
	}
	return 0;
}

static int
parse_directory(struct serve *s, const char *directory)
{
	struct stat st;

	if (realpath(directory, s->directory) == NULL || stat(s->directory, &st) != 0) {
		complain("serve", "'%s': %s", directory, strerror(errno));
		return FTX_EXIT_CONFIG;
	}
	if (!S_ISDIR(st.st_mode)) {
		complain("serve", "'%s' is not a directory", directory);
		return FTX_EXIT_CONFIG;
	}
	return 0;
}

/* The share is named after the directory; what share names may not hold becomes an underscore. */
static void
name_share(struct serve *s)
{
	const char *last = strrchr(s->directory, '/') + 1;
	char *out = s->grant.share;
	size_t n = 0;

	if (*last == '\0')
		last = "root";
	if (!isalnum((unsigned char)*last))
		out[n++] = 's';
	for (; *last != '\0' && n < LIMIT_SHARE_BYTES; last++) {
		unsigned char c = (unsigned char)*last;

		out[n++] = c < 128 && (isalnum(c) || strchr("._-", c) != NULL) ? (char)c : '_';
	}
	out[n] = '\0';
	s->grant.path = s->directory;
	s->grant.rights = RIGHTS_FULL;
}

static void
add_client(struct serve *s, size_t i, const uint8_t key[static KEY_BYTES])
{
	struct client_policy *c = &s->clients[i];

	snprintf(c->name, sizeof(c->name), "client-%zu", i + 1);
	memcpy(c->keys[0], key, KEY_BYTES);
	c->key_count = 1;
	c->grants = &s->grant;
	c->grant_count = 1;
}

static int
own_client(struct serve *s)
{
	char *path = default_client_key();
	uint8_t public_key[KEY_BYTES];
	uint8_t *secret;
	int made;

	if (path == NULL) {
		complain("serve", "HOME is not set: say with --client KEY who may use it");
		return FTX_EXIT_CONFIG;
	}
	secret = key_load("serve", path, 1, &made);
	if (secret != NULL) {
		if (made)
			complain("serve", "made a client key for you in '%s'", path);
		key_public(public_key, secret);
		add_client(s, 0, public_key);
		s->client_count = 1;
		key_secret_free(secret);
	}
	free(path);
	return secret != NULL ? 0 : FTX_EXIT_CONFIG;
}

static int
setup_clients(struct serve *s)
{
	for (size_t i = 0; i < s->client_count; i++) {
		uint8_t key[KEY_BYTES];

		if (key_parse(key, s->client_keys[i]) != 0) {
			complain("serve",
				 "'%s' is not a public key (43 characters; ftx key prints it)",
				 s->client_keys[i]);
			return FTX_EXIT_USAGE;
		}
		add_client(s, i, key);
	}
	return s->client_count == 0 ? own_client(s) : 0;
}

static int
setup_key(struct serve *s, struct key_holder *holder)
{
	char *state = s->state != NULL ? strdup(s->state) : default_state_directory();
	char *path = s->key_file != NULL ? strdup(s->key_file)
		     : state != NULL	 ? path_join(state, "server-key")
					 : NULL;
	uint8_t *secret = NULL;

	if (path == NULL)
		complain("serve", "HOME is not set: give --key FILE or --state DIR");
	else
		secret = key_load("serve", path, 1, NULL);
	free(path);
	free(state);
	if (secret == NULL)
		return FTX_EXIT_CONFIG;
	if (key_holder_init(holder, secret) != 0) {
		complain("serve", "this kernel does not keep the key from child processes");
		return FTX_EXIT_CONFIG;
	}
	return 0;
}

/* Those that the process had whose place this one has taken: at the same address, whatever port. */
static int
take_listeners(struct serve *s, int *fds)
{
	const char *why = "they are not those of this command";
	size_t count;

	if (service_sockets(fds, SUPERVISOR_MAX_LISTENERS, &count, &why) == 0 &&
	    count == s->listen_count)
		return 0;
	complain("serve", "listening sockets were passed and cannot be used: %s", why);
	return FTX_EXIT_FAILURE;
}

static int
setup_listeners(struct serve *s, int *fds)
{
	if (again_is())
		return take_listeners(s, fds);
	for (size_t i = 0; i < s->listen_count; i++) {
		int r = listen_open(&s->addresses[i], &fds[i]);

		if (r == 0)
			continue;
		complain("serve", "cannot listen on %s: %s", s->listen[i],
			 r == FTX_E_BUSY ? "the port is taken" : error_text(r));
		return FTX_EXIT_FAILURE;
	}
	return 0;
}

static int
setup_control(struct serve *s)
{
	int pid;
	int r;

	if (s->control_path == NULL || (r = control_open(s->control_path, &s->control, &pid)) == 0)
		return 0;
	complain("serve", "'%s': cannot make the control socket: %s", s->control_path,
		 control_problem(r, pid));
	return FTX_EXIT_FAILURE;
}

static void
print_address(const struct serve *s, const struct listen_address *a,
	      const uint8_t public_key[static KEY_BYTES])
{
	char host[HOST_NAME_MAX + 1];
	char key[KEY_TEXT_CHARS + 1];
	bool v6 = strchr(a->host, ':') != NULL && !listen_is_any(a);

	memcpy(host, a->host, sizeof(a->host));
	if (listen_is_any(a) && gethostname(host, sizeof(host)) != 0)
		strcpy(host, "localhost");
	key_format(key, public_key);
	printf("ftx://%s@%s%s%s:%u/%s\n", key, v6 ? "[" : "", host, v6 ? "]" : "", a->port,
	       s->grant.share);
}

static bool
may_restart(void *arg)
{
	(void)arg;
	return true; /* the command line is what it was */
}

static int
serve(struct serve *s)
{
	int fds[SUPERVISOR_MAX_LISTENERS];
	struct key_holder holder = {0};
	struct policy policy = {.clients = s->clients};
	struct supervisor_options options = {
	    .listeners = fds,
	    .settings.policy = &policy,
	    .key = &holder,
	    .may_restart = may_restart,
	};
	int code;
	int r;

	if ((code = setup_clients(s)) != 0 || (code = setup_listeners(s, fds)) != 0 ||
	    (code = setup_key(s, &holder)) != 0 || (code = setup_control(s)) != 0)
		return code;
	if (s->control_path != NULL)
		options.control = &s->control;
	policy.client_count = s->client_count;
	options.listener_count = s->listen_count;
	for (size_t i = 0; i < s->listen_count && !again_is(); i++)
		print_address(s, &s->addresses[i], holder.public_key);
	if (fflush(stdout) != 0) {
		complain("serve", "cannot write the address: %s", strerror(errno));
		return FTX_EXIT_FAILURE;
	}
	r = supervisor_run(&options);
	if (s->control_path != NULL)
		(void)unlink(s->control_path); /* one that stays is no harm: nobody serves it */
	key_holder_release(&holder);
	if (r == SUPERVISOR_RESTART) {
		again_execute(fds, s->listen_count);
		complain("serve", "cannot be executed anew: %s", strerror(errno));
	} else if (r != 0) {
		complain("serve", "%s", error_text(r));
	}
	return r != 0 ? FTX_EXIT_FAILURE : 0;
}

int
verb_serve(int argc, char **argv)
{
	static struct serve s;
	int code;

	log_setup(LOG_LEVEL_INFO, log_is_journal());
	/* The supervisor's memory holds the server's secret key. */
	prctl(PR_SET_DUMPABLE, 0);
	if ((code = parse_options(&s, argc, argv)) != 0 || (code = parse_addresses(&s)) != 0 ||
	    (code = parse_directory(&s, argv[optind])) != 0)
		return code;
	name_share(&s);
	return serve(&s);
}
