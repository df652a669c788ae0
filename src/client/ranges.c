#include "src/client/ranges.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/errors.h"

uint64_t
ranges_blocks(uint64_t size)
{
	return size / LIMIT_BLOCK_BYTES + (size % LIMIT_BLOCK_BYTES != 0);
}

static int
compare(const void *left, const void *right)
{
	const struct block_range *a = left;
	const struct block_range *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

int
ranges_check(struct block_range *ranges, uint32_t count, uint64_t blocks)
{
	uint64_t end = 0;

	if (count > 1)
		qsort(ranges, count, sizeof(*ranges), compare);
	for (uint32_t i = 0; i < count; i++) {
		if (ranges[i].count == 0 || ranges[i].first < end || ranges[i].first >= blocks ||
		    ranges[i].count > blocks - ranges[i].first)
			return FTX_E_PROTOCOL;
		end = ranges[i].first + ranges[i].count;
	}
	return 0;
}

uint32_t
ranges_complement(const struct block_range *have, uint32_t count, uint64_t blocks,
		  struct block_range *out)
{
	uint64_t next = 0;
	uint32_t n = 0;

	assert(count <= LIMIT_HAVE_RANGES);
	for (uint32_t i = 0; i < count; i++) {
		if (have[i].first > next)
			out[n++] = (struct block_range){next, have[i].first - next};
		next = have[i].first + have[i].count;
	}
	if (next < blocks)
		out[n++] = (struct block_range){next, blocks - next};
	return n;
}

uint64_t
ranges_bytes(const struct block_range *ranges, uint32_t count, uint64_t size)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t begin = ranges[i].first * LIMIT_BLOCK_BYTES;
		uint64_t end = begin + ranges[i].count * LIMIT_BLOCK_BYTES;

		bytes += (end < size ? end : size) - begin;
	}
	return bytes;
}
