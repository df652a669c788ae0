/*
 * One file from the server.
 */
#ifndef CLIENT_GET_H
#define CLIENT_GET_H

#include "src/client/stream.h"

/*
 * Fetches remote ("SHARE/REST") to the local path, filling in s->event.file.  0, or an error in
 * s->problem.
 */
int get_file(struct stream *s, const char *remote, const char *local);

#endif
