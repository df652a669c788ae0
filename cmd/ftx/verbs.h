/*
 * The commands of ftx.  Each returns the exit code, or does not return when a signal ended it.
 */
#ifndef FTX_VERBS_H
#define FTX_VERBS_H

#include "cmd/ftx/options.h"

int verb_transfer(const struct options *o); /* put, get */
int verb_remote(const struct options *o);   /* ls, stat, df, mkdir, mv, rm, ln */
int verb_keygen(const struct options *o);
int verb_key(const struct options *o);

/*
 * The secret key to use: -i, the host's, where host is not NULL, or the one in the default place.
 * 0 with *secret owned by the caller (key_secret_free()), or FTX_E_KEY_FILE in why.
 */
int identity_load(const struct options *o, const char *host, uint8_t **secret, struct problem *why);

#endif
