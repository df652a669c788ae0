/*
 * The symmetric state and token machine of the Noise Protocol Framework (rev. 34), with
 * 25519, ChaChaPoly and BLAKE2b-512.  A pattern is a table of tokens, so XK (the handshake) and
 * XKpsk3 (invites) and the public test vectors of both run through the same code.
 */
#ifndef SECURE_NOISE_H
#define SECURE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_HASH_BYTES 64u

enum noise_pattern { NOISE_XK, NOISE_XKPSK3 };

/* Secret.  Wipe with noise_wipe(). */
struct noise {
	uint8_t h[NOISE_HASH_BYTES];
	uint8_t ck[NOISE_HASH_BYTES];
	uint8_t k[32];
	uint64_t n;
	bool has_key;
	bool initiator;
	enum noise_pattern pattern;
	unsigned next_message; /* 0, 1, 2 */
	uint8_t s_secret[32], s_public[32]; /* own static key; unused by a responder with an es callback */
	uint8_t e_secret[32], e_public[32]; /* own ephemeral key */
	uint8_t rs[32], re[32];		    /* the peer's public keys */
	uint8_t psk[32];
};

void noise_wipe(struct noise *noise);

#endif
