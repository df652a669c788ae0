/*
 * How far a run is, for people: its rate over a window of time, what is left, and lines that say
 * it in the room there is.
 */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/client/transfer.h"

#define PROGRESS_WINDOW_MS 10000u /* that rates are taken over */
#define PROGRESS_SAMPLES   32u

struct progress_sample {
	uint64_t at_ms, bytes;
};

/* What was moved when, over the last PROGRESS_WINDOW_MS. */
struct progress_rate {
	struct progress_sample samples[PROGRESS_SAMPLES]; /* a ring, from first on */
	unsigned first, count;				  /* at least one */
};

/* From now on, bytes having been moved before. */
void progress_rate_start(struct progress_rate *r, uint64_t now_ms, uint64_t bytes);

/* So many bytes have been moved in all. */
void progress_rate_add(struct progress_rate *r, uint64_t now_ms, uint64_t bytes);

/* Bytes a second over the window, 0 where nothing is known. */
double progress_rate_per_s(const struct progress_rate *r);

struct progress_view {
	const struct transfer_progress *figures;
	double bytes_per_s;
	double eta_s;	    /* negative: not known */
	uint64_t stalled_s; /* since when nothing has moved */
	unsigned *percent;  /* the most that was shown, 0: nothing; it does not go back */
};

#define PROGRESS_LINE_BYTES 2048u
#define PROGRESS_STALLED_S  3u /* from then on it is said */

/* Of the job, at most 100 and only where all is there; UINT_MAX where its size is not known. */
unsigned progress_percent(const struct transfer_progress *p);

/*
 * The whole job in at most columns (SIZE_MAX: no limit) columns: what says least is shortened and
 * left out first.  "" where not even the bytes fit.  Returns out.
 */
char *progress_job_line(char out[static PROGRESS_LINE_BYTES], const struct progress_view *v,
			size_t columns);

/* The big files that are being moved, as many as fit in columns (not SIZE_MAX).  Returns out. */
char *progress_files_line(char out[static PROGRESS_LINE_BYTES], const struct transfer_current *c,
			  size_t columns);

#endif
