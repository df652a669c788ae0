#include "src/client/work_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "proto/errors.h"

int
work_init(struct work *w)
{
	pthread_condattr_t monotonic;

	*w = (struct work){.links = links_new()};
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	pthread_cond_init(&w->room, NULL);
	pthread_cond_init(&w->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	live_init(&w->live_batches);
	live_init(&w->live_directories);
	live_init(&w->live_names);
	live_init(&w->live_bigs);
	return w->links != NULL ? 0 : FTX_E_NOMEM;
}

static void
chain_release(struct chain *c)
{
	if (c != NULL && --c->refs == 0)
		free(c);
}

void
work_drop_batch(struct work *w, struct batch *b)
{
	if (--b->open > 0)
		return;
	live_remove(&b->live);
	batch_free(b);
	work_one_less(w);
}

void
work_stop(struct work *w)
{
	work_lock(w);
	w->stopped = true;
	work_tell_idle(w);
	pthread_cond_broadcast(&w->room);
	work_unlock(w);
}

bool
work_stopped(struct work *w)
{
	bool stopped;

	work_lock(w);
	stopped = w->stopped;
	work_unlock(w);
	return stopped;
}

bool
work_wait_idle(struct work *w, uint64_t until_ms)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
				       .tv_nsec = (long)(until_ms % 1000) * 1000000};
	bool idle;
	int r = 0;

	work_lock(w);
	while (!(idle = work_is_idle(w)) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&w->idle, &w->lock, &until);
	work_unlock(w);
	return idle;
}

/* What an early end has left. */
void
work_release(struct work *w)
{
	struct live *l;

	while ((l = live_take(&w->live_bigs)) != NULL)
		big_free((struct big *)l);
	while ((l = live_take(&w->live_batches)) != NULL) {
		chain_release(((struct batch *)l)->chain);
		batch_free((struct batch *)l);
	}
	while ((l = live_take(&w->live_directories)) != NULL)
		dirnode_free((struct dirnode *)l);
	while ((l = live_take(&w->live_names)) != NULL)
		free(l);
	chain_release(w->chain);
	links_free(w->links);
	pthread_cond_destroy(&w->changed);
	pthread_cond_destroy(&w->room);
	pthread_cond_destroy(&w->idle);
	pthread_mutex_destroy(&w->lock);
}

/* Under the lock.  Without memory for a chain every stream may take the batch. */
static void
join_chain(struct work *w, struct batch *b, bool continues)
{
	if (!continues) {
		chain_release(w->chain);
		w->chain = malloc(sizeof(*w->chain));
		if (w->chain != NULL)
			*w->chain = (struct chain){.stream = -1, .refs = 1};
	}
	b->chain = w->chain;
	if (b->chain != NULL)
		b->chain->refs++;
}

bool
work_push(struct work *w, struct batch *b, bool continues)
{
	bool taken;

	work_lock(w);
	live_add(&w->live_batches, &b->live);
	join_chain(w, b, continues);
	while (w->queued >= WORK_BATCHES && !w->stopped)
		pthread_cond_wait(&w->room, &w->lock);
	taken = !w->stopped;
	if (taken) {
		b->next = NULL;
		if (w->last != NULL)
			w->last->next = b;
		else
			w->first = b;
		w->last = b;
		w->queued++;
		w->pending++;
		work_wake(w);
	}
	work_unlock(w);
	return taken;
}

bool
work_is_hungry(struct work *w)
{
	bool hungry;

	work_lock(w);
	hungry = w->queued == 0;
	work_unlock(w);
	return hungry;
}

void
work_scanned(struct work *w)
{
	work_lock(w);
	w->scanned = true;
	work_tell_idle(w);
	work_unlock(w);
}

/* Under the lock: the first batch that this stream may work on. */
static bool
take_batch(struct work *w, int stream, struct work_item *item)
{
	struct batch **at = &w->first, *b, *before = NULL;

	for (; (b = *at) != NULL; before = b, at = &b->next)
		if (b->chain == NULL || b->chain->stream < 0 || b->chain->stream == stream)
			break;
	if (b == NULL)
		return false;
	*at = b->next;
	if (w->last == b)
		w->last = before;
	w->queued--;
	if (b->chain != NULL) {
		b->chain->stream = stream;
		b->chain->batches++;
	}
	b->worked = true;
	*item = (struct work_item){.kind = WORK_BATCH, .batch = b};
	return true;
}

static bool
take_waiting_big(struct work *w, struct work_item *item)
{
	struct big *b = w->waiting;

	if (b == NULL)
		return false;
	w->waiting = b->next;
	if (w->waiting == NULL)
		w->waiting_last = NULL;
	b->next = w->active;
	w->active = b;
	b->active = 1;
	*item = (struct work_item){.kind = WORK_BIG, .big = b};
	return true;
}

static bool
take_segments(struct work *w, struct work_item *item)
{
	for (struct big *b = w->active; b != NULL; b = b->next) {
		if (!b->opened || !b->helpers || b->error != 0 || b->next_range >= b->todo_count ||
		    b->active == b->leaving)
			continue;
		b->active++;
		*item = (struct work_item){.kind = WORK_SEGMENTS, .big = b};
		return true;
	}
	return false;
}

/* Under the lock: those that this stream has made, and those that were there. */
static bool
take_directories(struct work *w, int stream, struct work_item *item)
{
	struct dirnode **at = &w->directories, **end = &item->directories, *d;

	while ((d = *at) != NULL) {
		if (d->stream >= 0 && d->stream != stream) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		d->next = NULL;
		*end = d;
		end = &d->next;
	}
	if (item->directories == NULL)
		return false;
	item->kind = WORK_DIRECTORIES;
	return true;
}

/* Under the lock. */
static bool
try_take(struct work *w, int stream, struct work_item *item)
{
	*item = (struct work_item){.kind = WORK_NONE};
	if (work_is_idle(w)) {
		item->kind = WORK_END;
		return true;
	}
	if (take_directories(w, stream, item))
		return true;
	if (w->names != NULL) {
		item->kind = WORK_NAMES;
		item->names = w->names;
		w->names = NULL;
		return true;
	}
	return take_waiting_big(w, item) || take_batch(w, stream, item) || take_segments(w, item);
}

void
work_take(struct work *w, int stream, bool wait, struct work_item *item)
{
	work_lock(w);
	while (!try_take(w, stream, item) && wait)
		pthread_cond_wait(&w->changed, &w->lock);
	if (item->kind == WORK_BATCH)
		pthread_cond_signal(&w->room); /* there is one scanner */
	work_unlock(w);
}

/* Under the lock: this stream has one batch less of the chain. */
static void
let_go(struct chain *c)
{
	if (c != NULL && --c->batches == 0)
		c->stream = -1;
}

void
work_batch_done(struct work *w, struct batch *b)
{
	work_lock(w);
	b->worked = false;
	if (b->chain != NULL) {
		let_go(b->chain);
		chain_release(b->chain);
		b->chain = NULL;
		work_wake(w);
	}
	work_drop_batch(w, b);
	work_unlock(w);
}

void
work_batch_again(struct work *w, struct batch *b)
{
	work_lock(w);
	assert(b->open > 0 && !b->worked);
	b->open++;
	b->worked = true;
	work_unlock(w);
}

void
work_return_batch(struct work *w, struct batch *b)
{
	work_lock(w);
	let_go(b->chain);
	b->worked = b->again = false;
	b->next = w->first;
	w->first = b;
	if (w->last == NULL)
		w->last = b;
	w->queued++;
	work_wake(w);
	work_unlock(w);
}
