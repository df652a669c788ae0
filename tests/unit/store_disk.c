/*
 * What the disk does to an upload: the order in which it is asked, and what happens when it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(disk, .init = room_begin, .fini = room_end);
TestSuite(real_disk, .init = room_begin_on_disk, .fini = room_end);

static const uint64_t size = 2 * BLOCK + 5;

static void
note_long_call(void *arg)
{
	(void)arg;
	trace_note("long");
}

Test(disk, T46_is_asked_in_this_order)
{
	struct upload_options o = server_upload("new/file", size);
	struct upload *u;

	o.before_long_call = note_long_call;
	trace_start();
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(trace_text(),
			 "pwrite jnl, fdatasync jnl, renameat2 jnl, unlinkat part, fsync dir");
	trace_start();
	assert_ok(write_blocks(u, size, 1, 3, 1));
	cr_expect_str_eq(trace_text(),
			 "pwrite part, pwrite part, pwrite part, pwrite part, pwrite part");
	trace_start();
	assert_ok(upload_checkpoint(u));
	cr_expect_str_eq(trace_text(), " long, fdatasync part, pwrite jnl, fdatasync jnl");
	trace_start();
	assert_ok(upload_checkpoint(u));
	cr_expect_str_eq(trace_text(), "");
	assert_ok(write_block(u, size, 0, 1));
	trace_start();
	assert_ok(commit_whole(u, size, 1));
	cr_expect_str_eq(
	    trace_text(),
	    " long, fdatasync part, pwrite jnl, fdatasync jnl, fremovexattr part, fchmod part, "
	    "futimens part, "
	    " long, fsync part, close part, mkdirat new, fsync dir, renameat part,  long, "
	    "fsync dir, fsync dir, unlinkat jnl");
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

Test(disk, is_asked_to_begin_writing_every_4_MiB)
{
	struct upload_options o = server_upload("file", 20 * BLOCK);
	struct upload *u;
	unsigned count = 0;
	const char *at;

	assert_ok(begin(&u, &o));
	trace_start();
	assert_ok(write_blocks(u, 20 * BLOCK, 0, 11, 1));
	for (at = trace_text(); (at = strstr(at, "sync_file_range")) != NULL; at++)
		count++;
	cr_expect(count == 2);
	upload_close(u, UPLOAD_DISCARD);
}

Test(disk, T42_may_write_less_than_asked_or_be_interrupted)
{
	struct upload_options o = server_upload("file", size);

	fault_short_writes(33333);
	assert_ok(put_whole(&o, 1));
	fault_short_writes(0);
	cr_expect(content_is(room, "file", size, 1));
}

Test(disk, T41_failing_at_any_call_leaves_the_old_file_or_the_whole_new_one)
{
	static const char *const calls[] = {
	    "pwrite",	 "fdatasync", "fsync",	  "close",  "openat",	 "renameat",
	    "renameat2", "mkdirat",   "futimens", "fchmod", "fsetxattr", "sync_file_range",
	};
	static const int errnums[] = {EIO, ENOSPC, EDQUOT, EROFS};
	struct upload_options o = server_upload("dir/file", 4 * BLOCK + 1);

	for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
		for (size_t e = 0; e < sizeof(errnums) / sizeof(errnums[0]); e++)
			for (unsigned n = 1;; n++) {
				bool is_old, is_new;
				int r;

				if (strcmp(calls[c], "mkdirat") != 0) {
					cr_assert(mkdirat(room, "dir", 0755) == 0);
					make_file(room, "dir/file", "old", 0644);
				}
				fault_set(calls[c], n, errnums[e]);
				r = put_whole(&o, 1);
				fault_set(NULL, 0, 0);
				if (!fault_hit()) {
					assert_ok(r);
					unlinkat(room, "dir/file", 0);
					unlinkat(room, "dir", AT_REMOVEDIR);
					break;
				}
				is_old = file_is(room, "dir/file", "old") ||
					 (c == 7 && !exists(room, "dir/file"));
				is_new = content_is(room, "dir/file", 4 * BLOCK + 1, 1);
				cr_assert(is_new || (is_old && r != 0), "%s %u errno %d: %s",
					  calls[c], n, errnums[e], error_name(r));
				/* And there is nothing that keeps the next one from working. */
				assert_ok(put_whole(&o, 2));
				cr_assert(content_is(room, "dir/file", 4 * BLOCK + 1, 2));
				cr_assert(entries_in(room_up) == 0);
				unlinkat(room, "dir/file", 0);
				unlinkat(room, "dir", AT_REMOVEDIR);
			}
	fault_set(NULL, 0, 0);
}

Test(disk, T44_that_fails_a_sync_once_is_not_asked_again)
{
	static const struct {
		const char *call;
		unsigned nth;
	} cases[] = {{"fdatasync", 1}, {"fdatasync", 2}, {"sync_file_range", 1}};
	static const int errnums[] = {EIO, ENOSPC, EDQUOT};
	static const int errors[] = {FTX_E_IO, FTX_E_NO_SPACE, FTX_E_QUOTA};
	const uint64_t big = 9 * BLOCK;
	struct upload_options o = server_upload("file", big);

	for (unsigned i = 0; i < 9; i++) {
		int error = errors[i % 3], r;
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(write_block(u, big, 8, 1));
		assert_ok(upload_checkpoint(u));
		fault_set(cases[i / 3].call, cases[i / 3].nth, errnums[i % 3]);
		r = write_blocks(u, big, 0, 4, 1);
		if (r == 0)
			r = upload_checkpoint(u);
		cr_assert(r == error, "%u: %s", i, error_name(r));
		/* Both are gone before the error is known, and it stays the answer. */
		cr_expect(entries_in(room_up) == 0, "%u", i);
		assert_error(upload_checkpoint(u), error);
		assert_error(upload_write(u, 0, "x", 1), error);
		assert_error(commit_whole(u, big, 1), error);
		assert_error(upload_close(u, UPLOAD_KEEP), error);
	}
}

Test(disk, T44_that_fails_at_the_end_leaves_the_old_file)
{
	static const char *const calls[] = {"fsync", "close part"};

	for (unsigned i = 0; i < 2; i++) {
		struct upload_options o = server_upload("file", size);
		struct upload *u;

		make_file(room, "file", "old", 0644);
		assert_ok(begin(&u, &o));
		assert_ok(write_blocks(u, size, 0, 3, 1));
		fault_set(calls[i], 1, EIO);
		assert_error(commit_whole(u, size, 1), FTX_E_IO);
		cr_expect(fault_hit());
		cr_expect(entries_in(room_up) == 0);
		cr_expect(file_is(room, "file", "old"));
		assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_IO);
	}
}

Test(disk, that_fails_to_sync_the_directory_is_not_called_success)
{
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 3, 1));
	fault_set("fsync", 2, EIO);
	assert_error(commit_whole(u, size, 1), FTX_E_IO);
	assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_IO);
	cr_expect(entries_in(room_up) == 0);
}

Test(disk, T40_full_in_a_write_keeps_what_was_finished)
{
	static const int errnums[] = {ENOSPC, EDQUOT};
	static const int errors[] = {FTX_E_NO_SPACE, FTX_E_QUOTA};

	for (unsigned i = 0; i < 2; i++) {
		struct upload_options o = server_upload("file", size);
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(write_block(u, size, 1, 1));
		fault_set("pwrite", 2, errnums[i]);
		assert_error(write_block(u, size, 0, 1), errors[i]);
		assert_error(upload_checkpoint(u), errors[i]);
		assert_error(commit_whole(u, size, 1), errors[i]);
		assert_error(upload_close(u, UPLOAD_KEEP), errors[i]);
		assert_ok(begin(&u, &o));
		cr_expect_str_eq(have_text(), "1");
		assert_ok(write_block(u, size, 0, 1));
		assert_ok(write_block(u, size, 2, 1));
		assert_ok(commit_ranges(u, size, NULL, 0, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(content_is(room, "file", size, 1));
	}
}

Test(disk, T40_full_before_a_block_was_finished_leaves_nothing)
{
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	fault_set("pwrite", 3, ENOSPC);
	assert_error(write_block(u, size, 0, 1), FTX_E_NO_SPACE);
	assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_NO_SPACE);
	cr_expect(entries_in(room_up) == 0);
}

Test(disk, T40_really_full_keeps_the_old_file_and_goes_on_when_there_is_room)
{
	const uint64_t big = 5 * BLOCK;
	struct upload_options o;
	struct upload *u = NULL;
	char path[200];

	if (geteuid() != 0 || !own_mounts())
		return;
	snprintf(path, sizeof(path), "%s/share", room_path);
	cr_assert(mount("none", path, "tmpfs", 0, "size=3500k") == 0);
	close(room);
	room = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	o = client_upload("file", big);
	make_file(room, "file", "old", 0644);
	assert_error(begin(&u, &o), FTX_E_NO_SPACE);
	cr_expect(entries_in(room) == 1);
	o.allocate = 0; /* as of a source with holes */
	assert_ok(begin(&u, &o));
	assert_error(write_blocks(u, big, 0, 5, 1), FTX_E_NO_SPACE);
	assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_NO_SPACE);
	cr_expect(file_is(room, "file", "old"));
	cr_assert(mount("none", path, "tmpfs", MS_REMOUNT, "size=8m") == 0);
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1 2");
	assert_ok(write_blocks(u, big, 3, 5, 1));
	assert_ok(commit_ranges(u, big, NULL, 0, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", big, 1));
	umount2(path, MNT_DETACH);
}

Test(disk, that_takes_no_more_of_a_file_ends_the_upload)
{
	struct upload_options o = server_upload("file", size);
	struct rlimit limit = {.rlim_cur = BLOCK + CHUNK, .rlim_max = RLIM_INFINITY};
	struct upload *u;

	make_file(room, "file", "old", 0644);
	assert_ok(begin(&u, &o));
	signal(SIGXFSZ, SIG_IGN);
	cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = BLOCK + CHUNK;
	cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	assert_ok(write_block(u, size, 0, 1));
	assert_error(write_block(u, size, 1, 1), FTX_E_TOO_LARGE);
	limit.rlim_cur = limit.rlim_max;
	cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_TOO_LARGE);
	cr_expect(entries_in(room_up) == 0);
	cr_expect(file_is(room, "file", "old"));
}

Test(disk, another_one_is_noticed_before_anything_is_sent)
{
	struct upload_options o = server_upload("dir/sub/file", size);
	struct stat here, there;
	struct upload *u;

	o.staging.dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(o.staging.dir >= 0);
	cr_assert(fstat(room, &here) == 0 && fstat(o.staging.dir, &there) == 0);
	if (here.st_dev == there.st_dev) {
		fprintf(stderr, "skipped: one file system only\n");
		return;
	}
	assert_error(begin(&u, &o), FTX_E_OTHER_FILE_SYSTEM);
	cr_expect(!exists(o.staging.dir, part_name) && !exists(o.staging.dir, journal_name));
	close(o.staging.dir);
	/* And at the rename, where devices alike hide it (a btrfs subvolume, an XFS project). */
	o.staging.dir = room_up;
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 3, 1));
	fault_set("renameat", 1, EXDEV);
	assert_error(commit_whole(u, size, 1), FTX_E_OTHER_FILE_SYSTEM);
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(entries_in(room_up) == 0);
}

static bool
preallocates(void)
{
	int fd = openat(room_up, "probe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool yes = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096) == 0;

	close(fd);
	unlinkat(room_up, "probe", 0);
	return yes;
}

Test(real_disk, is_preallocated_within_the_file_and_not_for_sparse_or_small_ones)
{
	static const struct {
		uint64_t size, allocate;
		bool asked;
	} cases[] = {
	    {5 * BLOCK, 5 * BLOCK, true},
	    {5 * BLOCK, 5 * BLOCK - 1, false},
	    {BLOCK, BLOCK, false},
	    {BLOCK + 1, 2 * BLOCK, true},
	};

	if (exists(AT_FDCWD, "/dev/shm") && strncmp(room_path, "/dev/shm", 8) == 0)
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upload_options o = server_upload("file", cases[i].size);
		struct upload *u;
		struct stat st;
		bool asked;

		o.allocate = cases[i].allocate;
		assert_ok(begin(&u, &o));
		trace_start();
		assert_ok(write_block(u, cases[i].size, 0, 1));
		asked = strstr(trace_text(), "fallocate part") != NULL;
		cr_expect(asked == cases[i].asked, "%zu", i);
		cr_assert(fstatat(room_up, part_name, &st, 0) == 0);
		cr_expect((uint64_t)st.st_size == (BLOCK < cases[i].size ? BLOCK : cases[i].size));
		if (asked && preallocates())
			cr_expect((uint64_t)st.st_blocks * 512 >= cases[i].size);
		cr_expect((uint64_t)st.st_blocks * 512 <= cases[i].size + 4 * 4096);
		upload_close(u, UPLOAD_DISCARD);
	}
}

Test(real_disk, that_cannot_preallocate_is_written_all_the_same)
{
	static const int errnums[] = {EOPNOTSUPP, ENOSYS, EINVAL, EINTR};

	for (unsigned i = 0; i < 4; i++) {
		struct upload_options o = server_upload("file", size);

		fault_set("fallocate", 1, errnums[i]);
		assert_ok(put_whole(&o, i));
		cr_expect(fault_hit());
		cr_expect(content_is(room, "file", size, i));
	}
}

Test(real_disk, that_is_full_when_asked_to_preallocate_says_so)
{
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	fault_set("fallocate", 1, ENOSPC);
	assert_error(write_block(u, size, 0, 1), FTX_E_NO_SPACE);
	assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_NO_SPACE);
	cr_expect(entries_in(room_up) == 0);
}

Test(real_disk, takes_files_of_all_kinds)
{
	static const uint64_t sizes[] = {0, 1, BLOCK, 3 * BLOCK + 17};

	for (unsigned i = 0; i < 8; i++) {
		uint64_t bytes = sizes[i / 2];
		struct upload_options o =
		    i % 2 == 0 ? server_upload("file", bytes) : client_upload("file", bytes);

		assert_ok(put_whole(&o, i));
		cr_expect(content_is(room, "file", bytes, i));
		cr_expect(entries_in(room_up) == 0 && entries_in(room) == 1);
	}
}
