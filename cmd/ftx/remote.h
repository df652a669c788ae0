/*
 * What the remote verbs share: one job is one command, over one connection (digest of local files:
 * over none, remote is NULL).
 */
#ifndef FTX_REMOTE_H
#define FTX_REMOTE_H

#include "cmd/ftx/report.h"
#include "src/client/remote.h"

struct remote_job {
	const struct options *options;
	struct remote *remote;
	size_t remote_count; /* of its addresses */
	struct report report;
	bool changed;	     /* something on the server */
	uint64_t connect_ns; /* how long it took to be connected */
};

/* Each works through all arguments; trouble goes to remote_failed() and remote_entry_failed(). */
void remote_ls(struct remote_job *j);
void remote_show_stat(struct remote_job *j);
void remote_df(struct remote_job *j);
void remote_make(struct remote_job *j);
void remote_move(struct remote_job *j);
void remote_erase(struct remote_job *j);
void remote_name(struct remote_job *j);
void remote_verify(struct remote_job *j);
void remote_digests(struct remote_job *j);
void remote_pings(struct remote_job *j);

/* What of the arguments can be refused without a server.  0 or FTX_E_USAGE in why. */
int remote_check(const struct remote_job *j, struct problem *why);

/* Shows how far verify or digest is, where it is time. */
void remote_show_progress(struct remote_job *j, const struct transfer_progress *p);

/* Trouble with an argument or what is below it, which is no entry that is counted. */
void remote_failed(struct remote_job *j, const char *path, const struct problem *p);

/*
 * An entry is over; p: why it failed, NULL where it did not.  path: as typed, with what is below
 * it; dest: NULL or where it is now.
 */
void remote_entry_over(struct remote_job *j, const char *path, const char *dest,
		       enum entry_type type, enum file_action action, const struct problem *p);

/* Nothing more makes sense. */
bool remote_ended(const struct remote_job *j);

/* The argument as typed and what is below it ("": itself), joined; owned, NULL: out of memory. */
char *remote_join(const char *typed, const char *below);

#endif
