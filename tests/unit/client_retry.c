/* How long a command that lost its connection waits, for how long it goes on, and what it says. */
#include "src/client/retry.h"

#include "tests/harness/unit.h"

#define DAY_MS	 UINT64_C(86400000)
#define FIRST_MS 100u
#define LAST_MS	 15000u

/* Lost so long ago. */
static void
lose(struct retry *r, uint64_t ago_ms)
{
	retry_init(r);
	retry_lost(r);
	atomic_fetch_sub(&r->since_ms, ago_ms);
}

static uint64_t
pause_after(struct retry *r, unsigned failed)
{
	uint64_t pause = 0;

	cr_assert(retry_pause(r, failed, DAY_MS, &pause));
	return pause;
}

static bool
is_about(uint64_t pause, uint64_t ms)
{
	return pause >= ms - ms / 4 && pause <= ms;
}

Test(retry, a_pause_is_shorter_by_at_most_a_fourth_and_another_each_time)
{
	unsigned different = 0;

	for (int i = 0; i < 200; i++) {
		uint64_t ms = retry_jitter(1000000);

		cr_expect(is_about(ms, 1000000), "%llu", (unsigned long long)ms);
		different += ms != retry_jitter(1000000);
	}
	cr_expect(different > 190);
	cr_expect(retry_jitter(0) == 0);
}

Test(retry, pauses_double_up_to_the_longest)
{
	static const uint64_t expected[] = {100,  200,	 400,	800,   1600, 3200,
					    6400, 12800, 15000, 15000, 15000};
	struct retry r;

	lose(&r, 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint64_t pause = pause_after(&r, 0);

		cr_expect(is_about(pause, expected[i]), "%zu: %llu", i, (unsigned long long)pause);
	}
	retry_release(&r);
}

Test(retry, who_gets_further_begins_with_the_shortest_pause_again)
{
	struct retry r;

	lose(&r, 60000);
	for (int i = 0; i < 6; i++)
		(void)pause_after(&r, 0);
	retry_progress(&r);
	cr_expect(!retry_is_lost(&r));
	retry_lost(&r);
	cr_expect(retry_is_lost(&r));
	cr_expect(is_about(pause_after(&r, 0), FIRST_MS));
	retry_release(&r);
}

/* One that fails again and again is no storm because the others go on. */
Test(retry, the_pauses_of_one_grow_while_others_get_further)
{
	struct retry r;

	lose(&r, 0);
	for (unsigned failed = 0; failed < 12; failed++) {
		uint64_t ms = (uint64_t)FIRST_MS << failed;

		retry_progress(&r);
		retry_lost(&r);
		cr_expect(is_about(pause_after(&r, failed), ms < LAST_MS ? ms : LAST_MS));
	}
	retry_release(&r);
}

Test(retry, the_time_is_that_since_the_first_loss)
{
	struct retry r;
	uint64_t pause;

	lose(&r, 60000);
	retry_lost(&r); /* again, with nothing in between */
	cr_expect(!retry_pause(&r, 0, 60000, &pause));
	cr_expect(retry_pause(&r, 0, 120000, &pause));
	retry_progress(&r);
	retry_lost(&r);
	cr_expect(retry_pause(&r, 0, 60000, &pause));
	retry_release(&r);
}

Test(retry, no_pause_goes_beyond_the_limit)
{
	struct retry r;
	uint64_t pause = 0;

	lose(&r, 9990);
	for (int i = 0; i < 6; i++)
		(void)pause_after(&r, 0);
	if (retry_pause(&r, 0, 10000, &pause))
		cr_expect(pause <= 10, "%llu", (unsigned long long)pause);
	retry_release(&r);
	lose(&r, 0);
	cr_expect(!retry_pause(&r, 0, 0, &pause));
	retry_release(&r);
}

/* Before anything was lost, as for a further stream that never had a connection. */
Test(retry, without_a_loss_there_is_all_the_time)
{
	struct retry r;
	uint64_t pause;

	retry_init(&r);
	cr_expect(!retry_is_lost(&r));
	cr_expect(retry_pause(&r, 0, 1000, &pause) && is_about(pause, FIRST_MS));
	retry_release(&r);
}

Test(retry, a_loss_and_its_end_are_told_once_until_something_got_further)
{
	struct retry r;

	lose(&r, 0);
	for (int times = 0; times < 2; times++) {
		cr_expect(!retry_tells_return(&r));
		cr_expect(retry_tells_loss(&r));
		cr_expect(!retry_tells_loss(&r));
		cr_expect(retry_tells_return(&r));
		cr_expect(!retry_tells_return(&r));
		retry_lost(&r);
		cr_expect(!retry_tells_loss(&r)); /* nothing got further */
		retry_progress(&r);
		retry_lost(&r);
	}
	retry_release(&r);
}

/* Another connection has got further while this one was away, and the loss is made good by that. */
Test(retry, the_next_loss_is_told_too_where_others_got_further_before_the_return)
{
	struct retry r;

	lose(&r, 0);
	cr_expect(retry_tells_loss(&r));
	retry_progress(&r);
	cr_expect(!retry_is_lost(&r));
	cr_expect(retry_tells_return(&r));
	retry_progress(&r);
	retry_lost(&r);
	cr_expect(retry_tells_loss(&r));
	retry_release(&r);
}
