/*
 * What the files of upload share: upload_nodes.c (partials of other nodes), upload_claim.c
 * (finding, locking and beginning the partial), upload_open.c (checks; the object), upload.c
 * (writing), upload_hole.c (writing holes), upload_table.c (questions to the table),
 * upload_commit.c.
 */
#ifndef STORE_UPLOAD_IMPL_H
#define STORE_UPLOAD_IMPL_H

#include <sys/stat.h>

#include "src/store/journal.h"
#include "src/store/upload.h"

enum { UPLOAD_PENDING_BLOCKS = 256, UPLOAD_NAME_BYTES = 64 };

struct upload {
	struct upload_options options;
	char *path; /* owned; options.path too */
	char part_name[UPLOAD_NAME_BYTES];
	char journal_name[UPLOAD_NAME_BYTES];
	struct journal journal; /* its fd is -1 until the partial is ours, and after the end */
	int part;		/* -1: not open */
	int error;		/* what ended the upload; 0: it goes on */
	bool published;		/* only upload_close() is allowed now */
	bool remove;		/* the failure was one after which nothing may stay */
	bool begun;		/* the partial is new */
	bool journal_dirty;	/* header or slots are to be synced by the next checkpoint */

	bool size_fixed;     /* it was unknown, and a commit has said it: options.identity.size */
	uint64_t next_block; /* while the size is unknown: the first one that may come */

	/* The block that is being written: filled bytes of it are; 0: none is. */
	uint64_t block;
	uint64_t filled;
	struct digest_state *running;

	/* Finished blocks that are not in the table yet, ascending. */
	uint32_t pending_count;
	uint64_t pending_blocks[UPLOAD_PENDING_BLOCKS];
	struct digest pending_digests[UPLOAD_PENDING_BLOCKS];

	/* Bytes whose writeback has not been started. */
	uint64_t dirty_from;
	uint64_t dirty_end;

	bool is_sized; /* the partial has the file's size, as every file with a hole */
	bool no_punch; /* the file system makes no holes where there was something */
	bool preallocate;
	uint64_t window; /* the last one preallocated */
};

/* Room of a client's directory, where the files of strangers may lie. */
bool upload_is_strict(const struct upload *u);

/* No commit has said the size yet. */
bool upload_is_unsized(const struct upload *u);

/* Calls options.before_long_call. */
void upload_long_call(const struct upload *u);

/* Ends the upload: error is what every later call returns.  Returns error. */
int upload_fail(struct upload *u, int error, enum upload_end end);

/* Of a failed write: no space keeps what is there, everything else does not. */
int upload_fail_write(struct upload *u, int error);

/*
 * May bytes at offset come now: the next ones of the block that is being written, or the first ones
 * of another, and not beyond the file's size?
 */
bool upload_fits(const struct upload *u, uint64_t offset, uint64_t length);

/* length more bytes of the block that is being written are there, and in u->running. */
int upload_add_filled(struct upload *u, uint64_t length);

/* The block is finished: its slot is written by the next checkpoint, which may be now. */
int upload_add_pending(struct upload *u, uint64_t block, const struct digest *digest);

/* Takes blocks first..end out of what is pending. */
void upload_drop_pending(struct upload *u, uint64_t first, uint64_t end);

/* Gives back the space of a block that cannot be finished. */
void upload_drop_block(const struct upload *u);

/* Removes the partial by its name, and tells the tally.  As unlinkat(). */
int upload_unlink_part(const struct upload *u);

/* Removes partial and journal if no other process uses them. */
void upload_remove(struct upload *u);

/* Bytes that the file system has left for this user, UINT64_MAX where it does not say. */
uint64_t upload_free_bytes(const struct upload *u);

/* Checkpoint of what is pending, whether or not the upload has failed. */
int upload_flush(struct upload *u);

/*
 * Finds or makes journal and partial, and locks them.  After an error neither is open, and nothing
 * of others was touched.
 */
int upload_claim(struct upload *u, struct block_range *have, uint32_t *have_count);

/*
 * Opens and locks the journal that is there, alone or with others.  FTX_E_NOT_FOUND: there is none
 * (any more), FTX_E_BUSY: not now.
 */
int upload_lock_journal(struct upload *u, bool *alone);

/* Opens the partial under its name.  FTX_E_NOT_FOUND: there is none that can be used. */
int upload_open_part(struct upload *u);

/* May the final name be given to this file, as things stand?  st: what has it now; all zero:
 * nothing does. */
int upload_check_target(const struct upload *u);
int upload_check_leaf(const struct upload *u, const struct place *p, struct stat *st);

/*
 * Where several nodes share the staging: copies what is missing of the blocks that others have. The
 * exclusive lock is held, and no block is half written.  What cannot be read of others is left; an
 * error is one of this partial.
 */
int upload_adopt(struct upload *u);

/* When it is published: what other nodes have of it is of no use any more. */
void upload_drop_others(const struct upload *u);

/* Does what is missing fit beside what is to be kept free?  0, FTX_E_NO_SPACE, or an error. */
int upload_check_space(const struct upload *u);

/* The longest runs of blocks in the table, longest first, and the end of the last block in bytes.
 */
int upload_find_blocks(const struct upload *u, struct block_range *have, uint32_t *have_count,
		       uint64_t *end);

/*
 * Are all blocks there?  Sets result->digest, and *sent to the digest over the size and the blocks
 * of commit->sent.  FTX_E_INCOMPLETE with result->blocks.
 */
int upload_digests(const struct upload *u, const struct upload_commit *commit,
		   struct upload_result *result, struct digest *sent);

#endif
