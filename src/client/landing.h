/*
 * Where the sources of a run land (mapping.h has the rule): asks both ends what is there.
 */
#ifndef CLIENT_LANDING_H
#define CLIENT_LANDING_H

#include "src/client/connection.h"
#include "src/client/run.h"

/*
 * put: does a file's place depend on what the destination is?  Then (run.dest_asked) the first
 * stream calls landing_look() with its connection, and the scanner waits for that.
 */
bool landing_asks(const struct run *run);

/* 0, or why the connection is over. */
int landing_look(struct run *run, struct connection *c);

/* The first stream will not look any more. */
void landing_give_up(struct run *run);

/*
 * put: sets root->remote for a source that is, or is not, a directory; waits for landing_look()
 * where it has to.  0, or an error in p.
 */
int landing_put(struct run *run, struct root *root, struct problem *p);

/*
 * get: sets local_path, and opens local (and sets local_name), making directories unless it is a
 * dry run.  0, or an error in p.
 */
int landing_get(struct run *run, struct root *root, struct problem *p);

#endif
