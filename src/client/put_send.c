#include "src/client/put_send.h"

#include <errno.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/clock.h"

int
sender_problem(struct sender *p, int r)
{
	return problem_local(&p->s->problem, r, errno);
}

void
sender_begin(struct sender *p)
{
	p->since_bytes = 0;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	p->portion = CHECKPOINT_BYTES;
	p->asked = false;
}

int
sender_check(struct sender *p)
{
	struct reply *reply = &p->s->checkpoint;

	if (!p->asked || !reply->done || reply->problem.error == 0)
		return 0;
	p->s->problem = reply->problem;
	return reply->problem.error;
}

/* At a block's end: is it time for a CHECKPOINT? */
static int
checkpoint(struct sender *p)
{
	struct message m = {.type = MESSAGE_CHECKPOINT};
	struct stream *s = p->s;
	uint64_t now = clock_ms();
	int r;

	if (!s->checkpoint.done)
		return 0;
	if ((r = sender_check(p)) != 0)
		return r;
	if (p->asked) {
		uint64_t pause = CHECKPOINT_TIMES * (now - p->since_ms);

		p->interval_ms = pause > CHECKPOINT_MS ? pause : CHECKPOINT_MS;
		p->asked = false;
		retry_progress(&s->run->retry);
	}
	if (p->since_bytes < p->portion && now - p->since_ms < p->interval_ms)
		return 0;
	errno = 0;
	r = source_check(p->source);
	if (r != 0)
		return sender_problem(p, r);
	m.checkpoint.handle = SENDER_HANDLE;
	r = connection_request(s->connection, &m, &s->checkpoint);
	if (r != 0)
		return stream_explain(s, r);
	p->asked = true;
	p->since_bytes = 0;
	p->since_ms = now;
	return 0;
}

static void
moved(struct sender *p, uint64_t bytes)
{
	if (p->resending)
		return;
	atomic_fetch_add(&p->b->moved, bytes);
	big_count(p->b, p->s->run, bytes, false);
}

static int
send_data(struct sender *p, uint64_t offset, size_t length)
{
	struct message m = {.type = MESSAGE_WRITE};
	struct stream *s = p->s;
	struct digest digest;
	uint8_t *raw;
	int r = connection_chunk(s->connection, &raw);

	if (r != 0)
		return stream_explain(s, r);
	if ((r = sender_check(p)) != 0)
		return r;
	errno = 0;
	if ((r = source_read(p->source, offset, raw, length)) != 0)
		return sender_problem(p, r);
	digest = digest_of(raw, length);
	digest_add(s->block, raw, length);
	m.write.handle = SENDER_HANDLE;
	m.write.offset = offset;
	m.write.raw_length = (uint32_t)length;
	memcpy(m.write.digest, digest.bytes, sizeof(m.write.digest));
	m.write.codec = (uint8_t)encoder_run(s->encoder, offset, raw, length, &m.write.data.length);
	m.write.data.data = raw;
	r = connection_send_chunk(s->connection, &m);
	if (r != 0)
		return stream_explain(s, r);
	atomic_fetch_add(&s->run->bytes_wire, m.write.data.length);
	p->since_bytes += length;
	moved(p, length);
	return 0;
}

static int
send_hole(struct sender *p, uint64_t offset, uint64_t length)
{
	struct message m = {.type = MESSAGE_HOLE};
	struct stream *s = p->s;
	int r = sender_check(p);

	if (r != 0)
		return r;
	m.hole.handle = SENDER_HANDLE;
	m.hole.offset = offset;
	m.hole.length = length;
	r = connection_tell(s->connection, &m);
	if (r != 0)
		return stream_explain(s, r);
	moved(p, length);
	return 0;
}

/* A stretch within one block: data and holes. */
static int
send_block(struct sender *p, uint64_t block, struct digest *digest)
{
	uint64_t size = p->b->identity.size;
	uint64_t offset = block * LIMIT_BLOCK_BYTES;
	uint64_t end = size - offset > LIMIT_BLOCK_BYTES ? offset + LIMIT_BLOCK_BYTES : size;

	digest_start(p->s->block);
	while (offset < end) {
		uint64_t length;
		bool hole;
		int r;

		errno = 0;
		if ((r = source_extent(p->source, offset, end, &hole, &length)) != 0)
			return sender_problem(p, r);
		if (!hole && length > LIMIT_CHUNK_BYTES)
			length = LIMIT_CHUNK_BYTES;
		if (hole) {
			digest_add_zeros(p->s->block, (size_t)length);
			r = send_hole(p, offset, length);
		} else {
			r = send_data(p, offset, (size_t)length);
		}
		if (r != 0)
			return r;
		offset += length;
	}
	*digest = digest_finish(p->s->block);
	return checkpoint(p);
}

int
sender_send_first(struct sender *p)
{
	int r;

	p->resending = true; /* counted when it is known to have been missing */
	r = send_block(p, 0, &p->first);
	p->resending = false;
	p->has_first = r == 0;
	return r;
}

bool
sender_use_first(struct sender *p)
{
	struct big *b = p->b;
	uint64_t size = b->identity.size;

	if (!p->has_first || b->todo_count == 0 || b->todo[0].first != 0)
		return false;
	b->digests[0] = p->first;
	moved(p, size < LIMIT_BLOCK_BYTES ? size : LIMIT_BLOCK_BYTES);
	return true;
}

/* Whole blocks of hole from first on, at most count: sent at once.  *sent: how many. */
static int
send_hole_blocks(struct sender *p, uint64_t first, uint64_t count, struct digest *digests,
		 uint64_t *sent)
{
	uint64_t size = p->b->identity.size, offset = first * LIMIT_BLOCK_BYTES;
	uint64_t end = offset + count * LIMIT_BLOCK_BYTES, length;
	bool hole;
	int r;

	*sent = 0;
	errno = 0;
	if ((r = source_extent(p->source, offset, end < size ? end : size, &hole, &length)) != 0)
		return sender_problem(p, r);
	if (!hole || length < LIMIT_BLOCK_BYTES)
		return 0;
	*sent = length / LIMIT_BLOCK_BYTES;
	for (uint64_t i = 0; i < *sent; i++)
		digests[i] = digest_of_zeros(LIMIT_BLOCK_BYTES);
	return send_hole(p, offset, *sent * LIMIT_BLOCK_BYTES);
}

static int
send_segment(struct sender *p, const struct segment *segment)
{
	struct digest *digests = p->b->digests + segment->number;
	uint64_t done = 0, holes;
	int r = 0;

	while (done < segment->count && r == 0) {
		r = send_hole_blocks(p, segment->first + done, segment->count - done,
				     digests + done, &holes);
		done += holes;
		if (r != 0 || done == segment->count)
			break;
		r = send_block(p, segment->first + done, &digests[done]);
		done++;
	}
	return r;
}

int
sender_send(struct sender *p)
{
	struct segment segment;
	int r = 0;

	for (;;) {
		work_next_segment(&p->s->run->work, p->b, &segment);
		if (segment.count == 0)
			break;
		p->portion = CHECKPOINT_BYTES / segment.active;
		if ((r = send_segment(p, &segment)) != 0)
			return r;
	}
	errno = 0;
	r = source_check(p->source);
	return r != 0 ? sender_problem(p, r) : 0;
}
