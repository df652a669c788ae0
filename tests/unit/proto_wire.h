/*
 * Writes messages byte by byte from the rows of messages.def, with any value in any field: what
 * message_encode() would refuse too.  It shares no code with the encoder.
 */
#ifndef TESTS_UNIT_PROTO_WIRE_H
#define TESTS_UNIT_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/*
 * Fields are numbered from 0 in the order of the wire, nested ones in their place.  Lists have
 * list_items items, strings and payloads string_bytes bytes, integers are 0; but field `target`
 * gets `value` as its value, length or count.
 */
struct wire_plan {
	uint32_t list_items;
	size_t string_bytes;
	size_t target;
	uint64_t value;
	bool hollow;	  /* the target's length or count is there, what it announces is not */
	bool most;	  /* strings and payloads of at most string_bytes, and of bytes 0xff */
	uint64_t *random; /* state; not NULL: lengths, counts and values at random */
};
#define WIRE_NO_TARGET SIZE_MAX

struct wire {
	uint8_t *bytes; /* exactly length long, so that a sanitizer sees each byte too far */
	size_t length;
	size_t field_count;
	const struct field_info *target; /* the row of plan.target, or NULL */
};

/* Made with malloc(): wire_release(). */
struct wire wire_make(const struct message_info *info, const struct wire_plan *plan);
void wire_release(struct wire *w);

/* message_decode() with an arena of its own, in a copy of exactly length bytes. */
int wire_decode(const uint8_t *bytes, size_t length);

/* Decodes, encodes again and compares; says on stderr what was wrong. */
bool wire_survives(const struct wire *w);

/* The next number of a seeded generator (splitmix64). */
uint64_t random_next(uint64_t *state);

#endif
