#include "src/base/clock.h"

#include "tests/harness/unit.h"
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* In place of libc's, for the whole program: the wall clock stands where a test puts it. */
static bool wall_set;
static struct timespec wall;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	if (wall_set && id == CLOCK_REALTIME) {
		*now = wall;
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, id, now);
}

static void
set_wall(time_t seconds, long nanoseconds)
{
	wall = (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
	wall_set = true;
}

Test(clock, writes_known_times)
{
	static const struct {
		time_t seconds;
		long nanoseconds;
		const char *text;
	} times[] = {
	    {0, 0, "1970-01-01T00:00:00.000Z"},
	    {951782400, 999999999, "2000-02-29T00:00:00.999Z"},
	    {1795330800, 123456789, "2026-11-22T07:00:00.123Z"},
	    {4107542399, 1000000, "2100-02-28T23:59:59.001Z"},
	    {4107542400, 999999, "2100-03-01T00:00:00.000Z"},
	    {253402300799, 0, "9999-12-31T23:59:59.000Z"},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char out[25];

		set_wall(times[i].seconds, times[i].nanoseconds);
		cr_assert_eq(clock_utc(out), out);
		cr_assert_str_eq(out, times[i].text);
	}
}

Test(clock, agrees_with_libc_on_every_day_of_five_centuries)
{
	for (time_t day = 0; day < 500 * 366; day++) {
		time_t seconds = day * 86400 + day % 86400;
		char out[25], want[32];
		struct tm tm;

		set_wall(seconds, 0);
		clock_utc(out);
		cr_assert_not_null(gmtime_r(&seconds, &tm));
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		cr_assert_str_eq(out, want);
	}
}

Test(clock, has_the_shape_of_a_time_now)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	char out[25];

	clock_utc(out);
	cr_assert_eq(strlen(out), 24);
	for (size_t i = 0; i < 24; i++)
		if (shape[i] == 'd')
			cr_assert(out[i] >= '0' && out[i] <= '9', "%s", out);
		else
			cr_assert_eq(out[i], shape[i], "%s", out);
}

Test(clock, never_goes_back_and_is_never_zero)
{
	uint64_t ns = clock_ns();
	uint64_t ms = clock_ms();

	cr_assert_gt(ms, 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t ns2 = clock_ns();
		uint64_t ms2 = clock_ms();

		cr_assert(ns2 >= ns && ms2 >= ms);
		cr_assert_leq(ms, ns2 / 1000000 + 1);
		ns = ns2;
		ms = ms2;
	}
}

Test(clock, does_not_follow_the_wall_clock)
{
	uint64_t before = clock_ms();

	set_wall(0, 0);
	cr_assert_geq(clock_ms(), before);
	cr_assert_eq(clock_wall_s(), 0);
}

Test(clock, waits_for_a_time_that_is_further_away_than_poll_can_wait)
{
	const uint64_t month_ms = UINT64_C(30) * 86400000;

	cr_expect_eq(clock_wait(1000, 999), 0);
	cr_expect_eq(clock_wait(1000, 1000), 0);
	cr_expect_eq(clock_wait(1000, 1001), 1);
	cr_expect_eq(clock_wait(1000, 1000 + (uint64_t)INT_MAX), INT_MAX);
	cr_expect_eq(clock_wait(1000, 1000 + month_ms), INT_MAX);
	cr_expect_eq(clock_wait(1000, UINT64_MAX - 1), INT_MAX);
	cr_expect_eq(clock_wait(1000, UINT64_MAX), -1);
}
