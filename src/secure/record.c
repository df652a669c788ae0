#include "src/secure/record.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "proto/errors.h"

#define EPOCH_MASK ((UINT64_C(1) << RECORD_EPOCH_SHIFT) - 1)
#define L_MIN	   (1u + AEAD_TAG_BYTES)
#define L_MAX	   (LIMIT_RECORD_PLAIN + AEAD_TAG_BYTES)

static_assert(AEAD_TAG_BYTES == LIMIT_RECORD_TAG, "one tag size");

/* KB(secret, label || LE64(epoch)) (PROTOCOL.md, "Keys"). */
static void
derive(uint8_t out[static 32], const uint8_t secret[static 32], const char *label, uint64_t epoch)
{
	uint8_t message[16 + 8];
	size_t length = strlen(label);

	assert(length <= 16);
	memcpy(message, label, length);
	for (unsigned i = 0; i < 8; i++)
		message[length + i] = (uint8_t)(epoch >> (8 * i));
	crypto_generichash(out, 32, message, length + 8, secret, 32);
}

static void
set_epoch_key(struct record_state *r, enum aead_id id)
{
	uint8_t key[AEAD_KEY_BYTES];

	derive(key, r->secret, "ftx1 key", r->seq >> RECORD_EPOCH_SHIFT);
	if (r->bulk)
		aead_init_bulk(&r->aead, id, key);
	else
		aead_init(&r->aead, id, key);
	sodium_memzero(key, sizeof(key));
}

/* Counts one record; behind an epoch's last one its secret and key are gone. */
static void
advance(struct record_state *r)
{
	uint8_t next[32];
	enum aead_id id = r->aead.id;

	assert(r->seq < UINT64_MAX);
	r->seq++;
	if ((r->seq & EPOCH_MASK) != 0)
		return;
	derive(next, r->secret, "ftx1 next", (r->seq >> RECORD_EPOCH_SHIFT) - 1);
	memcpy(r->secret, next, sizeof(next));
	sodium_memzero(next, sizeof(next));
	aead_release(&r->aead);
	set_epoch_key(r, id);
}

static void
start(struct record_state *r, enum aead_id id, const uint8_t secret[static 32], bool bulk)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->secret, secret, sizeof(r->secret));
	r->bulk = bulk;
	set_epoch_key(r, id);
}

void
record_init(struct record_state *r, enum aead_id id, const uint8_t secret[static 32])
{
	start(r, id, secret, false);
}

void
record_init_bulk(struct record_state *r, enum aead_id id, const uint8_t secret[static 32])
{
	start(r, id, secret, true);
}

void
record_release(struct record_state *r)
{
	aead_release(&r->aead);
	sodium_memzero(r, sizeof(*r));
}

size_t
record_seal(struct record_state *r, uint8_t *frame, size_t length)
{
	uint32_t l = (uint32_t)(length + AEAD_TAG_BYTES);

	assert(length >= 1 && length <= LIMIT_RECORD_PLAIN);
	for (unsigned i = 0; i < RECORD_HEADER_BYTES; i++)
		frame[i] = (uint8_t)(l >> (8 * i));
	aead_seal(&r->aead, r->seq, frame, RECORD_HEADER_BYTES, frame + RECORD_HEADER_BYTES,
		  length);
	advance(r);
	return length + RECORD_OVERHEAD_BYTES;
}

size_t
record_frame_bytes(const uint8_t header[static RECORD_HEADER_BYTES])
{
	uint32_t l = 0;

	for (unsigned i = 0; i < RECORD_HEADER_BYTES; i++)
		l |= (uint32_t)header[i] << (8 * i);
	if (l < L_MIN || l > L_MAX)
		return 0;
	return RECORD_HEADER_BYTES + l;
}

int
record_open(struct record_state *r, uint8_t *frame, size_t frame_bytes, size_t *length)
{
	size_t plain;

	if (frame_bytes < RECORD_HEADER_BYTES || record_frame_bytes(frame) != frame_bytes)
		return FTX_E_PROTOCOL;
	plain = frame_bytes - RECORD_OVERHEAD_BYTES;
	if (aead_open(&r->aead, r->seq, frame, RECORD_HEADER_BYTES, frame + RECORD_HEADER_BYTES,
		      plain) != 0)
		return FTX_E_PROTOCOL;
	advance(r);
	*length = plain;
	return 0;
}
