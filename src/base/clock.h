/*
 * Time.  Deadlines and rates use the monotonic clock, never the wall clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds; never 0. */
uint64_t clock_ms(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_ns(void);

/* The wall clock as "2026-11-22T07:00:00.123Z" (24 bytes and a terminator).  Returns out. */
char *clock_utc(char out[static 25]);

#endif
