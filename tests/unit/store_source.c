#include "src/store/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/io.h"
#include "store_helpers.h"

TestSuite(source, .init = room_begin, .fini = room_end);

static const struct metadata_rules rules = {.policy = METADATA_CLIENT};

static struct source *
open_file(const char *name)
{
	struct source *s;

	assert_ok(source_open_at(&s, room, name, &rules, 0));
	return s;
}

static void
append(const char *name, const char *text)
{
	int fd = openat(room, name, O_WRONLY | O_APPEND | O_CLOEXEC);

	cr_assert(fd >= 0);
	assert_ok(write_full(fd, text, strlen(text)));
	close(fd);
}

static void
set_mtime(const char *name, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = seconds, .tv_nsec = 7}};

	cr_assert(utimensat(room, name, times, 0) == 0);
}

Test(source, gives_content_identity_and_metadata)
{
	char data[6] = "";
	struct source *s;
	struct stat st;

	make_file(room, "file", "0123456789", 0640);
	set_mtime("file", 1234);
	s = open_file("file");
	cr_assert(fstatat(room, "file", &st, 0) == 0);
	cr_expect(source_identity(s)->size == 10);
	cr_expect(source_identity(s)->inode == st.st_ino);
	cr_expect(source_identity(s)->mtime_s == 1234 && source_identity(s)->mtime_ns == 7);
	cr_expect(source_metadata(s)->mode == 0640 && source_metadata(s)->type == ENTRY_FILE);
	cr_expect(source_allocated(s) == (uint64_t)st.st_blocks * 512);
	assert_ok(source_read(s, 3, data, 5));
	cr_expect_str_eq(data, "34567");
	assert_ok(source_read(s, 10, data, 0));
	assert_ok(source_check(s));
	cr_expect(source_fd(s) >= 0);
	source_close(s);
	source_close(NULL);
}

Test(source, is_a_regular_file_and_a_fifo_is_not_waited_for)
{
	struct source *s;

	cr_assert(mkfifoat(room, "fifo", 0600) == 0);
	cr_assert(mknodat(room, "socket", S_IFSOCK | 0600, 0) == 0);
	cr_assert(mkdirat(room, "dir", 0755) == 0);
	make_file(room, "file", "x", 0600);
	cr_assert(symlinkat("file", room, "link") == 0);
	assert_error(source_open_at(&s, room, "fifo", &rules, 0), FTX_E_NOT_REGULAR);
	assert_error(source_open_at(&s, room, "socket", &rules, 0), FTX_E_NOT_REGULAR);
	assert_error(source_open_at(&s, room, "dir", &rules, 0), FTX_E_CONFLICT);
	assert_error(source_open_at(&s, room, "link", &rules, 0), FTX_E_IS_LINK);
	assert_error(source_open_at(&s, room, "missing", &rules, 0), FTX_E_NOT_FOUND);
	assert_error(source_open_path(&s, "/dev/null", &rules, 0), FTX_E_NOT_REGULAR);
}

Test(source, named_by_the_user_may_be_a_link)
{
	char path[200];
	struct source *s;

	make_file(room, "file", "x", 0600);
	cr_assert(symlinkat("file", room, "link") == 0);
	snprintf(path, sizeof(path), "%s/share/link", room_path);
	assert_ok(source_open_path(&s, path, &rules, 0));
	assert_ok(source_check(s));
	make_file(room, "other", "x", 0600);
	cr_assert(unlinkat(room, "link", 0) == 0 && symlinkat("other", room, "link") == 0);
	assert_error(source_check(s), FTX_E_CHANGED);
	source_close(s);
}

Test(source, T50_that_grows_or_shrinks_or_is_written_has_changed)
{
	char data[20];
	struct source *s;
	int fd;

	make_file(room, "grows", "0123456789", 0600);
	s = open_file("grows");
	append("grows", "x");
	assert_ok(source_read(s, 0, data, 10));
	assert_error(source_check(s), FTX_E_CHANGED);
	source_close(s);

	make_file(room, "shrinks", "0123456789", 0600);
	s = open_file("shrinks");
	fd = openat(room, "shrinks", O_WRONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && ftruncate(fd, 5) == 0);
	close(fd);
	assert_error(source_read(s, 0, data, 10), FTX_E_CHANGED);
	assert_error(source_check(s), FTX_E_CHANGED);
	source_close(s);

	make_file(room, "touched", "0123456789", 0600);
	s = open_file("touched");
	set_mtime("touched", 99);
	assert_error(source_check(s), FTX_E_CHANGED);
	source_close(s);
}

Test(source, T50_that_was_replaced_has_changed_or_vanished)
{
	struct source *s;
	struct stat st;
	struct timespec times[2];

	make_file(room, "file", "0123456789", 0600);
	s = open_file("file");
	/* The same in all but the inode. */
	cr_assert(fstatat(room, "file", &st, 0) == 0);
	make_file(room, "new", "0123456789", 0600);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	cr_assert(utimensat(room, "new", times, 0) == 0);
	cr_assert(renameat(room, "new", room, "file") == 0);
	assert_error(source_check(s), FTX_E_CHANGED);
	cr_assert(unlinkat(room, "file", 0) == 0);
	assert_error(source_check(s), FTX_E_VANISHED);
	source_close(s);
}

Test(source, T50_with_another_mode_or_link_goes_on_with_it)
{
	struct source *s;
	struct stat st;

	make_file(room, "file", "0123456789", 0600);
	s = open_file("file");
	cr_assert(fchmodat(room, "file", 0644, 0) == 0);
	assert_ok(source_check(s));
	cr_expect(source_metadata(s)->mode == 0644);
	cr_assert(linkat(room, "file", room, "second", 0) == 0);
	assert_ok(source_check(s));
	cr_assert(fstatat(room, "file", &st, 0) == 0);
	cr_expect(source_identity(s)->ctime_s == st.st_ctim.tv_sec);
	cr_expect(source_identity(s)->ctime_ns == (uint32_t)st.st_ctim.tv_nsec);
	source_close(s);
}

Test(source, that_may_not_be_read_is_denied)
{
	struct source *s;

	if (geteuid() == 0) {
		fprintf(stderr, "skipped: nothing is denied to root\n");
		return;
	}
	make_file(room, "file", "x", 0);
	assert_error(source_open_at(&s, room, "file", &rules, 0), FTX_E_DENIED);
}
