/*
 * DESIGN.  The page holds the time up to which the rate is used up: moving n bytes puts it n / rate
 * further, from now on at the earliest (less a little, so that pauses for other reasons are made
 * good).  Who has moved bytes waits until that time has come.
 */
#include "src/server/rate.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "proto/errors.h"

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
	struct rate *rate =
	    mmap(NULL, sizeof(*rate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (rate == MAP_FAILED)
		return NULL;
	rate->bytes_per_s = bytes_per_s;
	if (madvise(rate, sizeof(*rate), MADV_DONTFORK) == 0)
		return rate;
	rate_free(rate);
	return NULL;
}

void
rate_free(struct rate *rate)
{
	if (rate != NULL)
		munmap(rate, sizeof(*rate));
}

int
rate_lend(struct rate *rate)
{
	if (rate == NULL || madvise(rate, sizeof(*rate), MADV_DOFORK) == 0)
		return 0;
	return error_from_errno(errno);
}

void
rate_keep(struct rate *rate)
{
	/* What was allowed a moment ago is allowed again. */
	if (rate != NULL)
		(void)madvise(rate, sizeof(*rate), MADV_DONTFORK);
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
