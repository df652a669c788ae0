/*
 * T35: what a server may say to a put and to other changes: the client takes nothing for done that
 * is not, reads nothing of the disk that it was not told to send, and comes to an end.
 */
#include "tests/harness/unit.h"
#include <string.h>

#include "proto/errors.h"
#include "tests/hostile/liar.h"

#define PUT	     "put -T -j 1 SRC URL"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { OK = 0, FAILED = 1, PARTIAL = 3, DENIED = 6, DIFFERENT = 12, PROTOCOL = 13 };

static bool
verdicts(struct liar *l, unsigned more, uint8_t state)
{
	static struct offer_verdict items[LIMIT_ENTRIES + 1];
	struct message m = {.type = MESSAGE_VERDICTS};

	if (l->message.type != MESSAGE_OFFER)
		return false;
	m.verdicts.verdicts.items = items;
	m.verdicts.verdicts.count = l->message.offer.nodes.count + more;
	for (uint32_t i = 0; i < m.verdicts.verdicts.count; i++)
		items[i].state = state;
	return liar_tell(l, &m);
}

static bool
one_verdict_more(struct liar *l)
{
	return verdicts(l, 1, 0);
}

/* An error without its code. */
static bool
verdicts_without_reason(struct liar *l)
{
	return verdicts(l, 0, 6);
}

static bool
have(struct liar *l, const struct block_range *blocks, uint32_t count)
{
	struct message m = {.type = MESSAGE_HAVE};

	if (l->message.type != MESSAGE_OPEN)
		return false;
	m.have.blocks.items = blocks;
	m.have.blocks.count = count;
	return liar_tell(l, &m);
}

static bool
have_more_than_there_is(struct liar *l)
{
	const struct block_range blocks = {4, 2};

	return have(l, &blocks, 1);
}

static bool
have_far_beyond(struct liar *l)
{
	const struct block_range blocks = {LIMIT_FILE_BYTES / LIMIT_BLOCK_BYTES,
					   LIMIT_FILE_BYTES / LIMIT_BLOCK_BYTES};

	return have(l, &blocks, 1);
}

static bool
have_it_twice(struct liar *l)
{
	const struct block_range blocks[] = {{0, 3}, {2, 1}};

	return have(l, blocks, 2);
}

static bool
have_none_of_a_range(struct liar *l)
{
	const struct block_range blocks = {0, 0};

	return have(l, &blocks, 1);
}

/* COMMIT is never content. */
static bool
refuse_commits(struct liar *l, int error, struct block_range blocks)
{
	struct message m = {.type = MESSAGE_ERROR};

	if (l->message.type != MESSAGE_COMMIT)
		return false;
	m.error.code = (uint16_t)-error;
	m.error.blocks.items = &blocks;
	m.error.blocks.count = blocks.count > 0;
	return liar_tell(l, &m);
}

static bool
always_incomplete(struct liar *l)
{
	return refuse_commits(l, FTX_E_INCOMPLETE, (struct block_range){0, 5});
}

static bool
always_a_mismatch(struct liar *l)
{
	return refuse_commits(l, FTX_E_MISMATCH, (struct block_range){0, 5});
}

static bool
incomplete_elsewhere(struct liar *l)
{
	return refuse_commits(l, FTX_E_INCOMPLETE, (struct block_range){5, 1});
}

static bool
incomplete_nowhere(struct liar *l)
{
	return refuse_commits(l, FTX_E_INCOMPLETE, (struct block_range){0, 0});
}

static bool
committed_packs(struct liar *l, uint32_t count, uint16_t code)
{
	static struct item_status items[LIMIT_GROUP_ITEMS];
	struct message m = {.type = MESSAGE_COMMITTED_PACKS};

	if (l->message.type != MESSAGE_COMMIT_PACKS)
		return false;
	items[0].code = code;
	m.committed_packs.statuses.items = items;
	m.committed_packs.statuses.count = count;
	return liar_tell(l, &m);
}

static bool
committed_more(struct liar *l)
{
	return committed_packs(l, LIMIT_GROUP_ITEMS, 0);
}

static bool
committed_none(struct liar *l)
{
	return l->files > 0 && committed_packs(l, 0, 0);
}

static bool
committed_nonsense(struct liar *l)
{
	return l->files > 0 && committed_packs(l, l->files, 9999);
}

static bool
publish_instead(struct liar *l)
{
	return l->message.type == MESSAGE_MKDIR && liar_answer(l, MESSAGE_PUBLISHED);
}

static bool
one_status_more(struct liar *l)
{
	static const struct item_status items[2];
	struct message m = {.type = MESSAGE_STATUSES};

	if (l->message.type != MESSAGE_MKDIR && l->message.type != MESSAGE_REMOVE)
		return false;
	m.statuses.statuses.items = items;
	m.statuses.statuses.count = 2;
	return liar_tell(l, &m);
}

static const struct tale answers_to_put[] = {
    {"the truth", PUT, OK, "", {{0}}, NULL},
    {"a verdict more", PUT, PROTOCOL, "", {{0}}, one_verdict_more},
    {"verdicts without a reason", PUT, PROTOCOL, "", {{0}}, verdicts_without_reason},
    {"more blocks than there are", PUT, PROTOCOL, "", {{0}}, have_more_than_there_is},
    {"blocks far beyond", PUT, PROTOCOL, "", {{0}}, have_far_beyond},
    {"a block twice", PUT, PROTOCOL, "", {{0}}, have_it_twice},
    {"a range of no block", PUT, PROTOCOL, "", {{0}}, have_none_of_a_range},
    {"never complete", PUT, DIFFERENT, "", {{0}}, always_incomplete},
    {"never the same", PUT, DIFFERENT, "", {{0}}, always_a_mismatch},
    {"incomplete behind the end", PUT, PROTOCOL, "", {{0}}, incomplete_elsewhere},
    {"incomplete nowhere", PUT, DIFFERENT, "", {{0}}, incomplete_nowhere},
    {"more files than there were", PUT, PROTOCOL, "", {{0}}, committed_more},
    {"fewer files than there were", PUT, PROTOCOL, "", {{0}}, committed_none},
    {"a status that is none", PUT, PROTOCOL, "", {{0}}, committed_nonsense},
    {"the end of a set nobody began", PUT, PROTOCOL, "", {{0}}, publish_instead},
    {"a status more", "mkdir URL", PROTOCOL, "", {{0}}, one_status_more},
    {"a status more, of rm", "rm -r URL", PROTOCOL, "", {{0}}, one_status_more},
};

Test(liar, T35_a_put_takes_no_answer_for_another)
{
	liar_try(answers_to_put, COUNT(answers_to_put));
}
