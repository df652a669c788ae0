/*
 * A big file from the server: the local partial, READ what is missing segment by segment
 * (get_receive.c), publish.
 *
 * Several streams may be at it (big.h): each has an upload of its own over the same partial, and
 * the last one commits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/get.h"
#include "src/client/get_receive.h"
#include "src/client/ranges.h"
#include "src/client/verdict.h"
#include "src/store/staging.h"

#define PREFIX ".ftx-"

void
get_partial(const struct stream *s, const char *remote, int dir, const char *name,
	    struct upload_staging *staging)
{
	*staging = (struct upload_staging){.dir = dir, .prefix = PREFIX};
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
		return receiver_problem(p, r);
	memcpy(p->name, place->leaf, sizeof(p->name));
	p->dir = openat(place->dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return receiver_problem(p, error_from_errno(errno));
	get_partial(s, p->remote, p->dir, p->name, &p->staging);
	s->unsynced = true;
	return 0;
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
		receiver_problem(p, r);
		if (r != FTX_E_BUSY || !stream_busy_again(s, false, &busy_until))
			return s->problem.error;
	}
	r = ranges_check(s->have, s->have_count, ranges_blocks(b->identity.size));
	if (r != 0)
		return receiver_problem(p, FTX_E_IO);
	p->since_bytes = 0;
	p->since_ms = clock_ms();
	p->interval_ms = CHECKPOINT_MS;
	return 0;
}

static int
begin(struct receiver *p)
{
	struct big *b = p->b;
	int r;

	b->identity = b->entry->identity; /* nobody looks before it is opened */
	r = open_upload(p);
	/* What this run has received itself it may go on with. */
	if (r == 0 && p->s->run->request->no_resume && p->s->have_count > 0 && !b->begun) {
		upload_close(p->upload, UPLOAD_DISCARD);
		p->upload = NULL;
		r = open_upload(p);
	}
	if (r != 0)
		return r;
	if ((r = big_set_todo(b, p->s->have, p->s->have_count)) != 0)
		return problem_set(&p->s->problem, r, SIDE_LOCAL, NULL);
	if (!b->begun)
		b->resumed = b->present;
	b->begun = true;
	big_count(b, p->s->run, b->present, true);
	work_big_opened(&p->s->run->work, b, b->todo_blocks > SEGMENT_BLOCKS, false);
	return b->identity.size == 0 ? receiver_check_empty(p) : 0;
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
			r = receiver_fetch(p);
		if (r == 0)
			r = upload_commit(p->upload, &commit, &s->result);
		if (r == FTX_E_INCOMPLETE)
			r = FTX_E_MISMATCH;
	}
	if (r != 0)
		return p->failure != 0 || stream_is_over(s) ? r : receiver_problem(p, r);
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
	return 0;
}

static void
hint_partial(struct receiver *p)
{
	char shown[600];
	char *cut;

	receiver_shown_path(p, shown, sizeof(shown));
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

	e->bytes_sent = b->present + atomic_load(&b->moved) - b->resumed;
	e->bytes_resumed = b->resumed;
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

/* Is anything kept?  Returns end. */
static enum big_end
note_partial(struct receiver *p, enum big_end end)
{
	struct big *b = p->b;
	char name[sizeof(PREFIX) + UPLOAD_ID_BYTES + sizeof(".part")];

	snprintf(name, sizeof(name), PREFIX "%s.part", p->staging.id);
	b->resumable =
	    b->error != 0 && p->dir >= 0 && faccessat(p->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return end;
}

/* A connection was lost, this stream's or another's: with what has come it goes on. */
static enum big_end
end_lost(struct receiver *p)
{
	struct big *b = p->b;
	struct stream *s = p->s;
	int r = upload_close(p->upload, UPLOAD_KEEP);

	p->upload = NULL;
	if (r != 0)
		receiver_problem(p, r);
	else if (!stream_is_lost(s))
		return BIG_AGAIN;
	else if (s->number > 0)
		return BIG_LEFT;
	else if ((r = stream_again(s)) == 0)
		return BIG_AGAIN;
	b->error = r;
	b->problem = s->problem;
	return BIG_OVER;
}

/*
 * All others are gone.  BIG_AGAIN: once more from the beginning, because the source has changed, a
 * chunk arrived wrong or a connection was lost.
 */
static enum big_end
end(struct receiver *p, uint8_t *flags)
{
	struct big *b = p->b;
	struct stream *s = p->s;
	bool no_resume = s->run->request->no_resume;
	bool again, discard;

	if (b->error == 0) {
		int r = publish(p, flags);

		if (r != 0) {
			b->error = r;
			b->problem = s->problem;
			b->lost = stream_is_lost(s);
		}
	}
	if (b->error != 0 && b->lost && !cancel_requested(&s->run->cancel))
		return note_partial(p, end_lost(p));
	again = b->error != 0 && b->attempt == 0 && !stream_is_over(s) &&
		(b->error == FTX_E_CHANGED || b->error == FTX_E_MISMATCH);
	/* Of a file that changed nothing is kept: the new one may have the same size and time. */
	discard = b->error == FTX_E_CHANGED || no_resume;
	upload_close(p->upload, discard && b->error != 0 ? UPLOAD_DISCARD : UPLOAD_KEEP);
	p->upload = NULL;
	p->looks = again;
	b->begun = b->begun && !again;
	return note_partial(p, again ? BIG_AGAIN : BIG_OVER);
}

static int
work_on(struct receiver *p, bool first)
{
	struct stream *s = p->s;
	int r = connection_error(s->connection);

	if (r != 0)
		return stream_explain(s, r);
	if (p->dir < 0 && (r = stream_set_root(s, p->b->entry->batch->root)) == 0)
		r = find_place(p);
	if (r == 0 && p->looks && (r = look_again(p)) == 0)
		p->looks = false;
	if (r == 0)
		r = first ? begin(p) : open_upload(p);
	return r == 0 ? receiver_fetch(p) : r;
}

static void
reset(struct receiver *p)
{
	work_big_again(&p->s->run->work, p->b);
	p->resending = false;
}

/* Others are still at it: this stream's upload is put away. */
static void
leave(struct receiver *p)
{
	struct work *w = &p->s->run->work;
	int r = upload_close(p->upload, UPLOAD_KEEP);

	if (r != 0) {
		receiver_problem(p, r);
		work_big_fail(w, p->b, &p->s->problem, false);
	}
	work_big_left(w, p->b);
}

int
get_big(struct stream *s, struct big *b, bool first)
{
	struct receiver p = {.s = s, .b = b, .dir = -1};
	struct work *w = &s->run->work;
	enum big_end over = BIG_AGAIN;
	uint8_t flags = 0;

	for (; over == BIG_AGAIN; first = true) {
		int r = work_on(&p, first);

		if (r != 0)
			work_big_fail(w, b, &s->problem, stream_is_lost(s));
		if (!work_big_leave(w, b)) {
			leave(&p);
			break;
		}
		over = end(&p, &flags);
		if (over == BIG_OVER) {
			work_big_concluded(w, b);
			conclude(&p, flags);
			work_big_over(w, b);
			break;
		}
		reset(&p);
		if (over == BIG_LEFT)
			work_big_return(w, b);
	}
	if (p.dir >= 0)
		close(p.dir);
	return s->connection != NULL ? connection_error(s->connection) : s->problem.error;
}
