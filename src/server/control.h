/*
 * The control socket: a UNIX stream socket on which the supervisor tells what goes on to root and
 * to its own user.  Who connects is sent the report (status.h) and then the end; nothing is read
 * from him.  A reader that is slow costs one buffer and nothing else, for five seconds.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "src/server/page.h"

#define CONTROL_PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path) /* terminator included */

#define CONTROL_READERS 4u    /* at a time; the oldest goes where another comes */
#define CONTROL_TIME_MS 5000u /* for one */

/*
 * Makes the socket, mode 0600, in the place of one that a daemon has left which ended.  *fd is
 * owned by the caller, non-blocking and close-on-exec.  0; FTX_E_BUSY where another daemon serves
 * it, with *pid set; FTX_E_TOO_LARGE where the path is too long; the error of errno.
 */
int control_open(const char *path, int *fd, int *pid);

/* Why it could not be made, r and pid as control_open() has them; lasts until the next call. */
const char *control_problem(int r, int pid);

/* Somebody who is being told. */
struct control_reader {
	int fd; /* -1: nobody */
	uint64_t deadline_ms;
	size_t sent;
	struct page page; /* what he is told */
};

/* May the peer of this socket be told?  Root and who has our user number may. */
bool control_is_allowed(int fd);

/* Sends more of the page.  1: there is more to send when the socket takes it; 0: that was all, or
 * the reader has gone. */
int control_send(struct control_reader *reader);

/* Closes and frees; reader may be nobody. */
void control_end(struct control_reader *reader);

#endif
