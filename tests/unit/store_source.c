#include "src/store/source.h"

#include <errno.h>
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

#define KIB UINT64_C(1024)

/* A file of so many KiB that is a hole but for these stretches of data. */
struct layout {
	uint64_t size;
	struct {
		uint64_t at, length;
	} data[4];
	const char *seen; /* kind and KiB of what source_extent() should say */
};

static void
make_sparse(const char *name, const struct layout *l)
{
	static uint8_t data[512 * 1024];
	int fd = openat(room, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	memset(data, 'x', sizeof(data));
	cr_assert(fd >= 0 && ftruncate(fd, (off_t)(l->size * KIB)) == 0);
	for (unsigned i = 0; i < 4 && l->data[i].length > 0; i++)
		assert_ok(pwrite_full(fd, data, l->data[i].length * KIB, l->data[i].at * KIB));
	close(fd);
}

/* Asks piece by piece, and joins what is of the same kind. */
static const char *
extents_seen(struct source *s, uint64_t step)
{
	static char text[256];
	uint64_t size = source_identity(s)->size, length, run = 0;
	bool hole, last = false;
	size_t used = 0;

	text[0] = '\0';
	for (uint64_t at = 0; at < size; at += length) {
		uint64_t end = size - at > step ? at + step : size;

		assert_ok(source_extent(s, at, end, &hole, &length));
		cr_assert(length > 0 && length <= end - at);
		if (run > 0 && hole != last) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%c%ju ",
						 last ? 'h' : 'd', (uintmax_t)(run / KIB));
			run = 0;
		}
		last = hole;
		run += length;
	}
	snprintf(text + used, sizeof(text) - used, "%c%ju", last ? 'h' : 'd',
		 (uintmax_t)(run / KIB));
	return text;
}

Test(source, tells_data_from_holes_that_are_worth_it)
{
	static const struct layout layouts[] = {
	    {1024, {{0, 0}}, "h1024"},
	    {1024, {{0, 256}}, "d256 h768"},
	    {1024, {{768, 256}}, "h768 d256"},
	    {1024, {{256, 64}, {512, 64}}, "h256 d64 h192 d64 h448"},
	    {1024, {{0, 64}, {80, 944 - 80}}, "d64 h16 d864 h80"},
	    /* A page less is data, except at the end. */
	    {1024, {{0, 64}, {76, 300}}, "d376 h648"},
	    {1024, {{12, 64}}, "d76 h948"},
	    {1024, {{0, 64}, {76, 64}, {152, 64}, {228, 64}}, "d292 h732"},
	    {512, {{0, 64}, {100, 408}}, "d64 h36 d408 h4"},
	    {4, {{0, 0}}, "h4"},
	};
	static const uint64_t steps[] = {4 * KIB, 20 * KIB, CHUNK, BLOCK};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			struct source *s;

			make_sparse("file", &layouts[i]);
			s = open_file("file");
			cr_expect_str_eq(extents_seen(s, steps[j]), layouts[i].seen);
			/* The last answer does not stand in the way of an earlier place. */
			cr_expect_str_eq(extents_seen(s, steps[j]), layouts[i].seen);
			source_close(s);
		}
}

Test(source, asks_once_for_each_stretch_and_never_where_there_is_no_hole)
{
	static const struct layout sparse = {64 * 1024, {{0, 512}, {512, 512}}, ""},
				   dense = {512, {{0, 512}}, "d512"};
	struct source *s;

	make_sparse("file", &sparse);
	s = open_file("file");
	trace_start();
	cr_expect_str_eq(extents_seen(s, CHUNK), "d1024 h64512");
	cr_expect_str_eq(trace_text(), "lseek ?, lseek ?, lseek ?");
	source_close(s);
	make_sparse("file", &dense);
	s = open_file("file");
	trace_start();
	cr_expect_str_eq(extents_seen(s, CHUNK), "d512");
	cr_expect_str_eq(trace_text(), "");
	source_close(s);
}

Test(source, is_all_data_where_the_file_system_cannot_say)
{
	static const struct layout l = {1024, {{256, 64}}, ""};
	static const int errnums[] = {EINVAL, EOPNOTSUPP, ENOSYS};

	make_sparse("file", &l);
	/* The third call is the one that looks for the end of the data. */
	for (unsigned i = 0; i < 3; i++)
		for (unsigned nth = 1; nth <= 3; nth += 2) {
			struct source *s = open_file("file");

			fault_set("lseek", nth, errnums[i]);
			cr_expect_str_eq(extents_seen(s, CHUNK), nth == 1 ? "d1024" : "h256 d768");
			cr_expect(fault_hit());
			trace_start();
			cr_expect_str_eq(extents_seen(s, CHUNK), "d1024");
			cr_expect_str_eq(trace_text(), "");
			source_close(s);
		}
}

Test(source, whose_disk_fails_says_so)
{
	static const struct layout l = {1024, {{0, 64}, {72, 64}}, ""};
	uint64_t length;
	bool hole;

	make_sparse("file", &l);
	for (unsigned nth = 1; nth <= 4; nth++) {
		struct source *s = open_file("file");

		fault_set("lseek", nth, EIO);
		assert_error(source_extent(s, 0, 1024 * KIB, &hole, &length), FTX_E_IO);
		assert_ok(source_extent(s, 0, 1024 * KIB, &hole, &length));
		cr_expect(!hole && length == 136 * KIB);
		source_close(s);
	}
}

static void
punch_all(void)
{
	int fd = openat(room, "file", O_WRONLY | O_CLOEXEC);

	cr_assert(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1024 * KIB) == 0);
	close(fd);
}

Test(source, T50_that_changes_while_extents_are_asked_for_is_found_out_later)
{
	static const struct layout l = {1024, {{0, 64}, {512, 64}}, ""};
	uint64_t length;
	bool hole;
	struct source *s;
	int fd;

	make_sparse("file", &l);
	fd = openat(room, "file", O_WRONLY | O_CLOEXEC);
	s = open_file("file");
	cr_assert(ftruncate(fd, 2048 * KIB) == 0);
	cr_expect_str_eq(extents_seen(s, CHUNK), "d64 h448 d64 h448");
	assert_error(source_check(s), FTX_E_CHANGED);
	cr_assert(ftruncate(fd, 32 * KIB) == 0);
	cr_expect_str_eq(extents_seen(s, CHUNK), "d32 h992");
	assert_error(source_check(s), FTX_E_CHANGED);
	source_close(s);

	/* Gone between the question for its begin and that for its end. */
	make_sparse("file", &l);
	s = open_file("file");
	fault_hook("lseek", 2, punch_all);
	assert_ok(source_extent(s, 0, CHUNK, &hole, &length));
	cr_expect(fault_hit() && !hole && length == CHUNK);
	source_close(s);
	close(fd);
}
