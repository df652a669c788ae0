/*
 * Receiving a file: a partial, its journal, and the commit that publishes it.  The server uses it
 * for put, the client for get.
 *
 * The partial and its journal stay on disk whatever happens to the processes; the next
 * upload_open() with the same identity goes on from the blocks that the journal vouches for, and
 * reads nothing again.  A published file is never modified: it is a new inode, complete and synced
 * before its rename.
 *
 * Life cycle: upload_open(), then upload_write(), upload_hole() and upload_checkpoint() as often as
 * wanted, then upload_commit(); upload_close() in any case.  One process or thread at a time uses a
 * struct upload; several processes with the same session id may each have one for the same file.
 *
 * Failure: what the disk answers first to write, fdatasync, fsync or close ends the upload; the
 * same error comes back from every later call.  EIO and a failed sync remove partial and journal
 * (the kernel marks pages clean that never reached the disk), where several processes use them with
 * the last one's end; no space in a write keeps them.  (PROTOCOL.md, "Content"; journal.h has the
 * table's format.)
 *
 * A partial whose identity is another one is begun anew: the old one is removed.
 */
#ifndef STORE_UPLOAD_H
#define STORE_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/data/checksum.h"
#include "src/store/metadata.h"
#include "src/store/resolve.h"
#include "src/store/usage.h"

struct upload;

/*
 * As struct upload_options.identity.size: only the commit says it (standard input).  Blocks then
 * come in ascending order, all but the last are whole, and the commit finishes a last one that is
 * not.  One process at a time has the partial, and only the run that began it goes on with it;
 * every other one begins anew.
 */
#define UPLOAD_SIZE_UNKNOWN UINT64_MAX

/*
 * Where partials and journals live, and how the one of this path is called there: PREFIX ID.part
 * and PREFIX ID.jnl.  In a client's directory, which others may be able to write in, they are used
 * only if they are regular files of this user with one name and mode 0600; otherwise the answer is
 * FTX_E_CONFLICT and nothing is touched.
 */
#define UPLOAD_ID_BYTES	  33u /* 32 hex digits and a terminator */
#define UPLOAD_NODE_BYTES 17u /* 16 hex digits and a terminator */
struct upload_staging {
	int dir; /* borrowed until upload_close(); may be O_PATH */
	const char
	    *prefix; /* "" on the server, ".ftx-" beside a client's destination; a constant */
	char id[UPLOAD_ID_BYTES];
	/*
	 * Not "": other machines use the same directory, and their locks need not be seen here. The
	 * files are ID.NODE.part and ID.NODE.jnl, and nobody but this node writes to them.
	 * upload_open(), and a commit that lacks some, copy the blocks that other nodes' journals
	 * vouch for; a commit that has published removes what others left, unless they hold a lock
	 * that is seen here.
	 */
	char node[UPLOAD_NODE_BYTES];
};

struct upload_options {
	struct upload_staging staging;
	int root;		/* borrowed until upload_close(): what path is relative to */
	const char *path;	/* the final name; passes path_check(); copied */
	unsigned resolve_flags; /* missing parents are made by the commit in any case */
	uint8_t session_id[16];
	struct identity identity;  /* of the source; size is the file's, or UPLOAD_SIZE_UNKNOWN */
	uint64_t allocate;	   /* bytes the source occupies on its disk; size unknown: 0 */
	uint64_t keep_free;	   /* bytes of the file system that are not for this upload */
	bool overwrite;		   /* may the final name exist? */
	struct usage_tally *tally; /* borrowed until upload_close(): told what goes; or NULL */
	const struct metadata_rules *rules; /* borrowed until upload_close() */
	/* Called before a call that may take long and cannot be left (fsync...); may be NULL. */
	void (*before_long_call)(void *arg);
	void *arg;
};

/*
 * Opens or continues the partial.  have[0..*have_count): runs of blocks already durable, longest
 * first; room for LIMIT_HAVE_RANGES.  FTX_E_BUSY where another run holds it, FTX_E_NO_SPACE where
 * what is missing of allocate and of the journal does not fit beside keep_free, FTX_E_CONFLICT
 * where the final name is a directory or a special file, FTX_E_IS_LINK where a parent is a link,
 * FTX_E_EXISTS, FTX_E_OTHER_FILE_SYSTEM where it is not on the staging's, ...
 */
int upload_open(struct upload **out, const struct upload_options *options, struct block_range *have,
		uint32_t *have_count);

/* Has upload_open() made the partial?  Else there was one. */
bool upload_is_begun(const struct upload *u);

/*
 * One chunk's raw bytes.  Inside a block chunks come in ascending order without gap or overlap;
 * blocks in any order, one at a time.  FTX_E_PROTOCOL where that is not so, and for bytes beyond
 * the file's size or over a block's end: u is then unchanged.
 */
int upload_write(struct upload *u, uint64_t offset, const void *data, size_t length);

/*
 * Zeros that take no space on the disk, in the order that upload_write() asks for: they may begin
 * where the block that is being written has been written to, end inside a block, and span any
 * number of blocks.  What lay there before is gone.  FTX_E_PROTOCOL also for length 0; u is then
 * unchanged.  Costs the slots of the blocks: 32 bytes of journal for each.
 */
int upload_hole(struct upload *u, uint64_t offset, uint64_t length);

/* Data of all finished blocks synced, then their slots written and synced. */
int upload_checkpoint(struct upload *u);

struct upload_commit {
	struct metadata metadata;
	const struct block_range *sent; /* blocks of this run, ascending and disjoint, for digest */
	uint32_t sent_count;		/* at most LIMIT_GAP_RANGES */
	uint64_t size; /* of the file; counts where it was unknown at upload_open() */
	const struct digest
	    *digest; /* over the size and these blocks' digests; NULL: not compared */
};

struct upload_result {
	struct digest digest; /* of the whole file */
	uint8_t flags;	      /* what was not kept: bits of enum status_flag */
	/* With FTX_E_INCOMPLETE (the first missing ones) and FTX_E_MISMATCH (all of sent): */
	struct block_range blocks[LIMIT_GAP_RANGES];
	uint32_t block_count;
};

/*
 * Publishes.  0: durable under its name, the partial is gone and u only good for upload_close().
 * FTX_E_INCOMPLETE, FTX_E_MISMATCH, FTX_E_BUSY (other processes use the partial), FTX_E_EXISTS and
 * whatever else the final name answers: u stays open and may be gone on with.  FTX_E_PROTOCOL:
 * ranges out of order or outside the file, or a block is half written; where the size was unknown,
 * also a size below what was written, or another than the end of a half written block.  The first
 * commit fixes the size for later ones, and for writes between them.
 */
int upload_commit(struct upload *u, const struct upload_commit *commit,
		  struct upload_result *result);

enum upload_end { UPLOAD_KEEP, UPLOAD_DISCARD };

/*
 * KEEP: a checkpoint, then both files stay (they go where the upload has failed and no block was
 * finished).  DISCARD: both are removed, unless another process still uses them.  Frees u; NULL is
 * allowed.  Returns the checkpoint's result.
 */
int upload_close(struct upload *u, enum upload_end end);

/*
 * Removes partial and journal that an earlier run left, where they are no longer wanted.  0 also
 * where there are none; FTX_E_BUSY where a live run holds them, FTX_E_CONFLICT as above.
 */
int upload_forget(const struct upload_staging *staging);

/*
 * Removes the journals in a server's up/ that have no partial any more and are nobody's: of files
 * that were published by processes which were killed right then.  64 at most.  node: as in struct
 * upload_staging; of others nothing is touched.
 */
void upload_sweep(int up, const char *node);

/* What upload_options.path was; borrowed until upload_close(). */
const char *upload_path(const struct upload *u);

#endif
