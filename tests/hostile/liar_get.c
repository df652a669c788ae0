/*
 * T35: what a server may say to a get, and what the client then does: nothing outside of the
 * destination, nothing under a name that was not asked for, in bounded time and memory.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"
#include "tests/hostile/liar.h"

#define GET	     "get -T -j 1 URL DEST"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { OK = 0, FAILED = 1, PARTIAL = 3, NO_SPACE = 10, DIFFERENT = 12, PROTOCOL = 13, LOST = 9 };

#define LONG_NAME                                                                                  \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nn"                                                                                       \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nn"                                                                                       \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* A name of the listing alone is wrong. */
#define NAME(name)                                                                                 \
	{                                                                                          \
		.what = "the name " name, .command = GET, .status = PROTOCOL, .left = "",          \
		.lines = {                                                                         \
			ENTER(""),                                                                 \
			SMALL(name)                                                                \
		}                                                                                  \
	}

static const struct tale names[] = {
    {.what = "the truth",
     .command = GET,
     .status = OK,
     .left = "a big d d/b l ",
     .lines = {ENTER(""), SMALL("a"), BIG("big", 1 << 20), DIRECTORY("d"), LINK("l", "../victim"),
	       ENTER("d"), SMALL("b")}},
    NAME(".."),
    NAME("."),
    NAME(""),
    NAME("/"),
    NAME("../victim"),
    NAME("d/../../victim"),
    NAME("/tmp/victim"),
    NAME("d/b"),
    NAME("a\0b"),
    NAME("\0"),
    NAME(".ftx"),
    NAME(".ftx-0123.part"),
    NAME(LONG_NAME),
};

Test(liar, T35_names_that_lead_elsewhere_are_not_made)
{
	liar_try(names, COUNT(names));
}

static const struct tale orders[] = {
    {.what = "a file below a link",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), LINK("l", ".."), ENTER("l"), SMALL("victim")},
     .left = ""},
    {.what = "a link that becomes a directory",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), LINK("l", ".."), DIRECTORY("l"), ENTER("l"), SMALL("victim")},
     .left = ""},
    {.what = "a directory that becomes a link",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), DIRECTORY("l"), LINK("l", ".."), ENTER("l"), SMALL("victim")},
     .left = ""},
    {.what = "a directory above",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), DIRECTORY("d"), ENTER("d/.."), SMALL("victim")},
     .left = ""},
    {.what = "a directory without its entry",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), SMALL("a"), ENTER("d"), SMALL("b")},
     .left = ""},
    {.what = "a name twice",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), SMALL("a"), SMALL("a")},
     .left = ""},
    {.what = "names in no order",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), SMALL("b"), SMALL("a")},
     .left = ""},
    {.what = "an entry before the directory",
     .command = GET,
     .status = PROTOCOL,
     .lines = {SMALL("a")},
     .left = ""},
    {.what = "the directory twice",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), ENTER("")},
     .left = ""},
    {.what = "a link without a target",
     .command = GET,
     .status = PROTOCOL,
     .lines = {ENTER(""), LINK("l", "")},
     .left = ""},
    {.what = "a device",
     .command = GET,
     .status = OK, /* skipped and counted */
     .lines = {ENTER(""), {.type = 6, BYTES("null")}, {.type = 7, BYTES("sda")}},
     .left = ""},
};

Test(liar, T35_a_listing_out_of_order_makes_nothing)
{
	liar_try(orders, COUNT(orders));
}

/* FETCH: the first item is not what it should be. */
static bool
spoiled_pack(struct liar *l, void (*spoil)(struct fetched *item))
{
	static struct fetched items[LIMIT_ENTRIES];
	struct message m = {.type = MESSAGE_FETCHED};
	uint32_t count;

	if (l->message.type != MESSAGE_FETCH)
		return false;
	count = liar_items(l, items);
	spoil(&items[0]);
	m.fetched.count = (uint16_t)count;
	return liar_tell_pack(l, items, count, (const uint8_t *)LIAR_TEXT LIAR_TEXT,
			      count * LIAR_BYTES) &&
	       liar_tell(l, &m);
}

static void
another_index(struct fetched *item)
{
	item->index = 1;
}

static void
another_size(struct fetched *item)
{
	item->size = LIMIT_GROUP_BYTES;
	item->flags = 0;
}

static void
another_digest(struct fetched *item)
{
	item->digest[3] ^= 1;
}

static void
another_type(struct fetched *item)
{
	item->metadata.type = ENTRY_SYMLINK;
}

static bool
tell_another_index(struct liar *l)
{
	return spoiled_pack(l, another_index);
}

static bool
tell_another_size(struct liar *l)
{
	return spoiled_pack(l, another_size);
}

static bool
tell_another_digest(struct liar *l)
{
	return spoiled_pack(l, another_digest);
}

static bool
tell_another_type(struct liar *l)
{
	return spoiled_pack(l, another_type);
}

/* As long as the client listens. */
static bool
tell_nothing_for_ever(struct liar *l)
{
	if (l->message.type != MESSAGE_FETCH)
		return false;
	while (liar_tell_pack(l, NULL, 0, NULL, 0))
		;
	return true;
}

static bool
tell_too_few_files(struct liar *l)
{
	return l->message.type == MESSAGE_FETCH && liar_answer(l, MESSAGE_FETCHED);
}

/* READ: its first chunk, or what is said instead. */
static bool
tell_chunk(struct liar *l, uint64_t offset, uint32_t length, void (*spoil)(struct message_data *d))
{
	struct message m = liar_chunk(offset, length);

	if (l->message.type != MESSAGE_READ)
		return false;
	if (spoil != NULL)
		spoil(&m.data);
	(void)liar_tell(l, &m);
	liar_linger(l);
	return true;
}

static bool
tell_elsewhere(struct liar *l)
{
	return tell_chunk(l, LIMIT_BLOCK_BYTES, LIMIT_CHUNK_BYTES, NULL);
}

static bool
tell_beyond(struct liar *l)
{
	return tell_chunk(l, LIMIT_FILE_BYTES, 1, NULL);
}

static void
as_a_bomb(struct message_data *d)
{
	/* A zstd frame of one block that repeats a byte 128 Ki times, and says 2^62 of content. */
	static const uint8_t bomb[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0,    0,  0,
				       0,    0,	   0,	 0x40, 0x03, 0, 0x10, 'x'};

	d->codec = CODEC_ZSTD;
	d->data = (struct span){bomb, sizeof(bomb)};
}

static bool
tell_a_bomb(struct liar *l)
{
	return tell_chunk(l, 0, LIMIT_CHUNK_BYTES, as_a_bomb);
}

static bool
tell_more_than_all(struct liar *l)
{
	struct message m = {.type = MESSAGE_DATA_HOLE};

	if (l->message.type != MESSAGE_READ)
		return false;
	m.data_hole.length = LIMIT_FILE_BYTES;
	(void)liar_tell(l, &m);
	liar_linger(l);
	return true;
}

static bool
tell_another_chunk(struct liar *l)
{
	const struct message_read read = l->message.read;
	struct message m = {.type = MESSAGE_DONE};

	if (l->message.type != MESSAGE_READ)
		return false;
	for (uint32_t i = 0; i < read.ranges.count; i++) {
		const struct range *range = &read.ranges.items[i];
		struct message chunk = liar_chunk(range->offset, LIMIT_CHUNK_BYTES);

		chunk.data.digest[0] ^= 1;
		for (; chunk.data.offset < range->offset + range->length;
		     chunk.data.offset += LIMIT_CHUNK_BYTES)
			if (!liar_tell(l, &chunk))
				return true;
	}
	m.done.identity = read.identity;
	return liar_tell(l, &m);
}

static bool
tell_that_it_changed(struct liar *l)
{
	struct message m = {.type = MESSAGE_DONE};

	if (l->message.type != MESSAGE_READ)
		return false;
	m.done.identity = l->message.read.identity;
	m.done.identity.inode += ++l->step;
	return liar_tell(l, &m);
}

#define SMALL_ONES                                                                                 \
	{                                                                                          \
		ENTER(""), SMALL("a"), SMALL("b")                                                  \
	}
#define ONE_BIG                                                                                    \
	{                                                                                          \
		ENTER(""), BIG("f", 1 << 20)                                                       \
	}

static const struct tale contents[] = {
    {"a file nobody asked for", GET, PROTOCOL, "", SMALL_ONES, tell_another_index},
    {"a file of another size", GET, PROTOCOL, "", SMALL_ONES, tell_another_size},
    {"a file of another digest", GET, DIFFERENT, "b ", SMALL_ONES, tell_another_digest},
    {"a link instead of a file", GET, PROTOCOL, "", SMALL_ONES, tell_another_type},
    {"packs of nothing", GET, PROTOCOL, "", SMALL_ONES, tell_nothing_for_ever},
    {"fewer files", GET, PROTOCOL, "", SMALL_ONES, tell_too_few_files},
    {"a chunk of another place", GET, PROTOCOL, NULL, ONE_BIG, tell_elsewhere},
    {"a chunk behind the end", GET, PROTOCOL, NULL, ONE_BIG, tell_beyond},
    {"a bomb", GET, PROTOCOL, NULL, ONE_BIG, tell_a_bomb},
    {"a hole of all there can be", GET, PROTOCOL, NULL, ONE_BIG, tell_more_than_all},
    {"chunks of another digest", GET, DIFFERENT, NULL, ONE_BIG, tell_another_chunk},
    {"a file that changes whenever it is read", GET, 4, "", ONE_BIG, tell_that_it_changed},
    {"a file as large as can be",
     GET,
     NO_SPACE,
     NULL,
     {ENTER(""), BIG("f", LIMIT_FILE_BYTES)},
     NULL},
    {"a file larger than can be",
     GET,
     PROTOCOL,
     "",
     {ENTER(""), BIG("f", LIMIT_FILE_BYTES + 1)},
     NULL},
};

Test(liar, T35_content_that_is_another_is_not_taken_for_it)
{
	liar_try(contents, COUNT(contents));
}

/* A directory with so many names, none of which is to be made. */
static bool
tell_names(struct liar *l, unsigned messages)
{
	enum { LINES = 512 };
	static struct listed lines[LINES];
	static char texts[LINES][16];
	struct message m = {.type = MESSAGE_ENTRIES};

	if (l->message.type != MESSAGE_NEXT)
		return false;
	for (uint8_t part = 0; part < l->message.next.parts; part++) {
		if (l->step == messages) {
			m = (struct message){.type = MESSAGE_LIST_DONE};
			m.list_done.count = (uint64_t)messages * LINES;
			return liar_tell(l, &m);
		}
		for (unsigned i = 0; i < LINES; i++) {
			snprintf(texts[i], sizeof(texts[i]), "%010u", l->step * LINES + i);
			lines[i] = (struct listed){.path = span_of(texts[i])};
			lines[i].attributes.metadata.type = ENTRY_FIFO;
		}
		if (l->step == 0) {
			lines[0].kind = 1;
			lines[0].path.length = 0;
			lines[0].attributes.metadata.type = ENTRY_DIRECTORY;
		}
		m.entries.lines.items = lines;
		m.entries.lines.count = LINES;
		l->step++;
		if (!liar_tell(l, &m))
			return true;
	}
	return liar_answer(l, MESSAGE_MORE);
}

static bool
tell_200000_names(struct liar *l)
{
	return tell_names(l, 400);
}

static bool
tell_40000_names(struct liar *l)
{
	return tell_names(l, 80);
}

/* More parts than were asked for. */
static bool
tell_names_for_ever(struct liar *l)
{
	struct listed line = {.kind = 1};
	struct message m = {.type = MESSAGE_ENTRIES};
	char name[16];

	if (l->message.type != MESSAGE_NEXT)
		return false;
	line.attributes.metadata.type = ENTRY_DIRECTORY;
	m.entries.lines.items = &line;
	m.entries.lines.count = 1;
	while (liar_tell(l, &m)) {
		snprintf(name, sizeof(name), "%010u", l->step++);
		line = (struct listed){.path = span_of(name)};
		line.attributes.metadata.type = ENTRY_FIFO;
	}
	return true;
}

static const struct tale lists[] = {
    {"200,000 names", GET, OK, "", {{0}}, tell_200000_names},
    {"40,000 names, by ls", "ls URL", OK, "", {{0}}, tell_40000_names},
    {"names for ever", GET, PROTOCOL, "", {{0}}, tell_names_for_ever},
};

Test(liar, T26_T35_a_long_listing_takes_no_memory)
{
	liar_try(lists, COUNT(lists));
}
