#include "src/client/get_receive.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"

char *
receiver_shown_path(const struct receiver *p, char *out, size_t capacity)
{
	const struct entry *e = p->b->entry;
	char *path = root_join(e->batch->root->local_path, e->path);

	display_escape(out, capacity, path != NULL ? path : e->path,
		       strlen(path != NULL ? path : e->path));
	free(path);
	return out;
}

int
receiver_problem(struct receiver *p, int r)
{
	char shown[1024];

	return problem_set(&p->s->problem, r, SIDE_LOCAL, "writing '%s': %s",
			   receiver_shown_path(p, shown, sizeof(shown)), error_text(r));
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
		receiver_problem(p, error);
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
	if (part->offset % LIMIT_BLOCK_BYTES != 0 &&
	    part->offset != part->range.offset + part->range.length)
		return;
	/* What is less than a block is not kept where a connection is lost. */
	retry_progress(&p->s->run->retry);
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

int
receiver_check_empty(struct receiver *p)
{
	const struct segment none = {0};
	int r = ask(p, &none);

	if (r == 0)
		r = await(p);
	if (r != 0)
		abandon(p);
	return r;
}

int
receiver_fetch(struct receiver *p)
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
