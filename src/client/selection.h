/*
 * --files-from: the names that are to be taken from below a directory.
 *
 * A name on the list stands for itself and, where it is a directory, for everything below.  The
 * directories above it are taken too, but not what else is in them.  Comments there are none: a
 * name may begin with '#'.
 *
 * The list is held in memory: its bytes, with room for at most as many again, and 16 bytes a name.
 * Nothing else grows with it or with the tree.  Belongs to one thread.
 */
#ifndef CLIENT_SELECTION_H
#define CLIENT_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "src/client/problem.h"

struct selection;

enum selection_verdict {
	SELECTION_NONE,	 /* not listed, and nothing that could be below it */
	SELECTION_ENTER, /* a directory above listed names: itself, and ask about what is in it */
	SELECTION_WHOLE, /* listed, or below what is listed: with everything below */
};

/*
 * Reads the list from a file, or from standard input for "-": names ended by a zero byte with
 * nul_separated, else by '\n'; the last needs no end.  Leading "/" and "./" and doubled slashes are
 * dropped, a slash at the end too, and empty names are ignored; "." and "/" stand for the directory
 * itself, with all that is in it.  A name listed twice counts once.
 *
 * *s is the caller's at 0.  FTX_E_USAGE names the file and the first name that breaks the name rule
 * (src/store/name.h); else FTX_E_NOMEM or the error of errno for a file that cannot be read.  why
 * is set then.
 */
int selection_read(struct selection **s, const char *path, bool nul_separated, struct problem *why);
void selection_free(struct selection *s);

/* How many different names are listed. */
size_t selection_count(const struct selection *s);

/*
 * What is to become of the entry at path: relative to the directory, components joined by single
 * slashes, none at either end; "" is the directory itself.  Marks path, and names above it, as seen
 * where they are listed.
 *
 * Below SELECTION_WHOLE all is SELECTION_WHOLE.  There it needs asking only for the marks: a listed
 * name that nobody asked about counts as not seen, also where another listed name contains it.
 */
enum selection_verdict selection_check(struct selection *s, const char *path, bool is_directory);

/*
 * The listed names that selection_check() has not seen, in the order of a tree walk ("a/b" before
 * "a-b").  *iterator is 0 at first.  NULL at the end; a name is valid as long as s is.
 */
const char *selection_next_unseen(const struct selection *s, size_t *iterator);

#endif
