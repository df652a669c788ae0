#include "src/client/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_cond_t emptied;
	size_t capacity, item_bytes;
	size_t head, count;
	bool closed, cancelled;
	uint8_t *items;
};

struct queue *
queue_new(size_t capacity, size_t item_bytes)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->items = calloc(capacity, item_bytes);
	if (q->items == NULL) {
		free(q);
		return NULL;
	}
	q->capacity = capacity;
	q->item_bytes = item_bytes;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	pthread_cond_init(&q->emptied, NULL);
	return q;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	pthread_cond_destroy(&q->emptied);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q->items);
	free(q);
}

static void
lock(struct queue *q)
{
	int r = pthread_mutex_lock(&q->lock);

	assert(r == 0);
}

bool
queue_push(struct queue *q, const void *item)
{
	bool taken;

	lock(q);
	while (q->count == q->capacity && !q->closed && !q->cancelled)
		pthread_cond_wait(&q->emptied, &q->lock);
	taken = !q->closed && !q->cancelled;
	if (taken) {
		size_t at = (q->head + q->count) % q->capacity;

		memcpy(q->items + at * q->item_bytes, item, q->item_bytes);
		q->count++;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	return taken;
}

/* Under the lock. */
static bool
take(struct queue *q, void *item)
{
	if (q->count == 0)
		return false;
	memcpy(item, q->items + q->head * q->item_bytes, q->item_bytes);
	q->head = (q->head + 1) % q->capacity;
	q->count--;
	pthread_cond_signal(&q->emptied);
	return true;
}

bool
queue_pop(struct queue *q, void *item)
{
	bool got;

	lock(q);
	while (q->count == 0 && !q->closed && !q->cancelled)
		pthread_cond_wait(&q->filled, &q->lock);
	got = !q->cancelled && take(q, item);
	pthread_mutex_unlock(&q->lock);
	return got;
}

bool
queue_try_pop(struct queue *q, void *item)
{
	bool got;

	lock(q);
	got = !q->cancelled && take(q, item);
	pthread_mutex_unlock(&q->lock);
	return got;
}

bool
queue_drain(struct queue *q, void *item)
{
	bool got;

	lock(q);
	got = take(q, item);
	pthread_mutex_unlock(&q->lock);
	return got;
}

static void
end(struct queue *q, bool *how)
{
	lock(q);
	*how = true;
	pthread_cond_broadcast(&q->filled);
	pthread_cond_broadcast(&q->emptied);
	pthread_mutex_unlock(&q->lock);
}

void
queue_close(struct queue *q)
{
	end(q, &q->closed);
}

void
queue_cancel(struct queue *q)
{
	end(q, &q->cancelled);
}
