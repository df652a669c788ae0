#include "cmd/ftx/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ftx/option_table.h"
#include "proto/errors.h"
#include "src/base/version.h"

static const char overview[] =
    "ftx moves files to and from an ftxd server: encrypted, verified, resumable.\n"
    "\n"
    "  ftx put SOURCE... REMOTE    upload files and directories; - is standard input\n"
    "  ftx get REMOTE... DEST      download them; - is standard output\n"
    "  ftx ls [-lR] REMOTE...      list; HOST: alone lists the shares\n"
    "  ftx stat REMOTE...          all about an entry        ftx df REMOTE...     space\n"
    "  ftx mkdir [-p] REMOTE...    make directories          ftx mv REMOTE... TO  rename\n"
    "  ftx rm [-rn] REMOTE...      remove                    ftx ln [-s] TARGET REMOTE\n"
    "  ftx verify LOCAL REMOTE     compare content          ftx digest FILE...   print it\n"
    "  ftx join CODE               use an invite: key, server and name in one step\n"
    "  ftx keygen, ftx key         make a key; print its public half\n"
    "  ftx host add|ls|rm          name servers: ftx host add nas ftx://KEY@HOST\n"
    "  ftx help COMMAND            the options of a command\n"
    "\n"
    "REMOTE is HOST:SHARE/PATH or ftx://KEY@HOST[:PORT]/SHARE/PATH; KEY is the server's\n"
    "key: \"ftxd key\" there prints it.  A directory arrives as DEST/NAME, a file in DEST\n"
    "if that is a directory; with -T they become DEST itself.  Links, modes, times and\n"
    "holes are kept.\n"
    "\n"
    "  -n          ask the server, print the plan     -v, -q      say more, say less\n"
    "  --exclude, --include PATTERN                   --delete    what the source lacks\n"
    "  -c          compare content, not time          --json      events for scripts\n"
    "  -j N        connections at once                --bwlimit   bytes a second: 20M\n"
    "\n"
    "  ftx put film.mkv nas:media/films/       interrupted?  Run it again:\n"
    "  ftx get nas:media/films/film.mkv .      it goes on where it was.\n"
    "\n"
    "  ftx put site nas:backup                 becomes backup/site\n"
    "  ftx put -T site nas:web/site            becomes web/site itself\n"
    "  ftx put -n -T --delete site nas:www     what would happen?\n"
    "  ftx put -T --replace-set site nas:web/site   all of it or nothing, in one step\n"
    "  ftx get nas:backup/site .               becomes ./site\n"
    "  ftx verify site nas:backup/site         is it still the same?\n"
    "\n"
    "Exit codes, --json events and more: man ftx\n";

static int
flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return FTX_EXIT_OK;
	fprintf(stderr, "ftx: standard output: %s\n", strerror(errno));
	return FTX_EXIT_FAILURE;
}

/* "  -n, --dry-run" and what it does, on the next line where it is long. */
static void
print_option(const struct option_row *row)
{
	char names[64];
	int n;

	n = snprintf(names, sizeof(names), "  %c%c%s%s%s%s%s", row->letter != 0 ? '-' : ' ',
		     row->letter != 0 ? row->letter : ' ', row->letter != 0 && row->name ? "," : "",
		     row->name != NULL ? (row->letter != 0 ? " --" : "  --") : "",
		     row->name != NULL ? row->name : "", row->argument != NULL ? " " : "",
		     row->argument != NULL ? row->argument : "");
	printf("%s%*s%s\n", names, n < 30 ? 30 - n : 1, "", row->text);
}

static void
print_verb(const struct verb_row *verb)
{
	printf("  ftx %s %s\n%s", verb->name, verb->usage, verb->text);
	for (size_t i = 0; i < option_row_count; i++)
		if ((option_rows[i].verbs & verb->verb) != 0 && option_rows[i].text != NULL)
			print_option(&option_rows[i]);
}

int
help_print(enum verb verb)
{
	const struct verb_row *row = verb_of(verb);

	if (row != NULL)
		print_verb(row);
	else
		fputs(overview, stdout);
	return flush();
}

int
help_version(void)
{
	printf("ftx %s\n", version_text);
	return flush();
}
