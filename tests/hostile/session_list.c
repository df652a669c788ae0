/*
 * What a client asks of listings, space and digests.
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/secure/match.h"
#include "src/store/metadata.h"
#include "tests/hostile/rig.h"

static struct message
list_request(uint8_t walk, const char *path, bool recursive)
{
	struct message m = {.type = MESSAGE_LIST};

	m.list.walk = walk;
	m.list.path = span_of(path);
	m.list.recursive = recursive;
	return m;
}

static struct message
next_request(uint8_t walk, uint8_t parts)
{
	struct message m = {.type = MESSAGE_NEXT};

	m.next.walk = walk;
	m.next.parts = parts;
	return m;
}

static void
list(struct rig *rig, uint8_t walk, const char *path)
{
	const struct message m = list_request(walk, path, true);

	rig_ask(rig, &m, MESSAGE_OK);
}

static void
in_share(const struct rig *rig, const char *name, char path[static 512])
{
	snprintf(path, 512, "%s/%s", rig->directory, name);
}

static void
make_dir(const struct rig *rig, const char *name)
{
	char path[512];

	in_share(rig, name, path);
	cr_assert(mkdir(path, 0755) == 0, "%s", strerror(errno));
}

static void
print_line(FILE *out, const struct listed *l)
{
	static const char *const marks[] = {"", "<", "!"};

	fprintf(out, "%s%.*s", marks[l->kind], (int)l->path.length, (const char *)l->path.data);
	if (l->code != 0)
		fprintf(out, "!%s", error_name(error_from_wire(l->code)));
	fputc(' ', out);
}

/* All of a walk, parts at a time, as text; *lines is how many came. */
static char *
walk_text(struct rig *rig, uint8_t walk, uint8_t parts, uint64_t *lines)
{
	const struct message ask = next_request(walk, parts);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct message m = {.type = MESSAGE_MORE};

	*lines = 0;
	while (m.type != MESSAGE_LIST_DONE) {
		unsigned came = 0;

		rig_send(rig, &ask);
		do {
			cr_assert_eq(rig_receive(rig, &m), 0);
			if (m.type != MESSAGE_ENTRIES)
				continue;
			cr_assert(m.entries.lines.count > 0 && ++came <= parts);
			*lines += m.entries.lines.count;
			for (uint32_t i = 0; i < m.entries.lines.count; i++)
				print_line(out, &m.entries.lines.items[i]);
		} while (m.type == MESSAGE_ENTRIES);
		cr_assert(m.type == MESSAGE_MORE || m.type == MESSAGE_LIST_DONE);
	}
	cr_expect_eq(m.list_done.count, *lines);
	fclose(out);
	return text;
}

Test(session, lists_each_directory_complete_before_those_in_it)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	uint64_t lines;
	char *text;

	make_dir(rig, "d");
	make_dir(rig, "d/b");
	rig_file(rig, "d/a", "x", 1);
	rig_file(rig, "d/b/c", "x", 1);
	rig_file(rig, "z", "x", 1);
	list(rig, 0, "s/d");
	text = walk_text(rig, 0, 3, &lines);
	cr_expect_str_eq(text, "< a b <b c ");
	free(text);
	list(rig, 3, "s");
	text = walk_text(rig, 3, 1, &lines);
	cr_expect_str_eq(text, "< d z <d a b <d/b c ");
	free(text);
	rig_free(rig);
}

Test(session, a_listing_says_what_STAT_says)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = {.type = MESSAGE_STAT}, next = next_request(0, 1);
	struct attributes stat;
	const struct attributes *a;
	char path[512];

	rig_file(rig, "f", "hello", 5);
	in_share(rig, "l", path);
	cr_assert(symlink("somewhere", path) == 0);
	m.stat.path = span_of("s/f");
	m = rig_ask(rig, &m, MESSAGE_ENTRY);
	stat = m.entry.attributes;
	list(rig, 0, "s");
	m = rig_ask(rig, &next, MESSAGE_ENTRIES);
	cr_assert(m.entries.lines.count == 3);
	a = &m.entries.lines.items[1].attributes;
	cr_expect(a->metadata.type == ENTRY_FILE && a->metadata.mode == stat.metadata.mode);
	cr_expect(identity_same(&a->identity, &stat.identity) && a->identity.size == 5);
	cr_expect(a->allocated == stat.allocated && a->links == 1);
	a = &m.entries.lines.items[2].attributes;
	cr_expect(a->metadata.type == ENTRY_SYMLINK && a->target.length == 9 &&
		  memcmp(a->target.data, "somewhere", 9) == 0);
	cr_expect_eq(m.entries.lines.items[0].kind, 1);
	cr_expect_eq(m.entries.lines.items[0].attributes.metadata.type, ENTRY_DIRECTORY);
	cr_assert_eq(rig_receive(rig, &m), 0);
	cr_expect_eq(m.type, MESSAGE_LIST_DONE);
	rig_free(rig);
}

Test(session, LIST_of_anything_else_is_an_error_and_takes_no_number)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
	    {"", FTX_E_NOT_FOUND},     {"t", FTX_E_NOT_FOUND}, {"s/no", FTX_E_NOT_FOUND},
	    {"s/f", FTX_E_CONFLICT},   {"s/l", FTX_E_IS_LINK}, {"s/l/x", FTX_E_IS_LINK},
	    {"s/f/x", FTX_E_CONFLICT}, {"s/..", FTX_E_NAME},   {"s/.ftx", FTX_E_NAME},
	};
	struct rig *rig = rig_open(RIGHTS_FULL);
	char path[512];

	rig_file(rig, "f", "x", 1);
	in_share(rig, "l", path);
	cr_assert(symlink("/etc", path) == 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct message m = list_request(0, cases[i].path, true);

		rig_expect_error(rig, &m, cases[i].error);
	}
	list(rig, 0, "s");
	rig_expect_alive(rig);
	rig_free(rig);
}

Test(session, NEXT_of_no_walk_is_a_protocol_error)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message m = next_request(1, 1);

	list(rig, 0, "s");
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

/* They may be sent together. */
Test(session, NEXT_behind_a_LIST_that_failed_fails_as_it_did)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message next = next_request(1, 1);
	struct message m = list_request(1, "s/none", true);

	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_expect_error(rig, &next, FTX_E_NOT_FOUND);
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	list(rig, 1, "s");
	rig_ask(rig, &next, MESSAGE_ENTRIES);
	rig_receive(rig, &m);
	cr_assert_eq(m.type, MESSAGE_LIST_DONE);
	rig_send(rig, &next);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session, NEXT_twice_behind_a_LIST_that_failed_is_a_protocol_error)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message m = list_request(0, "s/none", true), next = next_request(0, 1);

	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_expect_error(rig, &next, FTX_E_NOT_FOUND);
	rig_send(rig, &next);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session, NEXT_behind_the_end_is_a_protocol_error)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message m = next_request(0, 1);
	uint64_t lines;

	list(rig, 0, "s");
	free(walk_text(rig, 0, 1, &lines));
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session, LIST_of_a_number_in_use_is_a_protocol_error)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message m = list_request(2, "s", false);

	list(rig, 2, "s");
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session, a_walk_can_be_ended_before_its_end)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message end = next_request(1, 0);
	struct message m;

	for (int i = 0; i < 3; i++) {
		list(rig, 1, "s");
		m = rig_ask(rig, &end, MESSAGE_LIST_DONE);
		cr_expect_eq(m.list_done.count, 0);
	}
	rig_free(rig);
}

Test(session, T26_a_long_list_comes_in_the_parts_that_were_asked_for)
{
	enum { FILES = 5000 };
	struct rig *rig = rig_open(RIGHTS_FULL);
	uint64_t lines;

	for (unsigned i = 0; i < FILES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%u-%050u", i, i);
		rig_file(rig, name, "", 0);
	}
	for (uint8_t parts = 1; parts <= LIMIT_NEXT_PARTS; parts += 5) {
		list(rig, 0, "s");
		free(walk_text(rig, 0, parts, &lines));
		cr_expect_eq(lines, FILES + 1);
	}
	rig_free(rig);
}

/* A record is full before LIMIT_ENTRIES lines are in it, and no line is lost or said twice. */
Test(session, lines_with_long_attributes_fill_records_and_none_is_lost)
{
	enum { FILES = 300, VALUE = 3000 };
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = list_request(0, "s", true), next = next_request(0, 16);
	static char value[VALUE];
	unsigned seen = 0, parts = 0;

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < FILES; i++) {
		char name[16], path[512];

		snprintf(name, sizeof(name), "%04u", i);
		rig_file(rig, name, "", 0);
		in_share(rig, name, path);
		if (setxattr(path, "user.long", value, i % 2 == 0 ? VALUE : VALUE / 2, 0) != 0) {
			rig_free(rig);
			cr_skip_test("no user attributes of this length here");
		}
	}
	m.list.parts = METADATA_XATTRS;
	rig_ask(rig, &m, MESSAGE_OK);
	rig_send(rig, &next);
	for (;;) {
		cr_assert_eq(rig_receive(rig, &m), 0);
		if (m.type != MESSAGE_ENTRIES)
			break;
		parts++;
		for (uint32_t i = 0; i < m.entries.lines.count; i++) {
			const struct listed *l = &m.entries.lines.items[i];
			char name[16];

			if (l->kind != 0)
				continue;
			snprintf(name, sizeof(name), "%04u", seen++);
			cr_assert(l->path.length == 4 && memcmp(l->path.data, name, 4) == 0);
			cr_assert(l->attributes.metadata.xattrs.length > VALUE / 2);
			cr_assert(xattrs_check(&l->attributes.metadata.xattrs) == 0);
		}
	}
	cr_expect_eq(m.type, MESSAGE_LIST_DONE);
	cr_expect(seen == FILES && parts >= 3, "%u lines in %u parts", seen, parts);
	rig_free(rig);
}

Test(session, lists_no_reserved_names)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	uint64_t lines;
	char *text;

	make_dir(rig, "d");
	rig_file(rig, "d/.ftx-x", "", 0);
	rig_file(rig, "d/.ftxx", "", 0);
	list(rig, 0, "s");
	text = walk_text(rig, 0, 1, &lines);
	cr_expect_str_eq(text, "< d <d .ftxx ");
	free(text);
	rig_free(rig);
}

Test(session, LIST_STATFS_and_DIGEST_need_their_rights)
{
	struct rig *rig = rig_open(RIGHT_PUT);
	struct message m = list_request(0, "s", true);

	rig_expect_error(rig, &m, FTX_E_DENIED);
	m = (struct message){.type = MESSAGE_STATFS};
	m.statfs.path = span_of("s");
	rig_expect_error(rig, &m, FTX_E_DENIED);
	m = (struct message){.type = MESSAGE_DIGEST};
	m.digest.base = span_of("s");
	rig_expect_error(rig, &m, FTX_E_DENIED);
	rig_free(rig);
}

Test(session, STATFS_says_the_space_where_a_path_is_or_would_be)
{
	static const char *const paths[] = {"s", "s/f", "s/no/such/place"};
	struct rig *rig = rig_open(RIGHT_LIST);
	struct message m;

	rig_file(rig, "f", "x", 1);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct message ask = {.type = MESSAGE_STATFS};

		ask.statfs.path = span_of(paths[i]);
		m = rig_ask(rig, &ask, MESSAGE_SPACE);
		cr_expect(m.space.bytes > 0 && m.space.bytes_free <= m.space.bytes);
		cr_expect(m.space.files > 0);
	}
	m = (struct message){.type = MESSAGE_STATFS};
	m.statfs.path = span_of("t");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_free(rig);
}

Test(session, DIGEST_says_for_each_path_its_digest_or_why_not)
{
	static const char *const paths[] = {"f", "no", "l", "sub", "", "../f", "sub/f", "big"};
	static const int errors[] = {
	    0, FTX_E_NOT_FOUND, FTX_E_IS_LINK, FTX_E_CONFLICT, FTX_E_CONFLICT, FTX_E_NAME, 0, 0};
	enum { COUNT = sizeof(paths) / sizeof(paths[0]) };
	static uint8_t big[LIMIT_BLOCK_BYTES + 77];
	struct rig *rig = rig_open(RIGHT_GET | RIGHT_LIST);
	struct path_only items[COUNT];
	struct message m = {.type = MESSAGE_DIGEST};
	struct match match;
	const uint8_t no_key[MATCH_KEY_BYTES] = {0}; /* the rig's */
	uint8_t expected[MATCH_BYTES];
	struct digest_state *state = digest_state_new();
	struct digest block, file;
	char path[512];

	make_dir(rig, "d");
	make_dir(rig, "d/sub");
	rig_file(rig, "d/f", "hello", 5);
	rig_file(rig, "d/sub/f", "hello", 5);
	memset(big, 7, sizeof(big));
	rig_file(rig, "d/big", big, sizeof(big));
	in_share(rig, "d/l", path);
	cr_assert(symlink("f", path) == 0);
	for (size_t i = 0; i < COUNT; i++)
		items[i].path = span_of(paths[i]);
	m.digest.base = span_of("s/d");
	m.digest.paths.items = items;
	m.digest.paths.count = COUNT;
	for (uint8_t keyed = 0; keyed < 2; keyed++) {
		struct message ask = m, answer;
		const struct path_digest *d;

		ask.digest.keyed = keyed;
		answer = rig_ask(rig, &ask, MESSAGE_DIGESTS);
		cr_assert_eq(answer.digests.digests.count, COUNT);
		d = answer.digests.digests.items;
		for (size_t i = 0; i < COUNT; i++)
			cr_expect_eq(d[i].code, -errors[i], "%s: %u", paths[i], d[i].code);
		cr_expect(d[0].size == 5 && d[7].size == sizeof(big));
		cr_expect_arr_eq(d[0].digest, d[6].digest, 16);
		cr_expect_arr_neq(d[0].digest, d[7].digest, 16);
		if (keyed != 0) {
			match_start(&match, no_key, sizeof(big));
			match_add(&match, big, LIMIT_BLOCK_BYTES);
			match_add(&match, big, 77);
			match_finish(&match, expected);
			cr_expect_arr_eq(d[7].digest, expected, 16);
		} else {
			file_digest_start(state, sizeof(big));
			block = digest_of(big, LIMIT_BLOCK_BYTES);
			file_digest_add(state, &block);
			block = digest_of(big, 77);
			file_digest_add(state, &block);
			file = digest_finish(state);
			cr_expect_arr_eq(d[7].digest, file.bytes, 16);
		}
	}
	digest_state_free(state);
	rig_free(rig);
}

/* T22: counts that announce more than there is, or may be. */
Test(session, T22_counts_of_DIGEST_are_checked_before_they_are_believed)
{
	static const uint32_t counts[] = {1, LIMIT_ENTRIES, LIMIT_ENTRIES + 1, 0x7fffffff,
					  0xffffffff};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		uint8_t plain[] = {MESSAGE_DIGEST, 1, 0, 's', 0, 0, 0, 0, 0};

		for (unsigned b = 0; b < 4; b++)
			plain[5 + b] = (uint8_t)(counts[i] >> (8 * b));
		rig_send_plain(rig, plain, sizeof(plain));
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}
