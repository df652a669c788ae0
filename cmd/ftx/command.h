/*
 * The command of put --from-command: its standard output is what is put.
 *
 *	command_init() makes the pipe; the transfer reads command_fd(), which stays silent.
 *	command_start() runs the command, once somebody is there to take what it prints.
 *	command_finish() is asked by the transfer when it has read the end.
 *	command_release() ends what still runs.
 */
#ifndef FTX_COMMAND_H
#define FTX_COMMAND_H

#include <stdatomic.h>
#include <sys/types.h>

#include "src/client/problem.h"

struct command {
	char *const *words; /* NULL-terminated, borrowed; looked for in PATH */
	int read_fd, write_fd;
	int process_fd; /* pidfd(2), -1: not running */
	int start_errnum;
	atomic_bool
	    started; /* or failed to: the thread that finishes it may look at the two above */
};

/* 0, or an error in why.  command_release() in any case. */
int command_init(struct command *c, char *const *words, struct problem *why);

/*
 * Once: its standard input is /dev/null, its standard error ours, and it inherits nothing else.
 * Where it cannot be run the reader finds an empty input, and command_finish() says why.
 */
void command_start(struct command *c);

/* Waits for its end, from any thread.  0 where it exited 0; else FTX_E_IO in why: exit code 1. */
int command_finish(void *command, struct problem *why);

/* The transfer does not need it any more: SIGTERM, unless it has been waited for. */
void command_stop(struct command *c);

/* Behind the transfer's end: stops it and waits for it, at most a few seconds. */
void command_release(struct command *c);

#endif
