#include "src/client/bucket.h"

void
bucket_init(struct bucket *b, uint64_t rate, uint64_t now_ns)
{
	b->rate = rate;
	b->at_ns = now_ns;
	b->tokens = 0;
	b->portion = (double)rate / 50;
	if (b->portion < 1)
		b->portion = 1;
	b->maximum = 5 * b->portion;
}

size_t
bucket_budget(struct bucket *b, uint64_t now_ns)
{
	if (b->rate == 0)
		return SIZE_MAX;
	b->tokens += (double)b->rate * (double)(now_ns - b->at_ns) / 1e9;
	b->at_ns = now_ns;
	if (b->tokens > b->maximum)
		b->tokens = b->maximum;
	return b->tokens < b->portion ? 0 : (size_t)b->tokens;
}

int
bucket_wait_ms(const struct bucket *b)
{
	double ms;

	if (b->rate == 0 || b->tokens >= b->portion)
		return 1;
	ms = (b->portion - b->tokens) * 1000 / (double)b->rate;
	return ms > 1000 ? 1000 : 1 + (int)ms;
}

void
bucket_spend(struct bucket *b, size_t bytes)
{
	if (b->rate != 0)
		b->tokens -= (double)bytes;
}
