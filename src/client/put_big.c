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
#include "src/client/put_send.h"
#include "src/client/ranges.h"
#include "src/client/verdict.h"

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

	return m->type == MESSAGE_HAVE
		   ? put_take_have(p->s, &m->have, ranges_blocks(p->b->identity.size))
		   : 0;
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
	m.release.handle = SENDER_HANDLE;
	m.release.discard = discard;
	return connection_call(s->connection, &m, &s->release);
}

/*
 * OPEN, and behind it (early) the first block: it is on its way while the answer is, and is sent
 * for nothing where the answer is that it is there.
 */
static int
ask_open(struct sender *p, const struct message *m, bool early)
{
	struct stream *s = p->s;
	struct problem problem;
	int r, sent = 0;

	p->has_first = false;
	sender_begin(p);
	s->call = (struct reply){.on_message = take_have, .arg = p};
	r = connection_request(s->connection, m, &s->call);
	if (r == 0 && early)
		sent = sender_send_first(p);
	problem = s->problem;
	r = connection_answer(s->connection, &s->call);
	if (r == 0 && sent == 0)
		return 0;
	p->has_first = false;
	s->problem = r != 0 ? s->call.problem : problem;
	return r != 0 ? r : sent;
}

static int
open_once(struct sender *p, bool early)
{
	struct stream *s = p->s;
	struct message m = {.type = MESSAGE_OPEN};
	uint64_t allocate = source_allocated(p->source);
	char remote[LIMIT_PATH_BYTES + 1];
	uint64_t busy_until = 0;
	int r = root_remote(p->b->entry->batch->root, p->b->entry->path, remote);

	if (r != 0)
		return problem_set(&s->problem, r, SIDE_LOCAL, NULL);
	m.open.handle = SENDER_HANDLE;
	m.open.path = span_of(remote);
	m.open.allocate = allocate < LIMIT_FILE_BYTES ? allocate : LIMIT_FILE_BYTES;
	m.open.identity = p->b->identity;
	for (;; early = false) {
		struct problem problem;

		p->opened = true;
		r = ask_open(p, &m, early);
		if (r == 0 || stream_is_over(s))
			return r;
		problem = s->problem;
		(void)release(p, false); /* the error that counts is known */
		s->problem = problem;
		if (r != FTX_E_BUSY || !stream_busy_again(s, false, &busy_until))
			return s->problem.error;
	}
}

static int
open_remote(struct sender *p, bool early)
{
	struct stream *s = p->s;
	int r = open_once(p, early);

	/* What this run has sent itself it may go on with. */
	if (r == 0 && s->run->request->no_resume && s->have_count > 0 && !p->b->begun) {
		p->has_first = false;
		if (release(p, true) != 0)
			return stream_explain(s, s->release.problem.error);
		r = open_once(p, false);
	}
	return r;
}

/*
 * COMMIT was sent and the connection lost: is the file there as it was to be?  Where content is
 * compared, size and time tell nothing of one that was there before: it is sent once more.  What is
 * wrong with that question the next OPEN tells.
 */
static int
ask_arrived(struct sender *p)
{
	struct stream *s = p->s;
	struct big *b = p->b;
	struct offer_verdict v;
	struct node n;
	int r;

	b->committing = false;
	if (s->run->request->checksum && b->entry->verdict.state != TREE_ABSENT)
		return 0;
	entry_node(b->entry, &n);
	n.size = b->identity.size;
	n.metadata = *source_metadata(p->source);
	r = put_offer(s, span_of(b->entry->batch->root->remote), &n, &v);
	if (r != 0 && stream_is_over(s)) {
		b->committing = true;
		return r;
	}
	p->arrived = v.state == TREE_SAME;
	return 0;
}

/* What was sent of a file that has arrived is known here alone. */
static void
note_arrived(struct sender *p)
{
	struct big *b = p->b;
	struct entry *e = b->entry;
	struct digest digest;

	atomic_store(&p->s->run->sync_owed, true);
	if (b->todo_blocks != ranges_blocks(b->identity.size))
		return;
	digest = put_digest(p->s, b->identity.size, b->digests, b->todo_blocks);
	e->has_digest = true;
	memcpy(e->digest.bytes, digest.bytes, sizeof(e->digest.bytes));
}

/* Begins the file, as it is now, or goes on with it where a connection was lost. */
static int
begin(struct sender *p)
{
	struct big *b = p->b;
	struct run *run = p->s->run;
	uint64_t before = b->identity.size, present = b->present;
	bool early;
	int r;

	if (b->committing && (r = ask_arrived(p)) != 0)
		return r;
	if (p->arrived) {
		note_arrived(p);
		return 0;
	}
	b->identity = *source_identity(p->source);
	/* Modulo 2^64, so a file that became smaller is subtracted. */
	atomic_fetch_add(&run->bytes_total, b->identity.size - before);
	b->entry->identity = b->identity;
	if (b->identity.size > LIMIT_FILE_BYTES)
		return sender_problem(p, FTX_E_TOO_LARGE);
	/* The second time, and where there is a partial, it is known to be there, or wrong. */
	early = b->attempt == 0 && !b->begun && b->entry->verdict.state != TREE_PARTIAL &&
		run_is_far(run);
	if ((r = open_remote(p, early)) != 0)
		return r;
	if ((r = big_set_todo(b, p->s->have, p->s->have_count)) != 0)
		return problem_set(&p->s->problem, r, SIDE_LOCAL, NULL);
	if (b->begun && b->present > present)
		retry_progress(&run->retry);
	if (!b->begun)
		b->resumed = b->present;
	b->begun = true;
	big_count(b, run, b->present, true);
	work_big_opened(&run->work, b, b->todo_blocks > SEGMENT_BLOCKS, sender_use_first(p));
	return 0;
}

/* Joins those who are at it. */
static int
join(struct sender *p)
{
	if (!identity_same(source_identity(p->source), &p->b->identity))
		return problem_set(&p->s->problem, FTX_E_CHANGED, SIDE_LOCAL, NULL);
	return open_remote(p, false);
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

	digest = put_digest(s, b->identity.size, b->digests, b->todo_blocks);
	m.commit.handle = SENDER_HANDLE;
	memcpy(m.commit.digest, digest.bytes, sizeof(m.commit.digest));
	m.commit.size = b->identity.size;
	m.commit.metadata = *source_metadata(p->source);
	m.commit.blocks.items = b->todo;
	m.commit.blocks.count = b->todo_count;
	b->committing = true;
	/* Whose OPEN was answered well shares the partial with nobody but its own run. */
	do {
		r = stream_call(s, &m, take_committed, c);
	} while (r == FTX_E_BUSY && !stream_is_over(s) && stream_busy_again(s, true, &busy_until));
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
	    sender_check(p) == 0) {
		p->resending = true;
		r = big_set_ranges(p->b, c.ranges, c.count);
		if (r == 0)
			r = sender_send(p);
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

	e->bytes_sent = b->present + atomic_load(&b->moved) - b->resumed;
	e->bytes_resumed = b->resumed;
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

/* A connection was lost, this stream's or another's: with what arrived it goes on. */
static enum big_end
end_lost(struct sender *p)
{
	struct big *b = p->b;
	struct stream *s = p->s;
	int r;

	b->resumable = b->resumable || b->opened;
	(void)release(p, false); /* what of it is there is asked anew */
	if (!stream_is_lost(s))
		return BIG_AGAIN;
	if (s->number > 0)
		return BIG_LEFT;
	r = stream_again(s);
	if (r == 0)
		return BIG_AGAIN;
	b->error = r;
	b->problem = s->problem;
	return BIG_OVER;
}

/*
 * All others are gone.  BIG_AGAIN: once more from the beginning, because the source has changed, a
 * chunk arrived wrong or a connection was lost.
 */
static enum big_end
end(struct sender *p, uint8_t *flags)
{
	struct big *b = p->b;
	bool no_resume = p->s->run->request->no_resume;
	struct identity before = b->identity;
	bool again, discard;

	if (b->error == 0 && !p->arrived) {
		int r = commit(p, flags);

		if (r != 0) {
			b->error = r;
			b->problem = p->s->problem;
			b->lost = stream_is_lost(p->s);
		}
	}
	if (b->error == 0)
		return BIG_OVER;
	if (b->lost && !cancel_requested(&p->s->run->cancel))
		return end_lost(p);
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
	b->begun = b->begun && !(again && b->error == FTX_E_CHANGED);
	return again ? BIG_AGAIN : BIG_OVER;
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
	return r == 0 && !p->arrived ? sender_send(p) : r;
}

/* Prepares the second attempt. */
static void
reset(struct sender *p)
{
	work_big_again(&p->s->run->work, p->b);
	p->resending = false;
}

/* Others are still at it: this stream's handle is put away. */
static void
leave(struct sender *p)
{
	struct stream *s = p->s;
	struct work *w = &s->run->work;
	int r = release(p, false);

	if (r != 0 && p->b->error == 0) {
		problem_set(&s->problem, r, SIDE_REMOTE, NULL);
		work_big_fail(w, p->b,
			      s->release.problem.error != 0 ? &s->release.problem : &s->problem,
			      stream_is_lost(s));
	}
	work_big_left(w, p->b);
}

int
put_big(struct stream *s, struct big *b, bool first)
{
	struct sender p = {.s = s, .b = b};
	struct work *w = &s->run->work;
	enum big_end over = BIG_AGAIN;
	uint8_t flags = 0;

	for (; over == BIG_AGAIN; first = true) {
		int r = work_on(&p, first);

		if (r != 0)
			work_big_fail(w, b, &s->problem, stream_is_lost(s));
		if (!work_big_leave(w, b)) {
			leave(&p);
			break;
		}
		over = end(&p, &flags);
		if (over == BIG_OVER) {
			work_big_concluded(w, b);
			conclude(&p, b->error, flags);
			work_big_over(w, b);
			break;
		}
		reset(&p);
		if (over == BIG_LEFT)
			work_big_return(w, b);
	}
	source_close(p.source);
	free(p.path);
	return s->connection != NULL ? connection_error(s->connection) : s->problem.error;
}
