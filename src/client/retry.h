/*
 * How a command goes on when a connection was lost: since when nothing got any further, how long
 * the next pause is, and what was said of it.  Shared by the threads of one run.
 *
 * Time is that of clock_ms(): what a suspended machine slept through does not count as time without
 * progress.
 */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct retry {
	atomic_uint_fast64_t since_ms; /* of the first loss since anything got further; 0: none */
	atomic_uint pauses;	       /* since then */
	atomic_int told;	       /* enum retry_told */
	/* While a connection is lost one thread at a time dials: the others would only do the same.
	 */
	pthread_mutex_t dialling;
};

enum retry_told { RETRY_QUIET, RETRY_LOSS_TOLD, RETRY_RETURN_TOLD };

void retry_init(struct retry *r);
void retry_release(struct retry *r);

/* A connection is gone. */
void retry_lost(struct retry *r);

/* Something got further: the time without progress begins anew with the next loss. */
void retry_progress(struct retry *r);

/* Is a loss not made good yet? */
bool retry_is_lost(struct retry *r);

/*
 * The pause before the next attempt: longer each time, by a random part different for everybody,
 * and not beyond limit_ms after the loss.  failed: attempts of the caller in a row; where others
 * get further meanwhile, its pauses grow all the same.  false: the time is used up.
 */
bool retry_pause(struct retry *r, unsigned failed, uint64_t limit_ms, uint64_t *pause_ms);

/* Is the loss, or that it is over, to be said now?  It is each time once. */
bool retry_tells_loss(struct retry *r);
bool retry_tells_return(struct retry *r);

/* ms, less a random part of at most a fourth: those that lost at once do not come back at once. */
uint64_t retry_jitter(uint64_t ms);

#endif
