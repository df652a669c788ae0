#include "src/secure/noise.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/aead.h"

#define HMAC_BLOCK_BYTES  128u /* BLAKE2b's block (RFC 7693) */
#define TOKENS_A_MESSAGE  3u
#define HKDF_OUTPUTS_MOST 3u

enum token { TOKEN_NONE, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_PSK };

static const struct pattern {
	const char *name; /* at most NOISE_HASH_BYTES, so that h0 is it, padded with zeros */
	bool has_psk;
	enum token messages[NOISE_MESSAGES][TOKENS_A_MESSAGE];
} patterns[] = {
    [NOISE_XK] = {.name = "Noise_XK_25519_ChaChaPoly_BLAKE2b",
		  .has_psk = false,
		  .messages = {{TOKEN_E, TOKEN_ES}, {TOKEN_E, TOKEN_EE}, {TOKEN_S, TOKEN_SE}}},
    [NOISE_XKPSK3] = {.name = "Noise_XKpsk3_25519_ChaChaPoly_BLAKE2b",
		      .has_psk = true,
		      .messages = {{TOKEN_E, TOKEN_ES},
				   {TOKEN_E, TOKEN_EE},
				   {TOKEN_S, TOKEN_SE, TOKEN_PSK}}},
};

static void
hash_padded(crypto_generichash_state *state, const uint8_t key[static NOISE_HASH_BYTES],
	    uint8_t pad_byte)
{
	uint8_t pad[HMAC_BLOCK_BYTES];

	memset(pad, pad_byte, sizeof(pad));
	for (size_t i = 0; i < NOISE_HASH_BYTES; i++)
		pad[i] ^= key[i];
	crypto_generichash_init(state, NULL, 0, NOISE_HASH_BYTES);
	crypto_generichash_update(state, pad, sizeof(pad));
	sodium_memzero(pad, sizeof(pad));
}

/* RFC 2104 over BLAKE2b-512; BLAKE2b's own keyed mode is something else. */
static void
hmac(uint8_t out[static NOISE_HASH_BYTES], const uint8_t key[static NOISE_HASH_BYTES],
     const uint8_t *data, size_t length)
{
	crypto_generichash_state state;
	uint8_t inner[NOISE_HASH_BYTES];

	hash_padded(&state, key, 0x36);
	crypto_generichash_update(&state, data, length);
	crypto_generichash_final(&state, inner, sizeof(inner));
	hash_padded(&state, key, 0x5c);
	crypto_generichash_update(&state, inner, sizeof(inner));
	crypto_generichash_final(&state, out, NOISE_HASH_BYTES);
	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(&state, sizeof(state));
}

/* Noise section 4.3: out[i] = HMAC(HMAC(ck, input), out[i - 1] || i + 1). */
static void
hkdf(uint8_t (*out)[NOISE_HASH_BYTES], unsigned count, const uint8_t ck[static NOISE_HASH_BYTES],
     const uint8_t *input, size_t length)
{
	uint8_t key[NOISE_HASH_BYTES], chain[NOISE_HASH_BYTES + 1];
	size_t chained = 0;

	assert(count <= HKDF_OUTPUTS_MOST);
	hmac(key, ck, input, length);
	for (unsigned i = 0; i < count; i++) {
		chain[chained] = (uint8_t)(i + 1);
		hmac(out[i], key, chain, chained + 1);
		memcpy(chain, out[i], NOISE_HASH_BYTES);
		chained = NOISE_HASH_BYTES;
	}
	sodium_memzero(key, sizeof(key));
	sodium_memzero(chain, sizeof(chain));
}

static void
mix_hash(struct noise *noise, const uint8_t *data, size_t length)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, NOISE_HASH_BYTES);
	crypto_generichash_update(&state, noise->h, NOISE_HASH_BYTES);
	crypto_generichash_update(&state, data, length);
	crypto_generichash_final(&state, noise->h, NOISE_HASH_BYTES);
}

static void
set_key(struct noise *noise, const uint8_t key[static NOISE_KEY_BYTES])
{
	memcpy(noise->k, key, NOISE_KEY_BYTES);
	noise->n = 0;
	noise->has_key = true;
}

static void
mix_key(struct noise *noise, const uint8_t input[static NOISE_KEY_BYTES])
{
	uint8_t out[2][NOISE_HASH_BYTES];

	hkdf(out, 2, noise->ck, input, NOISE_KEY_BYTES);
	memcpy(noise->ck, out[0], NOISE_HASH_BYTES);
	set_key(noise, out[1]);
	sodium_memzero(out, sizeof(out));
}

static void
mix_key_and_hash(struct noise *noise, const uint8_t input[static NOISE_KEY_BYTES])
{
	uint8_t out[3][NOISE_HASH_BYTES];

	hkdf(out, 3, noise->ck, input, NOISE_KEY_BYTES);
	memcpy(noise->ck, out[0], NOISE_HASH_BYTES);
	mix_hash(noise, out[1], NOISE_HASH_BYTES);
	set_key(noise, out[2]);
	sodium_memzero(out, sizeof(out));
}

static int
mix_dh(struct noise *noise, const uint8_t secret[static NOISE_KEY_BYTES],
       const uint8_t public_key[static NOISE_KEY_BYTES])
{
	uint8_t shared[NOISE_KEY_BYTES];
	int r = 0;

	if (crypto_scalarmult(shared, secret, public_key) != 0)
		r = FTX_E_PROTOCOL;
	else
		mix_key(noise, shared);
	sodium_memzero(shared, sizeof(shared));
	return r;
}

/* In a pattern with a psk an ephemeral key goes into the chaining key too (Noise section 9.2). */
static void
mix_ephemeral(struct noise *noise, const uint8_t key[static NOISE_KEY_BYTES])
{
	mix_hash(noise, key, NOISE_KEY_BYTES);
	if (patterns[noise->pattern].has_psk)
		mix_key(noise, key);
}

/* Encrypts data[0..length) in place, writes the tag behind it. */
static void
encrypt_and_hash(struct noise *noise, uint8_t *data, size_t length)
{
	struct aead aead;

	assert(noise->has_key);
	aead_init(&aead, AEAD_CHACHA20_POLY1305, noise->k);
	aead_seal(&aead, noise->n++, noise->h, NOISE_HASH_BYTES, data, length);
	aead_release(&aead);
	mix_hash(noise, data, length + NOISE_TAG_BYTES);
}

/* Decrypts sealed[0..length), tag included, into data[0..length). */
static int
decrypt_and_hash(struct noise *noise, uint8_t *data, const uint8_t *sealed, size_t length)
{
	struct aead aead;
	int r;

	assert(noise->has_key);
	if (length < NOISE_TAG_BYTES)
		return FTX_E_PROTOCOL;
	memcpy(data, sealed, length);
	aead_init(&aead, AEAD_CHACHA20_POLY1305, noise->k);
	r = aead_open(&aead, noise->n++, noise->h, NOISE_HASH_BYTES, data,
		      length - NOISE_TAG_BYTES);
	aead_release(&aead);
	if (r == 0)
		mix_hash(noise, sealed, length);
	return r;
}

static int
step_es(struct noise *noise)
{
	uint8_t ck[NOISE_HASH_BYTES], k[NOISE_KEY_BYTES];
	int r;

	if (noise->initiator)
		return mix_dh(noise, noise->e_secret, noise->rs);
	if (noise->es == NULL)
		return mix_dh(noise, noise->s_secret, noise->re);
	r = noise->es(noise->es_arg, noise->re, ck, k);
	if (r == 0) {
		memcpy(noise->ck, ck, sizeof(ck));
		set_key(noise, k);
	}
	sodium_memzero(ck, sizeof(ck));
	sodium_memzero(k, sizeof(k));
	return r;
}

/* The tokens that put no bytes into a message. */
static int
mix_token(struct noise *noise, enum token token)
{
	switch (token) {
	case TOKEN_EE:
		return mix_dh(noise, noise->e_secret, noise->re);
	case TOKEN_ES:
		return step_es(noise);
	case TOKEN_SE:
		return noise->initiator ? mix_dh(noise, noise->s_secret, noise->re)
					: mix_dh(noise, noise->e_secret, noise->rs);
	case TOKEN_PSK:
		mix_key_and_hash(noise, noise->psk);
		return 0;
	case TOKEN_NONE:
	case TOKEN_E:
	case TOKEN_S:
		break;
	}
	return 0;
}

/* Writes the bytes of one token at message + *at. */
static int
write_token(struct noise *noise, enum token token, uint8_t *message, size_t *at)
{
	if (token == TOKEN_E) {
		memcpy(message + *at, noise->e_public, NOISE_KEY_BYTES);
		mix_ephemeral(noise, noise->e_public);
		*at += NOISE_KEY_BYTES;
	} else if (token == TOKEN_S) {
		memcpy(message + *at, noise->s_public, NOISE_KEY_BYTES);
		encrypt_and_hash(noise, message + *at, NOISE_KEY_BYTES);
		*at += NOISE_KEY_BYTES + NOISE_TAG_BYTES;
	}
	return mix_token(noise, token);
}

/* Reads the bytes of one token from message[*at..length). */
static int
read_token(struct noise *noise, enum token token, const uint8_t *message, size_t length, size_t *at)
{
	uint8_t sealed[NOISE_KEY_BYTES + NOISE_TAG_BYTES];
	int r = 0;

	if (token == TOKEN_E) {
		if (length - *at < NOISE_KEY_BYTES)
			return FTX_E_PROTOCOL;
		memcpy(noise->re, message + *at, NOISE_KEY_BYTES);
		mix_ephemeral(noise, noise->re);
		*at += NOISE_KEY_BYTES;
	} else if (token == TOKEN_S) {
		if (length - *at < sizeof(sealed))
			return FTX_E_PROTOCOL;
		r = decrypt_and_hash(noise, sealed, message + *at, sizeof(sealed));
		memcpy(noise->rs, sealed, NOISE_KEY_BYTES);
		sodium_memzero(sealed, sizeof(sealed));
		*at += sizeof(sealed);
	}
	return r != 0 ? r : mix_token(noise, token);
}

/* h and ck before anything is mixed in. */
static void
set_name(struct noise *noise, enum noise_pattern pattern)
{
	const char *name = patterns[pattern].name;

	memset(noise, 0, sizeof(*noise));
	noise->pattern = pattern;
	memcpy(noise->h, name, strlen(name));
	memcpy(noise->ck, noise->h, NOISE_HASH_BYTES);
}

void
noise_start(struct noise *noise, enum noise_pattern pattern, bool initiator,
	    const uint8_t *prologue, size_t prologue_length,
	    const uint8_t responder_public[static NOISE_KEY_BYTES],
	    const uint8_t ephemeral_secret[static NOISE_KEY_BYTES])
{
	set_name(noise, pattern);
	noise->initiator = initiator;
	mix_hash(noise, prologue, prologue_length);
	mix_hash(noise, responder_public, NOISE_KEY_BYTES);
	if (initiator)
		memcpy(noise->rs, responder_public, NOISE_KEY_BYTES);
	memcpy(noise->e_secret, ephemeral_secret, NOISE_KEY_BYTES);
	crypto_scalarmult_base(noise->e_public, noise->e_secret);
}

int
noise_write_message(struct noise *noise, const uint8_t *payload, size_t payload_length,
		    uint8_t *message, size_t *message_length)
{
	const enum token *tokens;
	size_t at = 0;

	assert(noise->next_message < NOISE_MESSAGES);
	assert(noise->initiator == (noise->next_message % 2 == 0));
	tokens = patterns[noise->pattern].messages[noise->next_message];
	for (unsigned i = 0; i < TOKENS_A_MESSAGE; i++) {
		int r = write_token(noise, tokens[i], message, &at);

		if (r != 0) {
			noise_wipe(noise);
			return r;
		}
	}
	if (payload_length > 0)
		memcpy(message + at, payload, payload_length);
	encrypt_and_hash(noise, message + at, payload_length);
	*message_length = at + payload_length + NOISE_TAG_BYTES;
	noise->next_message++;
	return 0;
}

int
noise_read_message(struct noise *noise, const uint8_t *message, size_t message_length,
		   uint8_t *payload, size_t *payload_length)
{
	const enum token *tokens;
	size_t at = 0;
	int r = 0;

	assert(noise->next_message < NOISE_MESSAGES);
	assert(noise->initiator == (noise->next_message % 2 == 1));
	tokens = patterns[noise->pattern].messages[noise->next_message];
	for (unsigned i = 0; r == 0 && i < TOKENS_A_MESSAGE; i++)
		r = read_token(noise, tokens[i], message, message_length, &at);
	if (r == 0)
		r = decrypt_and_hash(noise, payload, message + at, message_length - at);
	if (r != 0) {
		noise_wipe(noise);
		sodium_memzero(payload, message_length);
		return r;
	}
	*payload_length = message_length - at - NOISE_TAG_BYTES;
	noise->next_message++;
	return 0;
}

void
noise_split(const struct noise *noise, uint8_t keys[static 3][NOISE_KEY_BYTES])
{
	uint8_t out[3][NOISE_HASH_BYTES];

	assert(noise->next_message == NOISE_MESSAGES);
	hkdf(out, 3, noise->ck, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		memcpy(keys[i], out[i], NOISE_KEY_BYTES);
	sodium_memzero(out, sizeof(out));
}

int
noise_es(enum noise_pattern pattern, const uint8_t s_secret[static NOISE_KEY_BYTES],
	 const uint8_t ephemeral[static NOISE_KEY_BYTES], uint8_t ck[static NOISE_HASH_BYTES],
	 uint8_t k[static NOISE_KEY_BYTES])
{
	struct noise noise;
	int r;

	/* ck and k depend on nothing else of the transcript, so the holder of the key needs no
	 * more. */
	set_name(&noise, pattern);
	mix_ephemeral(&noise, ephemeral);
	r = mix_dh(&noise, s_secret, ephemeral);
	if (r == 0) {
		memcpy(ck, noise.ck, NOISE_HASH_BYTES);
		memcpy(k, noise.k, NOISE_KEY_BYTES);
	}
	noise_wipe(&noise);
	return r;
}

void
noise_wipe(struct noise *noise)
{
	sodium_memzero(noise, sizeof(*noise));
	noise->next_message = NOISE_MESSAGES + 1;
}
