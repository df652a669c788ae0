/*
 * OFFER, MKDIR, SYMLINK, LINK, SETMETA, REMOVE, RENAME (PROTOCOL.md, "Trees").
 *
 * The rights that every item needs are those of the request.  What depends on what is there is the
 * item's own: replacing and giving metadata need overwrite (tree.h; directories and links that this
 * session made are its own), and without list an existing name answers denied.
 */
#include "src/server/handlers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/server/charges.h"
#include "src/store/staging.h"
#include "src/store/tree.h"

/* A request that takes longer sends WORKING. */
enum { SILENCE_MS = 5000 };

/* A request that is being worked on. */
struct work {
	struct session *session;
	struct target base;
	struct tree *tree;
	struct usage left;     /* OFFER: of the quota, less what was found to be new */
	struct usage reserved; /* of the quota, for what it makes */
	uint64_t since_ms;
	char path[LIMIT_PATH_BYTES + 1]; /* of the item */
	char other[LIMIT_PATH_BYTES + 1];
};

static bool
has(const struct work *w, unsigned rights)
{
	return (w->base.subtree->grant->rights & rights) == rights;
}

static int
work_begin(struct work *w, struct session *s, const struct span *base, unsigned rights,
	   bool changes)
{
	int r = target_parse(s, base, rights, &w->base);

	w->session = s;
	w->reserved = (struct usage){0};
	w->since_ms = clock_ms();
	if (r != 0)
		return r;
	/* In a set OFFER makes links. */
	return subtree_tree(s, w->base.subtree, changes || w->base.subtree->set != NULL, &w->tree);
}

static void
work_on(struct work *w)
{
	if (clock_ms() - w->since_ms > SILENCE_MS)
		session_working(w->session);
}

/* type 0: of any type.  What no honest client sends. */
static bool
nodes_ok(const struct node *nodes, uint32_t count, unsigned type)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct metadata *m = &nodes[i].metadata;

		if (m->type == 0 || (type != 0 && m->type != type) || xattrs_check(&m->xattrs) != 0)
			return false;
	}
	return true;
}

/* Is a partial of w->path in the staging? */
static bool
has_partial(const struct work *w)
{
	char id[UPLOAD_ID_BYTES];
	char name[UPLOAD_ID_BYTES + 4];
	int staging = w->base.subtree->staging;

	if (staging < 0)
		return false;
	subtree_partial_id(w->base.subtree, w->path, id);
	snprintf(name, sizeof(name), "%s.jnl", id);
	return faccessat(staging, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
offer(struct work *w, const struct node *node, struct offer_verdict *v)
{
	int r = target_join(&w->base, &node->path, true, w->path);

	if (r != 0) {
		*v = (struct offer_verdict){.state = TREE_ERROR, .code = (uint16_t)-r};
		return;
	}
	tree_compare(w->tree, w->path, node, v);
	if (w->base.subtree->set != NULL && node->metadata.type == ENTRY_FILE)
		filling_offer(w->session, w->path, node, v);
	if (v->state != TREE_ABSENT && !has(w, RIGHT_LIST))
		*v = (struct offer_verdict){.state = TREE_ERROR, .code = (uint16_t)-FTX_E_DENIED};
	/* Smaller ones come in packs, and those are never resumed. */
	if (v->state == TREE_ABSENT && node->metadata.type == ENTRY_FILE &&
	    node->size > LIMIT_CHUNK_BYTES && has_partial(w))
		v->state = TREE_PARTIAL;
}

/*
 * What is new and comes without asking again (PACK, MKDIR, SYMLINK) is refused before it is sent
 * where the quota has no room for it and for what was found new before it.  Larger files ask
 * (OPEN).
 */
static void
check_room(struct work *w, const struct node *node, struct offer_verdict *v)
{
	struct usage *left = &w->left;
	uint64_t bytes = node->metadata.type == ENTRY_FILE ? node->size : 0;

	if (v->state != TREE_ABSENT || bytes > LIMIT_CHUNK_BYTES)
		return;
	if (left->files == 0 || bytes > left->bytes) {
		*v = (struct offer_verdict){.state = TREE_ERROR, .code = (uint16_t)-FTX_E_QUOTA};
		return;
	}
	left->files -= left->files != UINT64_MAX ? 1 : 0;
	left->bytes -= left->bytes != UINT64_MAX ? bytes : 0;
}

int
handle_offer(struct session *s, const struct message *m)
{
	const struct message_offer *o = &m->offer;
	struct message answer = {.type = MESSAGE_VERDICTS};
	struct usage most;
	struct work w;
	int r;

	if (!nodes_ok(o->nodes.items, o->nodes.count, 0))
		return FTX_E_PROTOCOL;
	if ((r = work_begin(&w, s, &o->base, RIGHT_PUT, false)) != 0)
		return answer_path_error(s, r, &w.base);
	if ((r = charge_left(s, w.base.subtree, &w.left, &most)) != 0)
		return answer_error(s, r, NULL);
	for (uint32_t i = 0; i < o->nodes.count; i++) {
		work_on(&w);
		offer(&w, &o->nodes.items[i], &s->answer.verdicts[i]);
		check_room(&w, &o->nodes.items[i], &s->answer.verdicts[i]);
	}
	tree_leave(w.tree);
	answer.verdicts.verdicts.items = s->answer.verdicts;
	answer.verdicts.verdicts.count = o->nodes.count;
	return connection_send(&s->connection, &answer);
}

/* What the client is told of an item. */
static struct item_status
status_of(const struct work *w, int error, uint8_t flags)
{
	error = subtree_hide(w->base.subtree, error);
	if (error == 0 && (flags & STATUS_NOTHING_DONE) != 0 && !has(w, RIGHT_LIST))
		error = FTX_E_DENIED;
	return (struct item_status){
	    .code = (uint16_t)-error,
	    .flags = error == 0 ? flags : 0,
	};
}

static int
answer_statuses(struct work *w, uint32_t count)
{
	struct message answer = {.type = MESSAGE_STATUSES};
	struct session *s = w->session;

	tree_leave(w->tree);
	answer.statuses.statuses.items = s->answer.statuses;
	answer.statuses.statuses.count = count;
	return connection_send(&s->connection, &answer);
}

/* Flags of what has none. */
static const uint8_t all_done;

/* r: of what was done with w->path, which it returns. */
static int
logged(const struct work *w, const char *action, int r, const uint8_t *flags)
{
	if (r == 0 && (*flags & STATUS_NOTHING_DONE) == 0)
		file_changed(w->session, action, w->base.subtree, w->path, FILE_LOG_NO_SIZE);
	return r;
}

/* The same where w->other is what it was, or is another name of. */
static int
logged_pair(const struct work *w, const char *action, const char *path, const char *from, int r,
	    const uint8_t *flags)
{
	if (r == 0 && (*flags & STATUS_NOTHING_DONE) == 0)
		file_changed_from(w->session, action, w->base.subtree, path, from);
	return r;
}

/* What is done with w->path. */
typedef int node_action(struct work *w, const struct node *node, uint8_t *flags);

/* Something new comes to be: from what is reserved, or where that did not fit by itself. */
static int
charge_entry(struct work *w)
{
	static const struct usage one = {.files = 1};

	if (w->reserved.files == 0)
		return charge_take(w->session, w->base.subtree, &one);
	w->reserved.files--;
	return 0;
}

static int
each_node(struct session *s, const struct span *base, const struct node *nodes, uint32_t count,
	  node_action *act, bool makes)
{
	static const struct usage one = {.files = 1};
	struct work w;
	int r = work_begin(&w, s, base, RIGHT_PUT, true);

	if (r != 0)
		return answer_path_error(s, r, &w.base);
	makes = makes && w.base.subtree->charge->counted;
	if (makes && charge_take(s, w.base.subtree, &(const struct usage){.files = count}) == 0)
		w.reserved.files = count;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t flags = 0;

		work_on(&w);
		r = makes ? charge_entry(&w) : 0;
		if (r == 0) {
			r = target_join(&w.base, &nodes[i].path, true, w.path);
			if (r == 0)
				r = act(&w, &nodes[i], &flags);
			if (makes && (r != 0 || (flags & STATUS_NOTHING_DONE) != 0))
				charge_give(w.base.subtree, &one);
		}
		s->answer.statuses[i] = status_of(&w, r, flags);
	}
	return answer_statuses(&w, count);
}

static int
make_directory(struct work *w, const struct node *node, uint8_t *flags)
{
	return logged(w, "mkdir", tree_mkdir(w->tree, w->path, &node->metadata, flags), flags);
}

int
handle_mkdir(struct session *s, const struct message *m)
{
	const struct message_mkdir *d = &m->mkdir;

	if (!nodes_ok(d->nodes.items, d->nodes.count, ENTRY_DIRECTORY))
		return FTX_E_PROTOCOL;
	return each_node(s, &d->base, d->nodes.items, d->nodes.count, make_directory, true);
}

static int
make_link(struct work *w, const struct node *node, uint8_t *flags)
{
	const struct span *target = &node->target;

	if (w->base.subtree->grant->rules.refuse_symlinks)
		return FTX_E_DENIED;
	if (target->length == 0 || memchr(target->data, '\0', target->length) != NULL)
		return FTX_E_NAME;
	memcpy(w->other, target->data, target->length);
	w->other[target->length] = '\0';
	return logged(w, "symlink",
		      tree_symlink(w->tree, w->path, w->other, &node->metadata, flags), flags);
}

int
handle_symlink(struct session *s, const struct message *m)
{
	const struct message_symlink *l = &m->symlink;

	if (!nodes_ok(l->nodes.items, l->nodes.count, ENTRY_SYMLINK))
		return FTX_E_PROTOCOL;
	return each_node(s, &l->base, l->nodes.items, l->nodes.count, make_link, true);
}

static int
set_metadata(struct work *w, const struct node *node, uint8_t *flags)
{
	return logged(w, "metadata", tree_setmeta(w->tree, w->path, &node->metadata, flags), flags);
}

int
handle_setmeta(struct session *s, const struct message *m)
{
	const struct message_setmeta *n = &m->setmeta;

	if (!nodes_ok(n->nodes.items, n->nodes.count, 0))
		return FTX_E_PROTOCOL;
	return each_node(s, &n->base, n->nodes.items, n->nodes.count, set_metadata, false);
}

/* Both paths of a pair. */
static int
join_pair(struct work *w, const struct path_pair *pair)
{
	int r = target_join(&w->base, &pair->path, true, w->path);

	return r != 0 ? r : target_join(&w->base, &pair->target, true, w->other);
}

int
handle_link(struct session *s, const struct message *m)
{
	const struct message_link *l = &m->link;
	struct work w;
	int r = work_begin(&w, s, &l->base, RIGHT_PUT | RIGHT_GET, true);

	if (r != 0)
		return answer_path_error(s, r, &w.base);
	if (has(&w, RIGHT_OVERWRITE))
		subtree_link_temp(w.base.subtree, w.tree);
	for (uint32_t i = 0; i < l->pairs.count; i++) {
		uint8_t flags = 0;

		work_on(&w);
		if ((r = join_pair(&w, &l->pairs.items[i])) == 0)
			r = logged_pair(&w, "link", w.path, w.other,
					tree_link(w.tree, w.path, w.other, &flags), &flags);
		s->answer.statuses[i] = status_of(&w, r, flags);
	}
	return answer_statuses(&w, l->pairs.count);
}

int
handle_remove(struct session *s, const struct message *m)
{
	const struct message_remove *q = &m->remove;
	struct work w;
	int r = work_begin(&w, s, &q->base, RIGHT_DELETE, true);

	if (r != 0)
		return answer_path_error(s, r, &w.base);
	for (uint32_t i = 0; i < q->paths.count; i++) {
		work_on(&w);
		if ((r = target_join(&w.base, &q->paths.items[i].path, true, w.path)) == 0)
			r = logged(&w, "remove", tree_remove(w.tree, w.path), &all_done);
		s->answer.statuses[i] = status_of(&w, r, 0);
	}
	return answer_statuses(&w, q->paths.count);
}

int
handle_rename(struct session *s, const struct message *m)
{
	const struct message_rename *q = &m->rename;
	bool replace = q->replace != 0;
	struct work w;
	int r = work_begin(&w, s, &q->base, RIGHT_DELETE | RIGHT_PUT, true);

	if (r != 0)
		return answer_path_error(s, r, &w.base);
	for (uint32_t i = 0; i < q->pairs.count; i++) {
		work_on(&w);
		if ((r = join_pair(&w, &q->pairs.items[i])) == 0)
			r = logged_pair(&w, "rename", w.other, w.path,
					tree_rename(w.tree, w.path, w.other, replace), &all_done);
		if (r == FTX_E_EXISTS && replace && !has(&w, RIGHT_OVERWRITE))
			r = FTX_E_DENIED;
		s->answer.statuses[i] = status_of(&w, r, 0);
	}
	return answer_statuses(&w, q->pairs.count);
}
