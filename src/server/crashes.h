/*
 * Children of one supervisor have their memory laid out as it has, and the same stack canary: who
 * may crash them again and again learns both.  So after the third crash in an hour the supervisor
 * is to become another process.
 */
#ifndef SERVER_CRASHES_H
#define SERVER_CRASHES_H

#include <stdbool.h>
#include <stdint.h>

#define CRASHES_MOST	3u
#define CRASHES_TIME_MS UINT64_C(3600000)

/* All zero: there was none. */
struct crashes {
	uint64_t total;
	uint64_t at_ms[CRASHES_MOST]; /* the last ones, in turn; 0: none */
};

/* One more, at now_ms (clock_ms()).  Is it the third within an hour? */
bool crashes_add(struct crashes *c, uint64_t now_ms);

#endif
