#include "tests/harness/unit.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "proto/errors.h"
#include "src/data/codec.h"

#define CHUNK	     LIMIT_CHUNK_BYTES
#define GROUP	     (UINT64_C(4) << 20)
#define GROUP_CHUNKS (GROUP / CHUNK)

static uint8_t chunk[CHUNK], original[CHUNK], decoded[CHUNK];

static uint64_t
random64(void)
{
	static uint64_t state = 1;

	state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = (state ^ state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Random bytes, of which the first part of a thousand is zeros. */
static void
fill(size_t length, unsigned zeros_per_mille)
{
	for (size_t i = 0; i < length; i += 8) {
		uint64_t x = random64();

		memcpy(chunk + i, &x, length - i < 8 ? length - i : 8);
	}
	memset(chunk, 0, length * zeros_per_mille / 1000);
	memcpy(original, chunk, length);
}

enum content { RANDOM = 0, FIVE_PERCENT = 50, TWENTY_PERCENT = 200, COMPRESSIBLE = 1000 };

static struct encoder *
encoder_for(enum compress_mode mode, int level)
{
	struct encoder *e = encoder_new();

	cr_assert_not_null(e);
	cr_assert_eq(encoder_setup(e, mode, level, CODEC_MASK_ALL), 0);
	return e;
}

/* Encodes one chunk of this content, and checks all that holds for any. */
static enum codec
run(struct encoder *e, uint64_t offset, size_t raw_length, enum content content)
{
	struct decoder *d = decoder_new();
	size_t length = 0;
	enum codec codec;

	cr_assert_not_null(d);
	fill(raw_length, content);
	codec = encoder_run(e, offset, chunk, raw_length, &length);
	if (codec == CODEC_RAW) {
		cr_assert_eq(length, raw_length);
		cr_assert(memcmp(chunk, original, raw_length) == 0, "a raw chunk was changed");
	} else {
		cr_assert_lt(length, raw_length);
	}
	cr_assert_eq(decoder_run(d, codec, chunk, length, decoded, raw_length), 0);
	cr_assert(memcmp(decoded, original, raw_length) == 0);
	decoder_free(d);
	return codec;
}

Test(encoder, what_it_encodes_decodes_to_the_same)
{
	static const size_t sizes[] = {1,    2,	    3,	   15,	  100,	  255,		 256,
				       257,  65535, 65536, 65537, 131072, CHUNK / 2 + 1, CHUNK - 1,
				       CHUNK};
	static const enum content contents[] = {RANDOM, FIVE_PERCENT, TWENTY_PERCENT, COMPRESSIBLE};
	static const struct {
		enum compress_mode mode;
		int level;
	} modes[] = {{COMPRESS_AUTO, 0}, {COMPRESS_NONE, 0}, {COMPRESS_ZLIB, 0},
		     {COMPRESS_ZLIB, 1}, {COMPRESS_ZLIB, 9}, {COMPRESS_ZSTD, 0},
		     {COMPRESS_ZSTD, 1}, {COMPRESS_ZSTD, 9}};

	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		struct encoder *e = encoder_for(modes[m].mode, modes[m].level);

		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (size_t c = 0; c < sizeof(contents) / sizeof(contents[0]); c++) {
				encoder_next_file(e);
				run(e, 0, sizes[i], contents[c]);
			}
		encoder_free(e);
	}
	encoder_free(NULL);
}

Test(encoder, sends_raw_until_it_is_set_up)
{
	struct encoder *e = encoder_new();

	cr_assert_eq(run(e, 0, CHUNK, COMPRESSIBLE), CODEC_RAW);
	encoder_free(e);
}

Test(encoder, a_forced_codec_is_used_wherever_it_is_shorter)
{
	static const struct {
		enum compress_mode mode;
		enum codec codec;
	} forced[] = {{COMPRESS_ZLIB, CODEC_ZLIB}, {COMPRESS_ZSTD, CODEC_ZSTD}};

	for (size_t i = 0; i < 2; i++) {
		struct encoder *e = encoder_for(forced[i].mode, 0);

		cr_assert_eq(run(e, 0, CHUNK, RANDOM), CODEC_RAW);
		cr_assert_eq(run(e, CHUNK, CHUNK, FIVE_PERCENT), forced[i].codec);
		cr_assert_eq(run(e, 2 * CHUNK, CHUNK, COMPRESSIBLE), forced[i].codec);
		cr_assert_eq(run(e, 3 * CHUNK, 1, COMPRESSIBLE), CODEC_RAW);
		/* One of these sizes is that of its own result: run() wants it raw. */
		for (size_t size = 1; size <= 64; size++)
			run(e, 0, size, COMPRESSIBLE);
		encoder_free(e);
	}
}

Test(encoder, none_compresses_nothing)
{
	struct encoder *e = encoder_for(COMPRESS_NONE, 0);

	for (uint64_t offset = 0; offset < 2 * GROUP; offset += CHUNK)
		cr_assert_eq(run(e, offset, CHUNK, COMPRESSIBLE), CODEC_RAW);
	encoder_free(e);
}

/* How many chunks of a group went compressed, when only the first one's content is first. */
static unsigned
compressed_of_group(struct encoder *e, uint64_t group, enum content first, enum content others)
{
	unsigned compressed = 0;

	for (uint64_t i = 0; i < GROUP_CHUNKS; i++)
		compressed +=
		    run(e, group * GROUP + i * CHUNK, CHUNK, i == 0 ? first : others) != CODEC_RAW;
	return compressed;
}

Test(encoder, auto_decides_by_the_first_chunk_of_every_4_mib)
{
	struct encoder *e = encoder_for(COMPRESS_AUTO, 0);

	cr_assert_eq(compressed_of_group(e, 0, COMPRESSIBLE, COMPRESSIBLE), GROUP_CHUNKS);
	cr_assert_eq(compressed_of_group(e, 1, RANDOM, COMPRESSIBLE), 0);
	cr_assert_eq(compressed_of_group(e, 2, COMPRESSIBLE, RANDOM), 1);
	cr_assert_eq(compressed_of_group(e, 3, FIVE_PERCENT, COMPRESSIBLE), 0);
	cr_assert_eq(compressed_of_group(e, 4, TWENTY_PERCENT, FIVE_PERCENT), GROUP_CHUNKS);
	cr_assert_eq(compressed_of_group(e, 5, RANDOM, RANDOM), 0);
	encoder_free(e);
}

Test(encoder, auto_decides_by_the_first_chunk_it_sees_of_a_group)
{
	struct encoder *e = encoder_for(COMPRESS_AUTO, 0);

	cr_assert_eq(run(e, GROUP + 5 * CHUNK, CHUNK, COMPRESSIBLE), CODEC_ZSTD);
	cr_assert_eq(run(e, GROUP + 6 * CHUNK, CHUNK, FIVE_PERCENT), CODEC_ZSTD);
	cr_assert_eq(run(e, 3 * GROUP - CHUNK, CHUNK, FIVE_PERCENT), CODEC_RAW);
	cr_assert_eq(run(e, 3 * GROUP, CHUNK, COMPRESSIBLE), CODEC_ZSTD);
	encoder_free(e);
}

Test(encoder, auto_decides_again_for_the_next_file)
{
	struct encoder *e = encoder_for(COMPRESS_AUTO, 0);

	cr_assert_eq(run(e, 0, CHUNK, RANDOM), CODEC_RAW);
	cr_assert_eq(run(e, CHUNK, CHUNK, COMPRESSIBLE), CODEC_RAW);
	encoder_next_file(e);
	cr_assert_eq(run(e, CHUNK, CHUNK, COMPRESSIBLE), CODEC_ZSTD);
	encoder_next_file(e);
	cr_assert_eq(run(e, 0, CHUNK, FIVE_PERCENT), CODEC_RAW);
	cr_assert_eq(encoder_setup(e, COMPRESS_AUTO, 0, CODEC_MASK_ALL), 0);
	cr_assert_eq(run(e, 0, CHUNK, COMPRESSIBLE), CODEC_ZSTD);
	encoder_free(e);
}

Test(encoder, auto_uses_zstd_level_1)
{
	struct encoder *e = encoder_for(COMPRESS_AUTO, 0);
	size_t length, at_level_1;

	for (size_t i = 0; i < CHUNK; i++)
		chunk[i] = (uint8_t)("abcdefghijklmnop"[random64() % 16]);
	at_level_1 = ZSTD_compress(decoded, CHUNK, chunk, CHUNK, 1);
	cr_assert_neq(at_level_1, ZSTD_compress(original, CHUNK, chunk, CHUNK, 3));
	cr_assert_eq(encoder_run(e, 0, chunk, CHUNK, &length), CODEC_ZSTD);
	cr_assert_eq(length, at_level_1);
	encoder_free(e);
}

Test(encoder, auto_sends_raw_to_a_peer_without_zstd)
{
	struct encoder *e = encoder_new();

	cr_assert_eq(encoder_setup(e, COMPRESS_AUTO, 0, 1u << CODEC_RAW | 1u << CODEC_ZLIB), 0);
	cr_assert_eq(run(e, 0, CHUNK, COMPRESSIBLE), CODEC_RAW);
	encoder_free(e);
}

Test(encoder, setup_refuses_what_cannot_be)
{
	static const struct {
		enum compress_mode mode;
		int level;
		uint32_t codecs;
		int want;
	} setups[] = {
	    {COMPRESS_ZLIB, 0, 1, FTX_E_UNSUPPORTED},
	    {COMPRESS_ZLIB, 0, 5, FTX_E_UNSUPPORTED},
	    {COMPRESS_ZSTD, 0, 3, FTX_E_UNSUPPORTED},
	    {COMPRESS_ZLIB, 10, 7, FTX_E_USAGE},
	    {COMPRESS_ZLIB, -1, 7, FTX_E_USAGE},
	    {COMPRESS_ZSTD, 20, 7, FTX_E_USAGE},
	    {COMPRESS_ZSTD, -1, 7, FTX_E_USAGE},
	    {COMPRESS_AUTO, 1, 7, FTX_E_USAGE},
	    {COMPRESS_AUTO, 1, 1, FTX_E_USAGE},
	    {COMPRESS_NONE, 1, 7, FTX_E_USAGE},
	    {COMPRESS_NONE, 0, 0, 0},
	    {COMPRESS_ZLIB, 9, 2, 0},
	    {COMPRESS_ZSTD, 19, 4, 0},
	    {COMPRESS_AUTO, 0, 0, 0},
	};
	struct encoder *e = encoder_new();

	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
		cr_assert_eq(encoder_setup(e, COMPRESS_ZSTD, 0, CODEC_MASK_ALL), 0);
		cr_assert_eq(encoder_setup(e, setups[i].mode, setups[i].level, setups[i].codecs),
			     setups[i].want, "row %zu", i);
		if (setups[i].want != 0)
			cr_assert_eq(run(e, 0, 100, COMPRESSIBLE), CODEC_RAW, "row %zu", i);
	}
	encoder_free(e);
}

/* Pieces of one random text, in any order: what a level finds depends on how far it looks. */
static void
fill_with_phrases(void)
{
	size_t at = 0;

	fill(4096, 0);
	while (at < CHUNK) {
		size_t length = 4 + random64() % 32;

		length = length < CHUNK - at ? length : CHUNK - at;
		memcpy(original + at, chunk + random64() % 4000, length);
		at += length;
	}
}

Test(encoder, a_level_changes_the_result)
{
	static const enum compress_mode modes[] = {COMPRESS_ZLIB, COMPRESS_ZSTD};

	for (size_t m = 0; m < 2; m++) {
		struct encoder *e = encoder_for(modes[m], 1);
		size_t fast, small;

		fill_with_phrases();
		memcpy(chunk, original, CHUNK);
		encoder_run(e, 0, chunk, CHUNK, &fast);
		cr_assert_eq(encoder_setup(e, modes[m], 9, CODEC_MASK_ALL), 0);
		memcpy(chunk, original, CHUNK);
		encoder_run(e, 0, chunk, CHUNK, &small);
		cr_assert_lt(small, fast);
		encoder_free(e);
	}
}
