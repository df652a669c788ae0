#include "src/client/progress.h"

#include <limits.h>
#include <string.h>

#define SAMPLE_MS (PROGRESS_WINDOW_MS / (PROGRESS_SAMPLES - 2))

static struct progress_sample *
sample(struct progress_rate *r, unsigned n)
{
	return &r->samples[(r->first + n) % PROGRESS_SAMPLES];
}

void
progress_rate_start(struct progress_rate *r, uint64_t now_ms, uint64_t bytes)
{
	r->first = 0;
	r->count = 1;
	r->samples[0] = (struct progress_sample){.at_ms = now_ms, .bytes = bytes};
}

/*
 * The last sample is that of now; it stays when the one before it is old enough.  So the samples
 * are never closer than SAMPLE_MS, and the ring holds a whole window of them.
 */
void
progress_rate_add(struct progress_rate *r, uint64_t now_ms, uint64_t bytes)
{
	const struct progress_sample *last = sample(r, r->count - 1);

	if (r->count == 1 && bytes == 0) {
		/* Nothing moves before there is a connection, which says nothing of the rate. */
		r->samples[r->first].at_ms = now_ms;
		return;
	}
	if (r->count == 1 || last->at_ms - sample(r, r->count - 2)->at_ms >= SAMPLE_MS) {
		if (r->count == PROGRESS_SAMPLES)
			r->first = (r->first + 1) % PROGRESS_SAMPLES;
		else
			r->count++;
	}
	*sample(r, r->count - 1) = (struct progress_sample){.at_ms = now_ms, .bytes = bytes};
	while (r->count > 2 && now_ms - sample(r, 1)->at_ms >= PROGRESS_WINDOW_MS) {
		r->first = (r->first + 1) % PROGRESS_SAMPLES;
		r->count--;
	}
}

double
progress_rate_per_s(const struct progress_rate *r)
{
	const struct progress_sample *first = &r->samples[r->first];
	const struct progress_sample *last =
	    &r->samples[(r->first + r->count - 1) % PROGRESS_SAMPLES];

	if (last->at_ms <= first->at_ms || last->bytes <= first->bytes)
		return 0;
	return (double)(last->bytes - first->bytes) * 1000 / (double)(last->at_ms - first->at_ms);
}

unsigned
progress_percent(const struct transfer_progress *p)
{
	if (!p->scanned || p->endless || p->bytes_total == 0)
		return UINT_MAX;
	if (p->bytes >= p->bytes_total)
		return p->files >= p->files_total ? 100 : 99;
	return (unsigned)((double)p->bytes * 100 / (double)p->bytes_total);
}
