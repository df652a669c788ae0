/*
 * DESIGN.  One scan at a time, share after share: first what expired goes, some places for each
 * process (scan.h), then what is left is counted.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/scan.h"
#include "src/server/supervisor_impl.h"

#define AGAIN_MS 60000u /* after what did not work, or may not be right yet */
#define FIRST_MS 60000u /* where nothing is counted there is no hurry, and clients come first */

/* Jobs of a share: to expire its places, and to count. */
static uint32_t
expire_jobs(const struct ledger_share *share)
{
	return (share->count + SCAN_EXPIRE_PLACES - 1) / SCAN_EXPIRE_PLACES;
}

static struct scan_job
present_job(const struct supervisor *s)
{
	const struct books *b = &s->books;
	const struct ledger_share share = ledger_share(b->ledger, b->scan.share);
	struct scan_job job = {.ledger = b->ledger, .first = share.first, .count = share.count};
	uint32_t done = b->scan.step * SCAN_EXPIRE_PLACES;

	job.task = b->scan.step < expire_jobs(&share) ? SCAN_EXPIRE : SCAN_COUNT;
	if (job.task == SCAN_COUNT)
		return job;
	job.first += done;
	job.count -= done;
	if (job.count > SCAN_EXPIRE_PLACES)
		job.count = SCAN_EXPIRE_PLACES;
	job.before_s = clock_wall_s() - (int64_t)(s->settings.partial_expire_ms / 1000);
	return job;
}

static int
start_job(struct supervisor *s)
{
	const struct scan_job job = present_job(s);
	struct books *b = &s->books;
	pid_t parent = getpid(), pid = -1;
	int ends[2];
	int r = pair_new(ends);

	if (r != 0)
		return r;
	if ((r = supervisor_watch(s, ends[0], EPOLLIN, EVENT_SCAN, 0, 0)) == 0 &&
	    (pid = fork()) == 0) {
		key_holder_forget(s->options->key);
		scan_run(&job, ends[1], parent);
	}
	if (r == 0 && pid < 0)
		r = error_from_errno(errno);
	close(ends[1]);
	if (r != 0) {
		close(ends[0]);
		return r;
	}
	if (job.task == SCAN_COUNT)
		ledger_counting(b->ledger, job.first, job.count);
	b->scan.pid = pid;
	b->scan.pair = ends[0];
	b->scan.silent_ms = clock_ms() + SCAN_SILENCE_MS;
	return 0;
}

static void
report(const struct supervisor *s, const char *share)
{
	const struct books *b = &s->books;
	const struct staging_expired *e = &b->scan.expired;

	if (e->partials != 0 || e->sets != 0)
		log_info("what was left too long ago was removed share=%s partials=%llu sets=%llu "
			 "bytes=%llu",
			 share, (unsigned long long)e->partials, (unsigned long long)e->sets,
			 (unsigned long long)e->bytes);
	if (e->failed != 0)
		log_warning("what was left too long ago cannot be removed share=%s entries=%llu",
			    share, (unsigned long long)e->failed);
	if (b->scan.unread != 0)
		log_warning("usage is more than was counted: not all could be read share=%s "
			    "entries=%llu",
			    share, (unsigned long long)b->scan.unread);
	/* Whoever watches the shares says what is offline. */
	if (b->scan.error != 0 && b->scan.error != FTX_E_OFFLINE)
		log_error("a share cannot be scanned share=%s error=%s", share,
			  error_name(b->scan.error));
}

/* The present share is done with: when again? */
static void
finish_share(struct supervisor *s)
{
	struct books *b = &s->books;
	const struct ledger_share share = ledger_share(b->ledger, b->scan.share);
	bool soon = b->scan.unsure || (b->scan.error != 0 && !share.known);
	uint64_t pause_ms = s->settings.quota_scan_ms;

	report(s, ledger_place(b->ledger, share.first)->share);
	if (soon && pause_ms > AGAIN_MS)
		pause_ms = AGAIN_MS;
	b->due_ms[b->scan.share] = clock_ms() + pause_ms;
	if (share.wanted)
		books_save_within(s, 0);
}

/* The process of the present job has ended, in whatever way. */
static void
end_job(struct supervisor *s)
{
	struct books *b = &s->books;

	epoll_ctl(s->epoll, EPOLL_CTL_DEL, b->scan.pair, NULL);
	close(b->scan.pair);
	b->scan.pair = -1;
	b->scan.pid = 0;
}

/* The next job of the present share, or none. */
static void
go_on(struct supervisor *s)
{
	struct books *b = &s->books;
	const struct ledger_share share = ledger_share(b->ledger, b->scan.share);
	uint32_t jobs = expire_jobs(&share) + (share.wanted ? 1 : 0);

	if (b->scan.error == 0 && b->scan.step < jobs && !s->stopping)
		b->scan.error = start_job(s);
	if (b->scan.pid == 0)
		finish_share(s);
}

static void
start_share(struct supervisor *s, size_t share)
{
	struct books *b = &s->books;

	b->scan.share = share;
	b->scan.step = 0;
	b->scan.unsure = false;
	b->scan.unread = 0;
	b->scan.error = 0;
	b->scan.expired = (struct staging_expired){0};
	go_on(s);
}

/* The present scan is of no use any more. */
void
books_scan_stop(struct supervisor *s)
{
	if (s->books.scan.pid == 0)
		return;
	kill(s->books.scan.pid, SIGKILL); /* reaped like everybody else */
	end_job(s);
}

static void
add_expired(struct staging_expired *sum, const struct staging_expired *more)
{
	sum->partials += more->partials;
	sum->sets += more->sets;
	sum->bytes += more->bytes;
	sum->failed += more->failed;
}

/* A place of the present job is counted.  false: it is none. */
static bool
take_count(struct supervisor *s, const struct pair_message *m)
{
	struct books *b = &s->books;
	const struct ledger_share share = ledger_share(b->ledger, b->scan.share);
	uint32_t place = m->counted.place;

	if (place < share.first || place - share.first >= share.count ||
	    !ledger_place(b->ledger, place)->wanted)
		return false;
	b->scan.unread += m->counted.unread;
	if (!ledger_counted(b->ledger, place, &m->counted.usage, clock_wall_s()))
		b->scan.unsure = true;
	return true;
}

/* false: it says what it may not. */
static bool
scan_said(struct supervisor *s, const struct pair_message *m)
{
	struct books *b = &s->books;

	b->scan.silent_ms = clock_ms() + SCAN_SILENCE_MS;
	if (m->type == PAIR_SCANNING)
		return true;
	if (m->type == PAIR_COUNTED)
		return take_count(s, m);
	if (m->type != PAIR_SCANNED)
		return false;
	add_expired(&b->scan.expired, &m->scanned.expired);
	b->scan.error = m->scanned.error;
	end_job(s);
	b->scan.step++;
	go_on(s);
	return true;
}

/* It died, was stuck, or said what it may not. */
static void
give_up(struct supervisor *s)
{
	books_scan_stop(s);
	s->books.scan.error = FTX_E_INTERRUPTED;
	finish_share(s);
}

void
books_on_scan(struct supervisor *s)
{
	struct pair_message m;
	int pair = s->books.scan.pair, r = 1;

	/* The next job has another pair; what it says is told of again. */
	while (pair >= 0 && s->books.scan.pair == pair && (r = pair_receive(pair, &m)) == 1)
		if (!scan_said(s, &m)) {
			give_up(s);
			return;
		}
	if (r < 0)
		give_up(s);
}

bool
books_scan_reap(struct supervisor *s, pid_t pid)
{
	if (pid != s->books.scan.pid)
		return false;
	/* What it said last lies in the pair. */
	books_on_scan(s);
	if (pid == s->books.scan.pid)
		give_up(s);
	return true;
}

void
books_scan_on_time(struct supervisor *s, uint64_t now_ms)
{
	struct books *b = &s->books;

	if (b->scan.pid != 0 && now_ms >= b->scan.silent_ms)
		give_up(s);
	for (size_t i = 0; i < ledger_share_count(b->ledger) && b->scan.pid == 0; i++)
		if (now_ms >= b->due_ms[i])
			start_share(s, i);
}

uint64_t
books_scan_next_ms(const struct supervisor *s)
{
	const struct books *b = &s->books;
	uint64_t next_ms = UINT64_MAX;

	if (b->scan.pid != 0)
		return b->scan.silent_ms;
	for (size_t i = 0; i < ledger_share_count(b->ledger); i++)
		if (b->due_ms[i] < next_ms)
			next_ms = b->due_ms[i];
	return next_ms;
}

void
books_scan_plan(struct supervisor *s)
{
	struct books *b = &s->books;
	uint64_t now_ms = clock_ms(), pause_ms = s->settings.quota_scan_ms;

	if (pause_ms > FIRST_MS)
		pause_ms = FIRST_MS;
	for (size_t i = 0; i < ledger_share_count(b->ledger); i++)
		b->due_ms[i] = now_ms + (ledger_share(b->ledger, i).wanted ? 0 : pause_ms);
}

/* When the share of this place was to be scanned; UINT64_MAX: it is not known. */
static uint64_t
turn_of(const struct books *b, const struct ledger_place *place)
{
	for (size_t i = 0; i < ledger_share_count(b->ledger); i++) {
		const struct ledger_share share = ledger_share(b->ledger, i);
		const struct ledger_place *first = ledger_place(b->ledger, share.first);

		if (strcmp(first->share, place->share) == 0 &&
		    strcmp(first->path, place->path) == 0)
			return b->due_ms[i];
	}
	return UINT64_MAX;
}

void
books_scan_carry(struct supervisor *s, const struct books *old)
{
	struct books *b = &s->books;
	uint64_t latest_ms = clock_ms() + s->settings.quota_scan_ms;

	for (size_t i = 0; i < ledger_share_count(b->ledger); i++) {
		const struct ledger_share share = ledger_share(b->ledger, i);
		uint64_t turn_ms = turn_of(old, ledger_place(b->ledger, share.first));

		if (share.known && turn_ms != UINT64_MAX)
			b->due_ms[i] = turn_ms < latest_ms ? turn_ms : latest_ms;
	}
}
