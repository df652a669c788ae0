/*
 * A big file to the server: OPEN, what is missing segment by segment, COMMIT.
 *
 * Data goes out without waiting for answers; CHECKPOINTs among it make finished blocks durable, and
 * their answers are looked at as they come, so that a full disk stops the sending early.  Several
 * streams may be at it (big.h): each has a handle of its own, and the last one commits.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/put.h"
#include "src/client/ranges.h"
#include "src/client/verdict.h"

#define HANDLE 0u /* one file at a time on a connection */

struct sender {
	struct stream *s;
	struct big *b;
	struct source *source;
	char *path;	/* where the source borrows it, or NULL */
	bool opened;	/* the handle is in use */
	bool resending; /* what is sent was counted before */

	uint64_t portion;     /* bytes after which one is due: this stream's share */
	uint64_t since_bytes; /* sent since the last CHECKPOINT ... */
	uint64_t since_ms;    /* ... that was asked for then */
	uint64_t interval_ms;
	bool asked; /* and its duration not yet looked at */
};

static int
local_problem(struct sender *p, int r)
{
	return problem_local(&p->s->problem, r, errno);
}

static int
open_source(struct sender *p)
{
	source_close(p->source);
	p->source = NULL;
	free(p->path);
	return put_source(p->s, p->b->entry, &p->source, &p->path);
}

static int
take_have(void *arg, const struct message *m)
{
	struct sender *p = arg;
	struct stream *s = p->s;

	if (m->type != MESSAGE_HAVE)
		return 0;
	s->have_count = m->have.blocks.count;
	if (s->have_count > 0)
		memcpy(s->have, m->have.blocks.items, s->have_count * sizeof(s->have[0]));
	return ranges_check(s->have, s->have_count, ranges_blocks(p->b->identity.size));
}

/* Frees the handle, also after an OPEN that failed. */
static int
release(struct sender *p, bool discard)
{
	struct message m = {.type = MESSAGE_RELEASE};
	struct stream *s = p->s;

	if (!p->opened)
		return 0;
	p->opened = false;
	if (connection_error(s->connection) != 0)
		return connection_error(s->connection);
	if (cancel_requested(&s->run->cancel))
		connection_grace(s->connection, GRACE_MS);
	m.release.handle = HANDLE;
	m.release.discard = discard;
	return connection_call(s->connection, &m, &s->release);
}

static int
open_once(struct sender *p)
{
	struct stream *s = p->s;
	struct message m = {.type = MESSAGE_OPEN};
	uint64_t allocate = source_allocated(p->source);
	char remote[LIMIT_PATH_BYTES + 1];
	uint64_t busy_until = 0;
	int r = root_remote(p->b->entry->batch->root, p->b->entry->path, remote);

	if (r != 0)
		return problem_set(&s->problem, r, SIDE_LOCAL, NULL);
	m.open.handle = HANDLE;
	m.open.path = span_of(remote);
	m.open.allocate = allocate < LIMIT_FILE_BYTES ? allocate : LIMIT_FILE_BYTES;
	m.open.identity = p->b->identity;
	for (;;) {
		struct problem problem;

		p->opened = true;
		r = stream_call(s, &m, take_have, p);
		if (r == 0 || stream_is_over(s))
			return r;
		problem = s->problem;
		(void)release(p, false); /* the error that counts is known */
		s->problem = problem;
		if (r != FTX_E_BUSY || !stream_busy_again(s, &busy_until))
			return s->problem.error;
	}
}

static int
open_remote(struct sender *p)
{
	struct stream *s = p->s;
	int r = open_once(p);

	if (r == 0 && s->run->request->no_resume && s->have_count > 0) {
		if (release(p, true) != 0)
			return stream_explain(s, s->release.problem.error);
		r = open_once(p);
	}
	p->since_bytes = 0;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	p->asked = false;
	return r;
}

/* Begins the file, as it is now. */
static int
begin(struct sender *p)
{
	struct big *b = p->b;
	struct run *run = p->s->run;
	uint64_t before = b->identity.size;
	int r;

	b->identity = *source_identity(p->source);
	/* Modulo 2^64, so a file that became smaller is subtracted. */
	atomic_fetch_add(&run->bytes_total, b->identity.size - before);
	b->entry->identity = b->identity;
	if (b->identity.size > LIMIT_FILE_BYTES)
		return local_problem(p, FTX_E_TOO_LARGE);
	if ((r = open_remote(p)) != 0)
		return r;
	if ((r = big_set_todo(b, p->s->have, p->s->have_count)) != 0)
		return problem_set(&p->s->problem, r, SIDE_LOCAL, NULL);
	big_count(b, run, b->present, true);
	work_big_opened(&run->work, b, b->todo_blocks > SEGMENT_BLOCKS);
	return 0;
}

/* Joins those who are at it. */
static int
join(struct sender *p)
{
	if (!identity_same(source_identity(p->source), &p->b->identity))
		return problem_set(&p->s->problem, FTX_E_CHANGED, SIDE_LOCAL, NULL);
	return open_remote(p);
}

/* Has a CHECKPOINT been answered ERROR?  Then the handle takes nothing more. */
static int
check_handle(struct sender *p)
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
	if (p->asked) {
		uint64_t pause = CHECKPOINT_TIMES * (now - p->since_ms);

		p->interval_ms = pause > CHECKPOINT_MS ? pause : CHECKPOINT_MS;
		p->asked = false;
	}
	if (p->since_bytes < p->portion && now - p->since_ms < p->interval_ms)
		return 0;
	errno = 0;
	r = source_check(p->source);
	if (r != 0)
		return local_problem(p, r);
	m.checkpoint.handle = HANDLE;
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
	if ((r = check_handle(p)) != 0)
		return r;
	errno = 0;
	if ((r = source_read(p->source, offset, raw, length)) != 0)
		return local_problem(p, r);
	digest = digest_of(raw, length);
	digest_add(s->block, raw, length);
	m.write.handle = HANDLE;
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
	int r = check_handle(p);

	if (r != 0)
		return r;
	m.hole.handle = HANDLE;
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
			return local_problem(p, r);
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
		return local_problem(p, r);
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

/* What nobody else takes. */
static int
send_segments(struct sender *p)
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
	return r != 0 ? local_problem(p, r) : 0;
}

struct committing {
	struct sender *p;
	struct block_range *ranges; /* owned: what the server lacks or has wrong */
	uint32_t count;
	uint8_t flags;
};

static int
take_committed(void *arg, const struct message *m)
{
	struct committing *c = arg;
	struct entry *e = c->p->b->entry;

	if (m->type == MESSAGE_COMMITTED) {
		e->has_digest = true;
		memcpy(e->digest.bytes, m->committed.digest, sizeof(e->digest.bytes));
		c->flags = m->committed.flags;
	} else if (m->type == MESSAGE_ERROR && m->error.blocks.count > 0) {
		free(c->ranges);
		c->count = m->error.blocks.count;
		c->ranges = calloc(c->count, sizeof(*c->ranges));
		if (c->ranges == NULL)
			return FTX_E_NOMEM;
		memcpy(c->ranges, m->error.blocks.items, c->count * sizeof(*c->ranges));
		return ranges_check(c->ranges, c->count, ranges_blocks(c->p->b->identity.size));
	}
	return 0;
}

static int
commit_once(struct sender *p, struct committing *c)
{
	struct stream *s = p->s;
	struct big *b = p->b;
	struct message m = {.type = MESSAGE_COMMIT};
	struct digest digest;
	uint64_t busy_until = 0;
	int r;

	file_digest_start(s->file, b->identity.size);
	for (uint64_t i = 0; i < b->todo_blocks; i++)
		file_digest_add(s->file, &b->digests[i]);
	digest = digest_finish(s->file);
	m.commit.handle = HANDLE;
	memcpy(m.commit.digest, digest.bytes, sizeof(m.commit.digest));
	m.commit.size = b->identity.size;
	m.commit.metadata = *source_metadata(p->source);
	m.commit.blocks.items = b->todo;
	m.commit.blocks.count = b->todo_count;
	do {
		r = stream_call(s, &m, take_committed, c);
	} while (r == FTX_E_BUSY && !stream_is_over(s) && stream_busy_again(s, &busy_until));
	return r == 0 ? 0 : s->problem.error;
}

/* Everything was sent; once more what the server did not get or got wrong. */
static int
commit(struct sender *p, uint8_t *flags)
{
	struct committing c = {.p = p};
	struct stream *s = p->s;
	int r = commit_once(p, &c);

	if ((r == FTX_E_INCOMPLETE || r == FTX_E_MISMATCH) && c.count > 0 && !stream_is_over(s) &&
	    check_handle(p) == 0) {
		p->resending = true;
		r = big_set_ranges(p->b, c.ranges, c.count);
		if (r == 0)
			r = send_segments(p);
		if (r == 0)
			r = commit_once(p, &c);
	}
	free(c.ranges);
	if (r == 0)
		p->opened = false; /* COMMITTED freed the handle */
	else if (r == FTX_E_INCOMPLETE)
		r = problem_set(&s->problem, FTX_E_MISMATCH, SIDE_REMOTE,
				"the server does not keep what it was sent");
	*flags = c.flags;
	return r;
}

static bool
is_change(int error)
{
	return error == FTX_E_CHANGED || error == FTX_E_VANISHED;
}

/* The file is over: its result. */
static void
conclude(struct sender *p, int r, uint8_t flags)
{
	struct big *b = p->b;
	struct run *run = p->s->run;
	struct entry *e = b->entry;
	struct transfer_file f;

	e->bytes_sent = atomic_load(&b->moved);
	e->bytes_resumed = b->present;
	f = run_file(e, verdict_action(e), STATUS_DONE);
	f.not_kept = flags;
	f.resumable = r != 0 && b->resumable;
	if (f.resumable && !stream_is_over(p->s))
		problem_hint(&b->problem, "run the same command again to go on");
	if (r == 0) {
		run_entry(run, e, &f, NULL, true);
	} else if (stream_is_over(p->s) && !atomic_load(&run->over)) {
		/* The connection's end is told for all of its files at once. */
		f.status = STATUS_FAILED;
		pthread_mutex_lock(&run->results);
		run->outcome.resumable = run->outcome.resumable || f.resumable;
		pthread_mutex_unlock(&run->results);
	} else {
		run_entry(run, e, &f, &b->problem, false);
	}
}

/*
 * All others are gone.  true: over; false: once more from the beginning, because the source has
 * changed or a chunk arrived wrong.
 */
static bool
end(struct sender *p, uint8_t *flags)
{
	struct big *b = p->b;
	bool no_resume = p->s->run->request->no_resume;
	struct identity before = b->identity;
	bool again, discard;

	if (b->error == 0) {
		int r = commit(p, flags);

		if (r != 0) {
			b->error = r;
			b->problem = p->s->problem;
		}
	}
	if (b->error == 0)
		return true;
	again = b->attempt == 0 && !stream_is_over(p->s) &&
		(b->error == FTX_E_CHANGED || (b->error == FTX_E_MISMATCH && !p->resending));
	if (again && b->error == FTX_E_CHANGED && open_source(p) != 0) {
		again = false;
		b->error = p->s->problem.error;
		b->problem = p->s->problem;
	}
	/*
	 * What was sent stays if it cannot be mistaken for the new content: another file of the
	 * same size and time would go on with it.
	 */
	discard = no_resume || (again ? b->error == FTX_E_CHANGED &&
					    identity_resumes(&before, source_identity(p->source))
				      : is_change(b->error) || b->error == FTX_E_MISMATCH);
	b->resumable = !discard && (p->opened || b->resumable) && b->opened;
	(void)release(p, discard); /* the error that counts is known */
	return !again;
}

static int
work_on(struct sender *p, bool first)
{
	struct stream *s = p->s;
	int r = encoder_setup(s->encoder, s->run->request->compress, s->run->request->level,
			      s->peer_codecs);

	if (r != 0)
		return problem_set(&s->problem, r, SIDE_REMOTE,
				   "the server does not have the compression asked for");
	if (p->source == NULL && (r = open_source(p)) != 0)
		return r;
	r = first ? begin(p) : join(p);
	return r == 0 ? send_segments(p) : r;
}

/* Prepares the second attempt. */
static void
reset(struct sender *p)
{
	struct big *b = p->b;

	b->attempt++;
	b->error = 0;
	b->opened = b->helpers = false;
	b->credit = b->present + atomic_load(&b->moved);
	p->resending = false;
}

void
put_big(struct stream *s, struct big *b, bool first)
{
	struct sender p = {.s = s, .b = b};
	struct work *w = &s->run->work;
	uint8_t flags = 0;

	for (;;) {
		int r = work_on(&p, first);

		if (r != 0)
			work_big_fail(w, b, &s->problem);
		if (!work_big_leave(w, b)) {
			r = release(&p, false);
			if (r != 0 && b->error == 0) {
				problem_set(&s->problem, r, SIDE_REMOTE, NULL);
				work_big_fail(w, b,
					      s->release.problem.error != 0 ? &s->release.problem
									    : &s->problem);
			}
			work_big_left(w, b);
			break;
		}
		if (end(&p, &flags)) {
			conclude(&p, b->error, flags);
			work_big_over(w, b);
			break;
		}
		reset(&p);
		first = true;
	}
	source_close(p.source);
	free(p.path);
}
