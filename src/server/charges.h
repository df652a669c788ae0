/*
 * A session and the quotas of its client: the supervisor has the ledger (ledger.h), a session asks
 * it before something comes, and says what came and went besides.
 *
 * Only grants that are counted cost a message.  Without room the error is FTX_E_QUOTA, and
 * session.over_quota says more to a client that may list.  A new version of a file lies beside the
 * old one until it is complete, so there must be room for both.
 */
#ifndef SERVER_CHARGES_H
#define SERVER_CHARGES_H

#include "src/server/handlers.h"

/* Room for this, or FTX_E_QUOTA; FTX_E_STOPPING: the supervisor is gone. */
int charge_take(struct session *s, struct subtree *t, const struct usage *amount);

/* The same for bytes of an upload as they come; asks for some more where there is a lot left. */
int charge_ahead(struct session *s, const struct subtree *t, uint64_t bytes);

/* What was taken and did not come to be. */
void charge_give(const struct subtree *t, const struct usage *amount);

/* Of an upload that is over: what was asked for ahead is given back. */
void charge_settle(const struct subtree *t);

/* What there is room for; UINT64_MAX: no limit.  most: of the quota.  0 or FTX_E_STOPPING. */
int charge_left(struct session *s, const struct subtree *t, struct usage *left, struct usage *most);

/*
 * upload_open(), if there is room for the new partial, and for all of the file where its size is
 * known: so that nothing is sent in vain.
 */
int charge_upload(struct session *s, struct subtree *t, const struct upload_options *options,
		  struct upload **out, uint32_t *have_count);

/* What trees, uploads and sets below t are to tell of; NULL: nobody counts it. */
struct usage_tally *charge_tally(const struct subtree *t);

/* At the end of a request: says what came and went. */
void charges_tell(struct session *s);

/* At the end of the session. */
void charges_end(struct session *s);

#endif
