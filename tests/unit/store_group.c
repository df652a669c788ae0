/*
 * Small files published together: the names they get, what fails one of them and what all.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/store/group.h"
#include "store_helpers.h"

static struct metadata_rules rules;
static struct tree *tree;
static struct group *group;
static struct item_status statuses[LIMIT_GROUP_ITEMS];
static const struct metadata plain = {
    .type = ENTRY_FILE, .mode = 0644, .mtime_s = 1000000000, .mtime_ns = 123456789};

static void
group_open(enum metadata_policy policy, bool overwrite)
{
	struct tree_options o = {
	    .root = room,
	    .rules = &rules,
	    .overwrite = overwrite,
	    .temp_dir = policy == METADATA_SERVER ? room_up : -1,
	    .resolve_flags = policy == METADATA_SERVER ? 0 : RESOLVE_ENTER_MOUNTS,
	};

	metadata_rules_init(&rules, policy, false, true, room_up);
	tree = tree_new(&o);
	group = group_new(tree, NULL);
	cr_assert(tree != NULL && group != NULL);
}

static void
group_close(void)
{
	group_free(group);
	tree_free(tree);
	group = NULL;
	tree = NULL;
}

static void
server(void)
{
	umask(022);
	room_begin();
	group_open(METADATA_SERVER, true);
}

static void
client(void)
{
	umask(022);
	room_begin();
	group_open(METADATA_CLIENT, true);
}

static void
disk(void)
{
	umask(022);
	room_begin_on_disk();
	group_open(METADATA_SERVER, true);
}

static void
disk_client(void)
{
	umask(022);
	room_begin_on_disk();
	group_open(METADATA_CLIENT, true);
}

static void
end(void)
{
	group_close();
	room_end();
}

TestSuite(group, .init = server, .fini = end);
TestSuite(group_beside, .init = client, .fini = end);
TestSuite(group_on_disk, .init = disk, .fini = end);
TestSuite(group_beside_on_disk, .init = disk_client, .fini = end);

static void
put(const char *path, const char *text)
{
	group_begin(group, path, strlen(text), &plain);
	group_write(group, text, strlen(text));
	group_end(group, &plain);
}

static int
status_of(size_t i)
{
	return -(int)statuses[i].code;
}

static void
reopen(enum metadata_policy policy, bool overwrite)
{
	group_close();
	group_open(policy, overwrite);
}

static void
publishes_under_their_names(void)
{
	struct stat st;

	put("a", "one");
	put("dir/sub/b", "two");
	put("dir/sub/c", "");
	cr_expect_eq(group_items(group), 3);
	cr_expect_eq(group_bytes(group), 6);
	cr_expect(!exists(room, "a") && !exists(room, "dir/sub/b"));
	assert_ok(group_commit(group, statuses));
	for (size_t i = 0; i < 3; i++)
		assert_ok(status_of(i));
	cr_expect(file_is(room, "a", "one"));
	cr_expect(file_is(room, "dir/sub/b", "two"));
	cr_expect(file_is(room, "dir/sub/c", ""));
	st = stat_of(room, "dir/sub/b");
	cr_expect_eq(st.st_mode, S_IFREG | 0644);
	cr_expect_eq(st.st_nlink, 1);
	cr_expect(st.st_mtim.tv_sec == 1000000000 && st.st_mtim.tv_nsec == 123456789);
	cr_expect_eq(group_items(group), 0);
	cr_expect_eq(group_bytes(group), 0);
	put("d", "and again");
	assert_ok(group_commit(group, statuses));
	cr_expect(file_is(room, "d", "and again"));
	cr_expect_eq(entries_in(room_up), 0);
	cr_expect_eq(entries_in(room), 3);
}

Test(group, publishes_files_under_their_names)
{
	publishes_under_their_names();
}

Test(group_beside, publishes_files_under_their_names)
{
	publishes_under_their_names();
}

Test(group_on_disk, publishes_files_under_their_names)
{
	publishes_under_their_names();
}

Test(group_beside_on_disk, publishes_files_under_their_names)
{
	publishes_under_their_names();
}

static void
leaves_nothing_behind(void)
{
	put("a", "one");
	put("b", "two");
	group_begin(group, "c", 10, NULL);
	group_write(group, "half", 4);
	group_free(group);
	group = NULL;
	cr_expect_eq(entries_in(room), 0);
	cr_expect_eq(entries_in(room_up), 0);
}

Test(group, leaves_nothing_behind_that_was_not_committed)
{
	leaves_nothing_behind();
}

Test(group_beside, leaves_nothing_behind_that_was_not_committed)
{
	leaves_nothing_behind();
}

Test(group_beside, leaves_nothing_behind_where_files_have_temporary_names)
{
	/* No O_TMPFILE here. */
	fault_set("openat", 2, EOPNOTSUPP);
	group_begin(group, "first", 0, NULL);
	fault_set(NULL, 0, 0);
	cr_assert_eq(entries_in(room), 1, "the second openat was not the file's");
	group_end(group, &plain);
	leaves_nothing_behind();
}

Test(group_beside, publishes_files_where_those_without_a_name_do_not_exist)
{
	fault_set("openat", 2, EOPNOTSUPP);
	put("first", "1");
	cr_expect(fault_hit());
	make_file(room, "second", "old", 0644);
	put("second", "2");
	assert_ok(group_commit(group, statuses));
	cr_expect(file_is(room, "first", "1") && file_is(room, "second", "2"));
	cr_expect_eq(entries_in(room), 2);
}

/* What is there, whether it may be replaced, and what becomes of the item. */
static void
replaces_files_only(enum metadata_policy policy)
{
	static const struct {
		const char *path;
		bool overwrite;
		int error;
	} cases[] = {
	    {"file", true, 0},
	    {"file", false, FTX_E_EXISTS},
	    {"directory", true, FTX_E_CONFLICT},
	    {"directory", false, FTX_E_CONFLICT},
	    {"link", true, 0},
	    {"link", false, FTX_E_EXISTS},
	    {"fifo", true, FTX_E_CONFLICT},
	    {"new", false, 0},
	    {"file/below", true, FTX_E_CONFLICT},
	    {"link/below", true, FTX_E_IS_LINK},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before;

		reopen(policy, cases[i].overwrite);
		unlinkat(room, "new", 0);
		unlinkat(room, "link", 0);
		unlinkat(room, "fifo", 0);
		make_file(room, "file", "old", 0600);
		cr_assert(mkdirat(room, "directory", 0755) == 0 || errno == EEXIST);
		cr_assert(symlinkat("directory", room, "link") == 0);
		cr_assert(mkfifoat(room, "fifo", 0600) == 0);
		before = entries_in(room);
		put(cases[i].path, "content");
		assert_ok(group_commit(group, statuses));
		cr_expect_eq(status_of(0), cases[i].error, "%s: %s", cases[i].path,
			     error_name(status_of(0)));
		if (cases[i].error == 0)
			cr_expect(file_is(room, cases[i].path, "content"));
		else
			cr_expect(file_is(room, "file", "old"));
		cr_expect(S_ISLNK(stat_of(room, "link").st_mode) ||
			  (cases[i].error == 0 && strcmp(cases[i].path, "link") == 0));
		cr_expect(S_ISFIFO(stat_of(room, "fifo").st_mode));
		cr_expect(entries_in(room) == before + (exists(room, "new") ? 1 : 0));
		cr_expect_eq(entries_in(room_up), 0);
	}
}

Test(group, replaces_files_only_and_only_where_it_may)
{
	replaces_files_only(METADATA_SERVER);
}

Test(group_beside, replaces_files_only_and_only_where_it_may)
{
	replaces_files_only(METADATA_CLIENT);
}

Test(group, puts_files_in_place_where_renameat2_is_not_to_be_had)
{
	fault_set("renameat2", 1, EINVAL);
	put("a", "one");
	assert_ok(group_commit(group, statuses));
	cr_expect(fault_hit());
	assert_ok(status_of(0));
	cr_expect(file_is(room, "a", "one"));
	cr_expect_eq(stat_of(room, "a").st_nlink, 1);
	cr_expect_eq(entries_in(room_up), 0);
}

Test(group, has_a_status_for_each_file_in_order)
{
	make_file(room, "plain", "", 0644);
	put("a", "one");
	group_begin(group, "b", 4, &plain);
	group_write(group, "xx", 2);
	group_drop(group, FTX_E_CHANGED);
	put("plain/x", "under a file");
	put("c", "three");
	cr_expect_eq(group_items(group), 4);
	assert_ok(group_commit(group, statuses));
	assert_ok(status_of(0));
	assert_error(status_of(1), FTX_E_CHANGED);
	assert_error(status_of(2), FTX_E_CONFLICT);
	assert_ok(status_of(3));
	cr_expect(!exists(room, "b"));
	cr_expect(file_is(room, "c", "three"));
	cr_expect_eq(entries_in(room_up), 0);
}

Test(group, makes_a_file_with_its_mode_and_remembers_what_it_may_not_have)
{
	static const struct {
		uint16_t likely, mode;
		mode_t is;
		bool remembers;
	} cases[] = {
	    {0644, 0644, 0644, false}, {0755, 0755, 0755, false}, {0444, 0444, 0644, true},
	    {0664, 0664, 0644, true},  {0000, 0000, 0600, true},  {04755, 04755, 0755, true},
	    {0755, 0644, 0644, false}, {0644, 0600, 0600, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metadata m = plain, likely = plain;
		char name[16], value[256], path[4200];

		snprintf(name, sizeof(name), "f%zu", i);
		m.mode = cases[i].mode;
		likely.mode = cases[i].likely;
		group_begin(group, name, 0, &likely);
		group_end(group, &m);
		assert_ok(group_commit(group, statuses));
		assert_ok(status_of(0));
		cr_expect_eq(stat_of(room, name).st_mode & 07777, cases[i].is, "%s: %o", name,
			     stat_of(room, name).st_mode & 07777);
		snprintf(path, sizeof(path), "%s/share/%s", room_path, name);
		if (rules.can_remember)
			cr_expect_eq(lgetxattr(path, "user.ftx.meta", value, sizeof(value)) > 0,
				     cases[i].remembers, "%s", name);
	}
}

Test(group, gives_files_their_mode_in_a_directory_with_a_default_acl)
{
	/* u::rwx,g::r-x,o::---: version 2, then tag, permissions, no id */
	static const uint8_t acl[] = {2,    0,	  0, 0, 1,    0,    7,	  0,	0xff, 0xff,
				      0xff, 0xff, 4, 0, 5,    0,    0xff, 0xff, 0xff, 0xff,
				      0x20, 0,	  0, 0, 0xff, 0xff, 0xff, 0xff};

	if (fsetxattr(room_up, "system.posix_acl_default", acl, sizeof(acl), 0) != 0)
		cr_skip_test("no ACLs here");
	reopen(METADATA_SERVER, true);
	put("a", "one");
	assert_ok(group_commit(group, statuses));
	cr_expect_eq(stat_of(room, "a").st_mode & 0777, 0644);
}

Test(group, is_asked_of_the_disk_in_this_order)
{
	cr_assert(mkdirat(room, "dir", 0755) == 0);
	trace_start();
	put("dir/a", "one");
	cr_expect_str_eq(trace_text(), "pwrite ?, futimens ?");
	put("dir/b", "two");
	trace_start();
	assert_ok(group_commit(group, statuses));
	/* the files, their names, their directory and the one above it, which is as young */
	cr_expect_str_eq(trace_text(), "fsync ?, fsync ?, renameat2 jnl, renameat2 jnl, "
				       "fsync dir, fsync dir");
}

Test(group_beside, is_asked_of_the_disk_in_this_order)
{
	cr_assert(mkdirat(room, "dir", 0755) == 0);
	put("dir/a", "one");
	make_file(room, "dir/b", "old", 0644);
	put("dir/b", "two");
	trace_start();
	assert_ok(group_commit(group, statuses));
	cr_expect_str_eq(trace_text(), "fsync ?, fsync ?, linkat jnl, linkat jnl, linkat jnl, "
				       "renameat jnl, fsync dir, fsync dir");
	cr_expect(file_is(room, "dir/b", "two"));
}

static void
keep_few_descriptors(void)
{
	struct rlimit few = {.rlim_cur = 128, .rlim_max = 128};
	char name[32], text[32];

	cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
	reopen(rules.policy, true);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "d%u/%u", i / 100, i);
		snprintf(text, sizeof(text), "text %u", i);
		put(name, text);
		/* What the reserve is for. */
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cr_assert(fd >= 0 && fd < 128 - 50, "%u: descriptor %d", i, fd);
		close(fd);
	}
	assert_ok(group_commit(group, statuses));
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "d%u/%u", i / 100, i);
		snprintf(text, sizeof(text), "text %u", i);
		assert_ok(status_of(i));
		cr_assert(file_is(room, name, text), "%s", name);
	}
	cr_expect_eq(entries_in(room_up), 0);
	cr_expect_eq(entries_in(room), 5);
}

Test(group, gets_by_with_few_descriptors)
{
	keep_few_descriptors();
}

Test(group_beside, gets_by_with_few_descriptors)
{
	keep_few_descriptors();
}

Test(group_on_disk, gets_by_with_few_descriptors)
{
	keep_few_descriptors();
}

Test(group_beside_on_disk, gets_by_with_few_descriptors)
{
	keep_few_descriptors();
}

Test(group, makes_room_where_descriptors_have_run_out)
{
	put("a", "one");
	fault_set("openat", 1, EMFILE);
	put("b", "two");
	cr_expect(fault_hit());
	assert_ok(group_commit(group, statuses));
	cr_expect(file_is(room, "a", "one") && file_is(room, "b", "two"));
}

Test(group, takes_4096_files)
{
	char name[32];

	for (unsigned i = 0; i < LIMIT_GROUP_ITEMS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		put(name, name);
	}
	assert_ok(group_commit(group, statuses));
	for (unsigned i = 0; i < LIMIT_GROUP_ITEMS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_ok(status_of(i));
		cr_assert(file_is(room, name, name));
	}
	cr_expect_eq(entries_in(room_up), 0);
}

static int
open_in(const char *name)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", room_path, name);
	cr_assert(mkdir(path, 0755) == 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

Test(group, T40_a_file_that_does_not_fit_is_the_only_one_that_fails)
{
	uint8_t *data;

	if (!own_mounts())
		return;
	cr_assert(mount("none", room_path, "tmpfs", 0, "size=512k") == 0);
	close(room);
	close(room_up);
	room = open_in("share");
	room_up = open_in("staging");
	reopen(METADATA_SERVER, true);
	data = calloc(1, BLOCK);
	put("before", "it fits");
	group_begin(group, "big", BLOCK, &plain);
	group_write(group, data, BLOCK);
	group_end(group, &plain);
	put("after", "it fits too");
	free(data);
	assert_ok(group_commit(group, statuses));
	assert_ok(status_of(0));
	assert_error(status_of(1), FTX_E_NO_SPACE);
	assert_ok(status_of(2));
	cr_expect(file_is(room, "after", "it fits too"));
	cr_expect_eq(entries_in(room_up), 0);
	cr_assert(umount2(room_path, MNT_DETACH) == 0);
}

/* One of n calls of this name fails: that file has the error, the others are there. */
static void
one_fails(const char *call, unsigned nth, size_t item)
{
	fault_set(call, nth, EIO);
	put("a", "one");
	put("b", "two");
	put("c", "three");
	assert_ok(group_commit(group, statuses));
	cr_assert(fault_hit(), "%s", call);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(status_of(i), i == item ? FTX_E_IO : 0, "%s: file %zu: %s", call, i,
			     error_name(status_of(i)));
	cr_expect_eq(exists(room, "a"), item != 0);
	cr_expect_eq(exists(room, "b"), item != 1);
	cr_expect_eq(exists(room, "c"), item != 2);
	cr_expect_eq(entries_in(room_up), 0);
	unlinkat(room, "a", 0);
	unlinkat(room, "b", 0);
	unlinkat(room, "c", 0);
}

Test(group, T41_a_call_that_fails_fails_its_file_and_no_other)
{
	one_fails("openat", 2, 1);
	one_fails("pwrite", 2, 1);
	one_fails("futimens", 3, 2);
	one_fails("fsync", 1, 0);
	one_fails("renameat2", 3, 2);
	one_fails("close", 2, 1);
}

Test(group, T44_a_directory_that_cannot_be_synced_fails_all)
{
	fault_set("fsync", 3, EIO);
	put("a", "one");
	put("b", "two");
	assert_error(group_commit(group, statuses), FTX_E_IO);
	assert_error(status_of(0), FTX_E_IO);
	assert_error(status_of(1), FTX_E_IO);
	cr_expect_eq(group_items(group), 0);
}

Test(group, T42_may_write_less_than_asked_or_be_interrupted)
{
	fault_short_writes(3);
	put("a", "more than three bytes");
	fault_short_writes(0);
	assert_ok(group_commit(group, statuses));
	cr_expect(file_is(room, "a", "more than three bytes"));
}

/* The process dies in front of the nth call, for all n. */
static void
killed_anywhere(void)
{
	for (unsigned n = 1;; n++) {
		int status;
		pid_t pid;

		make_file(room, "a", "old", 0644);
		unlinkat(room, "b", 0);
		pid = fork();
		if (pid == 0) {
			/* With temporary names of its own. */
			reopen(rules.policy, true);
			fault_set("any", n, FAULT_KILL);
			put("a", "new");
			put("b", "new");
			_exit(group_commit(group, statuses) == 0 ? 0 : 1);
		}
		cr_assert(waitpid(pid, &status, 0) == pid);
		cr_assert(file_is(room, "a", "old") || file_is(room, "a", "new"), "call %u", n);
		cr_assert(!exists(room, "b") || file_is(room, "b", "new"), "call %u", n);
		if (WIFEXITED(status)) {
			cr_assert(WEXITSTATUS(status) == 0);
			cr_assert(file_is(room, "a", "new") && file_is(room, "b", "new"));
			cr_assert(n > 10);
			break;
		}
	}
}

Test(group, killed_anywhere_leaves_the_old_files_or_whole_new_ones)
{
	killed_anywhere();
}

Test(group_beside, killed_anywhere_leaves_the_old_files_or_whole_new_ones)
{
	killed_anywhere();
}

Test(group_on_disk, has_its_signals_handled_by_other_threads)
{
	char name[16];
	sigset_t usr1;

	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "%u", i);
		put(name, name);
	}
	assert_ok(group_commit(group, statuses));
	/* Blocked here: nobody is left to take it. */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	cr_assert(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
	cr_assert(kill(getpid(), SIGUSR1) == 0);
	put("more", "files");
	put("still more", "files");
	assert_ok(group_commit(group, statuses));
	cr_assert(sigpending(&usr1) == 0 && sigismember(&usr1, SIGUSR1) == 1);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	cr_assert(sigtimedwait(&usr1, NULL, &(const struct timespec){0}) == SIGUSR1);
}

static unsigned
threads(void)
{
	int tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned count = entries_in(tasks);

	close(tasks);
	return count;
}

Test(group_on_disk, starts_no_thread_where_they_were_started_before)
{
	struct group_syncers *syncers = group_syncers_new();
	unsigned alone = threads();

	cr_assert(syncers != NULL);
	group_syncers_start(syncers);
	cr_assert_eq(threads(), alone + 4);
	for (unsigned i = 0; i < 2; i++) {
		group_free(group);
		group = group_new(tree, syncers);
		put("a", "one");
		put("b", "two");
		put("c", "three");
		assert_ok(group_commit(group, statuses));
		cr_expect(file_is(room, "c", "three"));
		cr_assert_eq(threads(), alone + 4);
	}
	group_free(group);
	group = NULL;
	group_syncers_free(syncers);
	cr_assert_eq(threads(), alone);
}

/* The rooms' owner, where root is it, is then nobody.  In a child. */
static void
become_nobody(void)
{
	if (geteuid() == 0 &&
	    (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
		_exit(2);
}

static void
give_rooms_to_nobody(void)
{
	if (geteuid() != 0)
		return;
	cr_assert(fchown(room, 65534, 65534) == 0 && fchown(room_up, 65534, 65534) == 0);
	cr_assert(chmod(room_path, 0755) == 0);
}

/* A session that is confined by then would be killed for it. */
Test(group_on_disk, does_without_threads_where_none_could_be_started)
{
	struct rlimit limit;
	int status;
	pid_t pid;

	give_rooms_to_nobody();
	if ((pid = fork()) == 0) {
		struct group_syncers *syncers = group_syncers_new();

		become_nobody();
		if (syncers == NULL || getrlimit(RLIMIT_NPROC, &limit) != 0)
			_exit(3);
		if (setrlimit(RLIMIT_NPROC, &(struct rlimit){0, limit.rlim_max}) != 0)
			_exit(4);
		group_syncers_start(syncers);
		if (threads() != 1)
			_exit(5);
		if (setrlimit(RLIMIT_NPROC, &limit) != 0)
			_exit(6);
		group_open(METADATA_SERVER, true);
		group_free(group);
		group = group_new(tree, syncers);
		put("a", "one");
		put("b", "two");
		if (group_commit(group, statuses) != 0 || statuses[0].code != 0)
			_exit(7);
		_exit(threads() == 1 ? 0 : 8);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_expect_eq(status, 0, "%x", (unsigned)status);
}

Test(group, writes_into_a_directory_of_its_own_that_lacks_the_right)
{
	int status;
	pid_t pid;

	cr_assert(mkdirat(room, "dir", 0755) == 0);
	cr_assert(geteuid() != 0 || fchownat(room, "dir", 65534, 65534, 0) == 0);
	give_rooms_to_nobody();
	cr_assert(fchmodat(room, "dir", 0555, 0) == 0);
	pid = fork();
	if (pid == 0) {
		become_nobody();
		group_open(METADATA_SERVER, true);
		put("dir/a", "one");
		if (group_commit(group, statuses) != 0)
			_exit(3);
		_exit(statuses[0].code);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert_eq(status, 0, "%x", (unsigned)status);
	cr_expect(file_is(room, "dir/a", "one"));
}
