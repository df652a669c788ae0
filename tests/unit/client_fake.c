#include "tests/unit/client_fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

#define LOG_BYTES (1u << 20)

struct fake *
fake_new(void)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (f == NULL || (f->log = calloc(1, LOG_BYTES)) == NULL)
		abort();
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void
fake_free(struct fake *f)
{
	for (size_t i = 0; i < f->file_count; i++)
		free(f->files[i].data);
	for (unsigned i = 0; i < RIG_STREAMS; i++) {
		free(f->ends[i].pack);
		decoder_free(f->ends[i].decoder);
	}
	pthread_mutex_destroy(&f->lock);
	free(f->log);
	free(f);
}

static void __attribute__((format(printf, 2, 3))) broken(struct fake *f, const char *format, ...)
{
	va_list args;

	if (f->broken[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(f->broken, sizeof(f->broken), format, args);
	va_end(args);
}

static void __attribute__((format(printf, 2, 3))) note(struct fake *f, const char *format, ...)
{
	va_list args;

	if (f->log_used + 1024 > LOG_BYTES)
		return;
	va_start(args, format);
	f->log_used +=
	    (size_t)vsnprintf(f->log + f->log_used, LOG_BYTES - f->log_used, format, args);
	va_end(args);
}

static struct fake_file *
add(struct fake *f, struct span base, struct span path, uint64_t size)
{
	struct fake_file *file = &f->files[f->file_count];

	if (f->file_count == FAKE_FILES)
		abort();
	f->file_count++;
	snprintf(file->path, sizeof(file->path), "%.*s%s%.*s", (int)base.length,
		 (const char *)base.data, base.length > 0 && path.length > 0 ? "/" : "",
		 (int)path.length, (const char *)path.data);
	file->size = size;
	file->data = calloc(1, size + 1);
	if (file->data == NULL)
		abort();
	return file;
}

struct fake_file *
fake_find(struct fake *f, const char *path)
{
	for (size_t i = f->file_count; i > 0; i--)
		if (strcmp(f->files[i - 1].path, path) == 0)
			return &f->files[i - 1];
	return NULL;
}

bool
fake_has(struct fake *f, const char *path, const char *content_path, uint64_t size)
{
	const struct fake_file *file = fake_find(f, path);

	return file != NULL && file->committed && file->size == size && file->received == size &&
	       rig_is(file->data, content_path, size);
}

static struct fake_end *
end_of(struct fake *f, struct peer *p)
{
	for (unsigned i = 0; i < RIG_STREAMS; i++) {
		struct fake_end *end = &f->ends[i];

		if (end->peer == NULL) {
			end->peer = p;
			end->pack = malloc(LIMIT_CHUNK_BYTES);
			end->decoder = decoder_new();
		}
		if (end->peer == p)
			return end;
	}
	abort();
}

void
fake_have(struct peer *p, uint64_t first, uint64_t count)
{
	const struct block_range range = {first, count};
	struct message m = {.type = MESSAGE_HAVE};

	m.have.blocks.items = &range;
	m.have.blocks.count = count > 0;
	peer_send(p, &m);
}

void
fake_error_blocks(struct peer *p, int error, uint64_t first, uint64_t count)
{
	const struct block_range range = {first, count};
	struct message m = {.type = MESSAGE_ERROR};

	m.error.code = (uint16_t)-error;
	m.error.blocks.items = &range;
	m.error.blocks.count = count > 0;
	peer_send(p, &m);
}

static void
send_statuses(struct peer *p, enum message_type type, const struct item_status *items,
	      uint32_t count)
{
	struct message m = {.type = type};

	if (type == MESSAGE_STATUSES) {
		m.statuses.statuses.items = items;
		m.statuses.statuses.count = count;
	} else {
		m.committed_packs.statuses.items = items;
		m.committed_packs.statuses.count = count;
	}
	peer_send(p, &m);
}

void
fake_statuses(struct peer *p, enum message_type type, uint32_t count, int code)
{
	struct item_status items[LIMIT_GROUP_ITEMS] = {0};

	for (uint32_t i = 0; i < count && i < LIMIT_GROUP_ITEMS; i++)
		items[i].code = (uint16_t)-code;
	send_statuses(p, type, items, count);
}

uint32_t
fake_items(const struct message *m)
{
	return m->type == MESSAGE_MKDIR	    ? m->mkdir.nodes.count
	       : m->type == MESSAGE_SYMLINK ? m->symlink.nodes.count
	       : m->type == MESSAGE_SETMETA ? m->setmeta.nodes.count
	       : m->type == MESSAGE_LINK    ? m->link.pairs.count
	       : m->type == MESSAGE_RENAME  ? m->rename.pairs.count
	       : m->type == MESSAGE_REMOVE  ? m->remove.paths.count
	       : m->type == MESSAGE_OFFER   ? m->offer.nodes.count
					    : 0;
}

/* What an operation names first, and second. */
static struct span
item_path(const struct message *m, uint32_t i, struct span *target)
{
	const struct node *nodes = m->type == MESSAGE_MKDIR	? m->mkdir.nodes.items
				   : m->type == MESSAGE_SYMLINK ? m->symlink.nodes.items
								: m->setmeta.nodes.items;
	const struct path_pair *pairs =
	    m->type == MESSAGE_LINK ? m->link.pairs.items : m->rename.pairs.items;

	*target = (struct span){0};
	if (m->type == MESSAGE_REMOVE)
		return m->remove.paths.items[i].path;
	if (m->type == MESSAGE_LINK || m->type == MESSAGE_RENAME) {
		*target = pairs[i].target;
		return pairs[i].path;
	}
	if (m->type == MESSAGE_SYMLINK)
		*target = nodes[i].target;
	return nodes[i].path;
}

static void
operate(struct fake *f, struct peer *p, const char *name)
{
	static _Thread_local struct item_status items[LIMIT_ENTRIES];
	const struct message *m = &p->message;
	uint32_t count = fake_items(m);

	note(f, " %s(", name);
	for (uint32_t i = 0; i < count; i++) {
		struct span target, path = item_path(m, i, &target);
		int error = f->item_error != NULL ? f->item_error(m->type, path) : 0;

		items[i] = (struct item_status){.code = (uint16_t)-error, .flags = f->item_flags};
		note(f, "%s%.*s%s%.*s", i > 0 ? " " : "", (int)path.length, (const char *)path.data,
		     target.length > 0 ? ">" : "", (int)target.length, (const char *)target.data);
	}
	note(f, ")");
	send_statuses(p, MESSAGE_STATUSES, items, count);
}

static void
offer(struct fake *f, struct peer *p)
{
	static _Thread_local struct offer_verdict verdicts[LIMIT_ENTRIES];
	const struct message_offer *o = &p->message.offer;
	struct message m = {.type = MESSAGE_VERDICTS};

	note(f, " OFFER");
	for (uint32_t i = 0; i < o->nodes.count; i++) {
		verdicts[i] = (struct offer_verdict){0};
		if (f->verdict != NULL)
			f->verdict(&o->nodes.items[i], &verdicts[i]);
	}
	m.verdicts.verdicts.items = verdicts;
	m.verdicts.verdicts.count = o->nodes.count;
	peer_send(p, &m);
}

static bool
same_file(const struct fake_file *file, struct span base, const struct packed *item)
{
	char path[300];

	snprintf(path, sizeof(path), "%.*s/%.*s", (int)base.length, (const char *)base.data,
		 (int)item->path.length, (const char *)item->path.data);
	if (item->path.length == 0)
		path[base.length] = '\0';
	return strcmp(file->path, path) == 0 && file->size == item->size;
}

static void
take_item(struct fake *f, struct fake_end *end, const struct message_pack *m, uint32_t i,
	  const uint8_t *data)
{
	const struct packed *item = &m->items.items[i];
	bool last = (item->flags & 1) != 0, dropped = (item->flags & 2) != 0;
	struct digest digest = digest_of(data, item->length);
	struct fake_file *file = end->part;

	if (file == NULL) {
		if (item->offset != 0)
			broken(f, "a part at %llu of a new file", (unsigned long long)item->offset);
		file = add(f, m->base, item->path, item->size);
		end->group[end->group_count++ % LIMIT_GROUP_ITEMS] = file;
		if (end->group_count > LIMIT_GROUP_ITEMS)
			broken(f, "more than LIMIT_GROUP_ITEMS");
	} else if (i != 0 || !same_file(file, m->base, item)) {
		broken(f, "%s is not gone on with", file->path);
	}
	if (item->offset != file->received || item->length > file->size - file->received)
		broken(f, "%s: not what comes next", file->path);
	else
		memcpy(file->data + item->offset, data, item->length);
	if (dropped ? !last || item->length != 0
		    : memcmp(digest.bytes, item->digest, sizeof(digest.bytes)) != 0)
		broken(f, "%s: digest or drop", file->path);
	file->received += item->length;
	end->group_bytes += item->length;
	if (end->group_bytes > LIMIT_GROUP_BYTES)
		broken(f, "more than LIMIT_GROUP_BYTES");
	end->part = last ? NULL : file;
	if (!last && i + 1 != m->items.count)
		broken(f, "%s: goes on and is not the last item", file->path);
	if (!last)
		return;
	file->ended = true;
	file->dropped = dropped;
	if (!dropped && (file->received != file->size || item->metadata.type != ENTRY_FILE))
		broken(f, "%s: ended at %llu", file->path, (unsigned long long)file->received);
	file->metadata = item->metadata;
}

static void
pack(struct fake *f, struct fake_end *end, const struct message_pack *m)
{
	const uint8_t *data = m->data.data;
	uint64_t sum = 0;

	f->packs++;
	note(f, " PACK");
	for (uint32_t i = 0; i < m->items.count; i++)
		sum += m->items.items[i].length;
	if (m->items.count == 0 || sum != m->raw_length ||
	    (m->raw_length == 0 && (m->codec != 0 || m->data.length != 0))) {
		broken(f, "the lengths of a PACK");
		return;
	}
	if (m->codec != CODEC_RAW) {
		if (decoder_run(end->decoder, (enum codec)m->codec, m->data.data, m->data.length,
				end->pack, m->raw_length) != 0)
			broken(f, "the codec of a PACK");
		data = end->pack;
	} else if (m->data.length != m->raw_length) {
		broken(f, "the data of a PACK");
		return;
	}
	for (uint32_t i = 0; i < m->items.count; i++) {
		take_item(f, end, m, i, data);
		data += m->items.items[i].length;
	}
}

static void
commit_packs(struct fake *f, struct fake_end *end, struct peer *p)
{
	static _Thread_local struct item_status items[LIMIT_GROUP_ITEMS];
	uint32_t count = p->message.commit_packs.items;

	f->pack_commits++;
	note(f, " COMMIT_PACKS");
	if (count != end->group_count || end->part != NULL)
		broken(f, "COMMIT_PACKS of %u, not %u", count, end->group_count);
	for (uint32_t i = 0; i < count && i < end->group_count; i++) {
		struct fake_file *file = end->group[i];
		int error = file->dropped ? FTX_E_CHANGED
			    : f->item_error != NULL
				? f->item_error(p->message.type, span_of(file->path))
				: 0;

		items[i] = (struct item_status){.code = (uint16_t)-error, .flags = f->item_flags};
		file->committed = error == 0;
	}
	if (end->group_count > f->group_files_most)
		f->group_files_most = end->group_count;
	if (end->group_bytes > f->group_bytes_most)
		f->group_bytes_most = end->group_bytes;
	end->group_count = 0;
	end->group_bytes = 0;
	send_statuses(p, MESSAGE_COMMITTED_PACKS, items, count);
}

static void
open_file(struct fake *f, struct fake_end *end, struct peer *p)
{
	const struct message_open *o = &p->message.open;
	char path[300];

	f->opens++;
	note(f, " OPEN");
	if (end->open != NULL)
		broken(f, "OPEN of a handle that is in use");
	snprintf(path, sizeof(path), "%.*s", (int)o->path.length, (const char *)o->path.data);
	end->open = fake_find(f, path);
	if (end->open == NULL || end->open->committed || end->open->dropped ||
	    end->open->size != o->identity.size)
		end->open = add(f, o->path, (struct span){0}, o->identity.size);
	end->open->big = true;
	fake_have(p, 0, 0);
}

static void
write_file(struct fake *f, struct fake_end *end, const struct message_write *w)
{
	struct fake_file *file = end->open;
	struct digest digest = digest_of(w->data.data, w->data.length);
	uint64_t block = w->offset / LIMIT_BLOCK_BYTES;

	if (end->failed)
		return;
	if (file == NULL || w->codec != CODEC_RAW || w->data.length != w->raw_length ||
	    w->offset + w->raw_length > file->size ||
	    block != (w->offset + w->raw_length - 1) / LIMIT_BLOCK_BYTES ||
	    memcmp(digest.bytes, w->digest, sizeof(digest.bytes)) != 0) {
		broken(f, "WRITE");
		return;
	}
	memcpy(file->data + w->offset, w->data.data, w->data.length);
	file->received += w->raw_length;
	file->block_writes[block % 16] += w->raw_length;
}

/* The digest that COMMIT must have. */
static void
check_digest(struct fake *f, const struct fake_file *file, const struct message_commit *c)
{
	struct digest_state *s = digest_state_new();
	struct digest digest;

	file_digest_start(s, file->size);
	for (uint32_t i = 0; i < c->blocks.count; i++)
		for (uint64_t n = 0; n < c->blocks.items[i].count; n++) {
			uint64_t at = (c->blocks.items[i].first + n) * LIMIT_BLOCK_BYTES;
			uint64_t left = file->size - at;

			digest =
			    digest_of(file->data + at,
				      left < LIMIT_BLOCK_BYTES ? (size_t)left : LIMIT_BLOCK_BYTES);
			file_digest_add(s, &digest);
		}
	digest = digest_finish(s);
	if (memcmp(digest.bytes, c->digest, sizeof(digest.bytes)) != 0 || c->size != file->size)
		broken(f, "the digest of COMMIT");
	digest_state_free(s);
}

static void
commit_file(struct fake *f, struct fake_end *end, struct peer *p)
{
	f->commits++;
	note(f, " COMMIT");
	if (end->open == NULL) {
		broken(f, "COMMIT of no handle");
		peer_error(p, FTX_E_PROTOCOL);
		return;
	}
	check_digest(f, end->open, &p->message.commit);
	end->open->committed = true;
	end->open->metadata = p->message.commit.metadata;
	end->open = NULL;
	peer_answer(p, MESSAGE_COMMITTED);
}

static void
release_handle(struct fake *f, struct fake_end *end, struct peer *p)
{
	f->releases++;
	f->discards += p->message.release.discard;
	note(f, " RELEASE");
	if (end->open != NULL && p->message.release.discard)
		end->open->dropped = true;
	end->open = NULL;
	end->failed = false;
	peer_answer(p, MESSAGE_OK);
}

/* false: the connection is over. */
static bool
serve(struct fake *f, struct fake_end *end, struct peer *p)
{
	const struct message *m = &p->message;

	if (f->hook != NULL && f->hook(f, p))
		return true;
	if (m->type == MESSAGE_OFFER)
		offer(f, p);
	else if (m->type == MESSAGE_PACK)
		pack(f, end, &m->pack);
	else if (m->type == MESSAGE_COMMIT_PACKS)
		commit_packs(f, end, p);
	else if (m->type == MESSAGE_OPEN)
		open_file(f, end, p);
	else if (m->type == MESSAGE_WRITE)
		write_file(f, end, &m->write);
	else if (m->type == MESSAGE_HOLE && end->open != NULL)
		end->open->received += m->hole.length;
	else if (m->type == MESSAGE_COMMIT)
		commit_file(f, end, p);
	else if (m->type == MESSAGE_RELEASE)
		release_handle(f, end, p);
	else if (m->type == MESSAGE_CHECKPOINT)
		peer_answer(p, MESSAGE_OK);
	else if (m->type == MESSAGE_SYNC) {
		f->syncs++;
		peer_answer(p, MESSAGE_OK);
	} else if (m->type == MESSAGE_STAT)
		peer_error(p, FTX_E_NOT_FOUND);
	else if (fake_items(m) > 0)
		operate(f, p, message_info(m->type)->name);
	else if (m->type != MESSAGE_CLOSE)
		broken(f, "message %u", (unsigned)m->type);
	return m->type != MESSAGE_CLOSE;
}

void
fake_serve(struct peer *p)
{
	struct fake *f = p->arg;
	struct fake_end *end;
	bool open = true;

	pthread_mutex_lock(&f->lock);
	end = end_of(f, p);
	pthread_mutex_unlock(&f->lock);
	while (open && peer_receive(p)) {
		pthread_mutex_lock(&f->lock);
		open = serve(f, end, p);
		pthread_mutex_unlock(&f->lock);
	}
}
