/*
 * The lines of progress.  Each is made of parts that are tried from what says most to what says
 * least, until it fits.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/columns.h"
#include "src/base/display.h"
#include "src/base/units.h"
#include "src/client/progress.h"

#define AT_LEAST  "\xe2\x89\xa5" /* U+2265: more may be found */
#define SEPARATOR ", "

#define ETA_AT_MOST_S 1e8 /* three years: nothing moves */

#define PART_BYTES   96u
#define PART_FORMS   3u
#define FILE_COLUMNS 16u /* a name and its percent in less say nothing */
#define FILE_WIDE    40u /* ... and from here on also of how much */
#define MORE_COLUMNS 10u /* ", 15 more" */

/* A part of a line in its forms, the longest first; "": left out. */
struct part {
	char forms[PART_FORMS][PART_BYTES];
	unsigned form; /* that is used */
};

enum part_name { PART_FILES, PART_BYTES_MOVED, PART_RATE, PART_LEFT, PART_PRESENT, PART_COUNT };

/* What is shortened next, when a line is too wide. */
static const enum part_name shorten[] = {
    PART_PRESENT, PART_FILES,	    PART_LEFT, PART_BYTES_MOVED, PART_FILES,
    PART_LEFT,	  PART_BYTES_MOVED, PART_RATE, PART_BYTES_MOVED,
};

static void say(struct part *part, unsigned form, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void
say(struct part *part, unsigned form, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(part->forms[form], sizeof(part->forms[form]), format, ap);
	va_end(ap);
}

static void
say_files(struct part *part, const struct transfer_progress *p)
{
	const char *least = p->scanned ? "" : AT_LEAST;

	say(part, 0, "%" PRIu64 " of %s%" PRIu64 " %s", p->files, least, p->files_total,
	    p->files_total == 1 ? "file" : "files");
	say(part, 1, "%" PRIu64 "/%s%" PRIu64, p->files, least, p->files_total);
}

static void
say_bytes(struct part *part, const struct progress_view *v)
{
	const struct transfer_progress *p = v->figures;
	unsigned percent = progress_percent(v->figures);
	char done[32], total[32];

	/* A source that grows makes it less. */
	if (percent != UINT_MAX)
		percent = *v->percent = percent > *v->percent ? percent : *v->percent;
	size_format(done, sizeof(done), p->bytes);
	size_format(total, sizeof(total), p->bytes_total > p->bytes ? p->bytes_total : p->bytes);
	if (p->endless) {
		say(part, 0, "%s", done);
		say(part, 1, "%s", done);
	} else if (percent == UINT_MAX) {
		say(part, 0, "%s of %s%s", done, p->scanned ? "" : AT_LEAST, total);
		say(part, 1, "%s", done);
	} else {
		say(part, 0, "%s of %s (%u%%)", done, total, percent);
		say(part, 1, "%u%% of %s", percent, total);
	}
	if (percent == UINT_MAX)
		say(part, 2, "%s", done);
	else
		say(part, 2, "%u%%", percent);
}

/* "4:05", "1:00:05", "2d 3h" */
static void
say_clock(struct part *part, unsigned form, uint64_t s)
{
	if (s < 3600)
		say(part, form, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
	else if (s < 86400)
		say(part, form, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60,
		    s % 60);
	else
		say(part, form, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static void
say_left(struct part *part, const struct progress_view *v)
{
	char text[32];

	if (v->figures->phase == PHASE_COMMIT) {
		say(part, 0, "finishing");
		say(part, 1, "finishing");
	} else if (v->stalled_s >= PROGRESS_STALLED_S) {
		duration_format(text, sizeof(text), v->stalled_s * 1000);
		say(part, 0, "stalled %s", text);
		say(part, 1, "stalled %s", text);
	} else if (v->eta_s >= 0 && v->eta_s < ETA_AT_MOST_S) {
		uint64_t s = (uint64_t)(v->eta_s + 0.5);

		if (s < 10)
			say(part, 0, "%" PRIu64 " s left", s);
		else
			say(part, 0, "%s left", duration_format(text, sizeof(text), s * 1000));
		say_clock(part, 1, s);
	}
}

static void
say_rate(struct part *part, const struct progress_view *v)
{
	char text[32];

	/* What has stalled has none. */
	if (v->stalled_s >= PROGRESS_STALLED_S || v->figures->phase == PHASE_COMMIT)
		return;
	size_format(text, sizeof(text), (uint64_t)v->bytes_per_s);
	say(part, 0, "%s/s", text);
}

static void
join(char out[static PROGRESS_LINE_BYTES], const struct part parts[static PART_COUNT])
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < PART_COUNT; i++) {
		const char *text = parts[i].form < PART_FORMS ? parts[i].forms[parts[i].form] : "";

		if (text[0] != '\0')
			used += (size_t)snprintf(out + used, PROGRESS_LINE_BYTES - used, "%s%s",
						 used > 0 ? SEPARATOR : "", text);
	}
}

char *
progress_job_line(char out[static PROGRESS_LINE_BYTES], const struct progress_view *v,
		  size_t columns)
{
	struct part parts[PART_COUNT] = {0};
	char present[32];

	say_files(&parts[PART_FILES], v->figures);
	say_bytes(&parts[PART_BYTES_MOVED], v);
	say_rate(&parts[PART_RATE], v);
	say_left(&parts[PART_LEFT], v);
	if (v->figures->bytes_present > 0)
		say(&parts[PART_PRESENT], 0, "%s were there",
		    size_format(present, sizeof(present), v->figures->bytes_present));
	join(out, parts);
	for (size_t i = 0; i < sizeof(shorten) / sizeof(shorten[0]); i++) {
		if (columns_of(out) <= columns)
			break;
		parts[shorten[i]].form++;
		join(out, parts);
	}
	return out;
}

/* One big file, in at most columns.  Returns the columns used. */
static size_t
add_file(char *out, size_t capacity, const struct transfer_current_file *f, size_t columns)
{
	char shown[4 * CURRENT_NAME_BYTES], figures[64], size[32];
	uint64_t bytes = f->bytes < f->size ? f->bytes : f->size;
	unsigned percent = f->size > 0 ? (unsigned)((double)bytes * 100 / (double)f->size) : 0;
	size_t length;

	if (f->size == 0)
		figures[0] = '\0'; /* not opened yet */
	else if (columns >= FILE_WIDE)
		snprintf(figures, sizeof(figures), " %u%% of %s", percent,
			 size_format(size, sizeof(size), f->size));
	else
		snprintf(figures, sizeof(figures), " %u%%", percent);
	length = strlen(figures);
	display_escape(shown, sizeof(shown), f->name, strlen(f->name));
	columns_end(out, capacity - length, shown, columns - length);
	memcpy(out + strlen(out), figures, length + 1);
	return columns_of(out);
}

/* How many files there is room for; *more: columns that are kept for how many others there are. */
static size_t
files_that_fit(size_t count, size_t columns, size_t *more)
{
	*more = 0;
	if (count == 0 || columns < FILE_COLUMNS)
		return 0;
	if (count * (FILE_COLUMNS + 2) <= columns + 2)
		return count;
	/* Where there is room for one alone, there is no word of the others. */
	if (columns < FILE_COLUMNS + 2 + MORE_COLUMNS)
		return 1;
	*more = MORE_COLUMNS;
	return (columns - MORE_COLUMNS) / (FILE_COLUMNS + 2);
}

char *
progress_files_line(char out[static PROGRESS_LINE_BYTES], const struct transfer_current *c,
		    size_t columns)
{
	const size_t room = PROGRESS_LINE_BYTES - MORE_COLUMNS - 1;
	size_t more, used = 0, wide = 0;
	size_t shown = files_that_fit(c->count, columns, &more);

	out[0] = '\0';
	for (size_t left = shown; left > 0; left--) {
		/* What one leaves of its share is for those behind it. */
		size_t share = (columns - more - wide - 2 * (left - 1)) / left;
		size_t some = (room - used) / left - strlen(SEPARATOR);

		wide += 2 + add_file(out + used, some, &c->files[shown - left], share);
		used += strlen(out + used);
		if (left > 1)
			used += (size_t)snprintf(out + used, room - used, SEPARATOR);
	}
	if (more > 0)
		snprintf(out + used, PROGRESS_LINE_BYTES - used, ", %zu more", c->count - shown);
	return out;
}
