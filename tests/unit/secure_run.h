/*
 * One handshake between two ends in one process, step by step, for the tests.
 */
#ifndef TESTS_UNIT_SECURE_RUN_H
#define TESTS_UNIT_SECURE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/secure/handshake.h"

#define MASK_CHACHA 0x01u
#define MASK_AES    0x02u
#define MASK_BOTH   0x03u

struct key_pair {
	uint8_t secret[KEY_BYTES], public_key[KEY_BYTES];
};
void key_pair_new(struct key_pair *pair);

/* Both ends and all that went over the wire between them. */
struct run {
	struct key_pair server_key, client_key;
	/* Of run_join(): what the client proves, and the server's psk for it. */
	struct handshake_invite invite;
	uint8_t server_psk[NOISE_KEY_BYTES];
	bool join;
	struct handshake_client client;
	struct handshake_server server;
	struct session_keys client_keys, server_keys;
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
};

#define UNTOUCHED 0xa5 /* what run_init() fills all but the key pairs with */
bool untouched(const void *data, size_t length);

void run_init(struct run *run);

/* run_init(), and the steps are those of an invite that the server knows. */
void run_init_join(struct run *run);

/* The steps in their order, without AES.  Each returns what the function of handshake.h returns. */
int run_client_start(struct run *run);
int run_server_reply(struct run *run);
int run_client_finish(struct run *run);
int run_server_finish(struct run *run);

/* run_init() and all steps, each of which must succeed. */
void run_all(struct run *run);

/* The callback of the step es; arg is the server's struct key_pair. */
int run_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	   uint8_t k[static 32]);

#endif
