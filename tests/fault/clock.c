/*
 * The wall clock and the one that counts suspended time, shifted while a process runs: preloaded.
 *
 * FTX_CLOCK_CONTROL: a file with one line, "SECONDS SUSPENDED", looked at now and then: so much is
 * added to CLOCK_REALTIME, and so much to CLOCK_BOOTTIME.  Where it cannot be opened nothing is
 * added; a process that confines itself keeps what it saw last.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/fault/preload.h"

#define LOOK_NS 20000000 /* so often */

static atomic_llong wall_s, suspended_s, looked_ns;

bool
syscall_fails(long number)
{
	(void)number;
	return false;
}

static void
look(long long now_ns)
{
	const char *path = getenv("FTX_CLOCK_CONTROL");
	long long before = atomic_load(&looked_ns), wall, suspended;
	int errnum = errno;
	FILE *file;

	if (path == NULL || (before != 0 && now_ns - before < LOOK_NS) ||
	    !atomic_compare_exchange_strong(&looked_ns, &before, now_ns))
		return;
	file = fopen(path, "re");
	if (file != NULL) {
		if (fscanf(file, "%lld %lld", &wall, &suspended) == 2) {
			atomic_store(&wall_s, wall);
			atomic_store(&suspended_s, suspended);
		}
		fclose(file);
	}
	errno = errnum;
}

int
clock_gettime(clockid_t id, struct timespec *now)
{
	REAL(clock_gettime)
	struct timespec steady;
	int r = real(id, now);

	if (r != 0 || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME))
		return r;
	real(CLOCK_MONOTONIC, &steady);
	look((long long)steady.tv_sec * 1000000000 + steady.tv_nsec);
	now->tv_sec += (time_t)atomic_load(id == CLOCK_REALTIME ? &wall_s : &suspended_s);
	return 0;
}
