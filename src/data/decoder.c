/*
 * Decoding what a peer sent.
 *
 * The output is bounded by the caller's buffer and the work by the input, because neither library
 * is run in a streaming way: a bomb fails when the buffer is full.  Both formats have more forms
 * than PROTOCOL.md allows; the others are refused before or after the library has run.
 */
#include "src/data/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>
#define ZLIB_CONST
#include <zlib.h>

#include "proto/errors.h"

/* RFC 8878 section 3.1.1: magic number, then the frame header descriptor. */
#define ZSTD_DESCRIPTOR_AT	   4u
#define ZSTD_DESCRIPTOR_CHECKSUM   (1u << 2)
#define ZSTD_DESCRIPTOR_DICTIONARY 3u

struct decoder {
	ZSTD_DCtx *zstd;
	z_stream zlib;
	bool zlib_ready;
};

struct decoder *
decoder_new(void)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->zstd = ZSTD_createDCtx();
	d->zlib_ready = inflateInit(&d->zlib) == Z_OK;
	if (d->zstd == NULL || !d->zlib_ready) {
		decoder_free(d);
		return NULL;
	}
	return d;
}

void
decoder_free(struct decoder *d)
{
	if (d == NULL)
		return;
	ZSTD_freeDCtx(d->zstd);
	if (d->zlib_ready)
		inflateEnd(&d->zlib);
	free(d);
}

static int
decode_zlib(z_stream *z, const uint8_t *data, size_t length, uint8_t *out, size_t raw_length)
{
	int r;

	if (inflateReset(z) != Z_OK)
		return FTX_E_PROTOCOL;
	z->next_in = data;
	z->avail_in = (uInt)length;
	z->next_out = out;
	z->avail_out = (uInt)raw_length;
	r = inflate(z, Z_FINISH);
	if (r == Z_MEM_ERROR)
		return FTX_E_NOMEM;
	return r == Z_STREAM_END && z->avail_in == 0 && z->avail_out == 0 ? 0 : FTX_E_PROTOCOL;
}

/*
 * One frame as PROTOCOL.md has it?  The magic number is looked at here because the library also
 * knows skippable frames and, as distributions build it, the formats before 1.0.
 */
static bool
zstd_frame_allowed(const uint8_t *data, size_t length, size_t raw_length)
{
	static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
	const unsigned refused = ZSTD_DESCRIPTOR_CHECKSUM | ZSTD_DESCRIPTOR_DICTIONARY;

	return length > ZSTD_DESCRIPTOR_AT && memcmp(data, magic, sizeof(magic)) == 0 &&
	       (data[ZSTD_DESCRIPTOR_AT] & refused) == 0 &&
	       ZSTD_getFrameContentSize(data, length) == raw_length &&
	       ZSTD_findFrameCompressedSize(data, length) == length;
}

static int
decode_zstd(ZSTD_DCtx *zstd, const uint8_t *data, size_t length, uint8_t *out, size_t raw_length)
{
	size_t n;

	if (!zstd_frame_allowed(data, length, raw_length))
		return FTX_E_PROTOCOL;
	n = ZSTD_decompressDCtx(zstd, out, raw_length, data, length);
	if (ZSTD_isError(n) && ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return FTX_E_NOMEM;
	return n == raw_length ? 0 : FTX_E_PROTOCOL;
}

int
decoder_run(struct decoder *d, enum codec codec, const uint8_t *data, size_t length, uint8_t *out,
	    size_t raw_length)
{
	if (raw_length == 0 || raw_length > LIMIT_CHUNK_BYTES)
		return FTX_E_PROTOCOL;
	if (codec == CODEC_RAW) {
		if (length != raw_length)
			return FTX_E_PROTOCOL;
		memcpy(out, data, length);
		return 0;
	}
	/* What does not become shorter is sent raw; this also bounds length. */
	if (length >= raw_length)
		return FTX_E_PROTOCOL;
	switch (codec) {
	case CODEC_ZLIB:
		return decode_zlib(&d->zlib, data, length, out, raw_length);
	case CODEC_ZSTD:
		return decode_zstd(d->zstd, data, length, out, raw_length);
	case CODEC_RAW:
		break;
	}
	return FTX_E_PROTOCOL; /* a number from the wire that is no codec */
}
