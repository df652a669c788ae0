/*
 * The symmetric state and token machine of the Noise Protocol Framework (rev. 34), with
 * 25519, ChaChaPoly and BLAKE2b-512.  A pattern is a table of tokens, so XK (the handshake) and
 * XKpsk3 (invites) and the public test vectors of both run through the same code.
 *
 * Life cycle: noise_start(), the caller fills in its static pair (and psk), then the pattern's
 * three messages in turn, then noise_split(), and noise_wipe() in any case.  No I/O, no allocation
 * and no randomness: the ephemeral secret comes from the caller.
 */
#ifndef SECURE_NOISE_H
#define SECURE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_HASH_BYTES 64u
#define NOISE_KEY_BYTES	 32u
#define NOISE_TAG_BYTES	 16u
#define NOISE_MESSAGES	 3u /* of both patterns */

enum noise_pattern { NOISE_XK, NOISE_XKPSK3 };

/*
 * A responder's step es where another process holds the static secret key: from the peer's
 * ephemeral public key to ck and k after that step, as noise_es() computes them.  0 or a negative
 * error, which noise_read_message() passes on.
 */
typedef int noise_es_fn(void *arg, const uint8_t ephemeral[static NOISE_KEY_BYTES],
			uint8_t ck[static NOISE_HASH_BYTES], uint8_t k[static NOISE_KEY_BYTES]);

/* Secret.  Wipe with noise_wipe(). */
struct noise {
	/* Filled in by the caller between noise_start() and the first message. */
	uint8_t s_secret[NOISE_KEY_BYTES]; /* own static key; unused where es is set */
	uint8_t s_public[NOISE_KEY_BYTES];
	uint8_t psk[NOISE_KEY_BYTES];
	noise_es_fn *es; /* responder: does the step es; NULL: done here with s_secret */
	void *es_arg;

	/* Kept by the functions below. */
	uint8_t h[NOISE_HASH_BYTES];
	uint8_t ck[NOISE_HASH_BYTES];
	uint8_t k[NOISE_KEY_BYTES];
	uint64_t n;
	uint8_t e_secret[NOISE_KEY_BYTES]; /* own ephemeral key */
	uint8_t e_public[NOISE_KEY_BYTES];
	uint8_t rs[NOISE_KEY_BYTES]; /* the peer's public keys */
	uint8_t re[NOISE_KEY_BYTES];
	enum noise_pattern pattern;
	unsigned next_message; /* 0..2; NOISE_MESSAGES when all are through; above: wiped */
	bool has_key;
	bool initiator;
};

/*
 * Clears noise and mixes in the pattern's name, the prologue and the responder's static public key.
 * ephemeral_secret: 32 random bytes of this handshake alone (fixed ones are for known answers).
 */
void noise_start(struct noise *noise, enum noise_pattern pattern, bool initiator,
		 const uint8_t *prologue, size_t prologue_length,
		 const uint8_t responder_public[static NOISE_KEY_BYTES],
		 const uint8_t ephemeral_secret[static NOISE_KEY_BYTES]);

/* The most that a message is longer than its payload: a key, a sealed key, a tag. */
#define NOISE_OVERHEAD_BYTES (2 * NOISE_KEY_BYTES + 2 * NOISE_TAG_BYTES)

/*
 * Writes the next message, which must be this side's, into message (room for payload_length +
 * NOISE_OVERHEAD_BYTES) and sets *message_length.  0, or FTX_E_PROTOCOL where the peer's key is a
 * point of low order; then noise is wiped.
 */
int noise_write_message(struct noise *noise, const uint8_t *payload, size_t payload_length,
			uint8_t *message, size_t *message_length);

/*
 * Reads the next message, which must be the peer's.  payload has room for message_length bytes and
 * does not overlap message.  0, FTX_E_PROTOCOL (short, bad tag, point of low order) or the error of
 * es; after an error noise and payload are wiped.
 */
int noise_read_message(struct noise *noise, const uint8_t *message, size_t message_length,
		       uint8_t *payload, size_t *payload_length);

/*
 * HKDF(ck, "", 3), each cut to 32 bytes, after the last message.  The first two are Noise's Split()
 * (initiator to responder, and back); the third is FTX/1's (PROTOCOL.md, "Keys").
 */
void noise_split(const struct noise *noise, uint8_t keys[static 3][NOISE_KEY_BYTES]);

/*
 * What the step es of the first message makes of the responder's static secret key and the
 * initiator's ephemeral public key.  0, or FTX_E_PROTOCOL for a point of low order.
 */
int noise_es(enum noise_pattern pattern, const uint8_t s_secret[static NOISE_KEY_BYTES],
	     const uint8_t ephemeral[static NOISE_KEY_BYTES], uint8_t ck[static NOISE_HASH_BYTES],
	     uint8_t k[static NOISE_KEY_BYTES]);

/* Afterwards only noise_start() may be called. */
void noise_wipe(struct noise *noise);

#endif
