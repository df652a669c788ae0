#include "src/client/work.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/errors.h"

struct chain {
	int stream;	  /* that holds it, -1: none */
	unsigned batches; /* held by it */
	unsigned refs;
};

int
work_init(struct work *w)
{
	pthread_condattr_t monotonic;

	*w = (struct work){.links = links_new()};
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	live_init(&w->live_batches);
	live_init(&w->live_directories);
	live_init(&w->live_names);
	live_init(&w->live_bigs);
	return w->links != NULL ? 0 : FTX_E_NOMEM;
}

static void
lock(struct work *w)
{
	int r = pthread_mutex_lock(&w->lock);

	assert(r == 0);
}

static void
unlock(struct work *w)
{
	pthread_mutex_unlock(&w->lock);
}

static void
wake(struct work *w)
{
	pthread_cond_broadcast(&w->changed);
}

/* Under the lock. */
static void
one_less(struct work *w)
{
	assert(w->pending > 0);
	if (--w->pending == 0)
		wake(w);
}

static void
chain_release(struct chain *c)
{
	if (c != NULL && --c->refs == 0)
		free(c);
}

static void
drop_batch(struct work *w, struct batch *b)
{
	if (--b->open > 0)
		return;
	live_remove(&b->live);
	batch_free(b);
	one_less(w);
}

/* Under the lock: nothing leads to d any more. */
static void
dirnode_unref(struct dirnode *d)
{
	while (d != NULL && --d->refs == 0) {
		struct dirnode *parent = d->parent;

		live_remove(&d->live);
		dirnode_free(d);
		d = parent;
	}
}

/* Under the lock: something in d is over. */
static void
settle(struct work *w, struct dirnode *d)
{
	if (d == NULL)
		return;
	assert(d->pending > 0);
	if (--d->pending > 0)
		return;
	if (d->touched && !d->failed && !w->stopped) {
		d->next = w->directories;
		w->directories = d;
		wake(w);
	} else {
		dirnode_unref(d);
		one_less(w);
	}
}

void
work_stop(struct work *w)
{
	lock(w);
	w->stopped = true;
	wake(w);
	unlock(w);
}

bool
work_stopped(struct work *w)
{
	bool stopped;

	lock(w);
	stopped = w->stopped;
	unlock(w);
	return stopped;
}

bool
work_wait_idle(struct work *w, uint64_t until_ms)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
				       .tv_nsec = (long)(until_ms % 1000) * 1000000};
	bool idle;
	int r = 0;

	lock(w);
	while (!(idle = w->stopped || (w->scanned && w->pending == 0)) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&w->changed, &w->lock, &until);
	unlock(w);
	return idle;
}

/* What an early end has left. */
void
work_release(struct work *w)
{
	struct live *l;

	while ((l = w->live_bigs.after) != &w->live_bigs) {
		live_remove(l);
		big_free((struct big *)l);
	}
	while ((l = w->live_batches.after) != &w->live_batches) {
		live_remove(l);
		chain_release(((struct batch *)l)->chain);
		batch_free((struct batch *)l);
	}
	while ((l = w->live_directories.after) != &w->live_directories) {
		live_remove(l);
		dirnode_free((struct dirnode *)l);
	}
	while ((l = w->live_names.after) != &w->live_names) {
		live_remove(l);
		free(l);
	}
	chain_release(w->chain);
	links_free(w->links);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

/* Under the lock.  Without memory for a chain every stream may take the batch. */
static void
join_chain(struct work *w, struct batch *b, bool continues)
{
	if (!continues) {
		chain_release(w->chain);
		w->chain = malloc(sizeof(*w->chain));
		if (w->chain != NULL)
			*w->chain = (struct chain){.stream = -1, .refs = 1};
	}
	b->chain = w->chain;
	if (b->chain != NULL)
		b->chain->refs++;
}

bool
work_push(struct work *w, struct batch *b, bool continues)
{
	bool taken;

	lock(w);
	live_add(&w->live_batches, &b->live);
	join_chain(w, b, continues);
	while (w->queued >= WORK_BATCHES && !w->stopped)
		pthread_cond_wait(&w->changed, &w->lock);
	taken = !w->stopped;
	if (taken) {
		b->next = NULL;
		if (w->last != NULL)
			w->last->next = b;
		else
			w->first = b;
		w->last = b;
		w->queued++;
		w->pending++;
		wake(w);
	}
	unlock(w);
	return taken;
}

bool
work_is_hungry(struct work *w)
{
	bool hungry;

	lock(w);
	hungry = w->queued == 0;
	unlock(w);
	return hungry;
}

void
work_enter(struct work *w, struct dirnode *d)
{
	lock(w);
	live_add(&w->live_directories, &d->live);
	w->pending++;
	if (d->parent != NULL) {
		d->parent->refs++;
		d->parent->pending++; /* until d itself is there */
	}
	unlock(w);
}

void
work_leave(struct work *w, struct dirnode *d)
{
	lock(w);
	settle(w, d);
	unlock(w);
}

void
work_expect(struct work *w, struct entry *e)
{
	if (e->directory == NULL)
		return;
	lock(w);
	e->directory->pending++;
	unlock(w);
}

/* Under the lock: the first name is there. */
static void
names_ready(struct work *w, struct link_group *g)
{
	while (g->waiting != NULL) {
		struct link_name *n = g->waiting;

		g->waiting = n->next;
		n->next = w->names;
		w->names = n;
	}
	wake(w);
}

int
work_meet_link(struct work *w, struct root *root, uint64_t device, uint64_t names,
	       const struct entry *e, struct link_group **first)
{
	struct link_group *g;
	struct link_name *n;
	int r = 0;

	*first = NULL;
	lock(w);
	g = links_find(w->links, root, device, e->identity.inode);
	if (g != NULL && g->state == LINK_FAILED) {
		links_forget(w->links, g);
		g = NULL;
	}
	if (g == NULL) {
		*first = links_add(w->links, root, device, e->identity.inode, names, e->path);
		if (*first != NULL)
			(*first)->size = e->identity.size;
		else
			r = FTX_E_NOMEM;
	} else if ((n = link_name_new(g, e->directory, e->path)) == NULL) {
		r = FTX_E_NOMEM;
	} else {
		live_add(&w->live_names, &n->live);
		w->pending++;
		if (n->directory != NULL)
			n->directory->pending++;
		n->next = g->waiting;
		g->waiting = n;
		if (g->unmet > 0 && --g->unmet == 0)
			links_forget(w->links, g);
		if (g->state != LINK_PENDING)
			names_ready(w, g);
	}
	unlock(w);
	return r;
}

void
work_scanned(struct work *w)
{
	lock(w);
	w->scanned = true;
	wake(w);
	unlock(w);
}

/* Under the lock: the first batch that this stream may work on. */
static bool
take_batch(struct work *w, int stream, struct work_item *item)
{
	struct batch **at = &w->first, *b, *before = NULL;

	for (; (b = *at) != NULL; before = b, at = &b->next)
		if (b->chain == NULL || b->chain->stream < 0 || b->chain->stream == stream)
			break;
	if (b == NULL)
		return false;
	*at = b->next;
	if (w->last == b)
		w->last = before;
	w->queued--;
	if (b->chain != NULL) {
		b->chain->stream = stream;
		b->chain->batches++;
	}
	*item = (struct work_item){.kind = WORK_BATCH, .batch = b};
	return true;
}

static bool
take_waiting_big(struct work *w, struct work_item *item)
{
	struct big *b = w->waiting;

	if (b == NULL)
		return false;
	w->waiting = b->next;
	if (w->waiting == NULL)
		w->waiting_last = NULL;
	b->next = w->active;
	w->active = b;
	b->active = 1;
	*item = (struct work_item){.kind = WORK_BIG, .big = b};
	return true;
}

static bool
take_segments(struct work *w, struct work_item *item)
{
	for (struct big *b = w->active; b != NULL; b = b->next) {
		if (!b->opened || !b->helpers || b->error != 0 || b->next_range >= b->todo_count ||
		    b->active == b->leaving)
			continue;
		b->active++;
		*item = (struct work_item){.kind = WORK_SEGMENTS, .big = b};
		return true;
	}
	return false;
}

/* Under the lock: those that this stream has made, and those that were there. */
static bool
take_directories(struct work *w, int stream, struct work_item *item)
{
	struct dirnode **at = &w->directories, **end = &item->directories, *d;

	while ((d = *at) != NULL) {
		if (d->stream >= 0 && d->stream != stream) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		d->next = NULL;
		*end = d;
		end = &d->next;
	}
	if (item->directories == NULL)
		return false;
	item->kind = WORK_DIRECTORIES;
	return true;
}

/* Under the lock. */
static bool
try_take(struct work *w, int stream, struct work_item *item)
{
	*item = (struct work_item){.kind = WORK_NONE};
	if (w->stopped || (w->scanned && w->pending == 0)) {
		item->kind = WORK_END;
		return true;
	}
	if (take_directories(w, stream, item))
		return true;
	if (w->names != NULL) {
		item->kind = WORK_NAMES;
		item->names = w->names;
		w->names = NULL;
		return true;
	}
	return take_waiting_big(w, item) || take_batch(w, stream, item) || take_segments(w, item);
}

void
work_take(struct work *w, int stream, bool wait, struct work_item *item)
{
	lock(w);
	while (!try_take(w, stream, item) && wait)
		pthread_cond_wait(&w->changed, &w->lock);
	if (item->kind == WORK_BATCH)
		wake(w); /* there is room again */
	unlock(w);
}

void
work_batch_done(struct work *w, struct batch *b)
{
	lock(w);
	if (b->chain != NULL) {
		if (--b->chain->batches == 0)
			b->chain->stream = -1;
		chain_release(b->chain);
		b->chain = NULL;
		wake(w);
	}
	drop_batch(w, b);
	unlock(w);
}

void
work_add_big(struct work *w, struct big *b)
{
	lock(w);
	live_add(&w->live_bigs, &b->live);
	b->next = NULL;
	if (w->waiting_last != NULL)
		w->waiting_last->next = b;
	else
		w->waiting = b;
	w->waiting_last = b;
	wake(w);
	unlock(w);
}

/* Under the lock. */
static void
first_name_over(struct work *w, struct link_group *g, bool failed)
{
	g->state = failed ? LINK_FAILED : LINK_READY;
	names_ready(w, g);
	link_group_release(g);
}

void
work_entry_over(struct work *w, struct entry *e, bool touched, bool failed)
{
	struct dirnode *d = e->directory;

	lock(w);
	if (e->links != NULL)
		first_name_over(w, e->links, failed);
	if (d != NULL) {
		d->touched = d->touched || touched;
		if (e->metadata.type == ENTRY_DIRECTORY)
			d->failed = d->failed || failed;
		if (e->metadata.type == ENTRY_DIRECTORY && d->parent != NULL) {
			d->parent->touched = d->parent->touched || (touched && d->absent);
			settle(w, d->parent);
		}
		settle(w, d);
	}
	drop_batch(w, e->batch);
	unlock(w);
}

void
work_directory_over(struct work *w, struct dirnode *d)
{
	lock(w);
	dirnode_unref(d);
	one_less(w);
	unlock(w);
}

void
work_name_over(struct work *w, struct link_name *n, bool touched)
{
	lock(w);
	if (n->directory != NULL) {
		n->directory->touched = n->directory->touched || touched;
		settle(w, n->directory);
	}
	link_group_release(n->group);
	live_remove(&n->live);
	free(n);
	one_less(w);
	unlock(w);
}

size_t
work_unmade(struct work *w, struct dirnode *d, struct dirnode **list, size_t room)
{
	size_t count = 0, skip;

	lock(w);
	for (struct dirnode *up = d; up != NULL && !up->made; up = up->parent)
		count++;
	skip = count > room ? count - room : 0;
	for (; skip > 0; skip--, count--)
		d = d->parent;
	for (size_t i = count; i > 0; i--, d = d->parent)
		list[i - 1] = d;
	unlock(w);
	return count;
}

void
work_set_made(struct work *w, struct dirnode *d, int stream)
{
	lock(w);
	d->stream = stream;
	d->made = true;
	unlock(w);
}

void
work_set_absent(struct work *w, struct dirnode *d)
{
	lock(w);
	d->absent = true;
	unlock(w);
}

bool
work_is_absent(struct work *w, struct dirnode *d)
{
	bool absent = false;

	lock(w);
	for (; d != NULL && !absent; d = d->parent)
		absent = d->absent;
	unlock(w);
	return absent;
}

/* So many blocks of the present range have gone. */
static void
go_on(struct big *b, uint64_t count)
{
	b->next_number += count;
	b->next_block += count;
	if (b->next_block == b->todo[b->next_range].count) {
		b->next_range++;
		b->next_block = 0;
	}
}

void
work_big_opened(struct work *w, struct big *b, bool helpers, bool first_sent)
{
	lock(w);
	b->opened = true;
	b->helpers = helpers;
	b->next_range = 0;
	b->next_block = b->next_number = 0;
	if (first_sent)
		go_on(b, 1);
	wake(w);
	unlock(w);
}

void
work_next_segment(struct work *w, struct big *b, struct segment *out)
{
	const struct block_range *range;
	uint64_t left;

	*out = (struct segment){0};
	lock(w);
	if (b->error == 0 && b->next_range < b->todo_count) {
		range = &b->todo[b->next_range];
		left = range->count - b->next_block;
		out->first = range->first + b->next_block;
		out->count = left < SEGMENT_BLOCKS ? left : SEGMENT_BLOCKS;
		out->number = b->next_number;
		out->active = b->active;
		go_on(b, out->count);
	}
	unlock(w);
}

void
work_big_fail(struct work *w, struct big *b, const struct problem *p)
{
	lock(w);
	if (b->error == 0) {
		b->error = p->error;
		b->problem = *p;
	}
	unlock(w);
}

bool
work_big_leave(struct work *w, struct big *b)
{
	bool last;

	lock(w);
	last = b->active - b->leaving == 1;
	if (last)
		b->helpers = false; /* what is sent again is the last one's alone */
	else
		b->leaving++;
	while (last && b->active > 1)
		pthread_cond_wait(&w->changed, &w->lock);
	unlock(w);
	return last;
}

void
work_big_left(struct work *w, struct big *b)
{
	lock(w);
	b->active--;
	b->leaving--;
	wake(w);
	unlock(w);
}

void
work_big_over(struct work *w, struct big *b)
{
	struct big **at;

	lock(w);
	for (at = &w->active; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	live_remove(&b->live);
	unlock(w);
	big_free(b);
}
