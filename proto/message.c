#include "proto/message.h"

#include <assert.h>
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

static int decode_fields(struct get_cursor *c, struct arena *a, const struct structure_info *s,
			 void *object);

static int
decode_integer(struct get_cursor *c, const struct field_info *f, void *object)
{
	uint64_t value;

	if (get_integer(c, &value, field_width(f->kind)) != 0 || !field_allows(f, value))
		return FTX_E_PROTOCOL;
	field_set_value(f, object, value);
	return 0;
}

/* length_bytes: of the length on the wire. */
static int
decode_span(struct get_cursor *c, const struct field_info *f, size_t length_bytes, void *place)
{
	struct span span = {0};
	uint64_t length;

	if (get_integer(c, &length, length_bytes) != 0 || length > f->limit ||
	    get_borrowed(c, &span.data, length) != 0)
		return FTX_E_PROTOCOL;
	span.length = length;
	memcpy(place, &span, sizeof(span));
	return 0;
}

static int
decode_list(struct get_cursor *c, struct arena *a, const struct field_info *f, void *place)
{
	const struct structure_info *s = structure_info(f->structure);
	struct list list = {0};
	uint8_t *items = NULL;
	int r;

	if (get_u32(c, &list.count) != 0 || list.count > f->limit)
		return FTX_E_PROTOCOL;
	/* The product is below 2^32 times the size of one structure. */
	if ((uint64_t)list.count * structure_min_bytes(s) > c->left)
		return FTX_E_PROTOCOL;
	if (list.count > 0 && (items = arena_take(a, list.count * s->c_size)) == NULL)
		return FTX_E_PROTOCOL;
	for (size_t i = 0; i < list.count; i++)
		if ((r = decode_fields(c, a, s, items + i * s->c_size)) != 0)
			return r;
	list.items = items;
	memcpy(place, &list, sizeof(list));
	return 0;
}

static int
decode_field(struct get_cursor *c, struct arena *a, const struct field_info *f, void *object)
{
	uint8_t *place = (uint8_t *)object + f->offset;

	switch (f->kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_S64:
	case FIELD_FLAGS8:
	case FIELD_FLAGS16:
		return decode_integer(c, f, object);
	case FIELD_BYTES:
		return get_bytes(c, place, f->limit);
	case FIELD_STRING:
		return decode_span(c, f, sizeof(uint16_t), place);
	case FIELD_PAYLOAD:
		return decode_span(c, f, sizeof(uint32_t), place);
	case FIELD_NESTED:
		return decode_fields(c, a, structure_info(f->structure), place);
	case FIELD_LIST:
		return decode_list(c, a, f, place);
	}
	return FTX_E_PROTOCOL;
}

static int
decode_fields(struct get_cursor *c, struct arena *a, const struct structure_info *s, void *object)
{
	int r;

	for (size_t i = 0; i < s->field_count; i++)
		if ((r = decode_field(c, a, &s->fields[i], object)) != 0)
			return r;
	return 0;
}

int
message_decode(struct message *m, struct message_arena *arena, const uint8_t *plain, size_t length)
{
	struct get_cursor c = get_cursor_over(plain, length);
	struct arena a = {arena->bytes, sizeof(arena->bytes)};
	const struct message_info *info;
	uint8_t type;
	int r;

	if (get_u8(&c, &type) != 0 || (info = message_info(type)) == NULL)
		return FTX_E_PROTOCOL;
	m->type = info->type;
	if ((r = decode_fields(&c, &a, &info->body, message_body_mutable(m))) != 0)
		return r;
	return get_end(&c);
}

static int encode_fields(struct put_cursor *c, const struct structure_info *s, const void *object);

static int
encode_integer(struct put_cursor *c, const struct field_info *f, const void *object)
{
	uint64_t value = field_value(f, object);

	return field_allows(f, value) ? put_integer(c, value, field_width(f->kind))
				      : FTX_E_PROTOCOL;
}

static int
encode_span(struct put_cursor *c, const struct field_info *f, size_t length_bytes,
	    const void *place)
{
	struct span span;
	int r;

	memcpy(&span, place, sizeof(span));
	if (span.length > f->limit)
		return FTX_E_PROTOCOL;
	if ((r = put_integer(c, span.length, length_bytes)) != 0)
		return r;
	return put_bytes(c, span.data, span.length);
}

static int
encode_list(struct put_cursor *c, const struct field_info *f, const void *place)
{
	const struct structure_info *s = structure_info(f->structure);
	struct list list;
	int r;

	memcpy(&list, place, sizeof(list));
	if (list.count > f->limit)
		return FTX_E_PROTOCOL;
	if ((r = put_u32(c, list.count)) != 0)
		return r;
	for (size_t i = 0; i < list.count; i++)
		if ((r = encode_fields(c, s, (const uint8_t *)list.items + i * s->c_size)) != 0)
			return r;
	return 0;
}

static int
encode_field(struct put_cursor *c, const struct field_info *f, const void *object)
{
	const uint8_t *place = (const uint8_t *)object + f->offset;

	switch (f->kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_S64:
	case FIELD_FLAGS8:
	case FIELD_FLAGS16:
		return encode_integer(c, f, object);
	case FIELD_BYTES:
		return put_bytes(c, place, f->limit);
	case FIELD_STRING:
		return encode_span(c, f, sizeof(uint16_t), place);
	case FIELD_PAYLOAD:
		return encode_span(c, f, sizeof(uint32_t), place);
	case FIELD_NESTED:
		return encode_fields(c, structure_info(f->structure), place);
	case FIELD_LIST:
		return encode_list(c, f, place);
	}
	return FTX_E_PROTOCOL;
}

static int
encode_fields(struct put_cursor *c, const struct structure_info *s, const void *object)
{
	int r;

	for (size_t i = 0; i < s->field_count; i++)
		if ((r = encode_field(c, &s->fields[i], object)) != 0)
			return r;
	return 0;
}

int
message_encode(const struct message *m, uint8_t *plain, size_t capacity, size_t *length)
{
	const struct message_info *info = message_info((unsigned)m->type);
	struct put_cursor c = put_cursor_over(plain, capacity);
	int r;

	assert(info != NULL);
	if ((r = put_u8(&c, (uint8_t)m->type)) != 0 ||
	    (r = encode_fields(&c, &info->body, message_body(m))) != 0)
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
