/*
 * Sets: filled out of sight, published by one rename.
 */
#include "src/store/set.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/store/remove_tree.h"
#include "src/store/staging.h"
#include "store_helpers.h"

TestSuite(set, .init = room_begin, .fini = room_end);
TestSuite(set_walking, .init = room_begin, .fini = room_end);

static struct set_options
options_of(const char *destination, enum set_mode mode, uint8_t session)
{
	struct set_options o = {.root = room,
				.destination = destination,
				.mode = mode,
				.staging = room_up,
				.locks = room_up};

	memset(o.session_id, session, sizeof(o.session_id));
	return o;
}

static int
begin_set(struct set **s, const char *destination, enum set_mode mode, uint8_t session)
{
	struct set_options o = options_of(destination, mode, session);

	*s = NULL;
	return set_begin(s, &o);
}

static void
make_directory(int dir, const char *name)
{
	cr_assert(mkdirat(dir, name, 0755) == 0, "%s: %s", name, strerror(errno));
}

/* A directory with a file "which" in it. */
static void
make_present(const char *name, const char *text)
{
	char path[64];

	make_directory(room, name);
	snprintf(path, sizeof(path), "%s/which", name);
	make_file(room, path, text, 0644);
}

BothWays(set, is_seen_when_it_is_published_and_not_before)
{
	static const enum set_mode modes[] = {SET_NEW, SET_EXCHANGE};

	for (unsigned i = 0; i < 2; i++) {
		const char *path = i == 0 ? "a/b/dst" : "dst";
		char name[32];
		struct set *s;

		assert_ok(begin_set(&s, path, modes[i], 1));
		cr_expect(set_like(s) == -1);
		make_file(set_directory(s), "f", "new", 0644);
		cr_expect(!exists(room, path));
		assert_ok(set_hold(s));
		assert_ok(set_publish(s));
		assert_ok(set_remove_old(s));
		set_end(s);
		snprintf(name, sizeof(name), "%s/f", path);
		cr_expect(file_is(room, name, "new"));
		cr_expect(entries_in(room_up) == 0);
	}
}

BothWays(set, exchanges_a_directory_that_is_there)
{
	struct set *s;

	make_present("dst", "old");
	make_directory(room, "dst/sub");
	make_file(room, "dst/sub/f", "old", 0444);
	cr_assert(symlinkat("/", room, "dst/sub/link") == 0);
	assert_ok(begin_set(&s, "dst", SET_EXCHANGE, 1));
	cr_expect(set_like(s) >= 0 && file_is(set_like(s), "which", "old"));
	make_file(set_directory(s), "f", "new", 0644);
	assert_ok(set_publish(s));
	cr_expect(file_is(room, "dst/f", "new") && !exists(room, "dst/which"));
	cr_expect(entries_in(room_up) == 1, "the old tree");
	assert_ok(set_remove_old(s));
	set_end(s);
	cr_expect(entries_in(room_up) == 0);
}

BothWays(set, does_not_begin_where_it_could_not_be_published)
{
	static const struct {
		const char *destination;
		enum set_mode mode;
		int error;
	} cases[] = {
	    {"dir", SET_NEW, FTX_E_SET_EXISTS},	   {"file", SET_NEW, FTX_E_SET_EXISTS},
	    {"link", SET_NEW, FTX_E_SET_EXISTS},   {"", SET_NEW, FTX_E_SET_EXISTS},
	    {"", SET_EXCHANGE, FTX_E_UNSUPPORTED}, {"file", SET_EXCHANGE, FTX_E_CONFLICT},
	    {"link", SET_EXCHANGE, FTX_E_IS_LINK}, {"link/x", SET_EXCHANGE, FTX_E_IS_LINK},
	    {"file/x", SET_NEW, FTX_E_CONFLICT},   {"dir/../x", SET_NEW, FTX_E_NAME},
	    {".ftx", SET_NEW, FTX_E_NAME},	   {"dir/.ftx-x", SET_NEW, FTX_E_NAME},
	};
	struct set *s;

	make_directory(room, "dir");
	make_file(room, "file", "x", 0644);
	cr_assert(symlinkat("dir", room, "link") == 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(begin_set(&s, cases[i].destination, cases[i].mode, 1), cases[i].error,
			     "'%s' %d", cases[i].destination, cases[i].mode);
	cr_expect(entries_in(room_up) == 0);
}

BothWays(set, T34_does_not_exchange_a_mount_point)
{
	struct set *s;

	if (!own_mounts())
		return;
	make_directory(room, "dir");
	make_directory(room, "mnt");
	make_file(room, "dir/f", "x", 0644);
	cr_assert(fchdir(room) == 0 && mount("dir", "mnt", NULL, MS_BIND, NULL) == 0);
	assert_error(begin_set(&s, "mnt", SET_EXCHANGE, 1), FTX_E_OTHER_FILE_SYSTEM);
	assert_error(begin_set(&s, "mnt/new", SET_NEW, 1), FTX_E_OTHER_FILE_SYSTEM);
	cr_expect(umount("mnt") == 0 && chdir("/") == 0);
}

BothWays(set, is_shared_by_its_run_and_by_nobody_else)
{
	struct set *a, *b, *c;

	assert_ok(begin_set(&a, "dst", SET_NEW, 1));
	assert_ok(begin_set(&b, "dst", SET_NEW, 1));
	assert_error(begin_set(&c, "dst", SET_NEW, 2), FTX_E_BUSY);
	assert_ok(begin_set(&c, "other", SET_NEW, 2));
	set_end(c);
	make_file(set_directory(a), "f", "new", 0644);
	cr_expect(file_is(set_directory(b), "f", "new"));
	set_end(a);
	assert_error(begin_set(&c, "dst", SET_NEW, 2), FTX_E_BUSY);
	assert_ok(set_publish(b));
	set_end(b);
	cr_expect(file_is(room, "dst/f", "new"));
}

BothWays(set, is_left_to_the_next_run_and_gone_on_with)
{
	struct set *s;

	assert_ok(begin_set(&s, "dst", SET_NEW, 1));
	make_file(set_directory(s), "f", "left", 0644);
	set_end(s);
	cr_expect(!exists(room, "dst"));
	assert_ok(begin_set(&s, "dst", SET_EXCHANGE, 2));
	cr_expect(file_is(set_directory(s), "f", "left"));
	assert_ok(set_publish(s));
	set_end(s);
	cr_expect(file_is(room, "dst/f", "left"));
	cr_expect(entries_in(room_up) == 0);
}

BothWays(set, of_nothing_goes_with_its_last_session)
{
	struct set *a, *b;

	assert_ok(begin_set(&a, "dst", SET_NEW, 1));
	assert_ok(begin_set(&b, "dst", SET_NEW, 1));
	set_end(a);
	cr_expect(entries_in(room_up) == 2, "another session has it");
	set_end(b);
	cr_expect(entries_in(room_up) == 0);
}

BothWays(set, is_new_only_as_long_as_nothing_is_there)
{
	struct set *s;

	assert_ok(begin_set(&s, "dst", SET_NEW, 1));
	make_file(set_directory(s), "f", "new", 0644);
	make_directory(room, "dst");
	assert_error(set_publish(s), FTX_E_SET_EXISTS);
	cr_assert(unlinkat(room, "dst", AT_REMOVEDIR) == 0);
	assert_ok(set_hold(s));
	set_let_go(s);
	assert_ok(set_publish(s));
	set_end(s);
	cr_expect(file_is(room, "dst/f", "new"));
}

static void
somebody_makes_it(void)
{
	mkdirat(room, "dst", 0755);
}

static void
somebody_removes_it(void)
{
	unlinkat(room, "dst", AT_REMOVEDIR);
}

static void
somebody_puts_a_file_there(void)
{
	unlinkat(room, "dst", AT_REMOVEDIR);
	make_file(room, "dst", "theirs", 0644);
}

BothWays(set, T32_wins_or_loses_races_for_the_name_without_replacing_anything)
{
	static const struct {
		enum set_mode mode;
		bool present;
		void (*hook)(void);
		int error;
	} cases[] = {
	    {SET_NEW, false, somebody_makes_it, FTX_E_SET_EXISTS},
	    {SET_EXCHANGE, false, somebody_makes_it, 0},
	    {SET_EXCHANGE, true, somebody_removes_it, 0},
	    {SET_EXCHANGE, true, somebody_puts_a_file_there, FTX_E_CONFLICT},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct set *s;

		if (cases[i].present)
			somebody_makes_it();
		assert_ok(begin_set(&s, "dst", cases[i].mode, 1));
		make_file(set_directory(s), "f", "new", 0644);
		fault_hook("renameat2", 1, cases[i].hook);
		cr_expect_eq(set_publish(s), cases[i].error, "case %u", i);
		cr_expect(fault_hit());
		cr_expect(exists(room, "dst/f") == (cases[i].error == 0));
		if (cases[i].hook == somebody_puts_a_file_there)
			cr_expect(file_is(room, "dst", "theirs"));
		if (cases[i].error != 0)
			cr_expect(file_is(set_directory(s), "f", "new"));
		set_end(s);
		assert_ok(remove_tree(room, "dst", NULL, NULL, NULL));
		assert_ok(remove_tree(room_up, "x", NULL, NULL, NULL));
		/* The next case begins with nothing. */
		assert_ok(begin_set(&s, "dst", SET_NEW, 9));
		unlinkat(set_directory(s), "f", 0);
		set_end(s);
		cr_expect(entries_in(room_up) == 0);
	}
}

BothWays(set, is_over_for_the_others_when_it_is_published)
{
	struct set *a, *b;

	assert_ok(begin_set(&a, "dst", SET_NEW, 1));
	assert_ok(begin_set(&b, "dst", SET_NEW, 1));
	assert_ok(set_hold(b));
	set_let_go(b);
	assert_ok(set_publish(a));
	assert_error(set_hold(b), FTX_E_VANISHED);
	assert_error(set_publish(b), FTX_E_VANISHED);
	set_end(b);
	set_end(a);
	cr_expect(exists(room, "dst"));
}

Test(set, is_not_published_while_another_session_changes_it, .timeout = 30)
{
	struct set *a, *b;

	assert_ok(begin_set(&a, "dst", SET_NEW, 1));
	assert_ok(begin_set(&b, "dst", SET_NEW, 1));
	assert_ok(set_hold(b));
	assert_error(set_publish(a), FTX_E_BUSY);
	set_let_go(b);
	assert_ok(set_publish(a));
	set_end(a);
	set_end(b);
}

/* Runs to the nth call of this name and dies in front of it. */
static void
die_publishing(const char *call, unsigned nth)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct set *s;

		if (begin_set(&s, "dst", SET_EXCHANGE, 1) != 0)
			_exit(1);
		make_file(set_directory(s), "f", "new", 0644);
		fault_set(call, nth, FAULT_KILL);
		set_publish(s);
		set_remove_old(s);
		_exit(0);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	cr_assert(WIFSIGNALED(status), "did not come to %s %u", call, nth);
}

BothWays(set, T60_an_old_tree_is_never_taken_for_a_set)
{
	static const struct {
		const char *call;
		unsigned nth;
		bool published;
	} deaths[] = {
	    {"renameat2", 1, false}, /* the exchange */
	    {"renameat", 1, true},   /* the old one is to be moved aside */
	    {"fsync", 2, true},	     /* it was */
	    {"unlinkat", 1, true},   /* the lock file is to go */
	    {"unlinkat", 2, true},   /* the old tree is being removed */
	};

	for (unsigned i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		struct set *s;

		make_present("dst", "old");
		die_publishing(deaths[i].call, deaths[i].nth);
		cr_expect(exists(room, "dst/f") == deaths[i].published, "%u", i);
		cr_expect(exists(room, "dst/which") == !deaths[i].published, "%u", i);
		assert_ok(begin_set(&s, "dst", SET_EXCHANGE, 2));
		cr_expect(!exists(set_directory(s), "which"), "%u: the old tree", i);
		cr_expect(exists(set_directory(s), "f") == !deaths[i].published, "%u", i);
		assert_ok(set_publish(s));
		assert_ok(set_remove_old(s));
		set_end(s);
		cr_expect(entries_in(room_up) == 0, "%u", i);
		assert_ok(remove_tree(room, "dst", NULL, NULL, NULL));
	}
}

BothWays(set, a_damaged_lock_file_gives_nothing_away)
{
	char lock[64], id[UPLOAD_ID_BYTES];
	struct set *s;

	assert_ok(begin_set(&s, "dst", SET_NEW, 1));
	make_file(set_directory(s), "f", "left", 0644);
	set_end(s);
	staging_set_id(id, "", "dst", 3);
	snprintf(lock, sizeof(lock), "%s.lock", id);
	make_file(room_up, lock, "torn", 0600);
	assert_ok(begin_set(&s, "dst", SET_NEW, 2));
	cr_expect(entries_in(set_directory(s)) == 0);
	set_end(s);
	cr_expect(entries_in(room_up) == 0);
}

BothWays(set, a_failed_sync_leaves_the_name_as_it_was)
{
	static const char *const calls[] = {"syncfs", "fsync", "renameat2"};

	make_present("dst", "old");
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct set *s;

		assert_ok(begin_set(&s, "dst", SET_EXCHANGE, 1));
		fault_set(calls[i], 1, EIO);
		assert_error(set_publish(s), FTX_E_IO);
		cr_expect(fault_hit());
		fault_set(NULL, 0, 0);
		cr_expect(file_is(room, "dst/which", "old"));
		set_end(s);
	}
}

BothWays(set, without_exchange_on_the_file_system_it_says_so)
{
	static const int errnums[] = {EINVAL, ENOSYS, EOPNOTSUPP};
	struct set *s;

	make_present("dst", "old");
	for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
		fault_set("renameat2", 1, errnums[i]);
		assert_error(begin_set(&s, "dst", SET_EXCHANGE, 1), FTX_E_UNSUPPORTED);
		cr_expect(fault_hit());
		cr_expect(entries_in(room_up) == 0, "before anything is sent, and leaves nothing");
		assert_ok(begin_set(&s, "dst", SET_EXCHANGE, 1));
		cr_expect_eq(entries_in(room_up), 2, "the set and its lock");
		fault_set("renameat2", 1, errnums[i]);
		assert_error(set_publish(s), FTX_E_UNSUPPORTED);
		cr_expect(file_is(room, "dst/which", "old"));
		set_end(s);
	}
	/* Nothing is there: there is nothing to exchange. */
	fault_set("renameat2", 1, EINVAL);
	assert_ok(begin_set(&s, "absent", SET_EXCHANGE, 1));
	cr_expect_not(fault_hit());
	set_end(s);
	assert_ok(begin_set(&s, "new", SET_NEW, 1));
	fault_set("renameat2", 1, EINVAL);
	assert_ok(set_publish(s));
	set_end(s);
	cr_expect(exists(room, "new"));
}

BothWays(set, partials_in_it_have_names_of_their_own)
{
	char id[UPLOAD_ID_BYTES], plain[UPLOAD_ID_BYTES], inside[UPLOAD_ID_BYTES];

	staging_set_id(id, "", "dst", 3);
	staging_server_id(plain, "dst/f", 5);
	staging_set_partial_id(inside, id, "f", 1);
	cr_expect_str_neq(plain, inside);
	staging_server_id(plain, "dst", 3);
	cr_expect_str_neq(plain, id);
}

Test(remove_tree, takes_everything_and_follows_nothing, .init = room_begin, .fini = room_end)
{
	make_present("keep", "keep");
	make_directory(room, "gone");
	make_directory(room, "gone/a");
	make_directory(room, "gone/a/.ftx-x");
	make_file(room, "gone/a/.ftx-x/f", "x", 0000);
	cr_assert(symlinkat("../keep", room, "gone/link") == 0);
	cr_assert(mkfifoat(room, "gone/fifo", 0600) == 0);
	cr_assert(fchmodat(room, "gone/a/.ftx-x", 0500, 0) == 0);
	cr_assert(fchmodat(room, "gone/a", 0000, 0) == 0);
	assert_ok(remove_tree(room, "gone", NULL, NULL, NULL));
	cr_expect(!exists(room, "gone") && file_is(room, "keep/which", "keep"));
	assert_ok(remove_tree(room, "gone", NULL, NULL, NULL));
	assert_ok(remove_tree(room, "keep/which", NULL, NULL, NULL));
	cr_expect(!exists(room, "keep/which"));
}

Test(remove_tree, a_link_goes_itself, .init = room_begin, .fini = room_end)
{
	make_present("keep", "keep");
	cr_assert(symlinkat("keep", room, "link") == 0);
	assert_ok(remove_tree(room, "link", NULL, NULL, NULL));
	cr_expect(!exists(room, "link") && file_is(room, "keep/which", "keep"));
}
