/*
 * From a process that may do what the supervisor may to one that is confined to what one client
 * may: opens the client's subtrees, becomes their owner, makes the staging, locks the door.
 */
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/server/handlers.h"
#include "src/server/sandbox.h"
#include "src/server/share.h"
#include "src/store/owner.h"

/* A share that cannot be opened is offline, the others are not. */
static void
log_offline(const struct session *s, const struct grant *grant, const char *why)
{
	log_line(s->share_watch ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
		 "share is offline for it share=%s reason=\"%s\"", grant->share, why);
}

static void
open_shares(struct session *s)
{
	const char *why;

	for (size_t i = 0; i < s->client->grant_count && i < LIMIT_SHARES; i++) {
		const struct grant *grant = &s->client->grants[i];
		struct subtree *t = &s->subtrees[s->subtree_count++];

		t->grant = grant;
		t->node = grant->rules.shared_fs ? s->node : "";
		t->charge = &s->charges[i];
		t->charge->grant = (uint32_t)i;
		t->staging = t->sets = t->temp = t->link_temp = -1;
		t->staging_error = FTX_E_DENIED;
		if (share_open(grant->path, &grant->rules, &t->root, &why) != 0)
			log_offline(s, grant, why);
	}
}

/* Of the first share that is there: who has several of different owners is that of one. */
static int
first_root(const struct session *s)
{
	for (size_t i = 0; i < s->subtree_count; i++)
		if (s->subtrees[i].root >= 0)
			return s->subtrees[i].root;
	return -1;
}

/*
 * From the share to what the client has of it.  As who it has become: whoever can write in the
 * share could change what is a directory into a link at any moment.
 */
static void
open_subtree(struct subtree *t)
{
	const struct grant *grant = t->grant;
	int share = t->root;
	int r;

	if (share < 0 || grant->subtree == NULL || grant->subtree[0] == '\0')
		return;
	r = share_subtree(share, grant->subtree, (grant->rights & RIGHT_PUT) != 0, &t->root);
	if (r != 0)
		log_warning("subtree is offline share=%s error=%s", grant->share, error_name(r));
	close(share);
}

/* A session that was killed left what it had; whoever comes next may have nothing to change. */
static void
sweep(const struct subtree *t)
{
	upload_sweep(t->staging, t->node);
	staging_temp_sweep(t->staging, t->node);
	staging_temp_sweep(t->sets, t->node);
}

static void
open_staging(const struct session *s, struct subtree *t)
{
	if (t->root >= 0 && (t->grant->rights & RIGHT_PUT) != 0) {
		t->staging_error = staging_open(t->root, s->client_key, &t->staging);
		if (t->staging_error == 0)
			t->staging_error = staging_open_sets(t->root, s->client_key, &t->sets);
		if (t->staging_error == 0)
			sweep(t);
		else
			log_error("no staging directory share=%s error=%s", t->grant->share,
				  error_name(t->staging_error));
	}
	metadata_rules_init(&t->rules, METADATA_SERVER, false, false, t->staging);
}

static int
lock_door(struct session *s)
{
	struct sandbox_place places[LIMIT_SHARES];
	bool puts = false;
	int r;

	for (size_t i = 0; i < s->subtree_count; i++) {
		const struct subtree *t = &s->subtrees[i];

		places[i] = (struct sandbox_place){
		    .root = t->root, .up = t->staging, .set = t->sets, .rights = t->grant->rights};
		puts |= t->staging >= 0;
	}
	if ((r = sandbox_files(places, s->subtree_count)) != 0)
		return r;
	/* They take over what binds files, and there is no making threads afterwards. */
	if ((s->syncers = group_syncers_new()) == NULL)
		return FTX_E_NOMEM;
	if (puts)
		group_syncers_start(s->syncers);
	return sandbox_calls();
}

int
session_enter(struct session *s)
{
	int r;

	open_shares(s);
	if ((r = sandbox_become(first_root(s))) != 0)
		return r;
	owner_from_files();
	for (size_t i = 0; i < s->subtree_count; i++) {
		subtree_umask(&s->subtrees[i]);
		open_subtree(&s->subtrees[i]);
		open_staging(s, &s->subtrees[i]);
	}
	return lock_door(s);
}
