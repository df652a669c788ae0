/*
 * The exit code of a run, from what happened in it (errors.def; ftx(1), EXIT STATUS).
 */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/client/transfer.h"

struct outcome {
	size_t asked;	/* entries named by the user */
	uint32_t exits; /* bit n: an error with exit code n happened */
	bool offline;	/* one of them: a share is offline */
	int first;	/* exit code of the first error, 0 without */
	uint64_t done, same, skipped, failed, total;
	uint64_t bytes_total, bytes_resumed;
	bool resumable;
	bool mode_not_kept;
};

void outcome_file(struct outcome *o, const struct transfer_file *f);
void outcome_error(struct outcome *o, int error);

/*
 * The first that applies: 2, 14, 8, 7, 13, 9, 10, 11 (share offline); then, if one thing was asked
 * for, its own code; else 4 where all that failed changed or vanished, 3 where anything else
 * failed.
 */
int outcome_exit(const struct outcome *o);

#endif
