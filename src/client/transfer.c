#include "src/client/transfer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/conduct.h"
#include "src/client/landing.h"
#include "src/client/mapping.h"

#define EVENT_ITEMS 256u

struct transfer {
	struct transfer_request request;
	struct run run;
	pthread_t conductor;
	bool ready;   /* the run's work, bucket and locks are there */
	bool started; /* and the conductor */
};

static int
parse_remotes(struct transfer *t, struct problem *why)
{
	const struct transfer_request *request = &t->request;
	bool put = request->verb == TRANSFER_PUT;
	size_t count = put ? 1 : request->source_count;
	int r = 0;

	t->run.remotes = calloc(count, sizeof(*t->run.remotes));
	if (t->run.remotes == NULL)
		return problem_nomem(why);
	for (size_t i = 0; i < count && r == 0; i++) {
		r = address_parse(&t->run.remotes[i], put ? request->dest : request->sources[i],
				  why);
		if (r == 0 && !address_same_server(&t->run.remotes[0], &t->run.remotes[i]))
			r = problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
					"all remote paths of one command are on one server");
	}
	return r;
}

/* The directory that a set becomes: where the first source lands. */
static int
set_up_set(struct transfer *t, struct problem *why)
{
	const struct transfer_request *request = &t->request;
	const struct address *dest = &t->run.remotes[0];
	const struct landing l = {.dest = dest->path,
				  .no_target_directory = request->no_target_directory};
	const char *name;
	size_t length = mapping_last_name(request->sources[0], &name);
	int r;

	if (request->set == SET_NONE)
		return 0;
	t->run.set_destination = malloc(LIMIT_PATH_BYTES + 1);
	if (t->run.set_destination == NULL)
		return problem_nomem(why);
	r = mapping_land_directory(&l, name, length, t->run.set_destination, LIMIT_PATH_BYTES + 1);
	if (r != 0)
		return problem_set(why, r, SIDE_LOCAL, NULL);
	if (address_rest(t->run.set_destination)[0] != '\0')
		return 0;
	problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
		    "a share is always there, and is not replaced as a whole");
	problem_hint(why, "name a directory in it: %s/NAME", t->run.set_destination);
	return why->error;
}

static int
check(struct transfer *t, struct problem *why)
{
	const struct transfer_request *request = &t->request;
	const char **names;
	int r;

	if (request->dest[0] == '\0')
		return problem_set(why, FTX_E_USAGE, SIDE_LOCAL, "the destination is empty");
	if ((r = parse_remotes(t, why)) != 0)
		return r;
	/* Remote names count as they are after decoding. */
	names = calloc(request->source_count, sizeof(*names));
	if (names == NULL)
		return problem_nomem(why);
	for (size_t i = 0; i < request->source_count; i++)
		names[i] = request->verb == TRANSFER_PUT ? request->sources[i]
							 : address_rest(t->run.remotes[i].path);
	r = mapping_check_sources(names, request->source_count, request->no_target_directory, why);
	free(names);
	return r != 0 ? r : set_up_set(t, why);
}

int
transfer_new(struct transfer **out, const struct transfer_request *request, struct problem *why)
{
	struct transfer *t = calloc(1, sizeof(*t));
	int r;

	if (t == NULL)
		return problem_nomem(why);
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
	struct run *run;
	struct transfer_event *event;

	if (t == NULL)
		return;
	run = &t->run;
	if (t->started) {
		transfer_stop(t);
		queue_cancel(run->events);
		pthread_join(t->conductor, NULL);
	}
	if (t->ready) {
		work_release(&run->work);
		bucket_release(&run->bucket);
		pthread_mutex_destroy(&run->results);
		retry_release(&run->retry);
		pthread_cond_destroy(&run->dest_said);
	}
	while (run->events != NULL && queue_drain(run->events, &event))
		transfer_event_free(event);
	queue_free(run->events);
	transfer_event_free(run->finished);
	cancel_release(&run->cancel);
	cancel_release(&run->enough);
	if (run->events_fd >= 0)
		close(run->events_fd);
	for (size_t i = 0; run->roots != NULL && i < t->request.source_count; i++) {
		if (run->roots[i].local >= 0)
			close(run->roots[i].local);
		free(run->roots[i].local_path);
	}
	free(run->roots);
	free(run->remotes);
	free(run->info);
	free(run->set_destination);
	free(t);
}

static int
set_up_roots(struct transfer *t)
{
	const struct transfer_request *request = &t->request;
	struct run *run = &t->run;

	run->roots = calloc(request->source_count, sizeof(*run->roots));
	if (run->roots == NULL)
		return FTX_E_NOMEM;
	for (size_t i = 0; i < request->source_count; i++) {
		struct root *root = &run->roots[i];

		root->index = i;
		root->typed = request->sources[i];
		root->local = -1;
		if (!run_is_put(run))
			memcpy(root->remote, run->remotes[i].path, sizeof(root->remote));
	}
	return 0;
}

static int
set_up(struct transfer *t)
{
	const struct transfer_request *request = &t->request;
	struct run *run = &t->run;
	bool set_owner = !run_is_put(run) && geteuid() == 0 && !request->no_owner;
	struct stat st;
	int r = set_up_roots(t);

	if (r != 0)
		return r;
	run->parts = (request->no_owner ? 0u : METADATA_OWNER) |
		     (request->xattrs ? METADATA_XATTRS : 0u) |
		     (request->acls ? METADATA_ACLS : 0u);
	metadata_rules_init(&run->rules, METADATA_CLIENT, set_owner, request->numeric_ids, -1);
	run->to_output = !run_is_put(run) && strcmp(request->dest, "-") == 0;
	run->dest_asked =
	    landing_asks(run) && !(stat(request->sources[0], &st) == 0 && S_ISDIR(st.st_mode));
	bucket_init(&run->bucket, request->bwlimit, clock_ns());
	run->events = queue_new(EVENT_ITEMS, sizeof(struct transfer_event *));
	run->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	run->finished = calloc(1, sizeof(*run->finished));
	if (run->events == NULL || run->finished == NULL)
		return FTX_E_NOMEM;
	run->finished->type = TRANSFER_FINISHED;
	if (run->events_fd < 0 || getrandom(run->session_id, sizeof(run->session_id), 0) !=
				      (ssize_t)sizeof(run->session_id))
		return error_from_errno(errno);
	if ((r = cancel_init(&run->cancel)) != 0 || (r = cancel_init(&run->enough)) != 0)
		return r;
	t->ready = true;
	pthread_mutex_init(&run->results, NULL);
	retry_init(&run->retry);
	pthread_cond_init(&run->dest_said, NULL);
	return work_init(&run->work);
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
	errnum = pthread_create(&t->conductor, NULL, conduct_main, &t->run);
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

struct transfer_event *
transfer_next(struct transfer *t)
{
	struct transfer_event *event = NULL;
	uint64_t count;

	if (queue_try_pop(t->run.events, &event))
		return event;
	/* Empty: calm the descriptor, then look once more for what came in between. */
	while (read(t->run.events_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	return queue_try_pop(t->run.events, &event) ? event : NULL;
}

void
transfer_outcome(struct transfer *t, struct outcome *o)
{
	pthread_mutex_lock(&t->run.results);
	*o = t->run.outcome;
	pthread_mutex_unlock(&t->run.results);
}

void
transfer_progress(const struct transfer *t, struct transfer_progress *p)
{
	const struct run *run = &t->run;

	p->scanned = atomic_load(&run->scanned);
	p->endless = run->request->input_fd >= 0;
	p->phase = (enum transfer_phase)atomic_load(&run->phase);
	p->files = atomic_load(&run->files);
	p->files_total = atomic_load(&run->files_total);
	p->bytes = atomic_load(&run->bytes);
	p->bytes_present = atomic_load(&run->bytes_present);
	p->bytes_total = atomic_load(&run->bytes_total);
	p->bytes_wire = atomic_load(&run->bytes_wire);
	if (p->phase == PHASE_SCAN && (p->scanned || p->bytes_wire > 0))
		p->phase = PHASE_SEND;
}

void
transfer_current(struct transfer *t, struct transfer_current *c)
{
	c->count = 0;
	if (t->ready)
		work_current(&t->run.work, c);
}

void
transfer_stop(struct transfer *t)
{
	run_stop(&t->run);
}

const char *
entry_type_name(enum entry_type type)
{
	switch (type) {
	case ENTRY_FILE:
		return "file";
	case ENTRY_DIRECTORY:
		return "directory";
	case ENTRY_SYMLINK:
		return "symlink";
	case ENTRY_FIFO:
	case ENTRY_SOCKET:
	case ENTRY_CHARACTER:
	case ENTRY_BLOCK:
		break;
	}
	return "special";
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
	case ACTION_METADATA:
		return "metadata";
	case ACTION_DELETE:
		return "delete";
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
	case STATUS_IGNORED:
		return "ignored";
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
	case PHASE_VERIFY:
		return "verify";
	case PHASE_COMMIT:
		return "commit";
	}
	return "send";
}
