/*
 * put: small files gathered into PACKs, with no round trip for any of them, and committed many at
 * a time (PROTOCOL.md, "Packs").
 */
#ifndef CLIENT_PACK_H
#define CLIENT_PACK_H

#include "src/client/request.h"

/* What is committed at once, unless there is nothing else to do. */
#define PACK_COMMIT_FILES 1024u
#define PACK_COMMIT_BYTES (UINT64_C(16) << 20)
#define PACK_COMMIT_LEAST (UINT64_C(256) << 10)
#define FRUITLESS_MOST	  3u /* losses, behind which that may be too much for a connection */

struct pack {
	struct root *root;
	/* The PACK that is being filled. */
	uint32_t count;
	size_t encoded; /* bytes of its items */
	size_t used;	/* bytes of content */
	struct packed items[LIMIT_ENTRIES];
	uint8_t data[LIMIT_CHUNK_BYTES];

	/* Files since the last COMMIT_PACKS; NULL: dropped, and sent again or failed. */
	struct entry *files[LIMIT_GROUP_ITEMS];
	uint32_t file_count;
	uint64_t file_bytes;
	uint64_t sent; /* content that went through the encoder: its place in the stream */
};

/*
 * Adds a small file; one that has become big goes on the list of those.  What is wrong with the
 * file itself is its result; then 0 too.  Otherwise why the connection is over, in the stream's
 * problem.
 */
int pack_file(struct stream *s, struct entry *e);

/* Sends what is gathered, then COMMIT_PACKS, also where only other changes are to be made durable.
 */
int pack_commit(struct stream *s);

/* Forgets what is gathered and what was sent since the last COMMIT_PACKS. */
void pack_clear(struct pack *p);

/* Is it time to?  The sooner, the more connections were lost: what was not committed went too. */
bool pack_is_full(const struct stream *s);

#endif
