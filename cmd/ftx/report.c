/*
 * Text for people: the plan of a dry run on standard output, everything else on standard error, one
 * line an error.  Names of files are shown escaped.
 */
#include "cmd/ftx/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/io.h"
#include "src/base/units.h"

#define STALL_SHOWN_S 3u

void
report_init(struct report *r, const struct options *o)
{
	memset(r, 0, sizeof(*r));
	r->options = o;
	r->reporter = o->json ? &json_reporter : &text_reporter;
	r->outcome.asked = o->transfer.source_count;
	r->begun_ms = clock_ms();
	r->rate.at_ms = r->begun_ms;
	r->rate.moved_ms = r->begun_ms;
	r->terminal = isatty(STDERR_FILENO) == 1;
}

void
report_measure(struct report *r, const struct transfer_progress *p)
{
	struct rate *rate = &r->rate;
	uint64_t now = clock_ms();
	uint64_t moved = p->bytes > p->bytes_present ? p->bytes - p->bytes_present : 0;
	double seconds = (double)(now - rate->at_ms) / 1000;
	double fresh, weight;

	r->progress = *p;
	if (moved > rate->bytes)
		rate->moved_ms = now;
	if (seconds <= 0 || moved < rate->bytes)
		return;
	/* Half of it is what the last second brought, whatever the pace of looking. */
	fresh = (double)(moved - rate->bytes) / seconds;
	weight = seconds / (1 + seconds);

	rate->bytes_per_s =
	    rate->bytes_per_s == 0 ? fresh : rate->bytes_per_s * (1 - weight) + fresh * weight;
	rate->bytes = moved;
	rate->at_ms = now;
}

double
report_eta_s(const struct report *r)
{
	const struct transfer_progress *p = &r->progress;

	if (r->rate.bytes_per_s < 1 || p->bytes_total < p->bytes)
		return -1;
	return (double)(p->bytes_total - p->bytes) / r->rate.bytes_per_s;
}

uint64_t
report_stalled_s(const struct report *r)
{
	return (clock_ms() - r->rate.moved_ms) / 1000;
}

void
report_output(struct report *r, const void *data, size_t length)
{
	if (r->output_errnum != 0)
		return;
	if (write_full(STDOUT_FILENO, data, length) != 0)
		r->output_errnum = errno != 0 ? errno : EIO;
}

/* The progress line is in the way of every other. */
static void
clear_line(struct report *r)
{
	if (r->line_open)
		fputs("\r\033[K", stderr);
	r->line_open = false;
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
	clear_line(r);
	fprintf(stderr, "ftx: %s: connected to %s (%s)\n", r->options->verb_name, e->server,
		e->aead);
}

/* "SRC -> DST" */
static void
text_file(struct report *r, const struct transfer_file *e)
{
	char source[DISPLAY_PATH_BYTES], dest[DISPLAY_PATH_BYTES];
	char line[2 * DISPLAY_PATH_BYTES + 64];
	bool plan = r->options->transfer.dry_run;
	const char *what = file_status_name(e->status);
	int n;

	if (e->mode_not_kept && !r->mode_told && !r->options->quiet) {
		clear_line(r);
		fprintf(stderr,
			"ftx: %s: mode not kept: the destination's file system cannot "
			"hold it\n",
			r->options->verb_name);
		r->mode_told = true;
	}
	if (e->status == STATUS_FAILED || e->status == STATUS_CHANGED ||
	    (!plan && (!r->options->verbose || r->options->quiet)))
		return;
	display_escape(source, sizeof(source), e->path, strlen(e->path));
	display_escape(dest, sizeof(dest), e->dest, strlen(e->dest));
	if (e->status == STATUS_PLANNED || (plan && e->status == STATUS_SAME))
		what = file_action_name(e->action);
	if (e->status == STATUS_SKIPPED)
		n = snprintf(line, sizeof(line), "%s: skipped, not a regular file\n", source);
	else
		n = snprintf(line, sizeof(line), "%s -> %s (%s)\n", source, dest, what);
	clear_line(r);
	if (plan)
		report_output(r, line, (size_t)n);
	else
		fputs(line, stderr);
}

static void
text_error(struct report *r, const char *path, const struct problem *p)
{
	static const char *const where[] = {
	    [SIDE_LOCAL] = "", [SIDE_REMOTE] = "on the server: ", [SIDE_NETWORK] = ""};
	char shown[DISPLAY_PATH_BYTES];

	clear_line(r);
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
	clear_line(r);
	fprintf(stderr, "ftx: %s: %s\n", r->options->verb_name, p->text);
}

static void
text_progress(struct report *r)
{
	const struct transfer_progress *p = &r->progress;
	char done[32], total[32], rate[32], eta[64] = "";
	double seconds = report_eta_s(r);

	if (!r->terminal || r->options->quiet || !r->started)
		return;
	size_format(done, sizeof(done), p->bytes);
	size_format(total, sizeof(total), p->bytes_total);
	size_format(rate, sizeof(rate), (uint64_t)r->rate.bytes_per_s);
	if (report_stalled_s(r) >= STALL_SHOWN_S)
		snprintf(eta, sizeof(eta), ", stalled %llu s",
			 (unsigned long long)report_stalled_s(r));
	else if (seconds >= 0 && p->scanned && seconds < 1e9) {
		memcpy(eta, ", ", 3);
		duration_format(eta + 2, sizeof(eta) - 2, (uint64_t)seconds * 1000);
	}
	fprintf(stderr, "\r\033[K%s of %s%s, %s/s%s", done, p->scanned ? "" : "\xe2\x89\xa5 ",
		total, rate, eta);
	fflush(stderr);
	r->line_open = true;
}

static void
text_summary(struct report *r, int exit_code)
{
	const struct outcome *o = &r->outcome;
	uint64_t ms = clock_ms() - r->begun_ms;
	char bytes[32], rate[32], time[64], resumed[32];
	uint64_t moved = r->progress.bytes_wire;

	clear_line(r);
	if (!chatty(r) || !r->started || exit_code > 128 || r->options->transfer.dry_run)
		return;
	size_format(bytes, sizeof(bytes), r->progress.bytes_total);
	size_format(resumed, sizeof(resumed), o->bytes_resumed);
	size_format(rate, sizeof(rate), ms > 0 ? moved * 1000 / ms : moved);
	duration_format(time, sizeof(time), ms);
	fprintf(stderr, "ftx: %s: %llu %s, %s in %s, %s/s", r->options->verb_name,
		(unsigned long long)o->total, o->total == 1 ? "file" : "files", bytes, time, rate);
	if (o->bytes_resumed > 0)
		fprintf(stderr, ", %s of it resumed", resumed);
	if (o->same > 0)
		fprintf(stderr, ", %llu unchanged", (unsigned long long)o->same);
	if (o->skipped > 0)
		fprintf(stderr, ", %llu skipped", (unsigned long long)o->skipped);
	if (o->failed > 0)
		fprintf(stderr, ", %llu failed", (unsigned long long)o->failed);
	fputs("\n", stderr);
}

const struct reporter text_reporter = {
    .started = text_started,
    .file = text_file,
    .error = text_error,
    .note = text_note,
    .progress = text_progress,
    .summary = text_summary,
};
