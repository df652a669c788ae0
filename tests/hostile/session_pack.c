/*
 * Small files by PACK and COMMIT_PACKS: what is taken, how much of it, and what concerns one file
 * only.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "proto/errors.h"
#include "src/data/codec.h"
#include "tests/hostile/session_pack.h"

static uint8_t bytes[LIMIT_CHUNK_BYTES];
static struct packed items[LIMIT_ENTRIES];
static const uint8_t zeros[LIMIT_CHUNK_BYTES];

Test(session_pack, small_files_are_published_together)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	items[0] = pack_item("a", "hello", 5);
	items[1] = pack_item("dir/sub/b", "", 0);
	items[2] = pack_item("dir/sub/c", "world", 5);
	pack_send(rig, items, 3, "helloworld", 10);
	rig_expect_alive(rig);
	cr_expect(!rig_exists(rig, "a"));
	pack_expect_statuses(rig, 3, NULL);
	cr_expect(pack_content_is(rig, "a", "hello", 5));
	cr_expect(pack_content_is(rig, "dir/sub/b", "", 0));
	cr_expect(pack_content_is(rig, "dir/sub/c", "world", 5));
	pack_expect_statuses(rig, 0, NULL);
	cr_expect_eq(pack_left_in_staging(rig), 0);
	rig_free(rig);
}

Test(session_pack, the_base_is_above_each_path)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	items[0] = pack_item("b/c", "hello", 5);
	m = pack_request(items, 1, "hello", 5);
	m.pack.base = span_of("s/a");
	rig_send(rig, &m);
	pack_expect_statuses(rig, 1, NULL);
	cr_expect(pack_content_is(rig, "a/b/c", "hello", 5));
	rig_free(rig);
}

Test(session_pack, a_file_comes_in_parts_over_several_packs)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const uint64_t size = 600000;
	uint8_t *data = malloc(size);

	pack_fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < size; i++)
		data[i] = bytes[i % 65537];
	items[0] = pack_item("first", data, 7);
	items[1] = pack_part("dir/big", data, size, 0, 200000, 0);
	memcpy(bytes, data, 7);
	memcpy(bytes + 7, data, 200000);
	pack_send(rig, items, 2, bytes, 200007);
	items[0] = pack_part("dir/big", data, size, 200000, 200000, 0);
	pack_send(rig, items, 1, data + 200000, 200000);
	items[0] = pack_part("dir/big", data, size, 400000, 200000, PACK_LAST);
	items[1] = pack_item("last", data, 0);
	pack_send(rig, items, 2, data + 400000, 200000);
	pack_expect_statuses(rig, 3, NULL);
	cr_expect(pack_content_is(rig, "dir/big", data, size));
	free(data);
	rig_free(rig);
}

Test(session_pack, takes_what_each_codec_made)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static uint8_t data[LIMIT_CHUNK_BYTES];
	uLongf zipped = sizeof(data);
	struct message m;

	items[0] = pack_item("zlib", zeros, LIMIT_CHUNK_BYTES);
	m = pack_request(items, 1, data, LIMIT_CHUNK_BYTES);
	cr_assert_eq(compress(data, &zipped, zeros, sizeof(zeros)), Z_OK);
	m.pack.codec = CODEC_ZLIB;
	m.pack.data.length = zipped;
	rig_send(rig, &m);
	items[0] = pack_item("zstd", zeros, LIMIT_CHUNK_BYTES);
	m.pack.codec = CODEC_ZSTD;
	m.pack.data.length = ZSTD_compress(data, sizeof(data), zeros, sizeof(zeros), 1);
	rig_send(rig, &m);
	pack_expect_statuses(rig, 2, NULL);
	cr_expect(pack_content_is(rig, "zlib", zeros, sizeof(zeros)));
	cr_expect(pack_content_is(rig, "zstd", zeros, sizeof(zeros)));
	rig_free(rig);
}

Test(session_pack, what_is_wrong_with_a_file_is_its_status)
{
	static const int expected[] = {0,	   FTX_E_MISMATCH, FTX_E_NAME,
				       FTX_E_NAME, FTX_E_NAME,	   FTX_E_CHANGED,
				       FTX_E_NAME, FTX_E_CONFLICT, 0};
	struct rig *rig = rig_open(RIGHTS_FULL);

	items[0] = pack_item("good", "12345", 5);
	items[1] = pack_item("wrong", "54321", 5);
	items[2] = pack_item("../up", "12345", 5);
	items[3] = pack_item("", "12345", 5);
	items[4] = pack_item(".ftx/x", "12345", 5);
	items[5] = pack_item("dropped", "", 0);
	items[5].flags = PACK_LAST | PACK_DROPPED;
	items[5].size = 9;
	items[6] = pack_item("nul", "12345", 5);
	items[6].path.data = (const uint8_t *)"n\0l";
	items[7] = pack_item("good/below", "12345", 5);
	items[8] = pack_item("good, too", "12345", 5);
	pack_send(rig, items, 9, "1234512345123451234512345123451234512345", 40);
	pack_expect_statuses(rig, 9, expected);
	cr_expect(rig_exists(rig, "good") && rig_exists(rig, "good, too"));
	cr_expect(!rig_exists(rig, "wrong") && !rig_exists(rig, "dropped"));
	cr_expect_eq(pack_left_in_staging(rig), 0);
	rig_free(rig);
}

Test(session_pack, a_wrong_part_is_the_status_of_the_whole_file)
{
	static const int expected[] = {FTX_E_MISMATCH, 0};
	struct rig *rig = rig_open(RIGHTS_FULL);

	pack_fill(bytes, sizeof(bytes));
	items[0] = pack_part("a", bytes, 100, 0, 50, 0);
	items[0].digest[0] ^= 1;
	pack_send(rig, items, 1, bytes, 50);
	items[0] = pack_part("a", bytes, 100, 50, 50, PACK_LAST);
	items[1] = pack_item("b", bytes + 100, 5);
	pack_send(rig, items, 2, bytes + 50, 55);
	pack_expect_statuses(rig, 2, expected);
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
		items[0] = pack_item("new", "12345", 5);
		items[1] = pack_item("old", "12345", 5);
		pack_send(rig, items, 2, "1234512345", 10);
		pack_expect_statuses(rig, 2, (const int[]){cases[i].new, cases[i].old});
		cr_expect_eq(rig_exists(rig, "new"), cases[i].new == 0);
		cr_expect(pack_content_is(rig, "old", cases[i].old == 0 ? "12345" : "old",
					  cases[i].old == 0 ? 5 : 3));
		rig_free(rig);
	}
}

Test(session_pack, a_share_that_is_not_there_is_the_status_of_each_file)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	items[0] = pack_item("a", "12345", 5);
	m = pack_request(items, 1, "12345", 5);
	m.pack.base = span_of("t");
	rig_send(rig, &m);
	pack_expect_statuses(rig, 1, (const int[]){FTX_E_NOT_FOUND});
	rig_expect_alive(rig);
	rig_free(rig);
}

static void
send_many(struct rig *rig, uint32_t first, uint32_t count)
{
	static char names[LIMIT_ENTRIES][16];

	cr_assert_leq(count, LIMIT_ENTRIES);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", first + i);
		items[i] = pack_item(names[i], "", 0);
	}
	pack_send(rig, items, count, "", 0);
}

Test(session_pack, T24_takes_4096_files_and_not_one_more)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	for (int again = 0; again < 2; again++) {
		for (uint32_t i = 0; i < LIMIT_GROUP_ITEMS; i += LIMIT_ENTRIES)
			send_many(rig, i, LIMIT_ENTRIES);
		if (again == 0)
			pack_expect_statuses(rig, LIMIT_GROUP_ITEMS, NULL);
	}
	cr_expect(rig_exists(rig, "f0") && rig_exists(rig, "f4095"));
	send_many(rig, 4096, 1);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	cr_expect(!rig_exists(rig, "f4096"));
	cr_expect_eq(pack_left_in_staging(rig), 0);
	rig_free(rig);
}

Test(session_pack, T24_takes_64_MiB_and_not_one_byte_more)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static uint8_t data[LIMIT_CHUNK_BYTES];
	struct message m = pack_request(items, 1, data, LIMIT_CHUNK_BYTES);
	uint64_t offset;

	/* As zstd makes it, so that there is room beside it. */
	m.pack.codec = CODEC_ZSTD;
	m.pack.data.length = ZSTD_compress(data, sizeof(data), zeros, sizeof(zeros), 1);
	for (offset = 0; offset < LIMIT_GROUP_BYTES; offset += LIMIT_CHUNK_BYTES) {
		items[0] = pack_item("big", zeros, LIMIT_CHUNK_BYTES);
		items[0].size = LIMIT_GROUP_BYTES;
		items[0].offset = offset;
		items[0].flags = offset + LIMIT_CHUNK_BYTES == LIMIT_GROUP_BYTES ? PACK_LAST : 0;
		rig_send(rig, &m);
	}
	rig_expect_alive(rig);
	items[0] = pack_item("more", "x", 1);
	pack_send(rig, items, 1, "x", 1);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}
