/*
 * The record ciphers by OpenSSL's libcrypto: the same bytes as libsodium's, in about half the time
 * or less (tests/bench/aead).  Inside src/secure only; aead.h is the interface.
 */
#ifndef SECURE_AEAD_LIBCRYPTO_H
#define SECURE_AEAD_LIBCRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "src/secure/aead.h"

/* Of the library that is loaded; NULL: this build is without it. */
const char *aead_libcrypto_version(void);

/* See aead_prepare(). */
void aead_libcrypto_prepare(void);

/*
 * An owned context holding key, or NULL: out of memory, or libcrypto does not do this cipher, or
 * this build is without it.
 */
void *aead_libcrypto_new(enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES]);

/* Wipes the key.  NULL is allowed. */
void aead_libcrypto_free(void *context);

/* As aead_seal() and aead_open(), with the nonce made. */
void aead_libcrypto_seal(void *context, const uint8_t nonce[static 12], const uint8_t *ad,
			 size_t ad_length, uint8_t *data, size_t length);
int aead_libcrypto_open(void *context, const uint8_t nonce[static 12], const uint8_t *ad,
			size_t ad_length, uint8_t *data, size_t length);

#endif
