/*
 * STAT - here already? - the local partial, READ what is missing, publish.
 *
 * The server is believed in nothing: every DATA must be exactly what was asked for, in order.  What
 * goes wrong here in the middle of an answer ends the connection, as the rest of the answer may be
 * long; the next file, or the second try, gets a new one.
 */
#include "src/client/get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/client/local.h"
#include "src/client/ranges.h"
#include "src/store/staging.h"

#define PORTION_BLOCKS	 1024u /* asked for by one READ: 1 GiB */
#define CHECKPOINT_TIMES 3u
#define PREFIX		 ".ftx-"

struct get {
	struct stream *s;
	const char *remote; /* SHARE/REST */
	struct local_place place;
	char shown[1024]; /* the destination, for messages */
	struct identity identity;
	struct metadata metadata;
	struct upload_staging staging;
	struct upload *upload;
	int failure; /* of a callback that gave the connection up */

	/* How much of s->todo was asked for. */
	uint32_t next;
	uint64_t next_block; /* of that range, counted from its first */

	/* What comes next of s->ranges. */
	uint32_t range;
	uint64_t offset;
	bool changed;
	bool resending;
	uint64_t position;

	uint64_t since_bytes, since_ms, interval_ms;
};

static int
local_problem(struct get *g, int r)
{
	return problem_set(&g->s->problem, r, SIDE_LOCAL, "writing '%s': %s", g->shown,
			   error_text(r));
}

/* READ of a link is refused, and says where the link leads. */
static int
refuse_link(struct get *g)
{
	struct message m = {.type = MESSAGE_READ};
	int r;

	m.read.path = span_of(g->remote);
	m.read.identity = g->identity;
	r = stream_call(g->s, &m, NULL, NULL);
	return r != 0 ? r : problem_set(&g->s->problem, FTX_E_IS_LINK, SIDE_REMOTE, NULL);
}

/* 0: a regular file that can be fetched; 1: to be skipped. */
static int
examine_remote(struct get *g)
{
	struct stream *s = g->s;
	int r = stream_stat(s, g->remote);

	if (r != 0)
		return r;
	g->identity = s->entry_identity;
	g->metadata = s->entry_metadata;
	switch (g->metadata.type) {
	case ENTRY_FILE:
		break;
	case ENTRY_DIRECTORY:
		return problem_set(&s->problem, FTX_E_UNSUPPORTED, SIDE_REMOTE,
				   "is a directory; this version transfers files only");
	case ENTRY_SYMLINK:
		return refuse_link(g);
	default:
		return 1;
	}
	if (g->identity.size > LIMIT_FILE_BYTES)
		return problem_set(&s->problem, FTX_E_PROTOCOL, SIDE_REMOTE, NULL);
	stream_size(s, g->identity.size);
	s->event.file.bytes = g->identity.size;
	return 0;
}

/* Compares with what is here.  0 with the action decided. */
static int
examine_local(struct get *g)
{
	struct stream *s = g->s;
	struct transfer_file *file = &s->event.file;
	struct stat st;
	int r;

	file->action = ACTION_CREATE;
	if (g->place.dir < 0)
		return 0;
	r = local_stat(&g->place, &st, &s->problem);
	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	if (S_ISLNK(st.st_mode))
		return problem_set(&s->problem, FTX_E_IS_LINK, SIDE_LOCAL,
				   "'%s' is a symbolic link", g->shown);
	if (!S_ISREG(st.st_mode))
		return problem_set(&s->problem, FTX_E_CONFLICT, SIDE_LOCAL,
				   "'%s' is a directory or special file, which a file never "
				   "replaces",
				   g->shown);
	file->action = ACTION_REPLACE;
	if ((uint64_t)st.st_size == g->identity.size &&
	    mtime_same(g->metadata.mtime_s, g->metadata.mtime_ns, st.st_mtim.tv_sec,
		       (uint32_t)st.st_mtim.tv_nsec)) {
		file->action = ACTION_NONE;
		file->status = STATUS_SAME;
	}
	return 0;
}

/* Ends the connection from within a callback: the rest of the answer is of no use. */
static int
give_up(struct get *g, int error)
{
	g->failure = error;
	return error;
}

/* At a block's end: is it time for a checkpoint? */
static int
checkpoint(struct get *g)
{
	uint64_t begun = clock_ms();
	uint64_t pause;
	int r;

	if (g->since_bytes < CHECKPOINT_BYTES && begun - g->since_ms < g->interval_ms)
		return 0;
	r = upload_checkpoint(g->upload);
	if (r != 0)
		return r;
	g->since_ms = clock_ms();
	g->since_bytes = 0;
	pause = CHECKPOINT_TIMES * (g->since_ms - begun);
	g->interval_ms = pause > CHECKPOINT_MS ? pause : CHECKPOINT_MS;
	return 0;
}

/* What is in the chunk, checked: NULL and *error otherwise. */
static const uint8_t *
decode(struct get *g, const struct message_data *d, int *error)
{
	struct stream *s = g->s;
	const uint8_t *raw = d->data.data;
	struct digest digest;

	*error = 0;
	if (d->codec != CODEC_RAW) {
		raw = s->chunk;
		*error = decoder_run(s->decoder, (enum codec)d->codec, d->data.data, d->data.length,
				     s->chunk, d->raw_length);
	} else if (d->data.length != d->raw_length) {
		*error = FTX_E_PROTOCOL;
	}
	if (*error != 0)
		return NULL;
	digest = digest_of(raw, d->raw_length);
	if (memcmp(digest.bytes, d->digest, sizeof(digest.bytes)) != 0) {
		problem_set(&s->problem, FTX_E_MISMATCH, SIDE_REMOTE, NULL);
		*error = give_up(g, FTX_E_MISMATCH);
		return NULL;
	}
	return raw;
}

static int
take_data(struct get *g, const struct message_data *d)
{
	struct stream *s = g->s;
	const struct range *range = &s->ranges[g->range];
	uint64_t block_end = (g->offset / LIMIT_BLOCK_BYTES + 1) * LIMIT_BLOCK_BYTES;
	const uint8_t *raw;
	uint64_t end;
	int r;

	if (g->range >= s->range_count)
		return FTX_E_PROTOCOL;
	end = range->offset + range->length;
	if (end > block_end)
		end = block_end;
	if (d->offset != g->offset || d->raw_length == 0 || d->raw_length > end - g->offset)
		return FTX_E_PROTOCOL;
	raw = decode(g, d, &r);
	if (r == 0) {
		r = upload_write(g->upload, d->offset, raw, d->raw_length);
		if (r != 0)
			local_problem(g, give_up(g, r));
	}
	if (r != 0)
		return r;
	g->offset += d->raw_length;
	g->since_bytes += d->raw_length;
	s->event.file.bytes_sent += d->raw_length;
	atomic_fetch_add(&s->run->bytes_wire, d->data.length);
	if (!g->resending)
		stream_position(s, g->position += d->raw_length);
	if (g->offset == end && (r = checkpoint(g)) != 0)
		return local_problem(g, give_up(g, r));
	if (g->offset == range->offset + range->length && ++g->range < s->range_count)
		g->offset = s->ranges[g->range].offset;
	return 0;
}

static int
take_read(void *arg, const struct message *m)
{
	struct get *g = arg;

	if (m->type == MESSAGE_DATA)
		return take_data(g, &m->data);
	if (m->type == MESSAGE_DONE) {
		g->changed = !identity_same(&m->done.identity, &g->identity);
		return g->changed || g->range == g->s->range_count ? 0 : FTX_E_PROTOCOL;
	}
	return 0;
}

/* Fills s->ranges with the next portion of s->todo.  false: all was asked for. */
static bool
next_portion(struct get *g)
{
	struct stream *s = g->s;
	uint64_t room = PORTION_BLOCKS;

	s->range_count = 0;
	while (g->next < s->todo_count && room > 0) {
		const struct block_range *todo = &s->todo[g->next];
		uint64_t left = todo->count - g->next_block;
		uint64_t count = left < room ? left : room;
		uint64_t begin = (todo->first + g->next_block) * LIMIT_BLOCK_BYTES;
		uint64_t end = begin + count * LIMIT_BLOCK_BYTES;

		if (end > g->identity.size)
			end = g->identity.size;
		s->ranges[s->range_count++] = (struct range){begin, end - begin};
		room -= count;
		g->next_block += count;
		if (g->next_block == todo->count) {
			g->next++;
			g->next_block = 0;
		}
	}
	g->range = 0;
	g->offset = s->range_count > 0 ? s->ranges[0].offset : 0;
	return s->range_count > 0;
}

/* Fetches s->todo. */
static int
fetch(struct get *g)
{
	struct stream *s = g->s;
	const struct transfer_request *request = s->run->request;
	int r = 0;

	g->next = 0;
	g->next_block = 0;
	while (r == 0 && next_portion(g)) {
		struct message m = {.type = MESSAGE_READ};

		m.read.path = span_of(g->remote);
		m.read.identity = g->identity;
		m.read.compress = (uint8_t)request->compress;
		m.read.level = (uint8_t)request->level;
		m.read.ranges.items = s->ranges;
		m.read.ranges.count = s->range_count;
		g->failure = 0;
		g->changed = false;
		s->call = (struct reply){.on_message = take_read, .arg = g};
		r = connection_request(s->connection, &m, &s->call);
		if (r == 0)
			r = connection_wait(s->connection, &s->call);
		if (r == 0 && (r = s->call.problem.error) != 0)
			s->problem = s->call.problem;
		else if (r != 0 && g->failure == 0)
			stream_explain(s, r);
		else if (r == 0 && g->changed)
			r = problem_set(&s->problem, FTX_E_CHANGED, SIDE_REMOTE, NULL);
	}
	return r;
}

static int
open_upload(struct get *g)
{
	struct stream *s = g->s;
	struct upload_options options = {
	    .staging = g->staging,
	    .root = g->place.dir,
	    .path = g->place.name,
	    .resolve_flags = RESOLVE_ENTER_MOUNTS,
	    .identity = g->identity,
	    .allocate = g->identity.size,
	    .overwrite = true,
	    .rules = &s->run->rules,
	};
	uint64_t busy_until = 0;
	int r;

	memcpy(options.session_id, s->run->session_id, sizeof(options.session_id));
	for (;;) {
		r = upload_open(&g->upload, &options, s->have, &s->have_count);
		if (r == 0)
			break;
		local_problem(g, r);
		if (r != FTX_E_BUSY || !stream_busy_again(s, &busy_until))
			return s->problem.error;
	}
	r = ranges_check(s->have, s->have_count, ranges_blocks(g->identity.size));
	if (r != 0)
		return local_problem(g, FTX_E_IO);
	s->todo_count =
	    ranges_complement(s->have, s->have_count, ranges_blocks(g->identity.size), s->todo);
	g->position = g->identity.size - ranges_bytes(s->todo, s->todo_count, g->identity.size);
	s->event.file.bytes_resumed = g->position;
	s->event.file.bytes_sent = 0;
	stream_present(s, g->position);
	g->since_bytes = 0;
	g->since_ms = clock_ms();
	g->interval_ms = CHECKPOINT_MS;
	return 0;
}

static int
publish(struct get *g)
{
	struct stream *s = g->s;
	struct upload_commit commit = {.metadata = g->metadata};
	struct transfer_file *file = &s->event.file;
	int r = upload_commit(g->upload, &commit, &s->result);

	if (r == FTX_E_INCOMPLETE || r == FTX_E_MISMATCH) {
		memcpy(s->todo, s->result.blocks, s->result.block_count * sizeof(s->todo[0]));
		s->todo_count = s->result.block_count;
	}
	if (r != 0)
		return local_problem(g, r);
	file->has_digest = true;
	file->digest = s->result.digest;
	file->mode_not_kept = (s->result.flags & STATUS_MODE_NOT_KEPT) != 0;
	return 0;
}

/* The file as STAT described it, from the partial to its name. */
static int
get_version(struct get *g)
{
	int r = open_upload(g);

	g->resending = false;
	for (int round = 0; r == 0; round++) {
		r = fetch(g);
		if (r == 0)
			r = publish(g);
		if (r == 0)
			return 0;
		if ((r == FTX_E_INCOMPLETE || (r == FTX_E_MISMATCH && g->failure == 0)) &&
		    round == 0) {
			g->resending = true;
			r = 0;
		}
	}
	if (r == FTX_E_INCOMPLETE)
		r = local_problem(g, FTX_E_MISMATCH);
	return r;
}

/* After an error: what is left of the partial, and of the connection. */
static void
put_away(struct get *g, bool discard)
{
	struct stream *s = g->s;
	char name[sizeof(PREFIX) + UPLOAD_ID_BYTES + sizeof(".part")];

	upload_close(g->upload, discard ? UPLOAD_DISCARD : UPLOAD_KEEP);
	g->upload = NULL;
	snprintf(name, sizeof(name), PREFIX "%s.part", g->staging.id);
	s->event.file.resumable =
	    !discard && faccessat(g->place.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (g->failure != 0 || cancel_requested(&s->run->cancel)) {
		connection_free(s->connection);
		s->connection = NULL;
	}
}

static void
hint_partial(struct get *g)
{
	char directory[300];

	display_escape(directory, sizeof(directory), g->place.directory,
		       strlen(g->place.directory));
	problem_hint(&g->s->problem,
		     "run the same command again to go on; what is here: %s/" PREFIX "%s.part",
		     directory, g->staging.id);
}

/* Asks anew what the file is, over a new connection where the old one was given up. */
static int
start_over(struct get *g)
{
	int r = stream_connect(g->s);

	if (r == 0)
		r = examine_remote(g);
	return r == 1 ? problem_set(&g->s->problem, FTX_E_CHANGED, SIDE_REMOTE, NULL) : r;
}

static int
receive_file(struct get *g)
{
	struct stream *s = g->s;

	for (int attempt = 0;; attempt++) {
		int r = get_version(g);
		bool again = attempt == 0 && (r == FTX_E_CHANGED || r == FTX_E_MISMATCH);
		struct problem problem;

		if (r == 0) {
			upload_close(g->upload, UPLOAD_KEEP);
			return 0;
		}
		problem = s->problem;
		/* Of a file that changed nothing is kept: the new one may have the same size and
		 * time. */
		put_away(g, r == FTX_E_CHANGED);
		s->problem = problem;
		if (!again) {
			if (s->event.file.resumable)
				hint_partial(g);
			return r;
		}
		r = start_over(g);
		if (r != 0)
			return r;
	}
}

static void
name_partial(struct get *g)
{
	g->staging.dir = g->place.dir;
	g->staging.prefix = PREFIX;
	staging_client_id(g->staging.id, g->s->run->server.key, g->remote, strlen(g->remote),
			  g->place.name);
}

/* The file is here already; an earlier run may have died before it had cleared up. */
static int
settle_same(struct get *g)
{
	stream_present(g->s, g->identity.size);
	if (g->s->run->request->dry_run)
		return 0;
	/* What another run holds or a stranger has put there stays; that is no failure of ours. */
	(void)upload_forget(&g->staging);
	return local_sync(&g->place, &g->s->problem);
}

int
get_file(struct stream *s, const char *remote, const char *local)
{
	struct get g = {.s = s, .remote = remote, .place = {.dir = -1}};
	struct transfer_file *file = &s->event.file;
	bool dry_run = s->run->request->dry_run;
	int r = examine_remote(&g);

	if (r == 1) {
		file->status = STATUS_SKIPPED;
		return 0;
	}
	display_escape(g.shown, sizeof(g.shown), local, strlen(local));
	if (r == 0) {
		r = local_open(&g.place, local, !dry_run, &s->problem);
		if (r == FTX_E_NOT_FOUND && dry_run)
			r = 0;
	}
	if (r == 0) {
		name_partial(&g);
		r = examine_local(&g);
	}
	if (r == 0 && file->status == STATUS_SAME) {
		r = settle_same(&g);
	} else if (r == 0 && dry_run) {
		file->status = STATUS_PLANNED;
	} else if (r == 0) {
		r = receive_file(&g);
	}
	local_release(&g.place);
	return r;
}
