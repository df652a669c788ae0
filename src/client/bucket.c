#include "src/client/bucket.h"

void
bucket_init(struct bucket *b, uint64_t rate, uint64_t now_ns)
{
	pthread_mutex_init(&b->lock, NULL);
	b->rate = rate;
	b->at_ns = now_ns;
	b->tokens = 0;
	b->portion = (double)rate / 50;
	if (b->portion < 1)
		b->portion = 1;
	b->maximum = 5 * b->portion;
}

void
bucket_release(struct bucket *b)
{
	pthread_mutex_destroy(&b->lock);
}

size_t
bucket_budget(struct bucket *b, uint64_t now_ns)
{
	size_t budget;

	if (b->rate == 0)
		return SIZE_MAX;
	pthread_mutex_lock(&b->lock);
	/* Another thread may have looked at the clock later and come earlier. */
	if (now_ns > b->at_ns) {
		b->tokens += (double)b->rate * (double)(now_ns - b->at_ns) / 1e9;
		b->at_ns = now_ns;
	}
	if (b->tokens > b->maximum)
		b->tokens = b->maximum;
	budget = b->tokens < b->portion ? 0 : (size_t)b->tokens;
	pthread_mutex_unlock(&b->lock);
	return budget;
}

int
bucket_wait_ms(struct bucket *b)
{
	double missing, ms;

	pthread_mutex_lock(&b->lock);
	missing = b->portion - b->tokens;
	pthread_mutex_unlock(&b->lock);
	if (b->rate == 0 || missing <= 0)
		return 1;
	ms = missing * 1000 / (double)b->rate;
	return ms > 1000 ? 1000 : 1 + (int)ms;
}

void
bucket_spend(struct bucket *b, size_t bytes)
{
	if (b->rate == 0)
		return;
	pthread_mutex_lock(&b->lock);
	b->tokens -= (double)bytes;
	pthread_mutex_unlock(&b->lock);
}
