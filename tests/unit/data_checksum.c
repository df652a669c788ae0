#include "src/data/checksum.h"

#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>

#include "src/base/encoding.h"

/* XXH3-128, seed 0, as `xxhsum -H2` prints it: the high half first, big endian. */
static const struct {
	const char *text;
	const char *canonical;
	uint64_t check64; /* XXH3-64 */
} known[] = {
    {"", "99aa06d3014798d86001c324468d497f", UINT64_C(0x2d06800538d394c2)},
    {"abc", "06b05ab6733a618578af5f94892f3950", UINT64_C(0x78af5f94892f3950)},
};

static void
fill(uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 131 + (i >> 8) * 17);
}

Test(checksum, has_the_known_answers_low_half_first_little_endian)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct digest d = digest_of(known[i].text, strlen(known[i].text));
		uint8_t canonical[16];

		cr_assert_eq(hex_decode(canonical, 16, known[i].canonical), 0);
		for (size_t j = 0; j < 16; j++)
			cr_assert_eq(d.bytes[j], canonical[15 - j], "\"%s\", byte %zu",
				     known[i].text, j);
		cr_assert_eq(check64(known[i].text, strlen(known[i].text)), known[i].check64);
	}
}

Test(checksum, is_printed_in_the_order_of_its_bytes)
{
	struct digest d = digest_of("", 0);
	char text[DIGEST_TEXT_BYTES];

	cr_assert_eq(digest_format(text, &d), text);
	cr_assert_str_eq(text, "ftx1:7f498d4624c30160d8984701d306aa99");
	cr_assert_eq(strlen(text) + 1, sizeof(text));
}

Test(checksum, equality_looks_at_every_bit)
{
	struct digest a = digest_of("a", 1);

	for (size_t bit = 0; bit < 128; bit++) {
		struct digest b = a;

		cr_assert(digest_equal(&a, &b));
		b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_not(digest_equal(&a, &b), "bit %zu", bit);
	}
}

Test(checksum, of_a_hole_is_that_of_zeros)
{
	static const size_t lengths[] = {0, 1, 4096, LIMIT_BLOCK_BYTES - 1, LIMIT_BLOCK_BYTES};
	uint8_t *data = calloc(3, LIMIT_BLOCK_BYTES);
	struct digest_state *s = digest_state_new();
	struct digest d, expected;

	cr_assert(data != NULL && s != NULL);
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t length = lengths[i / 2];

		expected = digest_of(data, length);
		d = digest_of_zeros(length);
		cr_expect(digest_equal(&d, &expected), "%zu", length);
		digest_start(s);
		digest_add_zeros(s, length);
		d = digest_finish(s);
		cr_expect(digest_equal(&d, &expected), "%zu", length);
	}
	data[0] = 1;
	data[2 * LIMIT_BLOCK_BYTES + 5] = 2;
	expected = digest_of(data, 2 * LIMIT_BLOCK_BYTES + 6);
	digest_start(s);
	digest_add(s, "\1", 1);
	digest_add_zeros(s, 2 * LIMIT_BLOCK_BYTES + 4);
	digest_add(s, "\2", 1);
	d = digest_finish(s);
	cr_expect(digest_equal(&d, &expected));
	digest_state_free(s);
	free(data);
}

Test(checksum, in_pieces_is_the_same_as_at_once)
{
	static const size_t pieces[] = {1, 2, 255, 256, 1000, LIMIT_CHUNK_BYTES, LIMIT_BLOCK_BYTES};
	uint8_t *data = malloc(LIMIT_BLOCK_BYTES);
	struct digest_state *s = digest_state_new();
	struct digest whole;

	cr_assert(data != NULL && s != NULL);
	fill(data, LIMIT_BLOCK_BYTES);
	whole = digest_of(data, LIMIT_BLOCK_BYTES);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct digest d;

		digest_start(s);
		for (size_t at = 0; at < LIMIT_BLOCK_BYTES; at += pieces[i]) {
			size_t left = LIMIT_BLOCK_BYTES - at;

			digest_add(s, data + at, left < pieces[i] ? left : pieces[i]);
		}
		d = digest_finish(s);
		cr_assert(digest_equal(&d, &whole), "pieces of %zu", pieces[i]);
	}
	digest_state_free(s);
	free(data);
}

Test(checksum, finishing_leaves_the_state_as_it_is)
{
	struct digest_state *s = digest_state_new();
	struct digest d, want = digest_of("abc", 3);

	cr_assert_not_null(s);
	digest_add(s, "ab", 2);
	digest_finish(s);
	digest_add(s, "c", 1);
	d = digest_finish(s);
	cr_assert(digest_equal(&d, &want));
	digest_start(s);
	d = digest_finish(s);
	want = digest_of("", 0);
	cr_assert(digest_equal(&d, &want));
	digest_state_free(s);
	digest_state_free(NULL);
}

Test(checksum, file_digest_is_over_the_size_and_the_block_digests)
{
	struct digest blocks[3] = {digest_of("a", 1), digest_of("b", 1), digest_of("c", 1)};
	uint8_t image[8 + 48] = {0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
	struct digest_state *s = digest_state_new();

	cr_assert_not_null(s);
	for (unsigned count = 0; count <= 3; count++) {
		struct digest d, want;

		file_digest_start(s, UINT64_C(0x0102030405060708));
		for (unsigned i = 0; i < count; i++) {
			file_digest_add(s, &blocks[i]);
			memcpy(image + 8 + 16 * i, blocks[i].bytes, 16);
		}
		d = digest_finish(s);
		want = digest_of(image, 8 + 16 * count);
		cr_assert(digest_equal(&d, &want), "%u blocks", count);
	}
	digest_state_free(s);
}

/* Known answers: PROTOCOL.md, "Content"; a change here is another protocol. */
Test(checksum, file_digest_has_the_known_answers)
{
	struct digest_state *s = digest_state_new();
	struct digest block = digest_of("abc", 3);
	struct digest d;
	char text[DIGEST_TEXT_BYTES];

	cr_assert_not_null(s);
	file_digest_start(s, 0);
	d = digest_finish(s);
	cr_assert_str_eq(digest_format(text, &d), "ftx1:b26556039db4c345547d14dc998a0a2c");
	file_digest_start(s, 3);
	file_digest_add(s, &block);
	d = digest_finish(s);
	cr_assert_str_eq(digest_format(text, &d), "ftx1:92d4e5e338c939e023cdcced003f0e53");
	digest_state_free(s);
}
