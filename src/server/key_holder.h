/*
 * The server's secret key, in a page of its own that children of a fork do not inherit.
 */
#ifndef SERVER_KEY_HOLDER_H
#define SERVER_KEY_HOLDER_H

#include <stdint.h>

#include "src/secure/handshake.h"

struct key_holder {
	uint8_t *secret; /* sodium_malloc'd, MADV_DONTFORK; NULL in children */
	uint8_t public_key[KEY_BYTES];
};

/*
 * Takes secret (from keyfile_read() or key_generate()).  FTX_E_CONFIG where the kernel does not
 * keep the page from children; secret is freed then.
 */
int key_holder_init(struct key_holder *holder, uint8_t *secret);

/* In the parent. */
void key_holder_release(struct key_holder *holder);

/* In a child, first thing: forgets where the key was.  Its page does not exist there. */
void key_holder_forget(struct key_holder *holder);

#endif
