/*
 * The server's secret key, in a page of its own that children of a fork do not inherit.
 */
#ifndef SERVER_KEY_HOLDER_H
#define SERVER_KEY_HOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "src/secure/handshake.h"

#define SERVER_KEYS 2u /* that a server may have, while it changes from one to the other */

struct key_holder {
	uint8_t *secret; /* sodium_malloc'd, MADV_DONTFORK; NULL in children */
	uint8_t public_key[KEY_BYTES];
	struct key_holder *other; /* of another key of the same server; NULL: it has one */
};

/*
 * Takes secret (from keyfile_read() or key_generate()).  FTX_E_CONFIG where the kernel does not
 * keep the page from children; secret is freed then.
 */
int key_holder_init(struct key_holder *holder, uint8_t *secret);

/* In the parent. */
void key_holder_release(struct key_holder *holder);

/* The public keys of a server in their order. */
struct server_keys {
	uint8_t keys[SERVER_KEYS][KEY_BYTES];
	size_t count;
};

void key_holder_public(const struct key_holder *holder, struct server_keys *out);

/* What the step es of a handshake gives. */
struct key_step {
	uint8_t ck[64];
	uint8_t k[32];
};

/* The step es with each key of the server.  0 or the error of handshake_es_of(). */
int key_holder_es(const struct key_holder *holder, enum handshake_kind kind,
		  const uint8_t ephemeral[static KEY_BYTES],
		  struct key_step out[static SERVER_KEYS]);

/* In a child, first thing: forgets where the key was.  Its page does not exist there. */
void key_holder_forget(struct key_holder *holder);

#endif
