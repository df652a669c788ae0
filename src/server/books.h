/*
 * What the daemon remembers of its clients, for whoever shows it: how much there is in their
 * subtrees, and who is overdue.
 *
 * It is kept by the supervisor, saved in the state directory (files "usage" and "clients") and
 * read from there at the start.  Pointers are good until the next turn of the supervisor's loop.
 */
#ifndef SERVER_BOOKS_H
#define SERVER_BOOKS_H

#include "src/server/expected.h"
#include "src/server/ledger.h"

#define BOOKS_USAGE   "usage"	/* ledger, as text: books_file.c */
#define BOOKS_CLIENTS "clients" /* expected */

struct supervisor;

/*
 * Usage and limits of each (client, subtree): ledger_account_count() and ledger_look().  Never NULL
 * while the supervisor runs.
 */
const struct ledger *books_ledger(const struct supervisor *s);

/*
 * When each client was last here, and whether it is overdue: expected_count() and
 * expected_client().
 */
const struct expected *books_expected(const struct supervisor *s);

/*
 * Writes what is to be saved to directory; where nothing is, what was saved there goes.  0 or the
 * first error, which is logged.
 */
int books_write(const char *directory, const struct ledger *ledger,
		const struct expected *expected);

/*
 * Reads it back.  A file that is damaged is logged and begun anew: the next books_write() replaces
 * it.
 */
void books_read(const char *directory, struct ledger *ledger, struct expected *expected);

#endif
