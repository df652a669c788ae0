/*
 * The monotonic clock of a test, which may be put ahead: what takes minutes need not take them.
 * What sleeps until a time of that clock must not be asleep then.
 */
#ifndef TESTS_UNIT_CLIENT_CLOCK_H
#define TESTS_UNIT_CLIENT_CLOCK_H

/* From any thread: so many seconds more. */
void clock_put_ahead(int seconds);

#endif
