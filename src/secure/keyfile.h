/*
 * X25519 keys: text form, key files, key pairs.
 *
 * A secret key file is one line "ftx-secret-key KEY", mode 0600, owned by who reads it.
 * KEY, secret or public, is 43 characters of unpadded base64url.
 */
#ifndef SECURE_KEYFILE_H
#define SECURE_KEYFILE_H

#include <stdint.h>

#include "src/secure/handshake.h"

#define KEY_TEXT_CHARS 43u

/* Writes KEY_TEXT_CHARS characters and a terminator. */
void key_format(char out[static KEY_TEXT_CHARS + 1], const uint8_t key[static KEY_BYTES]);

/* Exactly KEY_TEXT_CHARS characters.  0 or FTX_E_USAGE. */
int key_parse(uint8_t key[static KEY_BYTES], const char *text);

/* Public key of a secret one.  Leaves nothing of the secret on the stack. */
void key_public(uint8_t public_key[static KEY_BYTES], const uint8_t secret[static KEY_BYTES]);

/* A new secret key in sodium_malloc'd memory, or NULL.  Free with key_secret_free(). */
uint8_t *key_generate(void);
void key_secret_free(uint8_t *secret);

/*
 * Reads a secret key file into sodium_malloc'd memory with read(2) alone (no stdio buffer keeps a
 * copy).  Refuses a symbolic link, another owner, a mode that gives group or others anything, and
 * anything but the one line.  Returns 0 with *secret owned by the caller; FTX_E_NOT_FOUND;
 * FTX_E_KEY_FILE with *why set to a clause for people; FTX_E_NOMEM.
 */
int keyfile_read(const char *path, uint8_t **secret, const char **why);

/*
 * Writes secret to a new file, 0600, synced with its directory; missing parent directories are made
 * 0700.  FTX_E_EXISTS where the name is taken (never overwritten), or the error of errno.  The name
 * is that of a whole file or of none, whenever this ends.
 */
int keyfile_create(const char *path, const uint8_t secret[static KEY_BYTES]);

#endif
