/*
 * --delete: what is at the destination and not at the source goes, when all else
 * is done and nothing failed.
 *
 * Both ends are looked at once more then (surplus.h): what has appeared at the source meanwhile is
 * not deleted.  A directory in which something was deleted gets its time again.
 */
#ifndef CLIENT_MIRROR_H
#define CLIENT_MIRROR_H

#include "src/client/stream.h"

/*
 * Deletes, over the connection of s, which has nothing else to do.  What is withheld, because a
 * guard says so, is noted and makes the run end with that code.  0, or why the connection is over,
 * in s->problem.
 */
int mirror_delete(struct stream *s);

#endif
