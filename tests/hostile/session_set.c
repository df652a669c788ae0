/*
 * What sessions make of sets, and what clients may try with them.
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "src/store/tree.h"
#include "tests/hostile/session_set.h"

Test(session_set, two_sessions_of_a_run_fill_one)
{
	struct rig *a = rig_open(RIGHTS_FULL);
	struct rig *b = sets_another(a, 1), *c = sets_another(a, 2);
	struct message m = sets_begin_request("s/up/dst", NEW);

	cr_expect_eq(sets_begin(a, "s/up/dst", NEW), 0);
	cr_expect_eq(sets_begin(b, "s/up/dst", NEW), 0);
	rig_expect_error(c, &m, FTX_E_BUSY);
	sets_put(a, "s/up/dst/a", "from a");
	cr_expect_eq(sets_pack(b, "s/up/dst", "d/b", "from b"), 0);
	cr_expect_eq(
	    sets_with_node(b, MESSAGE_MKDIR, "s/up/dst", sets_node("e", ENTRY_DIRECTORY, 0)), 0);
	cr_expect_eq(
	    sets_with_node(a, MESSAGE_SETMETA, "s/up/dst", sets_node("", ENTRY_DIRECTORY, 0)), 0);
	cr_expect(!rig_exists(a, "up"));
	cr_expect_eq(sets_offer(c, "s", sets_node("up/dst", ENTRY_DIRECTORY, 0)), TREE_ABSENT);
	sets_publish(a, "s/up/dst");
	cr_expect(sets_is(a, "up/dst/a", "from a") && sets_is(a, "up/dst/d/b", "from b"));
	cr_expect(rig_exists(a, "up/dst/e"));
	/* For both the destination is an ordinary directory from now on. */
	sets_put(a, "s/up/dst/later", "a");
	sets_put(b, "s/up/dst/later", "b");
	cr_expect(sets_is(a, "up/dst/later", "b"));
	rig_free(c);
	rig_free(b);
	rig_free(a);
}

Test(session_set, a_killed_run_leaves_it_to_the_next)
{
	struct rig *keep = rig_open(RIGHTS_FULL);
	struct rig *a = sets_another(keep, 1), *b = sets_another(keep, 2);
	struct message m = rig_open_request(0, "s/dst/big", 2 * LIMIT_BLOCK_BYTES);
	static uint8_t block[LIMIT_BLOCK_BYTES];

	sets_begin(a, "s/dst", NEW);
	cr_expect_eq(sets_pack(a, "s/dst", "f", "left"), 0);
	rig_ask(a, &m, MESSAGE_HAVE);
	for (size_t at = 0; at < sizeof(block); at += LIMIT_CHUNK_BYTES) {
		struct message w = rig_write(0, at, block, LIMIT_CHUNK_BYTES);

		rig_send(a, &w);
	}
	m = (struct message){.type = MESSAGE_CHECKPOINT};
	rig_ask(a, &m, MESSAGE_OK);
	sets_kill_session(a);
	sets_begin(b, "s/dst", NEW);
	cr_expect_eq(sets_offer(b, "s/dst", sets_node("f", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(sets_offer(b, "s/dst", sets_node("f", ENTRY_FILE, 5)), TREE_ABSENT);
	cr_expect_eq(sets_offer(b, "s/dst", sets_node("big", ENTRY_FILE, 2 * LIMIT_BLOCK_BYTES)),
		     TREE_PARTIAL);
	m = rig_open_request(1, "s/dst/big", 2 * LIMIT_BLOCK_BYTES);
	m = rig_ask(b, &m, MESSAGE_HAVE);
	cr_expect(m.have.blocks.count == 1 && m.have.blocks.items[0].count == 1);
	m = (struct message){.type = MESSAGE_RELEASE};
	m.release.handle = 1;
	m.release.discard = 1;
	rig_ask(b, &m, MESSAGE_OK);
	sets_publish(b, "s/dst");
	cr_expect(sets_is(b, "dst/f", "left") && !rig_exists(b, "dst/big"));
	rig_free(b);
	rig_free(keep);
}

Test(session_set, a_partial_of_the_plain_path_is_another)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *plain = sets_another(rig, 2);
	struct message m = rig_open_request(0, "s/dst/f", LIMIT_BLOCK_BYTES);

	sets_begin(rig, "s/dst", NEW);
	rig_ask(plain, &m, MESSAGE_HAVE);
	rig_ask(rig, &m, MESSAGE_HAVE);
	rig_free(plain);
	rig_free(rig);
}

Test(session_set, an_exchange_takes_over_what_is_the_same)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	ino_t same;

	sets_make_directory(rig, "dst");
	sets_make_directory(rig, "dst/d");
	sets_make_file(rig, "dst/d/same", "same");
	sets_make_file(rig, "dst/changed", "old");
	sets_make_file(rig, "dst/gone", "gone");
	same = sets_inode(rig, "dst/d/same");
	cr_expect_eq(sets_begin(rig, "s/dst", EXCHANGE), 1);
	cr_expect_eq(sets_offer(rig, "s/dst", sets_node("d/same", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(sets_offer(rig, "s/dst", sets_node("d/same", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(sets_offer(rig, "s/dst", sets_node("changed", ENTRY_FILE, 4)), TREE_ABSENT);
	cr_expect_eq(sets_offer(rig, "s/dst", sets_node("d", ENTRY_DIRECTORY, 0)), TREE_METADATA);
	cr_expect_eq(sets_pack(rig, "s/dst", "changed", "new!"), 0);
	cr_expect(sets_is(rig, "dst/changed", "old") && sets_is(rig, "dst/gone", "gone"));
	sets_publish(rig, "s/dst");
	cr_expect(sets_is(rig, "dst/changed", "new!") && sets_is(rig, "dst/d/same", "same"));
	cr_expect(!rig_exists(rig, "dst/gone"));
	cr_expect_eq(sets_inode(rig, "dst/d/same"), same);
	rig_free(rig);
}

Test(session_set, what_is_linked_is_not_changed_through_the_link)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct node other = sets_node("f", ENTRY_FILE, 4);
	ino_t inode;

	other.metadata.mode = 0600;
	sets_make_directory(rig, "dst");
	sets_make_file(rig, "dst/f", "same");
	inode = sets_inode(rig, "dst/f");
	sets_begin(rig, "s/dst", EXCHANGE);
	cr_expect_eq(sets_offer(rig, "s/dst", other), TREE_ABSENT, "another mode");
	cr_expect_eq(sets_offer(rig, "s/dst", sets_node("f", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(sets_with_node(rig, MESSAGE_SETMETA, "s/dst", other), FTX_E_EXISTS);
	cr_expect_eq(sets_offer(rig, "s/dst", other), TREE_ABSENT);
	cr_expect_eq(sets_pack(rig, "s/dst", "f", "news"), 0);
	cr_expect(sets_is(rig, "dst/f", "same") && sets_inode(rig, "dst/f") == inode);
	cr_expect_eq(sets_with_node(rig, MESSAGE_SETMETA, "s/dst", other), 0, "a new inode");
	sets_publish(rig, "s/dst");
	cr_expect(sets_is(rig, "dst/f", "news") && sets_inode(rig, "dst/f") != inode);
	rig_free(rig);
}

Test(session_set, only_what_is_at_or_below_the_destination_is_inside)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	sets_begin(rig, "s/dst", NEW);
	sets_put(rig, "s/dstx", "outside");
	sets_put(rig, "s/dst/dst", "inside");
	cr_expect_eq(sets_pack(rig, "s/other", "f", "outside"), 0);
	cr_expect(sets_is(rig, "dstx", "outside") && sets_is(rig, "other/f", "outside"));
	cr_expect(!rig_exists(rig, "dst"));
	m = rig_open_request(0, "s/dst/../x", 1);
	rig_expect_error(rig, &m, FTX_E_NAME);
	m = (struct message){.type = MESSAGE_RELEASE};
	rig_expect_error(rig, &m, FTX_E_NAME);
	m = rig_open_request(0, "s/dst", 1);
	rig_expect_error(rig, &m, FTX_E_CONFLICT);
	m = (struct message){.type = MESSAGE_RELEASE};
	rig_expect_error(rig, &m, FTX_E_CONFLICT);
	/* Not past the set from a base above it. */
	cr_expect_eq(sets_with_node(rig, MESSAGE_MKDIR, "s", sets_node("dst", ENTRY_DIRECTORY, 0)),
		     FTX_E_NAME);
	cr_expect_eq(
	    sets_with_node(rig, MESSAGE_MKDIR, "s", sets_node("dst/a", ENTRY_DIRECTORY, 0)),
	    FTX_E_NAME);
	cr_expect_eq(sets_with_node(rig, MESSAGE_MKDIR, "s", sets_node("dsty", ENTRY_DIRECTORY, 0)),
		     0);
	cr_expect_eq(sets_pack(rig, "s", "dst/f", "x"), FTX_E_NAME);
	cr_expect_eq(sets_remove(rig, "s/dst", ""), FTX_E_DENIED);
	sets_publish(rig, "s/dst");
	cr_expect(sets_is(rig, "dst/dst", "inside"));
	rig_free(rig);
}

Test(session_set, destinations_that_are_no_place_for_one)
{
	static const struct {
		const char *destination;
		enum mode mode;
		int error;
	} cases[] = {
	    {"s/dir", NEW, FTX_E_SET_EXISTS},
	    {"s/file", NEW, FTX_E_SET_EXISTS},
	    {"s", NEW, FTX_E_SET_EXISTS},
	    {"s", EXCHANGE, FTX_E_UNSUPPORTED},
	    {"s/file", EXCHANGE, FTX_E_CONFLICT},
	    {"s/link", EXCHANGE, FTX_E_IS_LINK},
	    {"s/link/x", NEW, FTX_E_IS_LINK},
	    {"s/dir/../x", NEW, FTX_E_NAME},
	    {"s/.ftx", EXCHANGE, FTX_E_NAME},
	    {"s/.ftx/x", NEW, FTX_E_NAME},
	    {"s/", NEW, FTX_E_NAME},
	    {"", NEW, FTX_E_NOT_FOUND},
	    {"other/x", NEW, FTX_E_NOT_FOUND},
	};
	struct rig *rig = rig_open(RIGHTS_FULL);
	char path[512];

	sets_make_directory(rig, "dir");
	sets_make_file(rig, "file", "x");
	snprintf(path, sizeof(path), "%s/link", rig->directory);
	cr_assert_eq(symlink("dir", path), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m = sets_begin_request(cases[i].destination, cases[i].mode);

		rig_expect_error(rig, &m, cases[i].error);
	}
	rig_expect_alive(rig);
	rig_free(rig);
}

Test(session_set, T37_needs_its_rights_and_gives_none_outside)
{
	for (uint8_t rights = 0; rights <= RIGHTS_FULL; rights++) {
		const uint8_t all = RIGHT_PUT | RIGHT_OVERWRITE | RIGHT_DELETE;
		struct rig *rig = rig_open(rights);
		struct message m = sets_begin_request("s/there", NEW);
		bool told = (rights & (RIGHT_LIST | RIGHT_PUT)) == (RIGHT_LIST | RIGHT_PUT);

		sets_make_directory(rig, "there");
		sets_make_file(rig, "there/f", "same");
		rig_expect_error(rig, &m, told ? FTX_E_SET_EXISTS : FTX_E_DENIED);
		m = sets_begin_request("s/there", EXCHANGE);
		if ((rights & all) != all) {
			rig_expect_error(rig, &m, FTX_E_DENIED);
		} else {
			/* Without list nothing tells what is there. */
			cr_expect_eq(rig_ask(rig, &m, MESSAGE_BEGUN).begun.like,
				     (rights & RIGHT_LIST) != 0);
			cr_expect_eq(sets_offer(rig, "s/there", sets_node("f", ENTRY_FILE, 4)),
				     (rights & RIGHT_LIST) != 0 ? TREE_SAME : TREE_ABSENT);
		}
		rig_free(rig);
	}
}

Test(session_set, T37_a_published_one_is_not_changed_by_an_append_only_key)
{
	struct rig *a = rig_open(RIGHT_LIST | RIGHT_GET | RIGHT_PUT);
	struct rig *b = rig_new(RIGHT_LIST | RIGHT_GET | RIGHT_PUT, a);
	struct message m;

	rig_hello(b, 1);
	sets_begin(a, "s/dst", NEW);
	sets_begin(b, "s/dst", NEW);
	cr_expect_eq(sets_pack(b, "s/dst", "f", "first"), 0);
	cr_expect_eq(sets_pack(b, "s/dst", "f", "again"), 0, "in the set it may");
	cr_expect_eq(sets_remove(b, "s/dst", "f"), 0);
	cr_expect_eq(sets_pack(b, "s/dst", "f", "final"), 0);
	sets_publish(a, "s/dst");
	cr_expect_eq(sets_pack(b, "s/dst", "f", "evil"), FTX_E_EXISTS);
	m = (struct message){.type = MESSAGE_REMOVE};
	m.remove.base = span_of("s/dst");
	rig_expect_error(b, &m, FTX_E_DENIED);
	cr_expect_eq(sets_with_node(b, MESSAGE_SETMETA, "s/dst", sets_node("f", ENTRY_FILE, 5)),
		     FTX_E_DENIED);
	cr_expect(sets_is(a, "dst/f", "final"));
	rig_free(b);
	rig_free(a);
}

Test(session_set, T37_what_was_open_at_another_ones_publishing_ends_the_connection)
{
	static const uint8_t rights = RIGHT_LIST | RIGHT_GET | RIGHT_PUT;
	const struct block_range all = {0, 1};

	for (int packed = 0; packed < 2; packed++) {
		struct rig *a = rig_open(rights);
		struct rig *b = rig_new(rights, a);
		struct packed item = {.path = span_of("f"), .size = 1};
		struct message m = rig_open_request(0, "s/dst/f", 1);

		rig_hello(b, 1);
		sets_begin(a, "s/dst", NEW);
		sets_begin(b, "s/dst", NEW);
		sets_put(a, "s/dst/f", "final");
		if (packed) {
			m = (struct message){.type = MESSAGE_PACK};
			m.pack.base = span_of("s/dst");
			m.pack.items.items = &item;
			m.pack.items.count = 1;
			rig_send(b, &m);
			rig_expect_alive(b);
		} else {
			rig_ask(b, &m, MESSAGE_HAVE);
			m = rig_write(0, 0, "e", 1);
			rig_send(b, &m);
		}
		sets_publish(a, "s/dst");
		m = rig_commit(0, 1, "e", &all, 1);
		if (packed)
			m = (struct message){.type = MESSAGE_PING};
		rig_send(b, &m);
		rig_expect_close(b, FTX_E_PROTOCOL);
		cr_expect(sets_is(a, "dst/f", "final"));
		rig_free(b);
		rig_free(a);
	}
}

Test(session_set, a_connection_has_one_and_publishes_no_other)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = sets_publish_request("s/dst");

	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	sets_begin(rig, "s/dst", NEW);
	m = sets_begin_request("s/dst", NEW);
	rig_expect_error(rig, &m, FTX_E_UNSUPPORTED);
	m = sets_begin_request("s/other", NEW);
	rig_expect_error(rig, &m, FTX_E_UNSUPPORTED);
	m = sets_publish_request("s/other");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	m = sets_publish_request("s/dst/x");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	sets_publish(rig, "s/dst");
	m = sets_publish_request("s/dst");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	m = sets_begin_request("s/dst", NEW);
	rig_expect_error(rig, &m, FTX_E_SET_EXISTS);
	sets_begin(rig, "s/dst", EXCHANGE);
	sets_publish(rig, "s/dst");
	rig_free(rig);
}

Test(session_set, is_not_published_with_a_file_half_received)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/dst/f", 5);

	sets_begin(rig, "s/dst", NEW);
	rig_ask(rig, &m, MESSAGE_HAVE);
	m = sets_publish_request("s/dst");
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	cr_expect(!rig_exists(rig, "dst"));
	rig_free(rig);
}

Test(session_set, a_name_taken_meanwhile_is_not_replaced)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *other = sets_another(rig, 2);
	struct message m = sets_publish_request("s/dst");

	sets_begin(rig, "s/dst", NEW);
	sets_put(rig, "s/dst/f", "set");
	sets_put(other, "s/dst/f", "theirs");
	rig_expect_error(rig, &m, FTX_E_SET_EXISTS);
	cr_expect(sets_is(rig, "dst/f", "theirs"));
	rig_expect_alive(rig);
	rig_free(other);
	rig_free(rig);
}
