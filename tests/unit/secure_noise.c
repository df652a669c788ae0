#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/aead.h"
#include "src/secure/noise.h"
#include "tests/unit/secure_kat.h"

#define MESSAGE_MOST 1024u

static const struct {
	const char *name;
	enum noise_pattern pattern;
} protocols[] = {
    {"Noise_XK_25519_ChaChaPoly_BLAKE2b", NOISE_XK},
    {"Noise_XKpsk3_25519_ChaChaPoly_BLAKE2b", NOISE_XKPSK3},
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* The responder's step es as another process would do it. */
struct key_holder {
	enum noise_pattern pattern;
	uint8_t secret[NOISE_KEY_BYTES];
};

static int
ask_holder(void *arg, const uint8_t ephemeral[static NOISE_KEY_BYTES],
	   uint8_t ck[static NOISE_HASH_BYTES], uint8_t k[static NOISE_KEY_BYTES])
{
	const struct key_holder *holder = arg;

	return noise_es(holder->pattern, holder->secret, ephemeral, ck, k);
}

static void
give_away_secret(struct noise *responder, struct key_holder *holder)
{
	memcpy(holder->secret, responder->s_secret, NOISE_KEY_BYTES);
	memset(responder->s_secret, 0, NOISE_KEY_BYTES);
	responder->es = ask_holder;
	responder->es_arg = holder;
}

static void
start(struct noise *noise, enum noise_pattern pattern, bool initiator, const json_t *vector)
{
	const char *prologue_name = initiator ? "init_prologue" : "resp_prologue";
	const json_t *psks = json_object_get(vector, initiator ? "init_psks" : "resp_psks");
	uint8_t prologue[MESSAGE_MOST], ephemeral[32], secret[32], responder[32];
	size_t prologue_length = kat_hex(prologue, sizeof(prologue), vector, prologue_name);

	kat_bytes(ephemeral, 32, vector, initiator ? "init_ephemeral" : "resp_ephemeral");
	kat_bytes(secret, 32, vector, initiator ? "init_static" : "resp_static");
	kat_bytes(responder, 32, vector, "init_remote_static");
	noise_start(noise, pattern, initiator, prologue, prologue_length, responder, ephemeral);
	memcpy(noise->s_secret, secret, 32);
	crypto_scalarmult_base(noise->s_public, secret);
	if (pattern == NOISE_XKPSK3) {
		const json_t *psk = json_array_get(psks, 0);
		size_t got;

		cr_assert_eq(
		    sodium_hex2bin(noise->psk, 32, json_string_value(psk), 64, NULL, &got, NULL),
		    0);
		cr_assert_eq(got, 32);
	}
}

/* One handshake message: written as the vector says, and read back. */
static void
handshake_message(struct noise *writer, struct noise *reader, const json_t *message)
{
	uint8_t payload[MESSAGE_MOST], expected[MESSAGE_MOST], wire[MESSAGE_MOST],
	    back[MESSAGE_MOST];
	size_t payload_length = kat_hex(payload, sizeof(payload) - 256, message, "payload");
	size_t expected_length = kat_hex(expected, sizeof(expected), message, "ciphertext");
	size_t length;

	cr_assert_eq(noise_write_message(writer, payload, payload_length, wire, &length), 0);
	cr_assert_eq(length, expected_length);
	cr_assert_arr_eq(wire, expected, length);
	cr_assert_eq(noise_read_message(reader, wire, length, back, &length), 0);
	cr_assert_eq(length, payload_length);
	cr_assert_arr_eq(back, payload, length);
}

static void
transport_message(const uint8_t key[static 32], uint64_t n, const json_t *message)
{
	uint8_t data[MESSAGE_MOST], expected[MESSAGE_MOST];
	size_t length = kat_hex(data, sizeof(data) - AEAD_TAG_BYTES, message, "payload");
	size_t expected_length = kat_hex(expected, sizeof(expected), message, "ciphertext");
	struct aead aead;

	aead_init(&aead, AEAD_CHACHA20_POLY1305, key);
	aead_seal(&aead, n, NULL, 0, data, length);
	cr_assert_eq(length + AEAD_TAG_BYTES, expected_length);
	cr_assert_arr_eq(data, expected, expected_length);
}

static void
run_vector(enum noise_pattern pattern, const json_t *vector, bool remote_es)
{
	const json_t *messages = json_object_get(vector, "messages");
	struct key_holder holder = {.pattern = pattern};
	struct noise side[2]; /* initiator, responder */
	uint8_t keys[2][3][NOISE_KEY_BYTES], hash[NOISE_HASH_BYTES];

	start(&side[0], pattern, true, vector);
	start(&side[1], pattern, false, vector);
	if (remote_es)
		give_away_secret(&side[1], &holder);
	for (size_t i = 0; i < NOISE_MESSAGES; i++)
		handshake_message(&side[i % 2], &side[(i + 1) % 2], json_array_get(messages, i));
	cr_assert_arr_eq(side[0].h, side[1].h, NOISE_HASH_BYTES);
	if (json_object_get(vector, "handshake_hash") != NULL) {
		kat_bytes(hash, sizeof(hash), vector, "handshake_hash");
		cr_assert_arr_eq(side[0].h, hash, sizeof(hash));
	}
	noise_split(&side[0], keys[0]);
	noise_split(&side[1], keys[1]);
	cr_assert_arr_eq(keys[0], keys[1], sizeof(keys[0]));
	cr_assert_gt(json_array_size(messages), NOISE_MESSAGES);
	for (size_t i = NOISE_MESSAGES; i < json_array_size(messages); i++)
		transport_message(keys[0][i % 2], (i - NOISE_MESSAGES) / 2,
				  json_array_get(messages, i));
}

static json_t *
public_vectors(void)
{
	const char *path = getenv("FTX_NOISE_VECTORS");
	json_t *root = path != NULL ? json_load_file(path, 0, NULL) : NULL;

	if (root == NULL) {
		const char *reason = path == NULL ? "FTX_NOISE_VECTORS is not set"
						  : "the file FTX_NOISE_VECTORS names is not there";

		fprintf(stderr, "SKIP T01 public Noise vectors: %s\n", reason);
		cr_skip_test("%s", reason);
	}
	return root;
}

Test(noise, T01_agrees_with_the_public_vectors)
{
	json_t *root = public_vectors();
	const json_t *vector;
	unsigned ran[PROTOCOLS] = {0};
	size_t i;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		const char *name = json_string_value(json_object_get(vector, "protocol_name"));

		for (size_t p = 0; p < PROTOCOLS; p++) {
			if (strcmp(name, protocols[p].name) != 0)
				continue;
			run_vector(protocols[p].pattern, vector, false);
			run_vector(protocols[p].pattern, vector, true);
			ran[p]++;
		}
	}
	for (size_t p = 0; p < PROTOCOLS; p++)
		cr_assert_gt(ran[p], 0, "no vector of %s", protocols[p].name);
	json_decref(root);
}

static void
start_pair(struct noise side[static 2], enum noise_pattern pattern)
{
	uint8_t secret[2][32], public_key[2][32], ephemeral[2][32];

	for (int i = 0; i < 2; i++) {
		randombytes_buf(secret[i], 32);
		randombytes_buf(ephemeral[i], 32);
		crypto_scalarmult_base(public_key[i], secret[i]);
	}
	for (int i = 0; i < 2; i++) {
		noise_start(&side[i], pattern, i == 0, (const uint8_t *)"test", 4, public_key[1],
			    ephemeral[i]);
		memcpy(side[i].s_secret, secret[i], 32);
		memcpy(side[i].s_public, public_key[i], 32);
		memset(side[i].psk, 7, 32);
	}
}

static int
pass_message(struct noise *writer, struct noise *reader)
{
	uint8_t wire[256], payload[256];
	size_t length;

	cr_assert_eq(noise_write_message(writer, (const uint8_t *)"hi", 2, wire, &length), 0);
	return noise_read_message(reader, wire, length, payload, &length);
}

Test(noise, gives_both_ends_the_same_keys_wherever_es_is_done)
{
	for (size_t p = 0; p < 2 * PROTOCOLS; p++) {
		struct key_holder holder = {.pattern = protocols[p / 2].pattern};
		uint8_t keys[2][3][NOISE_KEY_BYTES];
		struct noise side[2];

		start_pair(side, holder.pattern);
		if (p % 2 == 1)
			give_away_secret(&side[1], &holder);
		for (unsigned i = 0; i < NOISE_MESSAGES; i++)
			cr_assert_eq(pass_message(&side[i % 2], &side[(i + 1) % 2]), 0);
		noise_split(&side[0], keys[0]);
		noise_split(&side[1], keys[1]);
		cr_assert_arr_eq(keys[0], keys[1], sizeof(keys[0]));
	}
}

Test(noise, refuses_another_preshared_key)
{
	struct noise side[2];

	start_pair(side, NOISE_XKPSK3);
	side[1].psk[31] ^= 1;
	cr_assert_eq(pass_message(&side[0], &side[1]), 0);
	cr_assert_eq(pass_message(&side[1], &side[0]), 0);
	cr_assert_eq(pass_message(&side[0], &side[1]), FTX_E_PROTOCOL);
}

Test(noise, T04_refuses_messages_cut_after_every_byte)
{
	for (unsigned target = 0; target < NOISE_MESSAGES; target++) {
		struct noise side[2], *writer = &side[target % 2], *reader = &side[1 - target % 2];
		uint8_t wire[256], payload[256];
		size_t whole, length;

		start_pair(side, NOISE_XK);
		for (unsigned i = 0; i < target; i++)
			cr_assert_eq(pass_message(&side[i % 2], &side[(i + 1) % 2]), 0);
		cr_assert_eq(noise_write_message(writer, (const uint8_t *)"hi", 2, wire, &whole),
			     0);
		for (size_t cut = 0; cut < whole; cut++) {
			struct noise copy = *reader;

			cr_assert_eq(noise_read_message(&copy, wire, cut, payload, &length),
				     FTX_E_PROTOCOL, "message %u cut to %zu", target, cut);
		}
		cr_assert_eq(noise_read_message(reader, wire, whole, payload, &length), 0);
	}
}

Test(noise, holds_no_secret_after_an_error)
{
	struct noise side[2];
	uint8_t wire[256], payload[256];
	size_t length;

	start_pair(side, NOISE_XK);
	cr_assert_eq(noise_write_message(&side[0], NULL, 0, wire, &length), 0);
	wire[length - 1] ^= 1;
	cr_assert_eq(noise_read_message(&side[1], wire, length, payload, &length), FTX_E_PROTOCOL);
	side[1].next_message = 0;
	cr_assert(sodium_is_zero((const unsigned char *)&side[1], sizeof(side[1])));
}

static int
holder_is_gone(void *arg, const uint8_t ephemeral[static NOISE_KEY_BYTES],
	       uint8_t ck[static NOISE_HASH_BYTES], uint8_t k[static NOISE_KEY_BYTES])
{
	(void)arg;
	(void)ephemeral;
	(void)ck;
	(void)k;
	return FTX_E_STOPPING;
}

Test(noise, passes_on_the_error_of_the_key_holder)
{
	struct noise side[2];

	start_pair(side, NOISE_XK);
	side[1].es = holder_is_gone;
	cr_assert_eq(pass_message(&side[0], &side[1]), FTX_E_STOPPING);
}
