/*
 * A bounded queue of fixed-size items between threads.
 *
 * Pushing waits for room, popping for an item.  After queue_close() nothing more is taken in and
 * poppers get what is left, then the end.  After queue_cancel() everybody gets the end at once.
 */
#ifndef CLIENT_QUEUE_H
#define CLIENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

/* NULL: out of memory. */
struct queue *queue_new(size_t capacity, size_t item_bytes);
void queue_free(struct queue *q);

/* Copies the item in.  false: closed or cancelled. */
bool queue_push(struct queue *q, const void *item);

/* Copies an item out.  false: closed and empty, or cancelled. */
bool queue_pop(struct queue *q, void *item);

/* As queue_pop(), but false also when there is none at the moment. */
bool queue_try_pop(struct queue *q, void *item);

/* Copies an item out, also behind queue_cancel(). false: there is none. */
bool queue_drain(struct queue *q, void *item);

void queue_close(struct queue *q);
void queue_cancel(struct queue *q);

#endif
