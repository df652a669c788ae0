/*
 * What sessions make of sets, and what clients may try with them.
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "src/store/tree.h"
#include "tests/hostile/rig.h"

enum mode { NEW, EXCHANGE };

static struct message
begin_request(const char *destination, enum mode mode)
{
	struct message m = {.type = MESSAGE_BEGIN};

	m.begin.destination = span_of(destination);
	m.begin.mode = (uint8_t)mode;
	return m;
}

static uint8_t
begin(struct rig *rig, const char *destination, enum mode mode)
{
	struct message m = begin_request(destination, mode);

	return rig_ask(rig, &m, MESSAGE_BEGUN).begun.like;
}

static struct message
publish_request(const char *destination)
{
	struct message m = {.type = MESSAGE_PUBLISH};

	m.publish.destination = span_of(destination);
	return m;
}

static void
publish(struct rig *rig, const char *destination)
{
	struct message m = publish_request(destination);
	struct message answer = rig_ask(rig, &m, MESSAGE_PUBLISHED);

	cr_expect_eq(answer.published.path.length, strlen(destination));
	cr_expect(memcmp(answer.published.path.data, destination, strlen(destination)) == 0);
}

/* A session on the same share, of this run. */
static struct rig *
another(const struct rig *rig, uint8_t run)
{
	struct rig *other = rig_new(RIGHTS_FULL, rig);

	rig_hello(other, run);
	return other;
}

/* One file through OPEN, WRITE, COMMIT; its content is text. */
static void
put(struct rig *rig, const char *path, const char *text)
{
	const struct block_range all = {0, 1};
	struct message m = rig_open_request(0, path, strlen(text));

	rig_ask(rig, &m, MESSAGE_HAVE);
	m = rig_write(0, 0, text, strlen(text));
	rig_send(rig, &m);
	m = rig_commit(0, strlen(text), text, &all, 1);
	rig_ask(rig, &m, MESSAGE_COMMITTED);
}

/* The same through PACK; returns its status. */
static int
pack(struct rig *rig, const char *base, const char *path, const char *text)
{
	struct packed item = {.path = span_of(path), .size = strlen(text), .flags = 1};
	struct digest digest = digest_of(text, strlen(text));
	struct message m = {.type = MESSAGE_PACK}, answer;

	item.length = (uint32_t)item.size;
	memcpy(item.digest, digest.bytes, sizeof(item.digest));
	item.metadata = (struct metadata){.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1000000000};
	m.pack.base = span_of(base);
	m.pack.items.items = &item;
	m.pack.items.count = 1;
	m.pack.raw_length = item.length;
	m.pack.data = (struct span){(const uint8_t *)text, item.size};
	rig_send(rig, &m);
	m = (struct message){.type = MESSAGE_COMMIT_PACKS};
	m.commit_packs.items = 1;
	answer = rig_ask(rig, &m, MESSAGE_COMMITTED_PACKS);
	return -answer.committed_packs.statuses.items[0].code;
}

static bool
is(const struct rig *rig, const char *name, const char *text)
{
	size_t length = 0;
	uint8_t *content;
	bool same;

	if (!rig_exists(rig, name))
		return false;
	content = rig_content(rig, name, &length);
	same = length == strlen(text) && memcmp(content, text, length) == 0;
	free(content);
	return same;
}

static struct node
node_of(const char *path, uint8_t type, uint64_t size)
{
	return (struct node){
	    .path = span_of(path),
	    .size = size,
	    .metadata = {.type = type, .mode = 0644, .mtime_s = 1000000000},
	};
}

static unsigned
offer(struct rig *rig, const char *base, struct node node)
{
	struct message m = {.type = MESSAGE_OFFER};

	m.offer.base = span_of(base);
	m.offer.nodes.items = &node;
	m.offer.nodes.count = 1;
	m = rig_ask(rig, &m, MESSAGE_VERDICTS);
	return m.verdicts.verdicts.items[0].state;
}

/* MKDIR or SETMETA of one node; its status. */
static int
with_node(struct rig *rig, enum message_type type, const char *base, struct node node)
{
	struct message m = {.type = type};

	/* Both have the same fields. */
	if (type == MESSAGE_MKDIR) {
		m.mkdir.base = span_of(base);
		m.mkdir.nodes.items = &node;
		m.mkdir.nodes.count = 1;
	} else {
		m.setmeta.base = span_of(base);
		m.setmeta.nodes.items = &node;
		m.setmeta.nodes.count = 1;
	}
	m = rig_ask(rig, &m, MESSAGE_STATUSES);
	return -m.statuses.statuses.items[0].code;
}

static int
remove_one(struct rig *rig, const char *base, const char *path)
{
	struct path_only only = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_REMOVE};

	m.remove.base = span_of(base);
	m.remove.paths.items = &only;
	m.remove.paths.count = 1;
	m = rig_ask(rig, &m, MESSAGE_STATUSES);
	return -m.statuses.statuses.items[0].code;
}

static void
make_directory(const struct rig *rig, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	cr_assert_eq(mkdir(path, 0755), 0);
}

/* A file with the time and mode of node_of(). */
static void
make_file(const struct rig *rig, const char *name, const char *text)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	char path[512];

	rig_file(rig, name, text, strlen(text));
	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	cr_assert(chmod(path, 0644) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0);
}

static ino_t
inode_of(const struct rig *rig, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	cr_assert_eq(lstat(path, &st), 0, "%s: %s", name, strerror(errno));
	return st.st_ino;
}

/* The session's process dies as by a crash. */
static void
kill_session(struct rig *rig)
{
	int status;

	cr_assert_eq(kill(rig->pid, SIGKILL), 0);
	cr_assert_eq(waitpid(rig->pid, &status, 0), rig->pid);
	channel_free(rig->channel);
	close(rig->pair);
	free(rig);
}

Test(session_set, two_sessions_of_a_run_fill_one)
{
	struct rig *a = rig_open(RIGHTS_FULL);
	struct rig *b = another(a, 1), *c = another(a, 2);
	struct message m = begin_request("s/up/dst", NEW);

	cr_expect_eq(begin(a, "s/up/dst", NEW), 0);
	cr_expect_eq(begin(b, "s/up/dst", NEW), 0);
	rig_expect_error(c, &m, FTX_E_BUSY);
	put(a, "s/up/dst/a", "from a");
	cr_expect_eq(pack(b, "s/up/dst", "d/b", "from b"), 0);
	cr_expect_eq(with_node(b, MESSAGE_MKDIR, "s/up/dst", node_of("e", ENTRY_DIRECTORY, 0)), 0);
	cr_expect_eq(with_node(a, MESSAGE_SETMETA, "s/up/dst", node_of("", ENTRY_DIRECTORY, 0)), 0);
	cr_expect(!rig_exists(a, "up"));
	cr_expect_eq(offer(c, "s", node_of("up/dst", ENTRY_DIRECTORY, 0)), TREE_ABSENT);
	publish(a, "s/up/dst");
	cr_expect(is(a, "up/dst/a", "from a") && is(a, "up/dst/d/b", "from b"));
	cr_expect(rig_exists(a, "up/dst/e"));
	/* For both the destination is an ordinary directory from now on. */
	put(a, "s/up/dst/later", "a");
	put(b, "s/up/dst/later", "b");
	cr_expect(is(a, "up/dst/later", "b"));
	rig_free(c);
	rig_free(b);
	rig_free(a);
}

Test(session_set, a_killed_run_leaves_it_to_the_next)
{
	struct rig *keep = rig_open(RIGHTS_FULL);
	struct rig *a = another(keep, 1), *b = another(keep, 2);
	struct message m = rig_open_request(0, "s/dst/big", 2 * LIMIT_BLOCK_BYTES);
	static uint8_t block[LIMIT_BLOCK_BYTES];

	begin(a, "s/dst", NEW);
	cr_expect_eq(pack(a, "s/dst", "f", "left"), 0);
	rig_ask(a, &m, MESSAGE_HAVE);
	for (size_t at = 0; at < sizeof(block); at += LIMIT_CHUNK_BYTES) {
		struct message w = rig_write(0, at, block, LIMIT_CHUNK_BYTES);

		rig_send(a, &w);
	}
	m = (struct message){.type = MESSAGE_CHECKPOINT};
	rig_ask(a, &m, MESSAGE_OK);
	kill_session(a);
	begin(b, "s/dst", NEW);
	cr_expect_eq(offer(b, "s/dst", node_of("f", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(offer(b, "s/dst", node_of("f", ENTRY_FILE, 5)), TREE_ABSENT);
	cr_expect_eq(offer(b, "s/dst", node_of("big", ENTRY_FILE, 2 * LIMIT_BLOCK_BYTES)),
		     TREE_PARTIAL);
	m = rig_open_request(1, "s/dst/big", 2 * LIMIT_BLOCK_BYTES);
	m = rig_ask(b, &m, MESSAGE_HAVE);
	cr_expect(m.have.blocks.count == 1 && m.have.blocks.items[0].count == 1);
	m = (struct message){.type = MESSAGE_RELEASE};
	m.release.handle = 1;
	m.release.discard = 1;
	rig_ask(b, &m, MESSAGE_OK);
	publish(b, "s/dst");
	cr_expect(is(b, "dst/f", "left") && !rig_exists(b, "dst/big"));
	rig_free(b);
	rig_free(keep);
}

Test(session_set, a_partial_of_the_plain_path_is_another)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *plain = another(rig, 2);
	struct message m = rig_open_request(0, "s/dst/f", LIMIT_BLOCK_BYTES);

	begin(rig, "s/dst", NEW);
	rig_ask(plain, &m, MESSAGE_HAVE);
	rig_ask(rig, &m, MESSAGE_HAVE);
	rig_free(plain);
	rig_free(rig);
}

Test(session_set, an_exchange_takes_over_what_is_the_same)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	ino_t same;

	make_directory(rig, "dst");
	make_directory(rig, "dst/d");
	make_file(rig, "dst/d/same", "same");
	make_file(rig, "dst/changed", "old");
	make_file(rig, "dst/gone", "gone");
	same = inode_of(rig, "dst/d/same");
	cr_expect_eq(begin(rig, "s/dst", EXCHANGE), 1);
	cr_expect_eq(offer(rig, "s/dst", node_of("d/same", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(offer(rig, "s/dst", node_of("d/same", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(offer(rig, "s/dst", node_of("changed", ENTRY_FILE, 4)), TREE_ABSENT);
	cr_expect_eq(offer(rig, "s/dst", node_of("d", ENTRY_DIRECTORY, 0)), TREE_METADATA);
	cr_expect_eq(pack(rig, "s/dst", "changed", "new!"), 0);
	cr_expect(is(rig, "dst/changed", "old") && is(rig, "dst/gone", "gone"));
	publish(rig, "s/dst");
	cr_expect(is(rig, "dst/changed", "new!") && is(rig, "dst/d/same", "same"));
	cr_expect(!rig_exists(rig, "dst/gone"));
	cr_expect_eq(inode_of(rig, "dst/d/same"), same);
	rig_free(rig);
}

Test(session_set, what_is_linked_is_not_changed_through_the_link)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct node other = node_of("f", ENTRY_FILE, 4);
	ino_t inode;

	other.metadata.mode = 0600;
	make_directory(rig, "dst");
	make_file(rig, "dst/f", "same");
	inode = inode_of(rig, "dst/f");
	begin(rig, "s/dst", EXCHANGE);
	cr_expect_eq(offer(rig, "s/dst", other), TREE_ABSENT, "another mode");
	cr_expect_eq(offer(rig, "s/dst", node_of("f", ENTRY_FILE, 4)), TREE_SAME);
	cr_expect_eq(with_node(rig, MESSAGE_SETMETA, "s/dst", other), FTX_E_EXISTS);
	cr_expect_eq(offer(rig, "s/dst", other), TREE_ABSENT);
	cr_expect_eq(pack(rig, "s/dst", "f", "news"), 0);
	cr_expect(is(rig, "dst/f", "same") && inode_of(rig, "dst/f") == inode);
	cr_expect_eq(with_node(rig, MESSAGE_SETMETA, "s/dst", other), 0, "a new inode");
	publish(rig, "s/dst");
	cr_expect(is(rig, "dst/f", "news") && inode_of(rig, "dst/f") != inode);
	rig_free(rig);
}

Test(session_set, only_what_is_at_or_below_the_destination_is_inside)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	begin(rig, "s/dst", NEW);
	put(rig, "s/dstx", "outside");
	put(rig, "s/dst/dst", "inside");
	cr_expect_eq(pack(rig, "s/other", "f", "outside"), 0);
	cr_expect(is(rig, "dstx", "outside") && is(rig, "other/f", "outside"));
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
	cr_expect_eq(with_node(rig, MESSAGE_MKDIR, "s", node_of("dst", ENTRY_DIRECTORY, 0)),
		     FTX_E_NAME);
	cr_expect_eq(with_node(rig, MESSAGE_MKDIR, "s", node_of("dst/a", ENTRY_DIRECTORY, 0)),
		     FTX_E_NAME);
	cr_expect_eq(with_node(rig, MESSAGE_MKDIR, "s", node_of("dsty", ENTRY_DIRECTORY, 0)), 0);
	cr_expect_eq(pack(rig, "s", "dst/f", "x"), FTX_E_NAME);
	cr_expect_eq(remove_one(rig, "s/dst", ""), FTX_E_DENIED);
	publish(rig, "s/dst");
	cr_expect(is(rig, "dst/dst", "inside"));
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

	make_directory(rig, "dir");
	make_file(rig, "file", "x");
	snprintf(path, sizeof(path), "%s/link", rig->directory);
	cr_assert_eq(symlink("dir", path), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m = begin_request(cases[i].destination, cases[i].mode);

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
		struct message m = begin_request("s/there", NEW);
		bool told = (rights & (RIGHT_LIST | RIGHT_PUT)) == (RIGHT_LIST | RIGHT_PUT);

		make_directory(rig, "there");
		make_file(rig, "there/f", "same");
		rig_expect_error(rig, &m, told ? FTX_E_SET_EXISTS : FTX_E_DENIED);
		m = begin_request("s/there", EXCHANGE);
		if ((rights & all) != all) {
			rig_expect_error(rig, &m, FTX_E_DENIED);
		} else {
			/* Without list nothing tells what is there. */
			cr_expect_eq(rig_ask(rig, &m, MESSAGE_BEGUN).begun.like,
				     (rights & RIGHT_LIST) != 0);
			cr_expect_eq(offer(rig, "s/there", node_of("f", ENTRY_FILE, 4)),
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
	begin(a, "s/dst", NEW);
	begin(b, "s/dst", NEW);
	cr_expect_eq(pack(b, "s/dst", "f", "first"), 0);
	cr_expect_eq(pack(b, "s/dst", "f", "again"), 0, "in the set it may");
	cr_expect_eq(remove_one(b, "s/dst", "f"), 0);
	cr_expect_eq(pack(b, "s/dst", "f", "final"), 0);
	publish(a, "s/dst");
	cr_expect_eq(pack(b, "s/dst", "f", "evil"), FTX_E_EXISTS);
	m = (struct message){.type = MESSAGE_REMOVE};
	m.remove.base = span_of("s/dst");
	rig_expect_error(b, &m, FTX_E_DENIED);
	cr_expect_eq(with_node(b, MESSAGE_SETMETA, "s/dst", node_of("f", ENTRY_FILE, 5)),
		     FTX_E_DENIED);
	cr_expect(is(a, "dst/f", "final"));
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
		begin(a, "s/dst", NEW);
		begin(b, "s/dst", NEW);
		put(a, "s/dst/f", "final");
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
		publish(a, "s/dst");
		m = rig_commit(0, 1, "e", &all, 1);
		if (packed)
			m = (struct message){.type = MESSAGE_PING};
		rig_send(b, &m);
		rig_expect_close(b, FTX_E_PROTOCOL);
		cr_expect(is(a, "dst/f", "final"));
		rig_free(b);
		rig_free(a);
	}
}

Test(session_set, a_connection_has_one_and_publishes_no_other)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = publish_request("s/dst");

	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	begin(rig, "s/dst", NEW);
	m = begin_request("s/dst", NEW);
	rig_expect_error(rig, &m, FTX_E_UNSUPPORTED);
	m = begin_request("s/other", NEW);
	rig_expect_error(rig, &m, FTX_E_UNSUPPORTED);
	m = publish_request("s/other");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	m = publish_request("s/dst/x");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	publish(rig, "s/dst");
	m = publish_request("s/dst");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	m = begin_request("s/dst", NEW);
	rig_expect_error(rig, &m, FTX_E_SET_EXISTS);
	begin(rig, "s/dst", EXCHANGE);
	publish(rig, "s/dst");
	rig_free(rig);
}

Test(session_set, is_not_published_with_a_file_half_received)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/dst/f", 5);

	begin(rig, "s/dst", NEW);
	rig_ask(rig, &m, MESSAGE_HAVE);
	m = publish_request("s/dst");
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	cr_expect(!rig_exists(rig, "dst"));
	rig_free(rig);
}

Test(session_set, a_name_taken_meanwhile_is_not_replaced)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *other = another(rig, 2);
	struct message m = publish_request("s/dst");

	begin(rig, "s/dst", NEW);
	put(rig, "s/dst/f", "set");
	put(other, "s/dst/f", "theirs");
	rig_expect_error(rig, &m, FTX_E_SET_EXISTS);
	cr_expect(is(rig, "dst/f", "theirs"));
	rig_expect_alive(rig);
	rig_free(other);
	rig_free(rig);
}
