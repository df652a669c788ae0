#include "tests/unit/client_served.h"

#include "tests/harness/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

/* The items' own bytes leave less than a whole chunk. */
#define PACK_BYTES (LIMIT_CHUNK_BYTES - 8192u)
#define PACK_ITEMS 8u

struct identity
served_identity(const struct served *v, size_t i)
{
	const struct served_entry *e = &v->entries[i];

	return (struct identity){.size = e->type == ENTRY_FILE ? e->size : 0,
				 .mtime_s = 1000 + (int64_t)i,
				 .mtime_ns = 500,
				 .inode = e->links != 0 ? e->links : 100 + i,
				 .ctime_s = 1000};
}

struct metadata
served_metadata(const struct served *v, size_t i)
{
	const struct served_entry *e = &v->entries[i];
	uint16_t mode = e->type == ENTRY_DIRECTORY ? 0750 : 0640;

	return (struct metadata){.type = (uint8_t)e->type,
				 .mode = e->mode != 0 ? e->mode : mode,
				 .mtime_s = 1000 + (int64_t)i,
				 .mtime_ns = 500};
}

size_t
served_find(const struct served *v, struct span path)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		if (strlen(v->entries[i].path) == path.length &&
		    (path.length == 0 || memcmp(v->entries[i].path, path.data, path.length) == 0))
			break;
	return i;
}

/* The directory among those so far that path is in. */
static struct dirnode *
parent_of(const struct served *v, struct dirnode *const *nodes, size_t i)
{
	const char *path = v->entries[i].path, *slash = strrchr(path, '/');
	size_t at;

	if (path[0] == '\0')
		return NULL;
	at = served_find(
	    v, (struct span){(const uint8_t *)path, slash != NULL ? (size_t)(slash - path) : 0});
	cr_assert(at < i);
	return nodes[at];
}

void
served_push(struct rig *rig, const struct served *v)
{
	struct work *w = &rig->run.work;
	struct dirnode *nodes[64] = {0};
	struct batch *b = batch_new(&rig->root);

	cr_assert(v->count <= 64);
	for (size_t i = 0; i < v->count; i++) {
		const struct served_entry *s = &v->entries[i];
		struct entry e = {.path = s->path,
				  .target = s->target != NULL ? s->target : "",
				  .metadata = served_metadata(v, i),
				  .identity = served_identity(v, i),
				  .allocated = s->size,
				  .directory = parent_of(v, nodes, i)};
		struct entry *added;

		if (s->type == ENTRY_DIRECTORY) {
			nodes[i] = dirnode_new(e.directory, &rig->root, s->path, &e.metadata);
			work_enter(w, nodes[i]);
			e.directory = nodes[i];
		}
		if (s->links != 0 && run_looks_at_names(&rig->run)) {
			e.names = 2;
		} else if (s->links != 0) {
			cr_assert(work_meet_link(w, &rig->root, 0, 2, &e, &e.links) == 0);
			if (e.links == NULL)
				continue;
		}
		added = batch_add(b, &e);
		work_expect(w, added);
		atomic_fetch_add(&rig->run.bytes_total, e.identity.size);
	}
	cr_assert(work_push(w, b, false));
	for (size_t i = v->count; i > 0; i--)
		if (nodes[i - 1] != NULL)
			work_leave(w, nodes[i - 1]);
	work_scanned(w);
}

struct message
served_chunk(const char *path, uint64_t offset, uint32_t length)
{
	static _Thread_local uint8_t bytes[LIMIT_CHUNK_BYTES];
	struct message m = {.type = MESSAGE_DATA};
	struct digest digest;

	rig_fill(bytes, path, offset, length);
	digest = digest_of(bytes, length);
	m.data.offset = offset;
	m.data.raw_length = length;
	memcpy(m.data.digest, digest.bytes, sizeof(m.data.digest));
	m.data.data = (struct span){bytes, length};
	return m;
}

void
served_range(struct peer *p, const char *path, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t length = LIMIT_CHUNK_BYTES - from % LIMIT_CHUNK_BYTES;
		struct message m;

		if (length > to - from)
			length = to - from;
		m = served_chunk(path, from, (uint32_t)length);
		if (!peer_send(p, &m))
			return;
		from += length;
	}
}

void
served_done(struct peer *p, struct identity identity)
{
	struct message m = {.type = MESSAGE_DONE};

	m.done.identity = identity;
	peer_send(p, &m);
}

/* Room for one more item in the last DATA_PACK; a new one where there is none. */
static struct message_data_pack *
pack_for(struct served_answer *a, size_t *room)
{
	struct message_data_pack *m;

	if (a->count == 0 || a->parts[a->count - 1].data_pack.raw_length == PACK_BYTES ||
	    a->parts[a->count - 1].data_pack.items.count == PACK_ITEMS) {
		cr_assert(a->count + 1 < SERVED_PARTS);
		m = &a->parts[a->count].data_pack;
		a->parts[a->count].type = MESSAGE_DATA_PACK;
		m->items.items = a->items[a->count];
		m->data.data = a->data[a->count];
		a->count++;
	}
	m = &a->parts[a->count - 1].data_pack;
	*room = PACK_BYTES - m->raw_length;
	return m;
}

static void
answer_file(const struct served *v, struct served_answer *a, const struct message_fetch *f,
	    uint32_t index)
{
	size_t at = served_find(v, f->files.items[index].path), room;
	uint64_t offset = 0, size;
	struct message_data_pack *m;
	struct fetched *item;

	if (at == v->count || v->entries[at].size > f->files.items[index].limit) {
		m = pack_for(a, &room);
		item = &a->items[a->count - 1][m->items.count++];
		*item = (struct fetched){
		    .index = (uint16_t)index,
		    .code = (uint16_t)(at == v->count ? -FTX_E_NOT_FOUND : -FTX_E_TOO_LARGE)};
		return;
	}
	size = v->entries[at].size;
	do {
		uint64_t left = size - offset;
		uint8_t *data;
		struct digest digest;

		m = pack_for(a, &room);
		data = a->data[a->count - 1] + m->raw_length;
		if (left > room)
			left = room;
		item = &a->items[a->count - 1][m->items.count++];
		*item = (struct fetched){.index = (uint16_t)index,
					 .size = size,
					 .offset = offset,
					 .length = (uint32_t)left,
					 .flags = offset + left == size,
					 .metadata = served_metadata(v, at)};
		rig_fill(data, v->entries[at].path, offset, (size_t)left);
		digest = digest_of(data, (size_t)left);
		memcpy(item->digest, digest.bytes, sizeof(item->digest));
		m->raw_length += (uint32_t)left;
		m->data.length = m->raw_length;
		offset += left;
	} while (offset < size);
}

struct served_answer *
served_fetch(const struct served *v, const struct message_fetch *f)
{
	struct served_answer *a = calloc(1, sizeof(*a));

	cr_assert(a != NULL);
	for (uint32_t i = 0; i < f->files.count; i++)
		answer_file(v, a, f, i);
	a->parts[a->count].type = MESSAGE_FETCHED;
	a->parts[a->count].fetched.count = (uint16_t)f->files.count;
	a->count++;
	return a;
}

static void
fetch(struct served *v, struct peer *p)
{
	struct served_answer *a = served_fetch(v, &p->message.fetch);

	for (unsigned i = 0; i < a->count; i++)
		peer_send(p, &a->parts[i]);
	free(a);
}

/* s/src and what is below it. */
static size_t
find_remote(const struct served *v, struct span path)
{
	const size_t top = strlen("s/src");

	if (path.length < top || memcmp(path.data, "s/src", top) != 0)
		return v->count;
	if (path.length == top)
		return served_find(v, (struct span){0});
	return served_find(v, (struct span){path.data + top + 1, path.length - top - 1});
}

static void
stat_entry(struct served *v, struct peer *p)
{
	size_t at = find_remote(v, p->message.stat.path);
	struct message m = {.type = MESSAGE_ENTRY};

	if (at == v->count) {
		peer_error(p, FTX_E_NOT_FOUND);
		return;
	}
	m.entry.attributes.identity = served_identity(v, at);
	m.entry.attributes.metadata = served_metadata(v, at);
	peer_send(p, &m);
}

static void
read_file(struct served *v, struct peer *p)
{
	const struct message_read *r = &p->message.read;
	size_t at = find_remote(v, r->path);

	if (at == v->count) {
		peer_error(p, FTX_E_NOT_FOUND);
		return;
	}
	for (uint32_t i = 0; i < r->ranges.count; i++)
		served_range(p, v->entries[at].path, r->ranges.items[i].offset,
			     r->ranges.items[i].offset + r->ranges.items[i].length);
	served_done(p, served_identity(v, at));
}

void
served_serve(struct peer *p)
{
	struct served *v = p->arg;

	while (!v->over && peer_receive(p)) {
		enum message_type type = p->message.type;

		v->fetches += type == MESSAGE_FETCH;
		v->reads += type == MESSAGE_READ;
		v->stats += type == MESSAGE_STAT;
		if (v->hook != NULL && v->hook(v, p))
			continue;
		if (type == MESSAGE_FETCH)
			fetch(v, p);
		else if (type == MESSAGE_READ)
			read_file(v, p);
		else if (type == MESSAGE_STAT)
			stat_entry(v, p);
		else
			return;
	}
}
