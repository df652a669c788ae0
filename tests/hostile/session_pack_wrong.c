/*
 * What no honest client sends in PACK and COMMIT_PACKS: it ends the connection.
 */
#include "tests/harness/unit.h"
#include <zlib.h>
#include <zstd.h>

#include "proto/errors.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_pack.h"

static uint8_t bytes[LIMIT_CHUNK_BYTES];
static struct packed items[LIMIT_ENTRIES];
static const uint8_t zeros[LIMIT_CHUNK_BYTES];

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

		items[0] = pack_item("a", "hello", 5);
		items[1] = pack_item("b", "world", 5);
		m = pack_request(items, 2, "helloworld", 10);
		switch ((enum damage)damage) {
		case NO_ITEM:
			m = pack_request(items, 0, "", 0);
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
			items[0] = pack_item("a", "", 0);
			m = pack_request(items, 1, "", 0);
			m.pack.codec = CODEC_ZSTD;
			break;
		case DAMAGES:
			break;
		}
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "a"), "%d", damage);
		cr_expect_eq(pack_left_in_staging(rig), 0);
		rig_free(rig);
	}
}

Test(session_pack, T20_what_does_not_go_on_with_the_unfinished_file_ends_the_connection)
{
	static const char *const path = "dir/file";

	pack_fill(bytes, sizeof(bytes));
	for (int i = 0; i < 7; i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m;

		items[0] = pack_part(path, bytes, 100, 0, 50, 0);
		pack_send(rig, items, 1, bytes, 50);
		items[0] = pack_part(path, bytes, 100, 50, 50, PACK_LAST);
		m = pack_request(items, 1, bytes + 50, 50);
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
			m = pack_commit(0);
			break;
		case 6:
			m = pack_commit(1);
			break;
		}
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect_eq(pack_left_in_staging(rig), 0);
		rig_free(rig);
	}
}

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

		items[0] = pack_item("a", zeros, raw);
		m = pack_request(items, 1, bomb, raw);
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

Test(session_pack, T20_what_is_dropped_and_goes_on_ends_the_connection)
{
	static const struct {
		uint8_t flags;
		size_t length;
	} cases[] = {{PACK_DROPPED, 0}, {PACK_DROPPED, 5}, {PACK_LAST | PACK_DROPPED, 5}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);

		items[0] = pack_item("a", "12345", cases[i].length);
		items[0].flags = cases[i].flags;
		items[0].size = 9;
		pack_send(rig, items, 1, "12345", cases[i].length);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "a"));
		rig_free(rig);
	}
}

Test(session_pack, another_share_before_the_commit_ends_the_connection)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	items[0] = pack_item("a", "12345", 5);
	m = pack_request(items, 1, "12345", 5);
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
		struct message m = pack_commit(count);

		if (count == 1)
			m.commit_packs.items = 3;
		items[0] = pack_item("a", "12345", 5);
		pack_send(rig, items, 1, "12345", 5);
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "a"));
		rig_free(rig);
	}
}
