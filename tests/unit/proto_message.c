#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/errors.h"
#include "proto/message.h"
#include "tests/unit/proto_wire.h"

static const struct wire_plan minimal = {.target = WIRE_NO_TARGET};
static const struct wire_plan usual = {
    .list_items = 2, .string_bytes = 3, .target = WIRE_NO_TARGET};

#define for_each_message(info)                                                                     \
	for (unsigned type_ = 0; type_ <= MESSAGE_TYPE_MAX; type_++)                               \
		if (((info) = message_info(type_)) != NULL)

static uint64_t
unsigned_max(size_t bytes)
{
	return UINT64_MAX >> (64 - 8 * bytes);
}

/* Runs check once for every field of every message, with one item in each list around it. */
static void
for_each_field(void (*check)(const struct message_info *, size_t target, const struct field_info *))
{
	const struct message_info *info;
	size_t checked = 0;

	for_each_message(info)
	{
		struct wire_plan plan = {.list_items = 1, .target = WIRE_NO_TARGET};
		struct wire w = wire_make(info, &plan);
		size_t count = w.field_count;

		wire_release(&w);
		for (plan.target = 0; plan.target < count; plan.target++) {
			w = wire_make(info, &plan);
			cr_assert_not_null(w.target);
			check(info, plan.target, w.target);
			wire_release(&w);
			checked++;
		}
	}
	cr_assert_gt(checked, 0);
}

/* A message with this value, length or count in one field. */
static struct wire
wire_with(const struct message_info *info, size_t target, uint64_t value, bool hollow)
{
	struct wire_plan plan = {
	    .list_items = 1, .target = target, .value = value, .hollow = hollow};

	return wire_make(info, &plan);
}

static void
expect_accepted(const struct message_info *info, size_t target, uint64_t value)
{
	struct wire w = wire_with(info, target, value, false);

	cr_expect(wire_survives(&w), "%s.%s = %ju", info->name, w.target->name, (uintmax_t)value);
	wire_release(&w);
}

static void
expect_refused(const struct message_info *info, size_t target, uint64_t value, bool hollow)
{
	struct wire w = wire_with(info, target, value, hollow);

	cr_expect_eq(wire_decode(w.bytes, w.length), FTX_E_PROTOCOL, "%s.%s = %ju%s", info->name,
		     w.target->name, (uintmax_t)value, hollow ? ", hollow" : "");
	wire_release(&w);
}

Test(message, T20_refuses_an_empty_record)
{
	cr_expect_eq(wire_decode(NULL, 0), FTX_E_PROTOCOL);
}

Test(message, T20_refuses_every_type_without_a_row)
{
	uint8_t bytes[300] = {0};
	size_t unknown = 0;

	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
		if (message_info(type) != NULL)
			continue;
		bytes[0] = (uint8_t)type;
		cr_expect_eq(wire_decode(bytes, 1), FTX_E_PROTOCOL, "type %u", type);
		cr_expect_eq(wire_decode(bytes, sizeof(bytes)), FTX_E_PROTOCOL, "type %u", type);
		unknown++;
	}
	cr_expect_gt(unknown, 0);
}

static void
expect_every_cut_refused(const struct message_info *info, const struct wire_plan *plan)
{
	struct wire w = wire_make(info, plan);
	uint8_t *longer = malloc(w.length + 1);

	cr_assert_not_null(longer);
	cr_expect(wire_survives(&w), "%s", info->name);
	for (size_t length = 0; length < w.length; length++)
		cr_expect_eq(wire_decode(w.bytes, length), FTX_E_PROTOCOL, "%s cut to %zu of %zu",
			     info->name, length, w.length);
	memcpy(longer, w.bytes, w.length);
	longer[w.length] = 0;
	cr_expect_eq(wire_decode(longer, w.length + 1), FTX_E_PROTOCOL, "%s and a byte behind it",
		     info->name);
	free(longer);
	wire_release(&w);
}

Test(message, T20_refuses_every_truncation_and_a_trailing_byte)
{
	const struct message_info *info;

	for_each_message(info)
	{
		expect_every_cut_refused(info, &minimal);
		expect_every_cut_refused(info, &usual);
	}
}

static void
check_integer_edges(const struct message_info *info, size_t target, const struct field_info *f)
{
	size_t width = field_width(f->kind);
	uint64_t top;

	if (width == 0)
		return;
	top = unsigned_max(width);
	if (f->kind == FIELD_FLAGS8 || f->kind == FIELD_FLAGS16) {
		expect_accepted(info, target, f->limit);
		for (size_t bit = 0; bit < 8 * width; bit++)
			if ((f->limit >> bit & 1) == 0)
				expect_refused(info, target, UINT64_C(1) << bit, false);
		return;
	}
	expect_accepted(info, target, 0);
	if (f->limit >= top) {
		expect_accepted(info, target, top);
		expect_accepted(info, target, top / 2 + 1);
		return;
	}
	expect_accepted(info, target, f->limit - 1);
	expect_accepted(info, target, f->limit);
	expect_refused(info, target, f->limit + 1, false);
	expect_refused(info, target, top, false);
}

Test(message, T20_takes_each_integer_at_its_maximum_and_refuses_it_above)
{
	for_each_field(check_integer_edges);
}

/* Where a length or count has this kind of field, its size on the wire; else 0. */
static size_t
amount_width(enum field_kind kind)
{
	if (kind == FIELD_STRING)
		return 2;
	return kind == FIELD_PAYLOAD || kind == FIELD_LIST ? 4 : 0;
}

static void
check_amount_edges(const struct message_info *info, size_t target, const struct field_info *f)
{
	if (amount_width(f->kind) == 0)
		return;
	expect_accepted(info, target, 0);
	expect_accepted(info, target, f->limit - 1);
	expect_accepted(info, target, f->limit);
	/* All that is announced is there: only the maximum can be the reason. */
	if (f->limit < unsigned_max(amount_width(f->kind)))
		expect_refused(info, target, f->limit + 1, false);
}

Test(message, T20_takes_each_string_list_and_payload_at_its_maximum_and_refuses_it_above)
{
	for_each_field(check_amount_edges);
}

static void
check_huge_amounts(const struct message_info *info, size_t target, const struct field_info *f)
{
	static const uint64_t amounts[] = {
	    1, UINT16_MAX, INT32_MAX, UINT64_C(1) << 31, UINT32_MAX - 1, UINT32_MAX};

	if (amount_width(f->kind) == 0)
		return;
	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++)
		if (amounts[i] <= unsigned_max(amount_width(f->kind)))
			expect_refused(info, target, amounts[i], true);
	expect_refused(info, target, f->limit, true);
	if (f->limit < unsigned_max(amount_width(f->kind)))
		expect_refused(info, target, f->limit + 1, true);
}

Test(message, T22_refuses_counts_and_lengths_beyond_what_is_there)
{
	for_each_field(check_huge_amounts);
}

Test(message, T22_refuses_a_count_before_it_reads_an_item)
{
	/* Two of the three items are there: were they read, the arena would be written. */
	const struct message_info *info = message_info(MESSAGE_HAVE);
	struct message_arena *arena = calloc(1, sizeof(*arena));
	static const uint8_t zeros[sizeof(arena->bytes)];
	uint8_t bytes[1 + 4 + 16 * 2] = {0};
	struct message m;

	cr_assert_not_null(info);
	cr_assert_not_null(arena);
	bytes[0] = MESSAGE_HAVE;
	bytes[1] = 3;
	bytes[5] = 1;
	cr_expect_eq(message_decode(&m, arena, bytes, sizeof(bytes)), FTX_E_PROTOCOL);
	cr_expect_arr_eq(arena->bytes, zeros, sizeof(zeros));

	/* The same of items of varying size: three names of which even the lengths lack a byte. */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = MESSAGE_REMOVE;
	bytes[3] = 3;
	cr_expect_eq(message_decode(&m, arena, bytes, 1 + 2 + 4 + 5), FTX_E_PROTOCOL);
	cr_expect_arr_eq(arena->bytes, zeros, sizeof(zeros));
	cr_expect_eq(message_decode(&m, arena, bytes, 1 + 2 + 4 + 6), 0);
	free(arena);
}

/*
 * Goes through a decoded message as wire_make() went through its rows, puts one field over its
 * maximum and expects the encoder to refuse, then puts it back.
 */
struct spoiler {
	struct message *m;
	uint8_t *room;
	size_t room_bytes;
	size_t spoiled;
};

static void
expect_encoder_refuses(struct spoiler *sp, const struct field_info *f)
{
	size_t length;

	cr_expect_eq(message_encode(sp->m, sp->room, sp->room_bytes, &length), FTX_E_PROTOCOL,
		     "%s.%s", message_info((unsigned)sp->m->type)->name, f->name);
	sp->spoiled++;
}

static void
spoil_structure(struct spoiler *sp, const struct structure_info *s, uint8_t *object)
{
	static uint8_t plenty[1024 * 1024];

	for (size_t i = 0; i < s->field_count; i++) {
		const struct field_info *f = &s->fields[i];
		uint8_t *place = object + f->offset;
		size_t width = field_width(f->kind);

		if (width > 0 && f->limit < unsigned_max(width)) {
			uint64_t before = field_value(f, object);

			field_set_value(f, object, f->limit + 1);
			expect_encoder_refuses(sp, f);
			field_set_value(f, object, before);
		} else if (f->kind == FIELD_STRING || f->kind == FIELD_PAYLOAD) {
			struct span before, span = {plenty, f->limit + 1};

			memcpy(&before, place, sizeof(before));
			memcpy(place, &span, sizeof(span));
			expect_encoder_refuses(sp, f);
			memcpy(place, &before, sizeof(before));
		} else if (f->kind == FIELD_NESTED) {
			spoil_structure(sp, structure_info(f->structure), place);
		} else if (f->kind == FIELD_LIST) {
			struct list before, list = {plenty, (uint32_t)f->limit + 1};

			memcpy(&before, place, sizeof(before));
			/* The items lie in this test's own arena. */
			spoil_structure(sp, structure_info(f->structure),
					(uint8_t *)(uintptr_t)before.items);
			memcpy(place, &list, sizeof(list));
			expect_encoder_refuses(sp, f);
			memcpy(place, &before, sizeof(before));
		}
	}
}

Test(message, T20_encoder_refuses_each_field_above_its_maximum)
{
	static struct message_arena arena;
	static uint8_t room[4 * 1024 * 1024];
	const struct message_info *info;
	size_t spoiled = 0;

	for_each_message(info)
	{
		struct wire w = wire_make(info, &usual);
		struct message m;
		struct spoiler sp = {&m, room, sizeof(room), 0};
		size_t length;

		cr_assert_eq(message_decode(&m, &arena, w.bytes, w.length), 0);
		spoil_structure(&sp, &info->body, message_body_mutable(&m));
		/* Everything is back in its place, so the refusals had their one reason. */
		cr_expect_eq(message_encode(&m, room, sizeof(room), &length), 0, "%s", info->name);
		spoiled += sp.spoiled;
		wire_release(&w);
	}
	cr_expect_gt(spoiled, 0);
}

Test(message, encoder_keeps_within_every_capacity)
{
	static struct message_arena arena;
	const struct message_info *info;

	for_each_message(info)
	{
		struct wire w = wire_make(info, &usual);
		struct message m;
		size_t length = 0;

		cr_assert_eq(message_decode(&m, &arena, w.bytes, w.length), 0);
		for (size_t capacity = 0; capacity <= w.length; capacity++) {
			uint8_t *room = malloc(capacity > 0 ? capacity : 1);
			int expected = capacity < w.length ? FTX_E_PROTOCOL : 0;

			cr_assert_not_null(room);
			cr_expect_eq(message_encode(&m, room, capacity, &length), expected,
				     "%s into %zu of %zu", info->name, capacity, w.length);
			free(room);
		}
		cr_expect_eq(length, w.length, "%s", info->name);
		wire_release(&w);
	}
}

/* FTX_TEST_SEED repeats a run. */
static uint64_t
seed_for_this_run(void)
{
	const char *text = getenv("FTX_TEST_SEED");
	struct timespec now;

	if (text != NULL)
		return strtoull(text, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(message, random_content_survives_decoding_and_encoding)
{
	const struct message_info *info;
	uint64_t seed = seed_for_this_run();
	uint64_t state = seed;

	for (int round = 0; round < 100; round++) {
		for_each_message(info)
		{
			struct wire_plan plan = {.target = WIRE_NO_TARGET, .random = &state};
			struct wire w = wire_make(info, &plan);

			cr_assert(wire_survives(&w), "%s, FTX_TEST_SEED=%ju", info->name,
				  (uintmax_t)seed);
			wire_release(&w);
		}
	}
}

Test(message, random_bytes_never_decode_to_something_that_does_not_encode)
{
	uint64_t seed = seed_for_this_run();
	uint64_t state = seed;
	uint8_t bytes[200];

	for (int round = 0; round < 50000; round++) {
		struct wire w = {.bytes = bytes};

		w.length = 1 + random_next(&state) % sizeof(bytes);
		for (size_t i = 0; i < w.length; i++)
			bytes[i] = (uint8_t)(random_next(&state) >> (random_next(&state) % 64));
		bytes[0] = (uint8_t)(random_next(&state) % 64);
		if (wire_decode(bytes, w.length) == 0)
			cr_assert(wire_survives(&w), "FTX_TEST_SEED=%ju", (uintmax_t)seed);
	}
}

/* Fields by name in the C structs: a wrong offset would go unseen where all walk the same rows. */
Test(message, c_struct_members_meet_their_bytes)
{
	static const uint8_t expected[] = {
	    0x1a,					    /* READ */
	    3,	  0,	's',  '/',  'f',		    /* path */
	    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* identity: size */
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* mtime_s */
	    0x04, 0x03, 0x02, 0x01,			    /* mtime_ns */
	    0x09, 0,	0,    0,    0,	  0,	0,    0,    /* inode */
	    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* ctime_s */
	    0x05, 0,	0,    0,			    /* ctime_ns */
	    3,	  7,					    /* compress, level */
	    1,	  0,	0,    0,			    /* one range */
	    0x0a, 0,	0,    0,    0,	  0,	0,    0,    /* offset */
	    0x0b, 0x01, 0,    0,    0,	  0,	0,    0,    /* length */
	};
	static const struct range range = {.offset = 10, .length = 267};
	static struct message_arena arena;
	struct message m = {.type = MESSAGE_READ,
			    .read = {.path = span_of("s/f"),
				     .identity = {.size = 0x1122334455667788,
						  .mtime_s = -1,
						  .mtime_ns = 0x01020304,
						  .inode = 9,
						  .ctime_s = -2,
						  .ctime_ns = 5},
				     .compress = 3,
				     .level = 7,
				     .ranges = {&range, 1}}};
	uint8_t bytes[sizeof(expected)];
	size_t length = 0;

	cr_assert_eq(message_encode(&m, bytes, sizeof(bytes), &length), 0);
	cr_assert_eq(length, sizeof(expected));
	cr_expect_arr_eq(bytes, expected, sizeof(expected));

	memset(&m, 0xee, sizeof(m));
	cr_assert_eq(message_decode(&m, &arena, expected, sizeof(expected)), 0);
	cr_expect_eq(m.type, MESSAGE_READ);
	cr_expect_eq(m.read.path.length, 3);
	cr_expect_eq(m.read.path.data, expected + 3, "strings are borrowed");
	cr_expect_eq(m.read.identity.size, 0x1122334455667788);
	cr_expect_eq(m.read.identity.mtime_s, -1);
	cr_expect_eq(m.read.identity.mtime_ns, 0x01020304);
	cr_expect_eq(m.read.identity.ctime_ns, 5);
	cr_expect_eq(m.read.level, 7);
	cr_expect_eq(m.read.ranges.count, 1);
	cr_expect_eq(m.read.ranges.items[0].offset, 10);
	cr_expect_eq(m.read.ranges.items[0].length, 267);
}

/* A list whose items have strings of their own, one of them in a structure in the item. */
Test(message, strings_of_listed_items_meet_their_bytes)
{
	static const uint8_t expected[] = {
	    0x1f,						  /* OFFER */
	    1,	  0,	's',					  /* base */
	    2,	  0,	0,    0,				  /* two nodes */
	    3,	  0,	'a',  '/',  'b',			  /* path */
	    0x08, 0x07, 0,    0,    0,	  0,	0,    0,	  /* size */
	    1,							  /* metadata: type */
	    0xed, 0x09,						  /* mode */
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,	  /* mtime_s */
	    0x04, 0x03, 0x02, 0x01,				  /* mtime_ns */
	    0x07, 0x00,						  /* flags */
	    0x0d, 0x0c, 0x0b, 0x0a,				  /* uid */
	    0x11, 0x22, 0x33, 0x44,				  /* gid */
	    1,	  0,	'u',					  /* user */
	    2,	  0,	'g',  'h',				  /* group */
	    4,	  0,	0,    1,    2,	  3,			  /* xattrs */
	    0,	  0,						  /* target */
	    0,	  0,						  /* path */
	    0,	  0,	0,    0,    0,	  0,	0,    0,	  /* size */
	    3,							  /* metadata: type */
	    0,	  0,	0,    0,    0,	  0,	0,    0,    0, 0, /* mode, mtime_s */
	    0,	  0,	0,    0,    0,	  0,			  /* mtime_ns, flags */
	    0,	  0,	0,    0,    0,	  0,	0,    0,	  /* uid, gid */
	    0,	  0,	0,    0,    0,	  0,			  /* user, group, xattrs */
	    2,	  0,	'.',  '.',				  /* target */
	};
	static const uint8_t xattrs[] = {0, 1, 2, 3};
	static struct message_arena arena;
	const struct node nodes[] = {
	    {.path = span_of("a/b"),
	     .size = 0x0708,
	     .metadata = {.type = 1,
			  .mode = 04755,
			  .mtime_s = -1,
			  .mtime_ns = 0x01020304,
			  .flags = 7,
			  .uid = 0x0a0b0c0d,
			  .gid = 0x44332211,
			  .user = span_of("u"),
			  .group = span_of("gh"),
			  .xattrs = {xattrs, sizeof(xattrs)}}},
	    {.metadata = {.type = 3}, .target = span_of("..")},
	};
	struct message m = {.type = MESSAGE_OFFER,
			    .offer = {.base = span_of("s"), .nodes = {nodes, 2}}};
	const struct node *n;
	uint8_t bytes[sizeof(expected)];
	size_t length = 0;

	cr_assert_eq(message_encode(&m, bytes, sizeof(bytes), &length), 0);
	cr_assert_eq(length, sizeof(expected));
	cr_expect_arr_eq(bytes, expected, sizeof(expected));

	memset(&m, 0xee, sizeof(m));
	cr_assert_eq(message_decode(&m, &arena, expected, sizeof(expected)), 0);
	cr_assert_eq(m.offer.nodes.count, 2);
	n = m.offer.nodes.items;
	cr_expect_eq(n[0].path.data, expected + 10, "strings in lists are borrowed too");
	cr_expect_eq(n[0].path.length, 3);
	cr_expect_eq(n[0].metadata.mode, 04755);
	cr_expect_eq(n[0].metadata.flags, 7);
	cr_expect_eq(n[0].metadata.gid, 0x44332211);
	cr_expect_eq(n[0].metadata.group.length, 2);
	cr_expect_arr_eq(n[0].metadata.xattrs.data, xattrs, sizeof(xattrs));
	cr_expect_eq(n[0].target.length, 0);
	cr_expect_eq(n[1].path.length, 0);
	cr_expect_eq(n[1].metadata.type, 3);
	cr_expect_eq(n[1].target.data, expected + sizeof(expected) - 2);
}

Test(message, payload_in_its_place_is_sent_from_there)
{
	static uint8_t plain[LIMIT_RECORD_PLAIN];
	static struct message_arena arena;
	size_t head = message_head_bytes(MESSAGE_WRITE), length = 0;
	struct message m = {.type = MESSAGE_WRITE, .write = {.handle = 5, .raw_length = 3}};

	memset(plain, 0xee, sizeof(plain));
	memcpy(plain + head, "abc", 3);
	m.write.data = (struct span){plain + head, 3};
	cr_assert_eq(message_encode(&m, plain, sizeof(plain), &length), 0);
	cr_expect_eq(length, head + 3);
	cr_expect_arr_eq(plain + head, "abc", 3);
	cr_expect_eq(plain[length], 0xee);
	cr_assert_eq(message_decode(&m, &arena, plain, length), 0);
	cr_expect_eq(m.write.data.data, plain + head);
	cr_expect_eq(m.write.data.length, 3);
}

Test(message, the_largest_chunk_fits_into_a_record)
{
	cr_expect_eq(message_head_bytes(MESSAGE_WRITE), 35);
	cr_expect_eq(message_head_bytes(MESSAGE_DATA), 34);
	cr_expect_leq(message_head_bytes(MESSAGE_WRITE) + LIMIT_CHUNK_BYTES, LIMIT_RECORD_PLAIN);
	cr_expect_eq(message_head_bytes(MESSAGE_READ), 0);
	cr_expect_eq(message_head_bytes(MESSAGE_OK), 0);
}
