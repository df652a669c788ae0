/*
 * Standard input, or a command's output, as one file: its size is known when it ends (PROTOCOL.md,
 * "OPEN").  Nothing of it is kept unless all of it was good; the old file stays until then.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/landing.h"
#include "src/client/put.h"
#include "src/client/verdict.h"

#define HANDLE		 0u
#define CHECKPOINT_EVERY (UINT64_C(4) << 20)
#define LOOK_MS		 500u /* how often the connection is looked at while nothing comes */

struct input {
	struct stream *s;
	int fd;
	uint64_t size; /* bytes that have come */
	bool ended;
	struct identity identity;
	struct digest *digests; /* owned: of the blocks */
	uint64_t blocks, room;
	uint64_t look_ms; /* when the connection is looked at next, whether or not input comes */
	/* Since the last CHECKPOINT, which was asked for at since_ms. */
	uint64_t since_bytes, since_ms, since_blocks;
	uint64_t interval_ms; /* from that one to the next, unless there is much to be kept */
	bool asked;	      /* its answer was not looked at */
	bool opened;
	uint8_t flags;
	struct digest digest; /* of the file */
};

static int
nothing(void *arg, const struct message *m)
{
	(void)arg;
	(void)m;
	return 0;
}

/*
 * Is it time for a CHECKPOINT?  After so many bytes, and after a while where they come slowly, as
 * far as there are blocks that it would keep.
 */
static int
checkpoint(struct input *p)
{
	struct message m = {.type = MESSAGE_CHECKPOINT};
	struct stream *s = p->s;
	uint64_t now = clock_ms();
	int r;

	if (!s->checkpoint.done)
		return 0;
	if (p->asked && s->checkpoint.problem.error != 0) {
		s->problem = s->checkpoint.problem;
		return s->problem.error;
	}
	if (p->asked) {
		uint64_t pause = CHECKPOINT_TIMES * (now - p->since_ms);

		p->interval_ms = pause > CHECKPOINT_MS ? pause : CHECKPOINT_MS;
		p->asked = false;
	}
	if (p->since_blocks == 0 ||
	    (p->since_bytes < CHECKPOINT_EVERY && now - p->since_ms < p->interval_ms))
		return 0;
	p->since_bytes = p->since_blocks = 0;
	p->since_ms = now;
	p->asked = true;
	m.checkpoint.handle = HANDLE;
	r = connection_request(s->connection, &m, &s->checkpoint);
	return r != 0 ? stream_explain(s, r) : 0;
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

/* Up to length bytes; fewer at the end only. */
static int
fill(struct input *p, uint8_t *raw, size_t length, size_t *got)
{
	struct stream *s = p->s;

	*got = 0;
	while (*got < length) {
		ssize_t n;
		int r = look(p);

		if (r != 0)
			return r;
		r = cancel_poll(&s->run->cancel, p->fd, POLLIN, p->look_ms);
		if (r < 0)
			return problem_set(&s->problem, r, SIDE_LOCAL, NULL);
		if (r == 0)
			continue;
		n = read(p->fd, raw + *got, length - *got);
		if (n == 0) {
			p->ended = true;
			return 0;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return problem_local(&s->problem, error_from_errno(errno), errno);
		if (n > 0)
			*got += (size_t)n;
	}
	return 0;
}

/* The block that was sent is over. */
static int
end_block(struct input *p)
{
	if (p->blocks == p->room) {
		uint64_t room = p->room > 0 ? 2 * p->room : 1024;
		struct digest *more = realloc(p->digests, room * sizeof(*more));

		if (more == NULL)
			return problem_nomem(&p->s->problem);
		p->digests = more;
		p->room = room;
	}
	p->digests[p->blocks++] = digest_finish(p->s->block);
	p->since_blocks++;
	return checkpoint(p);
}

static int
send_chunk(struct input *p)
{
	struct message m = {.type = MESSAGE_WRITE};
	struct stream *s = p->s;
	struct digest digest;
	uint8_t *raw;
	size_t got;
	/* Not into the connection's own room: other messages may go out meanwhile. */
	int r = fill(p, s->raw, LIMIT_CHUNK_BYTES, &got);

	if (r != 0 || got == 0)
		return r;
	if ((r = connection_chunk(s->connection, &raw)) != 0)
		return stream_explain(s, r);
	memcpy(raw, s->raw, got);
	if (got > LIMIT_FILE_BYTES - p->size)
		return problem_set(&s->problem, FTX_E_TOO_LARGE, SIDE_LOCAL, NULL);
	if (p->size % LIMIT_BLOCK_BYTES == 0)
		digest_start(s->block);
	digest = digest_of(raw, got);
	digest_add(s->block, raw, got);
	m.write.handle = HANDLE;
	m.write.offset = p->size;
	m.write.raw_length = (uint32_t)got;
	memcpy(m.write.digest, digest.bytes, sizeof(m.write.digest));
	m.write.codec = (uint8_t)encoder_run(s->encoder, p->size, raw, got, &m.write.data.length);
	m.write.data.data = raw;
	if ((r = connection_send_chunk(s->connection, &m)) != 0)
		return stream_explain(s, r);
	atomic_fetch_add(&s->run->bytes_wire, m.write.data.length);
	atomic_fetch_add(&s->run->bytes_total, got);
	atomic_fetch_add(&s->run->bytes, got);
	p->size += got;
	p->since_bytes += got;
	return p->ended || p->size % LIMIT_BLOCK_BYTES == 0 ? end_block(p) : 0;
}

static int
open_remote(struct input *p, const char *remote)
{
	struct message m = {.type = MESSAGE_OPEN};
	uint64_t busy_until = 0;
	int r;

	m.open.handle = HANDLE;
	m.open.path = span_of(remote);
	m.open.identity = p->identity;
	for (;;) {
		struct message release = {.type = MESSAGE_RELEASE};

		p->opened = true;
		r = stream_call(p->s, &m, nothing, NULL);
		if (r != FTX_E_BUSY || stream_is_over(p->s))
			return r;
		p->opened = false;
		release.release.handle = HANDLE;
		(void)connection_call(p->s->connection, &release, &p->s->release);
		if (!stream_busy_again(p->s, &busy_until))
			return p->s->problem.error;
	}
}

/* Was all of it good?  Then it may have its name. */
static int
accept_all(struct input *p)
{
	const struct transfer_request *request = p->s->run->request;

	if (request->input_finish != NULL &&
	    request->input_finish(request->input_arg, &p->s->problem) != 0)
		return p->s->problem.error;
	if (p->size < request->min_size)
		return problem_set(&p->s->problem, FTX_E_INPUT, SIDE_LOCAL,
				   "%llu bytes came, fewer than the %llu of --min-size",
				   (unsigned long long)p->size,
				   (unsigned long long)request->min_size);
	return 0;
}

static int
take_committed(void *arg, const struct message *m)
{
	struct input *p = arg;

	if (m->type == MESSAGE_COMMITTED) {
		memcpy(p->digest.bytes, m->committed.digest, sizeof(p->digest.bytes));
		p->flags = m->committed.flags;
	}
	return 0;
}

/* What a file made here now would have. */
static void
describe(const struct input *p, struct metadata *m)
{
	const struct run *run = p->s->run;
	const struct metadata_rules *rules = &run->rules;

	*m = (struct metadata){.type = ENTRY_FILE,
			       .mode = (uint16_t)(0666u & ~rules->umask_bits),
			       .mtime_s = p->identity.mtime_s,
			       .mtime_ns = p->identity.mtime_ns};
	if ((run->parts & METADATA_OWNER) == 0)
		return;
	m->flags = METADATA_OWNER;
	m->uid = rules->own.uid;
	m->gid = rules->own.gid;
	m->user = span_of(rules->own.user);
	m->group = span_of(rules->own.group);
}

static int
commit(struct input *p)
{
	struct stream *s = p->s;
	const struct block_range all = {.first = 0, .count = p->blocks};
	struct message m = {.type = MESSAGE_COMMIT};
	struct digest digest;
	int r;

	file_digest_start(s->file, p->size);
	for (uint64_t i = 0; i < p->blocks; i++)
		file_digest_add(s->file, &p->digests[i]);
	digest = digest_finish(s->file);
	m.commit.handle = HANDLE;
	memcpy(m.commit.digest, digest.bytes, sizeof(m.commit.digest));
	m.commit.size = p->size;
	describe(p, &m.commit.metadata);
	m.commit.blocks.items = &all;
	m.commit.blocks.count = p->blocks > 0 ? 1 : 0;
	r = stream_call(s, &m, take_committed, p);
	if (r == 0)
		p->opened = false;
	return r;
}

static void
discard(struct input *p)
{
	struct message m = {.type = MESSAGE_RELEASE};
	struct stream *s = p->s;

	if (!p->opened || connection_error(s->connection) != 0)
		return;
	if (cancel_requested(&s->run->cancel))
		connection_grace(s->connection, GRACE_MS);
	m.release.handle = HANDLE;
	m.release.discard = 1;
	(void)connection_call(s->connection, &m, &s->release); /* the error that counts is known */
}

static int
land(struct stream *s, struct root *root)
{
	struct run *run = s->run;

	root->is_directory = false;
	memcpy(root->remote, run->remotes[0].path, sizeof(root->remote));
	if (run->dest.problem.error != 0) {
		s->problem = run->dest.problem;
		return s->problem.error;
	}
	if (run->dest.is_directory || run->remotes[0].trailing_slash ||
	    address_rest(root->remote)[0] == '\0')
		return problem_set(&s->problem, FTX_E_CONFLICT, SIDE_REMOTE,
				   "the destination is a directory, and standard input has no "
				   "name of its own");
	return 0;
}

static int
take_verdict(void *arg, const struct message *m)
{
	struct offer_verdict *v = arg;

	if (m->type != MESSAGE_VERDICTS)
		return 0;
	if (m->verdicts.verdicts.count != 1)
		return FTX_E_PROTOCOL;
	*v = m->verdicts.verdicts.items[0];
	return 0;
}

/* A dry run: would it land, and on what? */
static int
plan(struct input *p, const struct root *root, enum file_action *action)
{
	struct stream *s = p->s;
	struct message m = {.type = MESSAGE_OFFER};
	struct node n = {.path = span_of(strrchr(root->remote, '/') + 1)};
	struct offer_verdict v = {.state = TREE_ABSENT};
	int r;

	describe(p, &n.metadata);
	m.offer.base = root_base(root);
	m.offer.nodes.items = &n;
	m.offer.nodes.count = 1;
	if ((r = stream_call(s, &m, take_verdict, &v)) != 0)
		return r;
	if (v.state == TREE_CONFLICT || v.state == TREE_ERROR)
		return verdict_problem(s->run, &s->problem,
				       v.state == TREE_ERROR ? error_from_wire(v.code)
							     : FTX_E_CONFLICT);
	*action = v.state >= TREE_SAME ? ACTION_REPLACE : ACTION_CREATE;
	return 0;
}

static int
send_all(struct input *p, struct root *root)
{
	int r = open_remote(p, root->remote);

	if (r != 0)
		return r;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	encoder_next_file(p->s->encoder);
	while (r == 0 && !p->ended)
		r = send_chunk(p);
	/* The end came behind a chunk that did not end its block. */
	if (r == 0 && p->size > p->blocks * LIMIT_BLOCK_BYTES)
		r = end_block(p);
	if (r == 0)
		r = accept_all(p);
	return r == 0 ? commit(p) : r;
}

int
put_input(struct stream *s)
{
	struct run *run = s->run;
	struct root *root = &run->roots[0];
	struct input p = {.s = s, .fd = run->request->input_fd};
	struct transfer_file f = {
	    .type = ENTRY_FILE, .status = STATUS_DONE, .action = ACTION_CREATE};
	struct problem problem;
	struct timespec now;
	int r = land(s, root);

	clock_gettime(CLOCK_REALTIME, &now);
	p.identity = (struct identity){
	    .size = UINT64_MAX, .mtime_s = now.tv_sec, .mtime_ns = (uint32_t)now.tv_nsec};
	atomic_fetch_add(&run->files_total, 1);
	if (run->dest.is_file)
		f.action = ACTION_REPLACE;
	if (r == 0 && run->request->dry_run) {
		f.status = STATUS_PLANNED;
		r = plan(&p, root, &f.action);
	} else if (r == 0) {
		r = send_all(&p, root);
	}
	problem = s->problem;
	if (r != 0)
		discard(&p);
	s->problem = problem;
	f.bytes = f.bytes_sent = p.size;
	f.has_digest = r == 0 && f.status == STATUS_DONE;
	f.digest = p.digest;
	f.not_kept = p.flags;
	free(p.digests);
	if (r != 0 && stream_is_over(s))
		return r;
	run_result(run, root, "", &f, r != 0 ? &problem : NULL);
	return 0;
}
