/*
 * Standard input, or a command's output, as one file: its size is known when it ends (PROTOCOL.md,
 * "OPEN").  Nothing of it is kept unless all of it was good; the old file stays until then.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/landing.h"
#include "src/client/put_input.h"
#include "src/client/ranges.h"
#include "src/client/verdict.h"

static int
take_have(void *arg, const struct message *m)
{
	struct input *p = arg;

	return m->type == MESSAGE_HAVE
		   ? put_take_have(p->s, &m->have, ranges_blocks(LIMIT_FILE_BYTES))
		   : 0;
}

static int
open_remote(struct input *p, const char *remote)
{
	struct message m = {.type = MESSAGE_OPEN};
	uint64_t busy_until = 0;
	int r;

	m.open.handle = INPUT_HANDLE;
	m.open.path = span_of(remote);
	m.open.identity = p->identity;
	for (;;) {
		struct message release = {.type = MESSAGE_RELEASE};

		p->opened = true;
		r = stream_call(p->s, &m, take_have, p);
		if (r != FTX_E_BUSY || stream_is_over(p->s))
			return r;
		p->opened = false;
		release.release.handle = INPUT_HANDLE;
		(void)connection_call(p->s->connection, &release, &p->s->release);
		if (!stream_busy_again(p->s, false, &busy_until))
			return p->s->problem.error;
	}
}

/* Was all of it good?  Then it may have its name. */
static int
accept_all(struct input *p)
{
	const struct transfer_request *request = p->s->run->request;

	if (p->accepted)
		return 0;
	p->failed = true;
	if (request->input_finish != NULL &&
	    request->input_finish(request->input_arg, &p->s->problem) != 0)
		return p->s->problem.error;
	if (p->size < request->min_size)
		return problem_set(&p->s->problem, FTX_E_INPUT, SIDE_LOCAL,
				   "%llu bytes came, fewer than the %llu of --min-size",
				   (unsigned long long)p->size,
				   (unsigned long long)request->min_size);
	p->failed = false;
	p->accepted = true;
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

	digest = put_digest(s, p->size, p->digests, p->blocks);
	m.commit.handle = INPUT_HANDLE;
	memcpy(m.commit.digest, digest.bytes, sizeof(m.commit.digest));
	m.commit.size = p->size;
	describe(p, &m.commit.metadata);
	m.commit.blocks.items = &all;
	m.commit.blocks.count = p->blocks > 0 ? 1 : 0;
	p->committing = true;
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

	if (!p->opened || s->connection == NULL || connection_error(s->connection) != 0)
		return;
	if (cancel_requested(&s->run->cancel))
		connection_grace(s->connection, GRACE_MS);
	m.release.handle = INPUT_HANDLE;
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

/* What is there, seen from what came. */
static int
offer(struct input *p, const struct root *root, struct offer_verdict *v)
{
	struct node n = {.path = span_of(strrchr(root->remote, '/') + 1), .size = p->size};

	describe(p, &n.metadata);
	return put_offer(p->s, root_base(root), &n, v);
}

/* A dry run: would it land, and on what? */
static int
plan(struct input *p, const struct root *root, enum file_action *action)
{
	struct stream *s = p->s;
	struct offer_verdict v;
	int r = offer(p, root, &v);

	if (r != 0)
		return r;
	if (v.state == TREE_CONFLICT || v.state == TREE_ERROR)
		return verdict_problem(s->run, &s->problem,
				       v.state == TREE_ERROR ? error_from_wire(v.code)
							     : FTX_E_CONFLICT);
	*action = v.state >= TREE_SAME ? ACTION_REPLACE : ACTION_CREATE;
	return 0;
}

static int
take_digests(void *arg, const struct message *m)
{
	struct path_digest *there = arg;

	if (m->type != MESSAGE_DIGESTS)
		return 0;
	if (m->digests.digests.count != 1)
		return FTX_E_PROTOCOL;
	*there = m->digests.digests.items[0];
	return 0;
}

/*
 * A file of our size and time is there.  Is it ours, or was it there before?  *other: its content
 * is another; not where the server may not say that.  0, or why the connection is over.
 */
static int
ask_other(struct input *p, const struct root *root, bool *other)
{
	struct stream *s = p->s;
	struct message m = {.type = MESSAGE_DIGEST};
	struct path_only itself = {.path = span_of("")};
	struct path_digest there = {.code = 0};
	int r;

	*other = false;
	if (s->run->dest.is_absent)
		return 0; /* when this run began */
	m.digest.base = span_of(root->remote);
	m.digest.paths.items = &itself;
	m.digest.paths.count = 1;
	r = stream_call(s, &m, take_digests, &there);
	if (r != 0)
		return stream_is_over(s) ? r : 0;
	*other = there.code == 0 && (there.size != p->size || memcmp(there.digest, p->digest.bytes,
								     sizeof(p->digest.bytes)) != 0);
	return 0;
}

/* The answer to COMMIT was lost: has it come? */
static int
ask_arrived(struct input *p, const struct root *root)
{
	struct stream *s = p->s;
	struct offer_verdict v;
	bool other = false;
	int r = offer(p, root, &v);

	/* What is wrong with that question the next OPEN tells. */
	if (r == 0 && v.state == TREE_SAME) {
		p->digest = put_digest(s, p->size, p->digests, p->blocks);
		r = ask_other(p, root, &other);
	}
	if (r != 0 && stream_is_over(s))
		return r;
	p->committing = false;
	p->arrived = r == 0 && v.state == TREE_SAME && !other;
	if (p->arrived)
		atomic_store(&s->run->sync_owed, true);
	return 0;
}

/* All that is to be done over one connection. */
static int
send_over(struct input *p, const struct root *root)
{
	int r = p->committing ? ask_arrived(p, root) : 0;

	if (r != 0 || p->arrived)
		return r;
	if ((r = open_remote(p, root->remote)) != 0)
		return r;
	p->sent = p->since_bytes = p->since_blocks = 0;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	p->asked = false;
	encoder_next_file(p->s->encoder);
	while (r == 0 && !(p->ended && p->sent == p->size))
		r = p->sent < p->size ? input_send(p) : input_read(p);
	if (r == 0)
		r = accept_all(p);
	return r == 0 ? commit(p) : r;
}

static int
send_all(struct input *p, const struct root *root)
{
	struct stream *s = p->s;
	int r;

	p->kept = malloc(KEPT_BYTES);
	if (p->kept == NULL)
		return problem_nomem(&s->problem);
	for (;;) {
		r = send_over(p, root);
		if (r == 0 || p->failed || !stream_is_lost(s))
			return r;
		p->opened = false;
		if ((r = stream_again(s)) != 0)
			return r;
	}
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
	free(p.kept);
	/* What went wrong at this end is its result, whatever the connection has come to. */
	if (r != 0 && (p.failed ? cancel_requested(&run->cancel) : stream_is_over(s)))
		return r;
	run->input_over = true;
	run_result(run, root, "", &f, r != 0 ? &problem : NULL);
	return 0;
}
