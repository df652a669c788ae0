#include "src/client/pack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/client/put.h"
#include "src/client/stream.h"
#include "src/client/verdict.h"

#define ITEM_FIXED_BYTES 96u
#define ROOM_BYTES	 (LIMIT_RECORD_PLAIN - 64u)
/* A part of a file is not made smaller than this only to fill a PACK. */
#define PART_BYTES 32768u

/* As the wire's flags of an item. */
enum { PART_LAST = 1, PART_DROPPED = 2 };

static size_t
item_bytes(const struct entry *e)
{
	return ITEM_FIXED_BYTES + strlen(entry_remote(e)) + e->metadata.user.length +
	       e->metadata.group.length + e->metadata.xattrs.length;
}

static int
flush(struct stream *s)
{
	struct pack *p = &s->pack;
	struct message m = {.type = MESSAGE_PACK};
	int r;

	if (p->count == 0)
		return 0;
	m.pack.base = root_base(p->root);
	m.pack.items.items = p->items;
	m.pack.items.count = p->count;
	m.pack.raw_length = (uint32_t)p->used;
	m.pack.data.data = p->data;
	if (p->used > 0) {
		m.pack.codec = (uint8_t)encoder_run(s->encoder, p->sent, p->data, p->used,
						    &m.pack.data.length);
		p->sent += p->used;
	}
	r = connection_tell(s->connection, &m);
	if (r != 0)
		return stream_explain(s, r);
	atomic_fetch_add(&s->run->bytes_wire, m.pack.data.length);
	p->count = 0;
	p->encoded = p->used = 0;
	return 0;
}

/* Bytes of content that the PACK still takes of e, after sending it where they are few. */
static int
make_room(struct stream *s, const struct entry *e, uint64_t left, size_t *room)
{
	struct pack *p = &s->pack;
	struct root *root = e->batch->root;
	size_t taken = strlen(root->remote) + item_bytes(e);
	size_t wanted = left < PART_BYTES ? (size_t)left : PART_BYTES;

	for (;;) {
		size_t bytes = p->encoded + p->used + taken;

		*room = bytes < ROOM_BYTES ? ROOM_BYTES - bytes : 0;
		if (*room > LIMIT_CHUNK_BYTES - p->used)
			*room = LIMIT_CHUNK_BYTES - p->used;
		if (bytes < ROOM_BYTES && *room >= wanted && p->count < LIMIT_ENTRIES &&
		    (p->count == 0 || p->root == root))
			break;
		assert(p->count > 0);
		int r = flush(s);

		if (r != 0)
			return r;
	}
	p->root = root;
	if (*room > left)
		*room = (size_t)left;
	return 0;
}

static void
add_item(struct stream *s, const struct entry *e, uint64_t offset, size_t length, unsigned flags)
{
	struct pack *p = &s->pack;
	struct packed *item = &p->items[p->count++];
	struct digest digest = digest_of(p->data + p->used, length);

	*item = (struct packed){.path = span_of(entry_remote(e)),
				.size = e->identity.size,
				.offset = offset,
				.length = (uint32_t)length,
				.flags = (uint8_t)flags,
				.metadata = e->metadata};
	memcpy(item->digest, digest.bytes, sizeof(item->digest));
	p->used += length;
	p->encoded += item_bytes(e);
}

/*
 * The file's content.  0; FTX_E_CHANGED and what the disk says are of the file; stream_is_over()
 * tells the others.  *sent: bytes that have gone out.
 */
static int
add_content(struct stream *s, struct entry *e, int fd, uint64_t *sent)
{
	struct pack *p = &s->pack;
	uint64_t size = e->identity.size, offset = 0;
	struct identity now;
	struct stat st;
	size_t room, got;
	int r;

	file_digest_start(s->file, size);
	do {
		bool last;

		if ((r = make_room(s, e, size - offset, &room)) != 0)
			return r;
		errno = 0;
		if ((r = pread_full(fd, p->data + p->used, room, offset, &got)) != 0)
			return problem_local(&s->problem, r, errno);
		last = offset + got == size;
		if (last && fstat(fd, &st) != 0)
			return problem_local(&s->problem, error_from_errno(errno), errno);
		now = last ? identity_of(&st) : e->identity;
		if (got < room || !identity_same(&now, &e->identity))
			return problem_set(&s->problem, FTX_E_CHANGED, SIDE_LOCAL, NULL);
		stream_digest_part(s, size, offset, p->data + p->used, got);
		add_item(s, e, offset, got, last ? PART_LAST : 0);
		offset += got;
		*sent = offset;
	} while (offset < size);
	return 0;
}

static int
remember(struct stream *s, struct entry *e, uint64_t bytes)
{
	struct pack *p = &s->pack;

	p->files[p->file_count++] = e;
	p->file_bytes += bytes;
	return p->file_count == LIMIT_GROUP_ITEMS || p->file_bytes >= LIMIT_GROUP_BYTES / 2
		   ? pack_commit(s)
		   : 0;
}

/* The server forgets what it has of it. */
static int
drop(struct stream *s, struct entry *e, uint64_t sent)
{
	size_t room;
	int r = make_room(s, e, 0, &room);

	if (r != 0)
		return r;
	add_item(s, e, sent, 0, PART_LAST | PART_DROPPED);
	/* The entry, and its batch with it, may be over before the next PACK. */
	r = flush(s);
	return r != 0 ? r : remember(s, NULL, sent);
}

/* *big: it has become one, and nothing of it is sent. */
static int
try_file(struct stream *s, struct entry *e, bool *over, bool *big)
{
	uint64_t before = e->identity.size, sent = 0;
	int fd, r;

	*over = *big = false;
	if ((r = put_open(s, e, &fd)) != 0)
		return r;
	if (e->identity.size > before && e->identity.size > stream_small_bytes(s)) {
		*big = true;
		close(fd);
		return 0;
	}
	r = add_content(s, e, fd, &sent);
	close(fd);
	*over = stream_is_over(s);
	if (r != 0 && !*over && sent > 0) {
		struct problem problem = s->problem;
		int dropped = drop(s, e, sent);

		if (dropped != 0) {
			*over = true;
			return dropped;
		}
		s->problem = problem;
	}
	return r;
}

/* What was counted of a file that came wrong. */
static void
uncount(struct stream *s, struct entry *e)
{
	atomic_fetch_sub(&s->run->bytes, e->bytes_sent);
	e->bytes_sent = 0;
}

int
pack_file(struct stream *s, struct entry *e)
{
	struct digest digest;
	bool over, big;
	int r = try_file(s, e, &over, &big);

	if (r == FTX_E_CHANGED && !over)
		r = try_file(s, e, &over, &big);
	if (r == 0 && big) {
		uncount(s, e);
		return put_as_big(s, e);
	}
	if (r == 0) {
		digest = digest_finish(s->file);
		memcpy(e->digest.bytes, digest.bytes, sizeof(e->digest.bytes));
		e->has_digest = true;
		uncount(s, e);
		e->bytes_sent = e->identity.size;
		atomic_fetch_add(&s->run->bytes, e->identity.size);
		return remember(s, e, e->identity.size);
	}
	if (over)
		return r;
	verdict_fail(s->run, e, &s->problem);
	return 0;
}

int
pack_commit(struct stream *s)
{
	struct pack *p = &s->pack;
	struct message m = {.type = MESSAGE_COMMIT_PACKS};
	struct request *request;
	int r = flush(s);

	if (r == 0)
		r = ops_flush(s);
	if (r != 0)
		return r;
	request = request_new(s, REQUEST_COMMIT, p->file_count);
	if (request == NULL)
		return problem_nomem(&s->problem);
	memcpy(request->items, p->files, p->file_count * sizeof(p->files[0]));
	request->count = p->file_count;
	m.commit_packs.items = p->file_count;
	p->file_count = 0;
	p->file_bytes = 0;
	s->unsynced = false;
	return request_send(request, &m);
}

void
pack_clear(struct pack *p)
{
	p->count = p->file_count = 0;
	p->encoded = p->used = 0;
	p->file_bytes = 0;
}

bool
pack_is_full(const struct stream *s)
{
	const struct pack *p = &s->pack;
	uint64_t most = stream_less(s, PACK_COMMIT_BYTES);
	uint64_t least = s->fruitless < FRUITLESS_MOST ? PACK_COMMIT_LEAST : 1;

	return p->file_count >= PACK_COMMIT_FILES || p->file_bytes >= (most > least ? most : least);
}
