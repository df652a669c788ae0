/*
 * What zlib and zstd would take and PROTOCOL.md does not.
 */
#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include "proto/errors.h"
#include "tests/unit/data_samples.h"

/* One deflate stream around raw, its window given as zlib counts it. */
static size_t
deflate_as(int window_bits, const char *dictionary, const uint8_t *raw, size_t raw_length,
	   uint8_t *out, size_t room)
{
	z_stream z = {0};

	cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	if (dictionary != NULL)
		cr_assert_eq(
		    deflateSetDictionary(&z, (const Bytef *)dictionary, (uInt)strlen(dictionary)),
		    Z_OK);
	z.next_in = copy_of(raw, raw_length);
	z.avail_in = (uInt)raw_length;
	z.next_out = out;
	z.avail_out = (uInt)room;
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	free(z.next_in - raw_length);
	deflateEnd(&z);
	return room - z.avail_out;
}

Test(decoder, T23_zlib_is_rfc_1950_and_without_dictionary)
{
	struct decoder *d = decoder_new();
	struct sample s = sample_of(CODEC_ZLIB, 1000);
	uint8_t out[1000];
	size_t n;

	n = deflate_as(15, NULL, s.raw, s.raw_length, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZLIB, out, n, s.raw_length), 0);
	n = deflate_as(9, NULL, s.raw, s.raw_length, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZLIB, out, n, s.raw_length), 0, "a small window");
	n = deflate_as(-15, NULL, s.raw, s.raw_length, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZLIB, out, n, s.raw_length), FTX_E_PROTOCOL, "no header");
	n = deflate_as(15 + 16, NULL, s.raw, s.raw_length, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZLIB, out, n, s.raw_length), FTX_E_PROTOCOL, "gzip");
	n = deflate_as(15, "it was the age of ", s.raw, s.raw_length, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZLIB, out, n, s.raw_length), FTX_E_PROTOCOL, "dictionary");
	assert_still_decodes(d, &s);
	sample_release(&s);
	decoder_free(d);
}

/* One zstd frame around raw with one parameter that is not its default. */
static size_t
zstd_with(ZSTD_cParameter parameter, int value, const struct sample *s, uint8_t *out, size_t room)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t n;

	cr_assert_not_null(zstd);
	cr_assert_not(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, parameter, value)));
	n = ZSTD_compress2(zstd, out, room, s->raw, s->raw_length);
	cr_assert_not(ZSTD_isError(n));
	ZSTD_freeCCtx(zstd);
	return n;
}

Test(decoder, T23_zstd_has_its_content_size_and_no_checksum)
{
	struct decoder *d = decoder_new();
	struct sample s = sample_of(CODEC_ZSTD, 1000);
	uint8_t out[1000];
	size_t n;

	n = zstd_with(ZSTD_c_contentSizeFlag, 1, &s, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZSTD, out, n, s.raw_length), 0);
	n = zstd_with(ZSTD_c_contentSizeFlag, 0, &s, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZSTD, out, n, s.raw_length), FTX_E_PROTOCOL);
	n = zstd_with(ZSTD_c_checksumFlag, 1, &s, out, sizeof(out));
	cr_assert_eq(decode(d, CODEC_ZSTD, out, n, s.raw_length), FTX_E_PROTOCOL);
	assert_still_decodes(d, &s);
	sample_release(&s);
	decoder_free(d);
}

/* Frames by hand: RFC 8878 section 3.1.1. */

struct frame {
	uint8_t bytes[LIMIT_CHUNK_BYTES];
	size_t length;
};

static void
put(struct frame *f, const void *bytes, size_t length)
{
	cr_assert_leq(f->length + length, sizeof(f->bytes));
	memcpy(f->bytes + f->length, bytes, length);
	f->length += length;
}

/* A block that repeats one byte size times; size is at most 128 KiB. */
static void
put_run(struct frame *f, bool last, size_t size)
{
	uint32_t header = (uint32_t)(last | 1u << 1 | size << 3);
	uint8_t bytes[4] = {(uint8_t)header, (uint8_t)(header >> 8), (uint8_t)(header >> 16), 'x'};

	put(f, bytes, sizeof(bytes));
}

#define ZSTD_MAGIC "\x28\xb5\x2f\xfd"

Test(decoder, T23_zstd_frame_headers_are_held_to_the_rule)
{
	static const struct {
		const char *what;
		const char *header;
		size_t length;
		int want;
	} headers[] = {
	    {"single segment, size 1000", ZSTD_MAGIC "\x60\xe8\x02", 7, 0},
	    {"window 1 KiB, size 1000", ZSTD_MAGIC "\x40\x00\xe8\x02", 8, 0},
	    {"size in 8 bytes", ZSTD_MAGIC "\xe0\xe8\x03\0\0\0\0\0\0", 13, 0},
	    {"window without size", ZSTD_MAGIC "\x00\x00", 6, FTX_E_PROTOCOL},
	    {"size 999", ZSTD_MAGIC "\x60\xe7\x02", 7, FTX_E_PROTOCOL},
	    {"size 1001", ZSTD_MAGIC "\x60\xe9\x02", 7, FTX_E_PROTOCOL},
	    {"size 2^64-1", ZSTD_MAGIC "\xe0\xff\xff\xff\xff\xff\xff\xff\xff", 13, FTX_E_PROTOCOL},
	    {"size 2^64-2", ZSTD_MAGIC "\xe0\xfe\xff\xff\xff\xff\xff\xff\xff", 13, FTX_E_PROTOCOL},
	    {"dictionary id 7", ZSTD_MAGIC "\x61\x07\xe8\x02", 8, FTX_E_PROTOCOL},
	    {"dictionary id 0", ZSTD_MAGIC "\x61\x00\xe8\x02", 8, FTX_E_PROTOCOL},
	    {"checksum flag", ZSTD_MAGIC "\x64\xe8\x02", 7, FTX_E_PROTOCOL},
	    {"reserved bit", ZSTD_MAGIC "\x68\xe8\x02", 7, FTX_E_PROTOCOL},
	};
	static struct frame f;
	struct decoder *d = decoder_new();

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		f.length = 0;
		put(&f, headers[i].header, headers[i].length);
		put_run(&f, true, 1000);
		cr_assert_eq(decode(d, CODEC_ZSTD, f.bytes, f.length, 1000), headers[i].want, "%s",
			     headers[i].what);
	}
	decoder_free(d);
}

/* What libzstd still decodes when it is built for it: 1000 times 'x' as version 0.7 wrote them. */
Test(decoder, T23_formats_before_1_0_are_refused)
{
	static const uint8_t frame[] = {0x27, 0xb5, 0x2f, 0xfd, 0x60, 0xe8, 0x02,
					0x80, 0x03, 0xe8, 'x',	0xc0, 0x00, 0x00};
	struct decoder *d = decoder_new();

	cr_assert_eq(decode(d, CODEC_ZSTD, frame, sizeof(frame), 1000), FTX_E_PROTOCOL);
	decoder_free(d);
}

Test(decoder, T23_skippable_frames_are_refused)
{
	static struct frame f;
	struct decoder *d = decoder_new();
	struct sample s = sample_of(CODEC_ZSTD, 1000);

	put(&f, "\x50\x2a\x4d\x18\x04\0\0\0skip", 12);
	cr_assert_eq(decode(d, CODEC_ZSTD, f.bytes, f.length, 1000), FTX_E_PROTOCOL);
	put(&f, s.data, s.length);
	cr_assert_eq(decode(d, CODEC_ZSTD, f.bytes, f.length, 1000), FTX_E_PROTOCOL, "before");
	f.length = 0;
	put(&f, s.data, s.length);
	put(&f, "\x50\x2a\x4d\x18\x04\0\0\0skip", 12);
	cr_assert_eq(decode(d, CODEC_ZSTD, f.bytes, f.length, 1000), FTX_E_PROTOCOL, "behind");
	f.length = 0;
	put(&f, s.data, s.length);
	put(&f, ZSTD_MAGIC "\x20\x00\x01\x00\x00", 9);
	cr_assert_eq(decode(d, CODEC_ZSTD, f.bytes, f.length, 1000), FTX_E_PROTOCOL,
		     "an empty frame behind");
	sample_release(&s);
	decoder_free(d);
}

static long
peak_kib(void)
{
	struct rusage usage;

	cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

/* Within what the libraries need for any chunk; the bombs hold up to 8 GiB. */
#define BOMB_MEMORY_KIB (8 * 1024)

Test(decoder, T23_zstd_bombs_take_no_memory)
{
	static const struct {
		const char *what;
		const char *header;
		size_t length;
	} headers[] = {
	    {"size as asked for, window 1 KiB", ZSTD_MAGIC "\x80\x00\x00\x00\x04\x00", 10},
	    {"size as asked for, window 2 GiB", ZSTD_MAGIC "\x80\xa8\x00\x00\x04\x00", 10},
	    {"size as asked for, largest window", ZSTD_MAGIC "\x80\xff\x00\x00\x04\x00", 10},
	    {"true size", ZSTD_MAGIC "\xe0\x00\x00\x00\x00\x02\x00\x00\x00", 13},
	    {"no size", ZSTD_MAGIC "\x00\xa8", 6},
	};
	static struct frame f;
	struct decoder *d = decoder_new();
	struct sample s = sample_of(CODEC_ZSTD, LIMIT_CHUNK_BYTES);
	long before;

	assert_still_decodes(d, &s);
	memset(&f, 0, sizeof(f));
	before = peak_kib();
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		f.length = 0;
		put(&f, headers[i].header, headers[i].length);
		while (f.length + 8 < sizeof(f.bytes) - 4)
			put_run(&f, false, 128 * 1024);
		put_run(&f, true, 128 * 1024);
		cr_assert_eq(decode(d, CODEC_ZSTD, f.bytes, f.length, LIMIT_CHUNK_BYTES),
			     FTX_E_PROTOCOL, "%s", headers[i].what);
	}
	cr_assert_lt(peak_kib() - before, BOMB_MEMORY_KIB);
	assert_still_decodes(d, &s);
	sample_release(&s);
	decoder_free(d);
}

Test(decoder, T23_a_zlib_bomb_takes_no_memory)
{
	static uint8_t zeros[65536], bomb[LIMIT_CHUNK_BYTES];
	struct decoder *d = decoder_new();
	struct sample s = sample_of(CODEC_ZLIB, LIMIT_CHUNK_BYTES);
	uint64_t inside = 0;
	z_stream z = {0};
	long before;
	size_t n;

	cr_assert_eq(deflateInit(&z, 9), Z_OK);
	z.next_out = bomb;
	z.avail_out = sizeof(bomb);
	while (z.avail_out > 8192) {
		z.next_in = zeros;
		z.avail_in = sizeof(zeros);
		cr_assert_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
		inside += sizeof(zeros);
	}
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = sizeof(bomb) - z.avail_out;
	deflateEnd(&z);
	cr_assert_gt(inside, UINT64_C(200) << 20);

	assert_still_decodes(d, &s);
	before = peak_kib();
	cr_assert_eq(decode(d, CODEC_ZLIB, bomb, n, LIMIT_CHUNK_BYTES), FTX_E_PROTOCOL);
	cr_assert_lt(peak_kib() - before, BOMB_MEMORY_KIB);
	assert_still_decodes(d, &s);
	sample_release(&s);
	decoder_free(d);
}

/* Stored blocks of no bytes: input that makes no output at all. */
Test(decoder, T23_zlib_of_empty_blocks_is_refused)
{
	static uint8_t data[LIMIT_CHUNK_BYTES - 1];
	struct decoder *d = decoder_new();

	memcpy(data, "\x78\x9c", 2);
	for (size_t i = 2; i + 5 <= sizeof(data); i += 5)
		memcpy(data + i, "\x00\x00\x00\xff\xff", 5);
	cr_assert_eq(decode(d, CODEC_ZLIB, data, sizeof(data), LIMIT_CHUNK_BYTES), FTX_E_PROTOCOL);
	decoder_free(d);
}
