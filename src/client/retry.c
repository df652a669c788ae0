#include "src/client/retry.h"

#include <sys/random.h>

#include "src/base/clock.h"

#define FIRST_PAUSE_MS 100u /* a server that starts anew is there again soon */
#define LAST_PAUSE_MS  15000u
#define MOST_DOUBLINGS 8u

void
retry_init(struct retry *r)
{
	atomic_init(&r->since_ms, 0);
	atomic_init(&r->pauses, 0);
	atomic_init(&r->told, RETRY_QUIET);
	pthread_mutex_init(&r->dialling, NULL);
}

void
retry_release(struct retry *r)
{
	pthread_mutex_destroy(&r->dialling);
}

void
retry_lost(struct retry *r)
{
	uint_fast64_t none = 0;

	(void)atomic_compare_exchange_strong(&r->since_ms, &none, clock_ms());
}

void
retry_progress(struct retry *r)
{
	int told = RETRY_RETURN_TOLD;

	if (atomic_load(&r->since_ms) != 0) {
		atomic_store(&r->since_ms, 0);
		atomic_store(&r->pauses, 0);
	}
	/* Also where another connection got further before the lost one was back. */
	if (atomic_load(&r->told) == RETRY_RETURN_TOLD)
		(void)atomic_compare_exchange_strong(&r->told, &told, RETRY_QUIET);
}

bool
retry_is_lost(struct retry *r)
{
	return atomic_load(&r->since_ms) != 0;
}

uint64_t
retry_jitter(uint64_t ms)
{
	uint32_t random = 0;

	/* Without random bytes it comes at the same time as the others, and no worse. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		return ms;
	return ms - ms * random / UINT32_MAX / 4;
}

bool
retry_pause(struct retry *r, unsigned failed, uint64_t limit_ms, uint64_t *pause_ms)
{
	uint64_t since = atomic_load(&r->since_ms), now = clock_ms();
	uint64_t gone = since != 0 && now > since ? now - since : 0;
	unsigned doublings = atomic_fetch_add(&r->pauses, 1);
	uint64_t pause;

	if (doublings < failed)
		doublings = failed;
	pause = FIRST_PAUSE_MS << (doublings < MOST_DOUBLINGS ? doublings : MOST_DOUBLINGS);
	if (gone >= limit_ms)
		return false;
	pause = retry_jitter(pause < LAST_PAUSE_MS ? pause : LAST_PAUSE_MS);
	*pause_ms = pause < limit_ms - gone ? pause : limit_ms - gone;
	return true;
}

bool
retry_tells_loss(struct retry *r)
{
	int told = RETRY_QUIET;

	return atomic_compare_exchange_strong(&r->told, &told, RETRY_LOSS_TOLD);
}

bool
retry_tells_return(struct retry *r)
{
	int told = RETRY_LOSS_TOLD;

	return atomic_compare_exchange_strong(&r->told, &told, RETRY_RETURN_TOLD);
}
