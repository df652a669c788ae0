/*
 * The record ciphers behind one small interface, so that a second implementation can stand beside
 * libsodium's: ChaCha20-Poly1305 (RFC 8439) and AES-256-GCM (NIST SP 800-38D).
 *
 * An aead holds one key.  The caller never uses one (key, n) pair twice.
 */
#ifndef SECURE_AEAD_H
#define SECURE_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_COUNT 2u
enum aead_id { AEAD_CHACHA20_POLY1305 = 0, AEAD_AES_256_GCM = 1 }; /* PROTOCOL.md, "Handshake" */

#define AEAD_KEY_BYTES 32u
#define AEAD_TAG_BYTES 16u

struct aead {
	_Alignas(16) uint8_t state[512]; /* libsodium: the expanded AES key, or the ChaCha20 key */
	void *libcrypto;		 /* its context, owned; NULL: libsodium does it */
	enum aead_id id;
};

/* Can this machine do it (AES needs the CPU's instructions)? */
bool aead_available(enum aead_id id);

/* Text form for people and JSON: "aes-256-gcm", "chacha20-poly1305". */
const char *aead_name(enum aead_id id);

/*
 * Names and versions of the libraries that this room uses, as they are loaded: "libsodium 1.0.18,
 * OpenSSL 3.0.17".  Returns out.
 */
#define AEAD_LIBRARIES_BYTES 96u
const char *aead_libraries(char out[static AEAD_LIBRARIES_BYTES]);

/* By libsodium: nothing is allocated, and no system call is made by any function here. */
void aead_init(struct aead *a, enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES]);

/*
 * Does what the first aead_init_bulk() of a process would do, which takes some milliseconds: for
 * one whose children need it.
 */
void aead_prepare(void);

/*
 * For much data: by libcrypto where this build has it, else as aead_init().  Allocates, so
 * aead_release() must follow.
 */
void aead_init_bulk(struct aead *a, enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES]);

/*
 * Encrypts data[0..length) in place and writes the tag behind it: room for length +
 * AEAD_TAG_BYTES.
 */
void aead_seal(const struct aead *a, uint64_t n, const uint8_t *ad, size_t ad_length, uint8_t *data,
	       size_t length);

/*
 * Checks the tag that stands behind data[0..length), then decrypts in place.  0, or
 * FTX_E_PROTOCOL with data undefined.
 */
int aead_open(const struct aead *a, uint64_t n, const uint8_t *ad, size_t ad_length, uint8_t *data,
	      size_t length);

/* Wipes the key. */
void aead_release(struct aead *a);

#endif
