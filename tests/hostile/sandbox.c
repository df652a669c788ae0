/*
 * A session's sandbox: what it limits, what it needs of the kernel, and whom root becomes.
 */
#include "src/server/sandbox.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/server/sandbox_impl.h"
#include "tests/hostile/sandbox_room.h"

static int
try_much_memory(void)
{
	void *much = malloc((size_t)SANDBOX_SESSION_MEMORY * 2);

	errno = ENOMEM;
	return much == NULL ? -1 : 0;
}

Test(sandbox, T65_memory_is_refused_and_the_process_lives)
{
	if (SANDBOX_SANITIZED)
		cr_skip_test("sanitizers need terabytes of address space");
	cr_expect_eq(room_outcome(try_much_memory, FREE, 0), 0);
	cr_expect_eq(room_outcome(try_much_memory, RIGHTS_FULL, 0), ENOMEM);
}

static int
try_many_descriptors(void)
{
	for (unsigned i = 0; i < 20000; i++)
		if (openat(room.share, ".", O_PATH | O_CLOEXEC) < 0)
			return -1;
	return 0;
}

Test(sandbox, T65_descriptors_are_refused_and_the_process_lives)
{
	cr_expect_eq(room_outcome(try_many_descriptors, RIGHTS_FULL, 0), EMFILE);
}

/* The kernel as if it had not these calls. */
static void
take_away(const int *numbers, size_t count)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), numbers[i], 0) != 0)
			_exit(210);
	if (seccomp_load(ctx) != 0)
		_exit(211);
	seccomp_release(ctx);
}

/* 0 where all is as it should be. */
static int
without(const int *numbers, size_t count, bool files_missing)
{
	const struct sandbox_place place = {
	    .root = room.share, .up = room.up, .set = room.set, .rights = 31};
	struct sandbox_options o = {.require = false};
	bool r;

	take_away(numbers, count);
	if (sandbox_setup(&o) != 0 || sandbox_files(&place, 1) != 0 || sandbox_calls() != 0)
		return 1;
	o.require = true;
	if (sandbox_setup(&o) != FTX_E_UNSUPPORTED)
		return 2;
	r = files_missing ? sandbox_files(&place, 1) == FTX_E_OFFLINE
			  : sandbox_calls() == FTX_E_OFFLINE;
	return r ? 0 : 3;
}

Test(sandbox, T69_what_is_required_and_not_there_starts_nothing)
{
	static const int no_landlock[] = {444, 445, 446}, no_seccomp[] = {SCMP_SYS(seccomp)};
	int status;
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		if (i == 1 && SANDBOX_SANITIZED)
			break;
		if ((pid = fork()) == 0) {
			/* Nothing of it is allowed after a session's filter: in two processes. */
			if (i == 1)
				_exit(without(no_seccomp, 1, false));
			if (SANDBOX_SANITIZED)
				_exit(without(no_landlock, 3, true));
			take_away(no_landlock, 3);
			_exit(sandbox_setup(&(struct sandbox_options){.require = false}) == 0 &&
				      sandbox_setup(&(struct sandbox_options){.require = true}) ==
					  FTX_E_UNSUPPORTED &&
				      sandbox_files(&(struct sandbox_place){.root = room.share},
						    1) == FTX_E_OFFLINE
				  ? 0
				  : 4);
		}
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect_eq(status, 0, "%d: %x", i, (unsigned)status);
	}
	cr_expect_eq(landlock_confine(1, NULL, 0), FTX_E_UNSUPPORTED);
	cr_expect_eq(landlock_confine(0, NULL, 0), FTX_E_UNSUPPORTED);
}

/* The system call is there, and what it is for fails. */
static void
make_fail(int number, const struct scmp_arg_cmp *where)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(ENOMEM), number, where != NULL, where) != 0)
		_exit(210);
	if (seccomp_load(ctx) != 0)
		_exit(211);
	seccomp_release(ctx);
}

static int
with_failing_landlock(void)
{
	const struct sandbox_place place = {
	    .root = room.share, .up = room.up, .set = room.set, .rights = 31};

	make_fail(446, NULL); /* landlock_restrict_self */
	if (sandbox_setup(&(struct sandbox_options){.require = false}) != 0)
		return 2;
	return sandbox_files(&place, 1) == FTX_E_OFFLINE ? 0 : 3;
}

/* seccomp() still says what it can do. */
static void
make_filters_fail(void)
{
	const struct scmp_arg_cmp set_filter = SCMP_A0(SCMP_CMP_EQ, SECCOMP_SET_MODE_FILTER, 0);

	make_fail(SCMP_SYS(seccomp), &set_filter);
	if (sandbox_setup(&(struct sandbox_options){.require = false}) != 0)
		_exit(2);
}

static int
with_failing_filters(void)
{
	const struct sandbox_place place = {
	    .root = room.share, .up = room.up, .set = room.set, .rights = 31};

	make_filters_fail();
	return sandbox_files(&place, 1) == 0 && sandbox_calls() == FTX_E_OFFLINE ? 0 : 3;
}

static int
greeter_with_failing_filters(void)
{
	make_filters_fail();
	sandbox_greeter();
	return 3;
}

Test(sandbox, T69_what_is_there_and_fails_is_not_done_without)
{
	static const struct {
		int (*run)(void);
		int status;
		bool filters;
	} cases[] = {
	    {with_failing_landlock, 0, false},
	    {with_failing_filters, 0, true},
	    {greeter_with_failing_filters, 1, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;
		pid_t pid;

		if (cases[i].filters && SANDBOX_SANITIZED)
			continue;
		if ((pid = fork()) == 0)
			_exit(cases[i].run());
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == cases[i].status, "%zu: %x", i,
			  (unsigned)status);
	}
}

/* What root has given up and cannot take back; in a directory of root's too. */
Test(sandbox, root_becomes_the_owner_and_stays_it)
{
	static const struct {
		uid_t owner;
		gid_t group;
		bool no_root, has_user;
		int r;
		uid_t uid;
		gid_t gid;
	} cases[] = {
	    {4711, 4712, false, false, 0, 4711, 4712},
	    {4711, 0, false, false, 0, 4711, 65534},
	    {0, 0, false, false, 0, 0, 0},
	    {0, 0, true, false, FTX_E_OFFLINE, 0, 0},
	    {0, 0, true, true, 0, 99, 98},
	    {4711, 4712, false, true, 0, 99, 98},
	};

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sandbox_options o = {.no_root = cases[i].no_root,
						  .has_user = cases[i].has_user,
						  .user = 99,
						  .group = 98};
		int status;
		pid_t pid;

		cr_assert(fchown(room.share, cases[i].owner, cases[i].group) == 0);
		if ((pid = fork()) == 0) {
			if (sandbox_setup(&o) != 0 || sandbox_become(room.share) != cases[i].r)
				_exit(1);
			if (cases[i].r != 0)
				_exit(0);
			if (getuid() != cases[i].uid || geteuid() != cases[i].uid ||
			    getgid() != cases[i].gid || getegid() != cases[i].gid ||
			    getgroups(0, NULL) != 0)
				_exit(2);
			if (setgid(0) == 0 && cases[i].gid != 0)
				_exit(3);
			if (setuid(1) == 0 || chroot("/") == 0)
				_exit(4);
			_exit(0);
		}
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect_eq(status, 0, "%zu: %x", i, (unsigned)status);
	}
}
