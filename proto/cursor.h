/*
 * Bounds-checked reading and writing of little-endian structures: the messages of the wire, and
 * whatever else is laid out byte by byte (the journal's header, extended attributes).
 *
 * Every function moves the cursor behind what it read or wrote and returns 0, or returns
 * FTX_E_PROTOCOL where too little is left; the cursor and *value are then unchanged.  Meant to be
 * chained:
 *
 *	if ((r = get_u32(&c, &magic)) != 0 || (r = get_bytes(&c, key, sizeof(key))) != 0)
 *		return r;
 */
#ifndef PROTO_CURSOR_H
#define PROTO_CURSOR_H

#include <stddef.h>
#include <stdint.h>

/* Bytes still to be read.  Borrowed. */
struct get_cursor {
	const uint8_t *next;
	size_t left;
};

/* Room still to be filled.  Borrowed. */
struct put_cursor {
	uint8_t *next;
	size_t left;
};

struct get_cursor get_cursor_over(const void *data, size_t length);
struct put_cursor put_cursor_over(void *room, size_t capacity);

/* An unsigned integer of 1..8 bytes. */
int get_integer(struct get_cursor *c, uint64_t *value, size_t bytes);
int get_u8(struct get_cursor *c, uint8_t *value);
int get_u16(struct get_cursor *c, uint16_t *value);
int get_u32(struct get_cursor *c, uint32_t *value);
int get_u64(struct get_cursor *c, uint64_t *value);
int get_s64(struct get_cursor *c, int64_t *value);

/* Copies exactly length bytes. */
int get_bytes(struct get_cursor *c, void *out, size_t length);

/* *data points at the next length bytes, where they are. */
int get_borrowed(struct get_cursor *c, const uint8_t **data, size_t length);

/* 0 where nothing is left: what a decoder ends with. */
int get_end(const struct get_cursor *c);

int put_integer(struct put_cursor *c, uint64_t value, size_t bytes);
int put_u8(struct put_cursor *c, uint8_t value);
int put_u16(struct put_cursor *c, uint16_t value);
int put_u32(struct put_cursor *c, uint32_t value);
int put_u64(struct put_cursor *c, uint64_t value);
int put_s64(struct put_cursor *c, int64_t value);

/*
 * data may overlap the room (not so that an earlier put has overwritten it).  Bytes that already
 * lie where they belong are not copied.
 */
int put_bytes(struct put_cursor *c, const void *data, size_t length);

#endif
