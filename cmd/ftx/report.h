/*
 * What a run says: for people (report.c, report_progress.c, report_remote.c) or as JSON (json.c,
 * json_remote.c), behind one table of functions.
 */
#ifndef FTX_REPORT_H
#define FTX_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/ftx/options.h"
#include "proto/message.h"
#include "src/client/connect.h"
#include "src/client/outcome.h"
#include "src/client/progress.h"
#include "src/client/verify.h"

struct report {
	const struct reporter *reporter;
	const struct options *options;
	struct outcome outcome; /* before summary */
	struct transfer_progress progress;
	struct transfer_current current; /* put, get: where on_screen is set */
	struct progress_rate rate;
	uint64_t begun_ms;
	uint64_t alive_ms; /* when the figures last changed */
	uint64_t next_ms;  /* when they are wanted next */
	uint64_t shown_ms; /* when they were shown */
	unsigned percent;  /* shown, at most */
	int output_fd;	   /* of results and events: standard output where that is not the data */
	bool payload;	   /* standard output is the data */
	bool unread;	   /* ... and nobody reads them any more */
	bool terminal;	   /* stderr is one */
	bool output_terminal;
	bool show_progress;
	bool on_screen; /* as lines that are drawn anew (screen.h) */
	bool asked;	/* somebody wants to know (SIGUSR1) */
	bool started;
	bool listed;	      /* ls: something was printed */
	uint64_t differences; /* verify: that were reported */
	int output_errnum;    /* standard output does not take what it is given */
};

/* An entry of the server, for ls and stat. */
struct shown_entry {
	const char *path; /* as typed, and what is below it */
	const char *name; /* what ls calls it */
	const struct attributes *attributes;
};

/* Something that verify found. */
struct shown_difference {
	const char *path, *dest; /* both as typed, and what is below them */
	enum entry_type type;
	enum difference difference;
};

/* A server that answers. */
struct shown_server {
	const struct address *address;
	const struct server_info *info;
	const char *aead;
	const uint8_t *session_id; /* 16 bytes */
	uint64_t connect_ns;
	unsigned count; /* of round trips, at least 1 */
	uint64_t least_ns, mean_ns, most_ns;
};

struct reporter {
	void (*started)(struct report *r, const struct transfer_started *e);
	void (*file)(struct report *r, const struct transfer_file *e);
	void (*error)(struct report *r, const char *path, const struct problem *p);
	void (*note)(struct report *r, const struct problem *p);
	void (*progress)(struct report *r);
	void (*answer)(struct report *r); /* who asked how far it is, whatever the options say */
	void (*summary)(struct report *r, int exit_code); /* exit_code > 128: ended by a signal */

	void (*share)(struct report *r, const char *name, uint8_t rights);
	void (*directory)(struct report *r, const char *path); /* what follows is in it */
	void (*entry)(struct report *r, const struct shown_entry *e);
	void (*space)(struct report *r, const char *path, const struct message_space *s);
	void (*difference)(struct report *r, const struct shown_difference *d);
	void (*server)(struct report *r, const struct shown_server *s);
	void (*digest)(struct report *r, const struct transfer_file *e); /* it has one */
};

extern const struct reporter text_reporter;
extern const struct reporter json_reporter;

void report_init(struct report *r, const struct options *o);

/* Behind signals_catch(): a terminal that shows progress is seen to.  0 or an FTX_E_*. */
int report_watch(struct report *r);

/* Are the figures wanted?  Then report_look().  When next: next_ms of clock_ms(), or a signal. */
bool report_due(struct report *r);

/* Takes the figures in, shows them where it is time, and tells them to who has asked. */
void report_look(struct report *r, const struct transfer_progress *p);

/* Takes the figures in, and no more: at the end. */
void report_measure(struct report *r, const struct transfer_progress *p);

/* Seconds to go, or -1 where that is not known. */
double report_eta_s(const struct report *r);

/* Whole seconds since anything moved. */
uint64_t report_stalled_s(const struct report *r);

/* Before anything else is written to the terminal. */
void report_clear(struct report *r);

/* Writes to output_fd; the first error is kept in output_errnum. */
void report_output(struct report *r, const void *data, size_t length);

/* Does what is asked for have no place to go to any more? */
bool report_is_lost(const struct report *r);

/*
 * The summary, and the exit code of a run that ended with code but for what happened to it: it dies
 * of the signal that it caught, and of SIGPIPE where nobody reads its standard output.
 */
int report_end(struct report *r, int code);

/* Is what was done on stable storage, if it ended so? */
bool report_durable(const struct report *r, int exit_code);

/* Text of the progress. */
void text_progress(struct report *r);
void text_answer(struct report *r);

/* Text of ls, stat, df and ping. */
void text_share(struct report *r, const char *name, uint8_t rights);
void text_directory(struct report *r, const char *path);
void text_entry(struct report *r, const struct shown_entry *e);
void text_space(struct report *r, const char *path, const struct message_space *s);
void text_server(struct report *r, const struct shown_server *s);

#endif
