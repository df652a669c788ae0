#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sodium.h>
#include <unistd.h>

#include "cmd/ftx/help.h"
#include "cmd/ftx/settings.h"
#include "cmd/ftx/signals.h"
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

/*
 * A closed standard descriptor would be given to a socket, and texts be written there.  What is to
 * be read from a closed input, or written to a closed output, is an error all the same.
 */
static void
fill_standard_descriptors(void)
{
	static const int modes[] = {
	    [STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_RDWR};

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", modes[fd] | O_CLOEXEC);
}

int
main(int argc, char **argv)
{
	static struct options options;
	int code = FTX_EXIT_USAGE;

	fill_standard_descriptors();
	signals_begin();
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
