#include "src/client/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/get.h"
#include "src/client/landing.h"
#include "src/client/set.h"

/* What is sent again within a quarter of a second is not worth a partial and its journal. */
#define SMALL_PART     4u
#define SMALL_AT_FIRST (UINT64_C(256) << 10) /* as long as the rate is not known */
#define SMALL_AT_LEAST (UINT64_C(64) << 10)
#define SMALL_AT_MOST  (UINT64_C(4) << 20)
#define MOST_LOSSES    8u /* that are counted */

struct stream *
stream_new(struct run *run, unsigned number)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->run = run;
	s->number = number;
	s->encoder = encoder_new();
	s->decoder = decoder_new();
	s->block = digest_state_new();
	s->file = digest_state_new();
	s->wants = run_is_put(run) ? NULL : calloc(1, sizeof(*s->wants));
	if (s->encoder == NULL || s->decoder == NULL || s->block == NULL || s->file == NULL ||
	    (s->wants == NULL && !run_is_put(run))) {
		stream_free(s);
		return NULL;
	}
	return s;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	connection_free(s->connection);
	request_list_free(&s->requests);
	request_list_free(&s->held);
	group_free(s->group);
	tree_free(s->tree);
	encoder_free(s->encoder);
	decoder_free(s->decoder);
	digest_state_free(s->block);
	digest_state_free(s->file);
	free(s->wants);
	free(s);
}

int
stream_connect(struct stream *s, const struct early *early)
{
	struct server_info info = {0};
	int r;

	if (s->connection != NULL)
		return 0;
	r = run_connect(s->run, s->number, early, &s->connection, &info, &s->problem);
	if (r != 0)
		return r;
	s->peer_codecs = info.codecs;
	s->checkpoint.done = true;
	/* READ and FETCH say by themselves how to compress. */
	if (run_is_put(s->run)) {
		r = encoder_setup(s->encoder, s->run->request->compress, s->run->request->level,
				  s->peer_codecs);
		if (r != 0)
			return problem_set(&s->problem, r, SIDE_REMOTE,
					   "the server does not have the compression asked for");
	}
	return stream_begin_set(s);
}

int
stream_explain(struct stream *s, int error)
{
	if (s->connection != NULL && connection_error(s->connection) != 0)
		connection_explain(s->connection, &s->problem);
	else
		problem_set(&s->problem, error, SIDE_LOCAL, NULL);
	return error;
}

int
stream_call(struct stream *s, const struct message *m,
	    int (*on_message)(void *arg, const struct message *m), void *arg)
{
	int r;

	s->call.on_message = on_message;
	s->call.arg = arg;
	r = connection_call(s->connection, m, &s->call);
	if (r != 0)
		s->problem = s->call.problem;
	return r;
}

bool
stream_is_over(const struct stream *s)
{
	return s->connection == NULL || connection_error(s->connection) != 0 ||
	       cancel_requested(&s->run->cancel);
}

bool
stream_is_lost(const struct stream *s)
{
	return run_goes_on(s->run, s->connection);
}

void
stream_keep_batch(struct stream *s, struct batch *b)
{
	if (b->again)
		return;
	if (!b->worked)
		work_batch_again(&s->run->work, b);
	b->again = b->redo = true;
	b->next = s->again;
	s->again = b;
}

void
stream_keep_entry(struct stream *s, struct entry *e)
{
	e->begun = false;
	e->resent = run_is_put(s->run);
	e->resent_as = e->verdict.state;
	stream_keep_batch(s, e->batch);
}

/* What was kept is anybody's who has a connection, before this stream has another one. */
static void
hand_over(struct stream *s)
{
	struct batch *b;

	while ((b = s->again) != NULL) {
		s->again = b->next;
		work_return_batch(&s->run->work, b);
	}
}

int
stream_again(struct stream *s)
{
	struct run *run = s->run;
	int r;

	do {
		/* Its replies are the lost requests': they go first. */
		connection_free(s->connection);
		s->connection = NULL;
		s->losses++;
		if (run_is_put(run))
			put_lost(s);
		else
			get_lost(s);
		hand_over(s);
		r = stream_connect(s, NULL);
	} while (r != 0 && stream_is_lost(s));
	if (r == 0)
		return 0;
	/* What went wrong on the new one may be more than that. */
	connection_free(s->connection);
	s->connection = NULL;
	return r;
}

int
stream_call_again(struct stream *s, const struct message *m,
		  int (*on_message)(void *arg, const struct message *m), void *arg)
{
	int r;

	do {
		r = stream_call(s, m, on_message, arg);
	} while (r != 0 && stream_is_lost(s) && (r = stream_again(s)) == 0);
	return r;
}

bool
stream_busy_again(struct stream *s, bool own, uint64_t *until_ms)
{
	uint64_t now = clock_ms();
	uint64_t limit = s->run->request->retry_for_ms;
	uint64_t pause = BUSY_EVERY_MS;

	if (*until_ms == 0) {
		*until_ms = now + (own || limit < BUSY_FOR_MS ? limit : BUSY_FOR_MS);
		pause = BUSY_FIRST_MS; /* a killed client's session ends with its connection */
	}
	if (now + pause > *until_ms)
		return false;
	if (cancel_poll(&s->run->cancel, -1, 0, now + pause) == 0)
		return true;
	problem_set(&s->problem, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
	return false;
}

int
stream_set_root(struct stream *s, struct root *root)
{
	struct run *run = s->run;
	const struct tree_options options = {
	    .root = root->local,
	    .resolve_flags = RESOLVE_ENTER_MOUNTS,
	    .rules = &run->rules,
	    .overwrite = true,
	    .temp_dir = -1,
	};
	int r = 0;

	if (s->root == root)
		return 0;
	errno = 0;
	if (s->tree != NULL && s->unsynced && !run_is_put(run) && !run->request->no_sync)
		r = tree_sync(s->tree);
	if (r != 0)
		return problem_local(&s->problem, r, errno);
	group_free(s->group);
	tree_free(s->tree);
	s->group = NULL;
	s->root = NULL;
	s->tree = tree_new(&options);
	if (s->tree != NULL && !run_is_put(run))
		s->group = group_new(s->tree, NULL);
	if (s->tree == NULL || (s->group == NULL && !run_is_put(run)))
		return problem_nomem(&s->problem);
	s->root = root;
	return 0;
}

uint64_t
stream_less(const struct stream *s, uint64_t bytes)
{
	return bytes >> 2 * (s->losses < MOST_LOSSES ? s->losses : MOST_LOSSES);
}

uint64_t
stream_small_bytes(const struct stream *s)
{
	const struct run *run = s->run;
	uint64_t rate = atomic_load(&run->rate), bytes = rate / SMALL_PART;

	if (run->request->bwlimit != 0 && (rate == 0 || rate > run->request->bwlimit))
		bytes = run->request->bwlimit / SMALL_PART;
	else if (rate == 0)
		bytes = SMALL_AT_FIRST;
	bytes = stream_less(s, bytes);
	if (bytes < SMALL_AT_LEAST)
		return SMALL_AT_LEAST;
	return bytes > SMALL_AT_MOST ? SMALL_AT_MOST : bytes;
}

void
stream_digest_part(struct stream *s, uint64_t size, uint64_t offset, const uint8_t *data,
		   size_t length)
{
	while (length > 0) {
		uint64_t in_block = offset % LIMIT_BLOCK_BYTES;
		size_t n = length;
		struct digest digest;

		if (in_block == 0)
			digest_start(s->block);
		if (n > LIMIT_BLOCK_BYTES - in_block)
			n = (size_t)(LIMIT_BLOCK_BYTES - in_block);
		digest_add(s->block, data, n);
		data += n;
		length -= n;
		offset += n;
		if (offset % LIMIT_BLOCK_BYTES == 0 || offset == size) {
			digest = digest_finish(s->block);
			file_digest_add(s->file, &digest);
		}
	}
}

int
stream_run(struct stream *s)
{
	return run_is_put(s->run) ? put_run(s) : get_run(s);
}

/* Until there is nothing left to do, over as many connections as it takes. */
static int
work_on(struct stream *s)
{
	int r;

	do {
		r = stream_run(s);
	} while (r != 0 && stream_is_lost(s) && (r = stream_again(s)) == 0);
	return r;
}

/*
 * Did a further stream end because it gets no connection?  It has nothing in its hands, and what is
 * wrong for all of them the first stream tells.
 */
static bool
is_done_without(const struct stream *s, int error)
{
	return s->number > 0 && s->connection == NULL && error_retryable(error);
}

void *
stream_main(void *arg)
{
	struct stream *s = arg;
	struct run *run = s->run;
	int r = work_on(s);

	if (s->number == 0)
		landing_give_up(run);
	/* A wish to stop is told by whoever conducts the run, if nothing else has ended it. */
	if (r == 0 || r == FTX_E_INTERRUPTED)
		return NULL;
	if (is_done_without(s, r)) {
		atomic_store(&run->crowded, true);
	} else {
		run_trouble(run, &s->problem);
		run_end(run);
	}
	return NULL;
}
