/*
 * --backup-dir: what a put replaces or deletes stays in another directory of the share, under its
 * path below the source.
 */
#ifndef CLIENT_BACKUP_H
#define CLIENT_BACKUP_H

#include "src/client/stream.h"

/*
 * What this batch replaces gets a second name there before anything is sent; an entry for which
 * that fails is over.  0, or why the connection is over, in s->problem.
 */
int backup_batch(struct stream *s, struct batch *b);

/*
 * Moves what is to be deleted there.  0 also where that fails, which is its result then; or why the
 * connection is over.
 */
int backup_move(struct stream *s, struct root *root, const char *path);

/* Is dir, relative to the share, outside of what lands at the root?  0, or FTX_E_USAGE in p. */
int backup_check(const struct root *root, const char *dir, struct problem *p);

#endif
