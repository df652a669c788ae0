#include "src/store/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(upload, .init = room_begin, .fini = room_end);
TestSuite(upload_walking, .init = room_begin, .fini = room_end);

static uint8_t bytes[2 * LIMIT_BLOCK_BYTES];

BothWays(upload, T49_publishes_files_of_all_sizes_around_chunk_and_block)
{
	static const uint64_t sizes[] = {
	    0,	   1,	      CHUNK - 1,     CHUNK,	CHUNK + 1,	   BLOCK - 1,
	    BLOCK, BLOCK + 1, BLOCK + CHUNK, 2 * BLOCK, 7 * BLOCK + 12345,
	};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct upload_options o = server_upload("file", sizes[i]);
		struct block_range all = {0, (sizes[i] + BLOCK - 1) / BLOCK};
		struct digest d = content_digest(sizes[i], &all, sizes[i] > 0, i);
		struct stat st;

		assert_ok(put_whole(&o, i));
		cr_expect(content_is(room, "file", sizes[i], i), "%ju", (uintmax_t)sizes[i]);
		cr_expect(digest_equal(&result.digest, &d));
		st = stat_of(room, "file");
		cr_expect((st.st_mode & 07777) == 0644);
		cr_expect(st.st_mtim.tv_sec == 1000000000 && st.st_mtim.tv_nsec == 123456789);
		cr_expect(st.st_nlink == 1);
		cr_expect(entries_in(room_up) == 0, "nothing stays in the staging");
	}
}

BothWays(upload, takes_blocks_in_any_order)
{
	static const uint64_t order[] = {3, 0, 5, 2, 1, 4};
	const uint64_t size = 5 * BLOCK + 7;
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	for (unsigned i = 0; i < 6; i++)
		assert_ok(write_block(u, size, order[i], 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

BothWays(upload, T24_refuses_gap_overlap_and_excess_and_is_left_unchanged)
{
	static const struct {
		uint64_t offset;
		size_t length;
	} at_start[] =
	    {
		{1, 10},
		{CHUNK, 10},
		{2 * BLOCK + 1, 10},
		{3 * BLOCK, 1},
		{4 * BLOCK, 1},
		{UINT64_MAX, 1},
		{UINT64_MAX - 5, 10},
		{0, 0},
		{0, LIMIT_BLOCK_BYTES + 1},
		{2 * BLOCK, CHUNK + 6},
		{BLOCK - 1, 2},
		{UINT64_C(1) << 53, 1},
	    },
	  inside_block_0[] = {
	      {0, CHUNK},	  /* the same once more */
	      {CHUNK - 1, CHUNK}, /* overlap */
	      {CHUNK + 1, CHUNK}, /* gap */
	      {2 * CHUNK, CHUNK},
	      {BLOCK, CHUNK},		  /* a second unfinished block */
	      {CHUNK, BLOCK - CHUNK + 1}, /* over the block's end */
	      {CHUNK, 0},
	  };
	const uint64_t size = 2 * BLOCK + CHUNK + 5;
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	for (size_t i = 0; i < sizeof(at_start) / sizeof(at_start[0]); i++)
		assert_error(upload_write(u, at_start[i].offset, bytes, at_start[i].length),
			     FTX_E_PROTOCOL);
	content_fill(bytes, 0, CHUNK, 1);
	assert_ok(upload_write(u, 0, bytes, CHUNK));
	for (size_t i = 0; i < sizeof(inside_block_0) / sizeof(inside_block_0[0]); i++)
		assert_error(
		    upload_write(u, inside_block_0[i].offset, bytes, inside_block_0[i].length),
		    FTX_E_PROTOCOL);
	assert_error(commit_whole(u, size, 1), FTX_E_PROTOCOL);
	content_fill(bytes, CHUNK, BLOCK - CHUNK, 1);
	assert_ok(upload_write(u, CHUNK, bytes, BLOCK - CHUNK));
	assert_ok(write_blocks(u, size, 1, 3, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

BothWays(upload, lets_a_finished_block_be_written_again)
{
	const uint64_t size = 3 * BLOCK;
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 3, 1));
	assert_ok(write_block(u, size, 1, 2)); /* not yet in the table */
	assert_ok(upload_checkpoint(u));
	assert_ok(write_block(u, size, 0, 2)); /* in the table */
	assert_ok(write_block(u, size, 2, 2));
	assert_ok(commit_whole(u, size, 2));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 2));
}

BothWays(upload, takes_a_block_out_of_the_table_before_it_changes)
{
	const uint64_t size = 3 * BLOCK;
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 3, 1));
	assert_ok(upload_checkpoint(u));
	trace_start();
	assert_ok(upload_write(u, BLOCK, bytes, CHUNK));
	cr_expect(strncmp(trace_text(), "pwrite jnl, fdatasync jnl, pwrite part", 38) == 0);
	upload_close(u, UPLOAD_KEEP);
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 2");
	upload_close(u, UPLOAD_KEEP);
}

BothWays(upload, resumes_what_was_finished_when_it_was_closed)
{
	const uint64_t size = 5 * BLOCK + 9;
	struct upload_options o = server_upload("file", size);
	struct block_range sent[] = {{1, 1}, {4, 1}};
	struct upload *u;

	assert_ok(begin(&u, &o));
	cr_expect(have_count == 0);
	assert_ok(write_block(u, size, 5, 1));
	assert_ok(write_block(u, size, 0, 1));
	assert_ok(write_blocks(u, size, 2, 4, 1));
	assert_ok(upload_write(u, BLOCK, bytes, CHUNK));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	set_session(&o, 2);
	assert_ok(begin(&u, &o));
	cr_expect(have_is((struct block_range[]){{2, 2}, {0, 1}, {5, 1}}, 3), "longest first");
	assert_ok(write_block(u, size, 1, 1));
	assert_ok(write_block(u, size, 4, 1));
	assert_ok(commit_ranges(u, size, sent, 2, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

BothWays(upload, reports_the_blocks_that_are_missing)
{
	const uint64_t size = 9 * BLOCK;
	struct upload_options o = server_upload("file", size);
	struct block_range sent[] = {{1, 2}, {5, 1}};
	struct upload *u;

	make_file(room, "file", "old", 0644);
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 1, 3, 1));
	assert_ok(write_block(u, size, 5, 1));
	assert_error(commit_ranges(u, size, sent, 2, 1), FTX_E_INCOMPLETE);
	cr_assert(result.block_count == 3);
	cr_expect(result.blocks[0].first == 0 && result.blocks[0].count == 1);
	cr_expect(result.blocks[1].first == 3 && result.blocks[1].count == 2);
	cr_expect(result.blocks[2].first == 6 && result.blocks[2].count == 3);
	cr_expect(file_is(room, "file", "old"));
	assert_ok(write_block(u, size, 0, 1));
	assert_ok(write_blocks(u, size, 3, 5, 1));
	assert_ok(write_blocks(u, size, 6, 9, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

BothWays(upload, T25_with_a_wrong_digest_is_not_renamed_and_may_be_mended)
{
	const uint64_t size = 6 * BLOCK;
	struct upload_options o = server_upload("file", size);
	struct block_range sent[] = {{0, 1}, {3, 2}};
	struct upload *u;

	make_file(room, "file", "old", 0644);
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 1, 3, 1));
	assert_ok(write_block(u, size, 5, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, size, 0, 1));
	assert_ok(write_block(u, size, 3, 1));
	assert_ok(write_block(u, size, 4, 2)); /* not what the sender read */
	assert_error(commit_ranges(u, size, sent, 2, 1), FTX_E_MISMATCH);
	cr_assert(result.block_count == 2);
	cr_expect(memcmp(result.blocks, sent, sizeof(sent)) == 0);
	cr_expect(file_is(room, "file", "old"));
	/* They are out of the table, also for whoever comes next. */
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "1 2 5");
	assert_ok(write_block(u, size, 0, 1));
	assert_ok(write_blocks(u, size, 3, 5, 1));
	assert_ok(commit_ranges(u, size, sent, 2, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

BothWays(upload, refuses_ranges_out_of_order_or_outside_the_file)
{
	static const struct block_range cases[][2] = {
	    {{1, 1}, {0, 1}},	       {{0, 2}, {1, 1}}, {{0, 0}, {1, 1}},
	    {{0, 1}, {2, 2}},	       {{0, 1}, {3, 1}}, {{0, 1}, {1, UINT64_MAX}},
	    {{0, 1}, {UINT64_MAX, 1}},
	};
	const uint64_t size = 3 * BLOCK;
	struct upload_options o = server_upload("file", size);
	struct upload_commit c = {.sent_count = 2};
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 3, 1));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c.sent = cases[i];
		assert_error(upload_commit(u, &c, &result), FTX_E_PROTOCOL);
	}
	c.sent_count = LIMIT_GAP_RANGES + 1;
	assert_error(upload_commit(u, &c, &result), FTX_E_PROTOCOL);
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

BothWays(upload, remembers_the_mode_that_the_server_does_not_set)
{
	struct upload_options o = server_upload("file", 3);
	struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 06511}};
	static struct metadata_buffer buffer;
	struct metadata m = {0};
	struct upload *u;
	struct stat st;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3, 0, 1));
	assert_ok(upload_commit(u, &c, &result));
	cr_expect(result.flags == 0);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	st = stat_of(room, "file");
	cr_expect((st.st_mode & 07777) == 0711);
	assert_ok(metadata_read(o.rules, 0, room, "file", -1, &st, &m, &buffer));
	cr_expect(m.mode == 06511);
}

BothWays(upload, of_more_than_there_is_room_for_is_refused_at_once)
{
	struct upload_options o = server_upload("file", 100);
	struct upload *u;

	make_file(room, "file", "old", 0644);
	o.allocate = LIMIT_FILE_BYTES;
	assert_error(begin(&u, &o), FTX_E_NO_SPACE);
	cr_expect(entries_in(room_up) == 0);
	cr_expect(file_is(room, "file", "old"));
	/* A partial that is worth something stays. */
	o.allocate = 2 * BLOCK;
	o.identity.size = 2 * BLOCK;
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 2 * BLOCK, 0, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	o.allocate = LIMIT_FILE_BYTES;
	assert_error(begin(&u, &o), FTX_E_NO_SPACE);
	cr_expect(entries_in(room_up) == 2);
	o.identity.size = LIMIT_FILE_BYTES + 1;
	assert_error(begin(&u, &o), FTX_E_TOO_LARGE);
}

static long
peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

BothWays(upload, T49_of_1_TiB_costs_what_was_written_of_it)
{
	const uint64_t size = UINT64_C(1) << 40, last = (size >> 20) - 1;
	struct upload_options o = server_upload("file", size);
	struct upload *u;
	long before;

	o.allocate = 2 * BLOCK;
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, size, 0, 1));
	before = peak_kib();
	assert_ok(write_block(u, size, last, 1));
	assert_ok(upload_checkpoint(u));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	cr_expect(have_is((struct block_range[]){{0, 1}, {last, 1}}, 2));
	assert_error(commit_ranges(u, size, have, 0, 1), FTX_E_INCOMPLETE);
	cr_expect(result.block_count == 1 && result.blocks[0].first == 1 &&
		  result.blocks[0].count == last - 1);
	cr_expect(stat_of(room_up, part_name).st_blocks <= 3 * (long)BLOCK / 512);
	cr_expect(stat_of(room_up, journal_name).st_blocks <= 64);
	cr_expect(peak_kib() - before < 4096, "%ld KiB", peak_kib() - before);
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

BothWays(upload, makes_a_checkpoint_of_its_own_after_256_blocks)
{
	const uint64_t size = 300 * BLOCK;
	struct upload_options o = server_upload("file", size);
	struct upload *u;
	const char *calls;

	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 255, 1));
	trace_start();
	assert_ok(write_block(u, size, 255, 1));
	calls = strstr(trace_text(), "fdatasync part");
	cr_assert(calls != NULL);
	cr_expect_str_eq(calls, "fdatasync part, pwrite jnl, fdatasync jnl");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}
