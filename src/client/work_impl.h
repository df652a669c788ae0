/*
 * What the files of work share: work.c (batches, and who takes what), work_tree.c (directories and
 * further names, and when they are due), work_big.c (big files).
 */
#ifndef CLIENT_WORK_IMPL_H
#define CLIENT_WORK_IMPL_H

#include <assert.h>

#include "src/client/work.h"

struct chain {
	int stream;	  /* that holds it, -1: none */
	unsigned batches; /* held by it */
	unsigned refs;
};

static inline void
work_lock(struct work *w)
{
	int r = pthread_mutex_lock(&w->lock);

	assert(r == 0);
}

static inline void
work_unlock(struct work *w)
{
	pthread_mutex_unlock(&w->lock);
}

static inline void
work_wake(struct work *w)
{
	pthread_cond_broadcast(&w->changed);
}

static inline bool
work_is_idle(const struct work *w)
{
	return w->stopped || (w->scanned && w->pending == 0);
}

/* Under the lock, where that may be so now. */
static inline void
work_tell_idle(struct work *w)
{
	work_wake(w);
	if (work_is_idle(w))
		pthread_cond_broadcast(&w->idle);
}

/* Under the lock. */
static inline void
work_one_less(struct work *w)
{
	assert(w->pending > 0);
	if (--w->pending == 0)
		work_tell_idle(w);
}

/* work.c: under the lock, one entry less of the batch is open. */
void work_drop_batch(struct work *w, struct batch *b);

#endif
