/*
 * The digest of a whole file, read block by block (PROTOCOL.md, "Content"): DIGEST on the server,
 * and the other half of the comparison on the client.
 */
#ifndef STORE_CONTENT_H
#define STORE_CONTENT_H

#include <stdint.h>

#include "proto/message.h"
#include "src/store/source.h"

/*
 * match_key: MATCH_KEY_BYTES for the keyed digest, NULL for the digest of a file.  block: room for
 * LIMIT_BLOCK_BYTES.  between: called before each block is read; not 0: that is returned; may be
 * NULL.  0 with *out, FTX_E_CHANGED or FTX_E_VANISHED where the file did not stay what it was,
 * FTX_E_TOO_LARGE, FTX_E_NOMEM, FTX_E_IO, ...; out->size is set to what was read in any case,
 * out->code never.
 */
int content_hash(struct source *source, const uint8_t *match_key, uint8_t *block,
		 int (*between)(void *arg), void *arg, struct path_digest *out);

#endif
