/*
 * What a transfer says: for people (report.c) or as JSON (json.c), behind one table of functions.
 */
#ifndef FTX_REPORT_H
#define FTX_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/ftx/options.h"
#include "src/client/outcome.h"

struct rate {
	uint64_t at_ms;	    /* the last look */
	uint64_t bytes;	    /* moved until then */
	uint64_t moved_ms;  /* when bytes last grew */
	double bytes_per_s; /* over the last seconds */
};

struct report {
	const struct reporter *reporter;
	const struct options *options;
	struct outcome outcome;
	struct transfer_progress progress;
	struct rate rate;
	uint64_t begun_ms;
	bool terminal;	/* stderr is one */
	bool line_open; /* a progress line stands there */
	bool started;
	bool mode_told;
	int output_errnum; /* standard output does not take what it is given */
};

struct reporter {
	void (*started)(struct report *r, const struct transfer_started *e);
	void (*file)(struct report *r, const struct transfer_file *e);
	void (*error)(struct report *r, const char *path, const struct problem *p);
	void (*note)(struct report *r, const struct problem *p);
	void (*progress)(struct report *r);
	void (*summary)(struct report *r, int exit_code); /* exit_code > 128: ended by a signal */
};

extern const struct reporter text_reporter;
extern const struct reporter json_reporter;

void report_init(struct report *r, const struct options *o);

/* Takes the figures in; call it at most twice a second, then progress. */
void report_measure(struct report *r, const struct transfer_progress *p);

/* Seconds to go, or -1 where that is not known. */
double report_eta_s(const struct report *r);

/* Whole seconds since content last moved. */
uint64_t report_stalled_s(const struct report *r);

/* Writes to standard output; the first error is kept in output_errnum. */
void report_output(struct report *r, const void *data, size_t length);

#endif
