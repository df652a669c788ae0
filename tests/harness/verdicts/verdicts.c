/* One test for each verdict that there is, for tests/harness/check. */
#include "tests/harness/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int steps;

static void
begin(void)
{
	steps = steps * 10 + 1;
}

static void
end(void)
{
	printf("steps %d\n", steps);
}

static void
begin_suite(void)
{
	steps = 9;
}

TestSuite(good, .init = begin_suite, .fini = end);

Test(good, passes_between_init_and_fini, .init = begin)
{
	cr_assert_eq(steps, 91);
	cr_expect_str_eq("a", "a", "%d", steps);
}

Test(good, is_skipped)
{
	cr_skip_test("%s", "a reason");
}

Test(bad, expects_twice)
{
	cr_expect_eq(1, 2, "first");
	cr_expect(0, "sec%s", "ond");
}

Test(bad, asserts_and_is_tidied_up, .fini = end)
{
	cr_assert_lt(2, 1);
	printf("never\n");
}

Test(bad, crashes)
{
	raise(SIGSEGV);
}

Test(bad, exits_with_success)
{
	exit(0);
}

Test(bad, has_a_child_that_asserts)
{
	pid_t pid = fork();

	if (pid == 0) {
		cr_assert_fail();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void *
assert_in_thread(void *arg)
{
	cr_assert_null(arg);
	return arg;
}

Test(bad, has_a_thread_that_asserts)
{
	static int something;
	pthread_t thread;

	pthread_create(&thread, NULL, assert_in_thread, &something);
	pthread_join(thread, NULL);
}

Test(bad, takes_too_long, .timeout = 1)
{
	for (;;)
		pause();
}

static void *volatile leaked;

Test(leak, is_found_by_the_sanitizer)
{
	leaked = malloc(100);
	leaked = NULL;
}

Test(orphan, is_killed)
{
	if (fork() == 0)
		for (;;)
			pause();
}
