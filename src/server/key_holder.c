#include "src/server/key_holder.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/keyfile.h"

int
key_holder_init(struct key_holder *holder, uint8_t *secret)
{
	uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t offset = (uintptr_t)secret % page_bytes;

	/* sodium_malloc() puts the bytes at the end of pages that nothing else uses. */
	if (madvise(secret - offset, offset + KEY_BYTES, MADV_DONTFORK) != 0) {
		key_secret_free(secret);
		return FTX_E_CONFIG;
	}
	*holder = (struct key_holder){.secret = secret};
	key_public(holder->public_key, secret);
	return 0;
}

void
key_holder_release(struct key_holder *holder)
{
	key_secret_free(holder->secret);
	holder->secret = NULL;
}

void
key_holder_public(const struct key_holder *holder, struct server_keys *out)
{
	out->count = 0;
	for (; holder != NULL; holder = holder->other) {
		assert(out->count < SERVER_KEYS);
		memcpy(out->keys[out->count++], holder->public_key, KEY_BYTES);
	}
}

int
key_holder_es(const struct key_holder *holder, enum handshake_kind kind,
	      const uint8_t ephemeral[static KEY_BYTES], struct key_step out[static SERVER_KEYS])
{
	int r = 0;

	for (size_t i = 0; holder != NULL && r == 0; holder = holder->other, i++) {
		assert(i < SERVER_KEYS);
		r = handshake_es_of(kind, holder->secret, ephemeral, out[i].ck, out[i].k);
	}
	return r;
}

void
key_holder_forget(struct key_holder *holder)
{
	for (; holder != NULL; holder = holder->other)
		holder->secret = NULL;
}
