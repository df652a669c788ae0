#include "proto/cursor.h"

#include <string.h>

#include "proto/errors.h"

struct get_cursor
get_cursor_over(const void *data, size_t length)
{
	return (struct get_cursor){.next = data, .left = length};
}

struct put_cursor
put_cursor_over(void *room, size_t capacity)
{
	return (struct put_cursor){.next = room, .left = capacity};
}

int
get_borrowed(struct get_cursor *c, const uint8_t **data, size_t length)
{
	if (length > c->left)
		return FTX_E_PROTOCOL;
	*data = c->next;
	/* Nothing may be added to a null pointer, not even 0. */
	if (length > 0)
		c->next += length;
	c->left -= length;
	return 0;
}

int
get_bytes(struct get_cursor *c, void *out, size_t length)
{
	const uint8_t *data;

	if (get_borrowed(c, &data, length) != 0)
		return FTX_E_PROTOCOL;
	if (length > 0)
		memcpy(out, data, length);
	return 0;
}

int
get_integer(struct get_cursor *c, uint64_t *value, size_t bytes)
{
	const uint8_t *data;
	uint64_t v = 0;

	if (get_borrowed(c, &data, bytes) != 0)
		return FTX_E_PROTOCOL;
	for (size_t i = bytes; i > 0; i--)
		v = v << 8 | data[i - 1];
	*value = v;
	return 0;
}

int
get_u8(struct get_cursor *c, uint8_t *value)
{
	uint64_t v;

	if (get_integer(c, &v, sizeof(*value)) != 0)
		return FTX_E_PROTOCOL;
	*value = (uint8_t)v;
	return 0;
}

int
get_u16(struct get_cursor *c, uint16_t *value)
{
	uint64_t v;

	if (get_integer(c, &v, sizeof(*value)) != 0)
		return FTX_E_PROTOCOL;
	*value = (uint16_t)v;
	return 0;
}

int
get_u32(struct get_cursor *c, uint32_t *value)
{
	uint64_t v;

	if (get_integer(c, &v, sizeof(*value)) != 0)
		return FTX_E_PROTOCOL;
	*value = (uint32_t)v;
	return 0;
}

int
get_u64(struct get_cursor *c, uint64_t *value)
{
	return get_integer(c, value, sizeof(*value));
}

int
get_s64(struct get_cursor *c, int64_t *value)
{
	uint64_t v;

	if (get_integer(c, &v, sizeof(*value)) != 0)
		return FTX_E_PROTOCOL;
	*value = (int64_t)v;
	return 0;
}

int
get_end(const struct get_cursor *c)
{
	return c->left == 0 ? 0 : FTX_E_PROTOCOL;
}

int
put_bytes(struct put_cursor *c, const void *data, size_t length)
{
	if (length > c->left)
		return FTX_E_PROTOCOL;
	if (length == 0)
		return 0;
	if (data != c->next)
		memmove(c->next, data, length);
	c->next += length;
	c->left -= length;
	return 0;
}

int
put_integer(struct put_cursor *c, uint64_t value, size_t bytes)
{
	uint8_t data[sizeof(value)];

	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)(value >> (8 * i));
	return put_bytes(c, data, bytes);
}

int
put_u8(struct put_cursor *c, uint8_t value)
{
	return put_integer(c, value, sizeof(value));
}

int
put_u16(struct put_cursor *c, uint16_t value)
{
	return put_integer(c, value, sizeof(value));
}

int
put_u32(struct put_cursor *c, uint32_t value)
{
	return put_integer(c, value, sizeof(value));
}

int
put_u64(struct put_cursor *c, uint64_t value)
{
	return put_integer(c, value, sizeof(value));
}

int
put_s64(struct put_cursor *c, int64_t value)
{
	return put_integer(c, (uint64_t)value, sizeof(value));
}
