#include "tests/harness/unit.h"
#include <sys/wait.h>
#include <unistd.h>

#include "src/server/rate.h"

#define SECOND UINT64_C(1000000000)
#define START  (1000 * SECOND)

Test(rate, lets_wait_for_as_long_as_the_bytes_take)
{
	struct rate *r = rate_new(1000);
	uint64_t next = rate_take(r, 1000, START);

	/* Up to a tenth of a second is credit. */
	cr_expect_eq(next, START + SECOND - SECOND / 10);
	cr_expect_eq(rate_take(r, 500, next), next + SECOND / 2);
	cr_expect_eq(rate_take(r, 500, next), next + SECOND, "both wait for what both have moved");
	cr_expect_eq(rate_take(r, 100, next + 10 * SECOND), 0, "a pause is made good");
	cr_expect_neq(rate_take(r, 100, next + 10 * SECOND), 0, "but not all of it");
	rate_free(r);
}

Test(rate, bytes_flow)
{
	struct rate *slow = rate_new(1);
	struct rate *usual = rate_new(1 << 20);
	struct rate *fast = rate_new(UINT64_C(1) << 40);

	cr_expect_eq(rate_piece(slow), 4096);
	cr_expect_eq(rate_piece(usual), 65536);
	cr_expect_eq(rate_piece(fast), 262144);
	cr_expect_eq(rate_take(slow, 4096, START), START + 4096 * SECOND - SECOND / 10);
	rate_free(slow);
	rate_free(usual);
	rate_free(fast);
}

/* What a child has moved its parent has to wait for; a child to which it is not lent has none. */
Test(rate, is_shared_by_those_it_is_lent_to)
{
	struct rate *r = rate_new(1000);
	int status;
	pid_t pid;

	cr_assert_eq(rate_lend(r), 0);
	if ((pid = fork()) == 0) {
		rate_take(r, 5000, START);
		_exit(0);
	}
	rate_keep(r);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	cr_expect_eq(rate_take(r, 1000, START), START + 6 * SECOND - SECOND / 10);
	if ((pid = fork()) == 0) {
		rate_take(r, 5000, START);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_neq(status, 0, "it was there though it was not lent");
	cr_expect_eq(rate_lend(NULL), 0);
	rate_keep(NULL);
	rate_free(NULL);
	rate_free(r);
}
