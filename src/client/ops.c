#include "src/client/ops.h"

#include <assert.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/stream.h"

#define NODE_FIXED_BYTES 64u
#define ROOM_BYTES	 (LIMIT_RECORD_PLAIN - LIMIT_PATH_BYTES - 64u)

static size_t
node_bytes(const struct node *n)
{
	const struct metadata *m = &n->metadata;

	return NODE_FIXED_BYTES + n->path.length + n->target.length + m->user.length +
	       m->group.length + m->xattrs.length;
}

/* Room for one more of this kind below this root. */
static int
make_room(struct stream *s, enum request_kind kind, struct root *root, size_t bytes)
{
	struct op_list *ops = &s->ops;
	int r;

	if (ops->count > 0 && (ops->kind != kind || ops->root != root ||
			       ops->count == LIMIT_ENTRIES || ops->encoded + bytes > ROOM_BYTES))
		if ((r = ops_flush(s)) != 0)
			return r;
	ops->kind = kind;
	ops->root = root;
	ops->encoded += bytes;
	return 0;
}

int
ops_add(struct stream *s, enum request_kind kind, struct root *root, const struct node *n,
	void *item)
{
	struct op_list *ops = &s->ops;
	int r = make_room(s, kind, root, node_bytes(n));

	if (r != 0)
		return r;
	ops->nodes[ops->count] = *n;
	ops->items[ops->count++] = item;
	return 0;
}

int
ops_add_link(struct stream *s, struct root *root, const char *path, const char *target, void *item)
{
	struct op_list *ops = &s->ops;
	int r = make_room(s, REQUEST_LINK, root, strlen(path) + strlen(target) + 4);

	if (r != 0)
		return r;
	ops->pairs[ops->count] =
	    (struct path_pair){.path = span_of(path), .target = span_of(target)};
	ops->items[ops->count++] = item;
	return 0;
}

static void
fill(struct message *m, const struct op_list *ops)
{
	struct span base = span_of(ops->root->remote);

	switch (ops->kind) {
	case REQUEST_MKDIR:
		m->type = MESSAGE_MKDIR;
		m->mkdir.base = base;
		m->mkdir.nodes.items = ops->nodes;
		m->mkdir.nodes.count = ops->count;
		break;
	case REQUEST_SYMLINK:
		m->type = MESSAGE_SYMLINK;
		m->symlink.base = base;
		m->symlink.nodes.items = ops->nodes;
		m->symlink.nodes.count = ops->count;
		break;
	case REQUEST_SETMETA:
	case REQUEST_DIRECTORIES:
		m->type = MESSAGE_SETMETA;
		m->setmeta.base = base;
		m->setmeta.nodes.items = ops->nodes;
		m->setmeta.nodes.count = ops->count;
		break;
	case REQUEST_LINK:
		m->type = MESSAGE_LINK;
		m->link.base = base;
		m->link.pairs.items = ops->pairs;
		m->link.pairs.count = ops->count;
		break;
	case REQUEST_OFFER:
	case REQUEST_COMMIT:
	case REQUEST_FETCH:
		assert(false);
	}
}

int
ops_flush(struct stream *s)
{
	struct op_list *ops = &s->ops;
	struct message m = {0};
	struct request *r;

	if (ops->count == 0)
		return 0;
	r = request_new(s, ops->kind, ops->count);
	if (r == NULL)
		return problem_nomem(&s->problem);
	memcpy(r->items, ops->items, ops->count * sizeof(*r->items));
	r->count = ops->count;
	fill(&m, ops);
	ops->count = 0;
	ops->encoded = 0;
	s->unsynced = true;
	return request_send(r, &m);
}
