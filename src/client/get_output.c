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
#include "src/store/metadata.h"

#define NEVER UINT64_MAX /* clock_ms() does not come to it */

struct output {
	struct run *run;
	struct decoder *decoder;
	struct problem *problem; /* of this end; its error is 0 without */
	struct attributes attributes;
	uint64_t offset; /* the byte that comes next */
	size_t portion;	 /* that does not block where there is room for it */
	bool changed;
	uint8_t raw[LIMIT_CHUNK_BYTES];
};

static int
write_out(struct output *o, const uint8_t *data, size_t length)
{
	while (length > 0) {
		size_t some = length < o->portion ? length : o->portion;
		int r = cancel_poll(&o->run->cancel, STDOUT_FILENO, POLLOUT, NEVER);
		ssize_t n;

		if (r < 0)
			return problem_set(o->problem, r, SIDE_LOCAL, NULL);
		n = write(STDOUT_FILENO, data, some);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return problem_local(o->problem, error_from_errno(errno), errno);
		if (n > 0) {
			data += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

static int
took(struct output *o, const uint8_t *data, size_t length)
{
	int r = write_out(o, data, length);

	o->offset += length;
	atomic_fetch_add(&o->run->bytes, length);
	return r;
}

static int
take_data(struct output *o, const struct message_data *d)
{
	const uint8_t *raw = d->data.data;
	struct digest digest;
	int r;

	if (d->offset != o->offset || d->raw_length == 0 ||
	    d->raw_length > o->attributes.identity.size - o->offset)
		return FTX_E_PROTOCOL;
	if (d->codec != CODEC_RAW) {
		raw = o->raw;
		r = decoder_run(o->decoder, (enum codec)d->codec, d->data.data, d->data.length,
				o->raw, d->raw_length);
		if (r != 0)
			return r;
	} else if (d->data.length != d->raw_length) {
		return FTX_E_PROTOCOL;
	}
	atomic_fetch_add(&o->run->bytes_wire, d->data.length);
	digest = digest_of(raw, d->raw_length);
	if (memcmp(digest.bytes, d->digest, sizeof(digest.bytes)) != 0)
		return problem_set(o->problem, FTX_E_MISMATCH, SIDE_REMOTE, NULL);
	return took(o, raw, d->raw_length);
}

static int
take_hole(struct output *o, const struct message_data_hole *h)
{
	static const uint8_t zeros[65536];
	uint64_t left = h->length;
	int r = 0;

	if (h->offset != o->offset || h->length == 0 ||
	    h->length > o->attributes.identity.size - o->offset)
		return FTX_E_PROTOCOL;
	while (r == 0 && left > 0) {
		size_t some = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		r = took(o, zeros, some);
		left -= some;
	}
	return r;
}

static int
take_read(void *arg, const struct message *m)
{
	struct output *o = arg;

	if (m->type == MESSAGE_DATA)
		return take_data(o, &m->data);
	if (m->type == MESSAGE_DATA_HOLE)
		return take_hole(o, &m->data_hole);
	if (m->type == MESSAGE_DONE) {
		o->changed = !identity_same(&m->done.identity, &o->attributes.identity);
		return o->changed || o->offset == o->attributes.identity.size ? 0 : FTX_E_PROTOCOL;
	}
	return 0;
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

static int
call(struct output *o, struct connection *c, const struct message *m,
     int (*on_message)(void *arg, const struct message *m))
{
	struct reply reply = {.on_message = on_message, .arg = o};
	int r = connection_call(c, m, &reply);

	/* What went wrong at this end was not the connection's fault. */
	if (r != 0 && o->problem->error == 0)
		*o->problem = reply.problem;
	return r != 0 ? o->problem->error : 0;
}

/* STAT, and READ of all of it. */
static int
fetch(struct output *o, struct connection *c, const char *remote)
{
	const struct transfer_request *request = o->run->request;
	struct message stat_it = {.type = MESSAGE_STAT}, read_it = {.type = MESSAGE_READ};
	struct range all = {0};
	int r;

	stat_it.stat.path = span_of(remote);
	if ((r = call(o, c, &stat_it, take_entry)) != 0)
		return r;
	if (o->attributes.metadata.type == ENTRY_DIRECTORY)
		return problem_set(o->problem, FTX_E_CONFLICT, SIDE_REMOTE,
				   "is a directory, and standard output takes one file");
	atomic_fetch_add(&o->run->bytes_total, o->attributes.identity.size);
	all.length = o->attributes.identity.size;
	read_it.read.path = span_of(remote);
	read_it.read.identity = o->attributes.identity;
	read_it.read.compress = (uint8_t)request->compress;
	read_it.read.level = (uint8_t)request->level;
	read_it.read.ranges.items = &all;
	read_it.read.ranges.count = all.length > 0;
	if (request->dry_run)
		return 0;
	if ((r = call(o, c, &read_it, take_read)) != 0)
		return r;
	return o->changed ? problem_set(o->problem, FTX_E_CHANGED, SIDE_REMOTE, NULL) : 0;
}

int
get_output(struct run *run, struct root *root, struct connection *c, struct problem *p)
{
	struct output *o = calloc(1, sizeof(*o));
	struct transfer_file f = {
	    .type = ENTRY_FILE, .status = STATUS_DONE, .action = ACTION_CREATE};
	struct stat st;
	int r = FTX_E_NOMEM;

	problem_clear(p);
	root->local_path = strdup("-");
	if (o != NULL)
		o->decoder = decoder_new();
	if (o == NULL || o->decoder == NULL || root->local_path == NULL) {
		problem_set(p, r, SIDE_LOCAL, NULL);
		goto out;
	}
	o->run = run;
	o->problem = p;
	o->portion =
	    fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? LIMIT_CHUNK_BYTES : 4096u;
	atomic_fetch_add(&run->files_total, 1);
	r = fetch(o, c, root->remote);
	f.bytes = o->attributes.identity.size;
	f.bytes_sent = o->offset;
	if (run->request->dry_run)
		f.status = STATUS_PLANNED;
	if (r == 0 || (p->side == SIDE_LOCAL ? r != FTX_E_INTERRUPTED : connection_error(c) == 0)) {
		run_result(run, root, "", &f, r != 0 ? p : NULL);
		r = 0;
	}
out:
	if (o != NULL)
		decoder_free(o->decoder);
	free(o);
	return r;
}
