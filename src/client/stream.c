#include "src/client/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/client/get.h"
#include "src/client/put.h"

struct stream *
stream_new(struct run *run)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->run = run;
	s->encoder = encoder_new();
	s->decoder = decoder_new();
	s->block = digest_state_new();
	s->sent = digest_state_new();
	if (s->encoder == NULL || s->decoder == NULL || s->block == NULL || s->sent == NULL) {
		stream_free(s);
		return NULL;
	}
	return s;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	connection_free(s->connection);
	encoder_free(s->encoder);
	decoder_free(s->decoder);
	digest_state_free(s->block);
	digest_state_free(s->sent);
	free(s);
}

static void
note_retry(void *arg, const struct problem *p, uint64_t delay_ms)
{
	struct stream *s = arg;
	struct transfer_event event = {.type = TRANSFER_NOTE};

	problem_set(&event.note, p->error, p->side, "%s; trying again in %.1f s", p->text,
		    (double)delay_ms / 1000);
	run_emit(s->run, &event);
}

static void
announce(struct stream *s)
{
	struct run *run = s->run;
	struct transfer_event event = {.type = TRANSFER_STARTED};
	struct transfer_started *started = &event.started;

	address_format_server(started->server, run->server.host, run->server.port);
	memcpy(started->session_id, run->session_id, sizeof(started->session_id));
	started->streams = 1;
	started->aead = aead_name(connection_aead(s->connection));
	run_emit(run, &event);
	s->announced = true;
}

int
stream_connect(struct stream *s)
{
	const struct transfer_request *request = s->run->request;
	struct connect_options options = {
	    .host = s->run->server.host,
	    .port = s->run->server.port,
	    .family = request->family,
	    .server_key = s->run->server.key,
	    .server_key2 = s->run->server.has_key2 ? s->run->server.key2 : NULL,
	    .identity = s->run->identity,
	    .retry_for_ms = request->retry_for_ms,
	    .connection = {.cancel = &s->run->cancel,
			   .timeout_ms = request->timeout_ms,
			   .rate = request->bwlimit,
			   .limit_sending = request->verb == TRANSFER_PUT},
	    .on_retry = note_retry,
	    .arg = s,
	};
	struct server_info info = {0};
	int r;

	if (s->connection != NULL)
		return 0;
	memcpy(options.session_id, s->run->session_id, sizeof(options.session_id));
	r = connect_server(&s->connection, &info, &options, &s->problem);
	if (r != 0) {
		s->over = true;
		return r;
	}
	s->peer_codecs = info.codecs;
	s->checkpoint.done = true;
	if (!s->announced)
		announce(s);
	return 0;
}

int
stream_explain(struct stream *s, int error)
{
	if (s->connection != NULL && connection_error(s->connection) != 0)
		connection_explain(s->connection, &s->problem);
	else
		problem_set(&s->problem, error, SIDE_LOCAL, NULL);
	return error;
}

int
stream_call(struct stream *s, const struct message *m,
	    int (*on_message)(void *arg, const struct message *m), void *arg)
{
	int r;

	s->call.on_message = on_message;
	s->call.arg = arg;
	r = connection_call(s->connection, m, &s->call);
	if (r != 0)
		s->problem = s->call.problem;
	return r;
}

static int
take_entry(void *arg, const struct message *m)
{
	struct stream *s = arg;

	if (m->type == MESSAGE_ENTRY) {
		s->entry_metadata = m->entry.attributes.metadata;
		s->entry_identity = m->entry.attributes.identity;
		/* Nothing but the numbers is asked for, and the spans do not outlive the message.
		 */
		s->entry_metadata.flags = 0;
		s->entry_metadata.user = s->entry_metadata.group = (struct span){0};
		s->entry_metadata.xattrs = (struct span){0};
	}
	return 0;
}

int
stream_stat(struct stream *s, const char *path)
{
	struct message m = {.type = MESSAGE_STAT};

	m.stat.path = span_of(path);
	return stream_call(s, &m, take_entry, s);
}

void
stream_position(struct stream *s, uint64_t position)
{
	if (position <= s->counted)
		return;
	atomic_fetch_add(&s->run->bytes, position - s->counted);
	s->counted = position;
}

void
stream_present(struct stream *s, uint64_t position)
{
	uint64_t before = s->counted;

	stream_position(s, position);
	atomic_fetch_add(&s->run->bytes_present, s->counted - before);
}

void
stream_size(struct stream *s, uint64_t size)
{
	/* Modulo 2^64, so a file that became smaller is subtracted. */
	atomic_fetch_add(&s->run->bytes_total, size - s->sized);
	s->sized = size;
}

bool
stream_busy_again(struct stream *s, uint64_t *until_ms)
{
	uint64_t now = clock_ms();
	uint64_t limit = s->run->request->retry_for_ms;
	uint64_t pause = BUSY_EVERY_MS;

	if (*until_ms == 0) {
		*until_ms = now + (limit < BUSY_FOR_MS ? limit : BUSY_FOR_MS);
		pause = BUSY_FIRST_MS; /* a killed client's session ends with its connection */
	}
	if (now + pause > *until_ms)
		return false;
	if (cancel_poll(&s->run->cancel, -1, 0, now + pause) == 0)
		return true;
	problem_set(&s->problem, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
	return false;
}

/* What the destination of a put is.  0, or an error in s->problem. */
static int
look_at_remote(struct stream *s, struct landing *l)
{
	int r;

	if (l->several || l->ends_in_slash || l->is_root || l->no_target_directory)
		return 0;
	r = stream_stat(s, l->dest);
	if (connection_error(s->connection) != 0 || r == FTX_E_INTERRUPTED)
		return r;
	l->is_directory = r == 0 && s->entry_metadata.type == ENTRY_DIRECTORY;
	/* The answer is the file's too, unless it goes into a directory. */
	s->stat_known = !l->is_directory;
	s->stat_result = r;
	return 0;
}

static int
land_put(struct stream *s, const char *source, char *out, size_t capacity)
{
	const struct transfer_request *request = s->run->request;
	const struct address *dest = &s->run->remotes[0];
	struct landing l = {.dest = dest->path,
			    .ends_in_slash = dest->trailing_slash,
			    .is_root = address_rest(dest->path)[0] == '\0',
			    .several = request->source_count > 1,
			    .no_target_directory = request->no_target_directory};
	const char *name;
	size_t length = mapping_last_name(source, &name);
	int r = look_at_remote(s, &l);

	if (r != 0)
		return r;
	r = mapping_land(&l, name, length, out, capacity);
	return r != 0 ? problem_set(&s->problem, r, SIDE_LOCAL, "cannot be put there: %s",
				    error_text(r))
		      : 0;
}

static int
land_get(struct stream *s, const char *remote, char *out, size_t capacity)
{
	const struct transfer_request *request = s->run->request;
	char dest[LIMIT_PATH_BYTES + 1];
	size_t end = strlen(request->dest);
	bool slash = end > 0 && request->dest[end - 1] == '/';
	const char *name;
	struct stat st;
	struct landing l = {.dest = dest,
			    .ends_in_slash = slash,
			    .is_root = mapping_last_name(request->dest, &name) == 0,
			    .is_directory = stat(request->dest, &st) == 0 && S_ISDIR(st.st_mode),
			    .several = request->source_count > 1,
			    .no_target_directory = request->no_target_directory};
	size_t length = mapping_last_name(remote, &name);
	int r = FTX_E_NAME;

	while (end > 1 && request->dest[end - 1] == '/')
		end--;
	if (end < sizeof(dest)) {
		memcpy(dest, request->dest, end);
		dest[end] = '\0';
		r = mapping_land(&l, name, length, out, capacity);
	}
	return r != 0 ? problem_set(&s->problem, r, SIDE_LOCAL, "cannot be put there: %s",
				    error_text(r))
		      : 0;
}

static int
put_one(struct stream *s, const struct work *work)
{
	char remote[LIMIT_PATH_BYTES + 1];
	int r = land_put(s, s->run->request->sources[work->index], remote, sizeof(remote));

	if (r != 0)
		return r;
	address_format(s->event.file.dest, s->run->server.host, s->run->server.port, remote);
	return put_file(s, s->event.file.path, remote);
}

static int
get_one(struct stream *s, const struct work *work)
{
	const char *remote = s->run->remotes[work->index].path;
	char local[2 * LIMIT_PATH_BYTES];
	int r;

	if (address_rest(remote)[0] == '\0')
		return problem_set(&s->problem, FTX_E_UNSUPPORTED, SIDE_REMOTE,
				   "is a share; this version transfers files only");
	r = land_get(s, remote, local, sizeof(local));
	if (r != 0)
		return r;
	memcpy(s->event.file.dest, local, strlen(local) + 1);
	return get_file(s, remote, local);
}

/* Errors after which the next file would fare no better. */
static bool
ends_run(const struct stream *s, int error)
{
	switch (error_exit(error)) {
	case FTX_EXIT_KEY_REFUSED:
	case FTX_EXIT_SERVER_KEY:
	case FTX_EXIT_NETWORK:
	case FTX_EXIT_NO_SPACE:
	case FTX_EXIT_PROTOCOL:
		return true;
	default:
		break;
	}
	if (s->connection != NULL && connection_error(s->connection) != 0)
		return true;
	return error == FTX_E_OFFLINE || error == FTX_E_INTERRUPTED || error == FTX_E_NOMEM;
}

static void
handle(struct stream *s, const struct work *work)
{
	struct transfer_file *file = &s->event.file;
	bool connected;
	int r;

	memset(&s->event, 0, sizeof(s->event));
	s->event.type = TRANSFER_FILE;
	file->path = s->run->request->sources[work->index];
	s->counted = 0;
	s->sized = work->size;
	s->stat_known = false;
	problem_clear(&s->problem);

	r = stream_connect(s);
	connected = r == 0;
	if (r == 0) {
		atomic_store(&s->run->phase, PHASE_SEND);
		r = s->run->request->verb == TRANSFER_PUT ? put_one(s, work) : get_one(s, work);
	}
	if (r != 0) {
		file->status = error_exit(r) == FTX_EXIT_CHANGED ? STATUS_CHANGED : STATUS_FAILED;
		run_error(s->run, connected ? file->path : NULL, &s->problem);
		s->over = s->over || ends_run(s, r);
	} else {
		file->resumable = false; /* an earlier try may have said so */
	}
	atomic_fetch_add(&s->run->files, 1);
	run_emit(s->run, &s->event);
}

void *
stream_main(void *arg)
{
	struct stream *s = arg;
	struct work work;

	while (!s->over && queue_pop(s->run->work, &work))
		handle(s, &work);
	if (s->sync_owed && !s->over && !cancel_requested(&s->run->cancel)) {
		atomic_store(&s->run->phase, PHASE_COMMIT);
		if (put_sync(s, s->run->remotes[0].path) != 0)
			run_error(s->run, NULL, &s->problem);
	}
	queue_cancel(s->run->work);
	connection_close(s->connection);
	s->connection = NULL;
	return NULL;
}
