#include "src/secure/match.h"

#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"

/*
 * SipHash-2-4 with 128 bits, written down once more from its paper (Aumasson, Bernstein: "SipHash:
 * a fast short-input PRF", and the reference code's 128-bit variant).
 */
static uint64_t
load64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void
rounds(uint64_t v[4], unsigned count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

static void
squeeze(uint64_t v[4], uint64_t flip_v2, uint64_t flip_v1, uint8_t out[8])
{
	uint64_t word;

	v[2] ^= flip_v2;
	v[1] ^= flip_v1;
	rounds(v, 4);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(word >> (8 * i));
}

static void
siphash128(const uint8_t key[16], const uint8_t *data, size_t length, uint8_t out[16])
{
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
			 k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
	uint64_t last = (uint64_t)length << 56;
	size_t at = 0;

	for (; at + 8 <= length; at += 8)
		absorb(v, load64(data + at));
	for (unsigned i = 0; at + i < length; i++)
		last |= (uint64_t)data[at + i] << (8 * i);
	absorb(v, last);
	squeeze(v, 0xee, 0, out);
	squeeze(v, 0, 0xdd, out + 8);
}

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The definition of PROTOCOL.md, read word by word. */
static void
expected_of(const uint8_t *content, size_t size, uint8_t out[16])
{
	uint8_t le[8], link[32];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (uint8_t)((uint64_t)size >> (8 * i));
	siphash128(key, le, 8, out);
	for (size_t at = 0; at < size; at += LIMIT_BLOCK_BYTES) {
		size_t length = size - at < LIMIT_BLOCK_BYTES ? size - at : LIMIT_BLOCK_BYTES;

		memcpy(link, out, 16);
		siphash128(key, content + at, length, link + 16);
		siphash128(key, link, 32, out);
	}
}

static void
match_of(const uint8_t *content, size_t size, uint8_t out[16])
{
	struct match m;

	match_start(&m, key, size);
	for (size_t at = 0; at < size; at += LIMIT_BLOCK_BYTES)
		match_add(&m, content + at,
			  size - at < LIMIT_BLOCK_BYTES ? size - at : LIMIT_BLOCK_BYTES);
	match_finish(&m, out);
	match_wipe(&m);
}

/* The first two of the reference code's vectors_sip128. */
Test(match, the_second_implementation_has_the_published_answers)
{
	static const uint8_t empty[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
					  0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
	static const uint8_t one[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
					0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
	const uint8_t zero = 0;
	uint8_t out[16];

	siphash128(key, &zero, 0, out);
	cr_expect_arr_eq(out, empty, 16);
	siphash128(key, &zero, 1, out);
	cr_expect_arr_eq(out, one, 16);
}

Test(match, is_what_the_definition_says)
{
	static const size_t sizes[] = {0,
				       1,
				       7,
				       8,
				       4095,
				       LIMIT_BLOCK_BYTES - 1,
				       LIMIT_BLOCK_BYTES,
				       LIMIT_BLOCK_BYTES + 1,
				       3 * (size_t)LIMIT_BLOCK_BYTES,
				       3 * (size_t)LIMIT_BLOCK_BYTES + 12345};
	uint8_t *content = malloc(4 * (size_t)LIMIT_BLOCK_BYTES);

	cr_assert(content != NULL);
	for (size_t i = 0; i < 4 * (size_t)LIMIT_BLOCK_BYTES; i++)
		content[i] = (uint8_t)(i * 131 + (i >> 12));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t expected[16], got[16];

		expected_of(content, sizes[i], expected);
		match_of(content, sizes[i], got);
		cr_expect_arr_eq(got, expected, 16, "%zu bytes", sizes[i]);
	}
	free(content);
}

Test(match, tells_blocks_in_another_order_and_another_size_apart)
{
	static uint8_t content[2][2 * LIMIT_BLOCK_BYTES];
	uint8_t a[16], b[16];
	struct match m;

	memset(content[0], 1, LIMIT_BLOCK_BYTES);
	memset(content[1] + LIMIT_BLOCK_BYTES, 1, LIMIT_BLOCK_BYTES);
	match_of(content[0], sizeof(content[0]), a);
	match_of(content[1], sizeof(content[1]), b);
	cr_expect_arr_neq(a, b, 16);
	match_start(&m, key, 1);
	match_add(&m, content[0], LIMIT_BLOCK_BYTES);
	match_finish(&m, a);
	match_start(&m, key, 2);
	match_add(&m, content[0], LIMIT_BLOCK_BYTES);
	match_finish(&m, b);
	cr_expect_arr_neq(a, b, 16);
}
