#include "src/server/crashes.h"

bool
crashes_add(struct crashes *c, uint64_t now_ms)
{
	uint64_t *place = &c->at_ms[c->total++ % CRASHES_MOST];
	uint64_t first_ms;

	*place = now_ms;
	/* The next one to be written over is the oldest. */
	first_ms = c->at_ms[c->total % CRASHES_MOST];
	return first_ms != 0 && now_ms - first_ms < CRASHES_TIME_MS;
}
