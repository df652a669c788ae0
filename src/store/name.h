/*
 * The name rule (PROTOCOL.md, "Paths"), used by both ends on everything received.
 */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The project's own names: ".ftx" and everything that begins with ".ftx-". */
bool name_reserved(const void *name, size_t length);

/*
 * One component: 1..255 bytes, no NUL, no '/', not "." or "..", not ".ftx" and not beginning with
 * ".ftx-".  Any other bytes are allowed.
 */
bool name_ok(const void *name, size_t length);

/*
 * A relative path: components joined by single '/', at most LIMIT_PATH_BYTES and LIMIT_PATH_DEPTH.
 * The empty path (the root itself) is not ok here; who allows it asks for it first.  0 or
 * FTX_E_NAME.
 */
int path_check(const void *path, size_t length);

#endif
