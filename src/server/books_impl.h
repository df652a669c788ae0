/*
 * What is remembered of clients (books.h), as the supervisor keeps it: books.c (who is overdue,
 * what sessions say, saving), books_scan.c (the processes that count), books_file.c (the files).
 */
#ifndef SERVER_BOOKS_IMPL_H
#define SERVER_BOOKS_IMPL_H

#include <sys/types.h>

#include "proto/limits.h"
#include "src/server/books.h"
#include "src/server/pair.h"

struct peer;

/* What is remembered of clients (books.c), and the processes that see to it. */
struct books {
	struct ledger *ledger;
	struct expected *expected;
	uint64_t look_ms; /* when it is looked at who is overdue; 0: nobody is expected */
	bool kept;	  /* there is something that the next run is to know */
	uint64_t *due_ms; /* of each share of the ledger: when it is scanned */
	struct {
		pid_t pid; /* 0: none */
		int pair;  /* -1: none */
		size_t share;
		uint32_t step;	    /* the present job of the share */
		uint64_t silent_ms; /* when it has said nothing for too long */
		bool unsure;	    /* a figure may be wrong by what came and went */
		struct staging_expired expired;
		uint64_t unread;
		int error;
	} scan;
	struct {
		pid_t pid;		/* of who writes; 0: nobody */
		uint64_t due_ms;	/* 0: nothing is to be written */
		uint64_t not_before_ms; /* since the last one failed; 0: it did not */
	} save;
};

/* Reads what an earlier run has left, or begins anew.  0 or FTX_E_NOMEM. */
int books_open(struct supervisor *s);

/* Ends who works for them, writes what is to be saved. */
void books_close(struct supervisor *s);

/*
 * Another policy is to be in force.  First what may fail, with *fresh of that policy; then it is
 * taken, before the old policy is released, and sessions keep their accounts where their client is
 * what it was.
 */
int books_prepare(const struct policy *policy, struct books *fresh);
void books_take(struct supervisor *s, struct books *fresh);
void books_drop(struct books *fresh);

/* Which of a client's grants a session says the changes of. */
void books_counted(const struct supervisor *s, const struct client_policy *client,
		   bool counted[static LIMIT_SHARES]);

/* p has a session of this client. */
void books_began(const struct supervisor *s, struct peer *p);

/* PAIR_RESERVE, PAIR_CHANGED.  false: no honest session says that. */
bool books_reserve(struct supervisor *s, const struct peer *p, const struct pair_message *asked);
bool books_change(struct supervisor *s, const struct peer *p, const struct pair_message *said);

/* A session of p's client has ended well. */
void books_came(struct supervisor *s, const struct peer *p);

/* books.c, for books_scan.c */

/* What is remembered has changed: it is written so soon, or sooner. */
void books_save_within(struct supervisor *s, uint64_t ms);

/* books_scan.c */

/* When each share is scanned for the first time. */
void books_scan_plan(struct supervisor *s);

/*
 * Shares of another policy that were scanned under the one before keep their turn, unless there is
 * more to count, or quota-scan is shorter now.
 */
void books_scan_carry(struct supervisor *s, const struct books *old);

/* The present scan, if there is one, is of no use any more. */
void books_scan_stop(struct supervisor *s);

/* As books_reap(), books_on_time() and books_next_ms(), of the scan. */
bool books_scan_reap(struct supervisor *s, pid_t pid);
void books_scan_on_time(struct supervisor *s, uint64_t now_ms);
uint64_t books_scan_next_ms(const struct supervisor *s);

/* The scan has something to say, or has closed its pair. */
void books_on_scan(struct supervisor *s);

/* Is that a process of theirs, which has ended with this status? */
bool books_reap(struct supervisor *s, pid_t pid, int status);

/* Starts what is due; and when the next thing will be, UINT64_MAX: none. */
void books_on_time(struct supervisor *s, uint64_t now_ms);
uint64_t books_next_ms(const struct supervisor *s);

#endif
