/*
 * T32: somebody who can write in a share exchanges directories and files of it with links, at any
 * moment, and no request follows one of them.  All requests have their race at the same time, with
 * either way of resolving, and the control run one with neither, which must get out.
 *
 * FTX_RACE_SECONDS: so long, and without a pause between requests; else 10 s with pauses.
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/hostile/race/verbs.h"

enum {
	CHECK_SECONDS = 10,
	PAUSE_MS = 40,
	PATIENCE_MS = 120000, /* of a machine that has hardly come to anything by then */
};

static struct board {
	atomic_bool over;
	struct tally tallies[2 * VERBS];
} * board;

static pid_t pids[2 * VERBS];

static void
pause_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static _Noreturn void
race(unsigned i, enum protection how, unsigned pause)
{
	struct scene *s;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s = scene_new(how, &board->tallies[i]);
	do {
		verbs[i % VERBS].round(s);
		scene_tidy(s);
		if (pause > 0)
			pause_ms(pause);
	} while (!atomic_load(&board->over) && !atomic_load(&s->tally->escaped));
	scene_free(s);
	_exit(0);
}

static void
start(unsigned i, enum protection how, unsigned pause)
{
	pids[i] = fork();
	cr_assert(pids[i] >= 0);
	if (pids[i] == 0)
		race(i, how, pause);
}

static void
end(unsigned i)
{
	int status;

	cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
	cr_expect_eq(status, 0, "%s: %x", verbs[i % VERBS].name, (unsigned)status);
}

static void
prepare(void)
{
	board =
	    mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(board != MAP_FAILED);
}

TestSuite(race, .init = prepare);

static bool
has_escaped(const struct tally *t)
{
	return atomic_load(&t->escaped);
}

/* A race in which it was not a link once and none once was none. */
static bool
is_decided(const struct tally *t)
{
	return has_escaped(t) || (atomic_load(&t->links) > 0 && atomic_load(&t->others) > 0);
}

static void
wait_until_each(bool (*is)(const struct tally *t), unsigned count)
{
	uint64_t deadline = clock_ms() + PATIENCE_MS;

	for (unsigned i = 0; i < count;)
		if (is(&board->tallies[i]) || clock_ms() >= deadline)
			i++;
		else
			pause_ms(10);
	atomic_store(&board->over, true);
}

Test(race, T32_no_request_follows_what_is_exchanged_for_a_link, .timeout = 3600)
{
	const char *given = getenv("FTX_RACE_SECONDS");
	int seconds = given != NULL ? atoi(given) : CHECK_SECONDS;

	cr_assert_gt(seconds, 0);
	for (unsigned i = 0; i < 2 * VERBS; i++)
		start(i, i < VERBS ? BY_OPENAT2 : BY_WALKING, given != NULL ? 0 : PAUSE_MS);
	pause_ms((unsigned)seconds * 1000);
	wait_until_each(is_decided, 2 * VERBS);
	for (unsigned i = 0; i < 2 * VERBS; i++) {
		const struct tally *t = &board->tallies[i];
		const char *name = verbs[i % VERBS].name, *how = i < VERBS ? "openat2" : "walking";

		end(i);
		cr_expect(!has_escaped(t), "%s by %s got out", name, how);
		cr_expect(is_decided(t), "%s by %s: %u times a link, %u times none", name, how,
			  atomic_load(&t->links), atomic_load(&t->others));
		if (given != NULL)
			printf("%-8s by %s: %u times a link, %u times none\n", name, how,
			       atomic_load(&t->links), atomic_load(&t->others));
	}
}

Test(race, T32_who_looks_first_and_opens_then_is_led_outside, .timeout = 600)
{
	for (unsigned i = 0; i < VERBS; i++)
		start(i, BY_LOOKING, 0);
	wait_until_each(has_escaped, VERBS);
	for (unsigned i = 0; i < VERBS; i++) {
		const struct tally *t = &board->tallies[i];

		end(i);
		cr_expect(has_escaped(t), "%s: %u times a link, %u times none", verbs[i].name,
			  atomic_load(&t->links), atomic_load(&t->others));
	}
}
