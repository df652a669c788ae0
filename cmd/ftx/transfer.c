/*
 * put and get: signals, events and the exit code, all in the main thread.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd/ftx/report.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/config.h"
#include "src/secure/keyfile.h"

#define PROGRESS_MS 500u
#define STOP_MS	    15000u /* after a signal: what is not over by then is left to the next run */

static volatile sig_atomic_t caught; /* the signal that asked us to stop */
static int caught_fd = -1;

/* A handler and not a signalfd, so that a second signal ends even a write that never returns. */
static void
on_signal(int number)
{
	const uint64_t one = 1;
	int errnum = errno;
	ssize_t n;

	caught = number;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	n = write(caught_fd, &one, sizeof(one));
	(void)n;
	errno = errnum;
}

static int
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	caught_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (caught_fd < 0)
		return error_from_errno(errno);
	if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
		return error_from_errno(errno);
	return 0;
}

static void
die_of(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
}

/* true: that was the last event. */
static bool
take(struct report *r, const struct transfer_event *e)
{
	switch (e->type) {
	case TRANSFER_STARTED:
		r->started = true;
		r->reporter->started(r, &e->started);
		return false;
	case TRANSFER_FILE:
		outcome_file(&r->outcome, &e->file);
		r->reporter->file(r, &e->file);
		return false;
	case TRANSFER_ERROR:
		outcome_error(&r->outcome, e->error.problem.error);
		r->reporter->error(r, e->error.path, &e->error.problem);
		return false;
	case TRANSFER_NOTE:
		r->reporter->note(r, &e->note);
		return false;
	case TRANSFER_FINISHED:
		break;
	}
	return true;
}

/* Until the transfer is over.  false: it does not come to an end after a signal. */
static bool
follow(struct report *r, struct transfer *t)
{
	static struct transfer_event event; /* large */
	uint64_t next_ms = clock_ms() + PROGRESS_MS;
	uint64_t stop_ms = UINT64_MAX;

	for (;;) {
		struct pollfd fds[2] = {{.fd = transfer_fd(t), .events = POLLIN},
					{.fd = caught_fd, .events = POLLIN}};
		struct transfer_progress progress;
		uint64_t now = clock_ms();

		(void)poll(fds, 2, now < next_ms ? (int)(next_ms - now) : 0);
		while (transfer_next(t, &event))
			if (take(r, &event))
				return true;
		now = clock_ms();
		if ((fds[1].revents != 0 || r->output_errnum != 0) && stop_ms == UINT64_MAX) {
			uint64_t count;

			if (fds[1].revents != 0)
				(void)!read(caught_fd, &count, sizeof(count));
			transfer_stop(t);
			stop_ms = now + STOP_MS;
		}
		if (now >= stop_ms)
			return false;
		if (now >= next_ms) {
			transfer_progress(t, &progress);
			report_measure(r, &progress);
			r->reporter->progress(r);
			next_ms = now + PROGRESS_MS;
		}
	}
}

static int
fail(struct report *r, const struct problem *why)
{
	outcome_error(&r->outcome, why->error);
	r->reporter->error(r, NULL, why);
	return outcome_exit(&r->outcome);
}

/* Who the server is, and the key for it. */
static int
prepare(const struct options *o, struct transfer *t, const struct config *config, uint8_t **secret,
	struct problem *why)
{
	struct problem unknown;
	const char *identity;
	int resolved = transfer_resolve(t, config, &identity, &unknown);
	int r = identity_load(o, identity, secret, why);

	/* Of both, the key file comes first: exit 14 before 8. */
	if (r != 0 || resolved == 0)
		return r;
	*why = unknown;
	return resolved;
}

/* Checks, key, transfer.  Returns the exit code so far. */
static int
run(struct report *r, const struct options *o, struct transfer *t)
{
	struct transfer_progress progress;
	struct problem why;
	struct config *config = NULL;
	uint8_t *secret = NULL;
	bool ended = true;
	int code;

	if (config_load(&config, &why) != 0 || prepare(o, t, config, &secret, &why) != 0) {
		code = fail(r, &why);
	} else if (catch_signals() != 0) {
		problem_local(&why, error_from_errno(errno), errno);
		code = fail(r, &why);
	} else if (transfer_start(t, secret, &why) != 0) {
		code = fail(r, &why);
	} else {
		ended = follow(r, t);
		transfer_progress(t, &progress);
		report_measure(r, &progress);
		code = outcome_exit(&r->outcome);
	}
	/* A thread that hangs in a dead disk or a name server must not keep us: the process ends.
	 */
	if (ended) {
		transfer_free(t);
		config_free(config);
		key_secret_free(secret);
	}
	return code;
}

int
verb_transfer(const struct options *o)
{
	static struct report report;
	struct transfer *t;
	struct problem why;
	int code;

	if (transfer_new(&t, &o->transfer, &why) != 0) {
		fprintf(stderr, "ftx: %s: %s\n", o->verb_name, why.text);
		return error_exit(why.error);
	}
	report_init(&report, o);
	code = run(&report, o, t);
	if (caught != 0)
		code = 128 + caught;
	report.reporter->summary(&report, code);
	if (report.output_errnum == EPIPE)
		die_of(SIGPIPE);
	if (caught != 0)
		die_of(caught);
	if (report.output_errnum != 0) {
		fprintf(stderr, "ftx: %s: standard output: %s\n", o->verb_name,
			strerror(report.output_errnum));
		return code != 0 ? code : FTX_EXIT_FAILURE;
	}
	return code;
}
