#include "cmd/ftx/option_table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TRANSFERS VERBS_TRANSFER
#define CONTACTS  (VERBS_TRANSFER | VERBS_REMOTE)
#define SHOWS	  VERB_CONFIG /* what options say of settings */
#define ALL_VERBS                                                                                  \
	(CONTACTS | VERB_KEYGEN | VERB_KEY | VERB_HOST | VERB_JOIN | VERB_CONFIG | VERB_HELP)
#define REFUSED OPTION_REFUSED, 0u

#define DELETION_IS_LAST "deletion is always last, when all else is done: --delete"
#define ENDS_IN_PARTIALS                                                                           \
	"what has arrived of a file is kept and gone on with by itself: --no-resume for the "      \
	"contrary"

/* clang-format off */
const struct option_row option_rows[] = {
    {'n', "dry-run", NULL, OPTION_DRY_RUN, TRANSFERS | VERB_RM, "ask the server, print the plan, change nothing"},
    {'T', "no-target-directory", NULL, OPTION_NO_TARGET_DIRECTORY, TRANSFERS | VERB_MV, "the destination is the new name, not a directory to go into"},
    {'j', "streams", "N", OPTION_STREAMS, TRANSFERS | SHOWS, "connections at once, 1..16 or auto (default)"},
    {0, "exclude", "PATTERN", OPTION_EXCLUDE, TRANSFERS | VERB_VERIFY, "leave out what matches; the first rule that matches decides"},
    {0, "include", "PATTERN", OPTION_INCLUDE, TRANSFERS | VERB_VERIFY, "take what matches, whatever later rules say"},
    {0, "exclude-from", "FILE", OPTION_EXCLUDE_FROM, TRANSFERS | VERB_VERIFY, "rules from a file, one a line"},
    {0, "files-from", "FILE", OPTION_FILES_FROM, TRANSFERS, "only the names on this list, below the one source; - is standard input"},
    {'0', "from0", NULL, OPTION_NUL, TRANSFERS, "they end in a zero byte and not in a line feed"},
    {0, "failed0", "FILE", OPTION_FAILED0, TRANSFERS, "write the names that failed, for --files-from FILE -0"},
    {'c', "checksum", NULL, OPTION_CHECKSUM, TRANSFERS, "compare content, not size and time"},
    {'u', "update", NULL, OPTION_UPDATE, TRANSFERS, "leave alone what is newer at the destination"},
    {0, "ignore-existing", NULL, OPTION_IGNORE_EXISTING, TRANSFERS, "leave alone what exists at the destination"},
    {'x', "one-file-system", NULL, OPTION_ONE_FILE_SYSTEM, TRANSFERS | VERB_VERIFY, "do not enter other file systems"},
    {'H', "hard-links", NULL, OPTION_HARD_LINKS, TRANSFERS, "names of one file stay names of one file"},
    {'L', "copy-links", NULL, OPTION_COPY_LINKS, VERB_PUT, "what symbolic links lead to, not the links"},
    {'X', "xattrs", NULL, OPTION_XATTRS, TRANSFERS, "keep extended attributes"},
    {'A', "acls", NULL, OPTION_ACLS, TRANSFERS, "keep access control lists"},
    {0, "no-owner", NULL, OPTION_NO_OWNER, TRANSFERS, "do not keep owner and group"},
    {0, "numeric-ids", NULL, OPTION_NUMERIC_IDS, TRANSFERS, "owner and group by number, not by name"},
    {0, "strict-meta", NULL, OPTION_STRICT_META, TRANSFERS, "a file whose metadata cannot all be kept has failed"},
    {0, "delete", NULL, OPTION_DELETE, TRANSFERS, "remove at the destination what the source directories lack"},
    {0, "max-delete", "N", OPTION_MAX_DELETE, TRANSFERS, "if it is more than that, remove nothing (exit 15)"},
    {0, "delete-excluded", NULL, OPTION_DELETE_EXCLUDED, TRANSFERS, "remove excluded names too"},
    {0, "delete-empty", NULL, OPTION_DELETE_EMPTY, TRANSFERS, "even where the source is empty"},
    {0, "backup-dir", "DIR", OPTION_BACKUP_DIR, VERB_PUT, "move there what would be removed or overwritten; in the share"},
    {0, "atomic-set", NULL, OPTION_ATOMIC_SET, VERB_PUT, "the destination appears as a whole; it must not exist"},
    {0, "replace-set", NULL, OPTION_REPLACE_SET, VERB_PUT, "the destination is exchanged as a whole"},
    {0, "from-command", NULL, OPTION_FROM_COMMAND, VERB_PUT, "put what the command behind -- prints, if it exits 0"},
    {0, "min-size", "SIZE", OPTION_MIN_SIZE, VERB_PUT, "refuse less than that from standard input (1; 0: nothing is fine)"},
    {0, "no-resume", NULL, OPTION_NO_RESUME, TRANSFERS, "neither go on with nor leave half a file"},
    {0, "no-sync", NULL, OPTION_NO_SYNC, TRANSFERS, "do not wait for stable storage"},
    {0, "compress", "MODE", OPTION_COMPRESS, TRANSFERS | SHOWS, "auto (default, also -z), none, zlib[:1..9], zstd[:1..19]"},
    {'z', NULL, NULL, OPTION_COMPRESS_AUTO, TRANSFERS | SHOWS, "as --compress auto"},
    {0, "bwlimit", "RATE", OPTION_BWLIMIT, TRANSFERS | SHOWS, "bytes a second over all streams: 500K, 20M (2000 of rsync is 2000K)"},
    {'l', "long", NULL, OPTION_LONG, VERB_LS, "mode, owner, group, size and time too"},
    {'R', "recursive", NULL, OPTION_ALL, VERB_LS, "with everything below"},
    {'p', "parents", NULL, OPTION_PARENTS, VERB_MKDIR, "with those above; one that exists is fine"},
    {'f', "force", NULL, OPTION_FORCE, VERB_MV | VERB_LN, "over a file or link that has the name already"},
    {'r', "recursive", NULL, OPTION_ALL, VERB_RM, "directories, with everything below"},
    {'R', NULL, NULL, OPTION_ALL, VERB_RM, "as -r"},
    {'f', "force", NULL, OPTION_FORCE, VERB_RM, "what does not exist is no error"},
    {'s', "symbolic", NULL, OPTION_SYMBOLIC, VERB_LN, "a symbolic link; TARGET is its text as it stands"},
    {0, "meta", NULL, OPTION_META, VERB_VERIFY, "compare mode and modification time too"},
    {'o', "output", "FILE", OPTION_OUTPUT, VERB_KEYGEN, "where the key goes (~/.config/ftx/id)"},
    {0, "as", "NAME", OPTION_ALIAS, VERB_JOIN, "what to call the server here; else the first part of its own name"},
    {'i', "identity", "FILE", OPTION_IDENTITY, CONTACTS | SHOWS | VERB_KEY | VERB_HOST | VERB_JOIN, "this key instead of ~/.config/ftx/id"},
    {0, "port", "N", OPTION_PORT, CONTACTS | SHOWS, "7389 unless the address says another"},
    {'4', "ipv4", NULL, OPTION_IPV4, CONTACTS | VERB_JOIN, "only IPv4"},
    {'6', "ipv6", NULL, OPTION_IPV6, CONTACTS | VERB_JOIN, "only IPv6"},
    {0, "retry-for", "TIME", OPTION_RETRY_FOR, CONTACTS | SHOWS | VERB_JOIN, "how long to go on without progress (10m; 0: once)"},
    {0, "timeout", "TIME", OPTION_TIMEOUT, CONTACTS | SHOWS | VERB_JOIN, "silence that counts as lost (60s)"},
    {0, "progress", NULL, OPTION_PROGRESS, TRANSFERS | SHOWS | VERBS_COMPARE, "show it where stderr is no terminal too: a line every 5 s"},
    {0, "no-progress", NULL, OPTION_NO_PROGRESS, TRANSFERS | SHOWS | VERBS_COMPARE, "do not show it"},
    {'v', "verbose", NULL, OPTION_VERBOSE, CONTACTS, "say what became of each entry"},
    {'q', "quiet", NULL, OPTION_QUIET, CONTACTS | VERB_JOIN, "say nothing but errors"},
    {0, "json", NULL, OPTION_JSON, CONTACTS, "one JSON object a line, for scripts"},
    {'V', "version", NULL, OPTION_VERSION, ALL_VERBS, "print the version, and what this build has"},
    {0, "help", NULL, OPTION_HELP, ALL_VERBS, "print this"},

    /* What is so anyway, for those whose fingers know it. */
    {'a', "archive", NULL, OPTION_ACCEPTED, TRANSFERS | VERB_VERIFY, NULL},
    {'r', "recursive", NULL, OPTION_ACCEPTED, TRANSFERS | VERB_VERIFY, NULL},
    {'t', "times", NULL, OPTION_ACCEPTED, TRANSFERS, NULL},
    {'p', "perms", NULL, OPTION_ACCEPTED, TRANSFERS, NULL},
    {'l', "links", NULL, OPTION_ACCEPTED, TRANSFERS, NULL},
    {'a', "all", NULL, OPTION_ACCEPTED, VERB_LS, NULL},
    {'c', "checksum", NULL, OPTION_ACCEPTED, VERB_VERIFY, NULL},
    {'S', "sparse", NULL, OPTION_ACCEPTED, TRANSFERS, NULL},

    {'h', NULL, NULL, REFUSED, "help is --help; sizes for people are in ftx stat and ftx df"},
    {'P', NULL, NULL, REFUSED, "a port is --port, progress is shown by itself on a terminal, streams are -j"},
    {'e', "rsh", NULL, REFUSED, "there is no remote shell: ftx talks to ftxd"},
    {'o', "owner", NULL, REFUSED, "owners are kept where both ends can: see --no-owner"},
    {'g', "group", NULL, REFUSED, "groups are kept where both ends can: see --no-owner"},
    {'D', "devices", NULL, REFUSED, "devices and special files are skipped"},
    {0, "specials", NULL, REFUSED, "devices and special files are skipped"},
    {'b', "backup", NULL, REFUSED, "what is overwritten goes where --backup-dir DIR says"},
    {'F', NULL, NULL, REFUSED, "rules stand on the command line or in --exclude-from FILE"},
    {0, "filter", NULL, REFUSED, "rules are --exclude, --include and --exclude-from FILE"},
    {'J', NULL, NULL, REFUSED, "there are no jump hosts, and links keep their times anyway"},
    {'W', "whole-file", NULL, REFUSED, "a changed file is sent whole as it is"},
    {'C', "cvs-exclude", NULL, REFUSED, "name what is to be left out: --exclude; compression is --compress"},
    {'R', "relative", NULL, REFUSED, "a directory arrives under its last name: see ftx help paths; names below one are --files-from"},
    {0, "partial", NULL, REFUSED, ENDS_IN_PARTIALS},
    {0, "partial-dir", NULL, REFUSED, ENDS_IN_PARTIALS},
    {0, "append", NULL, REFUSED, ENDS_IN_PARTIALS},
    {0, "append-verify", NULL, REFUSED, ENDS_IN_PARTIALS},
    {0, "inplace", NULL, REFUSED, "a file is never changed in place: readers see the old one or the new one"},
    {0, "info", NULL, REFUSED, "say more with -v, for programs with --json; progress is --progress"},
    {0, "stats", NULL, REFUSED, "the summary of -v or --json has the figures"},
    {0, "itemize-changes", NULL, REFUSED, "-n and -v print what is done to each entry"},
    {0, "delete-before", NULL, REFUSED, DELETION_IS_LAST},
    {0, "delete-during", NULL, REFUSED, DELETION_IS_LAST},
    {0, "delete-delay", NULL, REFUSED, DELETION_IS_LAST},
    {0, "delete-after", NULL, REFUSED, DELETION_IS_LAST},
    {0, "del", NULL, REFUSED, DELETION_IS_LAST},
    {0, "compress-level", NULL, REFUSED, "the level stands behind the codec: --compress zstd:N"},
    {0, "compress-choice", NULL, REFUSED, "it is --compress MODE"},
    {0, "human-readable", NULL, REFUSED, "figures for people are so anyway, those for programs are --json"},
    {0, "link-dest", NULL, REFUSED, "there is nothing like it yet; --replace-set takes unchanged files from the old set"},
    {0, "rsync-path", NULL, REFUSED, "there is no remote shell: ftx talks to ftxd"},
    {0, "size-only", NULL, REFUSED, "size and time are compared, or the content with --checksum"},
    {0, "ignore-times", NULL, REFUSED, "size and time are compared, or the content with --checksum"},
    {0, "remove-source-files", NULL, REFUSED, "ftx never changes a source"},
};
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);
_Static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= OPTION_ROWS_MAX, "room for them");

const struct verb_row verb_rows[] = {
    {VERB_PUT, "put", "[OPTION]... SOURCE... REMOTE",
     "Uploads files and directories.  - as the one SOURCE is standard input.\n"
     "A directory becomes REMOTE/NAME, with or without a slash behind it; with -T it becomes "
     "REMOTE itself, as rsync has it for dir/.\n"
     "  ftx put [OPTION]... --from-command REMOTE -- COMMAND [ARGUMENT]...\n"
     "puts what COMMAND prints, if it exits 0.\n", 1, SIZE_MAX},
    {VERB_GET, "get", "[OPTION]... REMOTE... DEST",
     "Downloads files and directories.  - as DEST is standard output, for one file.\n"
     "A directory becomes DEST/NAME, with or without a slash behind it; with -T it becomes DEST "
     "itself, as rsync has it for dir/.\n", 2, SIZE_MAX},
    {VERB_LS, "ls", "[OPTION]... REMOTE...",
     "Lists directories; HOST: alone lists the shares and this key's rights.\n", 1, SIZE_MAX},
    {VERB_STAT, "stat", "[OPTION]... REMOTE...", "Shows all that is known of an entry.\n", 1, SIZE_MAX},
    {VERB_DF, "df", "[OPTION]... REMOTE...", "Shows the space of shares; HOST: alone that of all.\n", 1, SIZE_MAX},
    {VERB_MKDIR, "mkdir", "[OPTION]... REMOTE...", "Makes directories.\n", 1, SIZE_MAX},
    {VERB_MV, "mv", "[OPTION]... REMOTE... DEST",
     "Renames within one share; into DEST where it ends in / or is a directory.\n", 2, SIZE_MAX},
    {VERB_RM, "rm", "[OPTION]... REMOTE...", "Removes files, links and, with -r, directories.\n", 1, SIZE_MAX},
    {VERB_LN, "ln", "[OPTION]... TARGET REMOTE",
     "Gives the file TARGET, remote too, a further name; with -s a symbolic link.\n", 2, 2},
    {VERB_VERIFY, "verify", "[OPTION]... LOCAL REMOTE",
     "Compares a file or directory with one of the server by size and content; nothing is "
     "transferred.  Exit 0: equal, 12: different, 3: something could not be read.\n", 2, 2},
    {VERB_DIGEST, "digest", "[OPTION]... FILE...",
     "Prints the content digest of files, local and remote (with a colon; ./a:b is local).\n", 1, SIZE_MAX},
    {VERB_KEYGEN, "keygen", "[-o FILE]", "Makes a key and prints its public half.\n", 0, 0},
    {VERB_KEY, "key", "[-i FILE]", "Prints the public half of the key again.\n", 0, 0},
    {VERB_JOIN, "join", "[OPTION]... [CODE]",
     "Uses an invite, which \"ftxd invite\" on the server prints: makes a key if there is "
     "none, has the server enter it, and names the server here.  Without CODE it is the "
     "last word of standard input.\n", 0, 1},
    {VERB_HOST, "host", "add NAME ftx://KEY@HOST[:PORT] | ls | rm NAME",
     "Names servers in ~/.config/ftx/config, whose other lines stay as they are.\n", 1, 3},
    {VERB_PING, "ping", "[OPTION]... HOST",
     "Says whether a server answers and knows this key, and how fast.\n", 1, 1},
    {VERB_CONFIG, "config", "show [OPTION]... [HOST]",
     "Prints what is in force, for HOST if one is named, and who says so: a file and its "
     "line, a variable of the environment, an option; or it is built in.\n", 1, 2},
    {VERB_HELP, "help", "[COMMAND or TOPIC]",
     "Prints the options of a command, or about: paths, exit-codes.\n", 0, 1},
};
const size_t verb_row_count = sizeof(verb_rows) / sizeof(verb_rows[0]);
/* clang-format on */

const char *
option_name(const struct option_row *row)
{
	static char text[48];

	if (row->name != NULL)
		snprintf(text, sizeof(text), "--%s", row->name);
	else
		snprintf(text, sizeof(text), "-%c", row->letter);
	return text;
}

const struct verb_row *
verb_find(const char *name)
{
	for (size_t i = 0; i < verb_row_count; i++)
		if (strcmp(verb_rows[i].name, name) == 0)
			return &verb_rows[i];
	return NULL;
}

const struct verb_row *
verb_of(enum verb verb)
{
	for (size_t i = 0; i < verb_row_count; i++)
		if (verb_rows[i].verb == verb)
			return &verb_rows[i];
	return NULL;
}

const char *
topic_find(const char *name)
{
	for (size_t i = 0; i < topic_row_count; i++)
		if (strcmp(topic_rows[i].name, name) == 0)
			return topic_rows[i].name;
	return NULL;
}
