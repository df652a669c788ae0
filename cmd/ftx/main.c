#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ftx/verbs.h"
#include "proto/errors.h"

static const char help[] =
    "ftx moves files to and from an ftxd server: encrypted, verified, resumable.\n"
    "\n"
    "  ftx put SRC... ftx://KEY@HOST[:PORT]/SHARE/PATH   upload files\n"
    "  ftx get ftx://KEY@HOST[:PORT]/SHARE/PATH... DEST  download files\n"
    "  ftx keygen [-o FILE]     make a key and print its public half\n"
    "  ftx key [-i FILE]        print it again\n"
    "\n"
    "KEY is the server's key: \"ftxd key\" there prints it.  A file goes into PATH\n"
    "or DEST under its own name if that ends in / or is a directory.\n"
    "\n"
    "  -n, --dry-run            ask the server, print the plan, change nothing\n"
    "  -T                       PATH or DEST is the file's new name, not a directory\n"
    "  -v, -q                   say more, say nothing but errors\n"
    "      --json               one JSON object a line, for scripts\n"
    "      --compress MODE      auto (default, also -z), none, zlib[:1..9], zstd[:1..19]\n"
    "      --bwlimit RATE       at most so many bytes a second: 500K, 20M\n"
    "  -i, --identity FILE      this key instead of ~/.config/ftx/id\n"
    "      --port N, -4, -6     port (7389), only IPv4, only IPv6\n"
    "      --retry-for TIME     how long to try to connect (10m; 0: once)\n"
    "      --timeout TIME       silence that counts as lost (60s)\n"
    "  -V, --version, --help\n"
    "\n"
    "  ftx put film.mkv ftx://KEY@nas/media/films/       interrupted?  Run it again:\n"
    "                                                    it goes on where it was.\n"
    "  ftx get ftx://KEY@nas/media/films/film.mkv .\n"
    "  ftx put -n *.iso ftx://KEY@nas/media/isos/        what would happen?\n"
    "\n"
    "Exit codes, --json events and more: man ftx\n";

static const struct {
	enum verb verb;
	int (*run)(const struct options *o);
} commands[] = {{VERB_PUT, verb_transfer},
		{VERB_GET, verb_transfer},
		{VERB_KEYGEN, verb_keygen},
		{VERB_KEY, verb_key}};

static int
print(const char *text)
{
	if (fputs(text, stdout) != EOF && fflush(stdout) == 0)
		return FTX_EXIT_OK;
	fprintf(stderr, "ftx: standard output: %s\n", strerror(errno));
	return FTX_EXIT_FAILURE;
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
	struct options options;

	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* EFBIG is an answer like others */
	if (sodium_init() < 0) {
		fputs("ftx: libsodium cannot be initialised\n", stderr);
		return FTX_EXIT_CONFIG;
	}
	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_HELP:
		return print(help);
	case OPTIONS_VERSION:
		return print("ftx " FTX_VERSION "\n");
	case OPTIONS_WRONG:
		return FTX_EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].verb == options.verb)
			return commands[i].run(&options);
	return FTX_EXIT_USAGE;
}
