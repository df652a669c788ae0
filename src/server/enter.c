/*
 * From a process that may do what the supervisor may to one that is confined to what one client
 * may: opens the client's subtrees, becomes their owner, makes the staging, locks the door.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/server/handlers.h"
#include "src/server/sandbox.h"
#include "src/store/owner.h"

/* A share that cannot be opened is offline, the others are not. */
static void
open_roots(struct session *s)
{
	for (size_t i = 0; i < s->client->grant_count && i < LIMIT_SHARES; i++) {
		const struct grant *grant = &s->client->grants[i];
		struct subtree *t = &s->subtrees[s->subtree_count++];

		t->grant = grant;
		t->staging = t->sets = t->temp = t->link_temp = -1;
		t->staging_error = FTX_E_DENIED;
		t->root = open(grant->subtree, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (t->root < 0)
			log_error("share is offline share=%s error=%s", grant->share,
				  strerror(errno));
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

static void
open_staging(const struct session *s, struct subtree *t)
{
	if (t->root >= 0 && (t->grant->rights & RIGHT_PUT) != 0) {
		t->staging_error = staging_open(t->root, s->client->key, &t->staging);
		if (t->staging_error == 0)
			t->staging_error = staging_open_sets(t->root, s->client->key, &t->sets);
		if (t->staging_error != 0)
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

	open_roots(s);
	if ((r = sandbox_become(first_root(s))) != 0)
		return r;
	owner_from_files();
	for (size_t i = 0; i < s->subtree_count; i++)
		open_staging(s, &s->subtrees[i]);
	return lock_door(s);
}
