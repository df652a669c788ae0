/*
 * Syncing: a disk takes many fsyncs at once much faster than one after the other, because its
 * journal commits them together.
 */
#include "src/store/group_impl.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/errors.h"

/* They only fsync and close; address space may be limited. */
enum { RESERVED_DESCRIPTORS = 64, STACK_BYTES = 256 * 1024 };

static int
descriptor_bound(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	return limit.rlim_cur > RESERVED_DESCRIPTORS ? (int)limit.rlim_cur - RESERVED_DESCRIPTORS
						     : 0;
}

struct group_syncers *
group_syncers_new(void)
{
	struct group_syncers *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->done, NULL);
	s->descriptors = descriptor_bound();
	return s;
}

/* A sync that failed is never tried again: the kernel has marked the pages clean. */
static void
sync_item(struct group_item *item)
{
	if (item->fd < 0 || item->error != 0)
		return;
	if (fsync(item->fd) != 0)
		item->error = error_from_errno(errno);
	/* A file without a name needs its descriptor to get one. */
	if (!item->named)
		return;
	/* EINTR: closed all the same. */
	if (close(item->fd) != 0 && errno != EINTR && item->error == 0)
		item->error = error_from_errno(errno);
	item->fd = -1;
}

static void *
syncer(void *arg)
{
	struct group_syncers *s = arg;

	pthread_mutex_lock(&s->mutex);
	s->waiting++;
	pthread_cond_signal(&s->done);
	for (;;) {
		struct group_item *item;

		while (s->next == s->end && !s->stop)
			pthread_cond_wait(&s->work, &s->mutex);
		if (s->stop)
			break;
		item = &s->items[s->next++];
		pthread_mutex_unlock(&s->mutex);
		sync_item(item);
		pthread_mutex_lock(&s->mutex);
		if (--s->unfinished == 0)
			pthread_cond_signal(&s->done);
	}
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

/* Signals are for the other threads. */
void
group_syncers_start(struct group_syncers *s)
{
	pthread_attr_t attributes;
	sigset_t all, old;

	s->started = true;
	if (pthread_attr_init(&attributes) != 0)
		return;
	/* Without it the stacks are as large as the process's own. */
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (s->count < GROUP_SYNCERS &&
	       pthread_create(&s->threads[s->count], &attributes, syncer, s) == 0)
		s->count++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	pthread_mutex_lock(&s->mutex);
	while (s->waiting < s->count)
		pthread_cond_wait(&s->done, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
}

void
group_syncers_free(struct group_syncers *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->mutex);
	for (unsigned i = 0; i < s->count; i++)
		pthread_join(s->threads[i], NULL);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static void
sync_all(struct group *g, size_t first, size_t end)
{
	struct group_syncers *s = g->syncers;

	if (g->on_disk && end - first > 1 && !s->started)
		group_syncers_start(s);
	if (s->count == 0 || !g->on_disk || end - first == 1) {
		for (size_t i = first; i < end; i++)
			sync_item(&g->items[i]);
		return;
	}
	pthread_mutex_lock(&s->mutex);
	s->items = g->items;
	s->next = first;
	s->end = end;
	s->unfinished = end - first;
	pthread_cond_broadcast(&s->work);
	while (s->unfinished > 0)
		pthread_cond_wait(&s->done, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
}

void
group_settle(struct group *g)
{
	const struct tree_options *o = tree_options(g->tree);
	size_t first = g->settled, end = group_items(g);

	if (first == end)
		return;
	if (g->on_disk && o->before_long_call != NULL)
		o->before_long_call(o->arg);
	sync_all(g, first, end);
	for (size_t i = first; i < end; i++)
		if (g->items[i].error != 0)
			group_fail(g, &g->items[i], g->items[i].error);
	g->settled = end;
}

/* Beside its destination, under a temporary name. */
static int
name_beside(struct group *g, struct group_item *item)
{
	const struct place *p;
	char name[TREE_TEMP_BYTES];
	int r = tree_parent(g->tree, g->texts + item->path, true, &p);
	int dir;

	if (r != 0)
		return r;
	dir = tree_temp(g->tree, p, name);
	if ((r = group_link(item->fd, dir, name)) == 0 && (r = group_keep_name(g, item, name)) != 0)
		unlinkat(dir, name, 0);
	return r;
}

void
group_relieve(struct group *g)
{
	for (size_t i = g->settled; i < group_items(g); i++) {
		struct group_item *item = &g->items[i];
		int r;

		if (item->error == 0 && !item->named && (r = name_beside(g, item)) != 0)
			group_fail(g, item, r);
	}
	group_settle(g);
}
