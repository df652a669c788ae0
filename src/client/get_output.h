/*
 * get to standard output.
 */
#ifndef CLIENT_GET_OUTPUT_H
#define CLIENT_GET_OUTPUT_H

#include "src/client/connection.h"
#include "src/client/run.h"

/*
 * Writes the root's file, and says what became of it.  *c: the connection for it, NULL: to be made;
 * one that is lost makes room for another.  0, or why the connection is over, in p.  After trouble
 * at this end the connection is over too.
 */
int get_output(struct run *run, struct root *root, struct connection **c, struct problem *p);

#endif
