#include "src/secure/handshake.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "proto/limits.h"

/* Payloads (PROTOCOL.md, "Handshake"); what follows the named bytes is written zero and not looked
 * at. */
enum {
	HELLO_MIN_MINOR,
	HELLO_MAX_MINOR,
	HELLO_AEAD_MASK,
	HELLO_AEAD_PREFERRED,
	HELLO_LOG2_RECORD,
	HELLO_INVITE_ID, /* with the magic of an invite */
};
enum { REPLY_MINOR, REPLY_AEAD, REPLY_LOG2_C2S, REPLY_LOG2_S2C };
enum { FINISH_PURPOSE };

#define HELLO_PAYLOAD_BYTES  32u
#define REPLY_PAYLOAD_BYTES  32u
#define FINISH_PAYLOAD_BYTES 96u

static const struct {
	const char *magic;
	enum noise_pattern pattern;
	uint8_t purpose;
} kinds[] = {
    [HANDSHAKE_SESSION] = {HANDSHAKE_MAGIC, NOISE_XK, 1},
    [HANDSHAKE_INVITE] = {HANDSHAKE_INVITE_MAGIC, NOISE_XKPSK3, 2},
};

/* The only size of record in minor 0: chunks of 2^18 and what a message adds. */
#define LOG2_RECORD 18u
static_assert(LIMIT_CHUNK_BYTES == 1u << LOG2_RECORD, "records are sized for a chunk");
static_assert(HELLO_INVITE_ID + HANDSHAKE_INVITE_ID_BYTES <= HELLO_PAYLOAD_BYTES, "there is room");

static_assert(HANDSHAKE_HELLO_BYTES ==
		  HANDSHAKE_MAGIC_BYTES + KEY_BYTES + HELLO_PAYLOAD_BYTES + NOISE_TAG_BYTES,
	      "magic, e, payload");
static_assert(HANDSHAKE_REPLY_BYTES == KEY_BYTES + REPLY_PAYLOAD_BYTES + NOISE_TAG_BYTES,
	      "e, payload");
static_assert(HANDSHAKE_FINISH_BYTES ==
		  KEY_BYTES + NOISE_TAG_BYTES + FINISH_PAYLOAD_BYTES + NOISE_TAG_BYTES,
	      "s, payload");

/* More than scalar multiplication and HKDF take of the stack (the unit test looks at all of it). */
#define STACK_USED_BYTES 8192u

/* S[0] of one direction: KB(k, label || aead || h). */
static void
derive_direction(uint8_t out[static 32], const uint8_t k[static 32], const char label[static 8],
		 const struct session_keys *keys)
{
	uint8_t message[8 + 1 + NOISE_HASH_BYTES];

	memcpy(message, label, 8);
	message[8] = (uint8_t)keys->aead;
	memcpy(message + 9, keys->hash, NOISE_HASH_BYTES);
	crypto_generichash(out, 32, message, sizeof(message), k, 32);
}

/* match_key: the first 16 bytes of KB(k3, "ftx1 match key" || h). */
static void
derive_match_key(uint8_t out[static 16], const uint8_t k[static 32], const uint8_t *hash)
{
	static const char label[] = "ftx1 match key";
	uint8_t message[sizeof(label) - 1 + NOISE_HASH_BYTES];
	uint8_t full[32];

	memcpy(message, label, sizeof(label) - 1);
	memcpy(message + sizeof(label) - 1, hash, NOISE_HASH_BYTES);
	crypto_generichash(full, sizeof(full), message, sizeof(message), k, 32);
	memcpy(out, full, 16);
	sodium_memzero(full, sizeof(full));
}

static void
derive_session_keys(struct session_keys *keys, const struct noise *noise, enum aead_id aead,
		    uint8_t minor)
{
	uint8_t k[3][NOISE_KEY_BYTES];

	memset(keys, 0, sizeof(*keys));
	memcpy(keys->client_key, noise->initiator ? noise->s_public : noise->rs, KEY_BYTES);
	memcpy(keys->hash, noise->h, NOISE_HASH_BYTES);
	keys->aead = aead;
	keys->minor = minor;
	noise_split(noise, k);
	derive_direction(keys->client_to_server, k[0], "ftx1 c2s", keys);
	derive_direction(keys->server_to_client, k[1], "ftx1 s2c", keys);
	derive_match_key(keys->match_key, k[2], keys->hash);
	sodium_memzero(k, sizeof(k));
}

void
session_keys_wipe(struct session_keys *keys)
{
	sodium_memzero(keys, sizeof(*keys));
}

static uint8_t
aead_bit(unsigned id)
{
	return (uint8_t)(1u << id);
}

uint8_t
handshake_aead_mask(void)
{
	uint8_t mask = aead_bit(AEAD_CHACHA20_POLY1305);

	if (aead_available(AEAD_AES_256_GCM))
		mask |= aead_bit(AEAD_AES_256_GCM);
	return mask;
}

static void
fixture_draw(struct handshake_fixture *fixture)
{
	randombytes_buf(fixture->ephemeral_secret, sizeof(fixture->ephemeral_secret));
	fixture->server_aead_mask = handshake_aead_mask();
}

int
handshake_client_start(struct handshake_client *c, const uint8_t server_key[static KEY_BYTES],
		       const uint8_t identity_secret[static KEY_BYTES], uint8_t aead_mask,
		       enum aead_id preferred, uint8_t hello[static HANDSHAKE_HELLO_BYTES])
{
	struct handshake_fixture fixture;
	int r;

	fixture_draw(&fixture);
	r = handshake_client_start_fixed(c, &fixture, server_key, identity_secret, aead_mask,
					 preferred, hello);
	sodium_memzero(&fixture, sizeof(fixture));
	return r;
}

/* invite: NULL for a session */
static int
client_start(struct handshake_client *c, const struct handshake_fixture *fixture,
	     const uint8_t server_key[static KEY_BYTES],
	     const uint8_t identity_secret[static KEY_BYTES], const struct handshake_invite *invite,
	     uint8_t aead_mask, enum aead_id preferred, uint8_t hello[static HANDSHAKE_HELLO_BYTES])
{
	uint8_t payload[HELLO_PAYLOAD_BYTES] = {
	    [HELLO_MIN_MINOR] = 0,
	    [HELLO_MAX_MINOR] = HANDSHAKE_MINOR,
	    [HELLO_AEAD_MASK] = aead_mask,
	    [HELLO_AEAD_PREFERRED] = (uint8_t)preferred,
	    [HELLO_LOG2_RECORD] = LOG2_RECORD,
	};
	uint8_t message[HELLO_PAYLOAD_BYTES + NOISE_OVERHEAD_BYTES];
	const char *magic;
	size_t length;

	assert(aead_mask & aead_bit(AEAD_CHACHA20_POLY1305));
	assert(aead_mask & aead_bit(preferred));
	c->aead_mask = aead_mask;
	c->kind = invite != NULL ? HANDSHAKE_INVITE : HANDSHAKE_SESSION;
	magic = kinds[c->kind].magic;
	noise_start(&c->noise, kinds[c->kind].pattern, true, (const uint8_t *)magic,
		    HANDSHAKE_MAGIC_BYTES, server_key, fixture->ephemeral_secret);
	memcpy(c->noise.s_secret, identity_secret, KEY_BYTES);
	crypto_scalarmult_base(c->noise.s_public, identity_secret);
	if (invite != NULL) {
		memcpy(c->noise.psk, invite->psk, sizeof(invite->psk));
		memcpy(payload + HELLO_INVITE_ID, invite->id, sizeof(invite->id));
	}
	if (noise_write_message(&c->noise, payload, sizeof(payload), message, &length) != 0)
		return FTX_E_SERVER_KEY;
	assert(HANDSHAKE_MAGIC_BYTES + length == HANDSHAKE_HELLO_BYTES);
	memcpy(hello, magic, HANDSHAKE_MAGIC_BYTES);
	memcpy(hello + HANDSHAKE_MAGIC_BYTES, message, length);
	return 0;
}

int
handshake_client_start_fixed(struct handshake_client *c, const struct handshake_fixture *fixture,
			     const uint8_t server_key[static KEY_BYTES],
			     const uint8_t identity_secret[static KEY_BYTES], uint8_t aead_mask,
			     enum aead_id preferred, uint8_t hello[static HANDSHAKE_HELLO_BYTES])
{
	return client_start(c, fixture, server_key, identity_secret, NULL, aead_mask, preferred,
			    hello);
}

int
handshake_client_join(struct handshake_client *c, const uint8_t server_key[static KEY_BYTES],
		      const uint8_t identity_secret[static KEY_BYTES],
		      const struct handshake_invite *invite, uint8_t aead_mask,
		      enum aead_id preferred, uint8_t hello[static HANDSHAKE_HELLO_BYTES])
{
	struct handshake_fixture fixture;
	int r;

	fixture_draw(&fixture);
	r = client_start(c, &fixture, server_key, identity_secret, invite, aead_mask, preferred,
			 hello);
	sodium_memzero(&fixture, sizeof(fixture));
	return r;
}

static int
check_reply(const uint8_t *payload, uint8_t aead_mask)
{
	if (payload[REPLY_MINOR] > HANDSHAKE_MINOR)
		return FTX_E_VERSION;
	if (payload[REPLY_AEAD] > AEAD_AES_256_GCM || !(aead_mask & aead_bit(payload[REPLY_AEAD])))
		return FTX_E_PROTOCOL;
	if (payload[REPLY_LOG2_C2S] != LOG2_RECORD || payload[REPLY_LOG2_S2C] != LOG2_RECORD)
		return FTX_E_PROTOCOL;
	return 0;
}

int
handshake_client_finish(struct handshake_client *c,
			const uint8_t reply[static HANDSHAKE_REPLY_BYTES],
			uint8_t finish[static HANDSHAKE_FINISH_BYTES], struct session_keys *keys)
{
	const uint8_t payload[FINISH_PAYLOAD_BYTES] = {[FINISH_PURPOSE] = kinds[c->kind].purpose};
	uint8_t message[FINISH_PAYLOAD_BYTES + NOISE_OVERHEAD_BYTES];
	uint8_t answer[HANDSHAKE_REPLY_BYTES];
	size_t length;
	int r;

	if (noise_read_message(&c->noise, reply, HANDSHAKE_REPLY_BYTES, answer, &length) != 0)
		return FTX_E_SERVER_KEY;
	r = check_reply(answer, c->aead_mask);
	if (r != 0) {
		noise_wipe(&c->noise);
		return r;
	}
	if (noise_write_message(&c->noise, payload, sizeof(payload), message, &length) != 0)
		return FTX_E_SERVER_KEY;
	assert(length == HANDSHAKE_FINISH_BYTES);
	memcpy(finish, message, length);
	derive_session_keys(keys, &c->noise, (enum aead_id)answer[REPLY_AEAD], answer[REPLY_MINOR]);
	noise_wipe(&c->noise);
	return 0;
}

void
handshake_client_wipe(struct handshake_client *c)
{
	noise_wipe(&c->noise);
}

int
handshake_es(const uint8_t server_secret[static KEY_BYTES],
	     const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64], uint8_t k[static 32])
{
	return handshake_es_of(HANDSHAKE_SESSION, server_secret, ephemeral, ck, k);
}

int
handshake_es_of(enum handshake_kind kind, const uint8_t server_secret[static KEY_BYTES],
		const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
		uint8_t k[static 32])
{
	int r = noise_es(kinds[kind].pattern, server_secret, ephemeral, ck, k);

	/* Processes forked later inherit this stack: no residue of the key may lie on it. */
	sodium_stackzero(STACK_USED_BYTES);
	return r == 0 ? 0 : FTX_E_KEY_REFUSED;
}

/* Any AEAD both have; the preferred one before ChaCha20-Poly1305.  -1: none. */
static int
choose_aead(uint8_t common, uint8_t preferred)
{
	if (common & aead_bit(preferred))
		return preferred;
	for (int id = AEAD_CHACHA20_POLY1305; id <= AEAD_AES_256_GCM; id++)
		if (common & aead_bit((unsigned)id))
			return id;
	return -1;
}

static uint8_t
highest_common(unsigned client_max)
{
	unsigned own_max = HANDSHAKE_MINOR;

	return (uint8_t)(client_max < own_max ? client_max : own_max);
}

/*
 * Looks at the client's offer and chooses.  A preferred AEAD of a later minor is one we do not
 * have; one that is not even in the client's own mask is out of range.
 */
static int
take_offer(struct handshake_server *s, const uint8_t *offer, uint8_t aead_mask)
{
	uint8_t min = offer[HELLO_MIN_MINOR], max = offer[HELLO_MAX_MINOR];
	uint8_t mask = offer[HELLO_AEAD_MASK], preferred = offer[HELLO_AEAD_PREFERRED];
	int aead;

	if (min > max)
		return FTX_E_PROTOCOL;
	s->minor = highest_common(max);
	if (min > HANDSHAKE_MINOR)
		return FTX_E_VERSION;
	if (preferred >= 8 || !(mask & aead_bit(preferred)) ||
	    offer[HELLO_LOG2_RECORD] != LOG2_RECORD)
		return FTX_E_PROTOCOL;
	aead = choose_aead(mask & aead_mask, preferred);
	if (aead < 0)
		return FTX_E_PROTOCOL;
	s->aead = (enum aead_id)aead;
	return 0;
}

int
handshake_kind_of(enum handshake_kind *kind, const uint8_t hello[static HANDSHAKE_HELLO_BYTES])
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memcmp(hello, kinds[i].magic, HANDSHAKE_MAGIC_BYTES) == 0) {
			*kind = (enum handshake_kind)i;
			return 0;
		}
	return FTX_E_PROTOCOL;
}

int
handshake_server_reply(struct handshake_server *s, const uint8_t server_public[static KEY_BYTES],
		       handshake_es_fn *es, void *arg,
		       const uint8_t hello[static HANDSHAKE_HELLO_BYTES],
		       uint8_t reply[static HANDSHAKE_REPLY_BYTES])
{
	struct handshake_fixture fixture;
	int r;

	fixture_draw(&fixture);
	r = handshake_server_reply_fixed(s, &fixture, server_public, es, arg, hello, reply);
	sodium_memzero(&fixture, sizeof(fixture));
	return r;
}

static int
write_reply(struct handshake_server *s, uint8_t reply[static HANDSHAKE_REPLY_BYTES])
{
	uint8_t payload[REPLY_PAYLOAD_BYTES] = {
	    [REPLY_MINOR] = s->minor,
	    [REPLY_AEAD] = (uint8_t)s->aead,
	    [REPLY_LOG2_C2S] = LOG2_RECORD,
	    [REPLY_LOG2_S2C] = LOG2_RECORD,
	};
	uint8_t message[REPLY_PAYLOAD_BYTES + NOISE_OVERHEAD_BYTES];
	size_t length;
	int r = noise_write_message(&s->noise, payload, sizeof(payload), message, &length);

	if (r != 0)
		return r;
	assert(length == HANDSHAKE_REPLY_BYTES);
	memcpy(reply, message, length);
	return 0;
}

int
handshake_server_reply_fixed(struct handshake_server *s, const struct handshake_fixture *fixture,
			     const uint8_t server_public[static KEY_BYTES], handshake_es_fn *es,
			     void *arg, const uint8_t hello[static HANDSHAKE_HELLO_BYTES],
			     uint8_t reply[static HANDSHAKE_REPLY_BYTES])
{
	uint8_t offer[HANDSHAKE_HELLO_BYTES];
	size_t length;
	int r, written;

	s->aead = AEAD_CHACHA20_POLY1305;
	noise_wipe(&s->noise);
	if ((r = handshake_kind_of(&s->kind, hello)) != 0)
		return r;
	noise_start(&s->noise, kinds[s->kind].pattern, false, hello, HANDSHAKE_MAGIC_BYTES,
		    server_public, fixture->ephemeral_secret);
	s->noise.es = es;
	s->noise.es_arg = arg;
	/* Until somebody says which it is, nobody knows it. */
	if (s->kind == HANDSHAKE_INVITE)
		randombytes_buf(s->noise.psk, sizeof(s->noise.psk));
	r = noise_read_message(&s->noise, hello + HANDSHAKE_MAGIC_BYTES,
			       HANDSHAKE_HELLO_BYTES - HANDSHAKE_MAGIC_BYTES, offer, &length);
	if (r != 0)
		return r;
	memcpy(s->invite_id, offer + HELLO_INVITE_ID, sizeof(s->invite_id));
	r = take_offer(s, offer, fixture->server_aead_mask);
	if (r == 0 || r == FTX_E_VERSION) {
		written = write_reply(s, reply);
		if (written != 0)
			r = written;
	}
	if (r != 0)
		noise_wipe(&s->noise);
	return r;
}

void
handshake_server_psk(struct handshake_server *s, const uint8_t psk[static NOISE_KEY_BYTES])
{
	memcpy(s->noise.psk, psk, NOISE_KEY_BYTES);
}

int
handshake_server_finish(struct handshake_server *s,
			const uint8_t finish[static HANDSHAKE_FINISH_BYTES],
			struct session_keys *keys)
{
	uint8_t payload[HANDSHAKE_FINISH_BYTES];
	size_t length;
	int r = noise_read_message(&s->noise, finish, HANDSHAKE_FINISH_BYTES, payload, &length);

	if (r == 0 && payload[FINISH_PURPOSE] != kinds[s->kind].purpose)
		r = FTX_E_PROTOCOL;
	if (r == 0)
		derive_session_keys(keys, &s->noise, s->aead, s->minor);
	noise_wipe(&s->noise);
	return r;
}

void
handshake_server_wipe(struct handshake_server *s)
{
	noise_wipe(&s->noise);
}
