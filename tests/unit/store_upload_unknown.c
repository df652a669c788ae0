/*
 * Files whose size only the commit says.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(upload_unknown, .init = room_begin, .fini = room_end);

static uint8_t bytes[LIMIT_BLOCK_BYTES];

static struct upload_options
unknown(void)
{
	struct upload_options o = server_upload("file", UPLOAD_SIZE_UNKNOWN);

	o.allocate = 0;
	return o;
}

/* Commits size bytes whose blocks from first on were sent by this run. */
static int
commit_from(struct upload *u, uint64_t size, uint64_t first)
{
	struct block_range sent = {first, (size + BLOCK - 1) / BLOCK - first};
	struct digest d = content_digest(size, &sent, sent.count > 0, 1);
	struct upload_commit c = {
	    .metadata = {.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1000000000},
	    .sent = &sent,
	    .sent_count = sent.count > 0,
	    .size = size,
	    .digest = &d,
	};

	return upload_commit(u, &c, &result);
}

/* Blocks first.. up to size bytes, as far as they go. */
static int
write_from(struct upload *u, uint64_t size, uint64_t first)
{
	return write_blocks(u, size, first, (size + BLOCK - 1) / BLOCK, 1);
}

Test(upload_unknown, publishes_files_of_all_sizes_around_a_block)
{
	static const uint64_t sizes[] = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct block_range all = {0, (sizes[i] + BLOCK - 1) / BLOCK};
		struct digest d = content_digest(sizes[i], &all, sizes[i] > 0, 1);
		struct upload_options o = unknown();
		struct upload *u;

		assert_ok(begin(&u, &o));
		cr_expect(have_count == 0);
		assert_ok(write_from(u, sizes[i], 0));
		assert_ok(commit_from(u, sizes[i], 0));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(content_is(room, "file", sizes[i], 1), "%ju", (uintmax_t)sizes[i]);
		cr_expect(digest_equal(&result.digest, &d));
		cr_expect(entries_in(room_up) == 0);
	}
}

Test(upload_unknown, is_resumed_by_its_own_run_with_whole_blocks)
{
	const uint64_t size = 3 * BLOCK + 5;
	struct upload_options o = unknown();
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_from(u, 2 * BLOCK + 7, 0));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1");
	assert_ok(write_from(u, size, 2));
	assert_ok(commit_from(u, size, 2));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

Test(upload_unknown, is_begun_anew_by_another_run_and_by_one_with_a_size)
{
	const uint64_t size = 2 * BLOCK;
	struct upload_options o = unknown(), sized = server_upload("file", size);
	struct upload *u;

	for (unsigned i = 0; i < 2; i++) {
		assert_ok(begin(&u, &o));
		assert_ok(write_from(u, size, 0));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		set_session(&o, (uint8_t)(2 + i));
		assert_ok(begin(&u, &o));
		cr_expect(have_count == 0, "another run");
		assert_ok(write_from(u, size, 0));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		assert_ok(begin(&u, &sized));
		cr_expect(have_count == 0, "a size");
		assert_ok(write_block(u, size, 0, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		assert_ok(begin(&u, &o));
		cr_expect(have_count == 0, "no size");
		assert_ok(upload_close(u, UPLOAD_DISCARD));
	}
}

Test(upload_unknown, belongs_to_one_process_at_a_time)
{
	struct upload_options o = unknown();
	struct upload *u, *other;

	assert_ok(begin(&u, &o));
	assert_error(begin(&other, &o), FTX_E_BUSY);
	set_session(&o, 2);
	assert_error(begin(&other, &o), FTX_E_BUSY);
	assert_ok(commit_from(u, 0, 0));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

Test(upload_unknown, takes_blocks_in_ascending_order_only)
{
	struct upload_options o = unknown();
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_error(upload_write(u, LIMIT_FILE_BYTES, bytes, 1), FTX_E_PROTOCOL);
	assert_error(upload_write(u, 1, bytes, 1), FTX_E_PROTOCOL);
	assert_ok(write_from(u, 2 * BLOCK, 0));
	assert_error(upload_write(u, BLOCK, bytes, 1), FTX_E_PROTOCOL);
	assert_error(upload_write(u, 0, bytes, 1), FTX_E_PROTOCOL);
	assert_error(upload_hole(u, BLOCK, BLOCK), FTX_E_PROTOCOL);
	assert_ok(write_from(u, 2 * BLOCK + 3, 2));
	assert_error(upload_write(u, 3 * BLOCK, bytes, 1), FTX_E_PROTOCOL);
	assert_error(upload_write(u, 2 * BLOCK + 4, bytes, 1), FTX_E_PROTOCOL);
	assert_ok(commit_from(u, 2 * BLOCK + 3, 0));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

Test(upload_unknown, commits_nothing_but_what_was_sent)
{
	static const struct {
		uint64_t written, size;
		int error;
	} cases[] = {
	    {BLOCK + 7, BLOCK + 6, FTX_E_PROTOCOL},
	    {BLOCK + 7, BLOCK + 8, FTX_E_PROTOCOL},
	    {BLOCK + 7, BLOCK, FTX_E_PROTOCOL},
	    {BLOCK + 7, 0, FTX_E_PROTOCOL},
	    {BLOCK + 7, 2 * BLOCK, FTX_E_PROTOCOL},
	    {2 * BLOCK, 2 * BLOCK - 1, FTX_E_PROTOCOL},
	    {2 * BLOCK, BLOCK, FTX_E_PROTOCOL},
	    {2 * BLOCK, 2 * BLOCK + 1, FTX_E_INCOMPLETE},
	    {0, 1, FTX_E_INCOMPLETE},
	    {0, UINT64_MAX, FTX_E_PROTOCOL},
	    {0, LIMIT_FILE_BYTES + 1, FTX_E_PROTOCOL},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upload_options o = unknown();
		struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0644},
					  .size = cases[i].size};
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(write_from(u, cases[i].written, 0));
		cr_expect_eq(upload_commit(u, &c, &result), cases[i].error, "case %u", i);
		assert_ok(upload_close(u, UPLOAD_DISCARD));
		cr_expect(!exists(room, "file"));
	}
}

Test(upload_unknown, has_the_size_of_its_first_commit_from_then_on)
{
	const uint64_t size = 2 * BLOCK + 9;
	struct upload_options o = unknown();
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, size, 0, 1));
	assert_ok(write_block(u, size, 2, 1));
	assert_error(commit_from(u, size, 0), FTX_E_INCOMPLETE);
	cr_expect(result.block_count == 1 && result.blocks[0].first == 1 &&
		  result.blocks[0].count == 1);
	assert_error(commit_from(u, size - 1, 0), FTX_E_PROTOCOL);
	assert_error(upload_write(u, size, bytes, 1), FTX_E_PROTOCOL);
	assert_ok(write_block(u, size, 1, 1));
	assert_ok(commit_from(u, size, 0));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

Test(upload_unknown, keeps_whole_blocks_when_a_commit_was_refused)
{
	const uint64_t size = 2 * BLOCK + 9;
	struct upload_options o = unknown();
	struct upload *u;

	o.overwrite = false;
	assert_ok(begin(&u, &o));
	assert_ok(write_from(u, size, 0));
	make_file(room, "file", "old", 0644);
	assert_error(commit_from(u, size, 0), FTX_E_EXISTS);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_assert(unlinkat(room, "file", 0) == 0);
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1", "the last one counted for a size that is gone");
	assert_ok(write_from(u, size, 2));
	assert_ok(commit_from(u, size, 2));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

Test(upload_unknown, may_end_with_a_hole)
{
	static const uint64_t holes[] = {1, BLOCK - 1, BLOCK, 2 * BLOCK, 300 * BLOCK + 5};

	for (unsigned i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		uint64_t size = BLOCK + 5 + holes[i];
		struct upload_options o = unknown();
		struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0644},
					  .size = size};
		struct upload *u;
		struct stat st;

		assert_ok(begin(&u, &o));
		assert_ok(write_from(u, BLOCK + 5, 0));
		assert_ok(upload_hole(u, BLOCK + 5, holes[i]));
		assert_ok(upload_commit(u, &c, &result));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		st = stat_of(room, "file");
		cr_expect((uint64_t)st.st_size == size);
		cr_expect((uint64_t)st.st_blocks * 512 <= 2 * BLOCK);
	}
}

Test(upload_unknown, the_space_of_the_table_is_asked_for_too)
{
	struct upload_options o = server_upload("file", LIMIT_FILE_BYTES);
	struct upload *u = NULL;

	/* 256 GiB of slots for a file that is one hole. */
	o.allocate = 0;
	assert_error(begin(&u, &o), FTX_E_NO_SPACE);
	cr_expect(entries_in(room_up) == 0);
}
