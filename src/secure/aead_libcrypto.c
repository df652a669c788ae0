#include "src/secure/aead_libcrypto.h"

#include <assert.h>

#include "proto/errors.h"

#ifdef FTX_LIBCRYPTO

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
/* By id; NULL: libcrypto does not do it.  For the life of the process. */
static EVP_CIPHER *ciphers[2];

static void
fetch(void)
{
	/* openssl.cnf has no say here, and a confined process could not read it. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return;
	ciphers[AEAD_CHACHA20_POLY1305] = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	ciphers[AEAD_AES_256_GCM] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

const char *
aead_libcrypto_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

void
aead_libcrypto_prepare(void)
{
	pthread_once(&fetched, fetch);
}

void *
aead_libcrypto_new(enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES])
{
	EVP_CIPHER_CTX *context;

	aead_libcrypto_prepare();
	if (ciphers[id] == NULL || (context = EVP_CIPHER_CTX_new()) == NULL)
		return NULL;
	if (EVP_CipherInit_ex2(context, ciphers[id], key, NULL, 1, NULL) != 1) {
		EVP_CIPHER_CTX_free(context);
		return NULL;
	}
	return context;
}

void
aead_libcrypto_free(void *context)
{
	EVP_CIPHER_CTX_free(context);
}

/* Everything but the tag.  It cannot fail with a good key and lengths below 2^31: 1 is asserted. */
static void
run(EVP_CIPHER_CTX *context, int sealing, const uint8_t nonce[static 12], const uint8_t *ad,
    size_t ad_length, uint8_t *data, size_t length)
{
	int n;
	int good = EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, sealing);

	if (good == 1 && ad_length > 0)
		good = EVP_CipherUpdate(context, NULL, &n, ad, (int)ad_length);
	if (good == 1 && length > 0)
		good = EVP_CipherUpdate(context, data, &n, data, (int)length);
	assert(good == 1);
}

void
aead_libcrypto_seal(void *context, const uint8_t nonce[static 12], const uint8_t *ad,
		    size_t ad_length, uint8_t *data, size_t length)
{
	int n;
	int good;

	run(context, 1, nonce, ad, ad_length, data, length);
	good = EVP_CipherFinal_ex(context, data + length, &n);
	if (good == 1)
		good = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES,
					   data + length);
	assert(good == 1);
}

int
aead_libcrypto_open(void *context, const uint8_t nonce[static 12], const uint8_t *ad,
		    size_t ad_length, uint8_t *data, size_t length)
{
	uint8_t *tag = data + length;
	int n;

	run(context, 0, nonce, ad, ad_length, data, length);
	if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, tag) != 1)
		return FTX_E_PROTOCOL;
	return EVP_CipherFinal_ex(context, tag, &n) == 1 ? 0 : FTX_E_PROTOCOL;
}

#else

const char *
aead_libcrypto_version(void)
{
	return NULL;
}

void
aead_libcrypto_prepare(void)
{
}

void *
aead_libcrypto_new(enum aead_id id, const uint8_t key[static AEAD_KEY_BYTES])
{
	(void)id;
	(void)key;
	return NULL;
}

void
aead_libcrypto_free(void *context)
{
	assert(context == NULL);
}

void
aead_libcrypto_seal(void *context, const uint8_t nonce[static 12], const uint8_t *ad,
		    size_t ad_length, uint8_t *data, size_t length)
{
	(void)nonce, (void)ad, (void)ad_length, (void)data, (void)length;
	assert(context == NULL);
}

int
aead_libcrypto_open(void *context, const uint8_t nonce[static 12], const uint8_t *ad,
		    size_t ad_length, uint8_t *data, size_t length)
{
	(void)nonce, (void)ad, (void)ad_length, (void)data, (void)length;
	assert(context == NULL);
	return FTX_E_PROTOCOL;
}

#endif
