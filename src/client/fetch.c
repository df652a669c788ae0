/*
 * Small files from the server: FETCH, their content into the group as it comes, and the group's
 * commit.  The server is believed in nothing: every part must be what comes next.
 */
#include <assert.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/get.h"
#include "src/client/verdict.h"

#define FETCH_BYTES  (UINT64_C(4) << 20) /* asked for at once */
#define WANTED_FIXED 16u
#define COMMIT_FILES 1024u
#define COMMIT_BYTES (UINT64_C(16) << 20)
#define ROOM_BYTES   (LIMIT_RECORD_PLAIN - LIMIT_PATH_BYTES - 64u)

void
fetch_commit(struct stream *s)
{
	struct wants *w = s->wants;
	uint32_t count = w->grouped_count;
	int r;

	if (s->group == NULL)
		return;
	assert(group_items(s->group) == count);
	s->unsynced = false;
	r = group_commit(s->group, s->statuses);
	w->grouped_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct item_status *status = &s->statuses[i];
		struct entry *e = w->grouped[i];
		struct transfer_file f;
		struct problem p;
		int error = r != 0 ? r : status->code != 0 ? error_from_wire(status->code) : 0;

		if (e == NULL)
			continue;
		if (w->wrong[i]) {
			e->wrong_next = w->again;
			w->again = e;
			continue;
		}
		f = run_file(e, verdict_action(e), STATUS_DONE);
		f.not_kept = status->flags & 0xfu;
		if (w->theirs[i])
			problem_set(&p, error, SIDE_REMOTE, NULL);
		else if (error != 0)
			verdict_problem(s->run, &p, error);
		run_entry(s->run, e, &f, error != 0 ? &p : NULL, true);
	}
	if (r != 0 && count == 0) {
		struct problem p;

		verdict_problem(s->run, &p, r);
		run_trouble(s->run, &p);
	}
}

static bool
is_full(const struct stream *s)
{
	return group_items(s->group) >= COMMIT_FILES || group_bytes(s->group) >= COMMIT_BYTES;
}

/* The file is over without content. */
static void
fail_entry(struct stream *s, struct entry *e, int error)
{
	struct problem p;

	problem_set(&p, error, SIDE_REMOTE, NULL);
	verdict_fail(s->run, e, &p);
}

/* The file that has begun is not to be published, and that is not for anything here. */
static void
drop(struct stream *s, int error)
{
	struct wants *w = s->wants;

	w->theirs[w->grouped_count - 1] = true;
	group_drop(s->group, error);
}

/* What has come of the file is not what the server said: it is asked for once more. */
static void
drop_wrong(struct stream *s, struct entry *e, int error)
{
	struct wants *w = s->wants;

	w->wrong[w->grouped_count - 1] = error == FTX_E_MISMATCH && !e->came_wrong;
	e->came_wrong = true;
	drop(s, error);
}

/* What the server says instead of (more of) a file. */
static int
take_failure(struct stream *s, struct entry *e, int error)
{
	struct wants *w = s->wants;

	if (error == FTX_E_NOT_FOUND)
		error = FTX_E_VANISHED;
	if (error == FTX_E_TOO_LARGE)
		error = FTX_E_CHANGED;
	if (w->begun)
		drop(s, error);
	else
		fail_entry(s, e, error);
	return 0;
}

static void
begin_file(struct stream *s, struct entry *e, uint64_t size)
{
	struct wants *w = s->wants;

	if (is_full(s))
		fetch_commit(s);
	atomic_fetch_add(&s->run->bytes_total, size - e->identity.size);
	e->identity.size = size;
	group_begin(s->group, entry_local(e), size, &e->metadata);
	file_digest_start(s->file, size);
	w->theirs[w->grouped_count] = false;
	w->wrong[w->grouped_count] = false;
	w->grouped[w->grouped_count++] = e;
	w->begun = true;
}

static void
end_file(struct stream *s, struct entry *e, const struct metadata *m)
{
	struct digest digest = digest_finish(s->file);

	group_end(s->group, m);
	memcpy(e->digest.bytes, digest.bytes, sizeof(e->digest.bytes));
	e->has_digest = true;
	e->bytes_sent = e->identity.size;
	atomic_fetch_add(&s->run->bytes, e->identity.size);
}

/* A part of the file that comes next: checked against what was asked for and what has come. */
static int
take_part(struct stream *s, struct entry *e, const struct fetched *item, uint64_t limit,
	  const uint8_t *data)
{
	struct wants *w = s->wants;
	bool last = (item->flags & 1) != 0;
	struct digest digest;

	if (item->offset != w->offset || item->size > limit ||
	    (w->begun && item->size != e->identity.size) ||
	    item->length > item->size - item->offset ||
	    last != (item->offset + item->length == item->size) || (item->length == 0 && !last))
		return FTX_E_PROTOCOL;
	if (last &&
	    (item->metadata.type != ENTRY_FILE || (item->metadata.flags & ~s->run->parts) != 0 ||
	     xattrs_check(&item->metadata.xattrs) != 0))
		return FTX_E_PROTOCOL;
	if (!w->begun)
		begin_file(s, e, item->size);
	digest = digest_of(data, item->length);
	if (w->failed == 0 && memcmp(digest.bytes, item->digest, sizeof(digest.bytes)) != 0)
		w->failed = FTX_E_MISMATCH;
	if (w->failed == 0) {
		group_write(s->group, data, item->length);
		stream_digest_part(s, item->size, item->offset, data, item->length);
	}
	w->offset += item->length;
	if (!last)
		return 0;
	if (w->failed == 0)
		end_file(s, e, &item->metadata);
	else
		drop_wrong(s, e, w->failed);
	return 0;
}

/* The content of a DATA_PACK, decoded; NULL and *error otherwise. */
static const uint8_t *
decode(struct stream *s, const struct message_data_pack *m, int *error)
{
	const uint8_t *raw = m->data.data;
	uint64_t sum = 0;

	*error = 0;
	for (uint32_t i = 0; i < m->items.count; i++)
		sum += m->items.items[i].code == 0 ? m->items.items[i].length : 0;
	/* Of nothing any number could come, and the answer would have no end. */
	if (m->items.count == 0 || sum != m->raw_length)
		*error = FTX_E_PROTOCOL;
	else if (m->codec != CODEC_RAW) {
		raw = s->raw;
		*error = m->raw_length == 0
			     ? FTX_E_PROTOCOL
			     : decoder_run(s->decoder, (enum codec)m->codec, m->data.data,
					   m->data.length, s->raw, m->raw_length);
	} else if (m->data.length != m->raw_length)
		*error = FTX_E_PROTOCOL;
	return raw;
}

static void
next_file(struct wants *w)
{
	w->next++;
	w->offset = 0;
	w->begun = false;
	w->failed = 0;
}

static int
take_pack(struct stream *s, struct request *r, const struct message_data_pack *m)
{
	struct wants *w = s->wants;
	int error;
	const uint8_t *data = decode(s, m, &error);

	for (uint32_t i = 0; i < m->items.count && error == 0; i++) {
		const struct fetched *item = &m->items.items[i];
		struct entry *e;

		if (w->next >= r->count || item->index != w->next)
			return FTX_E_PROTOCOL;
		e = r->items[w->next];
		if (item->code != 0) {
			take_failure(s, e, error_from_wire(item->code));
			next_file(w);
			continue;
		}
		error = take_part(s, e, item, r->limit, data);
		data += item->length;
		if (error == 0 && (item->flags & 1) != 0)
			next_file(w);
	}
	atomic_fetch_add(&s->run->bytes_wire, m->data.length);
	return error;
}

static int
take_answer(void *arg, const struct message *m)
{
	struct request *r = arg;
	struct stream *s = r->stream;
	struct wants *w = s->wants;

	if (w->answering != r) {
		w->answering = r;
		w->next = 0;
		w->offset = 0;
		w->begun = false;
		w->failed = 0;
	}
	if (m->type == MESSAGE_DATA_PACK)
		return take_pack(s, r, &m->data_pack);
	if (m->type == MESSAGE_FETCHED && (w->next != r->count || m->fetched.count != r->count))
		return FTX_E_PROTOCOL;
	if (m->type == MESSAGE_ERROR) {
		/* The whole request failed: so did each file that has not come. */
		if (w->begun)
			drop(s, r->reply.problem.error);
		for (uint32_t i = w->next + w->begun; i < r->count; i++)
			verdict_fail(s->run, r->items[i], &r->reply.problem);
	}
	w->answering = NULL;
	return 0;
}

int
fetch_flush(struct stream *s)
{
	const struct transfer_request *request = s->run->request;
	struct message m = {.type = MESSAGE_FETCH};
	struct wants *w = s->wants;
	struct request *r;

	if (w->count == 0)
		return 0;
	r = request_new(s, REQUEST_FETCH, w->count);
	if (r == NULL)
		return problem_nomem(&s->problem);
	memcpy(r->items, w->entries, w->count * sizeof(*r->items));
	r->count = w->count;
	r->limit = w->limit;
	r->reply.on_message = take_answer;
	r->reply.arg = r;
	m.fetch.base = root_base(w->root);
	m.fetch.compress = (uint8_t)request->compress;
	m.fetch.level = (uint8_t)request->level;
	m.fetch.parts = (uint16_t)s->run->parts;
	m.fetch.files.items = w->files;
	m.fetch.files.count = w->count;
	w->count = 0;
	w->encoded = 0;
	w->bytes = 0;
	s->unsynced = true;
	return request_send(r, &m);
}

int
fetch_file(struct stream *s, struct entry *e)
{
	struct wants *w = s->wants;
	size_t bytes = WANTED_FIXED + strlen(entry_remote(e));
	int r;

	if (w->count > 0 && (w->root != e->batch->root || w->count == LIMIT_ENTRIES ||
			     w->encoded + bytes > ROOM_BYTES || w->bytes >= FETCH_BYTES))
		if ((r = fetch_flush(s)) != 0)
			return r;
	if (w->count == 0)
		w->limit = stream_small_bytes(s);
	/* What counts as small has changed, maybe, since it was asked: with the rate, at any time.
	 */
	if (w->limit < e->identity.size)
		w->limit = e->identity.size;
	w->root = e->batch->root;
	w->encoded += bytes;
	w->bytes += e->identity.size;
	w->files[w->count] = (struct wanted){.path = span_of(entry_remote(e)), .limit = w->limit};
	w->entries[w->count++] = e;
	return 0;
}

int
fetch_again(struct stream *s)
{
	struct wants *w = s->wants;
	int r = 0;

	while (r == 0 && w->again != NULL) {
		struct entry *e = w->again;

		w->again = e->wrong_next;
		r = fetch_file(s, e);
		if (r == 0 && w->again == NULL)
			r = fetch_flush(s);
	}
	return r;
}

void
fetch_lost(struct stream *s)
{
	struct wants *w = s->wants;
	struct request *r;

	if (w->begun) {
		group_drop(s->group, FTX_E_CLOSED);
		w->grouped[w->grouped_count - 1] = NULL;
	}
	while ((r = request_first(&s->requests)) != NULL) {
		uint32_t first = r->reply.done ? r->count : w->answering == r ? w->next : 0;

		for (uint32_t i = first; i < r->count; i++)
			stream_keep_entry(s, r->items[i]);
		request_free(r);
	}
	w->answering = NULL;
	w->begun = false;
	for (uint32_t i = 0; i < w->count; i++)
		stream_keep_entry(s, w->entries[i]);
	w->count = 0;
	w->encoded = 0;
	w->bytes = 0;
	fetch_commit(s);
	for (; w->again != NULL; w->again = w->again->wrong_next)
		stream_keep_entry(s, w->again);
}
