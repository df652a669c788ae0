#include "src/client/work_impl.h"

#include <stdlib.h>

#include "proto/errors.h"

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
		work_wake(w);
	} else {
		dirnode_unref(d);
		work_one_less(w);
	}
}

void
work_enter(struct work *w, struct dirnode *d)
{
	work_lock(w);
	live_add(&w->live_directories, &d->live);
	w->pending++;
	if (d->parent != NULL) {
		d->parent->refs++;
		d->parent->pending++; /* until d itself is there */
	}
	work_unlock(w);
}

void
work_leave(struct work *w, struct dirnode *d)
{
	work_lock(w);
	settle(w, d);
	work_unlock(w);
}

void
work_expect(struct work *w, struct entry *e)
{
	if (e->directory == NULL)
		return;
	work_lock(w);
	e->directory->pending++;
	work_unlock(w);
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
	work_wake(w);
}

int
work_meet_link(struct work *w, struct root *root, uint64_t device, uint64_t names,
	       const struct entry *e, struct link_group **first)
{
	struct link_group *g;
	struct link_name *n;
	int r = 0;

	*first = NULL;
	work_lock(w);
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
	work_unlock(w);
	return r;
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

	work_lock(w);
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
	work_drop_batch(w, e->batch);
	work_unlock(w);
}

void
work_directory_over(struct work *w, struct dirnode *d)
{
	work_lock(w);
	dirnode_unref(d);
	work_one_less(w);
	work_unlock(w);
}

void
work_name_over(struct work *w, struct link_name *n, bool touched)
{
	work_lock(w);
	if (n->directory != NULL) {
		n->directory->touched = n->directory->touched || touched;
		settle(w, n->directory);
	}
	link_group_release(n->group);
	live_remove(&n->live);
	free(n);
	work_one_less(w);
	work_unlock(w);
}

size_t
work_unmade(struct work *w, struct dirnode *d, struct dirnode **list, size_t room)
{
	size_t count = 0, skip;

	work_lock(w);
	for (struct dirnode *up = d; up != NULL && !up->made; up = up->parent)
		count++;
	skip = count > room ? count - room : 0;
	for (; skip > 0; skip--, count--) {
		assert(d != NULL); /* as many were counted */
		d = d->parent;
	}
	for (size_t i = count; i > 0; i--, d = d->parent) {
		assert(d != NULL);
		list[i - 1] = d;
	}
	work_unlock(w);
	return count;
}

void
work_set_made(struct work *w, struct dirnode *d, int stream)
{
	work_lock(w);
	d->stream = stream;
	d->made = true;
	work_unlock(w);
}

void
work_set_absent(struct work *w, struct dirnode *d)
{
	work_lock(w);
	d->absent = true;
	work_unlock(w);
}

void
work_return_directories(struct work *w, struct dirnode *d)
{
	struct dirnode *next;

	work_lock(w);
	for (; d != NULL; d = next) {
		next = d->next;
		d->next = w->directories;
		w->directories = d;
	}
	work_wake(w);
	work_unlock(w);
}

void
work_return_names(struct work *w, struct link_name *n)
{
	struct link_name *next;

	work_lock(w);
	for (; n != NULL; n = next) {
		next = n->next;
		n->next = w->names;
		w->names = n;
	}
	work_wake(w);
	work_unlock(w);
}

void
work_forget_made(struct work *w, int stream)
{
	work_lock(w);
	for (struct live *l = w->live_directories.after; l != &w->live_directories; l = l->after) {
		struct dirnode *d = (struct dirnode *)l;

		if (d->stream != stream)
			continue;
		d->stream = -1;
		d->made = false;
		d->orphaned = true;
	}
	work_wake(w);
	work_unlock(w);
}

bool
work_is_absent(struct work *w, struct dirnode *d)
{
	bool absent = false;

	work_lock(w);
	for (; d != NULL && !absent; d = d->parent)
		absent = d->absent;
	work_unlock(w);
	return absent;
}
