#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sodium.h>
#include <unistd.h>

#include "cmd/ftx/help.h"
#include "cmd/ftx/settings.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"

static int
run(const struct options *o)
{
	if ((o->verb & VERBS_TRANSFER) != 0)
		return verb_transfer(o);
	if ((o->verb & VERBS_REMOTE) != 0)
		return verb_remote(o);
	if (o->verb == VERB_HOST)
		return verb_host(o);
	if (o->verb == VERB_JOIN)
		return verb_join(o);
	if (o->verb == VERB_CONFIG)
		return verb_config(o);
	return o->verb == VERB_KEYGEN ? verb_keygen(o) : verb_key(o);
}

/* A closed standard descriptor would be given to a socket, and texts be written there. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int
main(int argc, char **argv)
{
	static struct options options;
	int code = FTX_EXIT_USAGE;

	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* EFBIG is an answer like others */
	if (sodium_init() < 0) {
		fputs("ftx: libsodium cannot be initialised\n", stderr);
		return FTX_EXIT_CONFIG;
	}
	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_RUN:
		settings_take(&options);
		/* What a thread that hangs may still use is not released. */
		return run(&options);
	case OPTIONS_HELP:
		code = help_print(options.verb, options.topic);
		break;
	case OPTIONS_VERSION:
		code = help_version();
		break;
	case OPTIONS_WRONG:
		break;
	}
	options_release(&options);
	return code;
}
