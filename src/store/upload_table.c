#include "src/store/upload_impl.h"

#include <stdlib.h>

#include "proto/errors.h"

/* The longer run is better, of equally long ones the first. */
static bool
is_better(const struct block_range *a, const struct block_range *b)
{
	return a->count > b->count || (a->count == b->count && a->first < b->first);
}

static int
best_first(const void *a, const void *b)
{
	return is_better(a, b) ? -1 : 1;
}

static void
swap(struct block_range *a, struct block_range *b)
{
	struct block_range held = *a;

	*a = *b;
	*b = held;
}

/* heap[0] is the worst of the best LIMIT_HAVE_RANGES runs so far. */
static void
heap_add(struct block_range *heap, uint32_t *count, const struct block_range *run)
{
	uint32_t i;

	if (*count < LIMIT_HAVE_RANGES) {
		i = (*count)++;
		heap[i] = *run;
		for (; i > 0 && is_better(&heap[(i - 1) / 2], &heap[i]); i = (i - 1) / 2)
			swap(&heap[(i - 1) / 2], &heap[i]);
		return;
	}
	if (!is_better(run, &heap[0]))
		return;
	heap[0] = *run;
	for (i = 0; 2 * i + 1 < *count;) {
		uint32_t worse = 2 * i + 1;

		if (worse + 1 < *count && is_better(&heap[worse], &heap[worse + 1]))
			worse++;
		if (!is_better(&heap[i], &heap[worse]))
			break;
		swap(&heap[i], &heap[worse]);
		i = worse;
	}
}

int
upload_find_blocks(const struct upload *u, struct block_range *have, uint32_t *have_count,
		   uint64_t *end)
{
	struct block_range run = {0};
	struct journal_scan scan;
	struct digest digest;
	uint64_t block;
	bool found;
	int r;

	*have_count = 0;
	*end = 0;
	journal_scan_start(&scan, &u->journal);
	while ((r = journal_scan_next(&scan, &found, &block, &digest)) == 0 && found) {
		if (run.count > 0 && block == run.first + run.count) {
			run.count++;
			continue;
		}
		if (run.count > 0)
			heap_add(have, have_count, &run);
		run = (struct block_range){.first = block, .count = 1};
	}
	if (r != 0)
		return r;
	if (run.count > 0) {
		uint64_t last = run.first + run.count - 1;

		heap_add(have, have_count, &run);
		*end = last * LIMIT_BLOCK_BYTES + block_bytes_of(u->options.identity.size, last);
	}
	qsort(have, *have_count, sizeof(*have), best_first);
	return 0;
}

/* Blocks first..end are not there; the list takes the first ones. */
static void
add_missing(struct upload_result *result, uint64_t first, uint64_t end)
{
	if (first < end && result->block_count < LIMIT_GAP_RANGES)
		result->blocks[result->block_count++] =
		    (struct block_range){.first = first, .count = end - first};
}

static int
digest_pass(const struct upload *u, const struct upload_commit *commit,
	    struct upload_result *result, struct digest_state *all, struct digest_state *sent)
{
	const struct block_range *range = commit->sent, *ranges_end = range + commit->sent_count;
	struct journal_scan scan;
	struct digest digest;
	uint64_t block, next = 0;
	bool found;
	int r;

	journal_scan_start(&scan, &u->journal);
	while ((r = journal_scan_next(&scan, &found, &block, &digest)) == 0 && found) {
		add_missing(result, next, block);
		next = block + 1;
		file_digest_add(all, &digest);
		while (range < ranges_end && block >= range->first + range->count)
			range++;
		if (range < ranges_end && block >= range->first)
			file_digest_add(sent, &digest);
	}
	if (r != 0)
		return r;
	add_missing(result, next, scan.end);
	return result->block_count == 0 ? 0 : FTX_E_INCOMPLETE;
}

int
upload_digests(const struct upload *u, const struct upload_commit *commit,
	       struct upload_result *result, struct digest *sent)
{
	struct digest_state *all_state = digest_state_new(), *sent_state = digest_state_new();
	int r = FTX_E_NOMEM;

	if (all_state == NULL || sent_state == NULL)
		goto out;
	file_digest_start(all_state, u->options.identity.size);
	file_digest_start(sent_state, u->options.identity.size);
	if ((r = digest_pass(u, commit, result, all_state, sent_state)) != 0)
		goto out;
	result->digest = digest_finish(all_state);
	*sent = digest_finish(sent_state);
out:
	digest_state_free(all_state);
	digest_state_free(sent_state);
	return r;
}
