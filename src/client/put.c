/*
 * STAT - the same already? - OPEN, what is missing, COMMIT.
 *
 * Data goes out without waiting for answers; CHECKPOINTs among it make finished blocks durable, and
 * their answers are looked at as they come, so that a full disk stops the sending early.
 */
#include "src/client/put.h"

#include <errno.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/ranges.h"
#include "src/store/source.h"

#define HANDLE 0u /* one file at a time */
#define CHECKPOINT_TIMES                                                                           \
	3u /* a pause between two is at least so many times what the last one took */

struct put {
	struct stream *s;
	const char *path;		  /* of the source */
	const char *remote;		  /* SHARE/REST */
	char plain[LIMIT_PATH_BYTES + 2]; /* path without trailing slashes, borrowed by source */
	struct source *source;
	uint64_t size;
	bool opened;	/* the handle is in use */
	bool resending; /* what is sent was counted before */
	uint64_t position;

	uint64_t since_bytes; /* sent since the last CHECKPOINT ... */
	uint64_t since_ms;    /* ... that was asked for then */
	uint64_t interval_ms;
	bool asked; /* and its duration not yet looked at */
};

static int
local_problem(struct put *p, int r)
{
	return problem_local(&p->s->problem, r, errno);
}

static int
open_source(struct put *p)
{
	size_t length = strlen(p->path);
	int r = FTX_E_NAME;

	while (length > 1 && p->path[length - 1] == '/')
		length--;
	source_close(p->source);
	p->source = NULL;
	errno = 0;
	if (length < sizeof(p->plain)) {
		memcpy(p->plain, p->path, length);
		p->plain[length] = '\0';
		r = source_open_path(&p->source, p->plain, &p->s->run->rules, 0);
	}
	if (r != 0)
		return local_problem(p, r);
	p->size = source_identity(p->source)->size;
	stream_size(p->s, p->size);
	p->s->event.file.bytes = p->size;
	if (p->size > LIMIT_FILE_BYTES)
		return local_problem(p, FTX_E_TOO_LARGE);
	return 0;
}

/* What is at the destination?  0 with the action decided, or an error in the stream's problem. */
static int
examine(struct put *p)
{
	struct stream *s = p->s;
	struct transfer_file *file = &s->event.file;
	const struct identity *id = source_identity(p->source);
	int r = s->stat_known ? s->stat_result : stream_stat(s, p->remote);

	file->action = ACTION_CREATE;
	/* Without the right to list nothing can be asked, but sent. */
	if (r == FTX_E_NOT_FOUND || r == FTX_E_DENIED)
		return 0;
	if (r != 0)
		return r;
	/* OPEN is refused too, and then says where the link leads. */
	if (s->entry_metadata.type == ENTRY_SYMLINK && !s->run->request->dry_run)
		return 0;
	if (s->entry_metadata.type == ENTRY_SYMLINK)
		return problem_set(&s->problem, FTX_E_IS_LINK, SIDE_REMOTE,
				   "a symbolic link is there");
	if (s->entry_metadata.type != ENTRY_FILE)
		return problem_set(&s->problem, FTX_E_CONFLICT, SIDE_REMOTE,
				   "a directory or special file is there, which a file never "
				   "replaces");
	file->action = ACTION_REPLACE;
	if (s->entry_identity.size == id->size &&
	    mtime_same(id->mtime_s, id->mtime_ns, s->entry_metadata.mtime_s,
		       s->entry_metadata.mtime_ns)) {
		file->action = ACTION_NONE;
		file->status = STATUS_SAME;
	}
	return 0;
}

static int
take_have(void *arg, const struct message *m)
{
	struct put *p = arg;
	struct stream *s = p->s;

	if (m->type != MESSAGE_HAVE)
		return 0;
	s->have_count = m->have.blocks.count;
	if (s->have_count > 0)
		memcpy(s->have, m->have.blocks.items, s->have_count * sizeof(s->have[0]));
	return ranges_check(s->have, s->have_count, ranges_blocks(p->size));
}

/* Frees the handle, also after an OPEN that failed. */
static void
release(struct put *p, bool discard)
{
	struct message m = {.type = MESSAGE_RELEASE};
	struct stream *s = p->s;

	if (!p->opened)
		return;
	p->opened = false;
	s->event.file.resumable = !discard;
	if (connection_error(s->connection) != 0)
		return;
	if (cancel_requested(&s->run->cancel))
		connection_grace(s->connection, GRACE_MS);
	m.release.handle = HANDLE;
	m.release.discard = discard;
	(void)connection_call(s->connection, &m, &s->release); /* the error that counts is known */
}

static int
open_remote(struct put *p)
{
	struct stream *s = p->s;
	struct message m = {.type = MESSAGE_OPEN};
	uint64_t allocate = source_allocated(p->source);
	uint64_t busy_until = 0;
	int r;

	m.open.handle = HANDLE;
	m.open.path = span_of(p->remote);
	m.open.allocate = allocate < LIMIT_FILE_BYTES ? allocate : LIMIT_FILE_BYTES;
	m.open.identity = *source_identity(p->source);
	for (;;) {
		p->opened = true;
		r = stream_call(s, &m, take_have, p);
		if (r == 0)
			break;
		release(p, false);
		s->event.file.resumable = false;
		if (r != FTX_E_BUSY || !stream_busy_again(s, &busy_until))
			return s->problem.error;
	}
	s->todo_count = ranges_complement(s->have, s->have_count, ranges_blocks(p->size), s->todo);
	p->position = p->size - ranges_bytes(s->todo, s->todo_count, p->size);
	s->event.file.bytes_resumed = p->position;
	s->event.file.bytes_sent = 0;
	stream_present(s, p->position);
	p->since_bytes = 0;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	p->asked = false;
	return 0;
}

/* Has a CHECKPOINT been answered ERROR?  Then the handle takes nothing more. */
static int
check_handle(struct put *p)
{
	struct reply *reply = &p->s->checkpoint;

	if (!p->asked || !reply->done || reply->problem.error == 0)
		return 0;
	p->s->problem = reply->problem;
	return reply->problem.error;
}

/* At a block's end: is it time for a CHECKPOINT? */
static int
checkpoint(struct put *p)
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
	if (p->since_bytes < CHECKPOINT_BYTES && now - p->since_ms < p->interval_ms)
		return 0;
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

static int
send_chunk(struct put *p, uint64_t offset, size_t length)
{
	struct message m = {.type = MESSAGE_WRITE};
	struct stream *s = p->s;
	struct digest digest;
	uint8_t *raw;
	int r = connection_chunk(s->connection, &raw);

	if (r != 0)
		return stream_explain(s, r);
	r = check_handle(p);
	if (r != 0)
		return r;
	errno = 0;
	r = source_read(p->source, offset, raw, length);
	if (r != 0)
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
	s->event.file.bytes_sent += length;
	p->since_bytes += length;
	if (!p->resending)
		stream_position(s, p->position += length);
	return 0;
}

static int
send_block(struct put *p, uint64_t block)
{
	uint64_t offset = block * LIMIT_BLOCK_BYTES;
	uint64_t end = p->size - offset > LIMIT_BLOCK_BYTES ? offset + LIMIT_BLOCK_BYTES : p->size;
	struct digest digest;

	digest_start(p->s->block);
	while (offset < end) {
		uint64_t left = end - offset;
		size_t length = left > LIMIT_CHUNK_BYTES ? LIMIT_CHUNK_BYTES : (size_t)left;
		int r = send_chunk(p, offset, length);

		if (r != 0)
			return r;
		offset += length;
	}
	digest = digest_finish(p->s->block);
	file_digest_add(p->s->sent, &digest);
	return checkpoint(p);
}

/* Sends s->todo; s->sent is then the digest that COMMIT needs. */
static int
send_todo(struct put *p)
{
	struct stream *s = p->s;
	int r;

	file_digest_start(s->sent, p->size);
	for (uint32_t i = 0; i < s->todo_count; i++) {
		for (uint64_t n = 0; n < s->todo[i].count; n++) {
			r = send_block(p, s->todo[i].first + n);
			if (r != 0)
				return r;
		}
	}
	errno = 0;
	r = source_check(p->source);
	return r != 0 ? local_problem(p, r) : 0;
}

static int
take_committed(void *arg, const struct message *m)
{
	struct put *p = arg;
	struct stream *s = p->s;
	struct transfer_file *file = &s->event.file;

	if (m->type == MESSAGE_COMMITTED) {
		file->has_digest = true;
		memcpy(file->digest.bytes, m->committed.digest, sizeof(file->digest.bytes));
		file->mode_not_kept = (m->committed.flags & STATUS_MODE_NOT_KEPT) != 0;
	} else if (m->type == MESSAGE_ERROR &&
		   (error_from_wire(m->error.code) == FTX_E_INCOMPLETE ||
		    error_from_wire(m->error.code) == FTX_E_MISMATCH)) {
		s->todo_count = m->error.blocks.count;
		if (s->todo_count > 0)
			memcpy(s->todo, m->error.blocks.items, s->todo_count * sizeof(s->todo[0]));
		return ranges_check(s->todo, s->todo_count, ranges_blocks(p->size));
	}
	return 0;
}

static int
commit(struct put *p)
{
	struct stream *s = p->s;
	struct message m = {.type = MESSAGE_COMMIT};
	struct digest digest = digest_finish(s->sent);
	uint64_t busy_until = 0;
	int r;

	m.commit.handle = HANDLE;
	memcpy(m.commit.digest, digest.bytes, sizeof(m.commit.digest));
	m.commit.metadata = *source_metadata(p->source);
	m.commit.blocks.items = s->todo;
	m.commit.blocks.count = s->todo_count;
	do {
		r = stream_call(s, &m, take_committed, p);
	} while (r == FTX_E_BUSY && stream_busy_again(s, &busy_until));
	return r == 0 ? 0 : s->problem.error;
}

/* The source as it is now, from OPEN to COMMIT. */
static int
put_version(struct put *p)
{
	struct stream *s = p->s;
	int r = open_remote(p);

	p->resending = false;
	for (int round = 0; r == 0; round++) {
		r = send_todo(p);
		if (r == 0)
			r = commit(p);
		if (r == 0) {
			p->opened = false; /* COMMITTED freed the handle */
			return 0;
		}
		/* Once more what the server did not get or got wrong. */
		if ((r == FTX_E_INCOMPLETE || r == FTX_E_MISMATCH) && round == 0 &&
		    s->todo_count > 0 && check_handle(p) == 0) {
			p->resending = true;
			r = 0;
		}
	}
	if (r == FTX_E_INCOMPLETE)
		r = problem_set(&s->problem, FTX_E_MISMATCH, SIDE_REMOTE,
				"the server does not keep what it was sent");
	return r;
}

/* What a second try may mend: a source that changed, a chunk that arrived wrong. */
static bool
try_again(const struct put *p, int error)
{
	return error == FTX_E_CHANGED || (error == FTX_E_MISMATCH && !p->resending);
}

static bool
changed(int error)
{
	return error == FTX_E_CHANGED || error == FTX_E_VANISHED;
}

/*
 * Before the second try: the source as it is now, and the handle free.  What was sent stays if it
 * cannot be mistaken for the new content: another file of the same size and time would go on with
 * it.
 */
static int
prepare_again(struct put *p, int error)
{
	const struct identity before = *source_identity(p->source);
	int r = 0;

	if (error == FTX_E_CHANGED)
		r = open_source(p);
	release(p, r != 0 || (error == FTX_E_CHANGED &&
			      identity_resumes(&before, source_identity(p->source))));
	return r;
}

static int
send_file(struct put *p)
{
	struct stream *s = p->s;
	int r = encoder_setup(s->encoder, s->run->request->compress, s->run->request->level,
			      s->peer_codecs);

	if (r != 0)
		return problem_set(&s->problem, r, SIDE_REMOTE,
				   "the server does not have the compression asked for");
	for (int attempt = 0;; attempt++) {
		r = put_version(p);
		if (r == 0)
			return 0;
		if (attempt > 0 || !try_again(p, r)) {
			release(p, changed(r) || r == FTX_E_MISMATCH);
			return r;
		}
		r = prepare_again(p, r);
		if (r != 0)
			return r;
	}
}

int
put_file(struct stream *s, const char *source, const char *remote)
{
	struct put p = {.s = s, .path = source, .remote = remote};
	struct transfer_file *file = &s->event.file;
	int r = open_source(&p);

	if (r == 0)
		r = examine(&p);
	if (r == 0 && file->status == STATUS_SAME) {
		s->sync_owed = !s->run->request->dry_run;
		stream_present(s, p.size);
	} else if (r == 0 && s->run->request->dry_run) {
		file->status = STATUS_PLANNED;
	} else if (r == 0) {
		r = send_file(&p);
	}
	source_close(p.source);
	if (r != 0 && file->resumable)
		problem_hint(&s->problem, "run the same command again to go on");
	return r;
}

int
put_sync(struct stream *s, const char *remote)
{
	struct message m = {.type = MESSAGE_SYNC};
	char share[LIMIT_SHARE_BYTES + 1];

	address_share(share, remote);
	m.sync.share = span_of(share);
	return stream_call(s, &m, NULL, NULL);
}
