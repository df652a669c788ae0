/*
 * The program executed anew in the place of this process: same number, arguments and environment,
 * and the listening sockets that were open.
 */
#ifndef FTXD_AGAIN_H
#define FTXD_AGAIN_H

#include <stdbool.h>
#include <stddef.h>

/* First of all, before the environment is changed. */
void again_remember(char **argv);

/* Has this process taken the place of one that had listening sockets for it?  Those are passed as a
 * service manager passes them (service_sockets()). */
bool again_is(void);

/*
 * Returns only where that fails, with errno.  Signals that are blocked stay so: one that comes
 * meanwhile is there for who comes next.  The sockets are not what they were then.
 */
void again_execute(const int *listeners, size_t count);

#endif
