/*
 * DESIGN.  The page holds the time up to which the rate is used up: moving n bytes puts it n / rate
 * further, from now on at the earliest (less a little, so that pauses for other reasons are made
 * good).  Who has moved bytes waits until that time has come.
 */
#include "src/server/rate.h"

#include <stdatomic.h>

#include "src/server/lent.h"

#define SECOND_NS UINT64_C(1000000000)
#define CREDIT_NS (SECOND_NS / 10)

#define PIECES_A_SECOND 16u
#define LEAST_PIECE	4096u
#define MOST_PIECE	(256u << 10)

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be one between processes");

struct rate {
	uint64_t bytes_per_s;
	_Atomic uint64_t used_up_to_ns;
};

struct rate *
rate_new(uint64_t bytes_per_s)
{
	struct rate *rate = lent_new(sizeof(*rate));

	if (rate != NULL)
		rate->bytes_per_s = bytes_per_s;
	return rate;
}

void
rate_free(struct rate *rate)
{
	lent_free(rate, sizeof(*rate));
}

int
rate_lend(struct rate *rate)
{
	return lent_lend(rate, sizeof(*rate));
}

void
rate_keep(struct rate *rate)
{
	lent_keep(rate, sizeof(*rate));
}

size_t
rate_piece(const struct rate *rate)
{
	uint64_t piece = rate->bytes_per_s / PIECES_A_SECOND;

	if (piece < LEAST_PIECE)
		return LEAST_PIECE;
	return piece < MOST_PIECE ? (size_t)piece : MOST_PIECE;
}

/* Of bytes, which are one piece at most: far from any overflow. */
static uint64_t
duration_ns(const struct rate *rate, size_t bytes)
{
	uint64_t whole = bytes / rate->bytes_per_s;
	uint64_t rest = bytes % rate->bytes_per_s;

	return whole * SECOND_NS + (uint64_t)((double)rest / (double)rate->bytes_per_s * 1e9);
}

uint64_t
rate_take(struct rate *rate, size_t bytes, uint64_t now_ns)
{
	uint64_t earliest = now_ns > CREDIT_NS ? now_ns - CREDIT_NS : 0;
	uint64_t before = atomic_load(&rate->used_up_to_ns);
	uint64_t after;

	do
		after = (before > earliest ? before : earliest) + duration_ns(rate, bytes);
	while (!atomic_compare_exchange_weak(&rate->used_up_to_ns, &before, after));
	return after > now_ns ? after : 0;
}
