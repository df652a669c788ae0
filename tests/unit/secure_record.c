#include "tests/harness/unit.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/handshake.h"
#include "src/secure/keyfile.h"
#include "src/secure/record.h"
#include "tests/unit/secure_kat.h"

#define EPOCH_RECORDS 16384u

static const enum aead_id aeads[] = {AEAD_CHACHA20_POLY1305, AEAD_AES_256_GCM};
#define AEADS (sizeof(aeads) / sizeof(aeads[0]))

/* Every key and nonce that libsodium was asked to encrypt under, while remembering is on. */
struct use {
	uint8_t key[32];
	uint8_t nonce[12];
};
static struct use *uses;
static size_t use_count, use_room;

static void
remember(const unsigned char *key, const unsigned char *nonce)
{
	if (use_count == use_room)
		return;
	memcpy(uses[use_count].key, key, sizeof(uses->key));
	memcpy(uses[use_count].nonce, nonce, sizeof(uses->nonce));
	use_count++;
}

/* These two stand before libsodium's. */
int
crypto_aead_chacha20poly1305_ietf_encrypt_detached(
    unsigned char *c, unsigned char *mac, unsigned long long *maclen_p, const unsigned char *m,
    unsigned long long mlen, const unsigned char *ad, unsigned long long adlen,
    const unsigned char *nsec, const unsigned char *npub, const unsigned char *k)
{
	int (*real)(unsigned char *, unsigned char *, unsigned long long *, const unsigned char *,
		    unsigned long long, const unsigned char *, unsigned long long,
		    const unsigned char *, const unsigned char *, const unsigned char *);

	remember(k, npub);
	*(void **)&real = dlsym(RTLD_NEXT, __func__);
	return real(c, mac, maclen_p, m, mlen, ad, adlen, nsec, npub, k);
}

int
crypto_aead_aes256gcm_encrypt_detached_afternm(unsigned char *c, unsigned char *mac,
					       unsigned long long *maclen_p, const unsigned char *m,
					       unsigned long long mlen, const unsigned char *ad,
					       unsigned long long adlen, const unsigned char *nsec,
					       const unsigned char *npub,
					       const crypto_aead_aes256gcm_state *ctx)
{
	int (*real)(unsigned char *, unsigned char *, unsigned long long *, const unsigned char *,
		    unsigned long long, const unsigned char *, unsigned long long,
		    const unsigned char *, const unsigned char *,
		    const crypto_aead_aes256gcm_state *);
	uint8_t digest[32];

	if (use_room > 0) { /* the expanded key stands for the key */
		crypto_generichash(digest, sizeof(digest), (const unsigned char *)ctx, sizeof(*ctx),
				   NULL, 0);
		remember(digest, npub);
	}
	*(void **)&real = dlsym(RTLD_NEXT, __func__);
	return real(c, mac, maclen_p, m, mlen, ad, adlen, nsec, npub, ctx);
}

struct ends {
	struct record_state sealing, opening;
};

static void
ends_init(struct ends *ends, enum aead_id id)
{
	uint8_t secret[32];

	if (!aead_available(id))
		cr_skip_test("this machine has no %s", aead_name(id));
	randombytes_buf(secret, sizeof(secret));
	record_init(&ends->sealing, id, secret);
	record_init(&ends->opening, id, secret);
}

/* Sends count records of one byte. */
static void
pass(struct ends *ends, unsigned count)
{
	uint8_t frame[1 + RECORD_OVERHEAD_BYTES];

	for (unsigned i = 0; i < count; i++) {
		size_t length =
		    record_seal(&ends->sealing, memset(frame, (int)i, sizeof(frame)), 1);

		cr_assert_eq(record_open(&ends->opening, frame, length, &length), 0, "record %u",
			     i);
		cr_assert_eq(length, 1);
		cr_assert_eq(frame[RECORD_HEADER_BYTES], (uint8_t)i);
	}
}

/* The record of the known answers comes open, and the same plaintext is sealed to the same bytes.
 */
static void
check_record(struct ends *ends, const json_t *session, const char *name)
{
	uint8_t expected[64], frame[64];
	size_t bytes = kat_hex(expected, sizeof(expected), session, name), length;

	memcpy(frame, expected, bytes);
	cr_assert_eq(record_open(&ends->opening, frame, bytes, &length), 0, "%s", name);
	cr_assert_eq(length, bytes - RECORD_OVERHEAD_BYTES);
	cr_assert_eq(record_seal(&ends->sealing, frame, length), bytes);
	cr_assert_arr_eq(frame, expected, bytes, "%s", name);
}

/* Both ciphers keep the key itself somewhere in their expanded one. */
static void
check_key(const struct record_state *r, const json_t *session, const char *name)
{
	uint8_t key[32];

	kat_bytes(key, sizeof(key), session, name);
	cr_assert_not_null(memmem(r->aead.state, sizeof(r->aead.state), key, sizeof(key)), "%s",
			   name);
}

static void
start_direction(struct ends *ends, enum aead_id id, const json_t *session, const char *secret_name)
{
	uint8_t secret[32];

	kat_bytes(secret, sizeof(secret), session, secret_name);
	record_init(&ends->sealing, id, secret);
	record_init(&ends->opening, id, secret);
}

Test(record, T02_reproduces_the_known_answers)
{
	json_t *root = kat_load();
	const json_t *cases = json_object_get(root, "cases");

	cr_assert_eq(json_array_size(cases), AEADS);
	for (size_t i = 0; i < AEADS; i++) {
		const json_t *session = json_object_get(json_array_get(cases, i), "session");
		struct ends ends;

		if (!aead_available(aeads[i])) {
			fprintf(stderr, "SKIP T02 records of %s: not on this machine\n",
				aead_name(aeads[i]));
			continue;
		}
		start_direction(&ends, aeads[i], session, "c2s_S0");
		check_key(&ends.sealing, session, "c2s_K0");
		check_record(&ends, session, "rec_c2s_0");
		pass(&ends, EPOCH_RECORDS - 2);
		check_record(&ends, session, "rec_c2s_16383");
		check_key(&ends.sealing, session, "c2s_K1");
		check_record(&ends, session, "rec_c2s_16384");
		start_direction(&ends, aeads[i], session, "s2c_S0");
		check_key(&ends.sealing, session, "s2c_K0");
		check_record(&ends, session, "rec_s2c_0");
		pass(&ends, EPOCH_RECORDS - 1);
		check_key(&ends.sealing, session, "s2c_K1");
	}
	json_decref(root);
}

Test(record, opens_what_was_sealed_at_every_edge_of_length)
{
	static const size_t lengths[] = {
	    1, 15, 16, 17, 255, 65536, LIMIT_RECORD_PLAIN - 1, LIMIT_RECORD_PLAIN};
	uint8_t *frame = malloc(RECORD_MAX_BYTES), *plain = malloc(LIMIT_RECORD_PLAIN);

	for (size_t a = 0; a < AEADS; a++) {
		struct ends ends;

		ends_init(&ends, aeads[a]);
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			size_t length;

			randombytes_buf(plain, lengths[i]);
			memcpy(frame + RECORD_HEADER_BYTES, plain, lengths[i]);
			length = record_seal(&ends.sealing, frame, lengths[i]);
			cr_assert_eq(length, lengths[i] + RECORD_OVERHEAD_BYTES);
			cr_assert_eq(record_frame_bytes(frame), length);
			cr_assert_null(
			    memmem(frame, length, plain, lengths[i] < 16 ? length + 1 : 16));
			cr_assert_eq(record_open(&ends.opening, frame, length, &length), 0);
			cr_assert_eq(length, lengths[i]);
			cr_assert_arr_eq(frame + RECORD_HEADER_BYTES, plain, length);
		}
	}
	free(frame);
	free(plain);
}

Test(record, T09_refuses_a_record_with_any_bit_flipped)
{
	for (size_t a = 0; a < AEADS; a++) {
		struct ends ends;
		uint8_t frame[20 + RECORD_OVERHEAD_BYTES] = {0}, edited[sizeof(frame)];
		size_t length;

		ends_init(&ends, aeads[a]);
		cr_assert_eq(record_seal(&ends.sealing, frame, 20), sizeof(frame));
		for (size_t bit = 0; bit < 8 * sizeof(frame); bit++) {
			memcpy(edited, frame, sizeof(frame));
			edited[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			cr_assert_eq(record_open(&ends.opening, edited, sizeof(frame), &length),
				     FTX_E_PROTOCOL, "bit %zu", bit);
		}
		cr_assert_eq(record_open(&ends.opening, frame, sizeof(frame), &length), 0);
	}
}

/* L is additional data: bytes cannot be moved from the end of one record by a smaller L. */
Test(record, T09_refuses_a_record_made_shorter)
{
	struct ends ends;
	uint8_t frame[20 + RECORD_OVERHEAD_BYTES] = {0};
	size_t length;

	ends_init(&ends, AEAD_CHACHA20_POLY1305);
	record_seal(&ends.sealing, frame, 20);
	for (uint8_t l = 17; l < 36; l++) {
		uint8_t cut[sizeof(frame)];

		memcpy(cut, frame, sizeof(frame));
		cut[0] = l;
		cr_assert_eq(record_open(&ends.opening, cut, RECORD_HEADER_BYTES + l, &length),
			     FTX_E_PROTOCOL);
	}
}

static int
compare_uses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct use));
}

static int
es_with_secret(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	       uint8_t k[static 32])
{
	return handshake_es(arg, ephemeral, ck, k);
}

static void
shake_hands(struct session_keys *keys, uint8_t aead_mask, enum aead_id preferred)
{
	uint8_t server_secret[KEY_BYTES], server_public[KEY_BYTES], identity[KEY_BYTES];
	uint8_t hello[HANDSHAKE_HELLO_BYTES], reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	struct handshake_client client;
	struct handshake_server server;

	randombytes_buf(server_secret, sizeof(server_secret));
	randombytes_buf(identity, sizeof(identity));
	key_public(server_public, server_secret);
	cr_assert_eq(
	    handshake_client_start(&client, server_public, identity, aead_mask, preferred, hello),
	    0);
	cr_assert_eq(handshake_server_reply(&server, server_public, es_with_secret, server_secret,
					    hello, reply),
		     0);
	cr_assert_eq(handshake_client_finish(&client, reply, finish, keys), 0);
	cr_assert_eq(handshake_server_finish(&server, finish, keys), 0);
}

Test(record, T13_uses_no_key_and_nonce_twice)
{
	static const unsigned records = 3 * EPOCH_RECORDS + 2;

	use_room = AEADS * (2 * records + 16);
	uses = calloc(use_room, sizeof(*uses));
	for (size_t a = 0; a < AEADS; a++) {
		struct session_keys keys;
		struct ends to_server, to_client;

		if (!aead_available(aeads[a]))
			continue;
		shake_hands(&keys, handshake_aead_mask(), aeads[a]);
		cr_assert_eq(keys.aead, aeads[a]);
		record_init(&to_server.sealing, keys.aead, keys.client_to_server);
		record_init(&to_server.opening, keys.aead, keys.client_to_server);
		record_init(&to_client.sealing, keys.aead, keys.server_to_client);
		record_init(&to_client.opening, keys.aead, keys.server_to_client);
		pass(&to_server, records);
		pass(&to_client, records);
	}
	cr_assert_geq(use_count, 2 * records + 4); /* four sealed parts in a handshake */
	cr_assert_lt(use_count, use_room);
	qsort(uses, use_count, sizeof(*uses), compare_uses);
	for (size_t i = 1; i < use_count; i++)
		cr_assert_neq(compare_uses(&uses[i - 1], &uses[i]), 0, "nonce %zu twice", i);
	use_room = 0;
	free(uses);
}

Test(record, T14_ratchets_after_every_2_to_the_14_records)
{
	for (size_t a = 0; a < AEADS; a++) {
		struct ends ends;

		ends_init(&ends, aeads[a]);
		for (unsigned epoch = 0; epoch < 3; epoch++) {
			struct record_state first = ends.sealing, last;

			pass(&ends, EPOCH_RECORDS - 1);
			last = ends.sealing;
			cr_assert_arr_eq(last.secret, first.secret, 32);
			cr_assert_arr_eq(last.aead.state, first.aead.state, 512);
			pass(&ends, 1);
			cr_assert_eq(ends.sealing.seq, (epoch + 1) * EPOCH_RECORDS);
			/* Nothing of the old secret and key is left at either end. */
			cr_assert_arr_neq(ends.sealing.secret, last.secret, 32);
			cr_assert_arr_neq(ends.sealing.aead.state, last.aead.state, 32);
			cr_assert_arr_eq(ends.sealing.secret, ends.opening.secret, 32);
			cr_assert_null(memmem(&ends.sealing, sizeof(ends.sealing), last.secret, 8));
			cr_assert_null(memmem(&ends.opening, sizeof(ends.opening), last.secret, 8));
			cr_assert_null(
			    memmem(&ends.sealing, sizeof(ends.sealing), last.aead.state, 32));
		}
	}
}

Test(record, T14_bad_record_at_the_edge_does_not_ratchet)
{
	struct ends ends;
	uint8_t frame[1 + RECORD_OVERHEAD_BYTES] = {0};
	struct record_state before;
	size_t bytes, length;

	ends_init(&ends, AEAD_CHACHA20_POLY1305);
	pass(&ends, EPOCH_RECORDS - 1);
	before = ends.opening;
	bytes = record_seal(&ends.sealing, frame, 1);
	frame[bytes - 1] ^= 1;
	cr_assert_eq(record_open(&ends.opening, frame, bytes, &length), FTX_E_PROTOCOL);
	cr_assert_eq(memcmp(&ends.opening, &before, sizeof(before)), 0);
}

static const struct {
	uint32_t l;
	bool good;
} lengths_on_the_wire[] = {
    {0, false},
    {1, false},
    {15, false},
    {16, false},
    {17, true},
    {18, true},
    {(1u << 18) + 64 + 16 - 1, true},
    {(1u << 18) + 64 + 16, true},
    {(1u << 18) + 64 + 16 + 1, false},
    {1u << 24, false},
    {0x7fffffff, false},
    {1u << 31, false},
    {0xffffffff, false},
};

Test(record, T15_refuses_every_length_out_of_range)
{
	for (size_t i = 0; i < sizeof(lengths_on_the_wire) / sizeof(lengths_on_the_wire[0]); i++) {
		uint32_t l = lengths_on_the_wire[i].l;
		uint8_t header[4] = {(uint8_t)l, (uint8_t)(l >> 8), (uint8_t)(l >> 16),
				     (uint8_t)(l >> 24)};

		cr_assert_eq(record_frame_bytes(header), lengths_on_the_wire[i].good ? l + 4 : 0,
			     "L = %u", l);
	}
}

#define FRAMES 4u
struct stream {
	struct ends ends;
	uint8_t frames[FRAMES][1 + RECORD_OVERHEAD_BYTES];
	size_t bytes;
};

static void
stream_init(struct stream *stream, enum aead_id id)
{
	ends_init(&stream->ends, id);
	for (unsigned i = 0; i < FRAMES; i++) {
		stream->frames[i][RECORD_HEADER_BYTES] = (uint8_t)i;
		stream->bytes = record_seal(&stream->ends.sealing, stream->frames[i], 1);
	}
}

static int
open_frame(struct stream *stream, const uint8_t *frame)
{
	uint8_t copy[1 + RECORD_OVERHEAD_BYTES];
	size_t length;

	memcpy(copy, frame, sizeof(copy));
	return record_open(&stream->ends.opening, copy, stream->bytes, &length);
}

Test(record, T16_refuses_records_dropped_doubled_swapped_and_from_elsewhere)
{
	for (size_t a = 0; a < AEADS; a++) {
		struct stream stream, other;

		stream_init(&stream, aeads[a]);
		stream_init(&other, aeads[a]);
		cr_assert_eq(open_frame(&stream, stream.frames[1]), FTX_E_PROTOCOL, "swapped");
		cr_assert_eq(open_frame(&stream, other.frames[0]), FTX_E_PROTOCOL, "other's");
		cr_assert_eq(open_frame(&stream, stream.frames[0]), 0);
		cr_assert_eq(open_frame(&stream, stream.frames[0]), FTX_E_PROTOCOL, "doubled");
		cr_assert_eq(open_frame(&stream, stream.frames[2]), FTX_E_PROTOCOL, "dropped");
		cr_assert_eq(open_frame(&stream, other.frames[1]), FTX_E_PROTOCOL, "other's");
		cr_assert_eq(open_frame(&stream, stream.frames[1]), 0);
	}
}

Test(record, T16_refuses_records_sent_back_to_their_sender)
{
	struct session_keys keys;
	struct record_state to_server, to_client;
	uint8_t frame[1 + RECORD_OVERHEAD_BYTES] = {0};
	size_t bytes, length;

	shake_hands(&keys, 1u << AEAD_CHACHA20_POLY1305, AEAD_CHACHA20_POLY1305);
	record_init(&to_server, keys.aead, keys.client_to_server);
	record_init(&to_client, keys.aead, keys.server_to_client);
	bytes = record_seal(&to_server, frame, 1);
	cr_assert_eq(record_open(&to_client, frame, bytes, &length), FTX_E_PROTOCOL);
}

Test(record, release_wipes_everything)
{
	struct ends ends;

	ends_init(&ends, AEAD_CHACHA20_POLY1305);
	record_release(&ends.sealing);
	cr_assert(sodium_is_zero((const uint8_t *)&ends.sealing, sizeof(ends.sealing)));
}
