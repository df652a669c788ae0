#include "src/data/codec.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#define ZLIB_CONST
#include <zlib.h>

#include "proto/errors.h"

#define GROUP_BYTES (UINT64_C(4) << 20) /* one decision of COMPRESS_AUTO */
#define GROUP_NONE  UINT64_MAX

#define ZLIB_LEVEL_DEFAULT 6
#define ZLIB_LEVEL_MAX	   9
#define ZSTD_LEVEL_AUTO	   1
#define ZSTD_LEVEL_DEFAULT 3
#define ZSTD_LEVEL_MAX	   19

struct encoder {
	enum compress_mode mode;
	enum codec codec; /* CODEC_RAW: nothing is tried */
	ZSTD_CCtx *zstd;
	z_stream zlib;
	bool zlib_ready;
	int zlib_level;
	uint64_t group; /* COMPRESS_AUTO: the decided one */
	bool group_pays;
	uint8_t *scratch; /* LIMIT_CHUNK_BYTES: a result is shorter than its chunk */
};

struct encoder *
encoder_new(void)
{
	struct encoder *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->mode = COMPRESS_NONE;
	e->group = GROUP_NONE;
	return e;
}

void
encoder_free(struct encoder *e)
{
	if (e == NULL)
		return;
	ZSTD_freeCCtx(e->zstd);
	if (e->zlib_ready)
		deflateEnd(&e->zlib);
	free(e->scratch);
	free(e);
}

static int
setup_zlib(struct encoder *e, int level)
{
	if (level < 0 || level > ZLIB_LEVEL_MAX)
		return FTX_E_USAGE;
	if (level == 0)
		level = ZLIB_LEVEL_DEFAULT;
	if (e->zlib_ready && e->zlib_level == level)
		return 0;
	if (e->zlib_ready)
		deflateEnd(&e->zlib);
	e->zlib = (z_stream){0};
	e->zlib_level = level;
	e->zlib_ready = deflateInit(&e->zlib, level) == Z_OK;
	return e->zlib_ready ? 0 : FTX_E_NOMEM;
}

static int
setup_zstd(struct encoder *e, int level)
{
	size_t r;

	if (level < 0 || level > ZSTD_LEVEL_MAX)
		return FTX_E_USAGE;
	if (e->zstd == NULL)
		e->zstd = ZSTD_createCCtx();
	if (e->zstd == NULL)
		return FTX_E_NOMEM;
	r = ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel,
				   level == 0 ? ZSTD_LEVEL_DEFAULT : level);
	assert(!ZSTD_isError(r));
	return 0;
}

static enum codec
codec_of_mode(enum compress_mode mode, uint32_t peer_codecs)
{
	switch (mode) {
	case COMPRESS_AUTO:
		/* zlib is slower than most links: without zstd nothing is tried. */
		return peer_codecs >> CODEC_ZSTD & 1 ? CODEC_ZSTD : CODEC_RAW;
	case COMPRESS_ZLIB:
		return CODEC_ZLIB;
	case COMPRESS_ZSTD:
		return CODEC_ZSTD;
	case COMPRESS_NONE:
		break;
	}
	return CODEC_RAW;
}

static int
setup_codec(struct encoder *e, enum compress_mode mode, enum codec codec, int level)
{
	if (e->scratch == NULL && codec != CODEC_RAW)
		e->scratch = malloc(LIMIT_CHUNK_BYTES);
	if (e->scratch == NULL && codec != CODEC_RAW)
		return FTX_E_NOMEM;
	if ((mode == COMPRESS_AUTO || codec == CODEC_RAW) && level != 0)
		return FTX_E_USAGE;
	switch (codec) {
	case CODEC_ZLIB:
		return setup_zlib(e, level);
	case CODEC_ZSTD:
		return setup_zstd(e, mode == COMPRESS_AUTO ? ZSTD_LEVEL_AUTO : level);
	case CODEC_RAW:
		break;
	}
	return 0;
}

int
encoder_setup(struct encoder *e, enum compress_mode mode, int level, uint32_t peer_codecs)
{
	enum codec codec = codec_of_mode(mode, peer_codecs);
	int r;

	e->mode = mode;
	e->codec = CODEC_RAW; /* until all is ready */
	encoder_next_file(e);
	if ((peer_codecs >> codec & 1) == 0 && codec != CODEC_RAW)
		return FTX_E_UNSUPPORTED;
	r = setup_codec(e, mode, codec, level);
	if (r != 0)
		return r;
	e->codec = codec;
	return 0;
}

void
encoder_next_file(struct encoder *e)
{
	e->group = GROUP_NONE;
}

/* Each returns the length of the result in scratch, 0 where it is longer than room. */
static size_t
encode_zlib(struct encoder *e, const uint8_t *raw, size_t raw_length, size_t room)
{
	if (deflateReset(&e->zlib) != Z_OK)
		return 0;
	e->zlib.next_in = raw;
	e->zlib.avail_in = (uInt)raw_length;
	e->zlib.next_out = e->scratch;
	e->zlib.avail_out = (uInt)room;
	return deflate(&e->zlib, Z_FINISH) == Z_STREAM_END ? room - e->zlib.avail_out : 0;
}

static size_t
encode_zstd(struct encoder *e, const uint8_t *raw, size_t raw_length, size_t room)
{
	size_t n = ZSTD_compress2(e->zstd, e->scratch, room, raw, raw_length);

	return ZSTD_isError(n) ? 0 : n;
}

static size_t
encode(struct encoder *e, const uint8_t *raw, size_t raw_length, size_t room)
{
	switch (e->codec) {
	case CODEC_ZLIB:
		return encode_zlib(e, raw, raw_length, room);
	case CODEC_ZSTD:
		return encode_zstd(e, raw, raw_length, room);
	case CODEC_RAW:
		break;
	}
	return 0;
}

enum codec
encoder_run(struct encoder *e, uint64_t offset, uint8_t *raw, size_t raw_length, size_t *length)
{
	bool probing = e->mode == COMPRESS_AUTO && offset / GROUP_BYTES != e->group;
	size_t room = probing ? raw_length * 9 / 10 : raw_length - 1;
	size_t encoded;

	assert(raw_length > 0 && raw_length <= LIMIT_CHUNK_BYTES);
	*length = raw_length;
	if (e->codec == CODEC_RAW || (e->mode == COMPRESS_AUTO && !probing && !e->group_pays))
		return CODEC_RAW;
	encoded = room == 0 ? 0 : encode(e, raw, raw_length, room);
	if (probing) {
		e->group = offset / GROUP_BYTES;
		e->group_pays = encoded > 0;
	}
	if (encoded == 0)
		return CODEC_RAW;
	memcpy(raw, e->scratch, encoded);
	*length = encoded;
	return e->codec;
}
