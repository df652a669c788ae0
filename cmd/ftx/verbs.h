/*
 * The commands of ftx.  Each returns the exit code, or does not return when a signal ended it.
 */
#ifndef FTX_VERBS_H
#define FTX_VERBS_H

#include "cmd/ftx/options.h"

/* The machine's own key, of who has none. */
#define SYSTEM_IDENTITY "/etc/ftx/id"

int verb_transfer(const struct options *o); /* put, get */
int verb_remote(const struct options *o);   /* ls, stat, df, mkdir, mv, rm, ln, ping ... */
int verb_keygen(const struct options *o);
int verb_key(const struct options *o);
int verb_host(const struct options *o);
int verb_join(const struct options *o);
int verb_config(const struct options *o); /* config show */

/* "ftx: VERB: what (hint)" on stderr.  Returns the exit code. */
int complain(const struct options *o, const struct problem *why);

/*
 * The secret key to use: -i, the host's, where host is not NULL, or the one in the default place.
 * 0 with *secret owned by the caller (key_secret_free()), or FTX_E_KEY_FILE in why.
 */
int identity_load(const struct options *o, const char *host, uint8_t **secret, struct problem *why);

/*
 * The same for a server that has no section yet; the key is made where there is none, *made is set
 * then.
 */
int identity_make(const struct options *o, uint8_t **secret, bool *made, struct problem *why);

/* What -i names, from '/' on, owned by the caller; NULL where it is not given, or after why is set.
 */
char *identity_path(const struct options *o, struct problem *why);

#endif
