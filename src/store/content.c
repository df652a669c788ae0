#include "src/store/content.h"

#include <string.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/secure/match.h"

/* Either of the two. */
struct running {
	const uint8_t *match_key;
	struct match match;
	struct digest_state *file;
};

static int
start(struct running *r, uint64_t size)
{
	if (r->match_key != NULL) {
		match_start(&r->match, r->match_key, size);
		return 0;
	}
	r->file = digest_state_new();
	if (r->file == NULL)
		return FTX_E_NOMEM;
	file_digest_start(r->file, size);
	return 0;
}

static void
add(struct running *r, const uint8_t *block, size_t length)
{
	struct digest digest;

	if (r->match_key != NULL) {
		match_add(&r->match, block, length);
		return;
	}
	digest = digest_of(block, length);
	file_digest_add(r->file, &digest);
}

static void
finish(struct running *r, uint8_t out[static LIMIT_DIGEST_BYTES])
{
	struct digest digest;

	if (r->match_key != NULL) {
		match_finish(&r->match, out);
		return;
	}
	digest = digest_finish(r->file);
	memcpy(out, digest.bytes, sizeof(digest.bytes));
}

int
content_hash(struct source *source, const uint8_t *match_key, uint8_t *block,
	     int (*between)(void *arg), void *arg, struct path_digest *out)
{
	struct running running = {.match_key = match_key};
	uint64_t size = source_identity(source)->size;
	int r = size > LIMIT_FILE_BYTES ? FTX_E_TOO_LARGE : 0;

	out->size = 0;
	if (r == 0)
		r = start(&running, size);
	while (r == 0 && out->size < size) {
		uint64_t left = size - out->size;
		size_t length = left < LIMIT_BLOCK_BYTES ? (size_t)left : LIMIT_BLOCK_BYTES;

		if (between != NULL && (r = between(arg)) != 0)
			break;
		if ((r = source_read(source, out->size, block, length)) != 0)
			break;
		add(&running, block, length);
		out->size += length;
	}
	if (r == 0)
		r = source_check(source);
	if (r == 0)
		finish(&running, out->digest);
	match_wipe(&running.match);
	digest_state_free(running.file);
	return r;
}
