/*
 * put and get: signals, events and the exit code, all in the main thread.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/ftx/command.h"
#include "cmd/ftx/failed.h"
#include "cmd/ftx/option_values.h"
#include "cmd/ftx/report.h"
#include "cmd/ftx/settings.h"
#include "cmd/ftx/signals.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/client/mapping.h"
#include "src/client/selection.h"
#include "src/secure/keyfile.h"

#define STOP_MS 15000u /* after a signal: what is not over by then is left to the next run */

/* A put or get and what belongs to it. */
struct job {
	const struct options *options;
	struct transfer_request request;
	struct selection *selection;
	struct command command; /* of --from-command */
	struct transfer *transfer;
	struct failed failed;
	struct report report;
};

/* Who read our standard output does not want more: no word about it (exit 141). */
static bool
is_broken_pipe(const struct report *r, const struct problem *p)
{
	return r->payload && p->side == SIDE_LOCAL && p->errnum == EPIPE &&
	       !signals_unwanted(SIGPIPE);
}

/* A source that has the form of what is on a server may have been meant so. */
static void
hint_direction(const struct options *o, const char *path, struct problem *p)
{
	if (o->verb == VERB_PUT && p->error == FTX_E_NOT_FOUND && p->side == SIDE_LOCAL &&
	    p->hint[0] == '\0' && path != NULL && argument_is_remote(path))
		problem_hint(p, "put uploads what is here; ftx get downloads, and from server to "
				"server nothing is copied");
}

static void
take_error(struct job *j, const struct transfer_error *e)
{
	struct report *r = &j->report;
	struct problem p = e->problem;

	hint_direction(j->options, e->path, &p);
	if (is_broken_pipe(r, &p))
		r->unread = true;
	else if (!report_is_lost(r) || p.error != FTX_E_INTERRUPTED)
		r->reporter->error(r, e->path, &p);
	failed_add(&j->failed, e);
}

/* Does a slash stand behind this directory, which has a name of its own? */
static bool
is_directory_with_slash(const struct options *o, const char *source)
{
	const char *name, *slash = strrchr(source, '/');
	struct address a;
	struct problem ignored;
	struct stat st;

	if (slash == NULL || slash[1] != '\0' || mapping_last_name(source, &name) == 0)
		return false;
	if (o->verb == VERB_PUT)
		return stat(source, &st) == 0 && S_ISDIR(st.st_mode);
	return address_parse(&a, source, &ignored) == 0 && address_rest(a.path)[0] != '\0';
}

/* For whose fingers know rsync: there the slash decides where a directory lands. */
static void
note_slash(struct report *r)
{
	const struct transfer_request *t = &r->options->transfer;
	char shown[512];
	struct problem p;

	for (size_t i = 0; i < t->source_count && !t->no_target_directory; i++) {
		const char *source = t->sources[i];

		if (!is_directory_with_slash(r->options, source))
			continue;
		display_escape(shown, sizeof(shown), source, strlen(source));
		problem_set(&p, 0, SIDE_LOCAL,
			    "'%s' becomes DEST/NAME, with or without the slash; with -T it becomes "
			    "DEST itself",
			    shown);
		r->reporter->note(r, &p);
		return;
	}
}

/* true: that was the last event. */
static bool
take(struct job *j, const struct transfer_event *e)
{
	struct report *r = &j->report;

	switch (e->type) {
	case TRANSFER_STARTED:
		r->started = true;
		r->reporter->started(r, &e->started);
		note_slash(r);
		/* Not before: a command need not wait with its work for the network. */
		if (j->request.dry_run)
			command_stop(&j->command);
		else
			command_start(&j->command);
		return false;
	case TRANSFER_FILE:
		r->reporter->file(r, &e->file);
		return false;
	case TRANSFER_ERROR:
		take_error(j, &e->error);
		return false;
	case TRANSFER_NOTE:
		r->reporter->note(r, &e->note);
		return false;
	case TRANSFER_FINISHED:
		break;
	}
	return true;
}

/* All events that are there.  true: the last one was among them. */
static bool
take_all(struct job *j)
{
	struct transfer_event *event;
	bool last = false;

	while (!last && (event = transfer_next(j->transfer)) != NULL) {
		last = take(j, event);
		transfer_event_free(event);
	}
	return last;
}

/* Shows how far it is, where it is time. */
static void
look(struct job *j)
{
	struct report *r = &j->report;
	struct transfer_progress progress;

	if (!report_due(r))
		return;
	transfer_progress(j->transfer, &progress);
	if (r->on_screen)
		transfer_current(j->transfer, &r->current);
	report_look(r, &progress);
}

/* Until the transfer is over.  false: it does not come to an end after a signal. */
static bool
follow(struct job *j)
{
	struct report *r = &j->report;
	uint64_t stop_ms = UINT64_MAX;

	for (;;) {
		struct pollfd fds[2] = {{.fd = transfer_fd(j->transfer), .events = POLLIN},
					{.fd = signals_fd(), .events = POLLIN}};
		uint64_t now = clock_ms();

		(void)poll(fds, 2, now < r->next_ms ? (int)(r->next_ms - now) : 0);
		if (fds[1].revents != 0)
			signals_take();
		if (take_all(j))
			return true;
		now = clock_ms();
		if ((signals_caught() != 0 || report_is_lost(r)) && stop_ms == UINT64_MAX) {
			transfer_stop(j->transfer);
			command_stop(&j->command);
			stop_ms = now + STOP_MS;
		}
		if (now >= stop_ms)
			return false;
		look(j);
	}
}

static void
fail(struct report *r, const struct problem *why)
{
	outcome_error(&r->outcome, why->error);
	r->reporter->error(r, NULL, why);
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

/* What a finished transfer leaves behind.  Returns the exit code. */
static int
settle(struct job *j)
{
	struct report *r = &j->report;
	struct transfer_progress progress;
	struct problem why;
	bool complete;
	int code;

	transfer_progress(j->transfer, &progress);
	report_measure(r, &progress);
	transfer_outcome(j->transfer, &r->outcome);
	code = outcome_exit(&r->outcome);
	complete = failed_close(&j->failed, &why) == 0;
	if (!complete) {
		r->reporter->error(r, NULL, &why);
		code = code != 0 ? code : error_exit(why.error);
	}
	return code;
}

/* Checks, key, transfer.  Returns the exit code so far. */
static int
run(struct job *j)
{
	const struct options *o = j->options;
	struct report *r = &j->report;
	struct problem why;
	const struct config *config;
	uint8_t *secret = NULL;
	bool ended = true;
	int code, error;

	if ((error = settings_config(o, &config, &why)) == 0 &&
	    (error = prepare(o, j->transfer, config, &secret, &why)) == 0 &&
	    (error = failed_open(&j->failed, o->failed0, &j->request, &why)) == 0 &&
	    ((error = signals_catch(NULL)) != 0 || (error = report_watch(r)) != 0))
		problem_local(&why, error, errno);
	if (error == 0)
		error = transfer_start(j->transfer, secret, &why);
	if (error != 0) {
		fail(r, &why);
		code = outcome_exit(&r->outcome);
	} else {
		ended = follow(j);
		command_stop(&j->command);
		code = settle(j);
	}
	/* A thread that hangs in a dead disk must not keep us: the process ends. */
	if (ended) {
		transfer_free(j->transfer);
		key_secret_free(secret);
		selection_free(j->selection);
	}
	command_release(&j->command);
	return code;
}

/* What the request borrows, from the options.  FTX_E_USAGE ... in why. */
static int
set_up(struct job *j, struct problem *why)
{
	const struct options *o = j->options;
	int r = 0;

	j->request = o->transfer;
	j->request.report_files = o->json || o->verbose || o->transfer.dry_run;
	if (o->files_from != NULL) {
		r = selection_read(&j->selection, o->files_from, o->nul_separated, why);
		j->request.selection = j->selection;
	}
	if (r == 0 && o->from_command) {
		r = command_init(&j->command, o->command, why);
		j->request.input_fd = j->command.read_fd;
		j->request.input_finish = command_finish;
		j->request.input_arg = &j->command;
	}
	return r != 0 ? r : transfer_new(&j->transfer, &j->request, why);
}

/* May the same command fare better? */
static bool
is_of_machine(int error)
{
	return error == FTX_E_NOMEM || error == FTX_E_IO;
}

int
verb_transfer(const struct options *o)
{
	/* Threads may still use it when the process ends. */
	static struct job job = {.command = {.read_fd = -1, .write_fd = -1, .process_fd = -1}};
	struct problem why;

	job.options = o;
	if (set_up(&job, &why) != 0) {
		int code = complain(o, &why);

		selection_free(job.selection);
		command_release(&job.command);
		/* Nothing was contacted; it is the command's fault, or this machine's. */
		return is_of_machine(why.error) ? code : FTX_EXIT_USAGE;
	}
	report_init(&job.report, o);
	return report_end(&job.report, run(&job));
}
