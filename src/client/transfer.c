#include "src/client/transfer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/client/mapping.h"
#include "src/client/scan.h"
#include "src/client/stream.h"
#include "src/store/metadata.h"

#define WORK_ITEMS  256u
#define EVENT_ITEMS 16u

struct transfer {
	struct transfer_request request;
	struct run run;
	struct stream *stream;
	pthread_t conductor;
	bool started;
};

void
run_emit(struct run *run, const struct transfer_event *event)
{
	const uint64_t one = 1;

	if (queue_push(run->events, event))
		(void)write_full(run->events_fd, &one, sizeof(one));
}

void
run_error(struct run *run, const char *path, const struct problem *p)
{
	struct transfer_event event = {.type = TRANSFER_ERROR};

	event.error.path = path;
	event.error.problem = *p;
	run_emit(run, &event);
}

/* "-" will be standard input and output one day; it must not mean a file until then. */
static int
refuse_dash(const struct transfer_request *r, struct problem *why)
{
	bool dash = r->verb == TRANSFER_GET && strcmp(r->dest, "-") == 0;

	for (size_t i = 0; i < r->source_count; i++)
		dash = dash || (r->verb == TRANSFER_PUT && strcmp(r->sources[i], "-") == 0);
	if (!dash)
		return 0;
	return problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
			   "'-': standard input and output are not available in this version; "
			   "./- is the file of that name");
}

static int
parse_remotes(struct transfer *t, struct problem *why)
{
	const struct transfer_request *request = &t->request;
	bool put = request->verb == TRANSFER_PUT;
	size_t count = put ? 1 : request->source_count;
	int r = 0;

	t->run.remotes = calloc(count, sizeof(*t->run.remotes));
	if (t->run.remotes == NULL)
		return problem_set(why, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	for (size_t i = 0; i < count && r == 0; i++) {
		r = address_parse(&t->run.remotes[i], put ? request->dest : request->sources[i],
				  why);
		if (r == 0 && !address_same_server(&t->run.remotes[0], &t->run.remotes[i]))
			r = problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
					"all remote paths of one command are on one server");
	}
	return r;
}

static int
check(struct transfer *t, struct problem *why)
{
	const struct transfer_request *request = &t->request;
	const char **names;
	int r = refuse_dash(request, why);

	if (r == 0 && request->dest[0] == '\0')
		r = problem_set(why, FTX_E_USAGE, SIDE_LOCAL, "the destination is empty");
	if (r == 0)
		r = parse_remotes(t, why);
	if (r != 0)
		return r;
	/* Remote names count as they are after decoding. */
	names = calloc(request->source_count, sizeof(*names));
	if (names == NULL)
		return problem_set(why, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	for (size_t i = 0; i < request->source_count; i++)
		names[i] =
		    request->verb == TRANSFER_PUT ? request->sources[i] : t->run.remotes[i].path;
	r = mapping_check_sources(names, request->source_count, request->no_target_directory, why);
	free(names);
	return r;
}

int
transfer_new(struct transfer **out, const struct transfer_request *request, struct problem *why)
{
	struct transfer *t = calloc(1, sizeof(*t));
	int r;

	if (t == NULL)
		return problem_set(why, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	t->request = *request;
	t->run.request = &t->request;
	t->run.cancel.fd = -1;
	t->run.events_fd = -1;
	r = check(t, why);
	if (r != 0) {
		transfer_free(t);
		return r;
	}
	assert(t->run.remotes != NULL); /* check() has parsed at least one */
	t->run.server = t->run.remotes[0];
	*out = t;
	return 0;
}

int
transfer_resolve(struct transfer *t, const struct config *config, const char **identity,
		 struct problem *why)
{
	struct address *server = &t->run.server;
	int r = address_resolve(server, config, why);

	*identity = server->identity;
	if (r != 0)
		return r;
	if (t->request.port != 0)
		server->port = t->request.port;
	if (server->port == 0)
		server->port = ADDRESS_DEFAULT_PORT;
	return 0;
}

void
transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	if (t->started) {
		transfer_stop(t);
		queue_cancel(t->run.events);
		pthread_join(t->conductor, NULL);
	}
	stream_free(t->stream);
	queue_free(t->run.work);
	queue_free(t->run.events);
	cancel_release(&t->run.cancel);
	if (t->run.events_fd >= 0)
		close(t->run.events_fd);
	free(t->run.remotes);
	free(t);
}

/* Starts the other threads and waits for them, so that the last event is the last. */
static void *
conduct(void *arg)
{
	struct transfer *t = arg;
	struct transfer_event event = {.type = TRANSFER_FINISHED};
	struct problem problem;
	pthread_t scanner;
	int errnum = pthread_create(&scanner, NULL, scan_main, &t->run);

	if (errnum == 0) {
		stream_main(t->stream);
		pthread_join(scanner, NULL);
	} else {
		problem_local(&problem, error_from_errno(errnum), errnum);
		run_error(&t->run, NULL, &problem);
	}
	if (cancel_requested(&t->run.cancel) && !t->stream->over) {
		problem_set(&problem, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
		run_error(&t->run, NULL, &problem);
	}
	run_emit(&t->run, &event);
	return NULL;
}

static int
set_up(struct transfer *t)
{
	struct run *run = &t->run;

	metadata_rules_init(&run->rules, METADATA_CLIENT, true, false, -1);
	run->work = queue_new(WORK_ITEMS, sizeof(struct work));
	run->events = queue_new(EVENT_ITEMS, sizeof(struct transfer_event));
	t->stream = stream_new(run);
	run->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (run->work == NULL || run->events == NULL || t->stream == NULL)
		return FTX_E_NOMEM;
	if (run->events_fd < 0 || getrandom(run->session_id, sizeof(run->session_id), 0) !=
				      (ssize_t)sizeof(run->session_id))
		return error_from_errno(errno);
	return cancel_init(&run->cancel);
}

int
transfer_start(struct transfer *t, const uint8_t identity[static KEY_BYTES], struct problem *why)
{
	sigset_t all, before;
	int errnum;
	int r;

	assert(t->run.server.has_key); /* transfer_resolve() */
	t->run.identity = identity;
	r = set_up(t);
	if (r != 0)
		return problem_set(why, r, SIDE_LOCAL, NULL);
	/* Signals are the caller's thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errnum = pthread_create(&t->conductor, NULL, conduct, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum != 0)
		return problem_local(why, error_from_errno(errnum), errnum);
	t->started = true;
	return 0;
}

int
transfer_fd(const struct transfer *t)
{
	return t->run.events_fd;
}

bool
transfer_next(struct transfer *t, struct transfer_event *event)
{
	uint64_t count;

	if (queue_try_pop(t->run.events, event))
		return true;
	/* Empty: calm the descriptor, then look once more for what came in between. */
	while (read(t->run.events_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	return queue_try_pop(t->run.events, event);
}

void
transfer_progress(const struct transfer *t, struct transfer_progress *p)
{
	const struct run *run = &t->run;

	p->scanned = atomic_load(&run->scanned);
	p->phase = (enum transfer_phase)atomic_load(&run->phase);
	p->files = atomic_load(&run->files);
	p->files_total = atomic_load(&run->files_total);
	p->bytes = atomic_load(&run->bytes);
	p->bytes_present = atomic_load(&run->bytes_present);
	p->bytes_total = atomic_load(&run->bytes_total);
	p->bytes_wire = atomic_load(&run->bytes_wire);
}

void
transfer_stop(struct transfer *t)
{
	cancel_request(&t->run.cancel);
	queue_cancel(t->run.work);
}

const char *
file_action_name(enum file_action action)
{
	switch (action) {
	case ACTION_NONE:
		return "none";
	case ACTION_CREATE:
		return "create";
	case ACTION_REPLACE:
		return "replace";
	}
	return "none";
}

const char *
file_status_name(enum file_status status)
{
	switch (status) {
	case STATUS_DONE:
		return "done";
	case STATUS_SAME:
		return "same";
	case STATUS_SKIPPED:
		return "skipped";
	case STATUS_PLANNED:
		return "planned";
	case STATUS_FAILED:
		return "failed";
	case STATUS_CHANGED:
		return "changed";
	}
	return "failed";
}

const char *
transfer_phase_name(enum transfer_phase phase)
{
	switch (phase) {
	case PHASE_SCAN:
		return "scan";
	case PHASE_SEND:
		return "send";
	case PHASE_COMMIT:
		return "commit";
	}
	return "send";
}
