/*
 * What the state directory of a configuration has of a client that is invited
 * (src/server/invites.h), for the verbs that change it.  Root does each as the directory's owner.
 * Each returns 0, or the exit code after a complaint in the name of verb.
 */
#ifndef FTXD_INVITED_H
#define FTXD_INVITED_H

#include "src/server/config.h"
#include "src/server/invites.h"

/*
 * Withdraws the client's earlier invites, and sees that it has no key from one: of a client that is
 * new, one that an earlier client of this name has left is removed.
 */
int invited_prepare(const char *verb, const struct server_config *server, const char *client,
		    bool is_new);

/* Makes the invite. */
int invited_make(const char *verb, const struct server_config *server, const struct invite *invite);

/* Removes the client's invites, and the key that one has brought. */
int invited_forget(const char *verb, const char *config, const char *client);

#endif
