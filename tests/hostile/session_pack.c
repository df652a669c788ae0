/*
 * Small files: what no honest client sends in PACK, COMMIT_PACKS and FETCH, and what concerns one
 * file only.
 */
#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"
#include "tests/hostile/rig.h"

enum { LAST = 1, DROPPED = 2 };

static uint8_t bytes[LIMIT_CHUNK_BYTES];
static struct packed items[LIMIT_ENTRIES];
static struct wanted wanted[LIMIT_ENTRIES];

static void
fill_bytes(void)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
}

/* A whole file. */
static struct packed
item(const char *path, const void *data, size_t length)
{
	struct packed p = {
	    .path = span_of(path),
	    .size = length,
	    .length = (uint32_t)length,
	    .flags = LAST,
	    .metadata = {.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1700000000},
	};
	struct digest digest = digest_of(data, length);

	memcpy(p.digest, digest.bytes, sizeof(p.digest));
	return p;
}

static struct packed
part(const char *path, const uint8_t *data, uint64_t size, uint64_t offset, size_t length,
     uint8_t flags)
{
	struct packed p = item(path, data + offset, length);

	p.size = size;
	p.offset = offset;
	p.flags = flags;
	return p;
}

static struct message
pack(const struct packed *list, uint32_t count, const void *data, size_t length)
{
	struct message m = {.type = MESSAGE_PACK};

	m.pack.base = span_of("s");
	m.pack.items.items = list;
	m.pack.items.count = count;
	m.pack.raw_length = (uint32_t)length;
	m.pack.data.data = data;
	m.pack.data.length = length;
	return m;
}

static void
send_pack(struct rig *rig, const struct packed *list, uint32_t count, const void *data,
	  size_t length)
{
	struct message m = pack(list, count, data, length);

	rig_send(rig, &m);
}

static struct message
commit(uint32_t count)
{
	struct message m = {.type = MESSAGE_COMMIT_PACKS};

	m.commit_packs.items = count;
	return m;
}

/* Commits count items, which must have these statuses; NULL: all are fine. */
static void
expect_statuses(struct rig *rig, uint32_t count, const int *expected)
{
	struct message m = commit(count);

	m = rig_ask(rig, &m, MESSAGE_COMMITTED_PACKS);
	cr_assert_eq(m.committed_packs.statuses.count, count);
	for (uint32_t i = 0; i < count; i++) {
		int status = -(int)m.committed_packs.statuses.items[i].code;

		cr_expect_eq(status, expected != NULL ? expected[i] : 0, "%u: %s", i,
			     error_name(status));
	}
}

static bool
content_is(struct rig *rig, const char *name, const void *data, size_t length)
{
	size_t is;
	uint8_t *content = rig_content(rig, name, &is);
	bool same = is == length && memcmp(content, data, length) == 0;

	free(content);
	return same;
}

static unsigned
left_in_staging(const struct rig *rig)
{
	char command[256], line[32] = "";
	FILE *f;

	snprintf(command, sizeof(command), "find %s/.ftx -type f | wc -l", rig->directory);
	f = popen(command, "r");
	cr_assert(f != NULL && fgets(line, sizeof(line), f) != NULL);
	pclose(f);
	return (unsigned)strtoul(line, NULL, 10);
}

Test(session_pack, small_files_are_published_together)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	items[0] = item("a", "hello", 5);
	items[1] = item("dir/sub/b", "", 0);
	items[2] = item("dir/sub/c", "world", 5);
	send_pack(rig, items, 3, "helloworld", 10);
	rig_expect_alive(rig);
	cr_expect(!rig_exists(rig, "a"));
	expect_statuses(rig, 3, NULL);
	cr_expect(content_is(rig, "a", "hello", 5));
	cr_expect(content_is(rig, "dir/sub/b", "", 0));
	cr_expect(content_is(rig, "dir/sub/c", "world", 5));
	expect_statuses(rig, 0, NULL);
	cr_expect_eq(left_in_staging(rig), 0);
	rig_free(rig);
}

Test(session_pack, the_base_is_above_each_path)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	items[0] = item("b/c", "hello", 5);
	m = pack(items, 1, "hello", 5);
	m.pack.base = span_of("s/a");
	rig_send(rig, &m);
	expect_statuses(rig, 1, NULL);
	cr_expect(content_is(rig, "a/b/c", "hello", 5));
	rig_free(rig);
}

Test(session_pack, a_file_comes_in_parts_over_several_packs)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const uint64_t size = 600000;
	uint8_t *data = malloc(size);

	fill_bytes();
	for (size_t i = 0; i < size; i++)
		data[i] = bytes[i % 65537];
	items[0] = item("first", data, 7);
	items[1] = part("dir/big", data, size, 0, 200000, 0);
	memcpy(bytes, data, 7);
	memcpy(bytes + 7, data, 200000);
	send_pack(rig, items, 2, bytes, 200007);
	items[0] = part("dir/big", data, size, 200000, 200000, 0);
	send_pack(rig, items, 1, data + 200000, 200000);
	items[0] = part("dir/big", data, size, 400000, 200000, LAST);
	items[1] = item("last", data, 0);
	send_pack(rig, items, 2, data + 400000, 200000);
	expect_statuses(rig, 3, NULL);
	cr_expect(content_is(rig, "dir/big", data, size));
	free(data);
	rig_free(rig);
}

/* Each ends the connection: a valid PACK of two files, changed in one place. */
enum damage {
	NO_ITEM,
	SUM_TOO_SMALL,
	SUM_TOO_LARGE,
	RAW_LENGTH_NOT_DATA,
	OFFSET_OF_NOTHING,
	SHORTER_THAN_SIZE,
	LONGER_THAN_SIZE,
	UNFINISHED_IN_THE_MIDDLE,
	NOT_A_FILE,
	NO_TYPE,
	BAD_XATTRS,
	CODEC_OF_NOTHING,
	DAMAGES,
};

Test(session_pack, T20_sums_and_order_that_are_off_end_the_connection)
{
	for (int damage = 0; damage < DAMAGES; damage++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m;

		items[0] = item("a", "hello", 5);
		items[1] = item("b", "world", 5);
		m = pack(items, 2, "helloworld", 10);
		switch ((enum damage)damage) {
		case NO_ITEM:
			m = pack(items, 0, "", 0);
			break;
		case SUM_TOO_SMALL:
			items[1].size = items[1].length = 4;
			break;
		case SUM_TOO_LARGE:
			items[1].size = items[1].length = 6;
			break;
		case RAW_LENGTH_NOT_DATA:
			m.pack.data.length = 9;
			break;
		case OFFSET_OF_NOTHING:
			items[0].offset = 1;
			items[0].size = 6;
			break;
		case SHORTER_THAN_SIZE:
			items[1].size = 6;
			break;
		case LONGER_THAN_SIZE:
			items[1].size = 4;
			break;
		case UNFINISHED_IN_THE_MIDDLE:
			items[0].flags = 0;
			break;
		case NOT_A_FILE:
			items[0].metadata.type = ENTRY_DIRECTORY;
			break;
		case NO_TYPE:
			items[0].metadata.type = 0;
			break;
		case BAD_XATTRS:
			items[1].metadata.xattrs = span_of("nonsense");
			break;
		case CODEC_OF_NOTHING:
			items[0] = item("a", "", 0);
			m = pack(items, 1, "", 0);
			m.pack.codec = CODEC_ZSTD;
			break;
		case DAMAGES:
			break;
		}
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "a"), "%d", damage);
		cr_expect_eq(left_in_staging(rig), 0);
		rig_free(rig);
	}
}

Test(session_pack, T20_what_does_not_go_on_with_the_unfinished_file_ends_the_connection)
{
	static const char *const path = "dir/file";

	fill_bytes();
	for (int i = 0; i < 7; i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m;

		items[0] = part(path, bytes, 100, 0, 50, 0);
		send_pack(rig, items, 1, bytes, 50);
		items[0] = part(path, bytes, 100, 50, 50, LAST);
		m = pack(items, 1, bytes + 50, 50);
		switch (i) {
		case 0:
			items[0].path = span_of("dir/filf");
			break;
		case 1:
			items[0].size = 101;
			items[0].flags = 0;
			break;
		case 2:
			items[0].offset = 51;
			items[0].size = 101;
			break;
		case 3:
			items[0].offset = 0;
			break;
		case 4: /* the same path, put together in another way */
			m.pack.base = span_of("s/dir");
			items[0].path = span_of("file");
			break;
		case 5:
			m = commit(0);
			break;
		case 6:
			m = commit(1);
			break;
		}
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect_eq(left_in_staging(rig), 0);
		rig_free(rig);
	}
}

static const uint8_t zeros[LIMIT_CHUNK_BYTES];

/* What a decoder might be made to do: bombs, data that is short, long, or none at all. */
Test(session_pack, T23_content_that_does_not_decode_exactly_ends_the_connection)
{
	static uint8_t bomb[LIMIT_CHUNK_BYTES];
	static uint8_t huge[8 * LIMIT_CHUNK_BYTES];
	uLongf zipped = sizeof(bomb);
	size_t length;

	for (int i = 0; i < 6; i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m;
		size_t raw = i % 2 == 0 ? 1000 : LIMIT_CHUNK_BYTES;

		items[0] = item("a", zeros, raw);
		m = pack(items, 1, bomb, raw);
		zipped = sizeof(bomb);
		m.pack.codec = i < 3 ? CODEC_ZLIB : CODEC_ZSTD;
		if (i < 3)
			cr_assert_eq(compress(bomb, &zipped, huge, sizeof(huge)), Z_OK);
		length = i < 3 ? zipped : ZSTD_compress(bomb, sizeof(bomb), huge, sizeof(huge), 1);
		if (i % 3 == 2) /* and one that says too little */
			length = ZSTD_compress(bomb, sizeof(bomb), huge, raw - 1, 1);
		m.pack.data.length = length;
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session_pack, takes_what_each_codec_made)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static uint8_t data[LIMIT_CHUNK_BYTES];
	uLongf zipped = sizeof(data);
	struct message m;

	items[0] = item("zlib", zeros, LIMIT_CHUNK_BYTES);
	m = pack(items, 1, data, LIMIT_CHUNK_BYTES);
	cr_assert_eq(compress(data, &zipped, zeros, sizeof(zeros)), Z_OK);
	m.pack.codec = CODEC_ZLIB;
	m.pack.data.length = zipped;
	rig_send(rig, &m);
	items[0] = item("zstd", zeros, LIMIT_CHUNK_BYTES);
	m.pack.codec = CODEC_ZSTD;
	m.pack.data.length = ZSTD_compress(data, sizeof(data), zeros, sizeof(zeros), 1);
	rig_send(rig, &m);
	expect_statuses(rig, 2, NULL);
	cr_expect(content_is(rig, "zlib", zeros, sizeof(zeros)));
	cr_expect(content_is(rig, "zstd", zeros, sizeof(zeros)));
	rig_free(rig);
}

Test(session_pack, what_is_wrong_with_a_file_is_its_status)
{
	static const int expected[] = {0,	   FTX_E_MISMATCH, FTX_E_NAME,
				       FTX_E_NAME, FTX_E_NAME,	   FTX_E_CHANGED,
				       FTX_E_NAME, FTX_E_CONFLICT, 0};
	struct rig *rig = rig_open(RIGHTS_FULL);

	items[0] = item("good", "12345", 5);
	items[1] = item("wrong", "54321", 5);
	items[2] = item("../up", "12345", 5);
	items[3] = item("", "12345", 5);
	items[4] = item(".ftx/x", "12345", 5);
	items[5] = item("dropped", "", 0);
	items[5].flags = LAST | DROPPED;
	items[5].size = 9;
	items[6] = item("nul", "12345", 5);
	items[6].path.data = (const uint8_t *)"n\0l";
	items[7] = item("good/below", "12345", 5);
	items[8] = item("good, too", "12345", 5);
	send_pack(rig, items, 9, "1234512345123451234512345123451234512345", 40);
	expect_statuses(rig, 9, expected);
	cr_expect(rig_exists(rig, "good") && rig_exists(rig, "good, too"));
	cr_expect(!rig_exists(rig, "wrong") && !rig_exists(rig, "dropped"));
	cr_expect_eq(left_in_staging(rig), 0);
	rig_free(rig);
}

Test(session_pack, a_wrong_part_is_the_status_of_the_whole_file)
{
	static const int expected[] = {FTX_E_MISMATCH, 0};
	struct rig *rig = rig_open(RIGHTS_FULL);

	fill_bytes();
	items[0] = part("a", bytes, 100, 0, 50, 0);
	items[0].digest[0] ^= 1;
	send_pack(rig, items, 1, bytes, 50);
	items[0] = part("a", bytes, 100, 50, 50, LAST);
	items[1] = item("b", bytes + 100, 5);
	send_pack(rig, items, 2, bytes + 50, 55);
	expect_statuses(rig, 2, expected);
	cr_expect(!rig_exists(rig, "a"));
	rig_free(rig);
}

Test(session_pack, without_the_right_nothing_is_put)
{
	static const struct {
		uint8_t rights;
		int new, old;
	} cases[] = {
	    {RIGHT_LIST | RIGHT_GET, FTX_E_DENIED, FTX_E_DENIED},
	    {RIGHT_PUT, 0, FTX_E_DENIED},
	    {RIGHT_PUT | RIGHT_LIST, 0, FTX_E_EXISTS},
	    {RIGHT_PUT | RIGHT_OVERWRITE, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_open(cases[i].rights);

		rig_file(rig, "old", "old", 3);
		items[0] = item("new", "12345", 5);
		items[1] = item("old", "12345", 5);
		send_pack(rig, items, 2, "1234512345", 10);
		expect_statuses(rig, 2, (const int[]){cases[i].new, cases[i].old});
		cr_expect_eq(rig_exists(rig, "new"), cases[i].new == 0);
		cr_expect(content_is(rig, "old", cases[i].old == 0 ? "12345" : "old",
				     cases[i].old == 0 ? 5 : 3));
		rig_free(rig);
	}
}

Test(session_pack, a_share_that_is_not_there_is_the_status_of_each_file)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	items[0] = item("a", "12345", 5);
	m = pack(items, 1, "12345", 5);
	m.pack.base = span_of("t");
	rig_send(rig, &m);
	expect_statuses(rig, 1, (const int[]){FTX_E_NOT_FOUND});
	rig_expect_alive(rig);
	rig_free(rig);
}

Test(session_pack, T20_what_is_dropped_and_goes_on_ends_the_connection)
{
	static const struct {
		uint8_t flags;
		size_t length;
	} cases[] = {{DROPPED, 0}, {DROPPED, 5}, {LAST | DROPPED, 5}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);

		items[0] = item("a", "12345", cases[i].length);
		items[0].flags = cases[i].flags;
		items[0].size = 9;
		send_pack(rig, items, 1, "12345", cases[i].length);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "a"));
		rig_free(rig);
	}
}

Test(session_pack, another_share_before_the_commit_ends_the_connection)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	items[0] = item("a", "12345", 5);
	m = pack(items, 1, "12345", 5);
	rig_send(rig, &m);
	m.pack.base = span_of("t");
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session_pack, a_commit_that_counts_otherwise_ends_the_connection)
{
	for (uint32_t count = 0; count < 3; count++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m = commit(count);

		if (count == 1)
			m.commit_packs.items = 3;
		items[0] = item("a", "12345", 5);
		send_pack(rig, items, 1, "12345", 5);
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "a"));
		rig_free(rig);
	}
}

static void
send_many(struct rig *rig, uint32_t first, uint32_t count)
{
	static char names[LIMIT_ENTRIES][16];

	cr_assert_leq(count, LIMIT_ENTRIES);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", first + i);
		items[i] = item(names[i], "", 0);
	}
	send_pack(rig, items, count, "", 0);
}

Test(session_pack, T24_takes_4096_files_and_not_one_more)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	for (int again = 0; again < 2; again++) {
		for (uint32_t i = 0; i < LIMIT_GROUP_ITEMS; i += LIMIT_ENTRIES)
			send_many(rig, i, LIMIT_ENTRIES);
		if (again == 0)
			expect_statuses(rig, LIMIT_GROUP_ITEMS, NULL);
	}
	cr_expect(rig_exists(rig, "f0") && rig_exists(rig, "f4095"));
	send_many(rig, 4096, 1);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	cr_expect(!rig_exists(rig, "f4096"));
	cr_expect_eq(left_in_staging(rig), 0);
	rig_free(rig);
}

Test(session_pack, T24_takes_64_MiB_and_not_one_byte_more)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static uint8_t data[LIMIT_CHUNK_BYTES];
	struct message m = pack(items, 1, data, LIMIT_CHUNK_BYTES);
	uint64_t offset;

	/* As zstd makes it, so that there is room beside it. */
	m.pack.codec = CODEC_ZSTD;
	m.pack.data.length = ZSTD_compress(data, sizeof(data), zeros, sizeof(zeros), 1);
	for (offset = 0; offset < LIMIT_GROUP_BYTES; offset += LIMIT_CHUNK_BYTES) {
		items[0] = item("big", zeros, LIMIT_CHUNK_BYTES);
		items[0].size = LIMIT_GROUP_BYTES;
		items[0].offset = offset;
		items[0].flags = offset + LIMIT_CHUNK_BYTES == LIMIT_GROUP_BYTES ? LAST : 0;
		rig_send(rig, &m);
	}
	rig_expect_alive(rig);
	items[0] = item("more", "x", 1);
	send_pack(rig, items, 1, "x", 1);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

static struct message
fetch(const char *const *paths, uint32_t count)
{
	struct message m = {.type = MESSAGE_FETCH};

	for (uint32_t i = 0; i < count; i++) {
		wanted[i].path = span_of(paths[i]);
		wanted[i].limit = LIMIT_GROUP_BYTES;
	}
	m.fetch.base = span_of("s");
	m.fetch.files.items = wanted;
	m.fetch.files.count = count;
	return m;
}

/* What came of a FETCH: for each file, in the order asked for, its error or its content. */
struct got {
	int code;
	uint64_t size;
	uint32_t parts;
	struct metadata metadata;
	uint8_t *content; /* NULL until its first part */
};

static void
take_items(const struct message_data_pack *m, struct got *got, uint32_t *next)
{
	static uint8_t raw[LIMIT_CHUNK_BYTES];
	struct decoder *d = decoder_new();
	const uint8_t *at = raw;

	if (m->raw_length > 0)
		cr_assert_eq(decoder_run(d, (enum codec)m->codec, m->data.data, m->data.length, raw,
					 m->raw_length),
			     0);
	decoder_free(d);
	for (uint32_t i = 0; i < m->items.count; i++) {
		const struct fetched *f = &m->items.items[i];
		struct digest digest = digest_of(at, f->length);
		struct got *g = &got[*next];

		cr_assert_eq(f->index, *next, "out of order");
		cr_assert_eq(memcmp(digest.bytes, f->digest, sizeof(f->digest)), 0);
		if (g->content == NULL)
			g->content = malloc(f->size + 1);
		g->code = -(int)f->code;
		g->size = f->size;
		g->metadata = f->metadata;
		g->parts++;
		cr_assert(f->offset + f->length <= f->size);
		memcpy(g->content + f->offset, at, f->length);
		at += f->length;
		*next += f->flags & LAST;
	}
	cr_assert_eq(at - raw, m->raw_length);
}

static void
ask_fetch(struct rig *rig, const struct message *m, struct got *got)
{
	uint32_t next = 0;
	struct message answer;

	rig_send(rig, m);
	for (;;) {
		cr_assert_eq(rig_receive(rig, &answer), 0);
		if (answer.type != MESSAGE_DATA_PACK)
			break;
		take_items(&answer.data_pack, got, &next);
	}
	cr_assert_eq(answer.type, MESSAGE_FETCHED, "%s", message_info(answer.type)->name);
	cr_assert_eq(answer.fetched.count, m->fetch.files.count);
	cr_assert_eq(next, m->fetch.files.count);
}

static void
got_free(struct got *got, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(got[i].content);
}

Test(session_fetch, sends_files_of_every_size_and_says_what_is_wrong_with_others)
{
	static const char *const paths[] = {"small", "dir",  "missing", "..",	 "link",
					    "fifo",  "none", "chunk",	"large", "dir/below"};
	static const int codes[] = {0,
				    FTX_E_CONFLICT,
				    FTX_E_NOT_FOUND,
				    FTX_E_NAME,
				    FTX_E_IS_LINK,
				    FTX_E_NOT_REGULAR,
				    0,
				    0,
				    0,
				    0};
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = fetch(paths, 10);
	uint8_t *large = malloc(3 * LIMIT_CHUNK_BYTES);
	char path[512];

	fill_bytes();
	for (size_t i = 0; i < 3 * LIMIT_CHUNK_BYTES; i++)
		large[i] = bytes[i * 7 % LIMIT_CHUNK_BYTES] ^ (uint8_t)(i >> 18);
	snprintf(path, sizeof(path), "%s/dir", rig->directory);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", rig->directory);
	cr_assert_eq(symlink("small", path), 0);
	snprintf(path, sizeof(path), "%s/fifo", rig->directory);
	cr_assert_eq(mkfifo(path, 0644), 0);
	rig_file(rig, "small", "hello", 5);
	rig_file(rig, "none", "", 0);
	rig_file(rig, "chunk", large, LIMIT_CHUNK_BYTES);
	rig_file(rig, "large", large, 3 * LIMIT_CHUNK_BYTES);
	rig_file(rig, "dir/below", "world", 5);
	for (uint8_t compress = COMPRESS_AUTO; compress <= COMPRESS_ZSTD; compress++) {
		struct got got[10] = {0};

		m.fetch.compress = compress;
		ask_fetch(rig, &m, got);
		for (size_t i = 0; i < 10; i++)
			cr_expect_eq(got[i].code, codes[i], "%s: %s", paths[i],
				     error_name(got[i].code));
		cr_expect(got[0].size == 5 && memcmp(got[0].content, "hello", 5) == 0);
		cr_expect(got[0].metadata.type == ENTRY_FILE);
		cr_expect_eq(got[6].size, 0);
		cr_expect(got[7].size == LIMIT_CHUNK_BYTES &&
			  memcmp(got[7].content, large, LIMIT_CHUNK_BYTES) == 0);
		cr_expect(got[8].size == 3 * LIMIT_CHUNK_BYTES &&
			  memcmp(got[8].content, large, 3 * LIMIT_CHUNK_BYTES) == 0);
		cr_expect(got[9].size == 5 && memcmp(got[9].content, "world", 5) == 0);
		got_free(got, 10);
	}
	free(large);
	rig_free(rig);
}

Test(session_fetch, a_file_over_its_limit_is_too_large)
{
	static const char *const paths[] = {"a", "a"};
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = fetch(paths, 2);
	struct got got[2] = {0};

	rig_file(rig, "a", "hello", 5);
	wanted[0].limit = 4;
	wanted[1].limit = 5;
	ask_fetch(rig, &m, got);
	cr_expect_eq(got[0].code, FTX_E_TOO_LARGE);
	cr_expect_eq(got[1].code, 0);
	got_free(got, 2);
	rig_free(rig);
}

Test(session_fetch, T24_sends_1024_files_at_once)
{
	static char names[LIMIT_ENTRIES][16];
	static const char *paths[LIMIT_ENTRIES];
	static struct got got[LIMIT_ENTRIES];
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	for (uint32_t i = 0; i < LIMIT_ENTRIES; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		paths[i] = names[i];
		if (i % 2 == 0)
			rig_file(rig, names[i], names[i], strlen(names[i]));
	}
	m = fetch(paths, LIMIT_ENTRIES);
	ask_fetch(rig, &m, got);
	for (uint32_t i = 0; i < LIMIT_ENTRIES; i++) {
		cr_assert_eq(got[i].code, i % 2 == 0 ? 0 : FTX_E_NOT_FOUND);
		cr_assert(i % 2 != 0 || memcmp(got[i].content, names[i], got[i].size) == 0);
	}
	got_free(got, LIMIT_ENTRIES);
	rig_free(rig);
}

Test(session_fetch, needs_the_right_and_a_level_that_is_there)
{
	static const char *const paths[] = {"a"};
	struct rig *rig = rig_open(RIGHTS_FULL & ~RIGHT_GET);
	struct message m = fetch(paths, 1);

	rig_file(rig, "a", "hello", 5);
	rig_expect_error(rig, &m, FTX_E_DENIED);
	rig_free(rig);
	rig = rig_open(RIGHT_GET);
	rig_file(rig, "a", "hello", 5);
	m.fetch.compress = COMPRESS_ZLIB;
	m.fetch.level = 19;
	rig_expect_error(rig, &m, FTX_E_UNSUPPORTED);
	m.fetch.base = span_of("t");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_free(rig);
}
