/*
 * What sessions say in the log.  A session has no descriptor of the log: its stderr is a socket of
 * its own, and the supervisor, which reads it, writes the lines.  So whoever takes over a session
 * speaks for that session alone, behind words that no other line begins with:
 *
 *	file client=laptop action=put share=backups path="a/b" size=12
 *	in a session client=laptop address=192.0.2.1:4711: no staging directory share=backups
 *
 * client= and address= are the supervisor's; all behind them is what the session says.  Of the
 * first kind are lines that begin with SESSION_LOG_FILE (file_log.h), of the second all others,
 * also what a library or a sanitizer prints.
 *
 * One write(2) is one message: "<N>" of log_line(), N one of enum log_level and a warning where it
 * is not there, and lines.  A session waits for a supervisor that is slow; with one that is gone it
 * goes on: a packet socket (unix(7)) sends no SIGPIPE.
 */
#ifndef SERVER_SESSION_LOG_H
#define SERVER_SESSION_LOG_H

#include <stddef.h>

#include "src/server/peers.h"

#define SESSION_LOG_FILE "file action="

/* Of a message: what is longer is cut and ends in "...".  More than a sanitizer prints at once. */
#define SESSION_LOG_BYTES 16384u
/* Of a message: what follows is one line with all of it, cut as log_line() does. */
#define SESSION_LOG_LINES 256u

/*
 * Makes the socket: ends[0] is the supervisor's, ends[1] the session's, of child_enter(); both
 * owned by the caller.  0 or a negative error, FTX_E_NOMEM without descriptors.
 */
int session_log_new(int ends[static 2]);

/*
 * Writes what p's session has said, message by message, until that were most_lines lines or more (a
 * message without one counts as one); what is left is told of again.  p->log is open; where the
 * session has closed its end, it becomes -1.  Nothing of it stays in memory that children inherit.
 */
void session_log_hear(struct peer *p, unsigned most_lines);

#endif
