/*
 * How far it is: on a terminal as lines that are drawn anew some times a second, elsewhere, where
 * that is asked for, as a line now and then; and as one more for who sends SIGUSR1.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/ftx/report.h"
#include "cmd/ftx/screen.h"
#include "cmd/ftx/signals.h"
#include "src/base/clock.h"

#define SCREEN_MS      250u /* between two drawings */
#define SCREEN_SOON_MS 50u  /* behind a message that was in the way */
#define EVENT_MS       500u /* events: at most two a second */
#define LINE_MS	       5000u
#define LINE_FIRST_MS  1000u

int
report_watch(struct report *r)
{
	return r->on_screen ? screen_open() : 0;
}

bool
report_due(struct report *r)
{
	if (signals_asked())
		r->asked = true;
	if (r->on_screen && screen_changed())
		r->next_ms = 0;
	return r->asked || clock_ms() >= r->next_ms;
}

static bool
is_change(const struct transfer_progress *a, const struct transfer_progress *b)
{
	return a->files != b->files || a->files_total != b->files_total || a->bytes != b->bytes ||
	       a->bytes_total != b->bytes_total || a->bytes_wire != b->bytes_wire ||
	       a->phase != b->phase;
}

void
report_measure(struct report *r, const struct transfer_progress *p)
{
	uint64_t now = clock_ms();
	uint64_t moved = p->bytes > p->bytes_present ? p->bytes - p->bytes_present : 0;

	if (screen_continued()) {
		/* What it could not do while it was stopped says nothing of the rate. */
		progress_rate_start(&r->rate, now, moved);
		r->alive_ms = now;
	}
	if (is_change(&r->progress, p))
		r->alive_ms = now;
	r->progress = *p;
	progress_rate_add(&r->rate, now, moved);
}

void
report_look(struct report *r, const struct transfer_progress *p)
{
	uint64_t now = clock_ms();

	report_measure(r, p);
	if (r->asked)
		r->reporter->answer(r);
	r->asked = false;
	if (now < r->next_ms)
		return;
	r->next_ms = now + (r->on_screen ? SCREEN_MS : EVENT_MS);
	r->reporter->progress(r);
}

double
report_eta_s(const struct report *r)
{
	const struct transfer_progress *p = &r->progress;
	double rate = progress_rate_per_s(&r->rate);

	if (rate < 1 || p->endless || p->bytes_total < p->bytes)
		return -1;
	return (double)(p->bytes_total - p->bytes) / rate;
}

uint64_t
report_stalled_s(const struct report *r)
{
	return (clock_ms() - r->alive_ms) / 1000;
}

void
report_clear(struct report *r)
{
	if (!screen_drawn())
		return;
	screen_erase();
	if (r->next_ms > r->shown_ms + SCREEN_SOON_MS)
		r->next_ms = r->shown_ms + SCREEN_SOON_MS;
}

static void
job_line(struct report *r, char line[static PROGRESS_LINE_BYTES], size_t columns)
{
	struct progress_view v = {.figures = &r->progress,
				  .bytes_per_s = progress_rate_per_s(&r->rate),
				  .eta_s = r->progress.scanned ? report_eta_s(r) : -1,
				  .stalled_s = report_stalled_s(r),
				  .percent = &r->percent};

	progress_job_line(line, &v, columns);
}

/* Who is stopped by a signal may be ended by the next one, and leaves nothing behind then. */
static void
draw(struct report *r)
{
	char job[PROGRESS_LINE_BYTES], files[PROGRESS_LINE_BYTES];
	const char *const lines[] = {job, files};
	size_t columns = screen_columns();

	if (signals_caught() != 0) {
		screen_erase();
		return;
	}
	job_line(r, job, columns);
	progress_files_line(files, &r->current, columns);
	screen_draw(lines, 2);
}

void
text_progress(struct report *r)
{
	uint64_t now = clock_ms();

	if (!r->show_progress || !r->started)
		return;
	if (r->on_screen) {
		draw(r);
	} else if (now - r->shown_ms >= LINE_MS ||
		   (r->shown_ms == 0 && now - r->begun_ms >= LINE_FIRST_MS)) {
		text_answer(r);
	} else {
		return;
	}
	r->shown_ms = now;
}

void
text_answer(struct report *r)
{
	const char *verb = r->options->verb_name;
	char line[PROGRESS_LINE_BYTES];

	report_clear(r);
	if (!r->started) {
		fprintf(stderr, "ftx: %s: not connected yet\n", verb);
	} else if ((r->options->verb & (VERBS_TRANSFER | VERBS_COMPARE)) == 0) {
		fprintf(stderr, "ftx: %s: %llu done\n", verb,
			(unsigned long long)r->progress.files);
	} else {
		job_line(r, line, SIZE_MAX);
		fprintf(stderr, "ftx: %s: %s\n", verb, line);
	}
}
