/*
 * How many streams: with -j N so many; with auto one as long as less than MANY_BYTES are known to
 * be to do, then what first_streams() says, and one more each time the last one has made the whole
 * faster.  Under a --bwlimit one: more would only fill more of the kernels' buffers.
 */
#include "src/client/conduct.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/mirror.h"
#include "src/client/scan.h"
#include "src/client/set.h"
#include "src/client/stream.h"

#define MANY_BYTES	(UINT64_C(32) << 20)
#define MANY_FILES	2000u /* small files are more work than their bytes say */
#define STREAMS_AT_MOST 8u    /* auto */
#define ROUND_TRIPS	20u   /* that a rate is measured over at least */
#define WORTH_TIMES	4u    /* so much longer is what a further stream has to do */
#define MANY_FAR_FILES	128u
#define STREAMS_FAR	4u
#define MEASURE_MS	250u
#define LOOK_MS		20u /* how often it is looked whether there is much */
#define FASTER		1.1 /* what another stream has to bring */

struct conductor {
	struct run *run;
	pthread_t scanner;
	bool scanning;
	struct stream *streams[STREAMS_MAX];
	unsigned count;
	unsigned wanted; /* with -j */

	/* auto: the rate before the last stream was added and of the last look; since when. */
	bool growing;
	double rate_before, rate_last;
	uint64_t measured_ms, measured_bytes;
	uint64_t rate_ms, rate_bytes;
};

static void
trouble(struct run *run, int errnum)
{
	struct problem p;

	problem_local(&p, error_from_errno(errnum), errnum);
	run_trouble(run, &p);
	run_end(run);
}

static bool
add_stream(struct conductor *c)
{
	struct stream *s = stream_new(c->run, c->count);
	int errnum;

	if (s == NULL) {
		trouble(c->run, ENOMEM);
		return false;
	}
	errnum = pthread_create(&s->thread, NULL, stream_main, s);
	if (errnum != 0) {
		stream_free(s);
		/* The others will do. */
		if (c->count == 0)
			trouble(c->run, errnum);
		return false;
	}
	s->running = true;
	c->streams[c->count++] = s;
	return true;
}

/* Content moved by this run so far, as it is at its ends. */
static uint64_t
moved_bytes(const struct run *run)
{
	uint64_t bytes = atomic_load(&run->bytes), present = atomic_load(&run->bytes_present);

	return bytes > present ? bytes - present : 0;
}

/* The rate over the wire, for what depends on it. */
static void
measure_rate(struct conductor *c, uint64_t now)
{
	uint64_t wire = atomic_load(&c->run->bytes_wire), span = now - c->rate_ms;

	if (span < MEASURE_MS)
		return;
	if (wire > c->rate_bytes)
		atomic_store(&c->run->rate, (wire - c->rate_bytes) * 1000 / span);
	c->rate_ms = now;
	c->rate_bytes = wire;
}

/* Files that were looked at and need nothing. */
static uint64_t
settled_files(struct run *run)
{
	uint64_t count;

	pthread_mutex_lock(&run->results);
	count = run->outcome.same + run->outcome.ignored;
	pthread_mutex_unlock(&run->results);
	return count;
}

/*
 * Of a get what is here already does not count: the scanner brings no more of it than one stream
 * can look at.  Of a put it does: each stream has a process of the server that looks.
 */
static bool
is_much(struct run *run)
{
	uint64_t files = 0, bytes = 0;

	if (!run_is_put(run)) {
		files = settled_files(run);
		bytes = atomic_load(&run->bytes_present);
	}
	return atomic_load(&run->bytes_total) >= bytes + MANY_BYTES ||
	       atomic_load(&run->files_total) >= files + MANY_FILES;
}

/*
 * auto: the streams to begin with, when there is much.  Nearby a second one uses a second
 * processor.  Far away a further one comes some round trips after the first and has to come to its
 * rate by itself: that pays for a tree that takes long, not for one that the first would have sent
 * meanwhile, and one big file is left to the first until that does not become faster by itself.
 */
static unsigned
first_streams(struct run *run)
{
	if (!run_is_far(run))
		return is_much(run) ? 2 : 1;
	return atomic_load(&run->files_total) >= MANY_FAR_FILES &&
		       atomic_load(&run->bytes_total) >= MANY_BYTES
		   ? STREAMS_FAR
		   : 1;
}

/*
 * A further stream takes ROUND_TRIPS to come to its rate, and fills the queues on the way while it
 * does: is there enough left at this rate (bytes a millisecond) to be worth it?
 */
static bool
is_worth_growing(const struct run *run, uint64_t moved, double rate)
{
	uint64_t total = atomic_load(&run->bytes_total);
	uint64_t coming_ms = ROUND_TRIPS * atomic_load(&run->rtt_us) / 1000;
	double left_ms = (double)(total > moved ? total - moved : 0) / rate;

	return !atomic_load(&run->scanned) || left_ms >= (double)(WORTH_TIMES * coming_ms);
}

/*
 * May there be more than the first one?  Where the server lets in only so many, those without which
 * nothing goes on have to be among them.
 */
static bool
may_add(struct run *run)
{
	return !atomic_load(&run->crowded) && !atomic_load(&run->over) &&
	       !retry_is_lost(&run->retry) && atomic_load(&run->first_connected) &&
	       (run_is_put(run) || atomic_load(&run->scanner_connected));
}

/* auto: another stream? */
static void
grow(struct conductor *c, uint64_t now)
{
	uint64_t moved = moved_bytes(c->run), span = now - c->measured_ms;
	unsigned first = first_streams(c->run);
	double rate, last = c->rate_last;

	if (!c->growing)
		return;
	while (c->count < first && add_stream(c))
		;
	if (span < MEASURE_MS || span < ROUND_TRIPS * atomic_load(&c->run->rtt_us) / 1000)
		return;
	rate = (double)(moved - c->measured_bytes) / (double)span;
	c->measured_ms = now;
	c->measured_bytes = moved;
	c->rate_last = rate;
	/* What still becomes faster by itself says nothing of the last stream. */
	if (!is_much(c->run) || rate <= 0 || rate > last * FASTER)
		return;
	if (!is_worth_growing(c->run, atomic_load(&c->run->bytes), rate))
		return;
	c->growing = rate >= c->rate_before * FASTER && c->count < STREAMS_AT_MOST && add_stream(c);
	c->rate_before = rate;
}

/* Until nothing is left to do. */
static void
attend(struct conductor *c)
{
	struct run *run = c->run;

	for (;;) {
		uint64_t now = clock_ms();

		if (work_wait_idle(&run->work, now + LOOK_MS))
			return;
		measure_rate(c, clock_ms());
		if (!may_add(run))
			continue;
		while (c->count < c->wanted && add_stream(c))
			;
		grow(c, clock_ms());
	}
}

/* Makes durable what was found the same. */
static int
sync_same(struct stream *s)
{
	struct run *run = s->run;
	struct message m = {.type = MESSAGE_SYNC};
	char share[LIMIT_SHARE_BYTES + 1];

	if (!atomic_load(&run->sync_owed) || run->request->no_sync || run->request->dry_run)
		return 0;
	if (run_is_put(run)) {
		address_share(share, run->remotes[0].path);
		m.sync.share = span_of(share);
		return stream_call(s, &m, NULL, NULL);
	}
	for (size_t i = 0; i < run->request->source_count; i++)
		if (run->roots[i].local >= 0 && syncfs(run->roots[i].local) != 0)
			return problem_local(&s->problem, error_from_errno(errno), errno);
	return 0;
}

/* What was done last is made durable. */
static int
sync_last(struct stream *s)
{
	const struct message m = {.type = MESSAGE_COMMIT_PACKS};
	struct run *run = s->run;
	int r = 0;

	if (!s->unsynced || run->request->no_sync)
		return 0;
	if (run_is_put(run))
		return stream_call(s, &m, NULL, NULL);
	errno = 0;
	if (s->tree != NULL)
		r = tree_sync(s->tree);
	return r != 0 ? problem_local(&s->problem, r, errno) : 0;
}

static bool
failed(struct run *run)
{
	bool bad;

	pthread_mutex_lock(&run->results);
	bad = run->outcome.exits != 0;
	pthread_mutex_unlock(&run->results);
	return bad;
}

/* Everything has been moved. */
static int
complete(struct stream *s)
{
	struct run *run = s->run;
	int r = 0;

	if (run->request->delete)
		r = mirror_delete(s);
	if (r == 0)
		r = sync_last(s);
	if (r == 0)
		r = sync_same(s);
	/* A set that is not complete stays hidden, for the next run to go on with. */
	if (r == 0 && !failed(run))
		r = stream_publish_set(s);
	return r;
}

/* Over the first stream's connection, when nobody else does anything any more. */
static void
conclude(struct conductor *c)
{
	struct run *run = c->run;
	struct stream *s = c->streams[0];
	int r;

	if (atomic_load(&run->over) || cancel_requested(&run->cancel))
		return;
	atomic_store(&run->phase, PHASE_COMMIT);
	r = complete(s);
	while (r != 0 && stream_is_lost(s)) {
		r = stream_again(s);
		if (r == 0)
			r = stream_run(s); /* what was under way */
		if (r == 0)
			r = complete(s);
	}
	if (r != 0)
		run_trouble(run, &s->problem);
}

/* Does one stream do everything? */
static bool
is_single(const struct run *run)
{
	return run->request->dry_run || run->request->input_fd >= 0 || run->to_output;
}

void *
conduct_main(void *arg)
{
	struct run *run = arg;
	bool single = is_single(run);
	struct conductor c = {.run = run,
			      .growing = run->request->streams == STREAMS_AUTO && !single &&
					 run->request->bwlimit == 0};
	struct problem problem;
	int errnum = pthread_create(&c.scanner, NULL, scan_main, run);

	c.measured_ms = c.rate_ms = clock_ms();
	if (errnum != 0)
		trouble(run, errnum);
	else
		c.scanning = true;
	if (!single && run->request->streams != STREAMS_AUTO)
		c.wanted = run->request->streams;
	if (!atomic_load(&run->over) && add_stream(&c) && c.scanning)
		attend(&c);
	cancel_request(&run->enough);
	for (unsigned i = 0; i < c.count; i++)
		pthread_join(c.streams[i]->thread, NULL);
	if (c.scanning)
		pthread_join(c.scanner, NULL);
	if (c.count > 0)
		conclude(&c);
	if (cancel_requested(&run->cancel) && !atomic_load(&run->over)) {
		problem_set(&problem, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
		run_trouble(run, &problem);
	}
	for (unsigned i = 0; i < c.count; i++) {
		connection_close(c.streams[i]->connection);
		c.streams[i]->connection = NULL;
		stream_free(c.streams[i]);
	}
	run_finished(run);
	return NULL;
}
