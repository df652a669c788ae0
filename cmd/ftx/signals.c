/*
 * A handler and not a signalfd, so that a second signal ends even a write that never returns.
 */
#include "cmd/ftx/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/errors.h"

static sigset_t unwanted; /* by who started us */
static volatile sig_atomic_t caught, asked;
static int caught_fd = -1;
static struct cancel *caught_cancel;

void
signals_begin(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ};

	sigemptyset(&unwanted);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigaddset(&unwanted, numbers[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool
signals_unwanted(int number)
{
	return sigismember(&unwanted, number) == 1;
}

/* What is ignored stays so. */
static int
take(int number, const struct sigaction *action)
{
	return signals_unwanted(number) ? 0 : sigaction(number, action, NULL);
}

void
signals_wake(void)
{
	const uint64_t one = 1;
	int errnum = errno;
	ssize_t n = write(caught_fd, &one, sizeof(one));

	(void)n;
	errno = errnum;
}

static void
on_signal(int number)
{
	const struct sigaction end = {.sa_handler = SIG_DFL};
	int errnum = errno;

	caught = number;
	(void)take(SIGINT, &end);
	(void)take(SIGTERM, &end);
	signals_wake();
	if (caught_cancel != NULL)
		cancel_request(caught_cancel);
	errno = errnum;
}

static void
on_question(int number)
{
	(void)number;
	asked = 1;
	signals_wake();
}

int
signals_catch(struct cancel *cancel)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction question = {.sa_handler = on_question, .sa_flags = SA_RESTART};

	caught_cancel = cancel;
	caught_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (caught_fd < 0)
		return error_from_errno(errno);
	if (take(SIGINT, &action) != 0 || take(SIGTERM, &action) != 0 ||
	    sigaction(SIGUSR1, &question, NULL) != 0)
		return error_from_errno(errno);
	return 0;
}

int
signals_caught(void)
{
	return caught;
}

bool
signals_asked(void)
{
	bool was = asked != 0;

	asked = 0;
	return was;
}

int
signals_fd(void)
{
	return caught_fd;
}

void
signals_take(void)
{
	uint64_t count;

	while (read(caught_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

void
signals_die(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
}
