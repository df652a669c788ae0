/*
 * OPEN, WRITE, HOLE, CHECKPOINT, COMMIT, RELEASE (PROTOCOL.md, "Uploads").
 *
 * Whatever goes wrong with an upload is remembered in its handle and answered by the next request
 * that has an answer; the connection and the other handles go on.  Only what no honest client sends
 * ends the connection.
 */
#include "src/server/handlers.h"

#include <assert.h>
#include <string.h>

#include "proto/errors.h"
#include "src/server/charges.h"
#include "src/server/share.h"
#include "src/store/staging.h"

/* A handle that must be open. */
static struct handle *
open_handle(struct session *s, uint8_t number)
{
	struct handle *h = &s->handles[number];

	return h->used ? h : NULL;
}

static int
fail(struct handle *h, int error)
{
	if (h->error == 0)
		h->error = error;
	return h->error;
}

/* Is a file of so many bytes more than this client may have? */
static bool
is_too_large(const struct session *s, uint64_t size)
{
	return s->client->max_file_bytes != 0 && size > s->client->max_file_bytes;
}

/*
 * Before more of a file comes: what was not known at OPEN.  0, or what makes the upload fail.
 */
static int
check_growth(struct session *s, const struct handle *h, uint64_t end, uint64_t bytes)
{
	if (h->size == UPLOAD_SIZE_UNKNOWN) {
		if (is_too_large(s, end))
			return FTX_E_TOO_LARGE;
		if (!share_has_room(h->subtree->root, &h->subtree->grant->rules, bytes))
			return FTX_E_NO_SPACE;
	}
	/* Last, for it is not given back. */
	return charge_ahead(s, h->subtree, bytes);
}

static void
count_uploads(const struct session *s)
{
	unsigned count = 0;

	for (size_t i = 0; i < LIMIT_HANDLES; i++)
		count += s->handles[i].upload != NULL;
	activity_uploads(s->connection.activity, count);
}

static void
free_handle(const struct session *s, struct handle *h)
{
	*h = (struct handle){0};
	count_uploads(s);
}

static int
open_upload(struct session *s, const struct message_open *m, struct target *t, struct handle *h,
	    uint32_t *have_count)
{
	struct upload_options options = {
	    .path = t->rest,
	    .identity = m->identity,
	    .allocate = m->allocate,
	    .before_long_call = session_working,
	    .arg = s,
	};
	int r = target_parse(s, &m->path, RIGHT_PUT, t);

	if (r != 0)
		return r;
	if (t->rest[0] == '\0')
		return FTX_E_CONFLICT;
	if (m->identity.size != UPLOAD_SIZE_UNKNOWN && is_too_large(s, m->identity.size))
		return FTX_E_TOO_LARGE;
	if (t->subtree->staging < 0)
		return t->subtree->staging_error;
	options.keep_free = share_keep_free(t->subtree->root, &t->subtree->grant->rules);
	options.root = t->subtree->root;
	options.rules = &t->subtree->rules;
	options.overwrite = (t->subtree->grant->rights & RIGHT_OVERWRITE) != 0;
	options.staging.dir = t->subtree->staging;
	options.staging.prefix = "";
	memcpy(options.staging.node, t->subtree->node, strlen(t->subtree->node) + 1);
	subtree_partial_id(t->subtree, t->rest, options.staging.id);
	h->in_set = t->subtree->set != NULL;
	memcpy(options.session_id, s->session_id, sizeof(options.session_id));
	options.tally = charge_tally(t->subtree);
	r = charge_upload(s, t->subtree, &options, &h->upload, have_count);
	count_uploads(s);
	return r;
}

int
handle_open(struct session *s, const struct message *m)
{
	struct handle *h = &s->handles[m->open.handle];
	struct message answer = {.type = MESSAGE_HAVE};
	struct target t = {0};
	int r;

	if (h->used)
		return FTX_E_PROTOCOL;
	*h = (struct handle){.used = true, .size = m->open.identity.size};
	r = open_upload(s, &m->open, &t, h, &answer.have.blocks.count);
	h->subtree = t.subtree;
	if (r != 0)
		return answer_path_error(s, fail(h, subtree_hide(t.subtree, r)), &t);
	answer.have.blocks.items = s->have;
	return connection_send(&s->connection, &answer);
}

int
handle_write(struct session *s, const struct message *m)
{
	const struct message_write *w = &m->write;
	struct handle *h = open_handle(s, w->handle);
	const uint8_t *raw = w->data.data;
	struct digest digest;
	int r = 0;

	if (h == NULL || w->raw_length == 0)
		return FTX_E_PROTOCOL;
	if (h->error != 0)
		return 0;
	if (w->codec != CODEC_RAW) {
		r = decoder_run(s->decoder, (enum codec)w->codec, w->data.data, w->data.length,
				s->raw, w->raw_length);
		raw = s->raw;
	} else if (w->data.length != w->raw_length) {
		r = FTX_E_PROTOCOL;
	}
	if (r == FTX_E_PROTOCOL)
		return r;
	if (r == 0) {
		digest = digest_of(raw, w->raw_length);
		if (memcmp(digest.bytes, w->digest, sizeof(digest.bytes)) != 0)
			r = FTX_E_MISMATCH;
	}
	if (r == 0)
		r = check_growth(s, h, w->offset + w->raw_length, w->raw_length);
	if (r == 0)
		r = upload_write(h->upload, w->offset, raw, w->raw_length);
	if (r == FTX_E_PROTOCOL)
		return r;
	if (r != 0)
		fail(h, r);
	return 0;
}

int
handle_hole(struct session *s, const struct message *m)
{
	struct handle *h = open_handle(s, m->hole.handle);
	int r;

	if (h == NULL || m->hole.length == 0)
		return FTX_E_PROTOCOL;
	if (h->error != 0)
		return 0;
	if ((r = check_growth(s, h, m->hole.offset + m->hole.length, 0)) == 0)
		r = upload_hole(h->upload, m->hole.offset, m->hole.length);
	if (r == FTX_E_PROTOCOL)
		return r;
	if (r != 0)
		fail(h, r);
	return 0;
}

int
handle_checkpoint(struct session *s, const struct message *m)
{
	struct handle *h = open_handle(s, m->checkpoint.handle);
	int r;

	if (h == NULL)
		return FTX_E_PROTOCOL;
	if (h->error == 0 && (r = upload_checkpoint(h->upload)) != 0)
		fail(h, r);
	return h->error != 0 ? answer_error(s, h->error, NULL) : answer_ok(s);
}

/* After these the upload is as it was, and the client may go on with it. */
static bool
stays_open(int error)
{
	return error == FTX_E_INCOMPLETE || error == FTX_E_MISMATCH || error == FTX_E_BUSY ||
	       error == FTX_E_CONFLICT || error == FTX_E_EXISTS;
}

int
handle_commit(struct session *s, const struct message *m)
{
	struct handle *h = open_handle(s, m->commit.handle);
	struct message answer = {.type = MESSAGE_COMMITTED};
	struct digest digest;
	struct upload_commit commit = {
	    .metadata = m->commit.metadata,
	    .sent = m->commit.blocks.items,
	    .sent_count = m->commit.blocks.count,
	    .size = m->commit.size,
	    .digest = &digest,
	};
	int r;

	if (h == NULL || commit.metadata.type != ENTRY_FILE ||
	    xattrs_check(&commit.metadata.xattrs) != 0)
		return FTX_E_PROTOCOL;
	if (h->size != UPLOAD_SIZE_UNKNOWN && m->commit.size != h->size)
		return FTX_E_PROTOCOL;
	if (h->error != 0)
		return answer_error(s, h->error, NULL);
	memcpy(digest.bytes, m->commit.digest, sizeof(digest.bytes));
	subtree_umask(h->subtree);
	s->result.block_count = 0;
	r = upload_commit(h->upload, &commit, &s->result);
	if (r == FTX_E_PROTOCOL)
		return r;
	if (r != 0) {
		struct message error = {.type = MESSAGE_ERROR};
		bool open = stays_open(r);

		r = subtree_hide(h->subtree, r);
		if (!open)
			fail(h, r);
		error.error.code = (uint16_t)-r;
		error.error.retryable = error_retryable(r);
		error.error.text = span_of(error_text(r));
		if (r == FTX_E_INCOMPLETE || r == FTX_E_MISMATCH) {
			error.error.blocks.items = s->result.blocks;
			error.error.blocks.count = s->result.block_count;
		}
		return connection_send(&s->connection, &error);
	}
	activity_committed(s->connection.activity, 1);
	file_changed(s, "put", h->subtree, upload_path(h->upload), m->commit.size);
	memcpy(answer.committed.digest, s->result.digest.bytes, sizeof(answer.committed.digest));
	answer.committed.flags = s->result.flags;
	r = connection_send(&s->connection, &answer);
	upload_close(h->upload, UPLOAD_DISCARD); /* what is left of the staging, after the answer */
	charge_settle(h->subtree);
	free_handle(s, h);
	return r;
}

int
handle_release(struct session *s, const struct message *m)
{
	struct handle *h = open_handle(s, m->release.handle);
	int r;

	if (h == NULL)
		return FTX_E_PROTOCOL;
	r = upload_close(h->upload, m->release.discard ? UPLOAD_DISCARD : UPLOAD_KEEP);
	if (h->error != 0)
		r = h->error;
	if (h->subtree != NULL)
		charge_settle(h->subtree);
	free_handle(s, h);
	return r != 0 ? answer_error(s, r, NULL) : answer_ok(s);
}

void
handles_close(struct session *s)
{
	for (size_t i = 0; i < LIMIT_HANDLES; i++)
		if (s->handles[i].used) {
			upload_close(s->handles[i].upload, UPLOAD_KEEP);
			free_handle(s, &s->handles[i]);
		}
}
