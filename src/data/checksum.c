#include "src/data/checksum.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
/*
 * The library's own functions are compiled for any x86-64; this header makes the same names choose
 * AVX2 or AVX-512 where the processor has them (9 GB/s against 30).
 */
#if defined(__x86_64__) && defined(__has_include)
#if __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif
#endif

#include "src/base/encoding.h"

/* Never written.  Not const: that would be a MiB of the program on disk. */
static uint8_t zeros[LIMIT_BLOCK_BYTES];
static struct digest zero_block;

struct digest_state {
	XXH3_state_t *xxh; /* from XXH3_createState(), which aligns it to 64 bytes */
};

static void
put_le64(uint8_t out[static 8], uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

/* Not XXH128_canonicalFromHash(), which is big endian with the high half first. */
static struct digest
digest_from(XXH128_hash_t hash)
{
	struct digest d;

	put_le64(d.bytes, hash.low64);
	put_le64(d.bytes + 8, hash.high64);
	return d;
}

struct digest
digest_of(const void *data, size_t length)
{
	return digest_from(XXH3_128bits(data, length));
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

char *
digest_format(char out[static DIGEST_TEXT_BYTES], const struct digest *d)
{
	memcpy(out, "ftx1:", 5);
	hex_encode(out + 5, d->bytes, sizeof(d->bytes));
	return out;
}

struct digest_state *
digest_state_new(void)
{
	struct digest_state *s = malloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->xxh = XXH3_createState();
	if (s->xxh == NULL) {
		free(s);
		return NULL;
	}
	digest_start(s);
	return s;
}

void
digest_state_free(struct digest_state *s)
{
	if (s == NULL)
		return;
	XXH3_freeState(s->xxh);
	free(s);
}

void
digest_start(struct digest_state *s)
{
	XXH3_128bits_reset(s->xxh);
}

void
digest_add(struct digest_state *s, const void *data, size_t length)
{
	XXH3_128bits_update(s->xxh, data, length);
}

struct digest
digest_finish(const struct digest_state *s)
{
	return digest_from(XXH3_128bits_digest(s->xxh));
}

static void
make_zero_block(void)
{
	zero_block = digest_of(zeros, sizeof(zeros));
}

struct digest
digest_of_zeros(size_t length)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	assert(length <= sizeof(zeros));
	if (length < sizeof(zeros))
		return digest_of(zeros, length);
	pthread_once(&once, make_zero_block);
	return zero_block;
}

void
digest_add_zeros(struct digest_state *s, uint64_t length)
{
	while (length > 0) {
		size_t part = length < sizeof(zeros) ? (size_t)length : sizeof(zeros);

		digest_add(s, zeros, part);
		length -= part;
	}
}

void
file_digest_start(struct digest_state *s, uint64_t size)
{
	uint8_t le[8];

	put_le64(le, size);
	digest_start(s);
	digest_add(s, le, sizeof(le));
}

void
file_digest_add(struct digest_state *s, const struct digest *block)
{
	digest_add(s, block->bytes, sizeof(block->bytes));
}

uint64_t
check64(const void *data, size_t length)
{
	return XXH3_64bits(data, length);
}
