/*
 * Records: one direction's sealed frames (PROTOCOL.md, "Records").  No I/O.
 *
 *	LE32 L | AEAD(K[seq >> 14], nonce seq, ad = the 4 bytes of L, plaintext)
 *	L = plaintext + 16
 *
 * The key is ratcheted every 2^14 records; old secrets are wiped.
 */
#ifndef SECURE_RECORD_H
#define SECURE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/secure/aead.h"

#define RECORD_HEADER_BYTES   4u
#define RECORD_OVERHEAD_BYTES (RECORD_HEADER_BYTES + AEAD_TAG_BYTES)
#define RECORD_MAX_BYTES      (LIMIT_RECORD_PLAIN + RECORD_OVERHEAD_BYTES)
#define RECORD_EPOCH_SHIFT    14u

/* One direction.  The same struct seals at one end and opens at the other. */
struct record_state {
	struct aead aead;
	uint8_t secret[32]; /* S[epoch] */
	uint64_t seq;
	bool bulk;
};

/* secret: S[0] of this direction from struct session_keys. */
void record_init(struct record_state *r, enum aead_id id, const uint8_t secret[static 32]);

/* For much data (aead_init_bulk()): allocates, so record_release() must follow. */
void record_init_bulk(struct record_state *r, enum aead_id id, const uint8_t secret[static 32]);
void record_release(struct record_state *r);

/*
 * Seals in place: the plaintext stands at frame + RECORD_HEADER_BYTES, frame has room for
 * length + RECORD_OVERHEAD_BYTES.  1 <= length <= LIMIT_RECORD_PLAIN (asserted).  Returns the
 * frame's size.
 */
size_t record_seal(struct record_state *r, uint8_t *frame, size_t length);

/*
 * Size of the whole frame that begins with these 4 bytes, checked before anything is read for it;
 * 0 where L is out of range.
 */
size_t record_frame_bytes(const uint8_t header[static RECORD_HEADER_BYTES]);

/*
 * Opens a whole frame in place.  The plaintext is *length bytes at frame + RECORD_HEADER_BYTES.
 * 0 or FTX_E_PROTOCOL; after an error the connection must end.
 */
int record_open(struct record_state *r, uint8_t *frame, size_t frame_bytes, size_t *length);

#endif
