/*
 * Runs of blocks as HAVE and ERROR bring them: checked, sorted, complemented.
 */
#ifndef CLIENT_RANGES_H
#define CLIENT_RANGES_H

#include <stdint.h>

#include "proto/message.h"

/* Blocks of a file of so many bytes. */
uint64_t ranges_blocks(uint64_t size);

/*
 * Sorts ranges ascending and checks what a peer said: none empty, none beyond blocks, none
 * overlapping.  0 or FTX_E_PROTOCOL.
 */
int ranges_check(struct block_range *ranges, uint32_t count, uint64_t blocks);

/*
 * Writes to out[0..LIMIT_GAP_RANGES) what is left of 0..blocks without have (checked, ascending, at
 * most LIMIT_HAVE_RANGES).  Returns how many ranges that is.
 */
uint32_t ranges_complement(const struct block_range *have, uint32_t count, uint64_t blocks,
			   struct block_range *out);

/* Bytes of the file under these ranges; the last block may be short. */
uint64_t ranges_bytes(const struct block_range *ranges, uint32_t count, uint64_t size);

#endif
