/*
 * What an administrator sees of the supervisor while it runs: the control socket, the metrics file,
 * the watch of the shares, and the figures that they tell.
 */
#ifndef SERVER_OPERATIONS_H
#define SERVER_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/server/control.h"
#include "src/server/share.h"
#include "src/server/tally.h"

struct supervisor;
struct peer;

/* How sessions ended: OPERATIONS_DONE, by an error as its number, or OPERATIONS_DIED. */
enum { OPERATIONS_DONE = 0, OPERATIONS_DIED = 128, OPERATIONS_ENDS };

struct operations {
	uint64_t started_ms;
	struct control_reader readers[CONTROL_READERS];
	struct tally_line *tally;
	uint64_t ended[OPERATIONS_ENDS];
	uint64_t accept_again_ms; /* not 0: no descriptors were left, the control socket rests */
	pid_t share_watch;	  /* 0: there is none */
	struct share_seen *seen;  /* by it, of each share of the policy; NULL: nothing */
	size_t seen_count;
	uint64_t next_metrics_ms; /* 0: there is no file */
	pid_t metrics_writer;	  /* 0: there is none */
	uint64_t writing_since_ms;
	bool metrics_failed; /* and that was logged */
};

/* 0 or FTX_E_NOMEM, ...  The control socket of the options is watched. */
int operations_open(struct supervisor *s);
void operations_close(struct supervisor *s);

/* The settings are others now. */
void operations_reloaded(struct supervisor *s);

/* Somebody has come to the control socket; a reader of it takes more. */
void operations_accept(struct supervisor *s);
void operations_go_on(struct supervisor *s, size_t reader);

/* A session has begun; it is over, with its last message or without one. */
void operations_session_began(struct supervisor *s, struct peer *p);
void operations_session_over(struct supervisor *s, struct peer *p);

/* Was this child one of the helpers?  It has ended with this status. */
bool operations_reaped(struct supervisor *s, pid_t pid, int status);

/* What the watch has seen of the policy's share of this number; NULL: nothing. */
const struct share_seen *operations_share(const struct supervisor *s, size_t number);

/* "done", "died", or the name of an error; the number as in operations.ended. */
const char *operations_end_name(unsigned number);

/* When it is time: metrics, readers that take too long.  When that is at the latest. */
void operations_on_time(struct supervisor *s, uint64_t now_ms);
uint64_t operations_next_ms(const struct supervisor *s);

#endif
