/*
 * A token bucket: at most so many bytes a second, in small portions so that the flow is even.
 */
#ifndef CLIENT_BUCKET_H
#define CLIENT_BUCKET_H

#include <stddef.h>
#include <stdint.h>

struct bucket {
	uint64_t rate;	/* bytes a second, 0: no limit */
	uint64_t at_ns; /* until when tokens were counted */
	double tokens;	/* bytes */
	double portion; /* fewer are not handed out: 20 ms of flow */
	double maximum; /* more do not gather: 100 ms */
};

void bucket_init(struct bucket *b, uint64_t rate, uint64_t now_ns);

/* Bytes that may flow now: SIZE_MAX without a limit, 0 when it is time to wait. */
size_t bucket_budget(struct bucket *b, uint64_t now_ns);

/* Milliseconds until bucket_budget() is not 0, at least 1. */
int bucket_wait_ms(const struct bucket *b);

/* So many have flowed, at most the budget. */
void bucket_spend(struct bucket *b, size_t bytes);

#endif
