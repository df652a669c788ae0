#include "src/secure/aead.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/aead_libcrypto.h"

#define NONCE_BYTES 12u

static_assert(sizeof(crypto_aead_aes256gcm_state) <= sizeof(((struct aead *)0)->state),
	      "struct aead holds libsodium's AES state");
static_assert(crypto_aead_aes256gcm_ABYTES == AEAD_TAG_BYTES, "tag of AES-256-GCM");
static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == AEAD_TAG_BYTES, "tag of ChaCha20");
static_assert(crypto_aead_aes256gcm_NPUBBYTES == NONCE_BYTES, "nonce of AES-256-GCM");
static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE_BYTES, "nonce of ChaCha20");

/*
 * libsodium looks at the CPU and opens its source of randomness once, before main(): a process that
 * has given up its system calls finds it ready, and no caller can forget it.
 */
__attribute__((constructor)) static void
start_sodium(void)
{
	if (sodium_init() < 0)
		abort();
}

static crypto_aead_aes256gcm_state *
aes_state(struct aead *a)
{
	return (crypto_aead_aes256gcm_state *)(void *)a->state;
}

static const crypto_aead_aes256gcm_state *
aes_state_const(const struct aead *a)
{
	return (const crypto_aead_aes256gcm_state *)(const void *)a->state;
}

/* 0^4 || LE64(n) for ChaCha20, 0^4 || BE64(n) for AES (Noise sections 12.3 and 12.4). */
static void
nonce_format(uint8_t nonce[static NONCE_BYTES], enum aead_id id, uint64_t n)
{
	memset(nonce, 0, NONCE_BYTES);
	for (unsigned i = 0; i < 8; i++)
		nonce[id == AEAD_AES_256_GCM ? 11 - i : 4 + i] = (uint8_t)(n >> (8 * i));
}

bool
aead_available(enum aead_id id)
{
	switch (id) {
	case AEAD_CHACHA20_POLY1305:
		return true;
	case AEAD_AES_256_GCM:
		return crypto_aead_aes256gcm_is_available() == 1;
	}
	return false;
}

const char *
aead_libraries(char out[static AEAD_LIBRARIES_BYTES])
{
	const char *libcrypto = aead_libcrypto_version();

	snprintf(out, AEAD_LIBRARIES_BYTES, "libsodium %s%s%s", sodium_version_string(),
		 libcrypto != NULL ? ", OpenSSL " : "", libcrypto != NULL ? libcrypto : "");
	return out;
}

const char *
aead_name(enum aead_id id)
{
	switch (id) {
	case AEAD_CHACHA20_POLY1305:
		return "chacha20-poly1305";
	case AEAD_AES_256_GCM:
		return "aes-256-gcm";
	}
	return "unknown";
}

void
aead_init(struct aead *a, enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES])
{
	assert(aead_available(id));
	a->id = id;
	a->libcrypto = NULL;
	switch (id) {
	case AEAD_CHACHA20_POLY1305:
		memcpy(a->state, key, AEAD_KEY_BYTES);
		break;
	case AEAD_AES_256_GCM:
		crypto_aead_aes256gcm_beforenm(aes_state(a), key);
		break;
	}
}

void
aead_prepare(void)
{
	aead_libcrypto_prepare();
}

void
aead_init_bulk(struct aead *a, enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES])
{
	aead_init(a, id, key);
	a->libcrypto = aead_libcrypto_new(id, key);
	if (a->libcrypto != NULL)
		sodium_memzero(a->state, sizeof(a->state));
}

void
aead_seal(const struct aead *a, uint64_t n, const uint8_t *ad, size_t ad_length, uint8_t *data,
	  size_t length)
{
	uint8_t nonce[NONCE_BYTES];

	nonce_format(nonce, a->id, n);
	if (a->libcrypto != NULL) {
		aead_libcrypto_seal(a->libcrypto, nonce, ad, ad_length, data, length);
		return;
	}
	switch (a->id) {
	case AEAD_CHACHA20_POLY1305:
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(
		    data, data + length, NULL, data, length, ad, ad_length, NULL, nonce, a->state);
		break;
	case AEAD_AES_256_GCM:
		crypto_aead_aes256gcm_encrypt_detached_afternm(data, data + length, NULL, data,
							       length, ad, ad_length, NULL, nonce,
							       aes_state_const(a));
		break;
	}
}

int
aead_open(const struct aead *a, uint64_t n, const uint8_t *ad, size_t ad_length, uint8_t *data,
	  size_t length)
{
	uint8_t nonce[NONCE_BYTES];
	int r = -1;

	nonce_format(nonce, a->id, n);
	if (a->libcrypto != NULL)
		return aead_libcrypto_open(a->libcrypto, nonce, ad, ad_length, data, length);
	switch (a->id) {
	case AEAD_CHACHA20_POLY1305:
		r = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
		    data, NULL, data, length, data + length, ad, ad_length, nonce, a->state);
		break;
	case AEAD_AES_256_GCM:
		r = crypto_aead_aes256gcm_decrypt_detached_afternm(data, NULL, data, length,
								   data + length, ad, ad_length,
								   nonce, aes_state_const(a));
		break;
	}
	return r == 0 ? 0 : FTX_E_PROTOCOL;
}

void
aead_release(struct aead *a)
{
	aead_libcrypto_free(a->libcrypto);
	sodium_memzero(a, sizeof(*a));
}
