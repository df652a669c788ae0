/*
 * What may be behind an error, from what is known of the server.
 */
#ifndef CLIENT_HINT_H
#define CLIENT_HINT_H

#include "src/client/connect.h"

/*
 * A remote path (of struct address) that does not exist: its share is none that the server lists,
 * or it was meant as a pattern; or one that must not be used so: what this key may.  Becomes p's
 * hint where p is such an error and has none.
 */
void hint_remote(struct problem *p, const struct server_info *info, const char *path);

/*
 * Is path, as typed with what is below it, typed or something below it?  NULL, which is no path in
 * particular, may be.
 */
bool hint_concerns(const char *path, const char *typed);

/* The name of the n-th right, NULL behind the last one (PROTOCOL.md, structure share). */
const char *right_name(unsigned n);

#endif
