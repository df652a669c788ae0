/*
 * What becomes of the requests of a put: each answer is the result of its items, and of a request
 * whose connection was lost the items are begun anew.
 *
 * What is answered well is said when a COMMIT_PACKS behind it is answered too: until then it is not
 * on stable storage, and a server that crashes gets it again.
 */
#include "src/client/put.h"

#include "proto/errors.h"
#include "src/client/verdict.h"

/* Did the server get another content than was sent?  Then it gets it once more. */
static bool
send_again(struct stream *s, const struct request *r, uint32_t i, int *error)
{
	struct entry *e = r->items[i];

	if (r->kind != REQUEST_COMMIT || e == NULL || e->came_wrong ||
	    r->reply.problem.error != 0 || r->statuses[i].code != -FTX_E_MISMATCH)
		return false;
	e->came_wrong = true;
	if (*error == 0)
		*error = pack_file(s, e);
	if (*error != 0)
		stream_keep_entry(s, e);
	return true;
}

/* An item of an answer, or the error of the whole request, is the result of an entry. */
static void
entry_answered(struct stream *s, const struct request *r, uint32_t i)
{
	struct entry *e = r->items[i];
	const struct item_status *status = &r->statuses[i];
	struct transfer_file f;
	struct problem p;

	if (e == NULL)
		return;
	f = run_file(e, verdict_action(e), STATUS_DONE);
	f.not_kept = status->flags & 0xfu;
	if (r->reply.problem.error != 0) {
		run_entry(s->run, e, &f, &r->reply.problem, false);
	} else if (status->code != 0) {
		verdict_problem(s->run, &p, error_from_wire(status->code));
		run_entry(s->run, e, &f, &p, false);
	} else {
		run_entry(s->run, e, &f, NULL, r->kind != REQUEST_SETMETA);
	}
}

static void
directory_answered(struct stream *s, const struct request *r, uint32_t i)
{
	struct dirnode *d = r->items[i];
	const struct item_status *status = &r->statuses[i];
	struct transfer_file f = {
	    .type = ENTRY_DIRECTORY, .action = ACTION_METADATA, .not_kept = status->flags & 0xfu};
	struct problem p = r->reply.problem;

	/*
	 * Who may only add sets metadata on the connection that has made the directory; that one is
	 * lost.
	 */
	if (d->orphaned && (status->code == -FTX_E_DENIED || status->code == -FTX_E_EXISTS))
		f.not_kept |= STATUS_MODE_NOT_KEPT;
	else if (p.error == 0 && status->code != 0)
		verdict_problem(s->run, &p, error_from_wire(status->code));
	if (p.error != 0 || (f.not_kept != 0 && !d->unkept_said))
		run_result(s->run, d->root, d->path, &f, p.error != 0 ? &p : NULL);
	work_directory_over(&s->run->work, d);
}

static void
name_answered(struct stream *s, const struct request *r, uint32_t i)
{
	struct link_name *n = r->items[i];
	const struct item_status *status = &r->statuses[i];
	/* What nobody has answered may have been done: its directory has another time then. */
	bool same = (status->flags & STATUS_NOTHING_DONE) != 0 && !n->resent;
	struct transfer_file f = {.type = ENTRY_FILE,
				  .action = same ? ACTION_NONE : ACTION_CREATE,
				  .status = same ? STATUS_SAME : STATUS_DONE,
				  .bytes = n->group->size};
	struct problem p = r->reply.problem;

	if (p.error == 0 && status->code != 0)
		verdict_problem(s->run, &p, error_from_wire(status->code));
	run_result(s->run, n->group->root, n->path, &f, p.error != 0 ? &p : NULL);
	work_name_over(&s->run->work, n, !same && p.error == 0);
}

/* What is wrong with the whole offer is wrong with each entry. */
static void
offer_answered(const struct request *r)
{
	for (size_t i = 0; i < r->batch->count && r->reply.problem.error != 0; i++)
		if (!r->batch->entries[i].begun)
			r->batch->entries[i].verdict = (struct offer_verdict){
			    .state = TREE_ERROR, .code = (uint16_t)-r->reply.problem.error};
	r->batch->answered = true;
}

/* 0, or why the connection is over. */
static int
conclude(struct stream *s, struct request *r)
{
	int error = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		if (r->kind == REQUEST_DIRECTORIES)
			directory_answered(s, r, i);
		else if (r->kind == REQUEST_LINK)
			name_answered(s, r, i);
		else if (!send_again(s, r, i, &error))
			entry_answered(s, r, i);
	}
	request_free(r);
	return error;
}

/* What was done before a COMMIT_PACKS is as durable as that says. */
static int
conclude_held(struct stream *s, const struct problem *p)
{
	struct request *r;
	int error = 0;

	s->held_items = 0;
	while (error == 0 && (r = request_first(&s->held)) != NULL) {
		if (r->reply.problem.error == 0)
			r->reply.problem = *p;
		error = conclude(s, r);
	}
	return error;
}

static bool
is_held(const struct stream *s, const struct request *r)
{
	return r->kind != REQUEST_COMMIT && !s->run->request->no_sync &&
	       r->reply.problem.error == 0;
}

/* 0, or why the connection is over. */
static int
answered(struct stream *s, struct request *r)
{
	int error = 0;

	if (r->kind == REQUEST_OFFER) {
		offer_answered(r);
		request_free(r);
		return 0;
	}
	if (is_held(s, r)) {
		request_append(&s->held, r);
		s->held_items += r->count;
		return 0;
	}
	if (r->kind == REQUEST_COMMIT) {
		if (s->fruitless > 0)
			s->fruitless--;
		error = conclude_held(s, &r->reply.problem);
	}
	if (error == 0)
		return conclude(s, r);
	request_free(r);
	return error;
}

int
put_take_answers(struct stream *s, bool wait)
{
	struct request *r;
	int error = 0;

	while (error == 0 && (r = request_take(s, wait, &error)) != NULL) {
		error = answered(s, r);
		wait = false;
	}
	return error;
}

/* An item of a request that was not answered, or not to the end. */
static void
keep_item(struct stream *s, enum request_kind kind, void *item)
{
	struct dirnode *d = item;
	struct link_name *n = item;

	if (item == NULL)
		return;
	if (kind == REQUEST_DIRECTORIES) {
		d->next = NULL;
		work_return_directories(&s->run->work, d);
	} else if (kind == REQUEST_LINK) {
		n->next = NULL;
		n->resent = true;
		work_return_names(&s->run->work, n);
	} else {
		stream_keep_entry(s, item);
	}
}

static void
keep_requests(struct stream *s, struct request_list *list)
{
	struct request *r;

	while ((r = request_first(list)) != NULL) {
		for (uint32_t i = 0; i < r->count; i++)
			keep_item(s, r->kind, r->items[i]);
		request_free(r);
	}
}

void
put_lost(struct stream *s)
{
	struct op_list *ops = &s->ops;
	struct pack *pack = &s->pack;

	/* What the lost session has made and not yet made durable. */
	if (s->unsynced || s->requests.first != NULL || s->held.first != NULL)
		atomic_store(&s->run->sync_owed, true);
	s->fruitless++;
	work_forget_made(&s->run->work, (int)s->number);
	keep_requests(s, &s->held);
	keep_requests(s, &s->requests);
	s->held_items = 0;
	for (uint32_t i = 0; i < ops->count; i++)
		keep_item(s, ops->kind, ops->items[i]);
	ops->count = 0;
	ops->encoded = 0;
	for (uint32_t i = 0; i < pack->file_count; i++)
		if (pack->files[i] != NULL)
			stream_keep_entry(s, pack->files[i]);
	pack_clear(pack);
	while (s->offered_count > 0)
		stream_keep_batch(s, s->offered[--s->offered_count]);
	s->unsynced = false;
}
