/*
 * A token bucket: at most so many bytes a second, in small portions so that the flow is even.  All
 * connections of a run share one.
 */
#ifndef CLIENT_BUCKET_H
#define CLIENT_BUCKET_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct bucket {
	pthread_mutex_t lock;
	uint64_t rate;	/* bytes a second, 0: no limit */
	uint64_t at_ns; /* until when tokens were counted */
	double tokens;	/* bytes */
	double portion; /* fewer are not handed out: 20 ms of flow */
	double maximum; /* more do not gather: 100 ms */
};

void bucket_init(struct bucket *b, uint64_t rate, uint64_t now_ns);
void bucket_release(struct bucket *b);

/* Bytes that may flow now: SIZE_MAX without a limit, 0 when it is time to wait. */
size_t bucket_budget(struct bucket *b, uint64_t now_ns);

/* Milliseconds until bucket_budget() is not 0, at least 1. */
int bucket_wait_ms(struct bucket *b);

/* So many have flowed, at most the budget. */
void bucket_spend(struct bucket *b, size_t bytes);

#endif
