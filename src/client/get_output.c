/*
 * A file of the server to standard output, in order, each chunk checked before it is written.
 */
#include "src/client/get_output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/connect.h"
#include "src/store/metadata.h"

#define PORTION_BYTES (4 * LIMIT_BLOCK_BYTES) /* asked for at once */
#define PORTIONS      2u		      /* one is written while the other comes */
#define LOOK_MS	      500u /* how often the connection is looked at while the reader takes nothing */

struct output;

/* A stretch of the file: asked for, then here. */
struct portion {
	struct output *o;
	struct reply reply;
	struct range range;
	uint64_t offset; /* the byte that comes next */
	bool changed;
	uint8_t data[PORTION_BYTES];
};

struct output {
	struct run *run;
	struct connection *connection;
	struct decoder *decoder;
	struct digest_state *digest; /* of the file */
	struct problem *problem;     /* its error is 0 without */
	struct attributes attributes;
	bool known;			    /* what it is */
	uint64_t asked, delivered, written; /* bytes; whole portions are delivered */
	size_t piece;			    /* that does not block where there is room for it */
	unsigned first, asking;
	struct portion portions[PORTIONS];
};

/*
 * What a reader that takes nothing for long must not cost is the connection.  One that ends
 * meanwhile is noticed when more is asked of it: what has come is written all the same.
 */
static int
await_room(struct output *o)
{
	int r;

	while ((r = cancel_poll(&o->run->cancel, STDOUT_FILENO, POLLOUT, clock_ms() + LOOK_MS)) ==
	       0)
		(void)connection_poll(o->connection);
	return r > 0 ? 0 : problem_set(o->problem, r, SIDE_LOCAL, NULL);
}

static int
write_out(struct output *o, const uint8_t *data, size_t length)
{
	while (length > 0) {
		size_t some = length < o->piece ? length : o->piece;
		int r = await_room(o);
		ssize_t n;

		if (r != 0)
			return r;
		n = write(STDOUT_FILENO, data, some);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return problem_local(o->problem, error_from_errno(errno), errno);
		if (n > 0) {
			data += n;
			length -= (size_t)n;
			o->written += (uint64_t)n;
			atomic_fetch_add(&o->run->bytes, (uint64_t)n);
		}
	}
	return 0;
}

/* Is it what comes next of what was asked for? */
static bool
fits(const struct portion *p, uint64_t offset, uint64_t length)
{
	return offset == p->offset && length > 0 &&
	       length <= p->range.offset + p->range.length - p->offset;
}

static int
take_data(struct portion *p, const struct message_data *d)
{
	uint8_t *place = p->data + (p->offset - p->range.offset);
	struct digest digest;
	int r;

	if (!fits(p, d->offset, d->raw_length) ||
	    (d->codec == CODEC_RAW && d->data.length != d->raw_length))
		return FTX_E_PROTOCOL;
	r = decoder_run(p->o->decoder, (enum codec)d->codec, d->data.data, d->data.length, place,
			d->raw_length);
	if (r != 0)
		return r;
	atomic_fetch_add(&p->o->run->bytes_wire, d->data.length);
	digest = digest_of(place, d->raw_length);
	if (memcmp(digest.bytes, d->digest, sizeof(digest.bytes)) != 0)
		return problem_set(p->o->problem, FTX_E_MISMATCH, SIDE_REMOTE, NULL);
	p->offset += d->raw_length;
	retry_progress(&p->o->run->retry);
	return 0;
}

static int
take_hole(struct portion *p, const struct message_data_hole *h)
{
	if (!fits(p, h->offset, h->length))
		return FTX_E_PROTOCOL;
	memset(p->data + (p->offset - p->range.offset), 0, h->length);
	p->offset += h->length;
	return 0;
}

static int
take_read(void *arg, const struct message *m)
{
	struct portion *p = arg;

	if (m->type == MESSAGE_DATA)
		return take_data(p, &m->data);
	if (m->type == MESSAGE_DATA_HOLE)
		return take_hole(p, &m->data_hole);
	if (m->type == MESSAGE_DONE) {
		p->changed = !identity_same(&m->done.identity, &p->o->attributes.identity);
		return p->changed || p->offset == p->range.offset + p->range.length
			   ? 0
			   : FTX_E_PROTOCOL;
	}
	return 0;
}

/* Takes over why the connection is over, unless it was what came or this end. */
static int
explain(struct output *o, int error)
{
	if (o->problem->error != 0)
		return o->problem->error;
	if (connection_error(o->connection) != 0)
		connection_explain(o->connection, o->problem);
	else
		problem_set(o->problem, error, SIDE_LOCAL, NULL);
	return error;
}

/* kept: bytes of it that have come over a connection before. */
static int
ask(struct output *o, const char *remote, uint64_t kept)
{
	const struct transfer_request *request = o->run->request;
	struct portion *p = &o->portions[(o->first + o->asking) % PORTIONS];
	struct message m = {.type = MESSAGE_READ};
	uint64_t left = o->attributes.identity.size - o->asked;
	struct range wanted;
	int r;

	p->o = o;
	p->reply = (struct reply){.on_message = take_read, .arg = p};
	p->range.offset = o->asked;
	p->range.length = left < PORTION_BYTES ? left : PORTION_BYTES;
	p->offset = o->asked + kept;
	p->changed = false;
	wanted = (struct range){.offset = p->offset, .length = p->range.length - kept};
	m.read.path = span_of(remote);
	m.read.identity = o->attributes.identity;
	m.read.compress = (uint8_t)request->compress;
	m.read.level = (uint8_t)request->level;
	m.read.ranges.items = &wanted;
	m.read.ranges.count = wanted.length > 0; /* nothing: is it still what it was? */
	o->asked += p->range.length;
	o->asking++;
	r = connection_request(o->connection, &m, &p->reply);
	return r != 0 ? explain(o, r) : 0;
}

/* The oldest portion, when it is here; then its place is free. */
static int
deliver(struct output *o)
{
	struct portion *p = &o->portions[o->first];
	int r = connection_wait(o->connection, &p->reply);

	if (r != 0)
		return explain(o, r);
	o->first = (o->first + 1) % PORTIONS;
	o->asking--;
	if (p->reply.problem.error != 0) {
		*o->problem = p->reply.problem;
		return o->problem->error;
	}
	if (p->changed)
		return problem_set(o->problem, FTX_E_CHANGED, SIDE_REMOTE, NULL);
	o->delivered += p->range.length;
	for (uint64_t at = 0; at < p->range.length; at += LIMIT_BLOCK_BYTES) {
		uint64_t left = p->range.length - at;
		struct digest block = digest_of(
		    p->data + at, left < LIMIT_BLOCK_BYTES ? (size_t)left : LIMIT_BLOCK_BYTES);

		file_digest_add(o->digest, &block);
	}
	return write_out(o, p->data, (size_t)p->range.length);
}

static int
take_entry(void *arg, const struct message *m)
{
	struct output *o = arg;

	if (m->type == MESSAGE_ENTRY)
		o->attributes = m->entry.attributes;
	return o->attributes.identity.size > LIMIT_FILE_BYTES &&
		       o->attributes.metadata.type == ENTRY_FILE
		   ? FTX_E_PROTOCOL
		   : 0;
}

/* STAT. */
static int
look(struct output *o, const char *remote)
{
	struct message m = {.type = MESSAGE_STAT};
	struct reply reply = {.on_message = take_entry, .arg = o};
	int r;

	m.stat.path = span_of(remote);
	if ((r = connection_call(o->connection, &m, &reply)) != 0) {
		*o->problem = reply.problem;
		return r;
	}
	if (o->attributes.metadata.type == ENTRY_DIRECTORY)
		return problem_set(o->problem, FTX_E_CONFLICT, SIDE_REMOTE,
				   "is a directory, and standard output takes one file");
	o->known = true;
	atomic_fetch_add(&o->run->bytes_total, o->attributes.identity.size);
	file_digest_start(o->digest, o->attributes.identity.size);
	return 0;
}

/* Of the oldest portion, when its connection was lost. */
static uint64_t
kept_bytes(const struct output *o)
{
	const struct portion *p = &o->portions[o->first];

	return o->asking > 0 ? p->offset - p->range.offset : 0;
}

/* STAT, and READ of all of it that has not come yet. */
static int
fetch(struct output *o, const char *remote)
{
	uint64_t size, kept = kept_bytes(o);
	int r = o->known ? 0 : look(o, remote);

	if (r != 0 || o->run->request->dry_run)
		return r;
	size = o->attributes.identity.size;
	o->asked = o->delivered;
	o->asking = 0;
	if (o->delivered == size && size > 0)
		return 0;
	r = ask(o, remote, kept);
	while (r == 0 && o->asking > 0) {
		while (r == 0 && o->asked < size && o->asking < PORTIONS)
			r = ask(o, remote, 0);
		if (r == 0)
			r = deliver(o);
	}
	/* What is still to come of them is thrown away. */
	for (size_t i = 0; i < PORTIONS; i++)
		connection_abandon(o->connection, &o->portions[i].reply);
	return r;
}

/* The same, over as many connections as it takes. */
static int
fetch_all(struct output *o, struct connection **c, const char *remote)
{
	struct server_info info;
	int r;

	do {
		if (*c != NULL && run_goes_on(o->run, *c)) {
			connection_free(*c);
			*c = NULL;
		}
		problem_clear(o->problem);
		r = *c != NULL ? 0
			       : run_connect(o->run, SCANNER_STREAM, NULL, c, &info, o->problem);
		o->connection = *c;
		if (r == 0)
			r = fetch(o, remote);
		/* What was written cannot be written again; nothing is lost in between. */
	} while (r != 0 && *c != NULL && o->problem->side != SIDE_LOCAL && run_goes_on(o->run, *c));
	return r;
}

int
get_output(struct run *run, struct root *root, struct connection **c, struct problem *p)
{
	struct output *o = calloc(1, sizeof(*o));
	struct transfer_file f = {
	    .type = ENTRY_FILE, .status = STATUS_DONE, .action = ACTION_CREATE};
	struct stat st;
	int r = FTX_E_NOMEM;

	problem_clear(p);
	root->local_path = strdup("-");
	if (o != NULL) {
		o->decoder = decoder_new();
		o->digest = digest_state_new();
	}
	if (o == NULL || o->decoder == NULL || o->digest == NULL || root->local_path == NULL) {
		problem_set(p, r, SIDE_LOCAL, NULL);
		goto out;
	}
	o->run = run;
	o->problem = p;
	o->piece =
	    fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? LIMIT_CHUNK_BYTES : 4096u;
	atomic_fetch_add(&run->files_total, 1);
	r = fetch_all(o, c, root->remote);
	f.bytes = o->attributes.identity.size;
	f.bytes_sent = o->written;
	if (run->request->dry_run)
		f.status = STATUS_PLANNED;
	else if (r == 0) {
		f.has_digest = true;
		f.digest = digest_finish(o->digest);
	}
	if (r == 0 || (p->side == SIDE_LOCAL ? r != FTX_E_INTERRUPTED
					     : *c != NULL && connection_error(*c) == 0)) {
		run_result(run, root, "", &f, r != 0 ? p : NULL);
		r = 0;
	}
out:
	if (o != NULL) {
		decoder_free(o->decoder);
		digest_state_free(o->digest);
	}
	free(o);
	return r;
}
