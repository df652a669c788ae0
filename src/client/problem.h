/*
 * What went wrong, for people and for JSON: an error value with the side it happened on, a
 * sentence and a hint.  Everything in it is safe to show: what a peer sent was escaped.
 */
#ifndef CLIENT_PROBLEM_H
#define CLIENT_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/errors.h"

enum side { SIDE_LOCAL, SIDE_REMOTE, SIDE_NETWORK };

#define PROBLEM_TEXT_BYTES 1024u
#define PROBLEM_HINT_BYTES 512u

struct problem {
	int error;  /* FTX_E_*, 0 for none */
	int errnum; /* errno of a local call, or 0 */
	enum side side;
	bool retryable;
	char text[PROBLEM_TEXT_BYTES]; /* one clause, without a full stop */
	char hint[PROBLEM_HINT_BYTES]; /* "" or what to do */
};

void problem_clear(struct problem *p);

/*
 * Sets everything but the hint, which becomes "".  format NULL: error_text(error).  Returns error,
 * so that callers can write `return problem_set(...)`.
 */
int problem_set(struct problem *p, int error, enum side side, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Out of memory, here.  Returns FTX_E_NOMEM, and is seen to. */
static inline int
problem_nomem(struct problem *p)
{
	problem_set(p, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	return FTX_E_NOMEM;
}

/* A local call failed: side local, errno (0 where it was none) kept and named in the text. */
int problem_local(struct problem *p, int error, int errnum);

void problem_hint(struct problem *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "local", "remote", "network". */
const char *side_name(enum side side);

#endif
