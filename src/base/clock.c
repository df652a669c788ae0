#include "src/base/clock.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

static struct timespec
clock_read(clockid_t id)
{
	struct timespec now;
	int r = clock_gettime(id, &now);

	assert(r == 0);
	return now;
}

uint64_t
clock_ns(void)
{
	struct timespec now = clock_read(CLOCK_MONOTONIC);

	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t
clock_ms(void)
{
	uint64_t ms = clock_ns() / 1000000;

	return ms == 0 ? 1 : ms;
}

int64_t
clock_wall_s(void)
{
	return clock_read(CLOCK_REALTIME).tv_sec;
}

int
clock_wait(uint64_t now_ms, uint64_t until_ms)
{
	if (until_ms == UINT64_MAX)
		return -1;
	if (until_ms <= now_ms)
		return 0;
	return until_ms - now_ms < INT_MAX ? (int)(until_ms - now_ms) : INT_MAX;
}

uint64_t
clock_boot_ms(void)
{
	struct timespec now = clock_read(CLOCK_BOOTTIME);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;

	return ms == 0 ? 1 : ms;
}

/*
 * Proleptic Gregorian date of a day counted from 1970-01-01.  By hand because gmtime_r() opens
 * the time zone's files on first use, which a sandboxed process may not.  Years are counted from
 * March, so that the leap day is the last one of a year.
 */
static void
date_of_day(uint64_t day, unsigned *year, unsigned *month, unsigned *mday)
{
	uint64_t d = day + 719468; /* since 0000-03-01 */
	uint64_t era = d / 146097; /* 400 years */
	uint64_t doe = d % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t m = (5 * doy + 2) / 153; /* 0 = March */

	*mday = (unsigned)(doy - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = (unsigned)(era * 400 + yoe + (*month <= 2));
}

char *
clock_utc(char out[static 25])
{
	struct timespec now = clock_read(CLOCK_REALTIME);
	uint64_t seconds = now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec;
	unsigned second = (unsigned)(seconds % 86400);
	unsigned year, month, mday;

	date_of_day(seconds / 86400, &year, &month, &mday);
	snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000, month % 100,
		 mday % 100, second / 3600 % 100, second / 60 % 60, second % 60,
		 (unsigned)(now.tv_nsec / 1000000) % 1000);
	return out;
}
