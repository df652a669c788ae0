/* A big file to a server that fails, forgets or lies. */
#include "tests/unit/client_fake.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_clock.h"

#define BLOCKS 3u
#define SIZE   (BLOCKS * LIMIT_BLOCK_BYTES)

static struct rig rig;

/* How the server behaves. */
static struct plan {
	uint64_t have_first, have_count;
	int open_error; /* to the first so many OPENs */
	unsigned open_errors;
	int commit_error; /* to the first so many COMMITs, with block 1 */
	unsigned commit_errors;
	uint64_t error_blocks;
	int commit_takes_s; /* each that fails */
} plan;

static bool
follow_plan(struct fake *f, struct peer *p)
{
	if (p->message.type == MESSAGE_OPEN && f->opens < plan.open_errors) {
		f->opens++;
		f->ends[0].failed = true;
		peer_error(p, plan.open_error);
		return true;
	}
	if (p->message.type == MESSAGE_OPEN && plan.have_count > 0) {
		struct fake_file *file = &f->files[f->file_count++];

		/* What it has is right. */
		f->opens++;
		strcpy(file->path, "s/d/src");
		file->size = p->message.open.identity.size;
		file->data = malloc(SIZE);
		rig_fill(file->data, "src", 0, SIZE);
		f->ends[0].open = file;
		fake_have(p, plan.have_first, plan.have_count);
		return true;
	}
	if (p->message.type == MESSAGE_COMMIT && f->commits < plan.commit_errors) {
		f->commits++;
		clock_put_ahead(plan.commit_takes_s);
		fake_error_blocks(p, plan.commit_error, 1, plan.error_blocks);
		return true;
	}
	return false;
}

static const struct scenario {
	const char *what;
	struct plan plan;
	int result;
	unsigned writes[BLOCKS]; /* blocks received, each so many times */
	unsigned opens, commits, releases, discards;
} scenarios[] = {
    {"nothing there", {0}, 0, {1, 1, 1}, 1, 1, 0, 0},
    {"one block there", {.have_first = 1, .have_count = 1}, 0, {1, 0, 1}, 1, 1, 0, 0},
    {"all there", {.have_count = BLOCKS}, 0, {0, 0, 0}, 1, 1, 0, 0},
    {"more there than there is", {.have_count = BLOCKS + 1}, FTX_E_PROTOCOL, {0}, 1, 0, 0, 0},
    {"busy once", {.open_error = FTX_E_BUSY, .open_errors = 1}, 0, {1, 1, 1}, 2, 1, 1, 0},
    {"no right to put",
     {.open_error = FTX_E_DENIED, .open_errors = 1},
     FTX_E_DENIED,
     {0},
     1,
     0,
     1,
     0},
    {"one block forgotten",
     {.commit_error = FTX_E_INCOMPLETE, .commit_errors = 1, .error_blocks = 1},
     0,
     {1, 2, 1},
     1,
     2,
     0,
     0},
    {"one block always forgotten",
     {.commit_error = FTX_E_INCOMPLETE, .commit_errors = 9, .error_blocks = 1},
     FTX_E_MISMATCH,
     {1, 2, 1},
     1,
     2,
     1,
     1},
    {"two blocks wrong once",
     {.commit_error = FTX_E_MISMATCH, .commit_errors = 1, .error_blocks = 2},
     0,
     {1, 2, 2},
     1,
     2,
     0,
     0},
    {"wrong twice: T25",
     {.commit_error = FTX_E_MISMATCH, .commit_errors = 9, .error_blocks = 2},
     FTX_E_MISMATCH,
     {1, 2, 2},
     1,
     2,
     1,
     1},
    {"a chunk arrived wrong once",
     {.commit_error = FTX_E_MISMATCH, .commit_errors = 1},
     0,
     {2, 2, 2},
     2,
     2,
     1,
     0},
    {"a chunk arrived wrong twice: T25",
     {.commit_error = FTX_E_MISMATCH, .commit_errors = 9},
     FTX_E_MISMATCH,
     {2, 2, 2},
     2,
     2,
     2,
     1},
    {"wrong blocks that are none: T35",
     {.commit_error = FTX_E_MISMATCH, .commit_errors = 1, .error_blocks = BLOCKS},
     FTX_E_PROTOCOL,
     {1, 1, 1},
     1,
     1,
     0,
     0},
    {"busy at COMMIT", {.commit_error = FTX_E_BUSY, .commit_errors = 1}, 0, {1, 1, 1}, 1, 2, 0, 0},
    {"there in the meantime",
     {.commit_error = FTX_E_EXISTS, .commit_errors = 1},
     FTX_E_EXISTS,
     {1, 1, 1},
     1,
     1,
     1,
     0},
    {"full",
     {.commit_error = FTX_E_NO_SPACE, .commit_errors = 1},
     FTX_E_NO_SPACE,
     {1, 1, 1},
     1,
     1,
     1,
     0},
};

static struct fake *
start(bool (*hook)(struct fake *f, struct peer *p))
{
	struct fake *f = fake_new();

	f->hook = hook;
	rig_init(&rig, TRANSFER_PUT);
	rig.request.retry_for_ms = 5000;
	rig_file(&rig, "src", SIZE);
	rig_start(&rig);
	return f;
}

static void
partial(const struct node *n, struct offer_verdict *v)
{
	(void)n;
	v->state = TREE_PARTIAL;
}

enum where { NEAR, FAR, FAR_WITH_PARTIAL };

static void
play(const struct scenario *s, enum where where)
{
	struct fake *f = start(follow_plan);
	const struct transfer_error *e;
	unsigned writes[BLOCKS] = {0};
	/* Far away the first block waits only where something is known to be there. */
	bool first_in_vain =
	    where == FAR && s->plan.have_count > s->plan.have_first && s->writes[0] == 0;
	int r;

	plan = s->plan;
	f->verdict = where == FAR_WITH_PARTIAL ? partial : NULL;
	rig.run.rtt_us = where != NEAR ? RUN_FAR_US : 0;
	rig_stream(&rig, fake_serve, f);
	r = rig_put(&rig);
	e = rig_error(&rig, "");
	if (s->result == FTX_E_PROTOCOL)
		cr_expect(r == FTX_E_PROTOCOL, "%s: %s", s->what, error_name(r));
	else
		cr_expect((e != NULL ? e->problem.error : 0) == s->result, "%s: %s", s->what,
			  e != NULL ? e->problem.text : "");
	if (s->result == 0)
		cr_expect(rig.run.bytes == SIZE, "%s", s->what);
	rig_end(&rig);
	for (size_t n = 0; n < f->file_count; n++)
		for (unsigned b = 0; b < BLOCKS; b++)
			writes[b] += f->files[n].block_writes[b];
	/* How much of it before the connection ended is another matter. */
	if (first_in_vain && s->result == FTX_E_PROTOCOL)
		writes[0] = LIMIT_BLOCK_BYTES;
	for (unsigned b = 0; b < BLOCKS; b++)
		cr_expect(writes[b] ==
			      (s->writes[b] + (b == 0 && first_in_vain)) * LIMIT_BLOCK_BYTES,
			  "%s: block %u: %u", s->what, b, writes[b]);
	cr_expect(f->opens == s->opens && f->commits == s->commits && f->releases == s->releases &&
		      f->discards == s->discards,
		  "%s: %u %u %u %u", s->what, f->opens, f->commits, f->releases, f->discards);
	cr_expect_str_eq(f->broken, "", "%s: %s", s->what, f->broken);
	fake_free(f);
}

Test(client_put_big, sends_what_is_missing_and_no_more)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		for (enum where where = NEAR; where <= FAR_WITH_PARTIAL; where++)
			play(&scenarios[i], where);
}

static unsigned far_first;

/* Answers OPEN only when the first block is here. */
static bool
answer_late(struct fake *f, struct peer *p)
{
	if (p->message.type == MESSAGE_OPEN) {
		f->opens++;
		return true;
	}
	if (f->opens == 1 && p->message.type == MESSAGE_WRITE && f->ends[0].open == NULL) {
		far_first += p->message.write.raw_length;
		if (far_first == LIMIT_BLOCK_BYTES)
			fake_have(p, 0, BLOCKS);
		return true;
	}
	return false;
}

Test(client_put_big, far_away_the_first_block_does_not_wait)
{
	struct fake *f = start(answer_late);

	far_first = 0;
	rig.run.rtt_us = RUN_FAR_US;
	rig.request.timeout_ms = 10000;
	rig_stream(&rig, fake_serve, f);
	(void)rig_put(&rig); /* this server loses the file */
	cr_expect(far_first == LIMIT_BLOCK_BYTES && f->opens == 1);
	rig_end(&rig);
	fake_free(f);
}

Test(client_put_big, busy_is_final_where_nothing_is_tried_again)
{
	struct fake *f = start(follow_plan);

	plan = (struct plan){.open_error = FTX_E_BUSY, .open_errors = 9};
	rig.request.retry_for_ms = 0;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_error(&rig, "")->problem.error == FTX_E_BUSY);
	cr_expect(f->opens == 1);
	rig_end(&rig);
	fake_free(f);
}

/* A session of this run that the server still waits for holds it, for minutes perhaps. */
Test(client_put_big, busy_at_COMMIT_is_waited_for_as_long_as_a_connection)
{
	struct fake *f = start(follow_plan);

	plan = (struct plan){.commit_error = FTX_E_BUSY,
			     .commit_errors = 2,
			     .commit_takes_s = 2 * BUSY_FOR_MS / 1000};
	rig.request.retry_for_ms = 10 * BUSY_FOR_MS;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect_null(rig_error(&rig, ""));
	cr_expect(f->commits == 3);
	rig_end(&rig);
	fake_free(f);
}

Test(client_put_big, what_became_of_the_file_is_said)
{
	struct fake *f = start(NULL);
	const struct transfer_file *said;

	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(fake_has(f, "s/d/src", "src", SIZE));
	said = rig_said(&rig, "");
	cr_expect(said->status == STATUS_DONE && said->action == ACTION_CREATE);
	cr_expect(said->bytes == SIZE && said->bytes_sent == SIZE && said->bytes_resumed == 0);
	cr_expect(said->has_digest);
	cr_expect_str_eq(said->dest, "ftx://127.0.0.1:1/s/d/src");
	cr_expect(rig.run.files == 1 && rig.run.files_total == 1);
	cr_expect(rig.run.bytes == SIZE && rig.run.bytes_total == SIZE);
	rig_end(&rig);
	cr_expect_str_eq(f->broken, "");
	fake_free(f);
}

static bool
lose_connection(struct fake *f, struct peer *p)
{
	if (p->message.type != MESSAGE_COMMIT)
		return false;
	f->commits++;
	p->message.type = MESSAGE_CLOSE; /* the script ends */
	return false;
}

Test(client_put_big, a_lost_connection_is_told_once_and_what_was_sent_is_kept)
{
	struct fake *f = start(lose_connection);

	rig.request.retry_for_ms = 0;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == FTX_E_CLOSED);
	cr_expect(rig.run.outcome.resumable);
	cr_expect(rig_count(&rig, TRANSFER_ERROR, 0) == 0);
	cr_expect(rig_said(&rig, "") == NULL);
	rig_end(&rig);
	fake_free(f);
}

/* The server has the file already, of the same size and time, or step seconds off. */
static int off_by;

static void
same_or_not(const struct node *n, struct offer_verdict *v)
{
	v->state = off_by == 0 ? TREE_SAME : TREE_DIFFERS;
	v->size = n->size;
	v->mtime_s = n->metadata.mtime_s + off_by;
	v->mtime_ns = n->metadata.mtime_ns;
}

Test(client_put_big, what_is_the_same_is_not_sent_but_synced)
{
	struct fake *f = start(NULL);

	f->verdict = same_or_not;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_said(&rig, "")->status == STATUS_SAME);
	cr_expect(rig_said(&rig, "")->action == ACTION_NONE);
	cr_expect(rig.run.sync_owed && f->opens == 0);
	cr_expect(rig.run.bytes == SIZE && rig.run.bytes_present == SIZE);
	rig_end(&rig);
	fake_free(f);
}

Test(client_put_big, another_time_is_another_file)
{
	struct fake *f = start(NULL);

	off_by = 1;
	f->verdict = same_or_not;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_said(&rig, "")->action == ACTION_REPLACE);
	cr_expect(f->opens == 1 && fake_has(f, "s/d/src", "src", SIZE));
	rig_end(&rig);
	fake_free(f);
}

/* -n asks and changes nothing. */
Test(client_put_big, a_dry_run_only_asks)
{
	struct fake *f = start(NULL);

	off_by = 1;
	f->verdict = same_or_not;
	rig.request.dry_run = true;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_said(&rig, "")->status == STATUS_PLANNED);
	cr_expect(rig_said(&rig, "")->action == ACTION_REPLACE);
	cr_expect(!rig.run.sync_owed);
	cr_expect_str_eq(f->log, " OFFER");
	rig_end(&rig);
	fake_free(f);
}

/* --no-resume: what an earlier run has left is thrown away first. */
Test(client_put_big, without_resuming_what_is_there_is_thrown_away)
{
	struct fake *f = start(follow_plan);

	plan = (struct plan){.have_first = 0, .have_count = 2};
	rig.request.no_resume = true;
	rig_stream(&rig, fake_serve, f);
	rig_put(&rig);
	cr_expect(f->opens == 2 && f->releases == 1 && f->discards == 1);
	rig_end(&rig);
	fake_free(f);
}

/* The source is replaced while the first version is sent: the second is sent whole, and counts. */
static bool same_size_and_time;

static bool
replace_source(struct fake *f, struct peer *p)
{
	char path[160];
	struct stat st;
	int fd;

	if (p->message.type != MESSAGE_WRITE || p->message.write.offset != 0 ||
	    f->opens > (unsigned)f->step)
		return false;
	snprintf(path, sizeof(path), "%s.new", rig.source_path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)!ftruncate(fd, same_size_and_time ? (off_t)SIZE
						: (off_t)(LIMIT_BLOCK_BYTES * (f->opens + 1)));
	/* Data, not a hole. */
	for (off_t at = 0; at < (off_t)LIMIT_BLOCK_BYTES * 3; at += 4096)
		if (at < (same_size_and_time ? (off_t)SIZE
					     : (off_t)(LIMIT_BLOCK_BYTES * (f->opens + 1))))
			(void)!pwrite(fd, "x", 1, at);
	if (same_size_and_time && stat(rig.source_path, &st) == 0)
		futimens(fd, (struct timespec[2]){st.st_mtim, st.st_mtim});
	close(fd);
	rename(path, rig.source_path);
	return false;
}

Test(client_put_big, T50_a_source_replaced_once_is_sent_anew)
{
	struct fake *f = start(replace_source);

	f->step = 1;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_said(&rig, "")->status == STATUS_DONE);
	cr_expect(rig_said(&rig, "")->bytes == 2 * LIMIT_BLOCK_BYTES);
	cr_expect(rig.run.bytes_total == 2 * LIMIT_BLOCK_BYTES);
	rig_end(&rig);
	cr_expect(f->opens == 2 && f->commits == 1 && f->releases == 1 && f->discards == 0);
	cr_expect_str_eq(f->broken, "");
	fake_free(f);
}

Test(client_put_big, T50_a_source_that_goes_on_changing_is_given_up)
{
	struct fake *f = start(replace_source);

	f->step = 9;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_error(&rig, "")->problem.error == FTX_E_CHANGED);
	cr_expect(rig_said(&rig, "")->status == STATUS_CHANGED);
	cr_expect(!rig_said(&rig, "")->resumable);
	rig_end(&rig);
	cr_expect(f->opens == 2 && f->commits == 0 && f->releases == 2 && f->discards == 1);
	fake_free(f);
}

/* Its blocks could be taken for the new ones, so they must not be kept. */
Test(client_put_big, T50_a_source_replaced_by_one_of_the_same_size_and_time_is_not_mixed)
{
	struct fake *f = start(replace_source);

	same_size_and_time = true;
	f->step = 1;
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_said(&rig, "")->status == STATUS_DONE);
	rig_end(&rig);
	cr_expect(f->opens == 2 && f->commits == 1 && f->releases == 1 && f->discards == 1);
	cr_expect_str_eq(f->broken, "");
	fake_free(f);
}

static bool
remove_source(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type == MESSAGE_OFFER)
		unlink(rig.source_path);
	return false;
}

Test(client_put_big, T50_a_source_that_vanished_is_told_so)
{
	struct fake *f = start(remove_source);

	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(rig_error(&rig, "")->problem.error == FTX_E_VANISHED);
	rig_end(&rig);
	cr_expect(f->opens == 0);
	fake_free(f);
}

/* Holes are said, not sent; a whole segment of them with one message. */
static unsigned holes;
static uint64_t hole_bytes;

static bool
count_holes(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type == MESSAGE_HOLE) {
		holes++;
		hole_bytes += p->message.hole.length;
	}
	return false;
}

Test(client_put_big, holes_are_said_and_count_as_zeros_in_the_digest)
{
	struct fake *f = start(count_holes);
	int fd = open(rig.source_path, O_WRONLY);
	uint64_t size = 10 * LIMIT_BLOCK_BYTES + 5;

	cr_assert(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0);
	cr_assert(pwrite(fd, "data", 4, 4 * LIMIT_BLOCK_BYTES) == 4);
	close(fd);
	rig_stream(&rig, fake_serve, f);
	cr_expect(rig_put(&rig) == 0);
	rig_end(&rig);
	cr_expect_str_eq(f->broken, "");
	cr_expect(f->commits == 1 && fake_find(f, "s/d/src")->received == size);
	cr_expect(holes >= 2 && holes <= 6 && hole_bytes >= 9 * LIMIT_BLOCK_BYTES, "%u %llu", holes,
		  (unsigned long long)hole_bytes);
	fake_free(f);
}
