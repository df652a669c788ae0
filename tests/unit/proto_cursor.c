#include "tests/harness/unit.h"
#include <string.h>

#include "proto/cursor.h"
#include "proto/errors.h"

static const uint8_t sample[8] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88};

Test(cursor, reads_little_endian)
{
	struct get_cursor c;
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;
	int64_t s64;

	c = get_cursor_over(sample, sizeof(sample));
	cr_expect(get_u8(&c, &v8) == 0 && v8 == 0x01);
	cr_expect(get_u16(&c, &v16) == 0 && v16 == 0x0302);
	cr_expect(get_u32(&c, &v32) == 0 && v32 == 0x07060504);
	cr_expect_eq(c.left, 1);
	cr_expect_eq(get_end(&c), FTX_E_PROTOCOL);
	cr_expect(get_u8(&c, &v8) == 0 && v8 == 0x88);
	cr_expect_eq(get_end(&c), 0);

	c = get_cursor_over(sample, sizeof(sample));
	cr_expect(get_u64(&c, &v64) == 0 && v64 == 0x8807060504030201);
	c = get_cursor_over(sample, sizeof(sample));
	cr_expect(get_s64(&c, &s64) == 0 && s64 == (int64_t)0x8807060504030201);
	c = get_cursor_over(sample, sizeof(sample));
	cr_expect(get_integer(&c, &v64, 3) == 0 && v64 == 0x030201);
	cr_expect_eq(c.left, 5);
}

/* One row for each reader: how much it needs, and a call that leaves its result in *out. */
#define READER(name, type)                                                                         \
	static int read_##name(struct get_cursor *c, uint64_t *out)                                \
	{                                                                                          \
		type v = (type)*out;                                                               \
		int r = get_##name(c, &v);                                                         \
                                                                                                   \
		*out = (uint64_t)v;                                                                \
		return r;                                                                          \
	}
READER(u8, uint8_t)
READER(u16, uint16_t)
READER(u32, uint32_t)
READER(u64, uint64_t)
READER(s64, int64_t)

static int
read_bytes(struct get_cursor *c, uint64_t *out)
{
	return get_bytes(c, out, 5);
}

static int
read_borrowed(struct get_cursor *c, uint64_t *out)
{
	const uint8_t *data = NULL;
	int r = get_borrowed(c, &data, 5);

	if (data != NULL)
		memcpy(out, data, 5);
	return r;
}

static const struct {
	const char *name;
	int (*call)(struct get_cursor *, uint64_t *);
	size_t needs;
} readers[] = {
    {"u8", read_u8, 1},
    {"u16", read_u16, 2},
    {"u32", read_u32, 4},
    {"u64", read_u64, 8},
    {"s64", read_s64, 8},
    {"bytes", read_bytes, 5},
    {"borrowed", read_borrowed, 5},
};

Test(cursor, a_read_that_does_not_fit_changes_nothing)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		for (size_t left = 0; left <= sizeof(sample); left++) {
			struct get_cursor c = get_cursor_over(sample, left);
			uint64_t out = 0x5a;
			bool fits = left >= readers[i].needs;

			cr_expect_eq(readers[i].call(&c, &out), fits ? 0 : FTX_E_PROTOCOL,
				     "%s of %zu", readers[i].name, left);
			cr_expect_eq(c.left, fits ? left - readers[i].needs : left);
			cr_expect_eq(c.next, fits ? sample + readers[i].needs : sample);
			cr_expect_eq(out != 0x5a, fits, "%s of %zu", readers[i].name, left);
		}
	}
}

Test(cursor, reading_nothing_from_nothing_is_fine)
{
	struct get_cursor c = get_cursor_over(NULL, 0);
	const uint8_t *data = sample;

	cr_expect_eq(get_bytes(&c, NULL, 0), 0);
	cr_expect_eq(get_borrowed(&c, &data, 0), 0);
	cr_expect_eq(get_end(&c), 0);
	cr_expect_eq(get_borrowed(&c, &data, SIZE_MAX), FTX_E_PROTOCOL);
}

Test(cursor, writes_little_endian)
{
	static const uint8_t expected[] = {1,	 3,    2,    7,	   6,	 5,    4,    8,	   0,
					   0,	 0,    0,    0,	   0,	 0x80, 0xfe, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 'a',  'b'};
	uint8_t room[sizeof(expected)];
	struct put_cursor c = put_cursor_over(room, sizeof(room));

	cr_expect_eq(put_u8(&c, 1), 0);
	cr_expect_eq(put_u16(&c, 0x0203), 0);
	cr_expect_eq(put_u32(&c, 0x04050607), 0);
	cr_expect_eq(put_u64(&c, 0x8000000000000008), 0);
	cr_expect_eq(put_s64(&c, -2), 0);
	cr_expect_eq(put_bytes(&c, "ab", 2), 0);
	cr_expect_eq(c.left, 0);
	cr_expect_arr_eq(room, expected, sizeof(expected));
}

Test(cursor, a_write_that_does_not_fit_changes_nothing)
{
	static const size_t needs[] = {1, 2, 4, 8, 8, 5};

	for (size_t left = 0; left <= 8; left++) {
		for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
			uint8_t room[9], untouched[9];
			struct put_cursor c = put_cursor_over(room, left);
			int results[6];
			bool fits = left >= needs[i];

			memset(room, 0xee, sizeof(room));
			memset(untouched, 0xee, sizeof(untouched));
			results[i] = i == 0   ? put_u8(&c, 0)
				     : i == 1 ? put_u16(&c, 0)
				     : i == 2 ? put_u32(&c, 0)
				     : i == 3 ? put_u64(&c, 0)
				     : i == 4 ? put_s64(&c, 0)
					      : put_bytes(&c, "\0\0\0\0", 5);
			cr_expect_eq(results[i], fits ? 0 : FTX_E_PROTOCOL);
			cr_expect_eq(c.left, fits ? left - needs[i] : left);
			cr_expect_arr_eq(room + left, untouched, sizeof(room) - left);
			if (!fits)
				cr_expect_arr_eq(room, untouched, sizeof(room));
		}
	}
}

Test(cursor, bytes_may_come_from_the_room_itself)
{
	uint8_t room[8] = "abcdefg";
	struct put_cursor c = put_cursor_over(room, sizeof(room));

	cr_expect_eq(put_bytes(&c, room, 2), 0);
	cr_expect_eq(put_bytes(&c, room + 3, 4), 0);
	cr_expect_arr_eq(room, "abdefg", 6);
	cr_expect_eq(put_bytes(&c, NULL, 0), 0);
	cr_expect_eq(c.left, 2);
}
