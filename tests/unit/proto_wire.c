#include "tests/unit/proto_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any plan of these tests. */
#define ROOM_BYTES (4u * 1024 * 1024)

uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

struct builder {
	const struct wire_plan *plan;
	struct wire wire;
};

static void
add(struct builder *b, const void *bytes, size_t length)
{
	if (b->wire.length + length > ROOM_BYTES)
		abort();
	memcpy(b->wire.bytes + b->wire.length, bytes, length);
	b->wire.length += length;
}

static void
add_number(struct builder *b, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)(value >> (8 * i));

		add(b, &byte, 1);
	}
}

static void
add_filler(struct builder *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint64_t v = b->plan->most ? 0xff : 'a' + i % 26;

		if (b->plan->random != NULL)
			v = random_next(b->plan->random);
		add_number(b, v, 1);
	}
}

static uint64_t
integer_for(struct builder *b, const struct field_info *f)
{
	uint64_t r;

	if (b->plan->random == NULL)
		return 0;
	/* Both small and large numbers, and the edges. */
	r = random_next(b->plan->random) >> (random_next(b->plan->random) % 64);
	if (f->kind == FIELD_FLAGS8 || f->kind == FIELD_FLAGS16)
		return r & f->limit;
	if (f->limit == UINT64_MAX)
		return r;
	return r % 8 == 0 ? f->limit : r % (f->limit + 1);
}

/* Of a string, payload or list. */
static uint64_t
amount_for(struct builder *b, const struct field_info *f, uint64_t usual)
{
	uint64_t r;

	if (b->plan->most && usual > f->limit)
		return f->limit;
	if (b->plan->random == NULL)
		return usual;
	r = random_next(b->plan->random);
	if (r % 64 == 0)
		return f->limit;
	return (r >> 32) % ((f->limit < 20 ? f->limit : 20) + 1);
}

static void
add_structure(struct builder *b, const struct structure_info *s)
{
	for (size_t i = 0; i < s->field_count; i++) {
		const struct field_info *f = &s->fields[i];
		bool hit = b->wire.field_count++ == b->plan->target;
		bool hollow = hit && b->plan->hollow;
		uint64_t n;

		if (hit)
			b->wire.target = f;
		switch (f->kind) {
		case FIELD_U8:
		case FIELD_U16:
		case FIELD_U32:
		case FIELD_U64:
		case FIELD_S64:
		case FIELD_FLAGS8:
		case FIELD_FLAGS16:
			add_number(b, hit ? b->plan->value : integer_for(b, f),
				   field_width(f->kind));
			break;
		case FIELD_BYTES:
			add_filler(b, f->limit);
			break;
		case FIELD_STRING:
		case FIELD_PAYLOAD:
			n = hit ? b->plan->value : amount_for(b, f, b->plan->string_bytes);
			add_number(b, n, f->kind == FIELD_STRING ? 2 : 4);
			add_filler(b, hollow ? 0 : n);
			break;
		case FIELD_NESTED:
			add_structure(b, structure_info(f->structure));
			break;
		case FIELD_LIST:
			n = hit ? b->plan->value : amount_for(b, f, b->plan->list_items);
			add_number(b, n, 4);
			for (uint64_t k = 0; !hollow && k < n; k++)
				add_structure(b, structure_info(f->structure));
			break;
		}
	}
}

struct wire
wire_make(const struct message_info *info, const struct wire_plan *plan)
{
	static uint8_t room[ROOM_BYTES];
	struct builder b = {.plan = plan};
	uint8_t *exact;

	b.wire.bytes = room;
	add_number(&b, (uint64_t)info->type, 1);
	add_structure(&b, &info->body);
	if ((exact = malloc(b.wire.length)) == NULL)
		abort();
	memcpy(exact, room, b.wire.length);
	b.wire.bytes = exact;
	return b.wire;
}

void
wire_release(struct wire *w)
{
	free(w->bytes);
	w->bytes = NULL;
}

/* One for all: making so large a thing anew each time costs more than the test (sanitizers). */
static struct message_arena arena;

int
wire_decode(const uint8_t *bytes, size_t length)
{
	/* Of exactly this length, so that a byte read beyond it is noticed. */
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct message m;
	int r;

	if (copy == NULL)
		abort();
	if (length > 0)
		memcpy(copy, bytes, length);
	r = message_decode(&m, &arena, copy, length);
	free(copy);
	return r;
}

bool
wire_survives(const struct wire *w)
{
	uint8_t *again = malloc(w->length);
	size_t length = 0;
	struct message m;
	const char *wrong = NULL;

	if (again == NULL)
		abort();
	if (message_decode(&m, &arena, w->bytes, w->length) != 0)
		wrong = "is not decoded";
	else if (message_encode(&m, again, w->length, &length) != 0)
		wrong = "is not encoded again";
	else if (length != w->length || memcmp(again, w->bytes, length) != 0)
		wrong = "is encoded to other bytes";
	if (wrong != NULL)
		fprintf(stderr, "type %u, %zu bytes: %s\n", w->bytes[0], w->length, wrong);
	free(again);
	return wrong == NULL;
}
