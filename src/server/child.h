/*
 * How a forked child of the supervisor becomes itself.
 */
#ifndef SERVER_CHILD_H
#define SERVER_CHILD_H

#include <sys/types.h>

#include "src/server/key_holder.h"

/* Where a child finds its connection and its pair. */
enum { CHILD_CONN = 3, CHILD_PAIR = 4 };

/*
 * Puts conn and pair at CHILD_CONN and CHILD_PAIR, closes every other descriptor, and gives
 * signals their default meaning.  log: of session_log_new(), becomes stderr; -1: the child has no
 * descriptor but the two.  Ends the process where that fails.
 */
void child_enter(int conn, int pair, int log);

/*
 * Forks a helper of the supervisor that has no connection: without the server's key, without any
 * descriptor but the first three, ended with its parent, but not by what a terminal sends to the
 * whole group.  As fork(): 0 in the child, -1 with errno.
 */
pid_t child_fork_helper(struct key_holder *key);

#endif
