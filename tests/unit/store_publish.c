/* The commit: what takes the final name, and what does not. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/publish.h"
#include "store_helpers.h"

TestSuite(publish, .init = room_begin, .fini = room_end);
TestSuite(publish_walking, .init = room_begin, .fini = room_end);

static uint8_t bytes[LIMIT_CHUNK_BYTES];

BothWays(publish, replaces_what_was_there_in_one_step)
{
	const uint64_t size = BLOCK + 1;
	struct upload_options o = server_upload("dir/sub/file", size);
	struct upload *u;
	ino_t old;

	cr_assert(mkdirat(room, "dir", 0755) == 0);
	cr_assert(mkdirat(room, "dir/sub", 0755) == 0);
	make_file(room, "dir/sub/file", "old", 0600);
	old = stat_of(room, "dir/sub/file").st_ino;
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 2, 1));
	assert_ok(upload_checkpoint(u));
	cr_expect(file_is(room, "dir/sub/file", "old"));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "dir/sub/file", size, 1));
	cr_expect(stat_of(room, "dir/sub/file").st_ino != old);
}

BothWays(publish, makes_missing_parents_only_when_it_publishes)
{
	struct upload_options o = server_upload("new/deep/file", 3);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3, 0, 1));
	cr_expect(!exists(room, "new"));
	assert_ok(commit_whole(u, 3, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "new/deep/file", 3, 1));
}

BothWays(publish, without_the_right_to_overwrite_leaves_what_exists)
{
	struct upload_options o = server_upload("file", 3);
	struct upload *u;

	o.overwrite = false;
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3, 0, 1));
	make_file(room, "file", "old", 0644);
	assert_error(commit_whole(u, 3, 1), FTX_E_EXISTS);
	cr_expect(file_is(room, "file", "old"));
	cr_assert(unlinkat(room, "file", 0) == 0);
	assert_ok(commit_whole(u, 3, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", 3, 1));
	assert_error(begin(&u, &o), FTX_E_EXISTS);
	cr_expect(entries_in(room_up) == 0);
}

BothWays(publish, without_renameat2_links_and_never_overwrites)
{
	struct upload_options o = server_upload("file", BLOCK + 3);
	struct upload *u;

	o.overwrite = false;
	fault_set("renameat2", 1, EINVAL);
	trace_start();
	assert_ok(begin(&u, &o));
	cr_expect(strstr(trace_text(), "renameat2 jnl, renameat jnl") != NULL);
	cr_expect(strstr(trace_text(), ", linkat") == NULL, "a journal has one name at any time");
	assert_ok(write_blocks(u, BLOCK + 3, 0, 2, 1));
	fault_set("renameat2", 1, EINVAL);
	trace_start();
	assert_ok(commit_whole(u, BLOCK + 3, 1));
	cr_expect(strstr(trace_text(), "renameat2 part, linkat part, unlinkat part, fsync dir") !=
		  NULL);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", BLOCK + 3, 1));
	cr_expect(stat_of(room, "file").st_nlink == 1);
	cr_expect(entries_in(room_up) == 0);

	/* Somebody takes the name between the last look and the link. */
	o.path = "other";
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, BLOCK + 3, 0, 2, 1));
	fault_set("renameat2", 1, EEXIST);
	assert_error(commit_whole(u, BLOCK + 3, 1), FTX_E_EXISTS);
	assert_ok(upload_write(u, 0, bytes, CHUNK));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(entries_in(room_up) == 0);
}

/* What file systems and kernels say to flags that they do not know. */
static const int without_flags[] = {EINVAL, ENOSYS, EOPNOTSUPP};
#define WITHOUT_FLAGS (sizeof(without_flags) / sizeof(without_flags[0]))

Test(publish, takes_each_answer_of_file_systems_without_flags)
{
	for (size_t i = 0; i < WITHOUT_FLAGS; i++) {
		make_file(room_up, "from", "new", 0600);
		fault_set("renameat2", 1, without_flags[i]);
		assert_ok(publish_new(room_up, "from", room, "to"));
		cr_expect(fault_hit());
		cr_expect(file_is(room, "to", "new"));
		cr_expect(stat_of(room, "to").st_nlink == 1);
		make_file(room_up, "from", "newer", 0600);
		fault_set("renameat2", 1, without_flags[i]);
		assert_error(publish_new(room_up, "from", room, "to"), FTX_E_EXISTS);
		cr_expect(file_is(room, "to", "new"));
		cr_expect(file_is(room_up, "from", "newer"), "what was not published is kept");
		cr_assert(unlinkat(room, "to", 0) == 0 && unlinkat(room_up, "from", 0) == 0);
	}
}

Test(publish, replaces_nothing_where_it_renames_under_a_lock)
{
	for (size_t i = 0; i < WITHOUT_FLAGS; i++) {
		make_file(room, "from", "new", 0600);
		fault_set("renameat2", 1, without_flags[i]);
		assert_ok(publish_new_locked(room, "from", "to"));
		cr_expect(fault_hit());
		cr_expect(file_is(room, "to", "new"));
		make_file(room, "from", "newer", 0600);
		fault_set("renameat2", 1, without_flags[i]);
		assert_error(publish_new_locked(room, "from", "to"), FTX_E_EXISTS);
		cr_expect(file_is(room, "to", "new"));
		cr_expect(file_is(room, "from", "newer"));
		cr_assert(unlinkat(room, "to", 0) == 0 && unlinkat(room, "from", 0) == 0);
	}
	make_file(room, "from", "new", 0600);
	fault_set("renameat2", 1, EIO);
	assert_error(publish_new_locked(room, "from", "to"), FTX_E_IO);
	cr_expect(!exists(room, "to"));
}

Test(publish, takes_no_other_error_for_that)
{
	static const int others[] = {EIO, ENOSPC, EACCES, EROFS, EXDEV};

	make_file(room_up, "from", "new", 0600);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		fault_set("renameat2", 1, others[i]);
		cr_expect_neq(publish_new(room_up, "from", room, "to"), 0, "%d", others[i]);
		cr_expect_not(exists(room, "to"));
	}
}

static void
it_was_done_already(void)
{
	cr_assert(linkat(room_up, "from", room, "to", 0) == 0);
}

static void
somebody_was_first(void)
{
	make_file(room, "to", "theirs", 0600);
}

/* A file server is asked again when its answer is lost. */
Test(publish, knows_its_own_link_when_it_is_told_that_the_name_exists)
{
	make_file(room_up, "from", "new", 0600);
	fault_hook("linkat", 1, it_was_done_already);
	fault_also("renameat2", EINVAL);
	assert_ok(publish_new(room_up, "from", room, "to"));
	cr_expect(fault_hit());
	cr_expect(file_is(room, "to", "new"));
	cr_expect_not(exists(room_up, "from"));
	cr_assert(unlinkat(room, "to", 0) == 0);

	make_file(room_up, "from", "new", 0600);
	fault_hook("linkat", 1, somebody_was_first);
	assert_error(publish_new(room_up, "from", room, "to"), FTX_E_EXISTS);
	cr_expect(file_is(room, "to", "theirs"));
	fault_also(NULL, 0);
}

BothWays(publish, never_goes_on_writing_to_a_file_that_has_another_name)
{
	struct upload_options o = server_upload("file", 2 * BLOCK);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, 2 * BLOCK, 0, 2, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	/* What a commit leaves that was cut off between link and unlink. */
	cr_assert(linkat(room_up, part_name, room, "file", 0) == 0);
	assert_ok(begin(&u, &o));
	cr_expect(have_count == 0);
	assert_ok(write_blocks(u, 2 * BLOCK, 0, 2, 2));
	cr_expect(content_is(room, "file", 2 * BLOCK, 1));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(content_is(room, "file", 2 * BLOCK, 1));
}

static void
make_fifo(int dir, const char *name)
{
	cr_assert(mkfifoat(dir, name, 0600) == 0);
}

static void
make_directory(int dir, const char *name)
{
	cr_assert(mkdirat(dir, name, 0755) == 0);
}

static void
make_link(int dir, const char *name)
{
	cr_assert(symlinkat("elsewhere", dir, name) == 0);
}

BothWays(publish, replaces_neither_a_directory_nor_a_special_file)
{
	static const struct {
		void (*make)(int dir, const char *name);
		int flags;
		int error;
	} cases[] = {
	    {make_directory, AT_REMOVEDIR, FTX_E_CONFLICT},
	    {make_fifo, 0, FTX_E_CONFLICT},
	};
	struct upload_options o = server_upload("name", 3);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upload *u;
		mode_t mode;

		cases[i].make(room, "name");
		mode = stat_of(room, "name").st_mode;
		assert_error(begin(&u, &o), cases[i].error);
		cr_expect(entries_in(room_up) == 0);
		cr_assert(unlinkat(room, "name", cases[i].flags) == 0);
		/* And the same where it turns up later. */
		assert_ok(begin(&u, &o));
		assert_ok(write_block(u, 3, 0, 1));
		cases[i].make(room, "name");
		assert_error(commit_whole(u, 3, 1), cases[i].error);
		cr_expect(stat_of(room, "name").st_mode == mode);
		cr_assert(unlinkat(room, "name", cases[i].flags) == 0);
		assert_ok(commit_whole(u, 3, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_assert(unlinkat(room, "name", 0) == 0);
	}
}

static void
a_directory_turns_up(void)
{
	make_directory(room, "name");
}

static void
a_fifo_turns_up(void)
{
	make_fifo(room, "name");
}

BothWays(publish, replaces_no_directory_or_special_file_that_turned_up_while_it_was_synced)
{
	struct upload_options o = server_upload("name", 3);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3, 0, 1));
	fault_hook("fsync", 1, a_directory_turns_up);
	assert_error(commit_whole(u, 3, 1), FTX_E_CONFLICT);
	cr_assert(unlinkat(room, "name", AT_REMOVEDIR) == 0);
	fault_hook("fsync", 1, a_fifo_turns_up);
	assert_error(commit_whole(u, 3, 1), FTX_E_CONFLICT);
	cr_assert(S_ISFIFO(stat_of(room, "name").st_mode));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

/* The link itself, never what it leads to; and not without the right to overwrite. */
BothWays(publish, T31_replaces_a_link_and_not_what_it_leads_to)
{
	struct upload_options o = server_upload("name", 3);
	struct upload *u;

	for (int turns_up = 0; turns_up < 2; turns_up++) {
		make_file(room, "elsewhere", "kept", 0644);
		if (turns_up == 0)
			make_link(room, "name");
		assert_ok(begin(&u, &o));
		if (turns_up == 1)
			make_link(room, "name");
		assert_ok(write_block(u, 3, 0, 1));
		assert_ok(commit_whole(u, 3, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(S_ISREG(stat_of(room, "name").st_mode));
		cr_expect(stat_of(room, "elsewhere").st_size == 4);
		cr_assert(unlinkat(room, "name", 0) == 0);
	}
	make_link(room, "name");
	o.overwrite = false;
	assert_error(begin(&u, &o), FTX_E_EXISTS);
}

BothWays(publish, T31_does_not_go_through_a_link)
{
	struct upload_options o = server_upload("link/file", 3);
	struct upload *u;

	cr_assert(symlinkat("..", room, "link") == 0);
	assert_error(begin(&u, &o), FTX_E_IS_LINK);
	cr_assert(unlinkat(room, "link", 0) == 0);
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 3, 0, 1));
	cr_assert(symlinkat("..", room, "link") == 0);
	assert_error(commit_whole(u, 3, 1), FTX_E_IS_LINK);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(!exists(room, "../file"));
}
