/* What a server and a client make of a peer that does as it likes. */
#include "tests/harness/unit.h"
#include <dlfcn.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/handshake.h"
#include "src/secure/record.h"
#include "tests/unit/secure_run.h"

/*
 * An attacker who sends a point of low order knows the result of every multiplication with it. This
 * stands before libsodium's function, so that a test can play that attacker with the code at hand.
 */
static bool zero_is_fine;

int
crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	int (*real)(unsigned char *, const unsigned char *, const unsigned char *);

	if (zero_is_fine) {
		memset(q, 0, KEY_BYTES);
		return 0;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "crypto_scalarmult");
	return real(q, n, p);
}

/*
 * The encodings below 2^255 of all points whose order divides 8, on the curve and its twist, and of
 * the same beyond p; the highest bit is not looked at (RFC 7748), so each has a second form.
 */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};
#define LOW_ORDERS (2 * sizeof(low_order) / sizeof(low_order[0]))

static void
low_order_point(uint8_t point[static KEY_BYTES], size_t i)
{
	size_t got;

	cr_assert_eq(sodium_hex2bin(point, KEY_BYTES, low_order[i / 2], 64, NULL, &got, NULL), 0);
	cr_assert_eq(got, KEY_BYTES);
	if (i % 2 == 1)
		point[KEY_BYTES - 1] |= 0x80;
}

Test(peer, T05_refuses_low_order_points_as_server_key)
{
	for (size_t i = 0; i < LOW_ORDERS; i++) {
		struct run run;

		run_init(&run);
		low_order_point(run.server_key.public_key, i);
		cr_assert_eq(run_client_start(&run), FTX_E_SERVER_KEY, "point %zu", i);
		cr_assert(untouched(run.hello, sizeof(run.hello)), "point %zu", i);
	}
}

/* Noise by hand at one end: what a peer that does as it likes can put on the wire. */
static void
attacker_start(struct noise *noise, const struct run *run, bool initiator)
{
	uint8_t ephemeral[KEY_BYTES];

	randombytes_buf(ephemeral, sizeof(ephemeral));
	noise_start(noise, NOISE_XK, initiator, (const uint8_t *)HANDSHAKE_MAGIC,
		    HANDSHAKE_MAGIC_BYTES, run->server_key.public_key, ephemeral);
	memcpy(noise->s_secret, (initiator ? &run->client_key : &run->server_key)->secret,
	       KEY_BYTES);
	memcpy(noise->s_public, (initiator ? &run->client_key : &run->server_key)->public_key,
	       KEY_BYTES);
}

static const uint8_t good_offer[32] = {0, 0, MASK_CHACHA, 0, 18};
static const uint8_t good_answer[32] = {0, 0, 18, 18};
static const uint8_t good_finish[96] = {1};

static int
attacker_hello(struct run *run, struct noise *noise, const uint8_t offer[static 32])
{
	size_t length;

	memcpy(run->hello, HANDSHAKE_MAGIC, HANDSHAKE_MAGIC_BYTES);
	return noise_write_message(noise, offer, 32, run->hello + HANDSHAKE_MAGIC_BYTES, &length);
}

static int
attacker_reply(struct run *run, struct noise *noise, const uint8_t answer[static 32])
{
	uint8_t payload[HANDSHAKE_HELLO_BYTES];
	size_t length;

	cr_assert_eq(noise_read_message(noise, run->hello + HANDSHAKE_MAGIC_BYTES,
					HANDSHAKE_HELLO_BYTES - HANDSHAKE_MAGIC_BYTES, payload,
					&length),
		     0);
	return noise_write_message(noise, answer, 32, run->reply, &length);
}

static void
attacker_read_reply(const struct run *run, struct noise *noise, uint8_t *answer)
{
	uint8_t payload[HANDSHAKE_REPLY_BYTES];
	size_t length;

	cr_assert_eq(noise_read_message(noise, run->reply, HANDSHAKE_REPLY_BYTES, payload, &length),
		     0);
	memcpy(answer, payload, 32);
}

Test(peer, T05_refuses_low_order_points_as_client_ephemeral)
{
	for (size_t i = 0; i < LOW_ORDERS; i++) {
		struct run run;
		struct noise attacker;
		uint8_t point[KEY_BYTES], ck[NOISE_HASH_BYTES], k[32];

		run_init(&run);
		low_order_point(point, i);
		cr_assert_eq(handshake_es(run.server_key.secret, point, ck, k), FTX_E_KEY_REFUSED,
			     "point %zu", i);
		attacker_start(&attacker, &run, true);
		memcpy(attacker.e_public, point, KEY_BYTES);
		zero_is_fine = true;
		cr_assert_eq(attacker_hello(&run, &attacker, good_offer), 0);
		zero_is_fine = false;
		cr_assert_eq(run_server_reply(&run), FTX_E_KEY_REFUSED, "point %zu", i);
		cr_assert(untouched(run.reply, sizeof(run.reply)), "point %zu", i);
	}
}

Test(peer, T05_refuses_low_order_points_as_server_ephemeral)
{
	for (size_t i = 0; i < LOW_ORDERS; i++) {
		struct run run;
		struct noise attacker;
		uint8_t payload[HANDSHAKE_HELLO_BYTES];
		size_t length;

		run_init(&run);
		cr_assert_eq(run_client_start(&run), 0);
		attacker_start(&attacker, &run, false);
		low_order_point(attacker.e_public, i);
		cr_assert_eq(noise_read_message(&attacker, run.hello + HANDSHAKE_MAGIC_BYTES,
						HANDSHAKE_HELLO_BYTES - HANDSHAKE_MAGIC_BYTES,
						payload, &length),
			     0);
		zero_is_fine = true;
		cr_assert_eq(noise_write_message(&attacker, good_answer, 32, run.reply, &length),
			     0);
		zero_is_fine = false;
		cr_assert_eq(run_client_finish(&run), FTX_E_SERVER_KEY, "point %zu", i);
		cr_assert(untouched(run.finish, sizeof(run.finish)), "point %zu", i);
		cr_assert(untouched(&run.client_keys, sizeof(run.client_keys)), "point %zu", i);
	}
}

Test(peer, T05_refuses_low_order_points_as_client_key)
{
	for (size_t i = 0; i < LOW_ORDERS; i++) {
		struct run run;
		struct noise attacker;
		uint8_t answer[32];
		size_t length;

		run_init(&run);
		attacker_start(&attacker, &run, true);
		low_order_point(attacker.s_public, i);
		cr_assert_eq(attacker_hello(&run, &attacker, good_offer), 0);
		cr_assert_eq(run_server_reply(&run), 0);
		attacker_read_reply(&run, &attacker, answer);
		zero_is_fine = true;
		cr_assert_eq(noise_write_message(&attacker, good_finish, 96, run.finish, &length),
			     0);
		zero_is_fine = false;
		cr_assert_eq(run_server_finish(&run), FTX_E_PROTOCOL, "point %zu", i);
		cr_assert(untouched(&run.server_keys, sizeof(run.server_keys)), "point %zu", i);
	}
}

Test(peer, T07_server_without_the_key_gets_no_message_3)
{
	struct run run, other;
	struct noise impostor;
	size_t length;

	run_init(&run);
	cr_assert_eq(run_client_start(&run), 0);

	/* Another server cannot even read message 1. */
	key_pair_new(&other.server_key);
	cr_assert_eq(handshake_server_reply(&other.server, other.server_key.public_key, run_es,
					    &other.server_key, run.hello, other.reply),
		     FTX_E_PROTOCOL);

	/* One that makes up what it cannot know is found out at once. */
	attacker_start(&impostor, &run, false);
	memcpy(impostor.re, run.hello + HANDSHAKE_MAGIC_BYTES, KEY_BYTES);
	impostor.next_message = 1;
	cr_assert_eq(noise_write_message(&impostor, good_answer, 32, run.reply, &length), 0);
	cr_assert_eq(length, HANDSHAKE_REPLY_BYTES);
	cr_assert_eq(run_client_finish(&run), FTX_E_SERVER_KEY);
	cr_assert(untouched(run.finish, sizeof(run.finish)));
	cr_assert(untouched(&run.client_keys, sizeof(run.client_keys)));
}

/* What a client offers, what the server has, what comes of it. */
static const struct {
	uint8_t mask, preferred, server_mask;
	int result;
	enum aead_id aead;
} negotiations[] = {
    {MASK_BOTH, AEAD_AES_256_GCM, MASK_BOTH, 0, AEAD_AES_256_GCM},
    {MASK_BOTH, AEAD_CHACHA20_POLY1305, MASK_BOTH, 0, AEAD_CHACHA20_POLY1305},
    {MASK_BOTH, AEAD_AES_256_GCM, MASK_CHACHA, 0, AEAD_CHACHA20_POLY1305},
    {MASK_BOTH, AEAD_CHACHA20_POLY1305, MASK_CHACHA, 0, AEAD_CHACHA20_POLY1305},
    {MASK_CHACHA, AEAD_CHACHA20_POLY1305, MASK_BOTH, 0, AEAD_CHACHA20_POLY1305},
    {MASK_AES, AEAD_AES_256_GCM, MASK_BOTH, 0, AEAD_AES_256_GCM},
    {MASK_AES, AEAD_AES_256_GCM, MASK_CHACHA, FTX_E_PROTOCOL, 0},
    {MASK_CHACHA, AEAD_AES_256_GCM, MASK_BOTH, FTX_E_PROTOCOL, 0}, /* prefers what it has not */
    {0, AEAD_CHACHA20_POLY1305, MASK_BOTH, FTX_E_PROTOCOL, 0},
    {MASK_BOTH, 2, MASK_BOTH, FTX_E_PROTOCOL, 0},
    {MASK_BOTH, 8, MASK_BOTH, FTX_E_PROTOCOL, 0},
    {MASK_BOTH, 255, MASK_BOTH, FTX_E_PROTOCOL, 0},
    {MASK_BOTH | 0x04, 2, MASK_BOTH, 0, AEAD_CHACHA20_POLY1305}, /* an AEAD of a later minor */
    {MASK_CHACHA | 0xf0, 7, MASK_BOTH, 0, AEAD_CHACHA20_POLY1305},
    {0x04, 2, MASK_BOTH, FTX_E_PROTOCOL, 0},
};

Test(peer, T10_negotiates_what_both_ends_have)
{
	for (size_t i = 0; i < sizeof(negotiations) / sizeof(negotiations[0]); i++) {
		struct handshake_fixture fixture = {.server_aead_mask =
							negotiations[i].server_mask};
		uint8_t offer[32] = {0, 0, negotiations[i].mask, negotiations[i].preferred, 18};
		uint8_t answer[32];
		struct run run;
		struct noise client;

		run_init(&run);
		randombytes_buf(fixture.ephemeral_secret, KEY_BYTES);
		attacker_start(&client, &run, true);
		cr_assert_eq(attacker_hello(&run, &client, offer), 0);
		cr_assert_eq(handshake_server_reply_fixed(&run.server, &fixture,
							  run.server_key.public_key, run_es,
							  &run.server_key, run.hello, run.reply),
			     negotiations[i].result, "row %zu", i);
		if (negotiations[i].result != 0)
			continue;
		attacker_read_reply(&run, &client, answer);
		cr_assert_eq(answer[1], negotiations[i].aead, "row %zu", i);
		cr_assert_eq(run.server.aead, negotiations[i].aead, "row %zu", i);
	}
}

Test(peer, T10_server_without_AES_and_client_with_it_exchange_records)
{
	struct handshake_fixture fixture = {.server_aead_mask = MASK_CHACHA};
	struct record_state sealing, opening;
	uint8_t frame[64] = {0};
	struct run run;
	size_t length;

	run_init(&run);
	randombytes_buf(fixture.ephemeral_secret, KEY_BYTES);
	cr_assert_eq(handshake_client_start(&run.client, run.server_key.public_key,
					    run.client_key.secret, MASK_BOTH, AEAD_AES_256_GCM,
					    run.hello),
		     0);
	cr_assert_eq(handshake_server_reply_fixed(&run.server, &fixture, run.server_key.public_key,
						  run_es, &run.server_key, run.hello, run.reply),
		     0);
	cr_assert_eq(run_client_finish(&run), 0);
	cr_assert_eq(run_server_finish(&run), 0);
	cr_assert_eq(run.client_keys.aead, AEAD_CHACHA20_POLY1305);
	cr_assert_eq(run.server_keys.aead, AEAD_CHACHA20_POLY1305);
	record_init(&sealing, run.client_keys.aead, run.client_keys.client_to_server);
	record_init(&opening, run.server_keys.aead, run.server_keys.client_to_server);
	memcpy(frame + RECORD_HEADER_BYTES, "hello", 5);
	length = record_seal(&sealing, frame, 5);
	cr_assert_eq(record_open(&opening, frame, length, &length), 0);
	cr_assert_arr_eq(frame + RECORD_HEADER_BYTES, "hello", 5);
}

/* One byte of an otherwise good payload. */
struct edit {
	size_t at;
	uint8_t value;
	int result;
};

static const struct edit offer_edits[] = {
    {0, 1, FTX_E_PROTOCOL},  /* min above max */
    {1, 255, 0},	     /* any range that holds 0 */
    {3, 1, FTX_E_PROTOCOL},  /* preferred not in the mask */
    {4, 17, FTX_E_PROTOCOL}, /* other sizes of record */
    {4, 19, FTX_E_PROTOCOL},
    {4, 0, FTX_E_PROTOCOL},
    {5, 1, 0}, /* reserved */
    {31, 255, 0},
};

Test(peer, server_takes_offers_in_range_and_closes_on_others)
{
	for (size_t i = 0; i < sizeof(offer_edits) / sizeof(offer_edits[0]); i++) {
		uint8_t offer[32];
		struct run run;
		struct noise client;

		memcpy(offer, good_offer, sizeof(offer));
		offer[offer_edits[i].at] = offer_edits[i].value;
		run_init(&run);
		attacker_start(&client, &run, true);
		cr_assert_eq(attacker_hello(&run, &client, offer), 0);
		cr_assert_eq(run_server_reply(&run), offer_edits[i].result, "row %zu", i);
		cr_assert_eq(untouched(run.reply, sizeof(run.reply)), offer_edits[i].result != 0);
	}
}

Test(peer, server_without_a_common_minor_answers_with_its_own)
{
	/* All else may mean something new in a later minor. */
	static const uint8_t offer[32] = {1, 3, 0xff, 9, 25, 1, 2, 3};
	uint8_t answer[32];
	struct run run;
	struct noise client;

	run_init(&run);
	attacker_start(&client, &run, true);
	cr_assert_eq(attacker_hello(&run, &client, offer), 0);
	cr_assert_eq(run_server_reply(&run), FTX_E_VERSION);
	attacker_read_reply(&run, &client, answer);
	cr_assert_eq(answer[0], HANDSHAKE_MINOR);
}

static const struct edit answer_edits[] = {
    {0, 1, FTX_E_VERSION},
    {0, 255, FTX_E_VERSION}, /* minors we do not speak */
    {1, 1, FTX_E_PROTOCOL},
    {1, 2, FTX_E_PROTOCOL}, /* AEADs we did not offer */
    {1, 8, FTX_E_PROTOCOL},
    {1, 255, FTX_E_PROTOCOL},
    {2, 17, FTX_E_PROTOCOL},
    {2, 19, FTX_E_PROTOCOL}, /* other sizes of record */
    {3, 17, FTX_E_PROTOCOL},
    {3, 0, FTX_E_PROTOCOL},
    {4, 1, 0},
    {31, 255, 0}, /* reserved */
};

Test(peer, client_takes_answers_in_range_and_ends_on_others)
{
	for (size_t i = 0; i < sizeof(answer_edits) / sizeof(answer_edits[0]); i++) {
		uint8_t answer[32];
		struct run run;
		struct noise server;

		memcpy(answer, good_answer, sizeof(answer));
		answer[answer_edits[i].at] = answer_edits[i].value;
		run_init(&run);
		cr_assert_eq(run_client_start(&run), 0);
		attacker_start(&server, &run, false);
		cr_assert_eq(attacker_reply(&run, &server, answer), 0);
		cr_assert_eq(run_client_finish(&run), answer_edits[i].result, "row %zu", i);
		cr_assert_eq(untouched(run.finish, sizeof(run.finish)),
			     answer_edits[i].result != 0);
		cr_assert_eq(untouched(&run.client_keys, sizeof(run.client_keys)),
			     answer_edits[i].result != 0);
	}
}

static const struct edit finish_edits[] = {
    {0, 0, FTX_E_PROTOCOL},
    {0, 2, FTX_E_PROTOCOL},
    {0, 255, FTX_E_PROTOCOL}, /* purpose */
    {1, 1, 0},
    {95, 255, 0}, /* reserved */
};

Test(peer, server_knows_one_purpose)
{
	for (size_t i = 0; i < sizeof(finish_edits) / sizeof(finish_edits[0]); i++) {
		uint8_t payload[96], answer[32];
		struct run run;
		struct noise client;
		size_t length;

		memcpy(payload, good_finish, sizeof(payload));
		payload[finish_edits[i].at] = finish_edits[i].value;
		run_init(&run);
		attacker_start(&client, &run, true);
		cr_assert_eq(attacker_hello(&run, &client, good_offer), 0);
		cr_assert_eq(run_server_reply(&run), 0);
		attacker_read_reply(&run, &client, answer);
		cr_assert_eq(noise_write_message(&client, payload, 96, run.finish, &length), 0);
		cr_assert_eq(run_server_finish(&run), finish_edits[i].result, "row %zu", i);
		cr_assert_eq(untouched(&run.server_keys, sizeof(run.server_keys)),
			     finish_edits[i].result != 0);
	}
}

Test(peer, another_magic_is_another_protocol)
{
	struct run run;
	struct noise client;
	size_t length;

	run_init(&run);
	noise_start(&client, NOISE_XK, true, (const uint8_t *)"FTX2", HANDSHAKE_MAGIC_BYTES,
		    run.server_key.public_key, run.client_key.secret);
	memcpy(run.hello, "FTX2", HANDSHAKE_MAGIC_BYTES);
	cr_assert_eq(noise_write_message(&client, good_offer, sizeof(good_offer),
					 run.hello + HANDSHAKE_MAGIC_BYTES, &length),
		     0);
	cr_assert_eq(run_server_reply(&run), FTX_E_PROTOCOL);
	cr_assert(untouched(run.reply, sizeof(run.reply)));
}
