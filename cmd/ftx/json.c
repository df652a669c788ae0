/*
 * The NDJSON events of put, get and what all commands have in common (ftx(1), JSON EVENTS).
 */
#include <stdio.h>
#include <string.h>

#include "cmd/ftx/json_event.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/encoding.h"

static void
json_started(struct report *r, const struct transfer_started *e)
{
	const struct transfer_request *t = &r->options->transfer;
	json_t *object = json_event("start");
	json_t *sources = json_array(), *exact = json_array();
	char session[33], address[ADDRESS_SERVER_BYTES + 8];
	bool utf8 = true;

	for (size_t i = 0; i < t->source_count; i++) {
		(void)json_array_append_new(sources, json_name_value(t->sources[i]));
		(void)json_array_append_new(exact, json_base64_value(t->sources[i]));
		utf8 = utf8 && utf8_valid(t->sources[i], strlen(t->sources[i]));
	}
	hex_encode(session, e->session_id, sizeof(e->session_id));
	snprintf(address, sizeof(address), "ftx://%s", e->server);
	json_set_text(object, "verb", r->options->verb_name);
	json_set(object, "dry_run", json_boolean(t->dry_run));
	json_set_text(object, "server", e->server);
	json_set_text(object, "address", address);
	json_set_text(object, "session", session);
	json_set_count(object, "streams", e->streams);
	json_set_text(object, "aead", e->aead);
	json_set(object, "sources", sources);
	if (utf8)
		json_decref(exact);
	else
		json_set(object, "sources_b64", exact);
	json_set_name(object, "dest", t->dest);
	json_emit(r, object);
}

/* Of status_flag: what the destination could not hold. */
static json_t *
not_kept_value(uint8_t bits)
{
	static const char *const names[] = {"mode", "owner", "xattrs", "acls"};
	json_t *list = json_array();

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((bits & 1u << i) != 0)
			(void)json_array_append_new(list, json_string(names[i]));
	return list;
}

static void
json_file(struct report *r, const struct transfer_file *e)
{
	json_t *object = json_event("file");
	/* What --delete removes at the destination has no source. */
	bool sourceless = e->action == ACTION_DELETE && (r->options->verb & VERBS_TRANSFER) != 0;
	char digest[DIGEST_TEXT_BYTES];

	json_set_name(object, "path", sourceless ? NULL : e->path);
	json_set_name(object, "dest", e->dest);
	json_set_text(object, "type", entry_type_name(e->type));
	json_set_text(object, "action", file_action_name(e->action));
	json_set_text(object, "status", file_status_name(e->status));
	json_set_count(object, "bytes", e->bytes);
	json_set_count(object, "bytes_sent", e->bytes_sent);
	json_set_count(object, "bytes_resumed", e->bytes_resumed);
	json_set_count(object, "bytes_reused", 0);
	json_set(object, "digest",
		 e->has_digest ? json_string(digest_format(digest, &e->digest)) : json_null());
	json_set(object, "mode_kept", json_boolean((e->not_kept & STATUS_MODE_NOT_KEPT) == 0));
	json_set(object, "not_kept", not_kept_value(e->not_kept));
	json_emit(r, object);
}

static void
json_error(struct report *r, const char *path, const struct problem *p)
{
	json_t *object = json_event("error");
	const char *errno_name = p->errnum != 0 ? strerrorname_np(p->errnum) : NULL;

	json_set_name(object, "path", path);
	json_set_text(object, "name", error_name(p->error));
	json_set_count(object, "exit", (uint64_t)error_exit(p->error));
	json_set(object, "message", json_name_value(p->text));
	json_set(object, "hint", p->hint[0] != '\0' ? json_name_value(p->hint) : json_null());
	json_set(object, "errno_name", errno_name != NULL ? json_string(errno_name) : json_null());
	json_set_text(object, "side", side_name(p->side));
	json_set(object, "retryable", json_boolean(p->retryable));
	json_emit(r, object);
}

static void
json_note(struct report *r, const struct problem *p)
{
	(void)r; /* the events have no place for what is neither an error nor a result */
	(void)p;
}

/* Nothing comes before "start". */
static void
json_answer(struct report *r)
{
	const struct transfer_progress *p = &r->progress;
	double eta = report_eta_s(r);
	json_t *object;

	if (!r->started)
		return;
	object = json_event("progress");
	json_set_text(object, "phase", transfer_phase_name(p->phase));
	json_set_count(object, "files", p->files);
	json_set_count(object, "files_total", p->files_total);
	json_set_count(object, "bytes", p->bytes);
	json_set_count(object, "bytes_total", p->bytes_total);
	json_set_count(object, "rate", (uint64_t)progress_rate_per_s(&r->rate));
	if (eta >= 0 && eta < 1e12)
		json_set_count(object, "eta_s", (uint64_t)eta);
	else
		json_set(object, "eta_s", json_null());
	json_set_count(object, "stalled_s", report_stalled_s(r));
	json_emit(r, object);
}

static void
json_progress(struct report *r)
{
	if (r->show_progress)
		json_answer(r);
}

/* What was found, in a transfer also what was not begun. */
static uint64_t
files_total(const struct report *r)
{
	return (r->options->verb & VERBS_TRANSFER) != 0 ? r->progress.files_total
							: r->outcome.total + r->outcome.deleted;
}

static void
json_summary(struct report *r, int exit_code)
{
	const struct outcome *o = &r->outcome;
	json_t *object = json_event("summary");
	uint64_t ms = clock_ms() - r->begun_ms;

	json_set_text(object, "verb", r->options->verb_name);
	json_set_count(object, "exit_code", (uint64_t)exit_code);
	json_set_text(object, "exit_name", exit_code > 128 ? "signal" : exit_name(exit_code));
	json_set_count(object, "files_total", files_total(r));
	json_set_count(object, "files_done", o->done);
	json_set_count(object, "files_same", o->same);
	json_set_count(object, "files_ignored", o->ignored);
	json_set_count(object, "files_skipped", o->skipped);
	json_set_count(object, "files_failed", o->failed);
	json_set_count(object, "files_deleted", o->deleted);
	if (r->options->verb == VERB_VERIFY)
		json_set_count(object, "differences", r->differences);
	json_set_count(object, "bytes_total", r->progress.bytes_total);
	json_set_count(object, "bytes_wire", r->progress.bytes_wire);
	json_set_count(object, "bytes_resumed", o->bytes_resumed);
	json_set_count(object, "bytes_reused", 0);
	json_set(object, "elapsed_s", json_real((double)ms / 1000));
	json_set(object, "durable", json_boolean(report_durable(r, exit_code)));
	json_set(object, "resumable", json_boolean(o->resumable));
	json_set_name(object, "failed0", r->options->failed0);
	json_emit(r, object);
}

const struct reporter json_reporter = {
    .started = json_started,
    .file = json_file,
    .error = json_error,
    .note = json_note,
    .progress = json_progress,
    .answer = json_answer,
    .summary = json_summary,
    .share = json_share,
    .directory = json_directory,
    .entry = json_entry,
    .space = json_space,
    .difference = json_difference,
    .server = json_server,
    .digest = json_file,
};
