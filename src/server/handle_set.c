/*
 * BEGIN, PUBLISH (PROTOCOL.md, "Sets"), and what a set means for other requests.
 *
 * A path at or below the destination is one in the set: target_parse() says so.  Inside it the
 * client may replace, remove and list as it likes, for nobody else has seen any of it; what it may
 * do to the destination was asked by BEGIN.
 *
 * Once another connection has published the set, its directory is one that everybody sees, where
 * these rights do not hold.  So every request is held against that (filling_hold()).
 */
#include "src/server/handlers.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/server/charges.h"

static void
make_inside(struct session *s, struct filling *f)
{
	struct subtree *t = &s->subtrees[s->subtree_count++];

	assert(s->subtree_count <= sizeof(s->subtrees) / sizeof(s->subtrees[0]));
	f->grant = *f->outside->grant;
	f->grant.rights |= RIGHT_LIST | RIGHT_OVERWRITE | RIGHT_DELETE;
	*t = (struct subtree){
	    .grant = &f->grant,
	    .node = f->outside->node,
	    .charge = f->outside->charge,
	    .root = set_directory(f->set),
	    .staging = f->outside->staging,
	    .rules = f->outside->rules,
	    .sets = f->outside->sets,
	    .temp = -1,
	    .link_temp = -1,
	    .set = f->set,
	};
	f->inside = t;
}

/* The present destination is told of, so it takes the right to list it. */
static int
open_like(struct session *s, struct filling *f)
{
	const struct tree_options options = {
	    .root = set_like(f->set),
	    .rules = &f->outside->rules,
	    .temp_dir = -1,
	    .before_long_call = session_working,
	    .arg = s,
	};

	if (options.root < 0 || (f->outside->grant->rights & RIGHT_LIST) == 0)
		return 0;
	f->like = tree_new(&options);
	return f->like != NULL ? 0 : FTX_E_NOMEM;
}

static int
begin(struct session *s, struct target *t, enum set_mode mode)
{
	struct filling *f = &s->filling;
	struct set_options options = {
	    .root = t->subtree->root,
	    .destination = t->rest,
	    .mode = mode,
	    .tally = charge_tally(t->subtree),
	    .before_long_call = session_working,
	    .arg = s,
	};
	int r;

	if (t->subtree->staging < 0)
		return t->subtree->staging_error;
	f->outside = t->subtree;
	f->destination_length = strlen(t->rest);
	memcpy(f->destination, t->rest, f->destination_length + 1);
	if ((r = staging_open_sets(t->subtree->root, s->client_key, &f->staging)) != 0)
		return r;
	options.staging = f->staging;
	options.locks = t->subtree->staging;
	options.node = t->subtree->node;
	memcpy(options.session_id, s->session_id, sizeof(options.session_id));
	if ((r = set_begin(&f->set, &options)) != 0) {
		f->set = NULL;
		close(f->staging);
		return r;
	}
	make_inside(s, f);
	if ((r = open_like(s, f)) != 0)
		filling_end(s);
	return r;
}

int
handle_begin(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_BEGUN};
	enum set_mode mode = m->begin.mode != 0 ? SET_EXCHANGE : SET_NEW;
	unsigned rights = RIGHT_PUT;
	struct target t;
	int r;

	if (s->filling.set != NULL)
		return answer_error(s, FTX_E_UNSUPPORTED, "this connection has a set already");
	if (mode == SET_EXCHANGE)
		rights |= RIGHT_OVERWRITE | RIGHT_DELETE;
	if ((r = target_parse(s, &m->begin.destination, rights, &t)) != 0)
		return answer_path_error(s, r, &t);
	if ((r = begin(s, &t, mode)) != 0)
		return answer_path_error(s, subtree_hide(t.subtree, r), &t);
	answer.begun.like = s->filling.like != NULL;
	return connection_send(&s->connection, &answer);
}

/* Is something of the set still being received on this connection? */
static bool
is_open(const struct session *s)
{
	for (size_t i = 0; i < LIMIT_HANDLES; i++)
		if (s->handles[i].used && s->handles[i].in_set)
			return true;
	return s->packing.begun && s->packing.subtree == s->filling.inside;
}

static int
publish(struct session *s)
{
	struct filling *f = &s->filling;
	int r = f->inside->tree != NULL ? tree_sync(f->inside->tree) : 0;

	if (r == 0)
		r = set_publish(f->set);
	if (r != 0)
		return r;
	activity_committed(s->connection.activity, 1);
	file_changed(s, "publish", f->inside, "", FILE_LOG_NO_SIZE);
	if ((r = set_remove_old(f->set)) != 0)
		log_error("what a set has replaced cannot be removed share=%s error=%s",
			  f->outside->grant->share, error_name(r));
	filling_end(s);
	return 0;
}

int
handle_publish(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_PUBLISHED};
	struct filling *f = &s->filling;
	struct target t;
	int r = target_parse(s, &m->publish.destination, RIGHT_PUT, &t);

	if (r != 0)
		return answer_path_error(s, r, &t);
	if (f->set == NULL || t.subtree != f->inside || t.rest[0] != '\0')
		return answer_error(s, FTX_E_NOT_FOUND, "this connection has no such set");
	if (is_open(s))
		return FTX_E_PROTOCOL;
	if ((r = publish(s)) != 0) {
		t.subtree = f->outside;
		memcpy(t.rest, f->destination, f->destination_length + 1);
		return answer_path_error(s, subtree_hide(t.subtree, r), &t);
	}
	answer.published.path = m->publish.destination;
	return connection_send(&s->connection, &answer);
}

int
filling_hold(struct session *s)
{
	struct filling *f = &s->filling;
	int r;

	if (f->set == NULL || (r = set_hold(f->set)) == 0)
		return 0;
	if (r != FTX_E_VANISHED)
		return r;
	if (is_open(s))
		return FTX_E_PROTOCOL;
	filling_end(s);
	return 0;
}

void
filling_let_go(struct session *s)
{
	if (s->filling.set != NULL)
		set_let_go(s->filling.set);
}

void
filling_end(struct session *s)
{
	struct filling *f = &s->filling;

	if (f->set == NULL)
		return;
	assert(f->inside == &s->subtrees[s->subtree_count - 1]);
	subtree_close(f->inside);
	/* A listing that goes on has its own descriptors, and needs the rules only. */
	f->inside->set = NULL;
	f->inside->root = -1;
	s->subtree_count--;
	tree_free(f->like);
	set_end(f->set);
	close(f->staging);
	*f = (struct filling){.set = NULL};
}

/* Links path from the present destination where it is the same.  False: it is not in the set. */
static bool
take_from_like(struct filling *f, const char *path, const struct node *node,
	       struct offer_verdict *v)
{
	struct tree *tree = f->inside->tree;
	uint8_t flags;

	tree_compare(f->like, path, node, v);
	/* Why it cannot be linked does not matter: then it is sent. */
	if (v->state != TREE_SAME || tree_link_from(tree, path, f->like, path, &flags) != 0)
		return false;
	/* It may have been replaced between the two. */
	tree_compare(tree, path, node, v);
	if (v->state == TREE_SAME)
		return true;
	(void)tree_remove(tree, path);
	return false;
}

void
filling_offer(struct session *s, const char *path, const struct node *node, struct offer_verdict *v)
{
	struct filling *f = &s->filling;

	if (v->state != TREE_ABSENT && v->state != TREE_METADATA && v->state != TREE_DIFFERS)
		return;
	/* One that is not the same has to be a new inode, so it counts as absent. */
	if (v->state == TREE_ABSENT && f->like != NULL && take_from_like(f, path, node, v))
		return;
	*v = (struct offer_verdict){.state = TREE_ABSENT};
}
