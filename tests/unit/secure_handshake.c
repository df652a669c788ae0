#include "tests/harness/unit.h"
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/handshake.h"
#include "src/secure/keyfile.h"
#include "tests/unit/secure_kat.h"
#include "tests/unit/secure_run.h"

#define HASH_BYTES   NOISE_HASH_BYTES
#define PAYLOAD_MOST 96u

Test(handshake, gives_both_ends_the_same_keys)
{
	struct run run;

	run_all(&run);
	cr_assert_arr_eq(run.client_keys.client_key, run.client_key.public_key, KEY_BYTES);
	cr_assert_arr_eq(run.server_keys.client_key, run.client_key.public_key, KEY_BYTES);
	cr_assert_arr_eq(run.client_keys.client_to_server, run.server_keys.client_to_server, 32);
	cr_assert_arr_eq(run.client_keys.server_to_client, run.server_keys.server_to_client, 32);
	cr_assert_arr_neq(run.client_keys.client_to_server, run.client_keys.server_to_client, 32);
	cr_assert_arr_eq(run.client_keys.match_key, run.server_keys.match_key, 16);
	cr_assert_arr_eq(run.client_keys.hash, run.server_keys.hash, HASH_BYTES);
	cr_assert_eq(run.client_keys.aead, run.server_keys.aead);
	cr_assert_eq(run.client_keys.minor, 0);
	cr_assert_eq(run.server_keys.minor, 0);
}

Test(handshake, leaves_no_secret_behind_when_it_is_over)
{
	struct run run;

	run_all(&run);
	run.client.noise.next_message = run.server.noise.next_message = 0;
	cr_assert(sodium_is_zero((const uint8_t *)&run.client.noise, sizeof(run.client.noise)));
	cr_assert(sodium_is_zero((const uint8_t *)&run.server.noise, sizeof(run.server.noise)));
}

/* One of the known answers, with the fixed ephemeral keys. */
static void
run_known(struct run *run, const json_t *root, const json_t *session, uint8_t server_mask)
{
	const json_t *keys = json_object_get(root, "keys");
	struct handshake_fixture client, server = {.server_aead_mask = server_mask};
	uint8_t h2[HASH_BYTES];

	memset(run, UNTOUCHED, sizeof(*run));
	run->join = false;
	kat_bytes(run->server_key.secret, KEY_BYTES, keys, "server_static");
	kat_bytes(run->server_key.public_key, KEY_BYTES, root, "server_public");
	kat_bytes(run->client_key.secret, KEY_BYTES, keys, "client_static");
	kat_bytes(client.ephemeral_secret, KEY_BYTES, keys, "client_ephemeral");
	kat_bytes(server.ephemeral_secret, KEY_BYTES, keys, "server_ephemeral");
	cr_assert_eq(handshake_client_start_fixed(&run->client, &client, run->server_key.public_key,
						  run->client_key.secret, MASK_BOTH,
						  AEAD_AES_256_GCM, run->hello),
		     0);
	cr_assert_eq(handshake_server_reply_fixed(&run->server, &server, run->server_key.public_key,
						  run_es, &run->server_key, run->hello, run->reply),
		     0);
	kat_bytes(h2, sizeof(h2), session, "h2");
	cr_assert_arr_eq(run->server.noise.h, h2, sizeof(h2));
	cr_assert_eq(run_client_finish(run), 0);
	cr_assert_eq(run_server_finish(run), 0);
}

static void
check_bytes(const json_t *session, const char *name, const uint8_t *got, size_t length)
{
	uint8_t expected[256];

	kat_bytes(expected, length, session, name);
	cr_assert_arr_eq(got, expected, length, "%s", name);
}

static void
check_keys(const json_t *session, const struct session_keys *keys, enum aead_id id)
{
	cr_assert_eq(keys->aead, id);
	check_bytes(session, "h", keys->hash, HASH_BYTES);
	check_bytes(session, "c2s_S0", keys->client_to_server, 32);
	check_bytes(session, "s2c_S0", keys->server_to_client, 32);
	check_bytes(session, "match_key", keys->match_key, 16);
}

Test(handshake, T02_reproduces_the_known_answers)
{
	json_t *root = kat_load();
	const json_t *cases = json_object_get(root, "cases");
	const uint8_t masks[] = {MASK_CHACHA, MASK_BOTH};

	cr_assert_eq(json_array_size(cases), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *session = json_object_get(json_array_get(cases, i), "session");
		enum aead_id id = i == 0 ? AEAD_CHACHA20_POLY1305 : AEAD_AES_256_GCM;
		struct run run;

		run_known(&run, root, session, masks[i]);
		check_bytes(root, "client_public", run.server_keys.client_key, KEY_BYTES);
		check_bytes(session, "hello", run.hello, sizeof(run.hello));
		check_bytes(session, "msg2", run.reply, sizeof(run.reply));
		check_bytes(session, "msg3", run.finish, sizeof(run.finish));
		check_keys(session, &run.client_keys, id);
		check_keys(session, &run.server_keys, id);
	}
	json_decref(root);
}

static void
start_known_noise(struct noise *noise, const json_t *root, bool initiator)
{
	const json_t *keys = json_object_get(root, "keys");
	uint8_t server_public[KEY_BYTES], ephemeral[KEY_BYTES];

	kat_bytes(server_public, KEY_BYTES, root, "server_public");
	kat_bytes(ephemeral, KEY_BYTES, keys, initiator ? "client_ephemeral" : "server_ephemeral");
	noise_start(noise, NOISE_XK, initiator, (const uint8_t *)HANDSHAKE_MAGIC,
		    HANDSHAKE_MAGIC_BYTES, server_public, ephemeral);
	kat_bytes(noise->s_secret, KEY_BYTES, keys, initiator ? "client_static" : "server_static");
	crypto_scalarmult_base(noise->s_public, noise->s_secret);
}

/* The payloads and k1, k2, k3, which the handshake does not show. */
Test(handshake, T02_reproduces_the_payloads_and_split_of_the_known_answers)
{
	static const char *const payloads[] = {"p1", "p2", "p3"};
	static const char *const messages[] = {"hello", "msg2", "msg3"};
	static const char *const split[] = {"k1", "k2", "k3"};
	json_t *root = kat_load();
	const json_t *row;
	size_t at;

	json_array_foreach(json_object_get(root, "cases"), at, row)
	{
		const json_t *session = json_object_get(row, "session");
		uint8_t payload[PAYLOAD_MOST], back[256], wire[256], k[3][NOISE_KEY_BYTES];
		struct noise side[2];
		size_t length;

		start_known_noise(&side[0], root, true);
		start_known_noise(&side[1], root, false);
		for (unsigned i = 0; i < 3; i++) {
			size_t magic = i == 0 ? HANDSHAKE_MAGIC_BYTES : 0;
			size_t bytes = kat_hex(payload, sizeof(payload), session, payloads[i]);

			memcpy(wire, HANDSHAKE_MAGIC, HANDSHAKE_MAGIC_BYTES);
			cr_assert_eq(noise_write_message(&side[i % 2], payload, bytes, wire + magic,
							 &length),
				     0);
			check_bytes(session, messages[i], wire, magic + length);
			cr_assert_eq(noise_read_message(&side[1 - i % 2], wire + magic, length,
							back, &length),
				     0);
			cr_assert_eq(length, bytes);
			cr_assert_arr_eq(back, payload, bytes);
		}
		noise_split(&side[0], k);
		for (unsigned i = 0; i < 3; i++)
			check_bytes(session, split[i], k[i], NOISE_KEY_BYTES);
	}
	json_decref(root);
}

static void
flip(uint8_t *bytes, size_t bit)
{
	bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

Test(handshake, T03_refuses_message_1_with_any_bit_flipped)
{
	struct run run;

	run_init(&run);
	cr_assert_eq(run_client_start(&run), 0);
	memset(run.reply, UNTOUCHED, sizeof(run.reply));
	for (size_t bit = 0; bit < HANDSHAKE_HELLO_BYTES * 8; bit++) {
		flip(run.hello, bit);
		cr_assert_eq(run_server_reply(&run), FTX_E_PROTOCOL, "bit %zu", bit);
		cr_assert(untouched(run.reply, sizeof(run.reply)), "bit %zu", bit);
		flip(run.hello, bit);
	}
	cr_assert_eq(run_server_reply(&run), 0);
}

Test(handshake, T03_refuses_message_2_with_any_bit_flipped)
{
	struct run run;
	struct handshake_client before;

	run_init(&run);
	cr_assert_eq(run_client_start(&run), 0);
	cr_assert_eq(run_server_reply(&run), 0);
	before = run.client;
	for (size_t bit = 0; bit < HANDSHAKE_REPLY_BYTES * 8; bit++) {
		flip(run.reply, bit);
		cr_assert_eq(run_client_finish(&run), FTX_E_SERVER_KEY, "bit %zu", bit);
		cr_assert(untouched(run.finish, sizeof(run.finish)), "bit %zu", bit);
		cr_assert(untouched(&run.client_keys, sizeof(run.client_keys)), "bit %zu", bit);
		flip(run.reply, bit);
		run.client = before;
	}
	cr_assert_eq(run_client_finish(&run), 0);
}

Test(handshake, T03_refuses_message_3_with_any_bit_flipped)
{
	struct run run;
	struct handshake_server before;

	run_init(&run);
	cr_assert_eq(run_client_start(&run), 0);
	cr_assert_eq(run_server_reply(&run), 0);
	cr_assert_eq(run_client_finish(&run), 0);
	before = run.server;
	for (size_t bit = 0; bit < HANDSHAKE_FINISH_BYTES * 8; bit++) {
		flip(run.finish, bit);
		cr_assert_eq(run_server_finish(&run), FTX_E_PROTOCOL, "bit %zu", bit);
		cr_assert(untouched(&run.server_keys, sizeof(run.server_keys)), "bit %zu", bit);
		flip(run.finish, bit);
		run.server = before;
	}
	cr_assert_eq(run_server_finish(&run), 0);
}

Test(handshake, T08_replayed_messages_yield_nothing)
{
	struct run run, replay;

	run_all(&run);
	replay = run;
	memset(&replay.server_keys, UNTOUCHED, sizeof(replay.server_keys));

	/* Message 1 again: the answer is a new one, and the old message 3 does not fit it. */
	cr_assert_eq(run_server_reply(&replay), 0);
	cr_assert_arr_neq(replay.reply, run.reply, KEY_BYTES);
	cr_assert_eq(run_server_finish(&replay), FTX_E_PROTOCOL);
	cr_assert(untouched(&replay.server_keys, sizeof(replay.server_keys)));

	/* The server's message 2 of another connection convinces no client. */
	memcpy(replay.reply, run.reply, sizeof(run.reply));
	memset(replay.finish, UNTOUCHED, sizeof(replay.finish));
	cr_assert_eq(run_client_start(&replay), 0);
	cr_assert_eq(run_client_finish(&replay), FTX_E_SERVER_KEY);
	cr_assert(untouched(replay.finish, sizeof(replay.finish)));
}

/* Uses of the secret key, each on a stack of its own that is searched afterwards. */
struct residue {
	const uint8_t *secret;
	uint8_t public_key[KEY_BYTES], ephemeral[KEY_BYTES], ck[HASH_BYTES], k[32];
	bool derive_public;
};

static struct residue *use; /* of the context that runs */

static void
use_secret(void)
{
	if (use->derive_public)
		key_public(use->public_key, use->secret);
	else
		handshake_es(use->secret, use->ephemeral, use->ck, use->k);
}

#define SEARCHED_STACK_BYTES (256u * 1024u)
#define RESIDUE_BYTES	     8u /* this much of a secret is a find */

static bool
lies_in(const uint8_t *memory, const uint8_t *secret, size_t length)
{
	for (size_t i = 0; i + RESIDUE_BYTES <= length; i++)
		if (memmem(memory, SEARCHED_STACK_BYTES, secret + i, RESIDUE_BYTES) != NULL)
			return true;
	return false;
}

/*
 * The multiplication of the base point works on the clamped secret as 64 signed digits of 4 bits:
 * these give it away as well.
 */
static void
signed_digits(uint8_t digits[static 64], const uint8_t secret[static KEY_BYTES])
{
	int carry = 0;

	for (size_t i = 0; i < KEY_BYTES; i++) {
		digits[2 * i] = secret[i] & 15;
		digits[2 * i + 1] = secret[i] >> 4;
	}
	digits[0] &= 8; /* the clamping of RFC 7748 */
	digits[63] = (digits[63] & 7) | 4;
	for (size_t i = 0; i < 63; i++) {
		int digit = digits[i] + carry;

		carry = (digit + 8) >> 4;
		digits[i] = (uint8_t)(digit - carry * 16);
	}
	digits[63] = (uint8_t)(digits[63] + carry);
}

/* A context ends without running anything more on its stack, as a thread would. */
static void
run_on_stack(uint8_t *stack)
{
	ucontext_t here, there;

	cr_assert_eq(getcontext(&there), 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = SEARCHED_STACK_BYTES;
	there.uc_link = &here;
	makecontext(&there, use_secret, 0);
	cr_assert_eq(swapcontext(&here, &there), 0);
}

Test(handshake, leaves_no_residue_of_the_server_key_on_the_stack)
{
	struct key_pair server, client;
	uint8_t *stack = mmap(NULL, SEARCHED_STACK_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t shared[KEY_BYTES], digits[64];

	cr_assert_neq(stack, MAP_FAILED);
	key_pair_new(&server);
	key_pair_new(&client);
	signed_digits(digits, server.secret);
	cr_assert_eq(crypto_scalarmult(shared, server.secret, client.public_key), 0);
	for (int derive_public = 0; derive_public <= 1; derive_public++) {
		struct residue this_use = {.secret = server.secret, .derive_public = derive_public};

		memcpy(this_use.ephemeral, client.public_key, KEY_BYTES);
		use = &this_use;
		run_on_stack(stack);
		cr_assert_not(lies_in(stack, server.secret, KEY_BYTES));
		cr_assert_not(lies_in(stack, digits, sizeof(digits)));
		cr_assert_not(lies_in(stack, shared, KEY_BYTES));
		cr_assert(derive_public || !lies_in(stack, this_use.ck, HASH_BYTES));
		cr_assert(derive_public || !lies_in(stack, this_use.k, 32));
	}
	munmap(stack, SEARCHED_STACK_BYTES);
}
