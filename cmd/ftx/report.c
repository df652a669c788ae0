/*
 * Text for people: the plan of a dry run on standard output, everything else on standard error, one
 * line an error.  Names of files are shown escaped.
 */
#include "cmd/ftx/report.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ftx/output.h"
#include "cmd/ftx/screen.h"
#include "cmd/ftx/signals.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/io.h"
#include "src/base/units.h"

void
report_init(struct report *r, const struct options *o)
{
	bool reads = (o->verb & (VERBS_TRANSFER | VERBS_COMPARE)) != 0;

	memset(r, 0, sizeof(*r));
	r->options = o;
	r->reporter = o->json ? &json_reporter : &text_reporter;
	r->begun_ms = clock_ms();
	r->alive_ms = r->begun_ms;
	progress_rate_start(&r->rate, r->begun_ms, 0);
	r->payload = o->verb == VERB_GET && strcmp(o->transfer.dest, "-") == 0;
	r->output_fd = r->payload ? STDERR_FILENO : STDOUT_FILENO;
	r->terminal = isatty(STDERR_FILENO) == 1;
	r->output_terminal = isatty(r->output_fd) == 1;
	/* Data that are themselves shown there, and lines among them, would be of no use. */
	r->on_screen = reads && !o->json && !o->quiet && o->progress != PROGRESS_NEVER &&
		       !(r->payload && isatty(STDOUT_FILENO) == 1) && screen_possible();
	if (o->json)
		r->show_progress = reads && o->progress != PROGRESS_NEVER;
	else
		r->show_progress =
		    r->on_screen || (reads && !o->quiet && o->progress == PROGRESS_ALWAYS);
}

void
report_output(struct report *r, const void *data, size_t length)
{
	if (r->output_errnum != 0)
		return;
	if (write_full(r->output_fd, data, length) != 0)
		r->output_errnum = errno != 0 ? errno : EIO;
}

bool
report_is_lost(const struct report *r)
{
	return r->output_errnum != 0 || r->unread;
}

/* What is at the other end of standard output has gone, and we are to die of it without a word. */
static bool
is_broken_pipe(const struct report *r)
{
	return r->unread || (r->output_errnum == EPIPE && !signals_unwanted(SIGPIPE));
}

int
report_end(struct report *r, int code)
{
	int caught = signals_caught();

	if (caught == 0 && is_broken_pipe(r))
		caught = SIGPIPE;
	if (caught != 0)
		code = 128 + caught;
	r->reporter->summary(r, code);
	if (caught != 0)
		signals_die(caught);
	if (r->output_errnum == 0)
		return code;
	output_failed(r->options->verb_name, r->output_errnum);
	return code != 0 ? code : FTX_EXIT_FAILURE;
}

bool
report_durable(const struct report *r, int exit_code)
{
	const struct transfer_request *t = &r->options->transfer;

	return exit_code == 0 && !t->dry_run && !t->no_sync && !r->payload;
}

static bool
chatty(const struct report *r)
{
	return !r->options->quiet && (r->terminal || r->options->verbose);
}

static void
text_started(struct report *r, const struct transfer_started *e)
{
	if (!r->options->verbose || r->options->quiet)
		return;
	report_clear(r);
	fprintf(stderr, "ftx: %s: connected to %s (%s)\n", r->options->verb_name, e->server,
		e->aead);
}

/* A line of the plan, or of what has become of an entry. */
static void file_line(struct report *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void
file_line(struct report *r, const char *format, ...)
{
	char line[2 * DISPLAY_PATH_BYTES + 64];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	report_clear(r);
	if (n < 0 || (size_t)n >= sizeof(line))
		return;
	if (r->options->transfer.dry_run)
		report_output(r, line, (size_t)n);
	else
		fputs(line, stderr);
}

static const char *
why_skipped(enum entry_type type)
{
	bool special = type != ENTRY_FILE && type != ENTRY_DIRECTORY && type != ENTRY_SYMLINK;

	return special ? "not a regular file" : "the name is one of ftx's own";
}

static void
text_file(struct report *r, const struct transfer_file *e)
{
	char source[DISPLAY_PATH_BYTES], dest[DISPLAY_PATH_BYTES];
	const char *to = e->dest != NULL ? e->dest : "";
	bool plan = r->options->transfer.dry_run;

	if (e->status == STATUS_FAILED || e->status == STATUS_CHANGED ||
	    (!plan && (!r->options->verbose || r->options->quiet)))
		return;
	/* Directories that stay as they are would only hide the rest. */
	if (e->status == STATUS_SAME && e->type == ENTRY_DIRECTORY)
		return;
	display_escape(source, sizeof(source), e->path, strlen(e->path));
	display_escape(dest, sizeof(dest), to, strlen(to));
	if (e->action == ACTION_DELETE)
		file_line(r, "deleting %s\n", dest[0] != '\0' ? dest : source);
	else if (e->status == STATUS_SKIPPED)
		file_line(r, "%s: skipped, %s\n", source, why_skipped(e->type));
	else
		file_line(r, "%s -> %s (%s)\n", source, dest,
			  e->status == STATUS_IGNORED ? "ignored" : file_action_name(e->action));
}

static void
text_error(struct report *r, const char *path, const struct problem *p)
{
	static const char *const where[] = {
	    [SIDE_LOCAL] = "", [SIDE_REMOTE] = "on the server: ", [SIDE_NETWORK] = ""};
	char shown[DISPLAY_PATH_BYTES];

	report_clear(r);
	fprintf(stderr, "ftx: %s: ", r->options->verb_name);
	if (path != NULL)
		fprintf(stderr, "'%s': ", display_escape(shown, sizeof(shown), path, strlen(path)));
	/* About keys the sentence says itself who did what. */
	fprintf(stderr, "%s%s",
		p->error == FTX_E_SERVER_KEY || p->error == FTX_E_KEY_REFUSED ? "" : where[p->side],
		p->text);
	if (p->hint[0] != '\0')
		fprintf(stderr, " (%s)", p->hint);
	else if (p->error == FTX_E_INTERRUPTED)
		fputs(" (run the same command again to go on)", stderr);
	else if (p->retryable)
		fputs(" (trying again may help)", stderr);
	fputs("\n", stderr);
}

static void
text_note(struct report *r, const struct problem *p)
{
	if (!chatty(r))
		return;
	report_clear(r);
	fprintf(stderr, "ftx: %s: %s\n", r->options->verb_name, p->text);
}

/* Once for each kind, not for each file. */
static void
tell_not_kept(const struct report *r)
{
	static const char *const kinds[] = {"mode", "owner and group", "extended attributes",
					    "access control lists"};

	for (unsigned bit = 0; bit < sizeof(kinds) / sizeof(kinds[0]); bit++)
		if ((r->outcome.not_kept & 1u << bit) != 0)
			fprintf(stderr, "ftx: %s: %s not kept: the destination cannot hold all\n",
				r->options->verb_name, kinds[bit]);
}

static void
print_count(uint64_t n, const char *what)
{
	if (n > 0)
		fprintf(stderr, ", %llu %s", (unsigned long long)n, what);
}

static void
verify_summary(const struct report *r, uint64_t ms)
{
	const struct outcome *o = &r->outcome;
	char bytes[32], time[64];

	size_format(bytes, sizeof(bytes), r->progress.bytes_total);
	duration_format(time, sizeof(time), ms);
	fprintf(stderr, "ftx: verify: %llu %s, %s in %s, %llu %s", (unsigned long long)o->total,
		o->total == 1 ? "file" : "files", bytes, time, (unsigned long long)r->differences,
		r->differences == 1 ? "difference" : "differences");
	print_count(o->skipped, "skipped");
	print_count(o->failed, "failed");
	fputs("\n", stderr);
}

static void
text_summary(struct report *r, int exit_code)
{
	const struct outcome *o = &r->outcome;
	uint64_t ms = clock_ms() - r->begun_ms;
	char bytes[32], rate[32], time[64], resumed[32];
	uint64_t moved = r->progress.bytes_wire;

	report_clear(r);
	if (!r->options->quiet)
		tell_not_kept(r);
	if (!chatty(r) || !r->started || exit_code > 128 || r->options->transfer.dry_run)
		return;
	if (r->options->verb == VERB_VERIFY)
		verify_summary(r, ms);
	if ((r->options->verb & VERBS_TRANSFER) == 0)
		return;
	size_format(bytes, sizeof(bytes), r->progress.bytes_total);
	size_format(resumed, sizeof(resumed), o->bytes_resumed);
	size_format(rate, sizeof(rate), ms > 0 ? moved * 1000 / ms : moved);
	duration_format(time, sizeof(time), ms);
	fprintf(stderr, "ftx: %s: %llu %s, %s in %s, %s/s", r->options->verb_name,
		(unsigned long long)o->total, o->total == 1 ? "file" : "files", bytes, time, rate);
	if (o->bytes_resumed > 0)
		fprintf(stderr, ", %s of it resumed", resumed);
	print_count(o->same, "unchanged");
	print_count(o->ignored, "ignored");
	print_count(o->skipped, "skipped");
	print_count(o->deleted, "deleted");
	print_count(o->failed, "failed");
	fputs("\n", stderr);
	if (exit_code == 0 && r->options->transfer.no_sync)
		fprintf(stderr, "ftx: %s: OK-UNSYNCED: a power cut may still undo it (--no-sync)\n",
			r->options->verb_name);
}

/* A line each, also where a name has a line feed. */
static void
text_difference(struct report *r, const struct shown_difference *d)
{
	const char *text = difference_text(d->difference);
	char shown[DISPLAY_PATH_BYTES];

	report_clear(r);
	display_escape(shown, sizeof(shown), d->path, strlen(d->path));
	report_output(r, shown, strlen(shown));
	report_output(r, ": ", 2);
	report_output(r, text, strlen(text));
	report_output(r, "\n", 1);
}

/*
 * As sha256sum(1): a name with a backslash, a line feed or a carriage return is written with
 * backslashes, and the line begins with one.
 */
static void
text_digest(struct report *r, const struct transfer_file *e)
{
	char digest[DIGEST_TEXT_BYTES], shown[DISPLAY_PATH_BYTES];
	bool escaped = !r->output_terminal && strpbrk(e->path, "\\\n\r") != NULL;

	report_clear(r);
	digest_format(digest, &e->digest);
	report_output(r, "\\", escaped);
	report_output(r, digest, strlen(digest));
	report_output(r, "  ", 2);
	if (r->output_terminal) {
		display_escape(shown, sizeof(shown), e->path, strlen(e->path));
		report_output(r, shown, strlen(shown));
	}
	for (const char *c = e->path; *c != '\0' && !r->output_terminal; c++) {
		size_t plain = strcspn(c, "\\\n\r");

		report_output(r, c, plain);
		c += plain;
		if (*c == '\0')
			break;
		report_output(r, *c == '\\' ? "\\\\" : *c == '\n' ? "\\n" : "\\r", 2);
	}
	report_output(r, "\n", 1);
}

const struct reporter text_reporter = {
    .started = text_started,
    .file = text_file,
    .error = text_error,
    .note = text_note,
    .progress = text_progress,
    .answer = text_answer,
    .summary = text_summary,
    .share = text_share,
    .directory = text_directory,
    .entry = text_entry,
    .space = text_space,
    .server = text_server,
    .difference = text_difference,
    .digest = text_digest,
};
