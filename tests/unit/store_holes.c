/* Partials with holes: what they read as, what they take on the disk, what is resumed of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_sparse.h"

TestSuite(holes, .init = room_begin, .fini = room_end);
TestSuite(holes_on_disk, .init = room_begin_on_disk, .fini = room_end);

static const struct sparse some = {
    5 * BLOCK + 12345,
    {{BLOCK / 2 + 3, 2 * BLOCK}, {4 * BLOCK - 5, BLOCK + 10}, {5 * BLOCK + 5000, 7345}},
    1,
};

static void
publish_all_shapes(void)
{
	const struct sparse files[] = {
	    {1, {{0, 1}}, 0},
	    {4 * BLOCK + 12345, {{0, 4 * BLOCK + 12345}}, 0},
	    {4 * BLOCK + 12345, {{0, 2 * BLOCK}}, 1},
	    {4 * BLOCK + 12345, {{BLOCK, 2 * BLOCK}}, 2},
	    {4 * BLOCK + 12345, {{3 * BLOCK, BLOCK + 12345}}, 3},
	    {4 * BLOCK + 12345, {{4 * BLOCK, 12345}}, 4},
	    {4 * BLOCK + 12345, {{2 * BLOCK + 777, 2 * BLOCK + 12345 - 777}}, 5},
	    {4 * BLOCK, {{4 * BLOCK - 1, 1}}, 6},
	    {4 * BLOCK, {{0, 5}, {BLOCK - 3, 7}, {2 * BLOCK + CHUNK + 1, CHUNK}}, 7},
	    {4 * BLOCK, {{BLOCK / 2 + 3, 2 * BLOCK}}, 8},
	    {4 * BLOCK, {{BLOCK / 2, 100}, {BLOCK / 2 + 100, 3 * BLOCK}}, 9},
	    {4 * BLOCK, {{0, BLOCK}, {BLOCK, BLOCK}, {2 * BLOCK, 1}, {2 * BLOCK + 1, 99}}, 10},
	    {700 * BLOCK + 5, {{BLOCK + 1, 696 * BLOCK}, {699 * BLOCK, BLOCK + 5}}, 11},
	    some,
	};

	for (size_t i = 0; i < 2 * sizeof(files) / sizeof(files[0]); i++) {
		const struct sparse *f = &files[i / 2];
		struct upload_options o = sparse_upload(f, i % 2 == 1);
		struct digest d = sparse_digest(f, 0, sparse_blocks(f));

		put_sparse(&o, f);
		cr_expect(sparse_is("file", f), "%zu", i / 2);
		cr_expect(digest_equal(&result.digest, &d), "%zu", i / 2);
		cr_expect((uint64_t)stat_of(room, "file").st_blocks * 512 <= sparse_most_on_disk(f),
			  "%zu: %ju", i / 2, (uintmax_t)stat_of(room, "file").st_blocks);
		unlinkat(room, "file", 0);
	}
}

Test(holes, anywhere_in_a_file_read_as_zeros_and_take_no_space)
{
	publish_all_shapes();
}

Test(holes_on_disk, anywhere_in_a_file_read_as_zeros_and_take_no_space)
{
	publish_all_shapes();
}

Test(holes, sent_as_data_give_the_same_digest)
{
	struct sparse data = some;
	struct upload_options o = sparse_upload(&some, false);
	struct digest d;
	struct upload *u;

	put_sparse(&o, &some);
	d = result.digest;
	assert_ok(begin(&u, &o));
	for (uint64_t at = 0; at < data.size; at += CHUNK)
		assert_ok(send_data(u, &data, at, least(CHUNK, data.size - at)));
	assert_ok(commit_sparse(u, &data, 0, 6));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(digest_equal(&d, &result.digest));
	cr_expect(sparse_is("file", &some));
}

Test(holes_on_disk, in_a_preallocated_partial_read_as_zeros)
{
	struct upload_options o = sparse_upload(&some, false);

	o.allocate = some.size;
	put_sparse(&o, &some);
	cr_expect(sparse_is("file", &some));
}

Test(holes, T24_out_of_order_or_bounds_are_refused_and_leave_the_upload_unchanged)
{
	const uint64_t size = 3 * BLOCK + 5;
	const struct sparse f = {size, {{CHUNK, 2 * BLOCK}}, 1};
	const struct range at_start[] = {
	    {0, 0},
	    {1, 10},
	    {CHUNK, CHUNK},
	    {size, 1},
	    {4 * BLOCK, 1},
	    {0, size + 1},
	    {0, UINT64_MAX},
	    {BLOCK, UINT64_MAX},
	    {BLOCK, UINT64_MAX - BLOCK + 1},
	    {UINT64_MAX, 1},
	    {UINT64_MAX - BLOCK + 1, BLOCK},
	};
	const struct range behind_chunk[] = {
	    {0, CHUNK},	    {0, size},	{CHUNK - 1, CHUNK},	   {CHUNK + 1, CHUNK},
	    {BLOCK, BLOCK}, {CHUNK, 0}, {CHUNK, size - CHUNK + 1}, {CHUNK, UINT64_MAX},
	};
	struct upload_options o = sparse_upload(&f, false);
	struct upload *u;

	assert_ok(begin(&u, &o));
	trace_start();
	for (size_t i = 0; i < sizeof(at_start) / sizeof(at_start[0]); i++)
		assert_error(upload_hole(u, at_start[i].offset, at_start[i].length),
			     FTX_E_PROTOCOL);
	cr_expect_str_eq(trace_text(), "");
	assert_ok(send_data(u, &f, 0, CHUNK));
	for (size_t i = 0; i < sizeof(behind_chunk) / sizeof(behind_chunk[0]); i++)
		assert_error(upload_hole(u, behind_chunk[i].offset, behind_chunk[i].length),
			     FTX_E_PROTOCOL);
	assert_ok(upload_hole(u, CHUNK, 2 * BLOCK));
	/* Now block 2 has its first chunk. */
	assert_error(upload_write(u, 2 * BLOCK, "x", 1), FTX_E_PROTOCOL);
	assert_error(upload_hole(u, 2 * BLOCK, CHUNK), FTX_E_PROTOCOL);
	assert_error(upload_hole(u, 3 * BLOCK, 5), FTX_E_PROTOCOL);
	assert_error(commit_sparse(u, &f, 0, 4), FTX_E_PROTOCOL);
	assert_ok(send_sparse(u, &f, 2 * BLOCK + CHUNK, size));
	assert_ok(commit_sparse(u, &f, 0, 4));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(sparse_is("file", &f));
}

Test(holes, are_resumed_like_data)
{
	const struct sparse f = {900 * BLOCK + 9, {{BLOCK, 800 * BLOCK}, {900 * BLOCK, 9}}, 1};

	for (unsigned i = 0; i < 2; i++) {
		struct upload_options o = sparse_upload(&f, i == 1);
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(upload_hole(u, 900 * BLOCK, 9));
		assert_ok(upload_hole(u, BLOCK, 500 * BLOCK));
		assert_ok(upload_hole(u, 600 * BLOCK, 3 * BLOCK + 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		set_session(&o, 2);
		assert_ok(begin(&u, &o));
		cr_expect(have_is((struct block_range[]){{1, 500}, {600, 3}, {900, 1}}, 3));
		assert_ok(send_sparse(u, &f, 0, BLOCK));
		assert_ok(send_sparse(u, &f, 501 * BLOCK, 900 * BLOCK));
		assert_ok(commit_sparse(u, &f, 501, 900));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(sparse_is("file", &f));
		unlinkat(room, "file", 0);
	}
}

Test(holes, in_place_of_data_become_zeros)
{
	static const struct range cuts[] = {
	    {BLOCK, 2 * BLOCK},
	    {0, 5 * BLOCK + 12345},
	    {2 * BLOCK, 4097},
	    {5 * BLOCK, 12345},
	};

	for (unsigned i = 0; i < 4 * sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct sparse full = {some.size, {{0, 0}}, 1},
				    cut = {some.size, {cuts[i / 4]}, 1};
		struct upload_options o = sparse_upload(&full, false);
		uint64_t first = cuts[i / 4].offset;
		uint64_t end =
		    least(some.size, (first + cuts[i / 4].length + BLOCK - 1) / BLOCK * BLOCK);
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(send_sparse(u, &full, 0, full.size));
		if (i % 2 == 0)
			assert_ok(upload_checkpoint(u));
		/* As on a file system that punches no holes. */
		if (i % 4 >= 2)
			fault_set("fallocate", 1, EOPNOTSUPP);
		assert_ok(send_sparse(u, &cut, first, end));
		cr_expect(i % 4 < 2 || fault_hit());
		assert_ok(commit_sparse(u, &cut, 0, 6));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(sparse_is("file", &cut), "%u", i);
		unlinkat(room, "file", 0);
	}
}

Test(holes, take_back_what_vouched_for_the_blocks_they_begin)
{
	const struct sparse full = {some.size, {{0, 0}}, 1};

	for (unsigned i = 0; i < 4; i++) {
		struct upload_options o = sparse_upload(&full, i >= 2);
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(send_sparse(u, &full, 0, full.size));
		/* In the table, or still pending. */
		if (i % 2 == 0)
			assert_ok(upload_checkpoint(u));
		assert_ok(upload_hole(u, BLOCK, 2 * BLOCK + 5));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		assert_ok(begin(&u, &o));
		cr_expect_str_eq(have_text(), "0 1 2 4 5");
		assert_ok(upload_close(u, UPLOAD_DISCARD));
	}
}

Test(holes, filled_again_are_data)
{
	const struct sparse full = {some.size, {{0, 0}}, 1};
	struct upload_options o = sparse_upload(&some, false);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(send_sparse(u, &some, 0, some.size));
	assert_ok(upload_checkpoint(u));
	assert_ok(send_sparse(u, &full, BLOCK, 3 * BLOCK));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1 2 3 4 5");
	assert_ok(send_sparse(u, &full, 0, BLOCK));
	assert_ok(send_sparse(u, &full, 3 * BLOCK, full.size));
	assert_ok(commit_sparse(u, &full, 0, 6));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(sparse_is("file", &full));
}

Test(holes, of_one_process_cut_off_nothing_of_another)
{
	const struct sparse f = {6 * BLOCK, {{0, 3 * BLOCK}}, 1};
	struct upload_options o = sparse_upload(&f, false);
	struct upload *u, *other;

	assert_ok(begin(&u, &o));
	assert_ok(begin(&other, &o));
	assert_ok(send_sparse(u, &f, 5 * BLOCK, 6 * BLOCK));
	assert_ok(send_sparse(other, &f, 0, 3 * BLOCK));
	assert_ok(send_sparse(u, &f, 3 * BLOCK, 5 * BLOCK));
	assert_ok(upload_close(other, UPLOAD_KEEP));
	assert_ok(commit_sparse(u, &f, 0, 6));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(sparse_is("file", &f));
}

static long
peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static bool
takes_1_TiB(void)
{
	int fd = openat(room_up, "probe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool yes = fd >= 0 && ftruncate(fd, (off_t)1 << 40) == 0;

	if (!yes)
		fprintf(stderr, "skipped: no file of 1 TiB here: %s\n", strerror(errno));
	close(fd);
	unlinkat(room_up, "probe", 0);
	return yes;
}

static struct digest
first_block_digest(void)
{
	static uint8_t data[LIMIT_BLOCK_BYTES];

	content_fill(data, 0, 5, 1);
	return digest_of(data, sizeof(data));
}

/* All but the first 5 bytes. */
static void
put_1_TiB(void)
{
	const uint64_t size = UINT64_C(1) << 40;
	const struct sparse f = {size, {{5, size - 5}}, 1};
	struct upload_options o = sparse_upload(&f, false);
	struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0644}};
	struct digest_state *s = digest_state_new();
	const struct digest zeros = digest_of_zeros(BLOCK);
	struct digest d = first_block_digest();
	struct upload *u;
	struct stat st;
	long before;

	if (!takes_1_TiB())
		return;
	assert_ok(begin(&u, &o));
	assert_ok(send_data(u, &f, 0, 5));
	before = peak_kib();
	assert_ok(upload_hole(u, 5, size - 5));
	cr_expect(peak_kib() - before < 4096, "%ld KiB", peak_kib() - before);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	cr_expect(have_is((struct block_range[]){{0, size / BLOCK}}, 1));
	assert_ok(upload_commit(u, &c, &result));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	st = stat_of(room, "file");
	cr_expect((uint64_t)st.st_size == size && st.st_blocks <= 64);
	file_digest_start(s, size);
	file_digest_add(s, &d);
	for (uint64_t b = 1; b < size / BLOCK; b++)
		file_digest_add(s, &zeros);
	d = digest_finish(s);
	cr_expect(digest_equal(&result.digest, &d));
	digest_state_free(s);
}

Test(holes, T49_of_1_TiB_cost_their_slots)
{
	put_1_TiB();
}

Test(holes_on_disk, T49_of_1_TiB_cost_their_slots)
{
	put_1_TiB();
}
