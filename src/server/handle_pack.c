/*
 * PACK, COMMIT_PACKS (PROTOCOL.md, "Packs").
 *
 * What is wrong with a file is its status; the others go on.  A PACK is looked through before
 * anything of it is done: order, sums and limits are what no honest client gets wrong.
 */
#include "src/server/handlers.h"

#include <assert.h>
#include <string.h>

#include "proto/errors.h"
#include "src/server/charges.h"
#include "src/server/share.h"

enum packed_flag { PACKED_LAST = 1, PACKED_DROPPED = 2 };

/* Decodes the parts; *raw borrows from the message or s->raw. */
static int
unpack(struct session *s, const struct message_pack *pack, const uint8_t **raw)
{
	*raw = pack->data.data;
	if (pack->codec == CODEC_RAW)
		return pack->data.length == pack->raw_length ? 0 : FTX_E_PROTOCOL;
	if (pack->raw_length == 0)
		return FTX_E_PROTOCOL;
	*raw = s->raw;
	return decoder_run(s->decoder, (enum codec)pack->codec, pack->data.data, pack->data.length,
			   s->raw, pack->raw_length);
}

/* Does it go on where the last PACK ended? */
static bool
continues(const struct packing *p, const struct message_pack *pack, const struct packed *item)
{
	return item->size == p->size && item->offset == p->received &&
	       pack->base.length == p->base_length && item->path.length == p->path_length &&
	       memcmp(p->names, pack->base.data, p->base_length) == 0 &&
	       memcmp(p->names + p->base_length, item->path.data, p->path_length) == 0;
}

static bool
is_finished(const struct packed *item)
{
	return item->flags != 0;
}

/* One item by itself. */
static bool
item_ok(const struct packed *item)
{
	if (item->offset > item->size || item->length > item->size - item->offset)
		return false;
	if ((item->flags & PACKED_DROPPED) != 0)
		return (item->flags & PACKED_LAST) != 0 && item->length == 0;
	if ((item->flags & PACKED_LAST) == 0)
		return true;
	return item->offset + item->length == item->size && item->metadata.type == ENTRY_FILE &&
	       xattrs_check(&item->metadata.xattrs) == 0;
}

/* All that can be said before anything is done. */
static bool
pack_ok(const struct packing *p, const struct message_pack *pack)
{
	uint32_t begun = p->items + (p->unfinished ? 1 : 0);
	uint64_t length = 0;

	for (uint32_t i = 0; i < pack->items.count; i++) {
		const struct packed *item = &pack->items.items[i];

		if (i == 0 && p->unfinished) {
			if (!continues(p, pack, item))
				return false;
		} else if (item->offset != 0 || ++begun > LIMIT_GROUP_ITEMS) {
			return false;
		}
		if (!item_ok(item) || (!is_finished(item) && i + 1 != pack->items.count))
			return false;
		length += item->length;
	}
	return pack->items.count > 0 && length == pack->raw_length &&
	       length <= LIMIT_GROUP_BYTES - p->bytes;
}

static void
published(void *arg, const char *path)
{
	const struct session *s = arg;

	file_changed(s, "put", s->packing.subtree, path, FILE_LOG_NO_SIZE);
}

/* The group that takes this target's files. */
static int
group_of(struct session *s, const struct target *t)
{
	struct tree *tree;
	int r;

	if (t->subtree->staging < 0)
		return t->subtree->staging_error;
	if (t->subtree->group != NULL)
		return 0;
	if ((r = subtree_tree(s, t->subtree, true, &tree)) != 0)
		return r;
	if ((t->subtree->group = group_new(tree, s->syncers)) == NULL)
		return FTX_E_NOMEM;
	if (s->file_log != FILE_LOG_NONE)
		group_on_published(t->subtree->group, published, s);
	return 0;
}

/* What the items that begin in a PACK will take. */
static struct usage
needs(const struct packing *p, const struct message_pack *pack)
{
	struct usage sum = {0};

	for (uint32_t i = p->unfinished ? 1 : 0; i < pack->items.count; i++) {
		sum.bytes += pack->items.items[i].size;
		sum.files++;
	}
	return sum;
}

/* From what is reserved for the whole PACK, or where that did not fit by itself. */
static int
charge_item(struct session *s, const struct target *t, const struct packed *item,
	    struct usage *reserved)
{
	struct packing *p = &s->packing;
	const struct usage need = {.bytes = item->size, .files = 1};
	int r = 0;

	if (!t->subtree->charge->counted)
		return 0;
	if (reserved->files > 0) {
		reserved->bytes -= need.bytes;
		reserved->files--;
	} else if ((r = charge_take(s, t->subtree, &need)) != 0) {
		return r;
	}
	p->charged.bytes += need.bytes;
	p->charged.files++;
	return 0;
}

/* error: of the target, which is that of every item of it. */
static void
begin_item(struct session *s, const struct target *t, int error, const struct packed *item,
	   struct usage *reserved)
{
	struct packing *p = &s->packing;
	uint64_t most = s->client->max_file_bytes;
	const struct metadata *likely = item->metadata.type == ENTRY_FILE ? &item->metadata : NULL;
	char path[LIMIT_PATH_BYTES + 1];

	if (error == 0)
		error = target_join(t, &item->path, false, path);
	if (error == 0 && most != 0 && item->size > most)
		error = FTX_E_TOO_LARGE;
	if (error == 0)
		error = charge_item(s, t, item, reserved);
	p->sizes[p->items] = (uint32_t)item->size;
	p->size = item->size;
	p->received = 0;
	p->refused[p->items] = (uint16_t)-error;
	p->error = error;
	if (error == 0)
		group_begin(t->subtree->group, path, item->size, likely);
}

static void
take_part(struct packing *p, struct group *group, const struct packed *item, const uint8_t *data)
{
	struct digest digest;

	p->received += item->length;
	if (p->error != 0)
		return;
	if ((item->flags & PACKED_DROPPED) != 0) {
		p->error = FTX_E_CHANGED;
		return;
	}
	digest = digest_of(data, item->length);
	if (memcmp(digest.bytes, item->digest, sizeof(digest.bytes)) != 0)
		p->error = FTX_E_MISMATCH;
	else
		group_write(group, data, item->length);
}

static void
finish_item(struct packing *p, struct group *group, const struct packed *item)
{
	bool refused = p->refused[p->items++] != 0;

	p->unfinished = false;
	if (refused)
		return;
	if (p->error != 0)
		group_drop(group, p->error);
	else
		group_end(group, &item->metadata);
}

/* What the next PACK has to go on with. */
static void
remember_item(struct packing *p, const struct message_pack *pack, const struct packed *item)
{
	assert(pack->base.length + item->path.length <= sizeof(p->names));
	p->unfinished = true;
	p->base_length = pack->base.length;
	p->path_length = item->path.length;
	memcpy(p->names, pack->base.data, p->base_length);
	memcpy(p->names + p->base_length, item->path.data, p->path_length);
}

int
handle_pack(struct session *s, const struct message *m)
{
	const struct message_pack *pack = &m->pack;
	struct packing *p = &s->packing;
	struct usage reserved = {0};
	struct group *group;
	const uint8_t *data;
	struct target t;
	int error, r;

	if (!pack_ok(p, pack))
		return FTX_E_PROTOCOL;
	if ((r = unpack(s, pack, &data)) != 0)
		return r;
	error = target_parse(s, &pack->base, RIGHT_PUT, &t);
	if (p->begun && t.subtree != p->subtree)
		return FTX_E_PROTOCOL;
	p->begun = true;
	p->subtree = t.subtree;
	if (error == 0)
		error = group_of(s, &t);
	if (error == 0 &&
	    !share_has_room(t.subtree->root, &t.subtree->grant->rules, pack->raw_length))
		error = FTX_E_NO_SPACE;
	if (error == 0 && t.subtree->charge->counted) {
		reserved = needs(p, pack);
		if (reserved.files > 0 && charge_take(s, t.subtree, &reserved) != 0)
			reserved = (struct usage){0};
	}
	group = t.subtree != NULL ? t.subtree->group : NULL;
	p->bytes += pack->raw_length;
	for (uint32_t i = 0; i < pack->items.count; i++) {
		const struct packed *item = &pack->items.items[i];

		if (i > 0 || !p->unfinished)
			begin_item(s, &t, error, item, &reserved);
		take_part(p, group, item, data);
		data += item->length;
		if (is_finished(item))
			finish_item(p, group, item);
		else
			remember_item(p, pack, item);
	}
	if (t.subtree != NULL)
		charge_give(t.subtree, &reserved);
	return 0;
}

/* What the client is told of what became of a file. */
static struct item_status
hidden(const struct packing *p, const struct item_status *status)
{
	int error = subtree_hide(p->subtree, -(int)status->code);

	return (struct item_status){.code = (uint16_t)-error, .flags = status->flags};
}

/* Statuses of the group's items, which are at the beginning, go to their places. */
static void
merge_statuses(struct packing *p, size_t in_group)
{
	for (size_t i = p->items; i-- > 0;)
		if (p->refused[i] != 0)
			p->statuses[i] = (struct item_status){.code = p->refused[i]};
		else
			p->statuses[i] = hidden(p, &p->statuses[--in_group]);
	assert(in_group == 0);
}

/* What was charged for files that did not come to be is given back. */
static void
settle(struct packing *p)
{
	struct usage back = {0};

	for (size_t i = 0; i < p->items; i++)
		if (p->refused[i] == 0 && p->statuses[i].code != 0) {
			back.bytes += p->sizes[i];
			back.files++;
		}
	if (p->subtree != NULL && p->subtree->charge->counted)
		charge_give(p->subtree, &back);
	p->charged = (struct usage){0};
}

void
packing_end(struct session *s)
{
	struct packing *p = &s->packing;

	if (p->subtree != NULL)
		charge_give(p->subtree, &p->charged);
	p->charged = (struct usage){0};
}

/* 0, or why not everything is durable. */
static int
publish(struct session *s)
{
	struct packing *p = &s->packing;
	struct group *group = p->subtree != NULL ? p->subtree->group : NULL;
	size_t in_group = group != NULL ? group_items(group) : 0;
	int r = in_group > 0 ? group_commit(group, p->statuses) : 0;

	merge_statuses(p, in_group);
	for (size_t i = 0; i < s->subtree_count && r == 0; i++)
		if (s->subtrees[i].tree != NULL)
			r = tree_sync(s->subtrees[i].tree);
	return r;
}

int
handle_commit_packs(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_COMMITTED_PACKS};
	struct packing *p = &s->packing;
	uint32_t committed = 0;
	int r;

	if (p->unfinished || m->commit_packs.items != p->items)
		return FTX_E_PROTOCOL;
	session_working(s);
	if (p->subtree != NULL)
		subtree_umask(p->subtree);
	/* Of what is published and not durable all stays charged. */
	if ((r = publish(s)) == 0)
		settle(p);
	p->charged = (struct usage){0};
	answer.committed_packs.statuses.items = p->statuses;
	answer.committed_packs.statuses.count = p->items;
	for (uint32_t i = 0; i < p->items && r == 0; i++)
		committed += p->statuses[i].code == 0 ? 1 : 0;
	activity_committed(s->connection.activity, committed);
	p->begun = false;
	p->subtree = NULL;
	p->items = 0;
	p->bytes = 0;
	return r != 0 ? answer_error(s, r, NULL) : connection_send(&s->connection, &answer);
}
