/*
 * One file to the server.
 */
#ifndef CLIENT_PUT_H
#define CLIENT_PUT_H

#include "src/client/stream.h"

/*
 * Sends source, a path as typed, to remote ("SHARE/REST"), filling in s->event.file.  0, or an
 * error in s->problem; the connection is then ready for the next file, unless it is over.
 */
int put_file(struct stream *s, const char *source, const char *remote);

/* SYNC of the share of remote, where files were found the same.  0 or an error in s->problem. */
int put_sync(struct stream *s, const char *remote);

#endif
