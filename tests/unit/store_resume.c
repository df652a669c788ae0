/* Which partial is gone on with, which is begun anew, and when one goes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(resume, .init = room_begin, .fini = room_end);

Test(resume, of_a_source_in_another_state_starts_over)
{
	const uint64_t size = 3 * BLOCK;
	struct upload_options o = server_upload("file", size), variants[3];

	for (unsigned i = 0; i < 3; i++)
		variants[i] = o;
	variants[0].identity.size = variants[0].allocate = size - BLOCK;
	variants[1].identity.mtime_s++;
	variants[2].identity.mtime_ns++;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t new_size = variants[i].identity.size;
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(write_blocks(u, size, 0, 3, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		assert_ok(begin(&u, &variants[i]));
		cr_expect(have_count == 0);
		assert_ok(write_blocks(u, new_size, 0, new_size / BLOCK, 2));
		assert_ok(commit_whole(u, new_size, 2));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(content_is(room, "file", new_size, 2));
		cr_expect(entries_in(room_up) == 0);
	}
}

Test(resume, with_another_inode_or_ctime_of_the_source_resumes)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3 * BLOCK, 1, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	o.identity.inode = 77;
	o.identity.ctime_s = 88;
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "1");
	upload_close(u, UPLOAD_KEEP);
}

static void
leave_partial(const struct upload_options *o)
{
	struct upload *u;

	assert_ok(begin(&u, o));
	assert_ok(write_blocks(u, o->identity.size, 0, 3, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

static void
set_length(int dir, const char *name, off_t length)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);

	cr_assert(fd >= 0 && ftruncate(fd, length) == 0);
	close(fd);
}

Test(resume, starts_over_where_partial_and_journal_do_not_belong_together)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);

	for (unsigned i = 0; i < 5; i++) {
		leave_partial(&o);
		switch (i) {
		case 0:
			cr_assert(unlinkat(room_up, part_name, 0) == 0);
			break;
		case 1:
			cr_assert(unlinkat(room_up, journal_name, 0) == 0);
			break;
		case 2:
			set_length(room_up, part_name, 3 * BLOCK - 1);
			break;
		case 3:
			set_length(room_up, part_name, 3 * BLOCK + 1);
			break;
		case 4:
			set_length(room_up, part_name, 0);
			break;
		}
		assert_ok(put_whole(&o, 2));
		cr_expect(have_count == 0, "%u", i);
		cr_expect(content_is(room, "file", 3 * BLOCK, 2), "%u", i);
	}
}

Test(resume, that_started_over_believes_nothing_of_what_was_before)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);

	for (unsigned i = 0; i < 3; i++) {
		struct upload *u;

		leave_partial(&o);
		if (i == 0)
			cr_assert(unlinkat(room_up, part_name, 0) == 0);
		else
			o.identity.mtime_s++;
		assert_ok(begin(&u, &o));
		assert_ok(write_block(u, 3 * BLOCK, 2, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		assert_ok(begin(&u, &o));
		cr_expect_str_eq(have_text(), "2", "%u", i);
		assert_ok(upload_close(u, UPLOAD_DISCARD));
	}
}

Test(resume, T48_does_not_read_a_partial_again)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);
	struct upload *u;
	int fd;

	leave_partial(&o);
	fd = openat(room_up, part_name, O_RDWR | O_CLOEXEC);
	cr_assert(fd >= 0 && pwrite(fd, "rot", 3, 10) == 3);
	close(fd);
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1 2");
	assert_ok(commit_ranges(u, 3 * BLOCK, NULL, 0, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

Test(resume, notices_when_its_files_are_taken_away)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);

	for (unsigned i = 0; i < 3; i++) {
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(write_blocks(u, 3 * BLOCK, 0, 3, 1));
		if (i != 1)
			cr_assert(unlinkat(room_up, part_name, 0) == 0);
		if (i != 0)
			cr_assert(unlinkat(room_up, journal_name, 0) == 0);
		make_file(room_up, part_name, "another's", 0600);
		assert_error(commit_whole(u, 3 * BLOCK, 1), FTX_E_IO);
		assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_IO);
		cr_expect(!exists(room, "file"));
		if (exists(room_up, part_name))
			cr_assert(unlinkat(room_up, part_name, 0) == 0);
		cr_expect(entries_in(room_up) == 0, "%u", i);
	}
}

Test(resume, whose_files_were_taken_away_leaves_those_of_the_next_one_alone)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);
	struct upload *u, *next;

	assert_ok(begin(&u, &o));
	cr_assert(unlinkat(room_up, part_name, 0) == 0);
	cr_assert(unlinkat(room_up, journal_name, 0) == 0);
	set_session(&o, 2);
	assert_ok(begin(&next, &o));
	assert_ok(write_blocks(next, 3 * BLOCK, 0, 3, 1));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(entries_in(room_up) == 2);
	assert_ok(commit_whole(next, 3 * BLOCK, 1));
	assert_ok(upload_close(next, UPLOAD_KEEP));
}

static void
end_of_another_upload(void)
{
	unlinkat(room_up, part_name, 0);
	unlinkat(room_up, journal_name, 0);
}

Test(resume, finds_out_that_the_journal_it_has_locked_is_no_longer_the_one)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);
	struct upload *u;

	leave_partial(&o);
	fault_hook("fcntl", 1, end_of_another_upload);
	assert_ok(begin(&u, &o));
	cr_expect(fault_hit() && have_count == 0);
	assert_ok(write_blocks(u, 3 * BLOCK, 0, 3, 1));
	assert_ok(commit_whole(u, 3 * BLOCK, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", 3 * BLOCK, 1));
}

Test(resume, is_gone_when_discarded_and_stays_when_kept)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3 * BLOCK, 0, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(entries_in(room_up) == 2);
	assert_ok(begin(&u, &o));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(entries_in(room_up) == 0);
	assert_ok(upload_close(NULL, UPLOAD_KEEP));
}

Test(resume, forgotten_leaves_nothing_and_a_live_one_is_left_alone)
{
	struct upload_options o = server_upload("file", 3 * BLOCK);
	struct upload *u;

	assert_ok(upload_forget(&o.staging));
	leave_partial(&o);
	assert_ok(begin(&u, &o));
	assert_error(upload_forget(&o.staging), FTX_E_BUSY);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(entries_in(room_up) == 2);
	assert_ok(upload_forget(&o.staging));
	cr_expect(entries_in(room_up) == 0);
	/* Dead between rename and the journal's removal. */
	leave_partial(&o);
	cr_assert(unlinkat(room_up, part_name, 0) == 0);
	assert_ok(upload_forget(&o.staging));
	cr_expect(entries_in(room_up) == 0);
}
