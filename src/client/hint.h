/*
 * What may be behind an error, from what is known of the server.
 */
#ifndef CLIENT_HINT_H
#define CLIENT_HINT_H

#include "src/client/connect.h"

/*
 * A remote path (of struct address) that does not exist: its share is none that the server lists,
 * or it was meant as a pattern.  Becomes p's hint where p is such an error and has none.
 */
void hint_missing(struct problem *p, const struct server_info *info, const char *path);

#endif
