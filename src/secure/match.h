/*
 * The keyed digest of a connection (PROTOCOL.md, "Content"): where equality of content is to
 * replace sending it, this decides, not XXH3.  Nobody who does not have the key can prepare two
 * contents with the same one.
 */
#ifndef SECURE_MATCH_H
#define SECURE_MATCH_H

#include <stddef.h>
#include <stdint.h>

#define MATCH_KEY_BYTES 16u /* session_keys.match_key */
#define MATCH_BYTES	16u

/* A running digest.  Holds the key: match_wipe() it. */
struct match {
	uint8_t key[MATCH_KEY_BYTES];
	uint8_t chain[MATCH_BYTES];
};

/* size: of the whole file. */
void match_start(struct match *m, const uint8_t key[static MATCH_KEY_BYTES], uint64_t size);

/* The next block, whole: LIMIT_BLOCK_BYTES, the last one what remains (not empty). */
void match_add(struct match *m, const void *block, size_t length);

/* After the last block; m stays as it is. */
void match_finish(const struct match *m, uint8_t out[static MATCH_BYTES]);
void match_wipe(struct match *m);

#endif
