#include "src/secure/match.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/limits.h"

_Static_assert(MATCH_KEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES &&
		   MATCH_BYTES == crypto_shorthash_siphashx24_BYTES,
	       "SipHash-2-4 with 128 bits");

void
match_start(struct match *m, const uint8_t key[static MATCH_KEY_BYTES], uint64_t size)
{
	uint8_t le[8];

	for (unsigned i = 0; i < sizeof(le); i++)
		le[i] = (uint8_t)(size >> (8 * i));
	memcpy(m->key, key, sizeof(m->key));
	crypto_shorthash_siphashx24(m->chain, le, sizeof(le), m->key);
}

void
match_add(struct match *m, const void *block, size_t length)
{
	uint8_t link[2 * MATCH_BYTES];

	assert(length > 0 && length <= LIMIT_BLOCK_BYTES);
	memcpy(link, m->chain, MATCH_BYTES);
	crypto_shorthash_siphashx24(link + MATCH_BYTES, block, length, m->key);
	crypto_shorthash_siphashx24(m->chain, link, sizeof(link), m->key);
}

void
match_finish(const struct match *m, uint8_t out[static MATCH_BYTES])
{
	memcpy(out, m->chain, MATCH_BYTES);
}

void
match_wipe(struct match *m)
{
	sodium_memzero(m, sizeof(*m));
}
