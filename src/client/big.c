#include "src/client/big.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/ranges.h"

struct big *
big_new(struct entry *e)
{
	struct big *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->entry = e;
	b->identity = e->identity;
	return b;
}

void
big_free(struct big *b)
{
	if (b == NULL)
		return;
	free(b->todo);
	free(b->digests);
	free(b);
}

/* Takes ranges. */
static int
take_ranges(struct big *b, struct block_range *ranges, uint32_t count)
{
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < count; i++)
		blocks += ranges[i].count;
	free(b->todo);
	free(b->digests);
	b->todo = ranges;
	b->todo_count = count;
	b->todo_blocks = blocks;
	b->digests = calloc(blocks > 0 ? blocks : 1, sizeof(*b->digests));
	b->next_range = 0;
	b->next_block = b->next_number = 0;
	return b->digests != NULL ? 0 : FTX_E_NOMEM;
}

int
big_set_todo(struct big *b, const struct block_range *have, uint32_t count)
{
	struct block_range *todo = calloc(LIMIT_GAP_RANGES, sizeof(*todo));
	uint32_t todo_count;

	if (todo == NULL)
		return FTX_E_NOMEM;
	todo_count = ranges_complement(have, count, ranges_blocks(b->identity.size), todo);
	b->present = b->identity.size - ranges_bytes(todo, todo_count, b->identity.size);
	atomic_store(&b->moved, 0);
	return take_ranges(b, todo, todo_count);
}

int
big_set_ranges(struct big *b, const struct block_range *ranges, uint32_t count)
{
	struct block_range *todo = calloc(count > 0 ? count : 1, sizeof(*todo));

	if (todo == NULL)
		return FTX_E_NOMEM;
	if (count > 0)
		memcpy(todo, ranges, count * sizeof(*todo));
	return take_ranges(b, todo, count);
}
