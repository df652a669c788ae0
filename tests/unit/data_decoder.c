#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "tests/unit/data_samples.h"

static const enum codec codecs[] = {CODEC_ZLIB, CODEC_ZSTD};
#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

Test(decoder, raw_is_copied)
{
	struct decoder *d = decoder_new();
	uint8_t out[4] = {0};

	cr_assert_not_null(d);
	cr_assert_eq(decoder_run(d, CODEC_RAW, (const uint8_t *)"abc", 3, out, 3), 0);
	cr_assert_arr_eq(out, "abc", 4);
	decoder_free(d);
	decoder_free(NULL);
}

Test(decoder, T23_raw_of_another_length_is_refused)
{
	struct decoder *d = decoder_new();

	cr_assert_eq(decode(d, CODEC_RAW, "abc", 3, 2), FTX_E_PROTOCOL);
	cr_assert_eq(decode(d, CODEC_RAW, "abc", 3, 4), FTX_E_PROTOCOL);
	cr_assert_eq(decode(d, CODEC_RAW, "", 0, 0), FTX_E_PROTOCOL);
	cr_assert_eq(decode(d, CODEC_RAW, "", 0, 1), FTX_E_PROTOCOL);
	decoder_free(d);
}

Test(decoder, T23_a_chunk_over_the_maximum_is_refused)
{
	size_t length = LIMIT_CHUNK_BYTES + 1;
	uint8_t *data = prose(length);
	struct decoder *d = decoder_new();

	cr_assert_eq(decode(d, CODEC_RAW, data, LIMIT_CHUNK_BYTES, LIMIT_CHUNK_BYTES), 0);
	cr_assert_eq(decode(d, CODEC_RAW, data, length, length), FTX_E_PROTOCOL);
	for (size_t i = 0; i < CODECS; i++) {
		struct sample s = sample_of(codecs[i], length);

		cr_assert_eq(decode(d, s.codec, s.data, s.length, length), FTX_E_PROTOCOL);
		sample_release(&s);
	}
	decoder_free(d);
	free(data);
}

Test(decoder, T23_a_number_that_is_no_codec_is_refused)
{
	struct decoder *d = decoder_new();
	struct sample s = sample_of(CODEC_ZSTD, 1000);

	for (unsigned number = 3; number < 256; number++)
		cr_assert_eq(decode(d, (enum codec)number, s.data, s.length, s.raw_length),
			     FTX_E_PROTOCOL);
	sample_release(&s);
	decoder_free(d);
}

Test(decoder, decodes_every_size_it_may)
{
	static const size_t sizes[] = {100,
				       255,
				       256,
				       257,
				       65535,
				       65536,
				       65537,
				       131072,
				       LIMIT_CHUNK_BYTES - 1,
				       LIMIT_CHUNK_BYTES};
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < CODECS; i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			struct sample s = sample_of(codecs[i], sizes[j]);

			assert_still_decodes(d, &s);
			sample_release(&s);
		}
	decoder_free(d);
}

Test(decoder, T23_another_raw_length_is_refused)
{
	static const size_t sizes[] = {300, 1000, 65536, LIMIT_CHUNK_BYTES - 1};
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < CODECS; i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			struct sample s = sample_of(codecs[i], sizes[j]);

			cr_assert_eq(decode(d, s.codec, s.data, s.length, sizes[j] - 1),
				     FTX_E_PROTOCOL);
			cr_assert_eq(decode(d, s.codec, s.data, s.length, sizes[j] + 1),
				     FTX_E_PROTOCOL);
			cr_assert_eq(decode(d, s.codec, s.data, s.length, 0), FTX_E_PROTOCOL);
			assert_still_decodes(d, &s);
			sample_release(&s);
		}
	decoder_free(d);
}

Test(decoder, T23_every_truncation_is_refused)
{
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < CODECS; i++) {
		struct sample s = sample_of(codecs[i], 1000);

		for (size_t length = 0; length < s.length; length++)
			cr_assert_eq(decode(d, s.codec, s.data, length, s.raw_length),
				     FTX_E_PROTOCOL, "codec %d, %zu bytes", s.codec, length);
		assert_still_decodes(d, &s);
		sample_release(&s);
	}
	decoder_free(d);
}

/*
 * zlib's Adler-32 finds each of them.  zstd has no checksum here: a changed letter is a chunk like
 * any other to the decoder, and the chunk's digest finds it.
 */
Test(decoder, T23_every_changed_byte_is_refused_or_decodes_within_bounds)
{
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < CODECS; i++) {
		struct sample s = sample_of(codecs[i], 1000);
		unsigned refused = 0;

		for (size_t at = 0; at < s.length; at++) {
			uint8_t was = s.data[at];

			for (unsigned change = 1; change < 256; change++) {
				bool same;
				int r;

				s.data[at] = (uint8_t)(was ^ change);
				r = decode_exactly(d, s.codec, s.data, s.length, s.raw,
						   s.raw_length, &same);
				cr_assert(r == FTX_E_PROTOCOL || r == 0, "error %d", r);
				if (s.codec == CODEC_ZLIB && r == 0)
					cr_assert(same, "byte %zu ^ %02x", at, change);
				refused += r != 0;
			}
			s.data[at] = was;
		}
		cr_assert_geq(refused, 4 * 255, "codec %d refused %u", s.codec, refused);
		assert_still_decodes(d, &s);
		sample_release(&s);
	}
	decoder_free(d);
}

Test(decoder, T23_garbage_is_refused)
{
	struct decoder *d = decoder_new();
	uint64_t x = 1;

	for (unsigned round = 0; round < 2000; round++) {
		uint8_t data[200];

		for (size_t i = 0; i < sizeof(data); i++) {
			x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			data[i] = (uint8_t)(x >> 56);
		}
		for (size_t i = 0; i < CODECS; i++)
			cr_assert_eq(decode(d, codecs[i], data, sizeof(data), 1000), FTX_E_PROTOCOL,
				     "round %u", round);
		/* Behind good headers. */
		memcpy(data, "\x78\x9c", 2);
		cr_assert_eq(decode(d, CODEC_ZLIB, data, sizeof(data), 1000), FTX_E_PROTOCOL);
		memcpy(data, "\x28\xb5\x2f\xfd\x60\xe8\x02", 7); /* single segment, size 1000 */
		cr_assert_eq(decode(d, CODEC_ZSTD, data, sizeof(data), 1000), FTX_E_PROTOCOL);
	}
	decoder_free(d);
}

Test(decoder, T23_nothing_may_follow)
{
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < CODECS; i++) {
		struct sample s = sample_of(codecs[i], 4000);
		uint8_t *more = malloc(2 * s.length);

		cr_assert_not_null(more);
		memcpy(more, s.data, s.length);
		memcpy(more + s.length, s.data, s.length);
		cr_assert_eq(decode(d, s.codec, more, 2 * s.length, s.raw_length), FTX_E_PROTOCOL,
			     "two streams");
		cr_assert_eq(decode(d, s.codec, more, 2 * s.length, 2 * s.raw_length),
			     FTX_E_PROTOCOL, "two streams, both lengths");
		for (unsigned byte = 0; byte < 256; byte++) {
			more[s.length] = (uint8_t)byte;
			cr_assert_eq(decode(d, s.codec, more, s.length + 1, s.raw_length),
				     FTX_E_PROTOCOL, "trailing byte %02x", byte);
		}
		assert_still_decodes(d, &s);
		free(more);
		sample_release(&s);
	}
	decoder_free(d);
}

Test(decoder, T23_what_is_not_shorter_than_raw_is_refused)
{
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < CODECS; i++) {
		struct sample s = sample_of(codecs[i], 1);

		cr_assert_eq(decode(d, s.codec, s.data, s.length, 1), FTX_E_PROTOCOL);
		sample_release(&s);
	}
	decoder_free(d);
}
