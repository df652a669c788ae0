#include "src/client/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/io.h"
#include "src/base/units.h"
#include "src/client/connect.h"
#include "src/client/hint.h"

void
transfer_event_free(struct transfer_event *event)
{
	if (event == NULL)
		return;
	if (event->type == TRANSFER_FILE) {
		free(event->file.path);
		free(event->file.dest);
	} else if (event->type == TRANSFER_ERROR) {
		free(event->error.path);
		free(event->error.relative);
	}
	free(event);
}

void
run_emit(struct run *run, struct transfer_event *event)
{
	const uint64_t one = 1;

	/* Without memory for an event there is none for the rest either: the exit code tells. */
	if (event == NULL)
		return;
	if (queue_push(run->events, &event))
		(void)write_full(run->events_fd, &one, sizeof(one));
	else
		transfer_event_free(event);
}

static struct transfer_event *
event_new(enum transfer_event_type type)
{
	struct transfer_event *event = calloc(1, sizeof(*event));

	if (event != NULL)
		event->type = type;
	return event;
}

void
run_note(struct run *run, const struct problem *p)
{
	struct transfer_event *event = event_new(TRANSFER_NOTE);

	if (event != NULL)
		event->note = *p;
	run_emit(run, event);
}

void
run_finished(struct run *run)
{
	struct transfer_event *event = run->finished;

	run->finished = NULL;
	run_emit(run, event);
}

bool
run_is_hopeless(int error)
{
	switch (error_exit(error)) {
	case FTX_EXIT_KEY_REFUSED:
	case FTX_EXIT_SERVER_KEY:
	case FTX_EXIT_NETWORK:
	case FTX_EXIT_NO_SPACE:
	case FTX_EXIT_PROTOCOL:
	case FTX_EXIT_USAGE:
	case FTX_EXIT_CONFIG:
		return true;
	default:
		return error == FTX_E_OFFLINE || error == FTX_E_INTERRUPTED ||
		       error == FTX_E_NOMEM || error == FTX_E_STOPPING || error == FTX_E_REPLACED ||
		       error == FTX_E_RECONFIGURED;
	}
}

void
run_stop(struct run *run)
{
	cancel_request(&run->cancel);
	cancel_request(&run->enough);
	work_stop(&run->work);
}

void
run_end(struct run *run)
{
	atomic_store(&run->over, true);
	run_stop(run);
}

/* What the user may have meant, where something is not there or must not be. */
static void
hint(struct run *run, const char *path, struct problem *p)
{
	bool put = run_is_put(run);
	size_t count = put ? 1 : run->request->source_count;

	pthread_mutex_lock(&run->results);
	for (size_t i = 0; run->info != NULL && i < count; i++)
		if (put || hint_concerns(path, run->request->sources[i]))
			hint_remote(p, run->info, run->remotes[i].path);
	pthread_mutex_unlock(&run->results);
}

/* Without memory there are no hints. */
static void
keep_info(struct run *run, const struct server_info *info)
{
	pthread_mutex_lock(&run->results);
	if (run->info == NULL && (run->info = malloc(sizeof(*run->info))) != NULL)
		*run->info = *info;
	pthread_mutex_unlock(&run->results);
}

static void
emit_error(struct run *run, char *path, const char *relative, bool of_entry,
	   const struct problem *p)
{
	struct transfer_event *event = event_new(TRANSFER_ERROR);

	if (event == NULL) {
		free(path);
		return;
	}
	event->error.path = path;
	event->error.relative = relative != NULL ? strdup(relative) : NULL;
	event->error.of_entry = of_entry;
	event->error.problem = *p;
	hint(run, path, &event->error.problem);
	run_emit(run, event);
}

void
run_trouble(struct run *run, const struct problem *p)
{
	bool hopeless = run_is_hopeless(p->error);

	/* The other streams' connections end because of this: one word of it is enough. */
	if (hopeless ? atomic_exchange(&run->over, true) : atomic_load(&run->over))
		return;
	pthread_mutex_lock(&run->results);
	outcome_error(&run->outcome, p->error);
	pthread_mutex_unlock(&run->results);
	emit_error(run, NULL, NULL, false, p);
	if (hopeless)
		run_end(run);
}

void
run_guarded(struct run *run, const struct root *root, const struct problem *p)
{
	pthread_mutex_lock(&run->results);
	run->outcome.guarded = true;
	pthread_mutex_unlock(&run->results);
	emit_error(run, strdup(root->typed), NULL, false, p);
}

/* Where the entry lands, owned. */
static char *
destination(const struct run *run, const struct root *root, const char *path)
{
	char remote[LIMIT_PATH_BYTES + 1];
	char *text;

	if (!run_is_put(run))
		return root->local_path != NULL ? root_join(root->local_path, path) : NULL;
	if (root->remote[0] == '\0' || root_remote(root, path, remote) != 0)
		return NULL;
	text = malloc(ADDRESS_TEXT_BYTES);
	if (text != NULL)
		address_format(text, run->server.host, run->server.port, remote);
	return text;
}

static void
emit_file(struct run *run, const struct root *root, const char *path, const struct transfer_file *f)
{
	struct transfer_event *event = event_new(TRANSFER_FILE);

	if (event == NULL)
		return;
	event->file = *f;
	event->file.path = root_join(root->typed, path);
	event->file.dest = destination(run, root, path);
	if (event->file.path == NULL) {
		transfer_event_free(event);
		return;
	}
	run_emit(run, event);
}

static void
conclude(struct run *run, const struct root *root, const char *path, struct transfer_file *f,
	 const struct problem *p)
{
	/* What ended the run has been said; of all that was on its way each would say it again. */
	if (p != NULL && run_is_hopeless(p->error) && atomic_load(&run->over)) {
		pthread_mutex_lock(&run->results);
		run->outcome.resumable = run->outcome.resumable || f->resumable;
		pthread_mutex_unlock(&run->results);
		return;
	}
	if (p == NULL)
		retry_progress(&run->retry);
	else
		f->status =
		    error_exit(p->error) == FTX_EXIT_CHANGED ? STATUS_CHANGED : STATUS_FAILED;
	pthread_mutex_lock(&run->results);
	outcome_file(&run->outcome, f);
	if (p != NULL)
		outcome_error(&run->outcome, p->error);
	pthread_mutex_unlock(&run->results);
	if (f->type != ENTRY_DIRECTORY)
		atomic_fetch_add(&run->files, 1);
	if (p != NULL)
		emit_error(run, root_join(root->typed, path), path, true, p);
	if (run->request->report_files)
		emit_file(run, root, path, f);
	if (p != NULL && run_is_hopeless(p->error))
		run_end(run);
}

void
run_result(struct run *run, const struct root *root, const char *path, struct transfer_file *f,
	   const struct problem *p)
{
	if (p == NULL && f->not_kept != 0 && run->request->strict_meta) {
		struct problem unkept;

		problem_set(&unkept, FTX_E_NOT_KEPT, run_is_put(run) ? SIDE_REMOTE : SIDE_LOCAL,
			    "not all metadata could be kept (--strict-meta)");
		conclude(run, root, path, f, &unkept);
	} else {
		conclude(run, root, path, f, p);
	}
}

void
run_entry(struct run *run, struct entry *e, struct transfer_file *f, const struct problem *p,
	  bool touched)
{
	run_result(run, e->batch->root, e->path, f, p);
	work_entry_over(&run->work, e, touched && !run->request->dry_run, p != NULL);
}

struct transfer_file
run_file(const struct entry *e, enum file_action action, enum file_status status)
{
	struct transfer_file f = {.type = (enum entry_type)e->metadata.type,
				  .action = action,
				  .status = status,
				  .bytes = entry_is_file(e) ? e->identity.size : 0,
				  .bytes_sent = e->bytes_sent,
				  .bytes_resumed = e->bytes_resumed,
				  .has_digest = e->has_digest};

	memcpy(f.digest.bytes, e->digest.bytes, sizeof(f.digest.bytes));
	return f;
}

void
big_count(struct big *b, struct run *run, uint64_t bytes, bool present)
{
	uint64_t known;

	pthread_mutex_lock(&run->results);
	known = bytes < b->credit ? bytes : b->credit;
	b->credit -= known;
	pthread_mutex_unlock(&run->results);
	atomic_fetch_add(&run->bytes, bytes - known);
	if (present)
		atomic_fetch_add(&run->bytes_present, bytes - known);
}

void
run_reserved(struct run *run, const struct root *root, uint64_t count)
{
	struct problem p;
	char shown[512];

	pthread_mutex_lock(&run->results);
	run->outcome.skipped += count;
	run->outcome.total += count;
	pthread_mutex_unlock(&run->results);
	atomic_fetch_add(&run->files_total, count);
	atomic_fetch_add(&run->files, count);
	display_escape(shown, sizeof(shown), root->typed, strlen(root->typed));
	problem_set(&p, FTX_E_NAME, SIDE_LOCAL,
		    "'%s': %llu %s .ftx or .ftx-..., which ftx keeps for itself: skipped", shown,
		    (unsigned long long)count, count == 1 ? "name is" : "names are");
	run_note(run, &p);
}

/* What connect_server() calls back with. */
struct connecting {
	struct run *run;
	const struct early *early;
};

static void
note_loss(struct run *run, const struct problem *p)
{
	struct problem note;
	char limit[32];

	if (!retry_tells_loss(&run->retry))
		return;
	duration_format(limit, sizeof(limit), run->request->retry_for_ms);
	problem_set(&note, p->error, p->side, "%s; trying again for up to %s", p->text, limit);
	run_note(run, &note);
}

static void
note_retry(void *arg, const struct problem *p, uint64_t delay_ms)
{
	const struct connecting *g = arg;

	(void)delay_ms; /* the next one is longer: what counts is for how long it is tried */
	note_loss(g->run, p);
}

static void
note_return(struct run *run)
{
	struct problem note;

	if (!retry_tells_return(&run->retry))
		return;
	problem_set(&note, FTX_E_CLOSED, SIDE_NETWORK, "connected again, going on");
	run_note(run, &note);
}

bool
run_goes_on(struct run *run, const struct connection *c)
{
	struct problem p;

	if (c == NULL || !connection_is_lost(c) || run->request->retry_for_ms == 0 ||
	    cancel_requested(&run->cancel))
		return false;
	retry_lost(&run->retry);
	connection_explain(c, &p);
	note_loss(run, &p);
	return true;
}

/* Has this run been connected? */
static bool
is_announced(struct run *run)
{
	bool announced;

	pthread_mutex_lock(&run->results);
	announced = run->announced;
	pthread_mutex_unlock(&run->results);
	return announced;
}

static void
announce(struct run *run, const struct connection *c)
{
	struct transfer_event *event = event_new(TRANSFER_STARTED);
	bool first;

	pthread_mutex_lock(&run->results);
	first = !run->announced;
	run->announced = true;
	pthread_mutex_unlock(&run->results);
	if (!first || event == NULL) {
		transfer_event_free(event);
		return;
	}
	address_format_server(event->started.server, run->server.host, run->server.port);
	memcpy(event->started.session_id, run->session_id, sizeof(run->session_id));
	event->started.streams = run->request->streams;
	event->started.aead = aead_name(connection_aead(c));
	run_emit(run, event);
}

static int
ask_early(void *arg, struct connection *c)
{
	const struct connecting *g = arg;

	atomic_store(&g->run->rtt_us, connection_rtt_us(c));
	return g->early != NULL ? g->early->ask(g->early->arg, c) : 0;
}

/* All the time that there was is used up. */
static int
explain_again(struct run *run, int r, struct problem *p)
{
	char limit[32];

	if (r == FTX_E_INTERRUPTED || r == FTX_E_BUSY || !error_retryable(r))
		return r;
	duration_format(limit, sizeof(limit), run->request->retry_for_ms);
	problem_hint(p,
		     "nothing got any further for %s, see --retry-for; run the same command "
		     "again to go on",
		     limit);
	return r;
}

static int
connect_as(struct run *run, unsigned stream, const struct early *early, bool again,
	   struct connection **out, struct server_info *info, struct problem *p)
{
	struct connecting connecting = {.run = run, .early = early};
	const struct transfer_request *request = run->request;
	bool spare = stream > 0 && stream != SCANNER_STREAM;
	struct connect_options options = {
	    .host = run->server.host,
	    .port = run->server.port,
	    .family = request->family,
	    .server_key = run->server.key,
	    .server_key2 = run->server.has_key2 ? run->server.key2 : NULL,
	    .identity = run->identity,
	    .stream = (uint8_t)stream,
	    .spare = spare,
	    .retry_for_ms = request->retry_for_ms,
	    .again = again ? &run->retry : NULL,
	    .connection = {.cancel = &run->cancel,
			   .timeout_ms = request->timeout_ms,
			   .bucket = &run->bucket,
			   .limit_sending = run_is_put(run)},
	    .until_connected = spare ? &run->enough : NULL,
	    .on_retry = spare ? NULL : note_retry, /* it may be done without */
	    .ask_early = ask_early,
	    .arg = &connecting,
	};
	int r;

	memcpy(options.session_id, run->session_id, sizeof(options.session_id));
	r = connect_server(out, info, &options, p);
	return r != 0 && again ? explain_again(run, r, p) : r;
}

/*
 * Of connections that are made at once, the first to come through proves the key, and that the
 * server is there.  Another that failed meanwhile, as one of which nothing is known, then goes on
 * as one that was lost.
 */
static bool
is_known_meanwhile(struct run *run, int r)
{
	return run->request->retry_for_ms > 0 && is_announced(run) &&
	       (r == FTX_E_SERVER_KEY ||
		(error_retryable(r) && r != FTX_E_BUSY && r != FTX_E_INTERRUPTED));
}

int
run_connect(struct run *run, unsigned stream, const struct early *early, struct connection **out,
	    struct server_info *info, struct problem *p)
{
	bool waits = retry_is_lost(&run->retry), again = is_announced(run);
	int r;

	if (waits)
		pthread_mutex_lock(&run->retry.dialling);
	r = connect_as(run, stream, early, again, out, info, p);
	if (r != 0 && !again && is_known_meanwhile(run, r))
		r = connect_as(run, stream, early, true, out, info, p);
	if (waits)
		pthread_mutex_unlock(&run->retry.dialling);
	if (r == 0) {
		keep_info(run, info);
		announce(run, *out);
		note_return(run);
		if (stream == 0)
			atomic_store(&run->first_connected, true);
		if (stream == SCANNER_STREAM)
			atomic_store(&run->scanner_connected, true);
	}
	return r;
}
