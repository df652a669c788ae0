/*
 * T30: 2,000 generated paths, of which most break the rule, held against the rule as PROTOCOL.md
 * has it in words.  What obeys it is made under exactly this name; what does not is `name`, and
 * nothing is made anywhere.
 */
#include "tests/harness/unit.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "tests/hostile/rig.h"

enum { PATHS = 2000, SEED = 1 };

static const struct piece {
	const char *bytes;
	size_t length;
} pieces[] = {
#define PIECE(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
    PIECE("a"),	     PIECE("b"),     PIECE("/"),	PIECE("/"),    PIECE("/"),
    PIECE("."),	     PIECE(".."),    PIECE("..."),	PIECE(" "),    PIECE("\n"),
    PIECE("\x1b[m"), PIECE("\xff"),  PIECE("\xc3\xa9"), PIECE("\\"),   PIECE("*"),
    PIECE("-rf"),    PIECE("~"),     PIECE("%s"),	PIECE("$(x)"), PIECE(".ftx"),
    PIECE(".ftx-"),  PIECE(".ftxx"), PIECE("\0"),	PIECE("|"),    PIECE("CON"),
};

/* Many times what the pieces have, up to a name of 255 bytes and one more. */
static size_t
generate(uint32_t *state, char out[static 1024])
{
	size_t length = 0;
	unsigned count;

	*state = *state * 1664525u + 1013904223u;
	count = 1 + (*state >> 16) % 6;
	for (unsigned i = 0; i < count; i++) {
		const struct piece *p;

		*state = *state * 1664525u + 1013904223u;
		p = &pieces[(*state >> 16) % (sizeof(pieces) / sizeof(pieces[0]))];
		memcpy(out + length, p->bytes, p->length);
		length += p->length;
	}
	*state = *state * 1664525u + 1013904223u;
	if ((*state >> 16) % 50 == 0) {
		size_t more = LIMIT_NAME_BYTES - 1 + (*state >> 24) % 3;

		out[length++] = '/';
		memset(out + length, 'n', more);
		length += more;
	}
	return length;
}

/* "components are joined by single slashes; none at the beginning, none at the end", ... */
static bool
obeys(const char *path, size_t length)
{
	size_t start = 0;

	if (length == 0 || memchr(path, '\0', length) != NULL)
		return false;
	for (size_t i = 0; i <= length; i++) {
		const char *name = path + start;
		size_t bytes = i - start;

		if (i < length && path[i] != '/')
			continue;
		if (bytes < 1 || bytes > 255 || (bytes == 1 && name[0] == '.') ||
		    (bytes == 2 && memcmp(name, "..", 2) == 0) ||
		    (bytes == 4 && memcmp(name, ".ftx", 4) == 0) ||
		    (bytes >= 5 && memcmp(name, ".ftx-", 5) == 0))
			return false;
		start = i + 1;
	}
	return true;
}

static int
status_of(struct rig *rig, enum message_type type, struct span path)
{
	const struct node node = {
	    .path = path,
	    .metadata = {.type = ENTRY_DIRECTORY, .mode = 0755, .mtime_s = 1000000000},
	};
	struct message m = {.type = type};

	m.mkdir.base = span_of("s");
	m.mkdir.nodes.items = &node;
	m.mkdir.nodes.count = 1;
	m = rig_ask(rig, &m, MESSAGE_STATUSES);
	return m.statuses.statuses.items[0].code == 0
		   ? 0
		   : error_from_wire(m.statuses.statuses.items[0].code);
}

/* STAT, whose path is one with its share. */
static int
error_of_stat(struct rig *rig, const char *path, size_t length)
{
	struct message m = {.type = MESSAGE_STAT};
	char full[1100] = "s/";

	memcpy(full + 2, path, length);
	m.stat.path = (struct span){(const uint8_t *)full, length + 2};
	rig_send(rig, &m);
	cr_assert_eq(rig_receive(rig, &m), 0);
	return m.type == MESSAGE_ERROR ? error_from_wire(m.error.code) : 0;
}

static unsigned found;
static size_t above;

static int
look(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	if (ftw->level == 0)
		return 0;
	if (strncmp(path + above, ".ftx/", 5) == 0 || strcmp(path + above, ".ftx") == 0)
		return 0;
	cr_expect(obeys(path + above, strlen(path + above)), "there is '%s'", path + above);
	found++;
	return 0;
}

BothWays(session_names, T30_what_obeys_the_rule_is_made_and_nothing_else)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	uint32_t state = SEED;
	unsigned good = 0;

	for (unsigned i = 0; i < PATHS; i++) {
		char path[1024], place[1200];
		size_t length = generate(&state, path);
		const struct span span = {(const uint8_t *)path, length};
		bool ok = obeys(path, length);
		int wanted = ok ? 0 : FTX_E_NAME, r = status_of(rig, MESSAGE_MKDIR, span);
		struct stat st;

		path[length] = '\0';
		good += ok;
		cr_expect_eq(r, wanted, "MKDIR, seed %d, number %u, '%s': %s", SEED, i, path,
			     r == 0 ? "done" : error_name(r));
		r = error_of_stat(rig, path, length);
		cr_expect_eq(r, wanted, "STAT, seed %d, number %u, '%s': %s", SEED, i, path,
			     r == 0 ? "done" : error_name(r));
		snprintf(place, sizeof(place), "%s/%s", rig->directory, path);
		if (ok)
			cr_expect(lstat(place, &st) == 0 && S_ISDIR(st.st_mode), "'%s'", path);
	}
	/* Both kinds were there, in number. */
	cr_expect(good > PATHS / 10 && good < PATHS - PATHS / 10, "%u", good);
	above = strlen(rig->directory) + 1;
	found = 0;
	cr_assert_eq(nftw(rig->directory, look, 16, FTW_PHYS), 0);
	cr_expect_gt(found, 0);
	rig_free(rig);
}
