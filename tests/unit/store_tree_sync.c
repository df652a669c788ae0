#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store_helpers.h"
#include "store_tree.h"

TestSuite(tree_sync, .init = tree_begin, .fini = tree_end);

/* What the clock says more than it is. */
static time_t later_s;

time_t
time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += later_s;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

static unsigned
count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		count++;
	return count;
}

static void
mkdirs(const char *parent, unsigned from, unsigned end)
{
	const struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);
	char path[256];

	for (unsigned i = from; i < end; i++) {
		snprintf(path, sizeof(path), "%s/%u", parent, i);
		assert_ok(tree_mkdir(tree, path, &m, &flags));
	}
}

Test(tree_sync, each_directory_is_synced_once)
{
	make_dirs("a/b/c");
	make_dirs("a-b/c");
	trace_start();
	for (unsigned i = 0; i < 10; i++) {
		mkdirs("a/b/c", i, i + 1);
		mkdirs("a-b/c", i, i + 1);
		mkdirs("a", i, i + 1);
	}
	cr_expect_eq(count_of(trace_text(), "fsync"), 0, "nothing before");
	trace_start();
	assert_ok(tree_sync(tree));
	/* a/b/c, a/b, a, a-b/c, a-b and the root, all of them young */
	cr_expect_eq(count_of(trace_text(), "fsync dir"), 6);
	trace_start();
	assert_ok(tree_sync(tree));
	cr_expect_eq(count_of(trace_text(), "fsync"), 0, "nothing twice");
}

Test(tree_sync, a_directory_above_is_synced_only_where_it_is_young)
{
	make_dirs("a/b");
	mkdirs("a/b", 0, 1);
	later_s = 3600 + 60;
	trace_start();
	assert_ok(tree_sync(tree));
	cr_expect_eq(count_of(trace_text(), "fsync dir"), 1, "a/b, in which something was made");
	later_s = -60;
	mkdirs("a/b", 1, 2);
	trace_start();
	assert_ok(tree_sync(tree));
	cr_expect_eq(count_of(trace_text(), "fsync dir"), 3, "the clock was set back");
	later_s = 0;
}

Test(tree_sync, what_got_metadata_is_synced_itself)
{
	struct metadata file = metadata_for(ENTRY_FILE, 0644),
			dir = metadata_for(ENTRY_DIRECTORY, 0755);

	make_file(room, "f", "", 0644);
	make_dirs("d");
	assert_ok(tree_setmeta(tree, "f", &file, &flags));
	assert_ok(tree_setmeta(tree, "d", &dir, &flags));
	trace_start();
	assert_ok(tree_sync(tree));
	cr_expect_str_eq(trace_text(), "fsync dir, fsync ?, fsync dir");
}

Test(tree_sync, what_is_gone_or_exchanged_is_left_out)
{
	mkdirs("a/b/c", 0, 3);
	mkdirs("d", 0, 3);
	mkdirs("z", 0, 3);
	cr_assert(renameat(room, "a/b", room_up, "b") == 0);
	make_link("/etc", "a/b");
	cr_assert(renameat(room, "d", room_up, "d") == 0);
	trace_start();
	assert_ok(tree_sync(tree));
	/* a, z and the root */
	cr_expect_eq(count_of(trace_text(), "fsync dir"), 3);
	cr_assert(unlinkat(room, "a/b", 0) == 0);
}

Test(tree_sync, syncs_before_its_time_when_there_is_too_much)
{
	for (unsigned i = 0; i < 4096; i++) {
		char path[32];

		snprintf(path, sizeof(path), "d%u/x", i);
		assert_ok(tree_touch_parent(tree, path));
	}
	assert_ok(tree_touch_parent(tree, "d0/y"));
	make_dirs("one");
	trace_start();
	assert_ok(tree_touch_parent(tree, "one/more"));
	cr_expect_eq(count_of(trace_text(), "fsync dir"), 1, "the root, the rest is not there");
	trace_start();
	assert_ok(tree_sync(tree));
	cr_expect_eq(count_of(trace_text(), "fsync dir"), 2);
}

Test(tree_sync, an_error_is_answered_once_and_not_before_its_time)
{
	mkdirs("d", 0, 3);
	fault_set("fsync", 1, EIO);
	assert_error(tree_sync(tree), FTX_E_IO);
	assert_ok(tree_sync(tree));
	for (unsigned i = 0; i < 4096; i++) {
		char path[32];

		snprintf(path, sizeof(path), "d%u/x", i);
		assert_ok(tree_touch_parent(tree, path));
	}
	fault_set("fsync", 1, ENOSPC);
	assert_error(tree_touch_parent(tree, "x/y"), FTX_E_NO_SPACE);
	assert_error(tree_sync(tree), FTX_E_NO_SPACE);
	assert_ok(tree_sync(tree));
}

Test(tree_sync, the_deepest_path_is_synced)
{
	char path[2 * LIMIT_PATH_DEPTH];
	const struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	for (unsigned i = 0; i < LIMIT_PATH_DEPTH; i++)
		memcpy(path + 2 * i, "d/", 2);
	path[2 * LIMIT_PATH_DEPTH - 1] = '\0';
	assert_ok(tree_mkdir(tree, path, &m, &flags));
	assert_ok(tree_setmeta(tree, path, &m, &flags));
	trace_start();
	assert_ok(tree_sync(tree));
	cr_expect_eq(count_of(trace_text(), "fsync dir"), LIMIT_PATH_DEPTH + 1);
}

/* What has to do with rights is done by somebody without any. */
static void
as_nobody(void (*does)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		does();
		return;
	}
	cr_assert(fchown(room, 65534, 65534) == 0 && fchown(room_up, 65534, 65534) == 0);
	cr_assert(chmod(room_path, 0755) == 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
			_exit(99);
		does();
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "line %d", WEXITSTATUS(status));
}

/* In the other process: ends it. */
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno);  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static mode_t
mode_of(const char *name)
{
	struct stat st;

	must(fstatat(room, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return st.st_mode & 07777;
}

static void
work_in_closed_directories(void)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0555);

	must(mkdirat(room, "d", 0755) == 0 && mkdirat(room, "e", 0755) == 0);
	must(mkdirat(room, "d/gone", 0755) == 0);
	must(close(openat(room, "d/f", O_CREAT | O_WRONLY, 0644)) == 0);
	must(fchmodat(room, "d", 0555, 0) == 0 && fchmodat(room, "e", 0500, 0) == 0);
	must(tree_mkdir(tree, "d/new", &m, &flags) == 0);
	must(mode_of("d") == 0755);
	must(tree_symlink(tree, "d/l", "x", &m, &flags) == 0);
	must(tree_rename(tree, "d/f", "e/f", false) == 0);
	must(mode_of("e") == 0700);
	must(tree_link(tree, "d/f", "e/f", &flags) == 0);
	must(tree_remove(tree, "d/gone") == 0);
	must(tree_sync(tree) == 0);
	must(mode_of("d") == 0555 && mode_of("e") == 0500);
}

Test(tree_sync, a_closed_directory_is_opened_and_closed_again)
{
	as_nobody(work_in_closed_directories);
}

static void
close_for_good(void)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	must(mkdirat(room, "d", 0755) == 0 && mkdirat(room, "e", 0755) == 0);
	must(fchmodat(room, "d", 0555, 0) == 0 && fchmodat(room, "e", 0555, 0) == 0);
	must(tree_mkdir(tree, "d/new", &m, &flags) == 0);
	must(tree_mkdir(tree, "e/new", &m, &flags) == 0);
	must(tree_setmeta(tree, "d", &m, &flags) == 0);
	must(fchmodat(room, "e", 0750, 0) == 0);
	must(tree_sync(tree) == 0);
	must(mode_of("d") == 0755);
	must(mode_of("e") == 0750);
}

Test(tree_sync, a_mode_that_was_set_meanwhile_stays)
{
	as_nobody(close_for_good);
}

static void
give_up(void)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	must(mkdirat(room, "d", 0555) == 0);
	must(tree_mkdir(tree, "d/new", &m, &flags) == 0);
	must(mode_of("d") == 0755);
	tree_free(tree);
	tree = NULL;
	must(mode_of("d") == 0555);
}

Test(tree_sync, a_mode_is_restored_without_a_sync_too)
{
	as_nobody(give_up);
}

static void
knock(void)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	must(tree_mkdir(tree, "closed/new", &m, &flags) == FTX_E_DENIED);
	must(tree_mkdir(tree, "box/new", &m, &flags) == 0);
	must(tree_sync(tree) == 0);
}

Test(tree_sync, what_belongs_to_others_stays_closed)
{
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: needs two users\n");
		return;
	}
	make_dirs("closed");
	make_dirs("box");
	cr_assert(fchmodat(room, "box", 0733, 0) == 0); /* cannot be read, nor synced by itself */
	as_nobody(knock);
	cr_expect_eq(stat_of(room, "closed").st_mode & 07777, 0755);
	cr_expect(exists(room, "box/new"));
}

static void
set_unreadable(void)
{
	struct metadata file = metadata_for(ENTRY_FILE, 0200),
			dir = metadata_for(ENTRY_DIRECTORY, 0100);

	must(mkdirat(room, "d", 0755) == 0);
	must(close(openat(room, "f", O_CREAT | O_WRONLY, 0644)) == 0);
	must(tree_setmeta(tree, "f", &file, &flags) == 0);
	must(tree_setmeta(tree, "d", &dir, &flags) == 0);
	must(tree_sync(tree) == 0);
	file.mode = 0400;
	dir.mode = 0500;
	must(tree_setmeta(tree, "f", &file, &flags) == 0);
	must(tree_setmeta(tree, "d", &dir, &flags) == 0);
	must(mode_of("f") == 0400 && mode_of("d") == 0500);
	must(tree_sync(tree) == 0);
}

Test(tree_sync, what_its_owner_may_not_read_gets_metadata_all_the_same)
{
	as_nobody(set_unreadable);
}
