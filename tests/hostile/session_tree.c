/*
 * What a client asks to be done with the entries of a tree.
 */
#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_tree.h"

static const uint8_t needs[REQUESTS] = {
    [MKDIR] = RIGHT_PUT,
    [SYMLINK] = RIGHT_PUT,
    [LINK] = RIGHT_PUT | RIGHT_GET,
    [SETMETA] = RIGHT_PUT,
    [REMOVE] = RIGHT_DELETE,
    [RENAME] = RIGHT_DELETE | RIGHT_PUT,
    [REPLACE] = RIGHT_DELETE | RIGHT_PUT,
};

Test(session_tree, each_request_does_what_it_says)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	rig_file(rig, "f", "hello", 5);
	entry_expect(rig, MKDIR, "d", "", 0, 0, 0);
	entry_expect(rig, MKDIR, "d", "", 0, 0, STATUS_NOTHING_DONE);
	entry_expect(rig, MKDIR, "a/b/c", "", 0, 0, 0);
	entry_expect(rig, SYMLINK, "d/l", "/etc/passwd", 0, 0, 0);
	entry_expect(rig, SYMLINK, "d/l", "/etc/passwd", 0, 0, STATUS_NOTHING_DONE);
	entry_expect(rig, SYMLINK, "d/l", "elsewhere", 0, 0, 0);
	entry_expect(rig, LINK, "d/f", "f", 0, 0, 0);
	entry_expect(rig, LINK, "d/f", "f", 0, 0, STATUS_NOTHING_DONE);
	entry_expect(rig, RENAME, "d/f", "d/g", 0, 0, 0);
	entry_expect(rig, REPLACE, "d/g", "d/l", 0, 0, 0);
	entry_expect(rig, SETMETA, "d", "", ENTRY_DIRECTORY, 0, 0);
	entry_commit_packs(rig);
	cr_expect_eq(entry_stat(rig, "d").st_mtim.tv_sec, 1000000000);
	cr_expect_eq(entry_stat(rig, "d/l").st_ino, entry_stat(rig, "f").st_ino);
	entry_expect_offer(rig, "d", ENTRY_DIRECTORY, 0, "", TREE_SAME, 0);
	entry_expect(rig, REMOVE, "d", "", 0, FTX_E_NOT_EMPTY, 0);
	entry_expect(rig, REMOVE, "d/l", "", 0, 0, 0);
	entry_expect(rig, REMOVE, "d", "", 0, 0, 0);
	cr_expect(!rig_exists(rig, "d"));
	rig_free(rig);
}

Test(session_tree, an_empty_path_is_the_base)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct span empty = {NULL, 0};
	struct message m = entry_request(MKDIR, "s/new/dir", empty, empty, 0);

	cr_expect_eq(entry_ask(rig, &m).code, 0);
	cr_expect(rig_exists(rig, "new/dir"));
	m = entry_request(SETMETA, "s/new/dir", empty, empty, ENTRY_DIRECTORY);
	cr_expect_eq(entry_ask(rig, &m).code, 0);
	m = entry_request(REMOVE, "s/new/dir", empty, empty, 0);
	cr_expect_eq(entry_ask(rig, &m).code, 0);
	cr_expect(!rig_exists(rig, "new/dir"));
	m = entry_request(REMOVE, "s", empty, empty, 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_DENIED, "a share is not removed");
	m = entry_request(RENAME, "s", empty, span_of("x"), 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_DENIED);
	m = entry_request(RENAME, "s", span_of("new"), empty, 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_DENIED);
	m = entry_request(MKDIR, "s", empty, empty, 0);
	cr_expect_eq(entry_ask(rig, &m).flags, STATUS_NOTHING_DONE);
	rig_free(rig);
}

Test(session_tree, verdicts_tell_what_is_there)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/big", LIMIT_CHUNK_BYTES + 1);

	rig_file(rig, "f", "hello", 5);
	entry_make_link(rig, "f", "l");
	entry_expect_offer(rig, "no", ENTRY_FILE, 5, "", TREE_ABSENT, 0);
	entry_expect_offer(rig, "no/no", ENTRY_FILE, 5, "", TREE_ABSENT, 0);
	entry_expect_offer(rig, "f", ENTRY_FILE, 5, "", TREE_DIFFERS, 0);
	entry_expect_offer(rig, "f", ENTRY_DIRECTORY, 0, "", TREE_CONFLICT, 0);
	entry_expect(rig, SETMETA, "f", "", ENTRY_FILE, 0, 0);
	entry_expect_offer(rig, "f", ENTRY_FILE, 5, "", TREE_SAME, 0);
	entry_expect_offer(rig, "f", ENTRY_FILE, 6, "", TREE_DIFFERS, 0);
	entry_expect_offer(rig, "l", ENTRY_SYMLINK, 0, "g", TREE_DIFFERS, 0);
	entry_expect_offer(rig, "", ENTRY_FILE, 0, "", TREE_CONFLICT, 0);
	rig_ask(rig, &m, MESSAGE_HAVE);
	entry_expect_offer(rig, "big", ENTRY_FILE, LIMIT_CHUNK_BYTES + 1, "", TREE_PARTIAL, 0);
	entry_expect_offer(rig, "big", ENTRY_FILE, LIMIT_CHUNK_BYTES, "", TREE_ABSENT, 0);
	entry_expect_offer(rig, "big", ENTRY_DIRECTORY, 0, "", TREE_ABSENT, 0);
	rig_free(rig);
}

Test(session_tree, each_request_needs_its_rights)
{
	for (uint8_t rights = 0; rights <= RIGHTS_FULL; rights++) {
		struct rig *rig = rig_open(rights);
		struct node node = entry_node(span_of("new"), ENTRY_FILE);
		struct message m = {.type = MESSAGE_OFFER};

		rig_file(rig, "f", "hello", 5);
		for (enum request r = MKDIR; r < REQUESTS; r++) {
			m = entry_request(r, "s", span_of("nothing/here"), span_of("x"),
					  ENTRY_FILE);
			if ((rights & needs[r]) == needs[r])
				entry_ask(rig, &m);
			else
				rig_expect_error(rig, &m, FTX_E_DENIED);
		}
		m = (struct message){.type = MESSAGE_OFFER};
		m.offer.base = span_of("s");
		m.offer.nodes.items = &node;
		m.offer.nodes.count = 1;
		if ((rights & RIGHT_PUT) != 0)
			rig_ask(rig, &m, MESSAGE_VERDICTS);
		else
			rig_expect_error(rig, &m, FTX_E_DENIED);
		rig_free(rig);
	}
}

Test(session_tree, T37_an_append_only_key_changes_nothing_that_is_there)
{
	struct rig *rig = rig_open(RIGHT_LIST | RIGHT_GET | RIGHT_PUT);
	struct stat before[3], after;
	static const char *const names[] = {"f", "d", "l"};

	rig_file(rig, "f", "hello", 5);
	rig_file(rig, "g", "other", 5);
	entry_make_directory(rig, "d");
	entry_make_link(rig, "f", "l");
	for (int i = 0; i < 3; i++)
		before[i] = entry_stat(rig, names[i]);
	entry_expect(rig, SETMETA, "f", "", ENTRY_FILE, FTX_E_DENIED, 0);
	entry_expect(rig, SETMETA, "d", "", ENTRY_DIRECTORY, FTX_E_DENIED, 0);
	entry_expect(rig, SETMETA, "l", "", ENTRY_SYMLINK, FTX_E_DENIED, 0);
	entry_expect(rig, SETMETA, "", "", ENTRY_DIRECTORY, FTX_E_DENIED, 0);
	entry_expect(rig, MKDIR, "d", "", 0, 0, STATUS_NOTHING_DONE);
	entry_expect(rig, SETMETA, "d", "", ENTRY_DIRECTORY, FTX_E_DENIED, 0);
	entry_expect(rig, MKDIR, "f", "", 0, FTX_E_CONFLICT, 0);
	entry_expect(rig, SYMLINK, "l", "f", 0, FTX_E_EXISTS, 0);
	entry_expect(rig, SYMLINK, "l", "x", 0, FTX_E_EXISTS, 0);
	entry_expect(rig, SYMLINK, "f", "x", 0, FTX_E_EXISTS, 0);
	entry_expect(rig, LINK, "f", "g", 0, FTX_E_EXISTS, 0);
	for (int i = 0; i < 3; i++) {
		after = entry_stat(rig, names[i]);
		after.st_atim = before[i].st_atim; /* reading is allowed */
		cr_expect(memcmp(&before[i], &after, sizeof(after)) == 0, "%s", names[i]);
	}
	entry_expect(rig, MKDIR, "mine", "", 0, 0, 0);
	entry_expect(rig, SETMETA, "mine", "", ENTRY_DIRECTORY, 0, 0);
	rig_free(rig);
}

Test(session_tree, without_overwrite_a_rename_replaces_nothing)
{
	struct rig *rig = rig_open(RIGHT_LIST | RIGHT_PUT | RIGHT_DELETE);

	rig_file(rig, "f", "hello", 5);
	rig_file(rig, "g", "other", 5);
	entry_expect(rig, REPLACE, "f", "g", 0, FTX_E_DENIED, 0);
	entry_expect(rig, RENAME, "f", "g", 0, FTX_E_EXISTS, 0);
	entry_expect(rig, REPLACE, "f", "h", 0, 0, 0);
	rig_free(rig);
}

Test(session_tree, without_list_an_existing_name_is_denied)
{
	struct rig *rig = rig_open(RIGHTS_FULL & ~RIGHT_LIST);

	rig_file(rig, "f", "hello", 5);
	entry_make_directory(rig, "d");
	entry_make_link(rig, "d", "l");
	entry_expect_offer(rig, "f", ENTRY_FILE, 5, "", TREE_ERROR, FTX_E_DENIED);
	entry_expect_offer(rig, "l/x", ENTRY_FILE, 5, "", TREE_ERROR, FTX_E_DENIED);
	entry_expect_offer(rig, "no", ENTRY_FILE, 5, "", TREE_ABSENT, 0);
	entry_expect(rig, MKDIR, "d", "", 0, FTX_E_DENIED, 0);
	entry_expect(rig, MKDIR, "f", "", 0, FTX_E_DENIED, 0);
	entry_expect(rig, MKDIR, "l/x", "", 0, FTX_E_DENIED, 0);
	entry_expect(rig, RENAME, "f", "l", 0, FTX_E_DENIED, 0);
	entry_expect(rig, MKDIR, "new", "", 0, 0, 0);
	rig_free(rig);
}

Test(session_tree, what_no_honest_client_sends_ends_the_connection)
{
	static const uint8_t bad_xattrs[] = {5, 0, 'u'};

	for (unsigned i = 0; i < 6; i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct node node = entry_node(span_of("x"), ENTRY_FILE);
		struct message m = {.type = MESSAGE_SETMETA};

		m.setmeta.base = span_of("s");
		m.setmeta.nodes.items = &node;
		m.setmeta.nodes.count = 1;
		if (i == 0)
			node.metadata.type = 0;
		if (i == 1)
			node.metadata.xattrs = span_over(bad_xattrs, sizeof(bad_xattrs));
		if (i >= 2)
			m.type = i == 2 ? MESSAGE_MKDIR : i == 3 ? MESSAGE_SYMLINK : MESSAGE_OFFER;
		if (i == 4)
			node.metadata.type = 0;
		if (i == 5)
			node.metadata.xattrs = span_over(bad_xattrs, sizeof(bad_xattrs));
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session_tree, targets_of_links_have_no_nul_and_are_not_empty)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static uint8_t longest[LIMIT_PATH_BYTES];
	struct message m = entry_request(SYMLINK, "s", span_of("l"), span_over("a\0b", 3), 0);

	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NAME);
	m = entry_request(SYMLINK, "s", span_of("l"), span_of(""), 0);
	cr_expect_eq(entry_ask(rig, &m).code, -FTX_E_NAME);
	memset(longest, 'x', sizeof(longest));
	m = entry_request(SYMLINK, "s", span_of("l"), span_over(longest, sizeof(longest)), 0);
	cr_expect_eq(entry_ask(rig, &m).code, 0);
	cr_expect_eq(entry_stat(rig, "l").st_size, LIMIT_PATH_BYTES);
	rig_free(rig);
}

Test(session_tree, as_many_items_as_the_limit_and_no_more)
{
	static struct path_only paths[LIMIT_ENTRIES];
	static struct node nodes[LIMIT_ENTRIES];
	static char names[LIMIT_ENTRIES][8];
	static uint8_t plain[LIMIT_RECORD_PLAIN];
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = {.type = MESSAGE_MKDIR};
	struct message answer;
	size_t length;

	for (unsigned i = 0; i < LIMIT_ENTRIES; i++) {
		snprintf(names[i], sizeof(names[i]), "d%u", i);
		nodes[i] = entry_node(span_of(names[i]), ENTRY_DIRECTORY);
		paths[i].path = span_of(names[i]);
	}
	m.mkdir.base = span_of("s");
	m.mkdir.nodes.items = nodes;
	m.mkdir.nodes.count = LIMIT_ENTRIES;
	answer = rig_ask(rig, &m, MESSAGE_STATUSES);
	cr_expect_eq(answer.statuses.statuses.count, LIMIT_ENTRIES);
	entry_commit_packs(rig);
	m = (struct message){.type = MESSAGE_OFFER};
	m.offer.base = span_of("s");
	m.offer.nodes.items = nodes;
	m.offer.nodes.count = LIMIT_ENTRIES;
	answer = rig_ask(rig, &m, MESSAGE_VERDICTS);
	cr_expect_eq(answer.verdicts.verdicts.count, LIMIT_ENTRIES);
	m.offer.nodes.count = 0;
	answer = rig_ask(rig, &m, MESSAGE_VERDICTS);
	cr_expect_eq(answer.verdicts.verdicts.count, 0);
	m = (struct message){.type = MESSAGE_REMOVE};
	m.remove.base = span_of("s");
	m.remove.paths.items = paths;
	m.remove.paths.count = LIMIT_ENTRIES;
	answer = rig_ask(rig, &m, MESSAGE_STATUSES);
	for (uint32_t i = 0; i < answer.statuses.statuses.count; i++)
		cr_expect_eq(answer.statuses.statuses.items[i].code, 0);
	/* one more than the limit: the count stands behind type, length and "s" */
	m.remove.paths.count = 1;
	cr_assert_eq(message_encode(&m, plain, sizeof(plain), &length), 0);
	for (unsigned i = 0; i <= LIMIT_ENTRIES; i++)
		memcpy(plain + 8 + 4 * i, "\1\0xx", 4);
	plain[4] = (LIMIT_ENTRIES + 1) & 255;
	plain[5] = (LIMIT_ENTRIES + 1) >> 8;
	rig_send_plain(rig, plain, 8 + 3 * (LIMIT_ENTRIES + 1));
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session_tree, nothing_temporary_stays)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *again;
	char path[512], command[600];

	rig_file(rig, "f", "hello", 5);
	entry_expect(rig, SYMLINK, "f", "x", 0, 0, 0);
	again = rig_new(RIGHTS_FULL, rig);
	rig_hello(again, 2);
	entry_expect(again, SYMLINK, "f", "y", 0, 0, 0);
	channel_free(again->channel);
	close(again->pair);
	cr_assert_eq(waitpid(again->pid, NULL, 0), again->pid);
	free(again);
	entry_path(rig, ".ftx", path);
	/* one of the session that lives, and that is empty */
	snprintf(command, sizeof(command), "test $(find %s -mindepth 4 | wc -l) -eq 1", path);
	cr_expect_eq(system(command), 0);
	rig_free(rig);
}
