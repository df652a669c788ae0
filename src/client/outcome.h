/*
 * What happened in a run, counted, and the exit code that follows (errors.def; ftx(1), EXIT
 * STATUS).
 */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transfer_file;

struct outcome {
	bool several;	/* not exactly one thing that is no directory was asked for */
	uint32_t exits; /* bit n: an error with exit code n happened */
	bool offline;	/* one of them: a share is offline, the server stops, what a set was to
			   become exists */
	int first;	/* exit code of the first error, 0 without */
	bool guarded;	/* deletions were withheld */
	uint64_t done, same, ignored, skipped, failed, deleted, total;
	uint64_t bytes_total, bytes_resumed;
	bool resumable;
	uint8_t not_kept; /* bits of enum status_flag that any entry had */
};

void outcome_file(struct outcome *o, const struct transfer_file *f);
void outcome_error(struct outcome *o, int error);

/*
 * The first that applies: 2, 14, 8, 7, 13, 9, 10, 11 (share offline, server stopping, set target
 * exists); then, if exactly one non-directory was asked for, its own code; else 4 if every failure
 * is of that kind, 3
 * if any other failed, 12, 15.
 */
int outcome_exit(const struct outcome *o);

#endif
