/*
 * The server's hidden directory in a client's subtree: SUBTREE/.ftx/CLIENT/up, all 0700, where
 * CLIENT is the first 16 hex digits of BLAKE2b-256(client public key); and the names of partials.
 */
#ifndef STORE_STAGING_H
#define STORE_STAGING_H

#include <stddef.h>
#include <stdint.h>

#include "src/store/upload.h"

/* Opens it, made where it is missing.  *up: owned descriptor.  0 or the error of errno. */
int staging_open(int subtree, const uint8_t client_key[static 32], int *up);

/* Name of the server's partial of a path: hex BLAKE2b-128("ftx1 partial" | path). */
void staging_server_id(char id[static UPLOAD_ID_BYTES], const void *path, size_t length);

/* Of a client's: hex BLAKE2b-128("ftx1 get" | server key | LE32 length | remote path | local name).
 */
void staging_client_id(char id[static UPLOAD_ID_BYTES], const uint8_t server_key[static 32],
		       const void *remote_path, size_t length, const char *local_name);

#endif
