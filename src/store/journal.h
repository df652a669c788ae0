/*
 * The journal of a partial: which of its blocks are on stable storage, and their digests.
 *
 * It is a table in a file, little endian throughout:
 *
 *	  0	 8  magic "ftx1jnl\n"
 *	  8	 4  version, 1
 *	 12	16  random bytes, part of every slot's check
 *	 28	16  session id of the run that holds the partial, or held it last
 *	 44	 8  resume identity of the source: size,
 *	 52	 8  mtime, seconds,
 *	 60	 4  and its nanoseconds
 *	 64	 4  0, or S_IFREG and the mode the partial may have because a commit has begun
 *	 68	 4  length of the path
 *	 72	 8  check of the path
 *	504	 8  check of the 504 bytes before it
 *	512	    the path, for people and tools: the partial is found by its name
 *	16384 + 32 i	slot of block i: digest 16, length of the block 8, check 8
 *
 * A check is the XXH3-64 of what it covers; that of a slot covers the random bytes, LE64(i) and the
 * slot's first 24 bytes.  A slot is believed exactly if its check is right and its length is that
 * of block i, and it is written only after the data it describes is synced.  All that ever changes
 * in the header lies in one sector, slots never straddle one, and nothing is appended: several
 * processes need no order among them, and a torn write is a slot without its check.  New random
 * bytes void all slots at once.
 *
 * Locks are OFD locks on the whole file: shared by every process that uses the partial, exclusive
 * for setting it up, publishing and removing it.  The file's name is taken away only under the
 * exclusive lock, so whoever has a lock and finds that the name still leads to his file can rely on
 * it for as long as he keeps the lock.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/message.h"
#include "src/data/checksum.h"

#define JOURNAL_SLOTS_AT   16384u
#define JOURNAL_SLOT_BYTES 32u

struct journal_header {
	uint8_t random[16];
	uint8_t session_id[16];
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t commit_mode;
};

/* Opened by journal_open(); journal_close() in any case.  fd is -1 where it is not open. */
struct journal {
	int fd;
	int dir;	  /* borrowed */
	const char *name; /* borrowed */
	struct journal_header header;
};

/*
 * Makes the file complete under a temporary name, NAME.new, syncs it, and puts it in place; the
 * caller syncs the directory.  The random bytes are chosen here.  FTX_E_EXISTS: somebody else was
 * first, FTX_E_BUSY: somebody else is about to be, FTX_E_CONFLICT: NAME.new is not a private file
 * of ours.
 */
int journal_create(int dir, const char *name, const struct journal_header *header,
		   const char *path);

/* Opens name without following a link.  The header is not read yet. */
int journal_open(struct journal *j, int dir, const char *name);
void journal_close(struct journal *j);

enum journal_lock { JOURNAL_SHARED, JOURNAL_EXCLUSIVE };

/* Takes or changes the lock.  FTX_E_BUSY where it is not free within wait_ms. */
int journal_lock(struct journal *j, enum journal_lock lock, uint64_t wait_ms);

/* Does the name still lead to this file? */
bool journal_in_place(const struct journal *j);

/* FTX_E_MISMATCH where the header is damaged. */
int journal_read_header(struct journal *j);

/* Writes what may change of a header that was read before; the caller syncs. */
int journal_write_header(struct journal *j);

/* Begins anew: j->header with new random bytes, no slots; synced. */
int journal_reset(struct journal *j, const char *path);

/* *empty: no slot was written since journal_create() or journal_reset(). */
int journal_is_empty(const struct journal *j, bool *empty);

/* Number of blocks of a file, and bytes of one of them. */
uint64_t block_count_of(uint64_t size);
uint64_t block_bytes_of(uint64_t size, uint64_t block);

/* *there: block has a valid slot. */
int journal_has(const struct journal *j, uint64_t block, bool *there);

/* Writes the slots of blocks first..first+count, or zeroes them; the caller syncs. */
int journal_put(const struct journal *j, uint64_t first, const struct digest *digests,
		uint64_t count);
int journal_clear(const struct journal *j, uint64_t first, uint64_t count);

/* Walks all valid slots in ascending order, passing over holes in the file. */
#define JOURNAL_SCAN_SLOTS 1024u
struct journal_scan {
	const struct journal *journal;
	uint64_t block; /* the one in slots[next] */
	uint64_t end;	/* blocks of the file */
	size_t next, count;
	uint8_t slots[JOURNAL_SCAN_SLOTS * JOURNAL_SLOT_BYTES];
};
void journal_scan_start(struct journal_scan *s, const struct journal *j);

/* The same for blocks first..end only. */
void journal_scan_range(struct journal_scan *s, const struct journal *j, uint64_t first,
			uint64_t end);

/* Returns 0 with *found; *found false: there are no more. */
int journal_scan_next(struct journal_scan *s, bool *found, uint64_t *block, struct digest *digest);

#endif
