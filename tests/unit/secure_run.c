#include "tests/unit/secure_run.h"

#include "tests/harness/unit.h"
#include <string.h>

#include <sodium.h>

#include "src/secure/keyfile.h"

void
key_pair_new(struct key_pair *pair)
{
	randombytes_buf(pair->secret, KEY_BYTES);
	key_public(pair->public_key, pair->secret);
}

int
run_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
       uint8_t k[static 32])
{
	const struct key_pair *server = arg;

	return handshake_es(server->secret, ephemeral, ck, k);
}

static int
join_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	uint8_t k[static 32])
{
	const struct key_pair *server = arg;

	return handshake_es_of(HANDSHAKE_INVITE, server->secret, ephemeral, ck, k);
}

int
run_client_start(struct run *run)
{
	if (run->join)
		return handshake_client_join(&run->client, run->server_key.public_key,
					     run->client_key.secret, &run->invite, MASK_CHACHA,
					     AEAD_CHACHA20_POLY1305, run->hello);
	return handshake_client_start(&run->client, run->server_key.public_key,
				      run->client_key.secret, MASK_CHACHA, AEAD_CHACHA20_POLY1305,
				      run->hello);
}

int
run_server_reply(struct run *run)
{
	return handshake_server_reply(&run->server, run->server_key.public_key,
				      run->join ? join_es : run_es, &run->server_key, run->hello,
				      run->reply);
}

int
run_client_finish(struct run *run)
{
	return handshake_client_finish(&run->client, run->reply, run->finish, &run->client_keys);
}

int
run_server_finish(struct run *run)
{
	if (run->join)
		handshake_server_psk(&run->server, run->server_psk);
	return handshake_server_finish(&run->server, run->finish, &run->server_keys);
}

void
run_init(struct run *run)
{
	memset(run, UNTOUCHED, sizeof(*run));
	key_pair_new(&run->server_key);
	key_pair_new(&run->client_key);
	run->join = false;
}

void
run_init_join(struct run *run)
{
	run_init(run);
	run->join = true;
	randombytes_buf(&run->invite, sizeof(run->invite));
	memcpy(run->server_psk, run->invite.psk, sizeof(run->server_psk));
}

void
run_all(struct run *run)
{
	run_init(run);
	cr_assert_eq(run_client_start(run), 0);
	cr_assert_eq(run_server_reply(run), 0);
	cr_assert_eq(run_client_finish(run), 0);
	cr_assert_eq(run_server_finish(run), 0);
}

bool
untouched(const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		if (bytes[i] != UNTOUCHED)
			return false;
	return true;
}
