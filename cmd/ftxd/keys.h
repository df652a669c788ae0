/*
 * Key files, made where they are missing, with their errors said.
 */
#ifndef FTXD_KEYS_H
#define FTXD_KEYS_H

#include <stdint.h>

/*
 * Reads the secret key in path; makes it first where make is set and there is none (then *made is
 * set).  Owned by the caller (key_secret_free()).  NULL after a complaint in the name of verb.
 */
uint8_t *key_load(const char *verb, const char *path, int make, int *made);

#endif
