/*
 * What follows from what is at an entry's destination; the same for put and get.
 */
#ifndef CLIENT_VERDICT_H
#define CLIENT_VERDICT_H

#include "src/client/run.h"

/* What is done to the entry at its destination. */
enum file_action verdict_action(const struct entry *e);

/* Over without having been moved: the same, ignored, planned, or metadata alone. */
void verdict_settle(struct run *run, struct entry *e, enum file_status status, bool touched);

/* put: over as it was to be, but whoever could say so is gone: a SYNC makes it durable. */
void verdict_arrived(struct run *run, struct entry *e);

/* Over, because of p. */
void verdict_fail(struct run *run, struct entry *e, const struct problem *p);

/* -u, --ignore-existing: is what is there to stay? */
bool verdict_is_ignored(const struct run *run, const struct entry *e);

/*
 * run_looks_at_names(): the entry is one of the names of a file.  The first that is not over by its
 * verdict is transferred.  Any other is a link to that one from here on, and no entry any more
 * (*is_link).  0 or FTX_E_NOMEM.
 */
int verdict_meets(struct run *run, struct entry *e, bool *is_link);

/*
 * Does the verdict end the entry: an error or something of another type there, the same, to be
 * ignored (-u, --ignore-existing), only planned?  Then it is over.
 */
bool verdict_ends(struct run *run, struct entry *e);

/*
 * Does a further name of a file end without becoming a link: only planned, or because the first one
 * failed (what has its name there may be an older file)?  Then it is over.
 */
bool verdict_ends_name(struct run *run, struct link_name *n);

/* The destination's error of one entry, explained.  Returns error. */
int verdict_problem(const struct run *run, struct problem *p, int error);

#endif
