/*
 * The client's partial lies beside its destination, in a directory where others may have left
 * anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(client_partial, .init = room_begin, .fini = room_end);

static const uint64_t size = 2 * BLOCK + 5;

static void
be_link(const char *name)
{
	cr_assert(symlinkat("victim", room, name) == 0);
}

static void
be_second_name(const char *name)
{
	cr_assert(linkat(room, "victim", room, name, 0) == 0);
}

static void
be_open_to_others(const char *name)
{
	make_file(room, name, "kept", 0644);
}

static void
be_fifo(const char *name)
{
	cr_assert(mkfifoat(room, name, 0600) == 0);
}

static void
be_directory(const char *name)
{
	cr_assert(mkdirat(room, name, 0700) == 0);
}

static void
be_foreign(const char *name)
{
	make_file(room, name, "kept", 0600);
	if (fchownat(room, name, 1234, 1234, 0) != 0)
		cr_assert(fchmodat(room, name, 0640, 0) == 0);
}

static void (*const shapes[])(const char *name) = {
    be_link, be_second_name, be_open_to_others, be_fifo, be_directory, be_foreign,
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static void
leave_partial(const struct upload_options *o)
{
	struct upload *u;

	assert_ok(begin(&u, o));
	assert_ok(write_blocks(u, size, 0, 2, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

static void
remove_any(const char *name)
{
	if (unlinkat(room, name, 0) != 0)
		unlinkat(room, name, AT_REMOVEDIR);
}

/* Nothing but the access time may differ. */
static bool
is_untouched(const char *name, const struct stat *before)
{
	struct stat st = stat_of(room, name);

	return st.st_ino == before->st_ino && st.st_mode == before->st_mode &&
	       st.st_size == before->st_size && st.st_nlink == before->st_nlink &&
	       st.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == before->st_mtim.tv_nsec &&
	       st.st_ctim.tv_nsec == before->st_ctim.tv_nsec;
}

Test(client_partial, T35_that_is_not_its_users_own_private_file_is_not_touched)
{
	static const char *const names[] = {client_part_name, client_journal_name};
	struct upload_options o = client_upload("file", size);

	make_file(room, "victim", "precious", 0600);
	for (unsigned with_other = 0; with_other < 2; with_other++)
		for (unsigned n = 0; n < 2; n++)
			for (unsigned s = 0; s < SHAPES; s++) {
				struct stat before, other_before = {0};
				struct upload *u;

				if (with_other == 1) {
					leave_partial(&o);
					remove_any(names[n]);
					other_before = stat_of(room, names[1 - n]);
				}
				shapes[s](names[n]);
				before = stat_of(room, names[n]);
				assert_error(begin(&u, &o), FTX_E_CONFLICT);
				if (n == 1 || with_other == 1)
					assert_error(upload_forget(&o.staging), FTX_E_CONFLICT);
				cr_expect(is_untouched(names[n], &before), "%u %u", n, s);
				cr_expect(entries_in(room) == 2 + with_other, "%u %u", n, s);
				cr_expect(file_is(room, "victim", "precious"));
				if (with_other == 1)
					cr_expect(is_untouched(names[1 - n], &other_before));
				remove_any(names[0]);
				remove_any(names[1]);
			}
}

Test(client_partial, T35_is_not_begun_where_a_strange_file_has_its_temporary_name)
{
	struct upload_options o = client_upload("file", size);
	char name[80];

	make_file(room, "victim", "precious", 0600);
	snprintf(name, sizeof(name), "%s.new", client_journal_name);
	for (unsigned s = 0; s < SHAPES; s++) {
		struct stat before;
		struct upload *u;

		shapes[s](name);
		before = stat_of(room, name);
		assert_error(begin(&u, &o), FTX_E_CONFLICT);
		cr_expect(is_untouched(name, &before), "%u", s);
		cr_expect(file_is(room, "victim", "precious"));
		cr_expect(entries_in(room) == 2);
		remove_any(name);
	}
	/* What one who died here has left is taken over. */
	make_file(room, name, "half a header", 0600);
	assert_ok(put_whole(&o, 1));
	cr_expect(entries_in(room) == 2);
}

Test(client_partial, is_private_while_it_grows_and_gone_in_the_end)
{
	struct upload_options o = client_upload("file", size);
	struct upload *u;

	umask(0);
	leave_partial(&o);
	cr_expect((stat_of(room, client_part_name).st_mode & 07777) == 0600);
	cr_expect((stat_of(room, client_journal_name).st_mode & 07777) == 0600);
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1");
	assert_ok(write_block(u, size, 2, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(entries_in(room) == 1);
	cr_expect(content_is(room, "file", size, 1));
	cr_expect((stat_of(room, "file").st_mode & 07777) == 0644);
}

Test(client_partial, in_a_directory_held_by_an_O_PATH_descriptor_works)
{
	struct upload_options o = client_upload("file", size);

	o.staging.dir = openat(room, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert(o.staging.dir >= 0);
	assert_ok(put_whole(&o, 1));
	cr_expect(content_is(room, "file", size, 1));
	close(o.staging.dir);
}

Test(client_partial, of_a_commit_that_was_refused_can_be_gone_on_with_whatever_its_mode)
{
	struct upload_options o = client_upload("file", size);
	struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0}};
	struct upload *u;

	o.overwrite = false;
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 3, 1));
	fault_set("renameat2", 1, EEXIST);
	assert_error(upload_commit(u, &c, &result), FTX_E_EXISTS);
	assert_ok(write_block(u, size, 0, 1));
	fault_set("renameat2", 1, EEXIST);
	assert_error(upload_commit(u, &c, &result), FTX_E_EXISTS);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1 2");
	cr_expect((stat_of(room, client_part_name).st_mode & 07777) == 0600);
	assert_ok(upload_commit(u, &c, &result));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect((stat_of(room, "file").st_mode & 07777) == 0);
	cr_expect(entries_in(room) == 1);
}
