/*
 * What a client asks to be done with entries that have odd names or are odd themselves.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "src/store/name.h"
#include "tests/hostile/session_tree.h"

/* A name of the kind that breaks things: length of it. */
static size_t
generate(unsigned seed, uint8_t out[static LIMIT_PATH_BYTES])
{
	static const char *const pieces[] = {"..",     ".",    "/",  "//",   "../", "/..",
					     "a",      ".ftx", "\n", "\xff", "%n",  "~",
					     ".ftx-x", "/tmp", " ",  "-rf",  "\\",  "\0"};
	uint32_t state = seed * 2654435761u + 1;
	size_t length = 0;

	for (unsigned i = 0; i < 1 + seed % 7; i++) {
		const char *piece;
		size_t n;

		state = state * 1664525u + 1013904223u;
		piece = pieces[(state >> 16) % (sizeof(pieces) / sizeof(pieces[0]))];
		n = piece[0] == '\0' ? 1 : strlen(piece);
		memcpy(out + length, piece, n);
		length += n;
	}
	return length;
}

BothWays(session_tree, T30_names_that_break_the_rule_are_the_error_name)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct span plain = span_of("plain");
	static uint8_t name[LIMIT_PATH_BYTES];
	unsigned bad = 0;

	rig_file(rig, "plain", "hello", 5);
	for (unsigned seed = 0; seed < 2000; seed++) {
		struct span path = span_over(name, generate(seed, name));
		bool ok = path_check(path.data, path.length) == 0;
		enum request request = (enum request)(seed % REQUESTS);
		struct message m = entry_request(request, "s", path, plain, ENTRY_FILE);
		struct offer_verdict v = entry_offer(rig, path, ENTRY_FILE, 1, "");

		bad += !ok;
		cr_expect_eq(v.state == TREE_ERROR && v.code == -FTX_E_NAME, !ok, "%u", seed);
		if (ok)
			continue;
		cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NAME, "%u", seed);
		/* and as the other path of a pair */
		if (request != LINK && request != RENAME && request != REPLACE)
			continue;
		m = entry_request(request, "s", plain, path, ENTRY_FILE);
		cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NAME, "%u", seed);
	}
	cr_expect_gt(bad, 1000);
	rig_free(rig);
}

BothWays(session_tree, T30_base_and_path_together_obey_the_rule)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static char base[LIMIT_PATH_BYTES + 1], path[LIMIT_PATH_BYTES + 1];
	struct message m;

	/* 2,001 and 2,094 bytes, with the slash between them one too many */
	strcpy(base, "s/");
	memset(base + 2, 'b', 2001);
	memset(path, 'p', 2094);
	for (size_t i = 200; i < 2000; i += 200)
		base[2 + i] = path[i] = '/';
	path[2000] = '/';
	m = entry_request(REMOVE, base, span_of(path), span_of(""), 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NAME);
	path[2093] = '\0';
	m = entry_request(REMOVE, base, span_of(path), span_of(""), 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NOT_FOUND);
	/* depth: 100 and 29 components */
	strcpy(base, "s");
	memset(path, 0, sizeof(path));
	for (unsigned i = 0; i < 100; i++)
		strcat(base, "/b");
	for (unsigned i = 0; i < 29; i++)
		strcat(path, i == 0 ? "p" : "/p");
	m = entry_request(MKDIR, base, span_of(path), span_of(""), 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NAME);
	path[strlen(path) - 2] = '\0';
	m = entry_request(MKDIR, base, span_of(path), span_of(""), 0);
	cr_expect_eq(entry_ask(rig, &m).code, 0);
	entry_commit_packs(rig);
	m = entry_request(MKDIR, "s/../x", span_of("a"), span_of(""), 0);
	rig_expect_error(rig, &m, FTX_E_NAME);
	m = entry_request(MKDIR, "t", span_of("a"), span_of(""), 0);
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_free(rig);
}

BothWays(session_tree, T31_nothing_goes_through_a_symbolic_link)
{
	static const char *const links[][2] = {
	    {"out", "/etc"}, {"loop", "loop"}, {"up", ".."}, {"self", "/proc/self/root"}};
	struct rig *rig = rig_open(RIGHTS_FULL);

	rig_file(rig, "f", "hello", 5);
	for (size_t i = 0; i < 4; i++) {
		const char *leaf = links[i][0];
		char below[32];

		entry_make_link(rig, links[i][1], leaf);
		snprintf(below, sizeof(below), "%s/x", leaf);
		for (enum request r = MKDIR; r < REQUESTS; r++)
			entry_expect(rig, r, below, "f", ENTRY_FILE, FTX_E_IS_LINK, 0);
		entry_expect(rig, LINK, "new", below, 0, FTX_E_IS_LINK, 0);
		entry_expect(rig, REPLACE, "f", below, 0, FTX_E_IS_LINK, 0);
		entry_expect_offer(rig, below, ENTRY_FILE, 1, "", TREE_ERROR, FTX_E_IS_LINK);
		/* as the leaf it is itself */
		entry_expect(rig, MKDIR, leaf, "", 0, FTX_E_CONFLICT, 0);
		entry_expect(rig, LINK, "new", leaf, 0, FTX_E_IS_LINK, 0);
		entry_expect(rig, SETMETA, leaf, "", ENTRY_DIRECTORY, FTX_E_CONFLICT, 0);
		entry_expect(rig, SETMETA, leaf, "", ENTRY_FILE, FTX_E_CONFLICT, 0);
		entry_expect(rig, SETMETA, leaf, "", ENTRY_SYMLINK, 0, 0);
		entry_expect_offer(rig, leaf, ENTRY_DIRECTORY, 0, "", TREE_CONFLICT, 0);
		entry_expect(rig, RENAME, leaf, "moved", 0, 0, 0);
		entry_expect(rig, REMOVE, "moved", "", 0, 0, 0);
	}
	cr_expect(access("/etc/passwd", R_OK) == 0);
	cr_expect(!rig_exists(rig, "new"));
	rig_free(rig);
}

BothWays(session_tree, T33_special_files_are_not_touched)
{
	static const char *const names[] = {"fifo", "socket"};
	struct rig *rig = rig_open(RIGHTS_FULL);
	char path[512];

	rig_file(rig, "f", "hello", 5);
	entry_make_fifo(rig, "fifo");
	entry_make_socket(rig, "socket");
	for (size_t i = 0; i < 2; i++) {
		uint8_t type = i == 0 ? ENTRY_FIFO : ENTRY_SOCKET;

		entry_expect(rig, MKDIR, names[i], "", 0, FTX_E_CONFLICT, 0);
		entry_expect(rig, SYMLINK, names[i], "x", 0, FTX_E_CONFLICT, 0);
		entry_expect(rig, LINK, "new", names[i], 0, FTX_E_NOT_REGULAR, 0);
		entry_expect(rig, LINK, names[i], "f", 0, FTX_E_CONFLICT, 0);
		entry_expect(rig, SETMETA, names[i], "", ENTRY_FILE, FTX_E_CONFLICT, 0);
		entry_expect(rig, SETMETA, names[i], "", type, FTX_E_UNSUPPORTED, 0);
		entry_expect(rig, REPLACE, "f", names[i], 0, FTX_E_CONFLICT, 0);
		entry_expect_offer(rig, names[i], ENTRY_FILE, 1, "", TREE_CONFLICT, 0);
	}
	entry_path(rig, "f", path);
	cr_assert_eq(chmod(path, 04755), 0);
	entry_expect(rig, SETMETA, "f", "", ENTRY_FILE, 0, 0);
	cr_expect_eq(entry_stat(rig, "f").st_mode & 07000, 0, "setuid is not kept");
	entry_path(rig, "null", path);
	if (mknod(path, S_IFCHR | 0666, 1 << 8 | 3) == 0) {
		entry_expect(rig, SETMETA, "null", "", ENTRY_FILE, FTX_E_CONFLICT, 0);
		entry_expect(rig, LINK, "new", "null", 0, FTX_E_NOT_REGULAR, 0);
	}
	rig_free(rig);
}

BothWays(session_tree, T33_a_file_with_a_name_outside_keeps_its_content)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *outside = rig_open(RIGHTS_FULL);
	char from[512], to[512];
	size_t length;
	uint8_t *content;

	rig_file(outside, "f", "hello", 5);
	entry_path(outside, "f", from);
	entry_path(rig, "f", to);
	cr_assert_eq(link(from, to), 0);
	rig_file(rig, "g", "other", 5);
	entry_expect(rig, REPLACE, "g", "f", 0, 0, 0);
	content = rig_content(outside, "f", &length);
	cr_expect(length == 5 && memcmp(content, "hello", 5) == 0);
	free(content);
	rig_free(outside);
	rig_free(rig);
}
