/*
 * The way of a batch from the server: compared with what is here, directories and links made, small
 * files asked for (fetch.c), big ones put on the list of those (get_big.c).
 */
#include "src/client/get.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/compare.h"
#include "src/client/verdict.h"
#include "src/store/staging.h"

#define FETCHES_AHEAD 6u

static void
done(struct stream *s, struct entry *e, int error, uint8_t flags, bool touched)
{
	struct transfer_file f = run_file(e, verdict_action(e), STATUS_DONE);
	struct problem p;

	f.not_kept = flags & 0xfu;
	s->unsynced = true;
	if (error != 0)
		verdict_problem(s->run, &p, error);
	run_entry(s->run, e, &f, error != 0 ? &p : NULL, touched);
}

/* What is above and not known to be here goes first, for its owner alone until all is in it. */
static int
make_above(struct stream *s, struct dirnode *d)
{
	struct dirnode *list[LIMIT_PATH_DEPTH];
	size_t count = work_unmade(&s->run->work, d, list, LIMIT_PATH_DEPTH);
	uint8_t flags;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		r = tree_mkdir(s->tree, list[i]->path, &list[i]->metadata, &flags);
		if (r == 0)
			work_set_made(&s->run->work, list[i], -1);
		s->unsynced = true;
	}
	return r;
}

static void
get_directory(struct stream *s, struct entry *e)
{
	struct dirnode *d = e->directory;
	uint8_t flags = 0;
	int r;

	if (e->verdict.state == TREE_SAME || e->verdict.state == TREE_METADATA)
		work_set_made(&s->run->work, d, -1);
	else if (e->verdict.state == TREE_ABSENT)
		work_set_absent(&s->run->work, d);
	if (verdict_ends(s->run, e))
		return;
	if (e->verdict.state == TREE_METADATA) {
		verdict_settle(s->run, e, STATUS_DONE, true);
		return;
	}
	r = make_above(s, d);
	done(s, e, r, flags, true);
}

static void
get_link(struct stream *s, struct entry *e)
{
	uint8_t flags = 0;
	int r;

	if (verdict_ends(s->run, e))
		return;
	r = e->directory != NULL ? make_above(s, e->directory) : 0;
	if (r == 0 && e->verdict.state == TREE_METADATA)
		r = tree_setmeta(s->tree, entry_local(e), &e->metadata, &flags);
	else if (r == 0)
		r = tree_symlink(s->tree, entry_local(e), e->target, &e->metadata, &flags);
	done(s, e, r, flags, e->verdict.state != TREE_METADATA);
}

static bool
may_have_partial(const struct stream *s, const struct entry *e)
{
	return !s->run->request->dry_run && e->identity.size > LIMIT_CHUNK_BYTES;
}

/* A partial of an earlier run, of a file that came another way meanwhile. */
static void
forget_partial(struct stream *s, const struct entry *e)
{
	const struct root *root = e->batch->root;
	struct upload_staging staging;
	const struct place *place;
	char remote[LIMIT_PATH_BYTES + 1];

	if (root_remote(root, e->path, remote) != 0 ||
	    tree_parent(s->tree, entry_local(e), false, &place) != 0)
		return;
	get_partial(s, remote, place->dir, place->leaf, &staging);
	/* What another run holds or a stranger has put there stays; that is no failure of ours. */
	(void)upload_forget(&staging);
}

static int
get_file(struct stream *s, struct entry *e)
{
	uint8_t flags = 0;
	struct big *b;
	bool is_link;
	int r;

	if (e->verdict.state == TREE_SAME && may_have_partial(s, e))
		forget_partial(s, e);
	if (verdict_meets(s->run, e, &is_link) != 0)
		return problem_nomem(&s->problem);
	if (is_link || verdict_ends(s->run, e))
		return 0;
	r = e->directory != NULL ? make_above(s, e->directory) : 0;
	if (r != 0) {
		done(s, e, r, 0, false);
		return 0;
	}
	if (e->verdict.state == TREE_METADATA) {
		atomic_fetch_add(&s->run->bytes, e->identity.size);
		atomic_fetch_add(&s->run->bytes_present, e->identity.size);
		r = tree_setmeta(s->tree, entry_local(e), &e->metadata, &flags);
		done(s, e, r, flags, false);
		return 0;
	}
	if (e->identity.size <= stream_small_bytes(s) && e->allocated >= e->identity.size / 2)
		return fetch_file(s, e);
	b = big_new(e);
	if (b == NULL)
		return problem_nomem(&s->problem);
	work_add_big(&s->run->work, b);
	return 0;
}

/* Looks at the answers that are there; wait: at one at least. */
static int
look_at_answers(struct stream *s, bool wait)
{
	struct request *r;
	int error = 0;

	while ((r = request_take(s, wait, &error)) != NULL) {
		request_free(r); /* the answer itself has said what became of each file */
		wait = false;
	}
	return error != 0 ? error : fetch_again(s);
}

/* All that was asked for has come and is published. */
static int
drain(struct stream *s)
{
	int r;

	do {
		r = fetch_flush(s);
		while (r == 0 && s->requests.first != NULL)
			r = look_at_answers(s, true);
		if (r == 0) {
			fetch_commit(s);
			r = fetch_again(s);
		}
	} while (r == 0 && s->requests.first != NULL);
	return r;
}

static int
set_root(struct stream *s, struct root *root)
{
	int r;

	if (s->root == root)
		return 0;
	if ((r = drain(s)) != 0)
		return r;
	return stream_set_root(s, root);
}

static void
compare(struct stream *s, struct entry *e)
{
	struct node n;

	e->verdict = (struct offer_verdict){.state = TREE_ABSENT};
	if (e->batch->root->local < 0)
		return;
	entry_node(e, &n);
	tree_compare(s->tree, entry_local(e), &n, &e->verdict);
}

static int
get_entry(struct stream *s, struct entry *e)
{
	int r = 0;

	if (e->metadata.type == ENTRY_DIRECTORY)
		get_directory(s, e);
	else if (e->metadata.type == ENTRY_SYMLINK)
		get_link(s, e);
	else
		r = get_file(s, e);
	e->begun = r == 0;
	return r;
}

static int
get_batch(struct stream *s, struct batch *b)
{
	int r = b->root->local < 0 ? 0 : set_root(s, b->root);
	uint32_t waiting = 0;

	for (size_t i = 0; i < b->count && r == 0; i++)
		if (!b->entries[i].begun)
			compare(s, &b->entries[i]);
	if (r == 0 && s->run->request->checksum)
		r = compare_content(s, b);
	for (size_t i = 0; i < b->count && r == 0; i++)
		if (!b->entries[i].begun)
			r = get_entry(s, &b->entries[i]);
	if (r == 0)
		r = fetch_flush(s);
	if (r == 0)
		work_batch_done(&s->run->work, b);
	else
		stream_keep_batch(s, b);
	for (struct request *q = s->requests.first; q != NULL; q = q->next)
		waiting++;
	for (; r == 0 && waiting > FETCHES_AHEAD; waiting--)
		r = look_at_answers(s, true);
	return r;
}

/* In its root, which is s->root. */
static void
set_directory(struct stream *s, struct dirnode *d)
{
	struct transfer_file f = {.type = ENTRY_DIRECTORY, .action = ACTION_METADATA};
	struct problem p;
	uint8_t flags = 0;
	int error = tree_setmeta(s->tree, d->path, &d->metadata, &flags);

	s->unsynced = true;
	f.not_kept = flags & 0xfu;
	if (error != 0)
		verdict_problem(s->run, &p, error);
	if (error != 0 || (f.not_kept != 0 && !d->unkept_said))
		run_result(s->run, d->root, d->path, &f, error != 0 ? &p : NULL);
	work_directory_over(&s->run->work, d);
}

/* Where the connection is lost meanwhile the rest of the list goes back. */
static int
set_directories(struct stream *s, struct dirnode *d)
{
	struct dirnode *next;
	int r = 0;

	for (; d != NULL && (r = set_root(s, d->root)) == 0; d = next) {
		next = d->next;
		set_directory(s, d);
	}
	work_return_directories(&s->run->work, d);
	return r;
}

/* In its root, which is s->root. */
static void
link_name(struct stream *s, struct link_name *n)
{
	struct transfer_file f = {
	    .type = ENTRY_FILE, .action = ACTION_CREATE, .bytes = n->group->size};
	struct problem p;
	uint8_t flags = 0;
	int error = n->directory != NULL ? make_above(s, n->directory) : 0;
	bool same;

	if (error == 0)
		error = tree_link(s->tree, n->path, n->group->path, &flags);
	s->unsynced = true;
	same = (flags & STATUS_NOTHING_DONE) != 0;
	if (error != 0)
		verdict_problem(s->run, &p, error);
	if (same) {
		f.action = ACTION_NONE;
		f.status = STATUS_SAME;
	}
	run_result(s->run, n->group->root, n->path, &f, error != 0 ? &p : NULL);
	work_name_over(&s->run->work, n, error == 0 && !same);
}

/* As set_directories(). */
static int
link_names(struct stream *s, struct link_name *n)
{
	struct link_name *next;
	int r = 0;

	for (; n != NULL; n = next) {
		next = n->next;
		if (verdict_ends_name(s->run, n))
			continue;
		if ((r = set_root(s, n->group->root)) != 0)
			break;
		link_name(s, n);
	}
	work_return_names(&s->run->work, n);
	return r;
}

/* Nothing new to begin: the next thing that brings this stream nearer to its end. */
static int
go_on(struct stream *s)
{
	if (s->requests.first != NULL)
		return look_at_answers(s, true);
	fetch_commit(s);
	return fetch_again(s);
}

static int
finish(struct stream *s)
{
	int r = drain(s);

	if (r == 0 && s->unsynced && s->tree != NULL && !s->run->request->no_sync) {
		errno = 0;
		r = tree_sync(s->tree);
		if (r != 0)
			problem_local(&s->problem, r, errno);
	}
	return r;
}

int
get_run(struct stream *s)
{
	struct work_item item;
	int r = stream_connect(s, NULL);

	while (r == 0) {
		bool busy = s->requests.first != NULL || s->wants->grouped_count > 0;

		work_take(&s->run->work, (int)s->number, !busy, &item);
		switch (item.kind) {
		case WORK_END:
			return finish(s);
		case WORK_NONE:
			r = go_on(s);
			break;
		case WORK_BATCH:
			r = get_batch(s, item.batch);
			break;
		case WORK_BIG:
		case WORK_SEGMENTS:
			/* What has come need not wait for a big file. */
			r = drain(s);
			if (r == 0 || stream_is_lost(s))
				r = get_big(s, item.big, item.kind == WORK_BIG);
			break;
		case WORK_DIRECTORIES:
			r = set_directories(s, item.directories);
			break;
		case WORK_NAMES:
			r = link_names(s, item.names);
			break;
		}
		if (r == 0)
			r = look_at_answers(s, false);
	}
	return r;
}

void
get_lost(struct stream *s)
{
	fetch_lost(s);
}
