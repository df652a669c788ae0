/*
 * Where the sources of a run land (mapping.h has the rule): asks both ends what is there.
 */
#ifndef CLIENT_LANDING_H
#define CLIENT_LANDING_H

#include "src/client/connection.h"
#include "src/client/run.h"

/*
 * put: is there one place that matters, for what is there or for being a link?  Then
 * (run.dest_asked) the first stream calls landing_ask() and landing_take() with its connection, and
 * the scanner waits for that.
 */
bool landing_asks(const struct run *run);

/* The question, until its answer was taken. */
struct landing_question {
	const struct run *run;
	struct reply reply;
	struct landing_found found;
};

/* As connect.h wants it: early, of a struct landing_question whose run is set. */
int landing_ask(void *question, struct connection *c);

/* 0, or why the connection is over. */
int landing_take(struct run *run, struct landing_question *question, struct connection *c);

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
