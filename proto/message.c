#include "proto/message.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "proto/cursor.h"
#include "proto/errors.h"

struct span
span_of(const char *text)
{
	return (struct span){.data = (const uint8_t *)text, .length = strlen(text)};
}

/* What is left of a message_arena. */
struct arena {
	uint8_t *next;
	size_t left;
};

/* NULL where it does not fit.  Every piece is aligned like the arena itself. */
static void *
arena_take(struct arena *a, size_t bytes)
{
	uint8_t *piece = a->next;

	bytes = (bytes + 7u) & ~(size_t)7u;
	if (bytes > a->left)
		return NULL;
	a->next += bytes;
	a->left -= bytes;
	return piece;
}

/*
 * A function for each structure and message, made from the rows of messages.def: a listing is
 * millions of lines, and going from row to row for each of them costs ten times as much.
 */

/* clang-format off */
/* MIN_structure: bytes of its shortest encoding. */
#define STRUCTURE(name, doc)            enum { MIN_##name = 0
#define END_STRUCTURE(name)             };
#define MESSAGE(NAME, name, number, sender, kind, states, doc) enum { MIN_message_##name = 0
#define END_MESSAGE(NAME, name)         };
#define U8(name, max, doc)              + 1
#define U16(name, max, doc)             + 2
#define U32(name, max, doc)             + 4
#define U64(name, max, doc)             + 8
#define S64(name, doc)                  + 8
#define FLAGS8(name, mask, doc)         + 1
#define FLAGS16(name, mask, doc)        + 2
#define BYTES(name, n, doc)             + (n)
#define STRING(name, max, doc)          + 2
#define PAYLOAD(name, max, doc)         + 4
#define NESTED(name, structure, doc)    + MIN_##structure
#define LIST(name, structure, max, doc) + 4
#include "proto/messages.def"
/* clang-format on */

/* Is it not more than max?  A function, as some fields can have no more. */
static inline bool
within(uint64_t value, uint64_t max)
{
	return value <= max;
}

/* The next so many bytes, NULL where fewer are left. */
static inline const uint8_t *
take(struct get_cursor *c, size_t bytes)
{
	const uint8_t *at = c->next;

	if (bytes > c->left)
		return NULL;
	c->next += bytes;
	c->left -= bytes;
	return at;
}

/* bytes: 1, 2, 4 or 8. */
static inline bool
take_integer(struct get_cursor *c, size_t bytes, uint64_t *value)
{
	const uint8_t *at = take(c, bytes);
	uint64_t v = 0;

	if (at == NULL)
		return false;
	memcpy(&v, at, bytes);
	*value = le64toh(v);
	return true;
}

static inline bool
take_at_most(struct get_cursor *c, size_t bytes, uint64_t max, uint64_t *value)
{
	return take_integer(c, bytes, value) && within(*value, max);
}

static inline bool
take_flags(struct get_cursor *c, size_t bytes, uint64_t mask, uint64_t *value)
{
	return take_integer(c, bytes, value) && (*value & ~mask) == 0;
}

/* length_bytes: of the length on the wire. */
static inline bool
take_span(struct get_cursor *c, size_t length_bytes, uint64_t max, struct span *span)
{
	uint64_t length;

	if (!take_at_most(c, length_bytes, max, &length))
		return false;
	span->data = take(c, length);
	span->length = length;
	return span->data != NULL;
}

/* Room for the structures of a list, whose count is taken; item_min: bytes of the shortest one. */
static bool
take_list(struct get_cursor *c, struct arena *a, uint64_t max, size_t item_min, size_t item_bytes,
	  uint32_t *count, void **items)
{
	uint64_t n;

	*items = NULL;
	/* The product is below 2^32 times the size of one structure. */
	if (!take_at_most(c, sizeof(*count), max, &n) || n * item_min > c->left)
		return false;
	*count = (uint32_t)n;
	return n == 0 || (*items = arena_take(a, n * item_bytes)) != NULL;
}

/* clang-format off */
#define NEED(ok)                        if (!(ok)) return FTX_E_PROTOCOL;
#define TAKE(how, bytes, limit, field, type) { \
		uint64_t value; \
		NEED(how(c, bytes, limit, &value)) \
		o->field = (type)value; \
	}
#define DECODER(name, struct_name) \
static int \
decode_##name(struct get_cursor *c, struct arena *a, struct struct_name *o) \
{ \
	(void)c, (void)a, (void)o;
#define STRUCTURE(name, doc)            DECODER(name, name)
#define END_STRUCTURE(name)             return 0; }
#define MESSAGE(NAME, name, number, sender, kind, states, doc) DECODER(message_##name, message_##name)
#define END_MESSAGE(NAME, name)         return 0; }
#define U8(name, max, doc)              TAKE(take_at_most, 1, max, name, uint8_t)
#define U16(name, max, doc)             TAKE(take_at_most, 2, max, name, uint16_t)
#define U32(name, max, doc)             TAKE(take_at_most, 4, max, name, uint32_t)
#define U64(name, max, doc)             TAKE(take_at_most, 8, max, name, uint64_t)
#define S64(name, doc)                  TAKE(take_at_most, 8, UINT64_MAX, name, int64_t)
#define FLAGS8(name, mask, doc)         TAKE(take_flags, 1, mask, name, uint8_t)
#define FLAGS16(name, mask, doc)        TAKE(take_flags, 2, mask, name, uint16_t)
#define BYTES(name, n, doc)             NEED(get_bytes(c, o->name, n) == 0)
#define STRING(name, max, doc)          NEED(take_span(c, sizeof(uint16_t), max, &o->name))
#define PAYLOAD(name, max, doc)         NEED(take_span(c, sizeof(uint32_t), max, &o->name))
#define NESTED(name, structure, doc)    NEED(decode_##structure(c, a, &o->name) == 0)
#define LIST(name, structure, max, doc) { \
		struct structure *items; \
		void *room; \
		NEED(take_list(c, a, max, MIN_##structure, sizeof(*items), &o->name.count, &room)) \
		items = room; \
		for (size_t i = 0; i < o->name.count; i++) \
			NEED(decode_##structure(c, a, &items[i]) == 0) \
		o->name.items = items; \
	}
#include "proto/messages.def"
#undef TAKE
#undef DECODER
/* clang-format on */

static int
decode_body(struct get_cursor *c, struct arena *a, struct message *m)
{
	switch (m->type) {
#define MESSAGE(NAME, name, number, sender, kind, states, doc)                                     \
	case MESSAGE_##NAME:                                                                       \
		return decode_message_##name(c, a, &m->name);
#include "proto/messages.def"
	}
	return FTX_E_PROTOCOL;
}

int
message_decode(struct message *m, struct message_arena *arena, const uint8_t *plain, size_t length)
{
	struct get_cursor c = get_cursor_over(plain, length);
	struct arena a = {arena->bytes, sizeof(arena->bytes)};
	uint8_t type;
	int r;

	if (get_u8(&c, &type) != 0)
		return FTX_E_PROTOCOL;
	m->type = (enum message_type)type;
	if ((r = decode_body(&c, &a, m)) != 0)
		return r;
	return get_end(&c);
}

static inline bool
add_integer(struct put_cursor *c, size_t bytes, uint64_t value)
{
	value = htole64(value);
	if (bytes > c->left)
		return false;
	memcpy(c->next, &value, bytes);
	c->next += bytes;
	c->left -= bytes;
	return true;
}

static inline bool
add_at_most(struct put_cursor *c, size_t bytes, uint64_t max, uint64_t value)
{
	return within(value, max) && add_integer(c, bytes, value);
}

static inline bool
add_flags(struct put_cursor *c, size_t bytes, uint64_t mask, uint64_t value)
{
	return (value & ~mask) == 0 && add_integer(c, bytes, value);
}

static inline bool
add_span(struct put_cursor *c, size_t length_bytes, uint64_t max, const struct span *span)
{
	return add_at_most(c, length_bytes, max, span->length) &&
	       put_bytes(c, span->data, span->length) == 0;
}

/* clang-format off */
#define ENCODER(name, struct_name) \
static int \
encode_##name(struct put_cursor *c, const struct struct_name *o) \
{ \
	(void)c, (void)o;
#define STRUCTURE(name, doc)            ENCODER(name, name)
#define END_STRUCTURE(name)             return 0; }
#define MESSAGE(NAME, name, number, sender, kind, states, doc) ENCODER(message_##name, message_##name)
#define END_MESSAGE(NAME, name)         return 0; }
#define U8(name, max, doc)              NEED(add_at_most(c, 1, max, o->name))
#define U16(name, max, doc)             NEED(add_at_most(c, 2, max, o->name))
#define U32(name, max, doc)             NEED(add_at_most(c, 4, max, o->name))
#define U64(name, max, doc)             NEED(add_at_most(c, 8, max, o->name))
#define S64(name, doc)                  NEED(add_integer(c, 8, (uint64_t)o->name))
#define FLAGS8(name, mask, doc)         NEED(add_flags(c, 1, mask, o->name))
#define FLAGS16(name, mask, doc)        NEED(add_flags(c, 2, mask, o->name))
#define BYTES(name, n, doc)             NEED(put_bytes(c, o->name, n) == 0)
#define STRING(name, max, doc)          NEED(add_span(c, sizeof(uint16_t), max, &o->name))
#define PAYLOAD(name, max, doc)         NEED(add_span(c, sizeof(uint32_t), max, &o->name))
#define NESTED(name, structure, doc)    NEED(encode_##structure(c, &o->name) == 0)
#define LIST(name, structure, max, doc) \
	NEED(add_at_most(c, sizeof(uint32_t), max, o->name.count)) \
	for (size_t i = 0; i < o->name.count; i++) \
		NEED(encode_##structure(c, &o->name.items[i]) == 0)
#include "proto/messages.def"
#undef ENCODER
#undef NEED
/* clang-format on */

static int
encode_body(struct put_cursor *c, const struct message *m)
{
	switch (m->type) {
#define MESSAGE(NAME, name, number, sender, kind, states, doc)                                     \
	case MESSAGE_##NAME:                                                                       \
		return encode_message_##name(c, &m->name);
#include "proto/messages.def"
	}
	assert(false); /* there is no such message */
	return FTX_E_PROTOCOL;
}

int
message_encode(const struct message *m, uint8_t *plain, size_t capacity, size_t *length)
{
	struct put_cursor c = put_cursor_over(plain, capacity);
	int r;

	if ((r = put_u8(&c, (uint8_t)m->type)) != 0 || (r = encode_body(&c, m)) != 0)
		return r;
	*length = capacity - c.left;
	return 0;
}

size_t
message_head_bytes(enum message_type type)
{
	const struct message_info *info = message_info((unsigned)type);
	bool has_payload = false;

	assert(info != NULL);
	for (size_t i = 0; i < info->body.field_count; i++) {
		enum field_kind kind = info->body.fields[i].kind;

		if (kind == FIELD_STRING || kind == FIELD_LIST)
			return 0;
		has_payload = kind == FIELD_PAYLOAD;
	}
	/* The shortest form has the payload's length and no byte of it. */
	return has_payload ? 1 + structure_min_bytes(&info->body) : 0;
}
