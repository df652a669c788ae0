/*
 * ftxd: the server.  A table of verbs; each lives in a file of its own.
 */
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ftxd/again.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/log.h"
#include "src/base/version.h"

static const struct {
	const char *name;
	int (*run)(int, char **);
	const char *help;
} verbs[] = {
    {"run", verb_run, "[run] [-c FILE]"},
    {"check", verb_check, "check [--unit] [-c FILE]"},
    {"client", verb_client,
     "client ls | add NAME KEY --share SPEC... | disable NAME | enable NAME | rm NAME  [-c FILE]"},
    {"status", verb_status, "status [--json] [-c FILE | --control FILE]"},
    {"invite", verb_invite,
     "invite NAME [--share SPEC]... [--address HOST[:PORT]] [--ttl DURATION] [-c FILE]"},
    {"serve", verb_serve,
     "serve DIR [--listen ADDR:PORT]... [--client KEY]... [--key FILE] [--state DIR]\n"
     "                 [--control FILE]"},
    {"keygen", verb_keygen, "keygen -o FILE"},
    {"key", verb_key, "key [-c FILE | [--key FILE] [--state DIR]]"},
};

static void
usage(FILE *out)
{
	fputs("usage:\n", out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  ftxd %s\n", verbs[i].help);
	fputs(
	    "  ftxd --help | --version\n"
	    "\n"
	    "run     serves what FILE says, /etc/ftxd/ftxd.conf unless given (ftxd.conf(5));\n"
	    "        SIGHUP has it read again\n"
	    "check   says what is wrong with FILE; with --unit, prints what its shares need "
	    "beyond\n"
	    "        the installed ftxd.service, for systemctl edit ftxd.service\n"
	    "client  lists the clients of FILE, and makes, changes and removes the files of\n"
	    "        clients.d beside it; SPEC is SHARE[:/SUBTREE]=RIGHTS, RIGHTS words of list,\n"
	    "        get, put, overwrite, delete with commas, or readonly, append, full\n"
	    "status  tells what the daemon of FILE does: sessions, clients, shares; with --json "
	    "an\n"
	    "        object a line; of ftxd serve --control FILE with the same option\n"
	    "invite  makes a new client whose key comes later, and prints a code that is good "
	    "once:\n"
	    "        ftx join CODE on its machine brings the key; without --share, another code "
	    "for\n"
	    "        a client that has not come yet\n"
	    "        --address  where it finds the server (public-address or listen of FILE)\n"
	    "        --ttl      how long the code is good, 10m unless given\n"
	    "serve   serves one directory; prints its address first:\n"
	    "        ftx://SERVERKEY@127.0.0.1:PORT/SHARE\n"
	    "        --listen   127.0.0.1:7389 unless given; port 0 picks a free one\n"
	    "        --client   public key that may use it (ftx key prints it); repeatable;\n"
	    "                   without it your own key, made if missing\n"
	    "        --control  makes a socket for ftxd status --control\n"
	    "keygen  makes a server key in FILE and prints its public key\n"
	    "key     prints the public key and the address of what serve, or with -c run, would\n"
	    "        serve; root is told that of /etc/ftxd/ftxd.conf, if it is there\n"
	    "\n"
	    "See ftxd(8).\n",
	    out);
}

void
complain(const char *verb, const char *format, ...)
{
	va_list ap;

	/* That a service does not start is to be found among the errors in the journal. */
	if (log_is_journal())
		fprintf(stderr, "<%d>", (int)LOG_LEVEL_ERROR);
	fprintf(stderr, "ftxd: %s: ", verb);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : NULL;

	again_remember(argv);
	signal(SIGXFSZ, SIG_IGN); /* EFBIG is an answer like others */
	if (sodium_init() < 0) {
		fputs("ftxd: libsodium could not be initialised\n", stderr);
		return FTX_EXIT_CONFIG;
	}
	if (verb == NULL)
		return verb_run(argc, argv);
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0) {
		printf("ftxd %s\n", version_text);
		return 0;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (verb[0] == '-')
		return verb_run(argc, argv);
	fprintf(stderr, "ftxd: unknown command '%s'; the commands are", verb);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", verbs[i].name);
	fputc('\n', stderr);
	return FTX_EXIT_USAGE;
}
