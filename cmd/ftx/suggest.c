#include "cmd/ftx/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_BYTES 32u /* longer words are like none of ours */

/* What it is called elsewhere. */
static const struct {
	const char *words, *hint;
} elsewhere[] = {
    {" cp copy scp rsync sync ", "put uploads and get downloads: ftx put SOURCE... REMOTE"},
    {" upload push send store backup ", "it is ftx put SOURCE... REMOTE"},
    {" download pull fetch receive recv restore ", "it is ftx get REMOTE... DEST"},
    {" cat ", "it is ftx get REMOTE -"},
    {" list dir ll shares ", "it is ftx ls"},
    {" delete del remove erase unlink rmdir ", "it is ftx rm"},
    {" move rename ", "it is ftx mv"},
    {" link symlink ", "it is ftx ln"},
    {" info ", "it is ftx stat"},
    {" du space quota ", "it is ftx df"},
    {" check compare diff cmp ", "it is ftx verify LOCAL REMOTE"},
    {" hash sum checksum sha256sum md5sum ", "it is ftx digest FILE..."},
    {" login auth register invite ", "it is ftx join CODE"},
    {" hosts servers remote ", "it is ftx host ls"},
    {" settings options env ", "it is ftx config show"},
    {" version ", "it is ftx --version"},
    {" man usage ", "it is ftx help"},
};

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many letters are missing, too much, other ones or exchanged with the next (optimal string
 * alignment); WORD_BYTES where a word is too long for it.
 */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][WORD_BYTES + 1];
	size_t length = strlen(a), width = strlen(b);

	if (length > WORD_BYTES || width > WORD_BYTES)
		return WORD_BYTES;
	for (size_t j = 0; j <= width; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[length % 3][width];
}

/* More than that is another word. */
static size_t
tolerance(const char *word)
{
	return strlen(word) < 4 ? 1 : strlen(word) < 9 ? 2 : 3;
}

static const char *
hint_of_other_name(const char *typed)
{
	char word[WORD_BYTES + 3];

	if (typed[0] == '\0' || strlen(typed) > WORD_BYTES || strchr(typed, ' ') != NULL)
		return NULL;
	snprintf(word, sizeof(word), " %s ", typed);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (strstr(elsewhere[i].words, word) != NULL)
			return elsewhere[i].hint;
	return NULL;
}

const char *
suggest_verb(char out[static SUGGESTION_BYTES], const char *typed)
{
	const char *hint = hint_of_other_name(typed);
	const char *best = NULL;
	size_t best_distance = tolerance(typed) + 1;

	out[0] = '\0';
	if (hint != NULL) {
		snprintf(out, SUGGESTION_BYTES, "; %s", hint);
		return out;
	}
	for (size_t i = 0; i < verb_row_count; i++) {
		size_t d = distance(typed, verb_rows[i].name);

		if (d < best_distance) {
			best_distance = d;
			best = verb_rows[i].name;
		}
	}
	if (best != NULL)
		snprintf(out, SUGGESTION_BYTES, "; did you mean %s?", best);
	else if (strchr(typed, ':') != NULL)
		snprintf(out, SUGGESTION_BYTES, "; a remote path is listed by ftx ls");
	return out;
}

const char *
suggest_help(char out[static SUGGESTION_BYTES], const char *typed)
{
	for (size_t i = 0; i < topic_row_count; i++)
		if (distance(typed, topic_rows[i].name) <= tolerance(typed)) {
			snprintf(out, SUGGESTION_BYTES, "; did you mean %s?", topic_rows[i].name);
			return out;
		}
	return suggest_verb(out, typed);
}

static bool
offered(const struct option_row *row, unsigned verb)
{
	return row->name != NULL && row->id != OPTION_REFUSED &&
	       (verb == 0 || (row->verbs & verb) != 0);
}

/* Has a row before this one the same name? */
static bool
named_before(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (option_rows[i].name != NULL &&
		    strcmp(option_rows[i].name, option_rows[n].name) == 0)
			return true;
	return false;
}

/* "; it is the beginning of --a, --b"; false: of none. */
static bool
beginnings(char out[static SUGGESTION_BYTES], const char *name, unsigned verb)
{
	size_t n = 0;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!offered(row, verb) || strncmp(row->name, name, strlen(name)) != 0 ||
		    (verb == 0 && named_before(i)) || n + strlen(row->name) + 40 > SUGGESTION_BYTES)
			continue;
		n += (size_t)snprintf(out + n, SUGGESTION_BYTES - n, "%s--%s",
				      n == 0 ? "; it is the beginning of " : ", ", row->name);
	}
	return n > 0;
}

const char *
suggest_option(char out[static SUGGESTION_BYTES], const char *typed, unsigned verb)
{
	char name[WORD_BYTES + 1];
	const char *best = NULL;
	size_t best_distance;

	out[0] = '\0';
	typed += strspn(typed, "-");
	if (strcspn(typed, "=") > WORD_BYTES)
		return out;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(typed, "="), typed);
	if (name[0] == '\0' || beginnings(out, name, verb))
		return out;
	best_distance = tolerance(name) + 1;
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		size_t d = offered(row, verb) ? distance(name, row->name) : WORD_BYTES;

		if (d < best_distance) {
			best_distance = d;
			best = row->name;
		}
	}
	if (best != NULL)
		snprintf(out, SUGGESTION_BYTES, "; did you mean --%s?", best);
	return out;
}

const char *
suggest_letter(char out[static SUGGESTION_BYTES], char letter, unsigned verb)
{
	unsigned char c = (unsigned char)letter;
	int other = islower(c) ? toupper(c) : tolower(c);

	out[0] = '\0';
	for (size_t i = 0; i < option_row_count; i++)
		if (isalpha(c) && option_rows[i].letter == other &&
		    option_rows[i].id != OPTION_REFUSED &&
		    (verb == 0 || (option_rows[i].verbs & verb) != 0)) {
			snprintf(out, SUGGESTION_BYTES, "; did you mean -%c?", other);
			break;
		}
	return out;
}
