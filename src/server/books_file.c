/*
 * Lines of STATE/usage, of what is counted and known:
 *
 *	place BYTES FILES COUNTED SHARE DIRECTORY SUBTREE
 *
 * COUNTED: seconds since 1970; DIRECTORY: hex digest of the share's path, since another directory
 * has something else in it; SUBTREE, which may be empty, goes to the end of the line.
 *
 * Lines of STATE/clients, of those that are expected every so often:
 *
 *	client NAME SINCE LAST		as struct expected_client has them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/base/log.h"
#include "src/data/checksum.h"
#include "src/server/books.h"
#include "src/server/state.h"

enum { DIGEST_HEX_BYTES = 2 * LIMIT_DIGEST_BYTES + 1, FIELDS_MAX = 6 };

static void
path_digest(char out[static DIGEST_HEX_BYTES], const char *path)
{
	const struct digest d = digest_of(path, strlen(path));

	hex_encode(out, d.bytes, sizeof(d.bytes));
}

/* NULL without memory; "" where nothing is to be saved. */
static char *
ledger_lines(const struct ledger *l)
{
	char digest[DIGEST_HEX_BYTES], *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	for (uint32_t i = 0; i < ledger_place_count(l); i++) {
		const struct ledger_place *p = ledger_place(l, i);

		if (!p->wanted || !p->known)
			continue;
		path_digest(digest, p->path);
		fprintf(f, "place %" PRIu64 " %" PRIu64 " %" PRId64 " %s %s %s\n", p->used.bytes,
			p->used.files, p->counted_s, p->share, digest, p->subtree);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static char *
client_lines(const struct expected *e)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < expected_count(e); i++) {
		const struct expected_client *c = expected_client(e, i);

		if (c->every_s != 0)
			fprintf(f, "client %s %" PRId64 " %" PRId64 "\n", c->name, c->since_s,
				c->last_s);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/* Takes lines.  Where there are none the file goes: some day it would be taken for what is. */
static int
write_lines(const char *directory, const char *name, char *lines)
{
	int r = FTX_E_NOMEM;

	if (lines != NULL)
		r = lines[0] != '\0' ? state_write(directory, name, lines)
				     : state_remove(directory, name);
	if (r != 0)
		log_error("cannot save what is to be remembered file=%s/%s error=%s", directory,
			  name, error_name(r));
	free(lines);
	return r;
}

int
books_write(const char *directory, const struct ledger *ledger, const struct expected *expected)
{
	int r = write_lines(directory, BOOKS_USAGE, ledger_lines(ledger));
	int clients = write_lines(directory, BOOKS_CLIENTS, client_lines(expected));

	return r != 0 ? r : clients;
}

/* Cuts a line at its first count - 1 spaces.  false: it has not so many. */
static bool
split(char *line, char *fields[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fields[i] = line;
		if (i + 1 == count)
			return true;
		if ((line = strchr(line, ' ')) == NULL)
			return false;
		*line++ = '\0';
	}
	return true;
}

static bool
parse_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= most;
}

static bool
parse_time(const char *text, int64_t *out)
{
	uint64_t number;

	if (!parse_number(text, INT64_MAX, &number))
		return false;
	*out = (int64_t)number;
	return true;
}

/* Is the share's directory the one that was counted? */
static bool
is_same_directory(const struct ledger *l, const char *share, const char *digest)
{
	char present[DIGEST_HEX_BYTES];

	for (uint32_t i = 0; i < ledger_place_count(l); i++) {
		const struct ledger_place *p = ledger_place(l, i);

		if (strcmp(p->share, share) != 0)
			continue;
		path_digest(present, p->path);
		return strcmp(present, digest) == 0;
	}
	return false;
}

static bool
take_place(struct ledger *l, char *line)
{
	struct ledger_place p = {0};
	char *f[FIELDS_MAX + 1];

	if (!split(line, f, 7) || strcmp(f[0], "place") != 0 ||
	    !parse_number(f[1], UINT64_MAX, &p.used.bytes) ||
	    !parse_number(f[2], UINT64_MAX, &p.used.files) || !parse_time(f[3], &p.counted_s))
		return false;
	p.share = f[4];
	p.subtree = f[6];
	if (is_same_directory(l, p.share, f[5]))
		(void)ledger_recall(l, &p);
	return true;
}

static bool
take_client(struct expected *e, char *line)
{
	int64_t since_s, last_s;
	char *f[4];

	if (!split(line, f, 4) || strcmp(f[0], "client") != 0 || !parse_time(f[2], &since_s) ||
	    !parse_time(f[3], &last_s))
		return false;
	(void)expected_recall(e, f[1], since_s, last_s);
	return true;
}

static void
complain(const char *directory, const char *name, int error)
{
	if (error == FTX_E_MISMATCH)
		log_warning("damaged, and so begun anew file=%s/%s", directory, name);
	else if (error != FTX_E_NOT_FOUND)
		log_error("cannot be read, and so begun anew file=%s/%s error=%s", directory, name,
			  error_name(error));
}

void
books_read(const char *directory, struct ledger *ledger, struct expected *expected)
{
	char *lines, *rest, *line;
	int r = state_read(directory, BOOKS_USAGE, &lines);

	for (rest = lines; r == 0 && (line = state_next_line(&rest)) != NULL;)
		if (!take_place(ledger, line))
			r = FTX_E_MISMATCH;
	if (r != 0)
		complain(directory, BOOKS_USAGE, r);
	free(lines);
	r = state_read(directory, BOOKS_CLIENTS, &lines);
	for (rest = lines; r == 0 && (line = state_next_line(&rest)) != NULL;)
		if (!take_client(expected, line))
			r = FTX_E_MISMATCH;
	if (r != 0)
		complain(directory, BOOKS_CLIENTS, r);
	free(lines);
}
