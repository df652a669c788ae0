/*
 * Messages of FTX/1 as C structs, and their codec (PROTOCOL.md, "Messages").
 *
 * Life cycle: a struct message is filled by hand or by message_decode().  After decoding, spans and
 * lists in it borrow from the record's plaintext and from the arena: they live until either is
 * used again.  Nothing here allocates and nothing does I/O.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/limits.h"

/* Borrowed bytes.  Not terminated. */
struct span {
	const uint8_t *data;
	size_t length;
};

/* A span over the bytes of a C string, without its terminator. */
struct span span_of(const char *text);

/* clang-format off */
/* struct identity, struct range, ... */
#define STRUCTURE(name, doc)          struct name {
#define END_STRUCTURE(name)           };
#define U8(name, max, doc)            uint8_t name;
#define U16(name, max, doc)           uint16_t name;
#define U32(name, max, doc)           uint32_t name;
#define U64(name, max, doc)           uint64_t name;
#define S64(name, doc)                int64_t name;
#define FLAGS8(name, mask, doc)       uint8_t name;
#define FLAGS16(name, mask, doc)      uint16_t name;
#define BYTES(name, n, doc)           uint8_t name[n];
#define STRING(name, max, doc)        struct span name;
#define PAYLOAD(name, max, doc)       struct span name;
#define NESTED(name, structure, doc)  struct structure name;
#define LIST(name, structure, max, doc)                                                            \
	struct {                                                                                   \
		const struct structure *items;                                                     \
		uint32_t count;                                                                    \
	} name;
/* A message without fields still needs a member: ISO C has no empty struct. */
#define MESSAGE(NAME, name, number, sender, kind, states, doc)                                     \
	struct message_##name {                                                                    \
		char type_only;
#define END_MESSAGE(NAME, name) };
#include "proto/messages.def"
/* clang-format on */

enum message_type {
#define MESSAGE(NAME, name, number, sender, kind, states, doc) MESSAGE_##NAME = (number),
#include "proto/messages.def"
};

struct message {
	enum message_type type;
	union {
#define MESSAGE(NAME, name, number, sender, kind, states, doc) struct message_##name name;
#include "proto/messages.def"
	};
};

enum message_sender { SENDER_CLIENT = 1, SENDER_SERVER = 2, SENDER_EITHER = 3 };

enum message_kind { KIND_REQUEST, KIND_UNANSWERED, KIND_PART, KIND_ANSWER, KIND_CLOSING };

/* States of a connection, as bits (PROTOCOL.md, "States"). */
enum connection_state { STATE_NEW = 1, STATE_HELLO_SENT = 2, STATE_OPEN = 4 };

enum field_kind {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_S64,
	FIELD_FLAGS8,
	FIELD_FLAGS16,
	FIELD_BYTES,
	FIELD_STRING,
	FIELD_PAYLOAD,
	FIELD_NESTED,
	FIELD_LIST,
};

enum structure_id {
	STRUCTURE_NONE,
#define STRUCTURE(name, doc) STRUCTURE_##name,
#include "proto/messages.def"
	STRUCTURE_END
};

/* One row of a structure or message.  limit: the maximum, mask, or number of bytes or items. */
struct field_info {
	const char *name; /* NULL behind the last row */
	const char *doc;
	enum field_kind kind;
	size_t offset; /* in the C struct */
	uint64_t limit;
	enum structure_id structure; /* of FIELD_NESTED and FIELD_LIST */
};

struct structure_info {
	const char *name;
	const char *doc;
	size_t c_size; /* sizeof the C struct */
	const struct field_info *fields;
	size_t field_count;
};

struct message_info {
	const char *name; /* "HELLO" */
	const char *doc;
	enum message_type type;
	enum message_sender sender;
	enum message_kind kind;
	unsigned states; /* bits of enum connection_state in which the receiver takes it */
	struct structure_info body;
};

/* The row of a type byte, or NULL.  All rows: every type from 0 to MESSAGE_TYPE_MAX. */
#define MESSAGE_TYPE_MAX 255u
const struct message_info *message_info(unsigned type);

/* The row of a structure: every id between STRUCTURE_NONE and STRUCTURE_END. */
const struct structure_info *structure_info(enum structure_id id);

/*
 * For code that walks the rows.  Every LIST(...) field looks like a struct list.
 */
struct list {
	const void *items;
	uint32_t count;
};

/* Bytes of an integer field on the wire, 0 for the other kinds. */
size_t field_width(enum field_kind kind);

/* An integer field of the C struct at object. */
uint64_t field_value(const struct field_info *f, const void *object);
void field_set_value(const struct field_info *f, void *object, uint64_t value);

/* Bytes of the shortest encoding: strings and lists empty. */
size_t structure_min_bytes(const struct structure_info *s);

/* The message's fields, as info->body describes them. */
const void *message_body(const struct message *m);
void *message_body_mutable(struct message *m);

/*
 * Room for the decoded lists of any one message: tests/unit/proto_table.c compares it with the
 * rows.  A list that does not fit is refused like one over its maximum.
 */
#define MESSAGE_ARENA_BYTES (LIMIT_ENTRIES * 192u + 64u)
struct message_arena {
	_Alignas(8) uint8_t bytes[MESSAGE_ARENA_BYTES];
};

/*
 * Decodes one record's plaintext.  Returns 0 or FTX_E_PROTOCOL (empty, unknown type, short, over a
 * maximum, trailing bytes): *m is then undefined.  m borrows from plain and arena.
 */
int message_decode(struct message *m, struct message_arena *arena, const uint8_t *plain,
		   size_t length);

/*
 * Encodes m into plain[0..capacity), sets *length.  Returns 0, or FTX_E_PROTOCOL where a field is
 * over its maximum or the result over capacity.  A payload that already lies at its place in plain
 * (see message_head_bytes) is not copied.
 */
int message_encode(const struct message *m, uint8_t *plain, size_t capacity, size_t *length);

/*
 * Bytes before the payload of a type whose other fields have a fixed size (WRITE, DATA): where a
 * sender puts the payload so that message_encode() need not copy it.  0 for other types.
 */
size_t message_head_bytes(enum message_type type);

/*
 * Prints m on one line (without its end), for people and tests: names, numbers, strings with all
 * but printable ASCII escaped, payloads as a length, lists as a count and their first items.  Long
 * strings are cut, with their length behind them; the longest line is below MESSAGE_PRINT_BYTES.
 */
#define MESSAGE_PRINT_BYTES 32768u
void message_print(const struct message *m, FILE *out);

#endif
