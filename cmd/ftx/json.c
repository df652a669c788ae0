/*
 * NDJSON events (ftx(1), JSON EVENTS): each line one object, written whole, on standard output.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/report.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/encoding.h"

static void
set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void
set_count(json_t *object, const char *key, uint64_t n)
{
	set(object, key, json_integer((json_int_t)n));
}

static void
set_text(json_t *object, const char *key, const char *text)
{
	set(object, key, json_string(text));
}

/* Bytes that are not UTF-8 cannot stand in JSON: an escaped form for reading. */
static json_t *
name_value(const char *name)
{
	char shown[DISPLAY_PATH_BYTES];
	size_t length = strlen(name);

	if (utf8_valid(name, length))
		return json_stringn(name, length);
	return json_string(display_escape(shown, sizeof(shown), name, length));
}

static json_t *
base64_value(const char *name)
{
	/* char may be read as bytes. */
	char *text = base64_encode((const uint8_t *)name, strlen(name));
	json_t *value = json_string(text != NULL ? text : "");

	free(text);
	return value;
}

/* A name, and beside it KEY_b64 with its exact bytes where they are not UTF-8. */
static void
set_name(json_t *object, const char *key, const char *name)
{
	char exact[32];

	set(object, key, name_value(name));
	if (utf8_valid(name, strlen(name)))
		return;
	snprintf(exact, sizeof(exact), "%s_b64", key);
	set(object, exact, base64_value(name));
}

static json_t *
event_new(const char *event)
{
	json_t *object = json_object();
	char time[25];

	set(object, "v", json_integer(1));
	set_text(object, "event", event);
	set_text(object, "time", clock_utc(time));
	return object;
}

static void
emit(struct report *r, json_t *object)
{
	size_t length = json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(12));
	char *line = length > 0 ? malloc(length + 1) : NULL;

	if (line != NULL) {
		(void)json_dumpb(object, line, length, JSON_COMPACT | JSON_REAL_PRECISION(12));
		line[length] = '\n';
		report_output(r, line, length + 1);
	} else if (r->output_errnum == 0) {
		r->output_errnum = ENOMEM;
	}
	free(line);
	json_decref(object);
}

static void
json_started(struct report *r, const struct transfer_started *e)
{
	const struct transfer_request *t = &r->options->transfer;
	json_t *object = event_new("start");
	json_t *sources = json_array(), *exact = json_array();
	char session[33], address[ADDRESS_SERVER_BYTES + 8];
	bool utf8 = true;

	for (size_t i = 0; i < t->source_count; i++) {
		(void)json_array_append_new(sources, name_value(t->sources[i]));
		(void)json_array_append_new(exact, base64_value(t->sources[i]));
		utf8 = utf8 && utf8_valid(t->sources[i], strlen(t->sources[i]));
	}
	hex_encode(session, e->session_id, sizeof(e->session_id));
	snprintf(address, sizeof(address), "ftx://%s", e->server);
	set_text(object, "verb", r->options->verb_name);
	set(object, "dry_run", json_boolean(t->dry_run));
	set_text(object, "server", e->server);
	set_text(object, "address", address);
	set_text(object, "session", session);
	set_count(object, "streams", e->streams);
	set_text(object, "aead", e->aead);
	set(object, "sources", sources);
	if (utf8)
		json_decref(exact);
	else
		set(object, "sources_b64", exact);
	set_name(object, "dest", t->dest);
	emit(r, object);
}

static void
json_file(struct report *r, const struct transfer_file *e)
{
	json_t *object = event_new("file");
	char digest[DIGEST_TEXT_BYTES];

	set_name(object, "path", e->path);
	if (e->dest[0] != '\0')
		set_name(object, "dest", e->dest);
	else
		set(object, "dest", json_null());
	set_text(object, "type", e->status == STATUS_SKIPPED ? "special" : "file");
	set_text(object, "action", file_action_name(e->action));
	set_text(object, "status", file_status_name(e->status));
	set_count(object, "bytes", e->bytes);
	set_count(object, "bytes_sent", e->bytes_sent);
	set_count(object, "bytes_resumed", e->bytes_resumed);
	set_count(object, "bytes_reused", 0);
	set(object, "digest",
	    e->has_digest ? json_string(digest_format(digest, &e->digest)) : json_null());
	set(object, "mode_kept", json_boolean(!e->mode_not_kept));
	emit(r, object);
}

static void
json_error(struct report *r, const char *path, const struct problem *p)
{
	json_t *object = event_new("error");
	const char *errno_name = p->errnum != 0 ? strerrorname_np(p->errnum) : NULL;

	if (path != NULL)
		set_name(object, "path", path);
	else
		set(object, "path", json_null());
	set_text(object, "name", error_name(p->error));
	set_count(object, "exit", (uint64_t)error_exit(p->error));
	set(object, "message", name_value(p->text));
	set(object, "hint", p->hint[0] != '\0' ? name_value(p->hint) : json_null());
	set(object, "errno_name", errno_name != NULL ? json_string(errno_name) : json_null());
	set_text(object, "side", side_name(p->side));
	set(object, "retryable", json_boolean(p->retryable));
	emit(r, object);
}

static void
json_note(struct report *r, const struct problem *p)
{
	(void)r; /* the events have no place for what is neither an error nor a result */
	(void)p;
}

static void
json_progress(struct report *r)
{
	const struct transfer_progress *p = &r->progress;
	double eta = report_eta_s(r);
	json_t *object;

	if (!r->started)
		return;
	object = event_new("progress");
	set_text(object, "phase", transfer_phase_name(p->phase));
	set_count(object, "files", p->files);
	set_count(object, "files_total", p->files_total);
	set_count(object, "bytes", p->bytes);
	set_count(object, "bytes_total", p->bytes_total);
	set_count(object, "rate", (uint64_t)r->rate.bytes_per_s);
	if (eta >= 0 && eta < 1e12)
		set_count(object, "eta_s", (uint64_t)eta);
	else
		set(object, "eta_s", json_null());
	set_count(object, "stalled_s", report_stalled_s(r));
	emit(r, object);
}

static void
json_summary(struct report *r, int exit_code)
{
	const struct outcome *o = &r->outcome;
	json_t *object = event_new("summary");
	uint64_t ms = clock_ms() - r->begun_ms;

	set_text(object, "verb", r->options->verb_name);
	set_count(object, "exit_code", (uint64_t)exit_code);
	set_text(object, "exit_name", exit_code > 128 ? "signal" : exit_name(exit_code));
	set_count(object, "files_total", r->progress.files_total);
	set_count(object, "files_done", o->done);
	set_count(object, "files_same", o->same);
	set_count(object, "files_skipped", o->skipped);
	set_count(object, "files_failed", o->failed);
	set_count(object, "files_deleted", 0);
	set_count(object, "bytes_total", r->progress.bytes_total);
	set_count(object, "bytes_wire", r->progress.bytes_wire);
	set_count(object, "bytes_resumed", o->bytes_resumed);
	set_count(object, "bytes_reused", 0);
	set(object, "elapsed_s", json_real((double)ms / 1000));
	set(object, "durable", json_boolean(exit_code == 0 && !r->options->transfer.dry_run));
	set(object, "resumable", json_boolean(o->resumable));
	set(object, "failed0", json_null());
	emit(r, object);
}

const struct reporter json_reporter = {
    .started = json_started,
    .file = json_file,
    .error = json_error,
    .note = json_note,
    .progress = json_progress,
    .summary = json_summary,
};
