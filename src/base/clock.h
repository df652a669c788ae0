/*
 * Time.  Deadlines and rates use the monotonic clock, never the wall clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds; never 0. */
uint64_t clock_ms(void);

/*
 * CLOCK_BOOTTIME in milliseconds; never 0.  It goes on while the machine is suspended: for how long
 * ago something is that happens elsewhere.
 */
uint64_t clock_boot_ms(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_ns(void);

/*
 * The milliseconds from now_ms to until_ms as poll(2) and epoll_wait(2) take them: 0 where that has
 * passed, INT_MAX where it is further away, -1 (for ever) for UINT64_MAX.
 */
int clock_wait(uint64_t now_ms, uint64_t until_ms);

/* The wall clock in seconds since 1970.  It may be set, also back. */
int64_t clock_wall_s(void);

/* The wall clock as "2026-11-22T07:00:00.123Z" (24 bytes and a terminator).  Returns out. */
char *clock_utc(char out[static 25]);

#endif
