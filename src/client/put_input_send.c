/*
 * Standard input as it comes: into memory, and from there over a connection, as often as it takes
 * until a CHECKPOINT has confirmed it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/put_input.h"

#define CHECKPOINT_EVERY (UINT64_C(4) << 20)
#define LOOK_MS		 500u /* how often the connection is looked at while nothing comes */

_Static_assert(KEPT_BYTES % LIMIT_CHUNK_BYTES == 0 && KEPT_BYTES >= 2 * CHECKPOINT_EVERY,
	       "a chunk is kept in one piece, and more than one CHECKPOINT's");

int
input_fail(struct input *p, int error)
{
	p->failed = true;
	return error;
}

/* The last CHECKPOINT is answered. */
static int
confirm(struct input *p)
{
	struct stream *s = p->s;
	uint64_t pause = CHECKPOINT_TIMES * (clock_ms() - p->since_ms);

	p->asked = false;
	if (s->checkpoint.problem.error != 0) {
		s->problem = s->checkpoint.problem;
		return s->problem.error;
	}
	p->interval_ms = pause > CHECKPOINT_MS ? pause : CHECKPOINT_MS;
	p->confirmed = p->asked_bytes;
	retry_progress(&s->run->retry);
	return 0;
}

static int
ask_checkpoint(struct input *p)
{
	struct message m = {.type = MESSAGE_CHECKPOINT};
	struct stream *s = p->s;
	int r;

	p->since_bytes = p->since_blocks = 0;
	p->since_ms = clock_ms();
	p->asked_bytes = p->sent - p->sent % LIMIT_BLOCK_BYTES;
	p->asked = true;
	m.checkpoint.handle = INPUT_HANDLE;
	r = connection_request(s->connection, &m, &s->checkpoint);
	return r != 0 ? stream_explain(s, r) : 0;
}

/*
 * Is it time for a CHECKPOINT?  After so many bytes, and after a while where they come slowly, as
 * far as there are blocks that it would keep.
 */
static int
checkpoint(struct input *p)
{
	int r;

	if (!p->s->checkpoint.done)
		return 0;
	if (p->asked && (r = confirm(p)) != 0)
		return r;
	if (p->since_blocks == 0 ||
	    (p->since_bytes < CHECKPOINT_EVERY && clock_ms() - p->since_ms < p->interval_ms))
		return 0;
	return ask_checkpoint(p);
}

/* Now and then, also while nothing comes. */
static int
look(struct input *p)
{
	int r;

	if (clock_ms() < p->look_ms)
		return 0;
	p->look_ms = clock_ms() + LOOK_MS;
	if ((r = connection_poll(p->s->connection)) != 0)
		return stream_explain(p->s, r);
	return checkpoint(p);
}

/* Until there is room for another chunk. */
static int
await_room(struct input *p)
{
	struct stream *s = p->s;
	int r = 0;

	while (r == 0 && p->size + LIMIT_CHUNK_BYTES - p->confirmed > KEPT_BYTES) {
		if (!p->asked)
			r = ask_checkpoint(p);
		if (r == 0 && (r = connection_wait(s->connection, &s->checkpoint)) != 0)
			stream_explain(s, r);
		if (r == 0)
			r = confirm(p);
	}
	return r;
}

static uint8_t *
place_of(const struct input *p, uint64_t offset)
{
	return p->kept + offset % KEPT_BYTES;
}

/* A chunk, or what there is before the end. */
static int
fill(struct input *p)
{
	struct stream *s = p->s;

	while (p->pending < LIMIT_CHUNK_BYTES && !p->ended) {
		ssize_t n;
		int r = look(p);

		if (r != 0)
			return r;
		r = cancel_poll(&s->run->cancel, p->fd, POLLIN, p->look_ms);
		if (r < 0)
			return input_fail(p, problem_set(&s->problem, r, SIDE_LOCAL, NULL));
		if (r == 0)
			continue;
		n = read(p->fd, place_of(p, p->size) + p->pending, LIMIT_CHUNK_BYTES - p->pending);
		p->ended = n == 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return input_fail(
			    p, problem_local(&s->problem, error_from_errno(errno), errno));
		if (n > 0)
			p->pending += (size_t)n;
	}
	return 0;
}

/* The block that has come is over. */
static int
end_block(struct input *p)
{
	if (p->blocks == p->room) {
		uint64_t room = p->room > 0 ? 2 * p->room : 1024;
		struct digest *more = realloc(p->digests, room * sizeof(*more));

		if (more == NULL)
			return input_fail(p, problem_nomem(&p->s->problem));
		p->digests = more;
		p->room = room;
	}
	p->digests[p->blocks++] = digest_finish(p->s->block);
	return 0;
}

int
input_read(struct input *p)
{
	struct stream *s = p->s;
	int r = await_room(p);

	if (r == 0)
		r = fill(p);
	if (r != 0)
		return r;
	if (p->pending > LIMIT_FILE_BYTES - p->size)
		return input_fail(p, problem_set(&s->problem, FTX_E_TOO_LARGE, SIDE_LOCAL, NULL));
	if (p->size % LIMIT_BLOCK_BYTES == 0)
		digest_start(s->block);
	digest_add(s->block, place_of(p, p->size), p->pending);
	atomic_fetch_add(&s->run->bytes_total, p->pending);
	atomic_fetch_add(&s->run->bytes, p->pending);
	p->size += p->pending;
	p->pending = 0;
	if (p->size > p->blocks * LIMIT_BLOCK_BYTES &&
	    (p->ended || p->size % LIMIT_BLOCK_BYTES == 0))
		return end_block(p);
	return 0;
}

/* Blocks that are there already, from an earlier connection of this run. */
static void
pass_over(struct input *p)
{
	const struct stream *s = p->s;
	uint64_t block = p->sent / LIMIT_BLOCK_BYTES;

	for (uint32_t i = 0; i < s->have_count && p->sent % LIMIT_BLOCK_BYTES == 0; i++) {
		const struct block_range *have = &s->have[i];
		uint64_t end = (have->first + have->count) * LIMIT_BLOCK_BYTES;

		if (block >= have->first && block < have->first + have->count)
			p->sent = end < p->size ? end : p->size;
	}
}

int
input_send(struct input *p)
{
	struct message m = {.type = MESSAGE_WRITE};
	struct stream *s = p->s;
	uint64_t left;
	struct digest digest;
	size_t length;
	uint8_t *raw;
	int r;

	pass_over(p);
	left = p->size - p->sent;
	if (left == 0)
		return 0;
	/* Before another connection has what this one said it had. */
	if (p->sent < p->confirmed)
		return input_fail(p, problem_set(&s->problem, FTX_E_INCOMPLETE, SIDE_REMOTE,
						 "the server has lost what it had confirmed, and "
						 "standard input cannot be read again"));
	length = left < LIMIT_CHUNK_BYTES ? (size_t)left : LIMIT_CHUNK_BYTES;
	if ((r = connection_chunk(s->connection, &raw)) != 0)
		return stream_explain(s, r);
	memcpy(raw, place_of(p, p->sent), length);
	digest = digest_of(raw, length);
	m.write.handle = INPUT_HANDLE;
	m.write.offset = p->sent;
	m.write.raw_length = (uint32_t)length;
	memcpy(m.write.digest, digest.bytes, sizeof(m.write.digest));
	m.write.codec =
	    (uint8_t)encoder_run(s->encoder, p->sent, raw, length, &m.write.data.length);
	m.write.data.data = raw;
	if ((r = connection_send_chunk(s->connection, &m)) != 0)
		return stream_explain(s, r);
	atomic_fetch_add(&s->run->bytes_wire, m.write.data.length);
	p->sent += length;
	p->since_bytes += length;
	if (p->sent % LIMIT_BLOCK_BYTES != 0)
		return 0;
	p->since_blocks++;
	return checkpoint(p);
}
