#include "src/server/key_holder.h"

#include <stdint.h>
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
	holder->secret = secret;
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
key_holder_forget(struct key_holder *holder)
{
	holder->secret = NULL;
}
