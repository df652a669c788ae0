/*
 * A big file from the server: the local partial, READ what is missing segment by segment, publish.
 *
 * The server is believed in nothing: every DATA must be exactly what was asked for, in order.  What
 * goes wrong here in the middle of an answer is remembered, and the rest of the answer is read and
 * thrown away.  Several streams may be at it (big.h): each has an upload of its own over the same
 * partial, and the last one commits.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/client/get.h"
#include "src/client/ranges.h"
#include "src/client/verdict.h"
#include "src/store/staging.h"

#define PREFIX	    ".ftx-"
#define READS_AHEAD 2u /* so that no answer's end is waited for */

struct receiver;

/* A READ and how far its answer has come. */
struct part {
	struct receiver *p;
	struct reply reply;
	struct range range;
	uint64_t offset; /* the byte that comes next */
	bool changed;
};

struct receiver {
	struct stream *s;
	struct big *b;
	char remote[LIMIT_PATH_BYTES + 1];
	int dir; /* owned: the directory of the destination */
	char name[LIMIT_NAME_BYTES + 1];
	struct upload_staging staging;
	struct upload *upload;
	int failure;	/* of what came, or of the disk: the rest is thrown away */
	bool resending; /* what comes was counted before */
	struct part parts[READS_AHEAD];
	unsigned first, reading;
	uint64_t portion; /* bytes after which a checkpoint is due: this stream's share */
	uint64_t since_bytes, since_ms, interval_ms;
};

static char *
shown_path(const struct receiver *p, char *out, size_t capacity)
{
	const struct entry *e = p->b->entry;
	char *path = root_join(e->batch->root->local_path, e->path);

	display_escape(out, capacity, path != NULL ? path : e->path,
		       strlen(path != NULL ? path : e->path));
	free(path);
	return out;
}

static int
local_problem(struct receiver *p, int r)
{
	char shown[1024];

	return problem_set(&p->s->problem, r, SIDE_LOCAL, "writing '%s': %s",
			   shown_path(p, shown, sizeof(shown)), error_text(r));
}

void
get_partial(const struct stream *s, const char *remote, int dir, const char *name,
	    struct upload_staging *staging)
{
	staging->dir = dir;
	staging->prefix = PREFIX;
	staging_client_id(staging->id, s->run->server.key, remote, strlen(remote), name);
}

/* The place on this disk, with the directories above it. */
static int
find_place(struct receiver *p)
{
	struct stream *s = p->s;
	const struct entry *e = p->b->entry;
	const struct place *place;
	int r = root_remote(e->batch->root, e->path, p->remote);

	if (r == 0)
		r = tree_parent(s->tree, entry_local(e), true, &place);
	if (r != 0)
		return local_problem(p, r);
	memcpy(p->name, place->leaf, sizeof(p->name));
	p->dir = openat(place->dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return local_problem(p, error_from_errno(errno));
	get_partial(s, p->remote, p->dir, p->name, &p->staging);
	s->unsynced = true;
	return 0;
}

/* At a block's end: is it time for a checkpoint? */
static int
checkpoint(struct receiver *p)
{
	uint64_t begun = clock_ms();
	uint64_t pause;
	int r;

	if (p->since_bytes < p->portion && begun - p->since_ms < p->interval_ms)
		return 0;
	r = upload_checkpoint(p->upload);
	if (r != 0)
		return r;
	p->since_ms = clock_ms();
	p->since_bytes = 0;
	pause = CHECKPOINT_TIMES * (p->since_ms - begun);
	p->interval_ms = pause > CHECKPOINT_MS ? pause : CHECKPOINT_MS;
	return 0;
}

/* What is in the chunk; NULL and *error otherwise. */
static const uint8_t *
decode(struct receiver *p, const struct message_data *d, int *error)
{
	struct stream *s = p->s;
	const uint8_t *raw = d->data.data;

	*error = 0;
	if (d->codec != CODEC_RAW) {
		raw = s->raw;
		*error = decoder_run(s->decoder, (enum codec)d->codec, d->data.data, d->data.length,
				     s->raw, d->raw_length);
	} else if (d->data.length != d->raw_length) {
		*error = FTX_E_PROTOCOL;
	}
	return *error == 0 ? raw : NULL;
}

static void
give_up(struct receiver *p, int error)
{
	p->failure = error;
	if (error == FTX_E_MISMATCH)
		problem_set(&p->s->problem, error, SIDE_REMOTE, NULL);
	else
		local_problem(p, error);
}

/* A stretch that comes next of what was asked for. */
static bool
fits(const struct part *part, uint64_t offset, uint64_t length)
{
	return offset == part->offset && length > 0 &&
	       length <= part->range.offset + part->range.length - part->offset;
}

static void
took(struct part *part, uint64_t length)
{
	struct receiver *p = part->p;
	int r;

	part->offset += length;
	if (p->failure != 0)
		return;
	if (!p->resending) {
		atomic_fetch_add(&p->b->moved, length);
		big_count(p->b, p->s->run, length, false);
	}
	if (part->offset % LIMIT_BLOCK_BYTES == 0 ||
	    part->offset == part->range.offset + part->range.length)
		if ((r = checkpoint(p)) != 0)
			give_up(p, r);
}

static int
take_data(struct part *part, const struct message_data *d)
{
	struct receiver *p = part->p;
	uint64_t in_block = part->offset % LIMIT_BLOCK_BYTES;
	const uint8_t *raw;
	struct digest digest;
	int r;

	if (!fits(part, d->offset, d->raw_length) || d->raw_length > LIMIT_BLOCK_BYTES - in_block)
		return FTX_E_PROTOCOL;
	if ((raw = decode(p, d, &r)) == NULL)
		return r;
	atomic_fetch_add(&p->s->run->bytes_wire, d->data.length);
	digest = digest_of(raw, d->raw_length);
	if (p->failure == 0 && memcmp(digest.bytes, d->digest, sizeof(digest.bytes)) != 0)
		give_up(p, FTX_E_MISMATCH);
	if (p->failure == 0 && (r = upload_write(p->upload, d->offset, raw, d->raw_length)) != 0)
		give_up(p, r);
	p->since_bytes += d->raw_length;
	took(part, d->raw_length);
	return 0;
}

static int
take_hole(struct part *part, const struct message_data_hole *h)
{
	struct receiver *p = part->p;
	int r;

	if (!fits(part, h->offset, h->length))
		return FTX_E_PROTOCOL;
	if (p->failure == 0 && (r = upload_hole(p->upload, h->offset, h->length)) != 0)
		give_up(p, r);
	took(part, h->length);
	return 0;
}

static int
take_read(void *arg, const struct message *m)
{
	struct part *part = arg;

	if (m->type == MESSAGE_DATA)
		return take_data(part, &m->data);
	if (m->type == MESSAGE_DATA_HOLE)
		return take_hole(part, &m->data_hole);
	if (m->type == MESSAGE_DONE) {
		part->changed = !identity_same(&m->done.identity, &part->p->b->identity);
		return part->changed || part->offset == part->range.offset + part->range.length
			   ? 0
			   : FTX_E_PROTOCOL;
	}
	return 0;
}

static int
ask(struct receiver *p, const struct segment *segment)
{
	struct stream *s = p->s;
	const struct transfer_request *request = s->run->request;
	struct part *part = &p->parts[(p->first + p->reading) % READS_AHEAD];
	struct message m = {.type = MESSAGE_READ};
	uint64_t size = p->b->identity.size, begin = segment->first * LIMIT_BLOCK_BYTES;
	uint64_t end = begin + segment->count * LIMIT_BLOCK_BYTES;
	int r;

	*part =
	    (struct part){.p = p,
			  .range = {.offset = begin, .length = (end < size ? end : size) - begin},
			  .offset = begin,
			  .reply = {.on_message = take_read, .arg = part}};
	m.read.path = span_of(p->remote);
	m.read.identity = p->b->identity;
	m.read.compress = (uint8_t)request->compress;
	m.read.level = (uint8_t)request->level;
	m.read.ranges.items = &part->range;
	m.read.ranges.count = 1;
	p->reading++;
	r = connection_request(s->connection, &m, &part->reply);
	return r != 0 ? stream_explain(s, r) : 0;
}

/* The oldest READ's end. */
static int
await(struct receiver *p)
{
	struct stream *s = p->s;
	struct part *part = &p->parts[p->first];
	int r = connection_wait(s->connection, &part->reply);

	if (r != 0)
		return stream_explain(s, r);
	p->first = (p->first + 1) % READS_AHEAD;
	p->reading--;
	if (p->failure != 0)
		return 0;
	if (part->reply.problem.error != 0) {
		s->problem = part->reply.problem;
		p->failure = s->problem.error;
	} else if (part->changed) {
		p->failure = problem_set(&s->problem, FTX_E_CHANGED, SIDE_REMOTE, NULL);
	}
	return 0;
}

/* An interruption or a lost connection leaves READs without their end. */
static void
abandon(struct receiver *p)
{
	for (; p->reading > 0; p->reading--) {
		connection_abandon(p->s->connection, &p->parts[p->first].reply);
		p->first = (p->first + 1) % READS_AHEAD;
	}
}

/* An empty file is READ all the same: is it still what it was? */
static int
check_empty(struct receiver *p)
{
	const struct segment none = {0};
	int r = ask(p, &none);

	if (r == 0)
		r = await(p);
	if (r != 0)
		abandon(p);
	return r;
}

/* What nobody else takes. */
static int
fetch_segments(struct receiver *p)
{
	struct segment segment;
	int r = 0;

	p->failure = 0;
	for (;;) {
		segment.count = 0;
		while (r == 0 && p->failure == 0 && p->reading < READS_AHEAD) {
			work_next_segment(&p->s->run->work, p->b, &segment);
			if (segment.count == 0)
				break;
			p->portion = CHECKPOINT_BYTES / segment.active;
			r = ask(p, &segment);
		}
		if (r == 0 && p->reading > 0)
			r = await(p);
		if (r != 0) {
			abandon(p);
			return r;
		}
		if (p->reading == 0 && (segment.count == 0 || p->failure != 0))
			break;
	}
	return p->failure;
}

static int
open_upload(struct receiver *p)
{
	struct stream *s = p->s;
	struct big *b = p->b;
	uint64_t allocated = b->entry->allocated;
	struct upload_options options = {
	    .staging = p->staging,
	    .root = p->dir,
	    .path = p->name,
	    .resolve_flags = RESOLVE_ENTER_MOUNTS,
	    .identity = b->identity,
	    .allocate = allocated < b->identity.size ? allocated : b->identity.size,
	    .overwrite = true,
	    .rules = &s->run->rules,
	};
	uint64_t busy_until = 0;
	int r;

	memcpy(options.session_id, s->run->session_id, sizeof(options.session_id));
	for (;;) {
		r = upload_open(&p->upload, &options, s->have, &s->have_count);
		if (r == 0)
			break;
		local_problem(p, r);
		if (r != FTX_E_BUSY || !stream_busy_again(s, &busy_until))
			return s->problem.error;
	}
	r = ranges_check(s->have, s->have_count, ranges_blocks(b->identity.size));
	if (r != 0)
		return local_problem(p, FTX_E_IO);
	p->since_bytes = 0;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	return 0;
}

static int
begin(struct receiver *p)
{
	struct big *b = p->b;
	int r = open_upload(p);

	if (r == 0 && p->s->run->request->no_resume && p->s->have_count > 0) {
		upload_close(p->upload, UPLOAD_DISCARD);
		p->upload = NULL;
		r = open_upload(p);
	}
	if (r != 0)
		return r;
	if ((r = big_set_todo(b, p->s->have, p->s->have_count)) != 0)
		return problem_set(&p->s->problem, r, SIDE_LOCAL, NULL);
	big_count(b, p->s->run, b->present, true);
	work_big_opened(&p->s->run->work, b, b->todo_blocks > SEGMENT_BLOCKS, false);
	return b->identity.size == 0 ? check_empty(p) : 0;
}

static int
publish(struct receiver *p, uint8_t *flags)
{
	struct stream *s = p->s;
	struct entry *e = p->b->entry;
	struct upload_commit commit = {.metadata = e->metadata};
	int r = upload_commit(p->upload, &commit, &s->result);

	if (r == FTX_E_INCOMPLETE || r == FTX_E_MISMATCH) {
		p->resending = true;
		r = big_set_ranges(p->b, s->result.blocks, s->result.block_count);
		if (r == 0)
			r = fetch_segments(p);
		if (r == 0)
			r = upload_commit(p->upload, &commit, &s->result);
		if (r == FTX_E_INCOMPLETE)
			r = FTX_E_MISMATCH;
	}
	if (r != 0)
		return p->failure != 0 || stream_is_over(s) ? r : local_problem(p, r);
	e->has_digest = true;
	memcpy(e->digest.bytes, s->result.digest.bytes, sizeof(e->digest.bytes));
	*flags = s->result.flags;
	return 0;
}

static int
take_entry(void *arg, const struct message *m)
{
	struct receiver *p = arg;
	struct entry *e = p->b->entry;

	if (m->type != MESSAGE_ENTRY)
		return 0;
	return entry_refresh(e, &m->entry.attributes, p->s->run->parts);
}

/* Asks anew what the file is. */
static int
look_again(struct receiver *p)
{
	struct message m = {.type = MESSAGE_STAT};
	struct entry *e = p->b->entry;
	uint64_t before = e->identity.size;
	int r;

	m.stat.path = span_of(p->remote);
	m.stat.parts = (uint16_t)p->s->run->parts;
	r = stream_call(p->s, &m, take_entry, p);
	if (r != 0)
		return r;
	if (!entry_is_file(e))
		return problem_set(&p->s->problem, FTX_E_CHANGED, SIDE_REMOTE, NULL);
	atomic_fetch_add(&p->s->run->bytes_total, e->identity.size - before);
	p->b->identity = e->identity;
	return 0;
}

static void
hint_partial(struct receiver *p)
{
	char shown[600];
	char *cut;

	shown_path(p, shown, sizeof(shown));
	cut = strrchr(shown, '/');
	if (cut != NULL)
		*cut = '\0';
	problem_hint(&p->b->problem,
		     "run the same command again to go on; what is here: %s/" PREFIX "%s.part",
		     cut != NULL ? shown : ".", p->staging.id);
}

/* The file is over: its result. */
static void
conclude(struct receiver *p, uint8_t flags)
{
	struct big *b = p->b;
	struct run *run = p->s->run;
	struct entry *e = b->entry;
	struct transfer_file f;

	e->bytes_sent = atomic_load(&b->moved);
	e->bytes_resumed = b->present;
	f = run_file(e, verdict_action(e), STATUS_DONE);
	f.not_kept = flags;
	f.resumable = b->error != 0 && b->resumable;
	if (f.resumable)
		hint_partial(p);
	if (b->error == 0)
		run_entry(run, e, &f, NULL, true);
	else
		run_entry(run, e, &f, &b->problem, false);
}

/*
 * All others are gone.  true: over; false: once more from the beginning, because the source has
 * changed or a chunk arrived wrong.
 */
static bool
end(struct receiver *p, uint8_t *flags)
{
	struct big *b = p->b;
	struct stream *s = p->s;
	bool no_resume = s->run->request->no_resume;
	char name[sizeof(PREFIX) + UPLOAD_ID_BYTES + sizeof(".part")];
	bool again, discard;

	if (b->error == 0) {
		int r = publish(p, flags);

		if (r != 0) {
			b->error = r;
			b->problem = s->problem;
		}
	}
	again = b->error != 0 && b->attempt == 0 && !stream_is_over(s) &&
		(b->error == FTX_E_CHANGED || b->error == FTX_E_MISMATCH);
	/* Of a file that changed nothing is kept: the new one may have the same size and time. */
	discard = b->error == FTX_E_CHANGED || no_resume;
	upload_close(p->upload, discard && b->error != 0 ? UPLOAD_DISCARD : UPLOAD_KEEP);
	p->upload = NULL;
	if (again && look_again(p) != 0) {
		again = false;
		b->error = s->problem.error;
		b->problem = s->problem;
	}
	snprintf(name, sizeof(name), PREFIX "%s.part", p->staging.id);
	b->resumable =
	    b->error != 0 && p->dir >= 0 && faccessat(p->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return !again;
}

static int
work_on(struct receiver *p, bool first)
{
	int r = p->dir < 0 ? find_place(p) : 0;

	if (r == 0)
		r = first ? begin(p) : open_upload(p);
	return r == 0 ? fetch_segments(p) : r;
}

static void
reset(struct receiver *p)
{
	struct big *b = p->b;

	b->attempt++;
	b->error = 0;
	b->opened = b->helpers = false;
	b->credit = b->present + atomic_load(&b->moved);
	p->resending = false;
}

void
get_big(struct stream *s, struct big *b, bool first)
{
	struct receiver p = {.s = s, .b = b, .dir = -1};
	struct work *w = &s->run->work;
	uint8_t flags = 0;

	for (;;) {
		int r = work_on(&p, first);

		if (r != 0)
			work_big_fail(w, b, &s->problem);
		if (!work_big_leave(w, b)) {
			r = upload_close(p.upload, UPLOAD_KEEP);
			if (r != 0) {
				local_problem(&p, r);
				work_big_fail(w, b, &s->problem);
			}
			work_big_left(w, b);
			break;
		}
		if (end(&p, &flags)) {
			conclude(&p, flags);
			work_big_over(w, b);
			break;
		}
		reset(&p);
		first = true;
	}
	if (p.dir >= 0)
		close(p.dir);
}
