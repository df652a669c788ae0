/*
 * What a big file (put_big.c) and standard input (put_input.c) have in common: each is one file on
 * a handle, whose blocks are there or not, and which may have arrived though nobody has said so.
 */
#include <string.h>

#include "proto/errors.h"
#include "src/client/put.h"
#include "src/client/ranges.h"

int
put_take_have(struct stream *s, const struct message_have *m, uint64_t blocks)
{
	s->have_count = m->blocks.count;
	if (s->have_count > 0)
		memcpy(s->have, m->blocks.items, s->have_count * sizeof(s->have[0]));
	return ranges_check(s->have, s->have_count, blocks);
}

static int
take_verdict(void *arg, const struct message *m)
{
	struct offer_verdict *v = arg;

	if (m->type != MESSAGE_VERDICTS)
		return 0;
	if (m->verdicts.verdicts.count != 1)
		return FTX_E_PROTOCOL;
	*v = m->verdicts.verdicts.items[0];
	return 0;
}

int
put_offer(struct stream *s, struct span base, const struct node *n, struct offer_verdict *v)
{
	struct message m = {.type = MESSAGE_OFFER};

	m.offer.base = base;
	m.offer.nodes.items = n;
	m.offer.nodes.count = 1;
	*v = (struct offer_verdict){.state = TREE_ABSENT};
	return stream_call(s, &m, take_verdict, v);
}

struct digest
put_digest(struct stream *s, uint64_t size, const struct digest *blocks, uint64_t count)
{
	file_digest_start(s->file, size);
	for (uint64_t i = 0; i < count; i++)
		file_digest_add(s->file, &blocks[i]);
	return digest_finish(s->file);
}
