/*
 * Checksums of content (PROTOCOL.md, "Content"): XXH3-128, seed 0, default secret; 16 bytes, low 64
 * bits first, each half little endian.  They find accidents; attackers are kept out by the records.
 */
#ifndef DATA_CHECKSUM_H
#define DATA_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

struct digest {
	uint8_t bytes[LIMIT_DIGEST_BYTES];
};

/* Digest of some bytes at once: a chunk. */
struct digest digest_of(const void *data, size_t length);
bool digest_equal(const struct digest *a, const struct digest *b);

/* "ftx1:" and 32 hex digits, and a terminator. */
#define DIGEST_TEXT_BYTES 38u
char *digest_format(char out[static DIGEST_TEXT_BYTES], const struct digest *d);

/* A running digest: of the block that is being read or written, or of a file. */
struct digest_state;
struct digest_state *digest_state_new(void); /* NULL: out of memory */
void digest_state_free(struct digest_state *s);
void digest_start(struct digest_state *s);
void digest_add(struct digest_state *s, const void *data, size_t length);
struct digest digest_finish(const struct digest_state *s); /* s stays as it is */

/*
 * A hole is zeros.  digest_of_zeros() takes 0..LIMIT_BLOCK_BYTES of them; that of a whole block is
 * computed once.  Both may be called by several threads.
 */
struct digest digest_of_zeros(size_t length);
void digest_add_zeros(struct digest_state *s, uint64_t length);

/*
 * Digest of a file, or of some of its blocks: over LE64(size), then file_digest_add() for each
 * block digest in ascending order, then digest_finish().
 */
void file_digest_start(struct digest_state *s, uint64_t size);
void file_digest_add(struct digest_state *s, const struct digest *block);

/* 64-bit check of journal slots and headers: XXH3-64. */
uint64_t check64(const void *data, size_t length);

#endif
