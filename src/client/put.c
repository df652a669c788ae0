/*
 * The way of a batch to the server: OFFER; its directories, links and metadata by ops.c; its small
 * files by pack.c; its big files to the list of those (put_big.c); COMMIT_PACKS.
 *
 * Up to OFFERS_AHEAD batches are offered before the first of them is worked on, and answers are
 * looked at as they come, so that a slow link is never waited for as long as there is work.
 */
#include "src/client/put.h"

#include <string.h>

#include "proto/errors.h"
#include "src/client/backup.h"
#include "src/client/compare.h"
#include "src/client/landing.h"
#include "src/client/verdict.h"

/* Answers that wait for a COMMIT_PACKS, about; more are not kept. */
#define HELD_ITEMS LIMIT_GROUP_ITEMS

/* What is above the entry's directory and not known to be there goes first. */
static int
make_above(struct stream *s, struct dirnode *d)
{
	struct dirnode *list[LIMIT_PATH_DEPTH];
	size_t count = work_unmade(&s->run->work, d, list, LIMIT_PATH_DEPTH);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		const struct node n = {.path = span_of(list[i]->path),
				       .metadata = list[i]->metadata};

		r = ops_add(s, REQUEST_MKDIR, list[i]->root, &n, NULL);
		work_set_made(&s->run->work, list[i], (int)s->number);
	}
	/* A directory is only sure to be here until what is in it is over. */
	return r == 0 && count > 0 ? ops_flush(s) : r;
}

static int
put_directory(struct stream *s, struct entry *e)
{
	struct work *w = &s->run->work;
	struct dirnode *d = e->directory;
	struct node n;
	int r = 0;

	if (e->verdict.state == TREE_ABSENT)
		work_set_absent(w, d);
	else if (e->verdict.state == TREE_SAME || e->verdict.state == TREE_METADATA)
		work_set_made(w, d, -1);
	if (verdict_ends(s->run, e))
		return 0;
	if (e->verdict.state == TREE_METADATA) {
		verdict_settle(s->run, e, STATUS_DONE, true);
		return 0;
	}
	if (d->parent != NULL && (r = make_above(s, d->parent)) != 0)
		return r;
	work_set_made(w, d, (int)s->number);
	entry_node(e, &n);
	return ops_add(s, REQUEST_MKDIR, e->batch->root, &n, e);
}

static int
put_other(struct stream *s, struct entry *e)
{
	struct node n;
	int r;

	if (verdict_ends(s->run, e))
		return 0;
	if (e->directory != NULL && (r = make_above(s, e->directory)) != 0)
		return r;
	entry_node(e, &n);
	if (e->verdict.state == TREE_METADATA)
		return ops_add(s, REQUEST_SETMETA, e->batch->root, &n, e);
	return ops_add(s, REQUEST_SYMLINK, e->batch->root, &n, e);
}

int
put_as_big(struct stream *s, struct entry *e)
{
	struct big *b = big_new(e);

	if (b == NULL)
		return problem_nomem(&s->problem);
	work_add_big(&s->run->work, b);
	return 0;
}

static int
put_file(struct stream *s, struct entry *e)
{
	struct node n;
	bool is_link;

	if (verdict_meets(s->run, e, &is_link) != 0)
		return problem_nomem(&s->problem);
	if (is_link || verdict_ends(s->run, e))
		return 0;
	if (e->verdict.state == TREE_METADATA) {
		entry_node(e, &n);
		if (!e->resent) {
			atomic_fetch_add(&s->run->bytes, n.size);
			atomic_fetch_add(&s->run->bytes_present, n.size);
		}
		return ops_add(s, REQUEST_SETMETA, e->batch->root, &n, e);
	}
	if (e->identity.size <= stream_small_bytes(s) && e->allocated >= e->identity.size / 2 &&
	    e->verdict.state != TREE_PARTIAL)
		return pack_file(s, e);
	return put_as_big(s, e);
}

static int
take_all_answers(struct stream *s)
{
	int r = 0;

	while (r == 0 && s->requests.first != NULL)
		r = put_take_answers(s, true);
	return r;
}

/*
 * Where connections are lost before anything sent over them is durable, nothing is sent behind a
 * commit before its answer: what is sent brings the next loss nearer, and a server that is slow
 * would never get to answer.
 */
static int
commit_full_pack(struct stream *s)
{
	int r = pack_commit(s);

	return r == 0 && s->fruitless > 0 ? take_all_answers(s) : r;
}

/* A file or a link whose directory is there or on its way. */
static int
put_content(struct stream *s, struct entry *e)
{
	int r = 0;

	if (!entry_is_file(e))
		return put_other(s, e);
	if (pack_is_full(s))
		r = commit_full_pack(s);
	if (r == 0 && e->directory != NULL && !s->run->request->dry_run)
		r = make_above(s, e->directory);
	return r == 0 ? put_file(s, e) : r;
}

static int
put_entry(struct stream *s, struct entry *e)
{
	int r = 0;

	if (e->arrived)
		verdict_arrived(s->run, e);
	else if (e->metadata.type == ENTRY_DIRECTORY)
		r = put_directory(s, e);
	else
		r = put_content(s, e);
	e->begun = r == 0;
	return r;
}

/* All of this type that are not begun. */
static int
put_entries(struct stream *s, struct batch *b, enum entry_type type)
{
	int r = 0;

	for (size_t i = 0; i < b->count && r == 0; i++) {
		struct entry *e = &b->entries[i];

		if (e->metadata.type == type && !e->begun)
			r = put_entry(s, e);
	}
	return r;
}

/* The verdicts are there: directories first, then what is small and fixed, then content. */
static int
put_batch(struct stream *s, struct batch *b)
{
	int r = 0;

	if (s->run->request->checksum)
		r = compare_content(s, b);
	if (r == 0 && s->run->request->backup_dir != NULL && !s->run->request->dry_run)
		r = backup_batch(s, b);
	if (r == 0)
		r = put_entries(s, b, ENTRY_DIRECTORY);
	if (r == 0)
		r = put_entries(s, b, ENTRY_SYMLINK);
	if (r == 0)
		r = put_entries(s, b, ENTRY_FILE);
	if (r == 0)
		r = ops_flush(s);
	if (r == 0)
		work_batch_done(&s->run->work, b);
	else
		stream_keep_batch(s, b);
	return r;
}

/* Is nothing of the batch there, because a directory above was not, or it was looked at? */
static bool
is_all_absent(struct stream *s, const struct batch *b)
{
	/* A dry run also wants to know whether it may be made. */
	if (b->root->absent && !s->run->request->dry_run)
		return true;
	for (size_t i = 0; i < b->count; i++) {
		const struct entry *e = &b->entries[i];
		struct dirnode *d = e->directory;

		if (d == NULL)
			return false;
		if (e->metadata.type == ENTRY_DIRECTORY)
			d = d->parent;
		if (i > 0 && d == b->entries[i - 1].directory)
			continue;
		if (d == NULL || !work_is_absent(&s->run->work, d))
			return false;
	}
	return true;
}

static int
offer(struct stream *s, struct batch *b)
{
	struct message m = {.type = MESSAGE_OFFER};
	struct request *request;
	struct node *nodes = s->ops.nodes;
	int r;

	s->offered[s->offered_count++] = b;
	b->answered = !b->redo && is_all_absent(s, b);
	if (b->answered) {
		for (size_t i = 0; i < b->count; i++)
			b->entries[i].verdict = (struct offer_verdict){.state = TREE_ABSENT};
		return 0;
	}
	/* The nodes of the operations are used for this one too. */
	if ((r = ops_flush(s)) != 0)
		return r;
	request = request_new(s, REQUEST_OFFER, 0);
	if (request == NULL)
		return problem_nomem(&s->problem);
	for (size_t i = 0; i < b->count; i++)
		entry_node(&b->entries[i], &nodes[i]);
	request->batch = b;
	m.offer.base = span_of(b->root->remote);
	m.offer.nodes.items = nodes;
	m.offer.nodes.count = (uint32_t)b->count;
	return request_send(request, &m);
}

static int
set_directories(struct stream *s, struct dirnode *d)
{
	struct dirnode *next;
	int r = 0;

	for (; d != NULL; d = next) {
		const struct node n = {.path = span_of(d->path), .metadata = d->metadata};

		next = d->next;
		if ((r = ops_add(s, REQUEST_DIRECTORIES, d->root, &n, d)) != 0)
			break;
	}
	work_return_directories(&s->run->work, d);
	return r != 0 ? r : ops_flush(s);
}

static int
link_names(struct stream *s, struct link_name *n)
{
	struct link_name *next;
	int r = 0;

	for (; n != NULL; n = next) {
		next = n->next;
		if (verdict_ends_name(s->run, n))
			continue;
		if (n->directory != NULL)
			r = make_above(s, n->directory);
		if (r == 0)
			r = ops_add_link(s, n->group->root, n->path, n->group->path, n);
		if (r != 0)
			break;
	}
	work_return_names(&s->run->work, n);
	return r != 0 ? r : ops_flush(s);
}

/* The first batch is worked on; its verdicts are waited for. */
static int
advance(struct stream *s)
{
	struct batch *b = s->offered[0];
	int r = 0;

	while (r == 0 && !b->answered)
		r = put_take_answers(s, true);
	if (r != 0)
		return r;
	memmove(s->offered, s->offered + 1, --s->offered_count * sizeof(s->offered[0]));
	return put_batch(s, b);
}

/* Nothing new to begin: the next thing that brings this stream nearer to its end. */
static int
go_on(struct stream *s)
{
	if (s->offered_count > 0)
		return advance(s);
	if (s->pack.file_count > 0 || (s->requests.first == NULL && s->held.first != NULL))
		return pack_commit(s);
	return put_take_answers(s, true);
}

/* The last word of a stream: all that it made is durable. */
static int
finish(struct stream *s)
{
	int r = s->unsynced && !s->run->request->no_sync ? pack_commit(s) : 0;

	return r == 0 ? take_all_answers(s) : r;
}

/* The first stream also looks at the destination, where its place depends on that. */
static int
connect_and_look(struct stream *s)
{
	struct landing_question question = {.run = s->run};
	const struct early early = {landing_ask, &question};
	bool looks = s->number == 0 && s->run->dest_asked && !s->run->dest_known;
	/* Over another connection than the first nothing has been asked yet. */
	bool asks = looks && s->connection != NULL;
	int r =
	    asks ? landing_ask(&question, s->connection) : stream_connect(s, looks ? &early : NULL);

	if (asks && r != 0)
		stream_explain(s, r);
	if (r == 0 && looks && (r = landing_take(s->run, &question, s->connection)) != 0)
		stream_explain(s, r);
	else if (looks && s->connection != NULL)
		connection_abandon(s->connection, &question.reply);
	return r;
}

int
put_run(struct stream *s)
{
	struct work_item item;
	int r = connect_and_look(s);

	/* It cannot be read again where a connection is lost behind it. */
	if (r == 0 && s->run->request->input_fd >= 0)
		return s->run->input_over ? 0 : put_input(s);
	while (r == 0) {
		bool busy = s->offered_count > 0 || s->pack.file_count > 0 ||
			    s->requests.first != NULL || s->held.first != NULL;

		if (s->offered_count == OFFERS_AHEAD) {
			r = advance(s);
			continue;
		}
		if (s->held_items >= HELD_ITEMS && (r = pack_commit(s)) != 0)
			break;
		work_take(&s->run->work, (int)s->number, !busy, &item);
		switch (item.kind) {
		case WORK_END:
			return finish(s);
		case WORK_NONE:
			r = go_on(s);
			break;
		case WORK_BATCH:
			r = offer(s, item.batch);
			break;
		case WORK_BIG:
		case WORK_SEGMENTS:
			/* What is gathered need not wait for a big file. */
			if (s->pack.file_count > 0 || s->held.first != NULL)
				r = pack_commit(s);
			if (r == 0 || stream_is_lost(s))
				r = put_big(s, item.big, item.kind == WORK_BIG);
			break;
		case WORK_DIRECTORIES:
			r = set_directories(s, item.directories);
			break;
		case WORK_NAMES:
			r = link_names(s, item.names);
			break;
		}
		if (r == 0)
			r = put_take_answers(s, false);
	}
	return r;
}
