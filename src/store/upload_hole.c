/*
 * Writing holes.
 *
 * The slots of all blocks that the hole touches go; then the file is made to read as zeros there;
 * then the blocks are finished like others, so that the next fdatasync of the partial comes before
 * their slots.  What it has to make durable is the lost extents and the file's size.
 *
 * The size is set to that of the whole file at once, not to the hole's end: several processes may
 * write to the partial, and one that set a smaller size could cut off what another has written.
 */
#include "src/store/upload_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"

enum { SLOTS_AT_ONCE = 1024, ZEROS_AT_ONCE = 65536 };

/* Before a byte of blocks first..end changes, nothing vouches for them any more. */
static int
void_blocks(struct upload *u, uint64_t first, uint64_t end)
{
	struct journal_scan scan;
	struct digest digest;
	uint64_t block;
	bool found;
	int r;

	upload_drop_pending(u, first, end);
	journal_scan_range(&scan, &u->journal, first, end);
	if ((r = journal_scan_next(&scan, &found, &block, &digest)) != 0)
		return upload_fail(u, r, UPLOAD_KEEP);
	if (!found)
		return 0;
	if ((r = journal_clear(&u->journal, block, end - block)) != 0)
		return upload_fail_write(u, r);
	if (fdatasync(u->journal.fd) != 0)
		return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	return 0;
}

static bool
is_zeros(const uint8_t *data, size_t length)
{
	return length == 0 || (data[0] == 0 && memcmp(data, data + 1, length - 1) == 0);
}

/* Without a way to take away what is there; but what is a hole already takes no space. */
static int
write_zeros(const struct upload *u, uint64_t offset, uint64_t length)
{
	uint8_t data[ZEROS_AT_ONCE];
	size_t got, part;
	int r;

	for (; length > 0; offset += part, length -= part) {
		part = length < sizeof(data) ? (size_t)length : sizeof(data);
		if ((r = pread_full(u->part, data, part, offset, &got)) != 0)
			return r;
		if (!is_zeros(data, got)) {
			memset(data, 0, got);
			if ((r = pwrite_full(u->part, data, got, offset)) != 0)
				return r;
		}
		if (got < part)
			break;
	}
	return 0;
}

static int
clear_bytes(struct upload *u, uint64_t offset, uint64_t length)
{
	int r = 0;

	if (u->no_punch)
		return write_zeros(u, offset, length);
	do
		r = fallocate(u->part, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			      (off_t)length);
	while (r != 0 && errno == EINTR);
	if (r == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
		return error_from_errno(errno);
	/* Not on this file system. */
	u->no_punch = true;
	return write_zeros(u, offset, length);
}

/* end: of the hole.  Where the file's size is unknown, this is the only process that writes. */
static int
set_size(struct upload *u, uint64_t end)
{
	uint64_t size = u->options.identity.size;
	bool unsized = upload_is_unsized(u);
	struct stat st;
	int r;

	if (u->is_sized)
		return 0;
	if (unsized) {
		if (fstat(u->part, &st) != 0)
			return error_from_errno(errno);
		if ((uint64_t)st.st_size >= end)
			return 0;
		size = end;
	}
	do
		r = ftruncate(u->part, (off_t)size);
	while (r != 0 && errno == EINTR);
	u->is_sized = r == 0 && !unsized;
	return r == 0 ? 0 : error_from_errno(errno);
}

static int
make_hole(struct upload *u, uint64_t offset, uint64_t length)
{
	int r = clear_bytes(u, offset, length);

	if (r == 0)
		r = set_size(u, offset + length);
	if (r == 0)
		return 0;
	if (u->filled > 0)
		upload_drop_block(u);
	return upload_fail_write(u, r);
}

/*
 * More blocks than can be pending: one checkpoint makes the hole durable with the first of them,
 * and the slots of the others may then be written.
 */
static int
put_run(struct upload *u, uint64_t first, uint64_t count, const struct digest *zeros)
{
	struct digest digests[SLOTS_AT_ONCE];
	uint64_t part;
	int r;

	if ((r = upload_add_pending(u, first, zeros)) != 0 || (r = upload_flush(u)) != 0)
		return r;
	for (size_t i = 0; i < SLOTS_AT_ONCE; i++)
		digests[i] = *zeros;
	u->journal_dirty = true;
	for (first++, count--; count > 0; first += part, count -= part) {
		part = count < SLOTS_AT_ONCE ? count : SLOTS_AT_ONCE;
		if ((r = journal_put(&u->journal, first, digests, part)) != 0)
			return upload_fail_write(u, r);
	}
	return 0;
}

static int
add_blocks(struct upload *u, uint64_t first, uint64_t count)
{
	const struct digest zeros = digest_of_zeros(LIMIT_BLOCK_BYTES);
	int r = 0;

	u->next_block = first + count;
	if (count > UPLOAD_PENDING_BLOCKS)
		return put_run(u, first, count, &zeros);
	for (uint64_t i = 0; i < count && r == 0; i++)
		r = upload_add_pending(u, first + i, &zeros);
	return r;
}

/* A part of a block: what is before the first whole one or behind the last, or inside of one. */
static int
add_part(struct upload *u, uint64_t offset, uint64_t length)
{
	if (u->filled == 0) {
		u->block = offset / LIMIT_BLOCK_BYTES;
		digest_start(u->running);
	}
	digest_add_zeros(u->running, length);
	return upload_add_filled(u, length);
}

int
upload_hole(struct upload *u, uint64_t offset, uint64_t length)
{
	uint64_t end, first, part;
	int r;

	assert(!u->published);
	if (u->error != 0)
		return u->error;
	if (!upload_fits(u, offset, length))
		return FTX_E_PROTOCOL;
	end = offset + length;
	first = offset / LIMIT_BLOCK_BYTES + (u->filled > 0);
	if ((r = void_blocks(u, first, (end - 1) / LIMIT_BLOCK_BYTES + 1)) != 0 ||
	    (r = make_hole(u, offset, length)) != 0)
		return r;
	for (; offset < end && r == 0; offset += part) {
		uint64_t in_block = offset % LIMIT_BLOCK_BYTES;

		part = end - offset;
		if (in_block == 0 && part >= LIMIT_BLOCK_BYTES) {
			part -= part % LIMIT_BLOCK_BYTES;
			r = add_blocks(u, offset / LIMIT_BLOCK_BYTES, part / LIMIT_BLOCK_BYTES);
			continue;
		}
		if (part > LIMIT_BLOCK_BYTES - in_block)
			part = LIMIT_BLOCK_BYTES - in_block;
		r = add_part(u, offset, part);
	}
	return r;
}
