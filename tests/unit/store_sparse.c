#include "store_sparse.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/io.h"

/* The hole that begins at or before at and ends behind it; else NULL and where the next begins. */
static const struct range *
hole_at(const struct sparse *f, uint64_t at, uint64_t *next)
{
	*next = f->size;
	for (unsigned i = 0; i < 4 && f->holes[i].length > 0; i++) {
		const struct range *h = &f->holes[i];

		if (at >= h->offset && at - h->offset < h->length)
			return h;
		if (h->offset > at) {
			*next = h->offset;
			break;
		}
	}
	return NULL;
}

uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
sparse_fill(const struct sparse *f, uint8_t *out, uint64_t offset, size_t length)
{
	uint64_t next;
	const struct range *h = hole_at(f, offset, &next);

	/* Most of the time the tests would fill what then is zeros. */
	if (h == NULL || h->offset + h->length - offset < length)
		content_fill(out, offset, length, f->seed);
	for (unsigned i = 0; i < 4 && f->holes[i].length > 0; i++) {
		uint64_t from = f->holes[i].offset, to = from + f->holes[i].length;

		from = from > offset ? from : offset;
		to = least(to, offset + length);
		if (from < to)
			memset(out + (from - offset), 0, to - from);
	}
}

int
send_data(struct upload *u, const struct sparse *f, uint64_t offset, uint64_t length)
{
	static uint8_t data[LIMIT_CHUNK_BYTES];

	sparse_fill(f, data, offset, (size_t)length);
	return upload_write(u, offset, data, (size_t)length);
}

int
send_sparse(struct upload *u, const struct sparse *f, uint64_t from, uint64_t to)
{
	uint64_t length, next;
	int r = 0;

	for (uint64_t at = from; at < to && r == 0; at += length) {
		const struct range *h = hole_at(f, at, &next);

		if (h != NULL) {
			length = least(h->offset + h->length, to) - at;
			r = upload_hole(u, at, length);
		} else {
			length = least(least(next, to), at - at % CHUNK + CHUNK) - at;
			r = send_data(u, f, at, length);
		}
	}
	return r;
}

struct digest
sparse_digest(const struct sparse *f, uint64_t first, uint64_t end)
{
	static uint8_t data[LIMIT_BLOCK_BYTES];
	struct digest_state *s = digest_state_new();
	struct digest d;

	file_digest_start(s, f->size);
	for (uint64_t b = first; b < end; b++) {
		size_t length = (size_t)least(f->size - b * BLOCK, BLOCK);

		sparse_fill(f, data, b * BLOCK, length);
		d = digest_of(data, length);
		file_digest_add(s, &d);
	}
	d = digest_finish(s);
	digest_state_free(s);
	return d;
}

uint64_t
sparse_blocks(const struct sparse *f)
{
	return (f->size + BLOCK - 1) / BLOCK;
}

int
commit_sparse(struct upload *u, const struct sparse *f, uint64_t first, uint64_t end)
{
	struct digest d = sparse_digest(f, first, end);
	struct block_range sent = {first, end - first};
	struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0644},
				  .sent = &sent,
				  .sent_count = 1,
				  .digest = &d};

	return upload_commit(u, &c, &result);
}

bool
sparse_is(const char *name, const struct sparse *f)
{
	static uint8_t is[LIMIT_CHUNK_BYTES], should[LIMIT_CHUNK_BYTES];
	int fd = openat(room, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool same = fd >= 0 && (uint64_t)stat_of(room, name).st_size == f->size;

	for (uint64_t at = 0; same && at < f->size; at += CHUNK) {
		size_t length = (size_t)least(f->size - at, CHUNK), got;

		assert_ok(pread_full(fd, is, length, at, &got));
		sparse_fill(f, should, at, length);
		same = got == length && memcmp(is, should, length) == 0;
	}
	close(fd);
	return same;
}

struct upload_options
sparse_upload(const struct sparse *f, bool strict)
{
	struct upload_options o =
	    strict ? client_upload("file", f->size) : server_upload("file", f->size);

	o.allocate = 0;
	return o;
}

void
put_sparse(const struct upload_options *o, const struct sparse *f)
{
	struct upload *u;

	assert_ok(begin(&u, o));
	assert_ok(send_sparse(u, f, 0, f->size));
	assert_ok(commit_sparse(u, f, 0, sparse_blocks(f)));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(entries_in(room_up) == 0 && entries_in(room) == 1);
}

uint64_t
sparse_most_on_disk(const struct sparse *f)
{
	uint64_t most = f->size + 4096;

	for (unsigned i = 0; i < 4 && f->holes[i].length > 0; i++)
		most = most - f->holes[i].length + 8192;
	return most;
}
