/*
 * The server's hidden directories in a client's subtree: SUBTREE/.ftx/CLIENT/up for what is being
 * written, SUBTREE/.ftx/CLIENT/set for what is not published yet, all 0700, where CLIENT is the
 * first 16 hex digits of BLAKE2b-256(client public key); and the names of partials and sets.
 */
#ifndef STORE_STAGING_H
#define STORE_STAGING_H

#include <stddef.h>
#include <stdint.h>

#include "src/store/upload.h"

/* Opens it, made where it is missing.  *up: owned descriptor.  0 or the error of errno. */
int staging_open(int subtree, const uint8_t client_key[static 32], int *up);

/* The same of the directory for sets. */
int staging_open_sets(int subtree, const uint8_t client_key[static 32], int *sets);

/*
 * parent/name, made 0700 and synced where it is missing; FTX_E_DENIED where it is not this
 * process's own.  *out: owned.
 */
int staging_open_step(int parent, const char *name, int *out);

/*
 * A directory of one session for temporary names: up/tmp/RANDOM, or up/tmp/NODE.RANDOM where node
 * is not "" (struct upload_staging), 0700, locked as long as *dir (owned, an ordinary descriptor)
 * is open.  0 or the error of errno.
 */
#define STAGING_TEMP_BYTES (UPLOAD_NODE_BYTES + 33u) /* NODE, '.', 32 hex digits, a terminator */
int staging_temp_open(int up, const char *node, int *dir, char name[static STAGING_TEMP_BYTES]);

/*
 * Removes what dead sessions left in up/tmp, 64 directories at most; of other nodes, whose locks
 * need not be seen here, only what nobody has changed for a week.
 */
void staging_temp_sweep(int up, const char *node);

/* Removes it with what is in it.  Takes dir. */
void staging_temp_close(int up, int dir, const char *name);

/* Name of the server's partial of a path: hex BLAKE2b-128("ftx1 partial" | path). */
void staging_server_id(char id[static UPLOAD_ID_BYTES], const void *path, size_t length);

/*
 * Name of the set with this destination: hex BLAKE2b-128("ftx1 set" | destination), or, of a node
 * that is not "", BLAKE2b-128("ftx1 node set" | node | destination).
 */
void staging_set_id(char id[static UPLOAD_ID_BYTES], const char *node, const void *destination,
		    size_t length);

/* Of the partial of a path in a set: hex BLAKE2b-128("ftx1 set partial" | set's name | path). */
void staging_set_partial_id(char id[static UPLOAD_ID_BYTES], const char *set, const void *path,
			    size_t length);

/* Of a client's: hex BLAKE2b-128("ftx1 get" | server key | LE32 length | remote path | local name).
 */
void staging_client_id(char id[static UPLOAD_ID_BYTES], const uint8_t server_key[static 32],
		       const void *remote_path, size_t length, const char *local_name);

#endif
