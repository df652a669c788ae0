/*
 * The rows of messages.def as constant tables, and walking them.
 *
 * offsetof() needs the name of the struct that a field belongs to, and a field's row does not say
 * it.  So every structure and message gets a block of its own, in which the struct is called
 * "self", and its tables are static in that block; the blocks are the cases of one switch.
 */
#include "proto/message.h"

#include <assert.h>
#include <string.h>

/* The words of the column "states". */
enum { NEW = STATE_NEW, HELLO_SENT = STATE_HELLO_SENT, OPEN = STATE_OPEN };

/* clang-format off */
#define KEY_OF_STRUCTURE(id) (MESSAGE_TYPE_MAX + 1u + (unsigned)(id))

#define ROW(name, kind, limit, structure, doc) \
			{#name, doc, kind, offsetof(self, name), limit, structure},
/* The last row is empty: ISO C has no empty arrays. */
#define LAST_ROW \
			{NULL, NULL, FIELD_U8, 0, 0, STRUCTURE_NONE}
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]) - 1)

/* The struct message_info of a type, the struct structure_info of a structure's key, or NULL. */
static const void *
row_of(unsigned key)
{
	switch (key) {
#define STRUCTURE(name, doc) \
	case KEY_OF_STRUCTURE(STRUCTURE_##name): { \
		typedef struct name self; \
		static const char about[] = doc; \
		static const struct field_info rows[] = {
#define END_STRUCTURE(name) \
			LAST_ROW \
		}; \
		static const struct structure_info info = { \
		    #name, about, sizeof(self), rows, ROW_COUNT}; \
		return &info; \
	}
#define MESSAGE(NAME, name, number, sender, kind, states, doc) \
	case MESSAGE_##NAME: { \
		typedef struct message_##name self; \
		enum { of_sender = SENDER_##sender, of_kind = KIND_##kind, of_states = states }; \
		static const char about[] = doc; \
		static const struct field_info rows[] = {
#define END_MESSAGE(NAME, name) \
			LAST_ROW \
		}; \
		static const struct message_info info = { \
		    #NAME, about, MESSAGE_##NAME, (enum message_sender)of_sender, \
		    (enum message_kind)of_kind, of_states, \
		    {#name, about, sizeof(self), rows, ROW_COUNT}}; \
		return &info; \
	}
#define U8(name, max, doc)              ROW(name, FIELD_U8, max, STRUCTURE_NONE, doc)
#define U16(name, max, doc)             ROW(name, FIELD_U16, max, STRUCTURE_NONE, doc)
#define U32(name, max, doc)             ROW(name, FIELD_U32, max, STRUCTURE_NONE, doc)
#define U64(name, max, doc)             ROW(name, FIELD_U64, max, STRUCTURE_NONE, doc)
#define S64(name, doc)                  ROW(name, FIELD_S64, UINT64_MAX, STRUCTURE_NONE, doc)
#define FLAGS8(name, mask, doc)         ROW(name, FIELD_FLAGS8, mask, STRUCTURE_NONE, doc)
#define FLAGS16(name, mask, doc)        ROW(name, FIELD_FLAGS16, mask, STRUCTURE_NONE, doc)
#define BYTES(name, n, doc)             ROW(name, FIELD_BYTES, n, STRUCTURE_NONE, doc)
#define STRING(name, max, doc)          ROW(name, FIELD_STRING, max, STRUCTURE_NONE, doc)
#define PAYLOAD(name, max, doc)         ROW(name, FIELD_PAYLOAD, max, STRUCTURE_NONE, doc)
#define NESTED(name, structure, doc)    ROW(name, FIELD_NESTED, 1, STRUCTURE_##structure, doc)
#define LIST(name, structure, max, doc) ROW(name, FIELD_LIST, max, STRUCTURE_##structure, doc)
#include "proto/messages.def"
	}
	return NULL;
}
/* clang-format on */

const struct message_info *
message_info(unsigned type)
{
	return type <= MESSAGE_TYPE_MAX ? row_of(type) : NULL;
}

const struct structure_info *
structure_info(enum structure_id id)
{
	const struct structure_info *info = row_of(KEY_OF_STRUCTURE(id));

	assert(info != NULL);
	return info;
}

size_t
field_width(enum field_kind kind)
{
	switch (kind) {
	case FIELD_U8:
	case FIELD_FLAGS8:
		return 1;
	case FIELD_U16:
	case FIELD_FLAGS16:
		return 2;
	case FIELD_U32:
		return 4;
	case FIELD_U64:
	case FIELD_S64:
		return 8;
	case FIELD_BYTES:
	case FIELD_STRING:
	case FIELD_PAYLOAD:
	case FIELD_NESTED:
	case FIELD_LIST:
		break;
	}
	return 0;
}

uint64_t
field_value(const struct field_info *f, const void *object)
{
	const uint8_t *place = (const uint8_t *)object + f->offset;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	assert(field_width(f->kind) > 0);
	switch (field_width(f->kind)) {
	case 1:
		return *place;
	case 2:
		memcpy(&v16, place, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, place, sizeof(v32));
		return v32;
	case 8:
		memcpy(&v64, place, sizeof(v64));
		return v64;
	}
	return 0;
}

void
field_set_value(const struct field_info *f, void *object, uint64_t value)
{
	uint8_t *place = (uint8_t *)object + f->offset;
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	assert(field_width(f->kind) > 0);
	switch (field_width(f->kind)) {
	case 1:
		*place = (uint8_t)value;
		return;
	case 2:
		memcpy(place, &v16, sizeof(v16));
		return;
	case 4:
		memcpy(place, &v32, sizeof(v32));
		return;
	case 8:
		memcpy(place, &value, sizeof(value));
		return;
	}
}

static size_t
field_min_bytes(const struct field_info *f)
{
	switch (f->kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_S64:
	case FIELD_FLAGS8:
	case FIELD_FLAGS16:
		return field_width(f->kind);
	case FIELD_BYTES:
		return f->limit;
	case FIELD_STRING:
		return sizeof(uint16_t);
	case FIELD_PAYLOAD:
	case FIELD_LIST:
		return sizeof(uint32_t);
	case FIELD_NESTED:
		return structure_min_bytes(structure_info(f->structure));
	}
	return 0;
}

size_t
structure_min_bytes(const struct structure_info *s)
{
	size_t bytes = 0;

	for (size_t i = 0; i < s->field_count; i++)
		bytes += field_min_bytes(&s->fields[i]);
	return bytes;
}

/* The members of the union all begin at the same place. */
const void *
message_body(const struct message *m)
{
	return (const uint8_t *)m + offsetof(struct message, hello);
}

void *
message_body_mutable(struct message *m)
{
	return (uint8_t *)m + offsetof(struct message, hello);
}
