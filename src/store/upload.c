#include "src/store/upload_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/store/publish.h"

#define WRITEBACK_BYTES (UINT64_C(4) << 20)
#define WINDOW_BYTES	(UINT64_C(1) << 30)

bool
upload_is_unsized(const struct upload *u)
{
	return u->options.identity.size == UPLOAD_SIZE_UNKNOWN;
}

void
upload_long_call(const struct upload *u)
{
	if (u->options.before_long_call != NULL)
		u->options.before_long_call(u->options.arg);
}

bool
upload_is_begun(const struct upload *u)
{
	return u->begun;
}

int
upload_unlink_part(const struct upload *u)
{
	int dir = u->options.staging.dir;
	struct stat st;
	bool known =
	    u->options.tally != NULL && fstatat(dir, u->part_name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (unlinkat(dir, u->part_name, 0) != 0)
		return -1;
	if (known)
		usage_note_gone(u->options.tally, &st);
	return 0;
}

/*
 * Others who use the partial have the shared lock, and then it is left to the last one: what is in
 * its table was synced before this failure, and what was not is not in the table.
 */
void
upload_remove(struct upload *u)
{
	int dir = u->options.staging.dir;

	if (journal_lock(&u->journal, JOURNAL_EXCLUSIVE, 0) != 0 || !journal_in_place(&u->journal))
		return;
	/* This order: a journal without a partial starts over, a partial without one is adrift. */
	if (u->part < 0 || publish_leads_to(dir, u->part_name, u->part))
		(void)upload_unlink_part(u);
	unlinkat(dir, u->journal_name, 0);
}

int
upload_fail(struct upload *u, int error, enum upload_end end)
{
	u->error = error;
	u->filled = 0;
	if (end == UPLOAD_DISCARD) {
		u->remove = true;
		u->pending_count = 0;
		upload_remove(u);
	}
	return error;
}

int
upload_fail_write(struct upload *u, int error)
{
	bool keep = error == FTX_E_NO_SPACE || error == FTX_E_QUOTA;

	return upload_fail(u, error, keep ? UPLOAD_KEEP : UPLOAD_DISCARD);
}

bool
upload_fits(const struct upload *u, uint64_t offset, uint64_t length)
{
	bool unsized = upload_is_unsized(u);
	uint64_t size = unsized ? LIMIT_FILE_BYTES : u->options.identity.size;

	if (length == 0 || offset > size || length > size - offset)
		return false;
	if (u->filled > 0)
		return offset == u->block * LIMIT_BLOCK_BYTES + u->filled;
	if (unsized && offset / LIMIT_BLOCK_BYTES < u->next_block)
		return false;
	return offset % LIMIT_BLOCK_BYTES == 0;
}

void
upload_drop_pending(struct upload *u, uint64_t first, uint64_t end)
{
	uint32_t i = u->pending_count, from, after;

	while (i > 0 && u->pending_blocks[i - 1] >= end)
		i--;
	after = u->pending_count - i;
	for (from = i; from > 0 && u->pending_blocks[from - 1] >= first;)
		from--;
	if (from == i)
		return;
	memmove(&u->pending_blocks[from], &u->pending_blocks[i],
		after * sizeof(u->pending_blocks[0]));
	memmove(&u->pending_digests[from], &u->pending_digests[i],
		after * sizeof(u->pending_digests[0]));
	u->pending_count = from + after;
}

int
upload_add_pending(struct upload *u, uint64_t block, const struct digest *digest)
{
	uint32_t i = u->pending_count++;

	assert(u->pending_count <= UPLOAD_PENDING_BLOCKS);
	for (; i > 0 && u->pending_blocks[i - 1] > block; i--) {
		u->pending_blocks[i] = u->pending_blocks[i - 1];
		u->pending_digests[i] = u->pending_digests[i - 1];
	}
	u->pending_blocks[i] = block;
	u->pending_digests[i] = *digest;
	return u->pending_count < UPLOAD_PENDING_BLOCKS ? 0 : upload_flush(u);
}

/* The slots of the blocks that are finished may need that space.  Nothing vouches for it. */
void
upload_drop_block(const struct upload *u)
{
	uint64_t start = u->block * LIMIT_BLOCK_BYTES;
	uint64_t length = block_bytes_of(u->options.identity.size, u->block);

	(void)fallocate(u->part, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start,
			(off_t)length);
}

/* Before a byte of a block changes, nothing vouches for it any more. */
static int
begin_block(struct upload *u, uint64_t block)
{
	bool there;
	int r;

	upload_drop_pending(u, block, block + 1);
	if ((r = journal_has(&u->journal, block, &there)) != 0)
		return upload_fail(u, r, UPLOAD_KEEP);
	if (there) {
		if ((r = journal_clear(&u->journal, block, 1)) != 0)
			return upload_fail_write(u, r);
		if (fdatasync(u->journal.fd) != 0)
			return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	}
	u->block = block;
	digest_start(u->running);
	return 0;
}

int
upload_add_filled(struct upload *u, uint64_t length)
{
	struct digest digest;

	u->filled += length;
	if (u->filled < block_bytes_of(u->options.identity.size, u->block))
		return 0;
	u->filled = 0;
	u->next_block = u->block + 1;
	digest = digest_finish(u->running);
	return upload_add_pending(u, u->block, &digest);
}

static int
preallocate(struct upload *u, uint64_t offset)
{
	uint64_t window = offset / WINDOW_BYTES, start = window * WINDOW_BYTES;
	uint64_t left = u->options.identity.size - start;
	uint64_t length = left < WINDOW_BYTES ? left : WINDOW_BYTES;

	if (!u->preallocate || window == u->window)
		return 0;
	u->window = window;
	/* A big fallocate that fails keeps what it got on ext4 until the file is gone. */
	if (upload_free_bytes(u) < length)
		return 0;
	upload_long_call(u);
	if (fallocate(u->part, FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)length) == 0)
		return 0;
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
	case EIO:
		return upload_fail_write(u, error_from_errno(errno));
	default:
		/* Not on this file system; the writes will do. */
		u->preallocate = false;
		return 0;
	}
}

/* Starts writeback of what is dirty, so that a checkpoint finds little left to do. */
static int
start_writeback(struct upload *u)
{
	uint64_t from = u->dirty_from, length = u->dirty_end - from;

	u->dirty_from = u->dirty_end;
	if (length == 0 ||
	    sync_file_range(u->part, (off_t)from, (off_t)length, SYNC_FILE_RANGE_WRITE) == 0)
		return 0;
	if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
		return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	return 0;
}

static int
note_dirty(struct upload *u, uint64_t offset, size_t length)
{
	int r;

	if (offset != u->dirty_end) {
		if ((r = start_writeback(u)) != 0)
			return r;
		u->dirty_from = offset;
	}
	u->dirty_end = offset + length;
	return u->dirty_end - u->dirty_from >= WRITEBACK_BYTES ? start_writeback(u) : 0;
}

int
upload_write(struct upload *u, uint64_t offset, const void *data, size_t length)
{
	int r;

	assert(!u->published);
	if (u->error != 0)
		return u->error;
	if (!upload_fits(u, offset, length) ||
	    length > LIMIT_BLOCK_BYTES - offset % LIMIT_BLOCK_BYTES)
		return FTX_E_PROTOCOL;
	if (u->filled == 0 && (r = begin_block(u, offset / LIMIT_BLOCK_BYTES)) != 0)
		return r;
	if ((r = preallocate(u, offset)) != 0)
		return r;
	if ((r = pwrite_full(u->part, data, length, offset)) != 0) {
		upload_drop_block(u);
		return upload_fail_write(u, r);
	}
	digest_add(u->running, data, length);
	if ((r = note_dirty(u, offset, length)) != 0)
		return r;
	return upload_add_filled(u, length);
}

/* One write for each run of blocks. */
static int
put_pending(struct upload *u)
{
	uint32_t first = 0, next;
	int r;

	for (; first < u->pending_count; first = next) {
		uint64_t block = u->pending_blocks[first];

		for (next = first + 1; next < u->pending_count; next++)
			if (u->pending_blocks[next] != block + (next - first))
				break;
		r = journal_put(&u->journal, block, &u->pending_digests[first], next - first);
		if (r != 0)
			return r;
	}
	return 0;
}

int
upload_flush(struct upload *u)
{
	int r;

	if (u->pending_count == 0 && !u->journal_dirty)
		return 0;
	upload_long_call(u);
	if (u->pending_count > 0) {
		if (fdatasync(u->part) != 0)
			return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
		if ((r = put_pending(u)) != 0)
			return upload_fail_write(u, r);
	}
	if (fdatasync(u->journal.fd) != 0)
		return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	u->pending_count = 0;
	u->journal_dirty = false;
	return 0;
}

int
upload_checkpoint(struct upload *u)
{
	assert(!u->published);
	return u->error != 0 ? u->error : upload_flush(u);
}

const char *
upload_path(const struct upload *u)
{
	return u->path;
}
