/*
 * Codecs of chunks (PROTOCOL.md, "Content"), and the choice between them.
 */
#ifndef DATA_CODEC_H
#define DATA_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

enum codec { CODEC_RAW = 0, CODEC_ZLIB = 1, CODEC_ZSTD = 2 };
#define CODEC_COUNT    3u
#define CODEC_MASK_ALL 7u

/* "raw", "zlib", "zstd"; NULL for what is none. */
const char *codec_name(enum codec codec);

/*
 * Names and versions of the libraries that this room uses, as they are loaded: "zlib 1.2.13,
 * ...".  Returns out.
 */
#define CODEC_LIBRARIES_BYTES 96u
const char *codec_libraries(char out[static CODEC_LIBRARIES_BYTES]);

/*
 * Decodes into out, which must be filled exactly: raw_length bytes, at most LIMIT_CHUNK_BYTES.
 * zlib: one RFC 1950 stream, zstd: one frame with its content size, without dictionary and
 * checksum; nothing before or behind it, and shorter than raw_length.  0, FTX_E_PROTOCOL, or
 * FTX_E_NOMEM. Memory is bounded whatever the data says.  CODEC_RAW copies: who can use the bytes
 * where they are need only compare the lengths.
 */
struct decoder;
struct decoder *decoder_new(void);
void decoder_free(struct decoder *d);
int decoder_run(struct decoder *d, enum codec codec, const uint8_t *data, size_t length,
		uint8_t *out, size_t raw_length);

/* What was asked for; READ carries these numbers (PROTOCOL.md). */
enum compress_mode { COMPRESS_AUTO = 0, COMPRESS_NONE = 1, COMPRESS_ZLIB = 2, COMPRESS_ZSTD = 3 };

/*
 * Chooses and applies a codec chunk by chunk.  COMPRESS_AUTO: tries zstd level 1 on the first chunk
 * that it sees of every 4 MiB of the file and sends raw until the next 4 MiB where that gains less
 * than 10 %.  One per stream, reused from file to file; a new one does COMPRESS_NONE.
 */
struct encoder;
struct encoder *encoder_new(void);
void encoder_free(struct encoder *e);

/*
 * level: 0 for the codec's default (zlib 6, zstd 3; auto uses zstd 1); peer_codecs: what the other
 * end can decode; auto sends raw where zstd is not among them.  FTX_E_UNSUPPORTED where the mode's
 * codec is not among them, FTX_E_USAGE for a level out of range (zlib 1..9, zstd 1..19) or with a
 * mode that has none, FTX_E_NOMEM: nothing is compressed then.
 */
int encoder_setup(struct encoder *e, enum compress_mode mode, int level, uint32_t peer_codecs);

/* Forgets what was found about the last file.  Needed before another file's chunks. */
void encoder_next_file(struct encoder *e);

/*
 * Encodes the chunk raw[0..raw_length) that lies at offset in its file.  Where compression is tried
 * and pays, the result (shorter than raw_length) is copied over raw and *length is its size;
 * otherwise raw is left as it is.  Returns the codec used.
 */
enum codec encoder_run(struct encoder *e, uint64_t offset, uint8_t *raw, size_t raw_length,
		       size_t *length);

#endif
