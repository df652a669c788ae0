#include "src/server/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/pair.h"
#include "src/server/sandbox.h"
#include "src/server/share.h"
#include "src/store/staging_expire.h"

/* From linux/ioprio.h, which Debian's headers have no function for. */
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_IDLE = 3 << 13, NICE_MOST = 19 };

#define SAY_EVERY_MS 10000u

struct scan {
	const struct scan_job *job;
	int pair;
	uint64_t said_ms;
};

/* Waits until the supervisor has room for it; without one there is nobody to work for. */
static void
say(const struct scan *s, const struct pair_message *m)
{
	int r;

	while ((r = pair_send(s->pair, m)) == FTX_E_BUSY) {
		struct pollfd pfd = {.fd = s->pair, .events = POLLOUT};

		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			_exit(1);
	}
	if (r != 0)
		_exit(1);
}

static void
progress(void *arg)
{
	const struct pair_message m = {.type = PAIR_SCANNING};
	struct scan *s = arg;
	uint64_t now = clock_ms();

	if (now - s->said_ms < SAY_EVERY_MS)
		return;
	s->said_ms = now;
	say(s, &m);
}

static void
give_way(void)
{
	/* Where one of these cannot be, it takes more from others, and is right all the same. */
	(void)setpriority(PRIO_PROCESS, 0, NICE_MOST);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

/* Of the supervisor's descriptors only the pair and stderr are left. */
static int
keep_pair(int pair)
{
	enum { PLACE = 3 };

	if (pair != PLACE && dup3(pair, PLACE, O_CLOEXEC) < 0)
		return -1;
	return close_range(PLACE + 1, ~0U, 0) == 0 ? PLACE : -1;
}

static void
become_child(struct scan *s, int pair)
{
	sigset_t none;

	sigemptyset(&none);
	if ((s->pair = keep_pair(pair)) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		_exit(1);
	/* A terminal sends these to the whole group; the parent says when to end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static const struct ledger_place *
place(const struct scan *s, uint32_t i)
{
	return ledger_place(s->job->ledger, s->job->first + i);
}

/* The staging of a place; -1: it has none. */
static int
open_staging(int share, const struct ledger_place *p)
{
	int subtree = -1, staging;

	if (p->subtree[0] == '\0')
		return openat(share, ".ftx", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (share_subtree(share, p->subtree, false, &subtree) != 0)
		return -1;
	staging = openat(subtree, ".ftx", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close(subtree);
	return staging;
}

static int
confine(const struct sandbox_place *places, size_t count)
{
	int r = sandbox_files(places, count);

	return r != 0 ? r : sandbox_calls();
}

static int
expire(struct scan *s, int share, struct staging_expired *expired)
{
	struct sandbox_place places[SCAN_EXPIRE_PLACES];
	size_t n = 0;
	int r;

	for (uint32_t i = 0; i < s->job->count; i++) {
		int staging = open_staging(share, place(s, i));

		if (staging >= 0)
			places[n++] = (struct sandbox_place){
			    .root = -1, .up = staging, .set = -1, .rights = RIGHT_LIST};
	}
	close(share);
	if ((r = confine(places, n)) != 0)
		return r;
	for (size_t i = 0; i < n; i++)
		staging_expire(places[i].up, s->job->before_s, expired, progress, s);
	return 0;
}

static void
counted(void *arg, const struct usage_count *count)
{
	struct pair_message m = {.type = PAIR_COUNTED};
	struct scan *s = arg;
	uint32_t i = 0;

	while (strcmp(place(s, i)->subtree, count->path) != 0)
		i++;
	m.counted.place = s->job->first + i;
	m.counted.usage = count->usage;
	m.counted.unread = count->unread;
	say(s, &m);
}

static int
count(struct scan *s, int share)
{
	const struct sandbox_place place_of_share = {
	    .root = share, .up = -1, .set = -1, .rights = RIGHT_LIST};
	const struct usage_walk walk = {.progress = progress, .counted = counted, .arg = s};
	struct usage_count *counts = calloc(s->job->count, sizeof(*counts));
	size_t n = 0;
	int r;

	if (counts == NULL)
		return FTX_E_NOMEM;
	for (uint32_t i = 0; i < s->job->count; i++)
		if (place(s, i)->wanted)
			counts[n++].path = place(s, i)->subtree;
	if ((r = confine(&place_of_share, 1)) == 0)
		r = usage_walk(share, counts, n, &walk);
	free(counts);
	return r;
}

_Noreturn void
scan_run(const struct scan_job *job, int pair, int parent)
{
	struct pair_message m = {.type = PAIR_SCANNED};
	const struct ledger_place *first;
	struct scan s = {.job = job};
	const char *why;
	int share, r;

	become_child(&s, pair);
	give_way();
	first = place(&s, 0);
	r = share_open(first->path, first->rules, &share, &why);
	if (r == 0)
		r = sandbox_become(share);
	/* A change of user forgets this. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	if (r == 0)
		r = job->task == SCAN_COUNT ? count(&s, share)
					    : expire(&s, share, &m.scanned.expired);
	m.scanned.error = r;
	say(&s, &m);
	_exit(0);
}
