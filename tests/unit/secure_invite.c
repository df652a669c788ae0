/* Invites: their text, and the handshake that proves one. */
#include "tests/harness/unit.h"
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/invite.h"
#include "tests/unit/secure_run.h"

/* place as long as there is room, or as given */
static void
new_code(struct invite_code *code, const char *place)
{
	memset(code, 0, sizeof(*code));
	randombytes_buf(code->server_key, sizeof(code->server_key));
	invite_draw(code);
	if (place != NULL)
		strcpy(code->place, place);
	else
		memset(code->place, 'h', INVITE_PLACE_BYTES);
}

Test(invite, code_comes_back_as_it_was)
{
	static const char *const places[] = {"a:1", "ab:12", "nas.example.org:7389", "[::1]:7389",
					     NULL};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct invite_code code, back;
		char text[INVITE_TEXT_BYTES];
		const char *why;

		new_code(&code, places[i]);
		memset(&back, 0, sizeof(back));
		invite_format(text, &code);
		cr_assert_lt(strlen(text), sizeof(text));
		cr_assert_eq(strncmp(text, "ftxp", 4), 0);
		cr_assert_eq(invite_parse(&back, text, &why), 0, "place %zu", i);
		cr_assert_arr_eq(&back, &code, sizeof(code));
	}
}

Test(invite, code_is_text_for_every_shell_and_chat)
{
	struct invite_code code;
	char text[INVITE_TEXT_BYTES];

	new_code(&code, "nas:7389");
	invite_format(text, &code);
	cr_assert_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "-_"),
		     strlen(text));
}

Test(invite, refuses_a_code_with_any_character_another_one_or_missing)
{
	static const char alphabet[] = "Aq-9";
	struct invite_code code, back;
	char text[INVITE_TEXT_BYTES], wrong[INVITE_TEXT_BYTES];
	const char *why;

	new_code(&code, "nas.example.org:7389");
	invite_format(text, &code);
	for (size_t i = 0; text[i] != '\0'; i++) {
		for (size_t a = 0; a < sizeof(alphabet) - 1; a++) {
			strcpy(wrong, text);
			wrong[i] = alphabet[a];
			if (strcmp(wrong, text) != 0)
				cr_assert_eq(invite_parse(&back, wrong, &why), FTX_E_USAGE,
					     "character %zu", i);
		}
		memcpy(wrong, text, i);
		strcpy(wrong + i, text + i + 1);
		cr_assert_eq(invite_parse(&back, wrong, &why), FTX_E_USAGE, "without %zu", i);
		wrong[i] = '\0';
		cr_assert_eq(invite_parse(&back, wrong, &why), FTX_E_USAGE, "cut at %zu", i);
	}
	strcpy(wrong, text);
	strcat(wrong, "A");
	cr_assert_eq(invite_parse(&back, wrong, &why), FTX_E_USAGE);
	cr_assert_eq(invite_parse(&back, "hello", &why), FTX_E_USAGE);
	cr_assert(strstr(why, "ftxp") != NULL);
}

/* A place is a text: what stands behind a zero byte would not be seen. */
Test(invite, refuses_a_code_whose_place_is_no_text)
{
	struct invite_code code, back;
	char text[INVITE_TEXT_BYTES];
	const char *why;

	new_code(&code, "");
	invite_format(text, &code);
	cr_assert_eq(invite_parse(&back, text, &why), FTX_E_USAGE);
}

/* PROTOCOL.md, "Invites": the known answer that a second implementation can check itself with. */
Test(invite, reproduces_the_example_of_the_protocol)
{
	static const char example[] =
	    "ftxpAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4"
	    "OTo7PD0-P25hczo3Mzg5tJmssw";
	static const char psk[] =
	    "288a8b70f09e295dc66d1c9552845357dd5f02a71f34dafa8307494997af6f1e";
	struct invite_code code = {.place = "nas:7389"};
	struct handshake_invite handshake;
	char text[INVITE_TEXT_BYTES], hex[65];

	for (uint8_t i = 0; i < 32; i++)
		code.server_key[i] = i;
	for (uint8_t i = 0; i < 16; i++) {
		code.id[i] = (uint8_t)(32 + i);
		code.secret[i] = (uint8_t)(48 + i);
	}
	invite_format(text, &code);
	cr_assert_str_eq(text, example);
	invite_handshake(&handshake, &code);
	cr_assert_arr_eq(handshake.id, code.id, sizeof(code.id));
	cr_assert_str_eq(sodium_bin2hex(hex, sizeof(hex), handshake.psk, sizeof(handshake.psk)),
			 psk);
}

static void
join_up_to_finish(struct run *run)
{
	cr_assert_eq(run_client_start(run), 0);
	cr_assert_eq(run_server_reply(run), 0);
	cr_assert_eq(run_client_finish(run), 0);
}

Test(invite, handshake_gives_both_ends_the_same_keys_and_the_server_the_id)
{
	struct run run;

	run_init_join(&run);
	join_up_to_finish(&run);
	cr_assert_eq(memcmp(run.hello, HANDSHAKE_INVITE_MAGIC, HANDSHAKE_MAGIC_BYTES), 0);
	cr_assert_eq(run.server.kind, HANDSHAKE_INVITE);
	cr_assert_arr_eq(run.server.invite_id, run.invite.id, sizeof(run.invite.id));
	cr_assert_eq(run_server_finish(&run), 0);
	cr_assert_arr_eq(run.server_keys.client_key, run.client_key.public_key, KEY_BYTES);
	cr_assert_arr_eq(run.client_keys.client_to_server, run.server_keys.client_to_server, 32);
	cr_assert_arr_eq(run.client_keys.server_to_client, run.server_keys.server_to_client, 32);
	cr_assert_arr_eq(run.client_keys.hash, run.server_keys.hash, NOISE_HASH_BYTES);
	run.client.noise.next_message = run.server.noise.next_message = 0;
	cr_assert(sodium_is_zero((const uint8_t *)&run.client.noise, sizeof(run.client.noise)));
	cr_assert(sodium_is_zero((const uint8_t *)&run.server.noise, sizeof(run.server.noise)));
}

Test(invite, handshake_fails_at_message_3_with_another_secret)
{
	struct run run;

	run_init_join(&run);
	run.server_psk[31] ^= 1;
	join_up_to_finish(&run);
	cr_assert_eq(run_server_finish(&run), FTX_E_PROTOCOL);
	cr_assert(untouched(&run.server_keys, sizeof(run.server_keys)));
}

/* A server that does not know the invite sets no psk; zeros must not be one then. */
Test(invite, handshake_fails_at_message_3_where_the_server_was_told_no_psk)
{
	struct run run;

	run_init_join(&run);
	memset(run.invite.psk, 0, sizeof(run.invite.psk));
	join_up_to_finish(&run);
	cr_assert_eq(handshake_server_finish(&run.server, run.finish, &run.server_keys),
		     FTX_E_PROTOCOL);
}

Test(invite, T03_handshake_refuses_any_bit_flipped)
{
	struct run run;
	struct handshake_client client;
	struct handshake_server server;

	run_init_join(&run);
	cr_assert_eq(run_client_start(&run), 0);
	for (size_t bit = 0; bit < HANDSHAKE_HELLO_BYTES * 8; bit++) {
		run.hello[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_eq(run_server_reply(&run), FTX_E_PROTOCOL, "bit %zu", bit);
		run.hello[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert_eq(run_server_reply(&run), 0);
	client = run.client;
	for (size_t bit = 0; bit < HANDSHAKE_REPLY_BYTES * 8; bit++) {
		run.reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_eq(run_client_finish(&run), FTX_E_SERVER_KEY, "bit %zu", bit);
		run.reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
		run.client = client;
	}
	cr_assert_eq(run_client_finish(&run), 0);
	server = run.server;
	for (size_t bit = 0; bit < HANDSHAKE_FINISH_BYTES * 8; bit++) {
		run.finish[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_eq(run_server_finish(&run), FTX_E_PROTOCOL, "bit %zu", bit);
		run.finish[bit / 8] ^= (uint8_t)(1u << bit % 8);
		run.server = server;
	}
	cr_assert_eq(run_server_finish(&run), 0);
}

/* Whoever changes the magic on the way turns one handshake into the other. */
Test(invite, magic_is_bound_to_the_handshake)
{
	struct run run;

	run_init_join(&run);
	cr_assert_eq(run_client_start(&run), 0);
	memcpy(run.hello, HANDSHAKE_MAGIC, HANDSHAKE_MAGIC_BYTES);
	run.join = false;
	cr_assert_eq(run_server_reply(&run), FTX_E_PROTOCOL);
	run_init(&run);
	cr_assert_eq(run_client_start(&run), 0);
	memcpy(run.hello, HANDSHAKE_INVITE_MAGIC, HANDSHAKE_MAGIC_BYTES);
	run.join = true;
	cr_assert_eq(run_server_reply(&run), FTX_E_PROTOCOL);
}
