#include "src/store/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/cursor.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/io.h"
#include "src/store/publish.h"

static const char magic[8] = {'f', 't', 'x', '1', 'j', 'n', 'l', '\n'};
enum {
	VERSION = 1,
	SECTOR_BYTES = 512,
	CHECK_AT = 504, /* in the sector and, see journal.h, in a slot at SLOT_CHECK_AT */
	SLOT_CHECK_AT = 24,
	LOCK_POLL_NS = 3000000,
	NEW_NAME_BYTES = 96,
};

uint64_t
block_count_of(uint64_t size)
{
	return size / LIMIT_BLOCK_BYTES + (size % LIMIT_BLOCK_BYTES != 0);
}

uint64_t
block_bytes_of(uint64_t size, uint64_t block)
{
	uint64_t left = size - block * LIMIT_BLOCK_BYTES;

	return left < LIMIT_BLOCK_BYTES ? left : LIMIT_BLOCK_BYTES;
}

static int
fresh_random(struct journal_header *h)
{
	return getentropy(h->random, sizeof(h->random)) == 0 ? 0 : error_from_errno(errno);
}

static void
encode_header(uint8_t sector[static SECTOR_BYTES], const struct journal_header *h,
	      uint32_t path_length, uint64_t path_check64)
{
	struct put_cursor c = put_cursor_over(sector, SECTOR_BYTES);
	bool fits;

	memset(sector, 0, SECTOR_BYTES);
	fits = put_bytes(&c, magic, sizeof(magic)) == 0 && put_u32(&c, VERSION) == 0 &&
	       put_bytes(&c, h->random, sizeof(h->random)) == 0 &&
	       put_bytes(&c, h->session_id, sizeof(h->session_id)) == 0 &&
	       put_u64(&c, h->size) == 0 && put_s64(&c, h->mtime_s) == 0 &&
	       put_u32(&c, h->mtime_ns) == 0 && put_u32(&c, h->commit_mode) == 0 &&
	       put_u32(&c, path_length) == 0 && put_u64(&c, path_check64) == 0;
	c = put_cursor_over(sector + CHECK_AT, SECTOR_BYTES - CHECK_AT);
	fits = fits && put_u64(&c, check64(sector, CHECK_AT)) == 0;
	assert(fits);
}

/* False where it is damaged. */
static bool
decode_header(const uint8_t sector[static SECTOR_BYTES], struct journal_header *h,
	      uint32_t *path_length, uint64_t *path_check64)
{
	struct get_cursor c = get_cursor_over(sector + CHECK_AT, SECTOR_BYTES - CHECK_AT);
	uint8_t seen[sizeof(magic)];
	uint32_t version;
	uint64_t check;
	bool whole = get_u64(&c, &check) == 0;

	c = get_cursor_over(sector, SECTOR_BYTES);
	whole = whole && get_bytes(&c, seen, sizeof(seen)) == 0 && get_u32(&c, &version) == 0 &&
		get_bytes(&c, h->random, sizeof(h->random)) == 0 &&
		get_bytes(&c, h->session_id, sizeof(h->session_id)) == 0 &&
		get_u64(&c, &h->size) == 0 && get_s64(&c, &h->mtime_s) == 0 &&
		get_u32(&c, &h->mtime_ns) == 0 && get_u32(&c, &h->commit_mode) == 0 &&
		get_u32(&c, path_length) == 0 && get_u64(&c, path_check64) == 0;
	assert(whole);
	return check == check64(sector, CHECK_AT) && memcmp(seen, magic, sizeof(magic)) == 0 &&
	       version == VERSION && *path_length <= LIMIT_PATH_BYTES;
}

static int
write_whole_header(int fd, const struct journal_header *h, const char *path)
{
	uint8_t head[SECTOR_BYTES + LIMIT_PATH_BYTES];
	size_t length = strlen(path);

	assert(length <= LIMIT_PATH_BYTES);
	encode_header(head, h, (uint32_t)length, check64(path, length));
	memcpy(head + SECTOR_BYTES, path, length);
	return pwrite_full(fd, head, SECTOR_BYTES + length, 0);
}

/* FTX_E_MISMATCH where it is damaged. */
static int
read_sector(const struct journal *j, uint8_t sector[static SECTOR_BYTES], struct journal_header *h,
	    uint32_t *path_length, uint64_t *path_check64)
{
	size_t got;
	int r = pread_full(j->fd, sector, SECTOR_BYTES, 0, &got);

	if (r != 0)
		return r;
	if (got != SECTOR_BYTES || !decode_header(sector, h, path_length, path_check64))
		return FTX_E_MISMATCH;
	return 0;
}

int
journal_read_header(struct journal *j)
{
	uint8_t sector[SECTOR_BYTES], path[LIMIT_PATH_BYTES];
	struct journal_header h;
	uint32_t path_length;
	uint64_t path_check64;
	size_t got;
	int r = read_sector(j, sector, &h, &path_length, &path_check64);

	if (r != 0)
		return r;
	if ((r = pread_full(j->fd, path, path_length, SECTOR_BYTES, &got)) != 0)
		return r;
	if (got != path_length || check64(path, path_length) != path_check64)
		return FTX_E_MISMATCH;
	j->header = h;
	return 0;
}

int
journal_write_header(struct journal *j)
{
	uint8_t sector[SECTOR_BYTES];
	struct journal_header old;
	uint32_t path_length;
	uint64_t path_check64;
	int r = read_sector(j, sector, &old, &path_length, &path_check64);

	if (r != 0)
		return r;
	encode_header(sector, &j->header, path_length, path_check64);
	return pwrite_full(j->fd, sector, sizeof(sector), 0);
}

int
journal_reset(struct journal *j, const char *path)
{
	int r = fresh_random(&j->header);

	if (r != 0 || (r = write_whole_header(j->fd, &j->header, path)) != 0)
		return r;
	/* The random bytes have voided the slots; this gives their space back. */
	if (ftruncate(j->fd, JOURNAL_SLOTS_AT) != 0 || fdatasync(j->fd) != 0)
		return error_from_errno(errno);
	return 0;
}

int
journal_is_empty(const struct journal *j, bool *empty)
{
	struct stat st;

	if (fstat(j->fd, &st) != 0)
		return error_from_errno(errno);
	*empty = st.st_size <= (off_t)JOURNAL_SLOTS_AT;
	return 0;
}

/*
 * A file that lies there under the temporary name is what a creator left who died, or works on just
 * now: he has its lock.
 */
static int
open_new(struct journal *j, int dir, const char *name)
{
	struct stat st;
	int r;

	*j = (struct journal){.dir = dir, .name = name};
	j->fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return errno == ELOOP ? FTX_E_CONFLICT : error_from_errno(errno);
	if (fstat(j->fd, &st) != 0)
		return error_from_errno(errno);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
	    (st.st_mode & 07777) != 0600)
		return FTX_E_CONFLICT;
	if ((r = journal_lock(j, JOURNAL_EXCLUSIVE, 0)) != 0)
		return r;
	return journal_in_place(j) ? 0 : FTX_E_BUSY;
}

static int
fill_new(struct journal *j, const char *path)
{
	int r;

	if (ftruncate(j->fd, 0) != 0)
		return error_from_errno(errno);
	if ((r = fresh_random(&j->header)) != 0 ||
	    (r = write_whole_header(j->fd, &j->header, path)) != 0)
		return r;
	return fdatasync(j->fd) == 0 ? 0 : error_from_errno(errno);
}

int
journal_create(int dir, const char *name, const struct journal_header *header, const char *path)
{
	char new_name[NEW_NAME_BYTES];
	struct journal j;
	int n = snprintf(new_name, sizeof(new_name), "%s.new", name), r;

	assert(n > 0 && (size_t)n < sizeof(new_name));
	if ((r = open_new(&j, dir, new_name)) != 0)
		goto out;
	j.header = *header;
	r = fill_new(&j, path);
	/* Whoever makes one has that lock; one with two names would be taken for a stranger's file.
	 */
	if (r == 0)
		r = publish_new_locked(dir, new_name, name);
	if (r != 0)
		unlinkat(dir, new_name, 0);
out:
	journal_close(&j);
	return r;
}

int
journal_open(struct journal *j, int dir, const char *name)
{
	*j = (struct journal){.dir = dir, .name = name};
	/* O_NONBLOCK: whatever else lies there under this name is not waited for. */
	j->fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return j->fd >= 0 ? 0 : error_from_errno(errno);
}

void
journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

int
journal_lock(struct journal *j, enum journal_lock lock, uint64_t wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	uint64_t deadline = clock_ms() + wait_ms;

	for (;;) {
		struct flock f = {.l_type = lock == JOURNAL_EXCLUSIVE ? F_WRLCK : F_RDLCK,
				  .l_whence = SEEK_SET};

		if (fcntl(j->fd, F_OFD_SETLK, &f) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return error_from_errno(errno);
		if (clock_ms() >= deadline)
			return FTX_E_BUSY;
		nanosleep(&pause, NULL);
	}
}

bool
journal_in_place(const struct journal *j)
{
	return publish_leads_to(j->dir, j->name, j->fd);
}

static uint64_t
slot_offset(uint64_t block)
{
	return JOURNAL_SLOTS_AT + block * JOURNAL_SLOT_BYTES;
}

static uint64_t
slot_check(const struct journal *j, uint64_t block, const uint8_t *slot)
{
	uint8_t covered[sizeof(j->header.random) + 8 + SLOT_CHECK_AT];
	struct put_cursor c = put_cursor_over(covered, sizeof(covered));
	bool fits = put_bytes(&c, j->header.random, sizeof(j->header.random)) == 0 &&
		    put_u64(&c, block) == 0 && put_bytes(&c, slot, SLOT_CHECK_AT) == 0;

	assert(fits && c.left == 0);
	return check64(covered, sizeof(covered));
}

static void
encode_slot(const struct journal *j, uint64_t block, const struct digest *digest, uint8_t *slot)
{
	struct put_cursor c = put_cursor_over(slot, JOURNAL_SLOT_BYTES);
	/* In this order: the check is over what stands before it. */
	bool fits = put_bytes(&c, digest->bytes, sizeof(digest->bytes)) == 0 &&
		    put_u64(&c, block_bytes_of(j->header.size, block)) == 0 &&
		    put_u64(&c, slot_check(j, block, slot)) == 0;

	assert(fits && c.left == 0);
}

/* False where the slot is not valid. */
static bool
decode_slot(const struct journal *j, uint64_t block, const uint8_t *slot, struct digest *digest)
{
	struct get_cursor c = get_cursor_over(slot, JOURNAL_SLOT_BYTES);
	uint64_t length, check;
	bool whole = get_bytes(&c, digest->bytes, sizeof(digest->bytes)) == 0 &&
		     get_u64(&c, &length) == 0 && get_u64(&c, &check) == 0;

	assert(whole);
	return length == block_bytes_of(j->header.size, block) &&
	       check == slot_check(j, block, slot);
}

int
journal_has(const struct journal *j, uint64_t block, bool *there)
{
	uint8_t slot[JOURNAL_SLOT_BYTES];
	struct digest digest;
	size_t got;
	int r = pread_full(j->fd, slot, sizeof(slot), slot_offset(block), &got);

	if (r != 0)
		return r;
	*there = got == sizeof(slot) && decode_slot(j, block, slot, &digest);
	return 0;
}

/* digests NULL: zeroes. */
static int
write_slots(const struct journal *j, uint64_t first, const struct digest *digests, uint64_t count)
{
	enum { BATCH = 256 };
	uint8_t slots[BATCH * JOURNAL_SLOT_BYTES];
	int r;

	memset(slots, 0, sizeof(slots));
	for (uint64_t done = 0; done < count;) {
		size_t batch = count - done < BATCH ? (size_t)(count - done) : BATCH;

		for (size_t i = 0; digests != NULL && i < batch; i++)
			encode_slot(j, first + done + i, &digests[done + i],
				    slots + i * JOURNAL_SLOT_BYTES);
		r = pwrite_full(j->fd, slots, batch * JOURNAL_SLOT_BYTES,
				slot_offset(first + done));
		if (r != 0)
			return r;
		done += batch;
	}
	return 0;
}

int
journal_put(const struct journal *j, uint64_t first, const struct digest *digests, uint64_t count)
{
	return write_slots(j, first, digests, count);
}

int
journal_clear(const struct journal *j, uint64_t first, uint64_t count)
{
	return write_slots(j, first, NULL, count);
}

void
journal_scan_range(struct journal_scan *s, const struct journal *j, uint64_t first, uint64_t end)
{
	s->journal = j;
	s->block = first;
	s->end = end;
	s->next = s->count = 0;
}

void
journal_scan_start(struct journal_scan *s, const struct journal *j)
{
	journal_scan_range(s, j, 0, block_count_of(j->header.size));
}

/* Moves s->block over a hole in the file, to the end where there is nothing more. */
static int
skip_hole(struct journal_scan *s)
{
	off_t data = lseek(s->journal->fd, (off_t)slot_offset(s->block), SEEK_DATA);
	uint64_t block;

	if (data < 0 && errno == ENXIO) {
		s->block = s->end;
		return 0;
	}
	/* A file system that cannot say: everything is read. */
	if (data < 0)
		return errno == EIO ? FTX_E_IO : 0;
	block = ((uint64_t)data - JOURNAL_SLOTS_AT) / JOURNAL_SLOT_BYTES;
	s->block = block < s->end ? block : s->end;
	return 0;
}

static int
scan_fill(struct journal_scan *s)
{
	size_t got, want = JOURNAL_SCAN_SLOTS;
	int r = skip_hole(s);

	s->next = s->count = 0;
	if (r != 0 || s->block >= s->end)
		return r;
	if (s->end - s->block < want)
		want = (size_t)(s->end - s->block);
	r = pread_full(s->journal->fd, s->slots, want * JOURNAL_SLOT_BYTES, slot_offset(s->block),
		       &got);
	if (r != 0)
		return r;
	s->count = got / JOURNAL_SLOT_BYTES;
	if (s->count == 0)
		s->block = s->end;
	return 0;
}

int
journal_scan_next(struct journal_scan *s, bool *found, uint64_t *block, struct digest *digest)
{
	*found = false;
	while (s->block < s->end) {
		int r;

		if (s->next == s->count && (r = scan_fill(s)) != 0)
			return r;
		for (; s->next < s->count; s->next++, s->block++) {
			const uint8_t *slot = s->slots + s->next * JOURNAL_SLOT_BYTES;

			if (!decode_slot(s->journal, s->block, slot, digest))
				continue;
			*found = true;
			*block = s->block++;
			s->next++;
			return 0;
		}
	}
	return 0;
}
