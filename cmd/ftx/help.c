#include "cmd/ftx/help.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ftx/option_table.h"
#include "cmd/ftx/output.h"
#include "proto/errors.h"
#include "src/base/version.h"
#include "src/client/settings.h"
#include "src/data/codec.h"
#include "src/secure/aead.h"

#define COLUMNS	    80u
#define TEXT_COLUMN 30u

/* A terminal of 24 lines has one left for the prompt (tests/e2e/121-help.sh). */
static const char overview[] =
    "ftx moves files to and from an ftxd server: encrypted, verified, resumable.\n"
    "  ftx put SOURCE... REMOTE   upload; - is standard input     -n  show the plan\n"
    "  ftx get REMOTE... DEST     download; - is standard output  -T  DEST itself\n"
    "  ftx verify LOCAL REMOTE    is the copy the same?           -c  by content\n"
    "  ftx ls [-lR] REMOTE...     list; ftx ls HOST: the shares   -j N  connections\n"
    "  ftx rm [-r], mv, mkdir [-p], ln [-s], stat, df, digest     --exclude PATTERN\n"
    "  ftx join CODE              use an invite of the server     --delete\n"
    "  ftx host add NAME ftx://KEY@HOST[:PORT], host ls, host rm  --bwlimit 20M\n"
    "  ftx keygen, ftx key        make a key, print it            -v, -q, --json\n"
    "  ftx ping HOST              does it answer?                 ftx config show\n"
    "REMOTE is HOST:SHARE/PATH or ftx://KEY@HOST[:PORT]/SHARE/PATH.  A directory\n"
    "becomes DEST/NAME, with or without a slash; with -T DEST itself.  Modes, times,\n"
    "links and holes are kept.  Interrupted?  Run it again: it goes on where it was.\n"
    "  scp film.mkv nas:films/              ftx put film.mkv nas:media/films/\n"
    "  scp -r nas:films .                   ftx get nas:media/films .\n"
    "  rsync -a site nas:backup             ftx put site nas:share/backup\n"
    "  rsync -a site/ nas:www/              ftx put -T site nas:share/www\n"
    "  rsync -an --delete site/ nas:www/    ftx put -nT --delete site nas:share/www\n"
    "  rsync --files-from=list site/ nas:w  ftx put -T --files-from list site nas:s\n"
    "  tar c d | ssh nas 'cat >d.tar'       tar c d | ftx put - nas:share/d.tar\n"
    "  ssh nas ls -l www                    ftx ls -l nas:share/www\n"
    "More: ftx help COMMAND, paths or exit-codes; man ftx, ftx-put, ftx-get\n";

static const char paths[] =
    "Remote paths:\n"
    "  HOST:SHARE/PATH                    HOST: a name, see ftx host ls; no %XX\n"
    "  ftx://KEY@HOST[:PORT]/SHARE/PATH   KEY: the server's key; %XX is a byte\n"
    "  HOST:                              all shares: ftx ls HOST:, ftx df HOST:\n"
    "\n"
    "A path begins with a share: no ~, no USER@, no / in front.  Nothing in it is a\n"
    "pattern.  put: the last argument is remote; get: all but the last are.  A local\n"
    "file may have a colon in its name.\n"
    "\n"
    "Where things land:\n"
    "  ftx put dir HOST:SHARE/dest        dest/dir, whether dest exists or not\n"
    "  ftx put dir/ HOST:SHARE/dest       the same: the slash changes nothing\n"
    "  ftx put -T dir HOST:SHARE/dest     dest is the copy of dir\n"
    "  ftx put dir/. HOST:SHARE/dest      what is in dir goes into dest\n"
    "  ftx put file HOST:SHARE/name       name; of a directory, name/file\n"
    "  ftx put file HOST:SHARE/dir/       dir/file, and dir is made\n"
    "  ftx put a b HOST:SHARE/dir         dir/a and dir/b\n"
    "  ftx get HOST:SHARE/dir .           ./dir\n"
    "\n"
    "-n prints what would land where, and changes nothing.\n";

/* Words in lines that end before the last column; the first begins at column, at least. */
static void
print_wrapped(const char *text, size_t at, size_t column)
{
	bool fresh = true; /* no word in this line */

	if (at > 0 && at >= column) {
		putchar('\n');
		at = 0;
	}
	printf("%*s", (int)(column - at), "");
	at = column;
	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (!fresh && at + 1 + length >= COLUMNS) {
			printf("\n%*s", (int)column, "");
			at = column;
			fresh = true;
		}
		printf("%s%.*s", fresh ? "" : " ", (int)length, text);
		at += length + !fresh;
		fresh = false;
		text += length;
		text += *text == ' ';
	}
	putchar('\n');
}

/* "  -n, --dry-run" and what it does. */
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
	fputs(names, stdout);
	print_wrapped(row->text, (size_t)n, TEXT_COLUMN);
}

static bool
shown_for(const struct option_row *row, enum verb verb)
{
	return (row->verbs & verb) != 0 && row->text != NULL;
}

static void
print_paragraphs(const char *text)
{
	char line[512];

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		print_wrapped(line, 0, 0);
		text += length + (text[length] != '\0');
	}
}

static void
print_verb(const struct verb_row *verb)
{
	printf("  ftx %s %s\n", verb->name, verb->usage);
	print_paragraphs(verb->text);
	for (size_t i = 0; i < option_row_count; i++)
		if (shown_for(&option_rows[i], verb->verb))
			print_option(&option_rows[i]);
}

static void
print_paths(void)
{
	fputs(paths, stdout);
}

static void
print_exit_codes(void)
{
	static const struct {
		unsigned code;
		const char *again, *meaning;
	} rows[] = {
#define EXIT(NAME, name, number, retry, meaning) {(number), (retry), (meaning)},
#include "proto/errors.def"
	};

	puts("code  again?   meaning");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = printf("%4u  %-7s", rows[i].code, rows[i].again);

		print_wrapped(rows[i].meaning, (size_t)n, 15);
	}
	puts("128+N          ended by signal N; 141: nobody reads standard output");
	puts("\nagain?: may the same command do better?  yes: at once; later: when there is\n"
	     "room or the other is done; look: at what it printed; no: mend it first.");
}

static void
print_row(const struct verb_row *verb, const struct option_row *row)
{
	const char letter[3] = {'-', row->letter, '\0'};

	printf("%s\t%s\t%s\t%s%s", row->text != NULL ? "option" : "accepted", verb->name, letter,
	       row->name != NULL ? "--" : "-", row->name != NULL ? row->name : "");
	if (row->text != NULL)
		printf("\t%s\t%s", row->argument != NULL ? row->argument : "-", row->text);
	putchar('\n');
}

/*
 * What completions and scripts/check-options read: a line each, fields between tabs.
 *
 *	verb NAME USAGE TEXT
 *	option VERB LETTER NAME ARGUMENT TEXT	LETTER: "-x", NAME: "--name", or "-": none
 *	accepted VERB LETTER NAME	what is so anyway, and not shown
 *	topic NAME
 *	setting KEY VARIABLE BUILT-IN
 */
static void
print_table(void)
{
	for (size_t v = 0; v < verb_row_count; v++) {
		const struct verb_row *verb = &verb_rows[v];

		printf("verb\t%s\t%s\t%.*s\n", verb->name, verb->usage,
		       (int)strcspn(verb->text, ".;\n"), verb->text);
		for (size_t i = 0; i < option_row_count; i++) {
			const struct option_row *row = &option_rows[i];

			if ((row->verbs & verb->verb) != 0)
				print_row(verb, row);
		}
	}
	for (size_t i = 0; i < topic_row_count; i++)
		if (topic_rows[i].print != print_table)
			printf("topic\t%s\n", topic_rows[i].name);
	for (unsigned i = 0; i < SETTING_COUNT; i++)
		printf("setting\t%s\t%s\t%s\n", setting_rows[i].key, setting_rows[i].variable,
		       setting_rows[i].built_in != NULL ? setting_rows[i].built_in : "-");
}

const struct topic_row topic_rows[] = {
    {"paths", print_paths}, {"exit-codes", print_exit_codes}, {"table", print_table}};
const size_t topic_row_count = sizeof(topic_rows) / sizeof(topic_rows[0]);

int
help_print(enum verb verb, const char *topic)
{
	const struct verb_row *row = verb_of(verb);

	if (row != NULL)
		print_verb(row);
	else if (topic == NULL)
		fputs(overview, stdout);
	for (size_t i = 0; row == NULL && topic != NULL && i < topic_row_count; i++)
		if (topic_rows[i].name == topic)
			topic_rows[i].print();
	return output_end(NULL);
}

static void
print_ciphers(void)
{
	fputs("ciphers:", stdout);
	for (unsigned i = 0; i < AEAD_COUNT; i++)
		printf("%s %s%s", i > 0 ? "," : "", aead_name((enum aead_id)i),
		       aead_available((enum aead_id)i) ? "" : " (not on this processor)");
	putchar('\n');
}

static void
print_codecs(void)
{
	fputs("codecs:", stdout);
	for (unsigned i = 0; i < CODEC_COUNT; i++)
		printf("%s %s", i > 0 ? "," : "", codec_name((enum codec)i));
	putchar('\n');
}

int
help_version(void)
{
	char secure[AEAD_LIBRARIES_BYTES], data[CODEC_LIBRARIES_BYTES];

	printf("ftx %s\n", version_text);
	puts("protocol: FTX/1");
	print_ciphers();
	print_codecs();
	printf("libraries: %s, %s, jansson %s\n", aead_libraries(secure), codec_libraries(data),
	       jansson_version_str());
	return output_end(NULL);
}
