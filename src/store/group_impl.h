/*
 * What the files of a group share: group.c receives, group_sync.c syncs, group_commit.c publishes.
 */
#ifndef STORE_GROUP_IMPL_H
#define STORE_GROUP_IMPL_H

#include <pthread.h>
#include <stdbool.h>

#include "src/store/group.h"

/*
 * A file.  Between begin and end its error is what writing said; afterwards also what its sync,
 * its close and its publication said.  With an error there is neither descriptor nor name.
 */
struct group_item {
	size_t path; /* in the texts */
	size_t temp; /* its temporary name in the texts; only where named */
	int fd;	     /* owned; -1: closed or never opened */
	bool named;
	uint8_t flags; /* of item_status */
	int error;
};

enum { GROUP_SYNCERS = 4 };

/*
 * Threads that fsync and close; nothing here is touched but under the mutex, started, count and
 * descriptors excepted, which the threads do not look at.
 */
struct group_syncers {
	pthread_mutex_t mutex;
	pthread_cond_t work, done;
	struct group_item *items; /* those from next on are to be taken */
	size_t next, end, unfinished;
	bool stop;
	bool started;	  /* not tried again where none could be had: by now it may be forbidden */
	unsigned waiting; /* that have come to wait for work for the first time */
	unsigned count;
	int descriptors; /* one of this number or above says that they run short */
	pthread_t threads[GROUP_SYNCERS];
};

struct group {
	struct tree *tree;
	bool on_disk;	      /* false: in memory, where a sync is nothing */
	bool no_unnamed;      /* O_TMPFILE does not work, or a file without a name cannot get one */
	bool modes_inherited; /* files are not made with just the mode that is asked for */

	struct group_item *items; /* LIMIT_GROUP_ITEMS */
	size_t count;
	size_t settled; /* items before this one are closed (or have no name yet, at the commit) */
	char *texts;	/* terminated, one after the other */
	size_t texts_used, texts_capacity;

	bool open;   /* the last item is being received */
	bool likely; /* it was made with metadata_mode() of likely_mode */
	uint16_t likely_mode;
	uint64_t size, received;
	uint64_t bytes;

	void (*published)(void *arg, const char *path); /* NULL: nobody is told */
	void *published_arg;

	struct group_syncers *syncers;
	bool own_syncers; /* they end with the group */
};

/* Where an item's temporary name is; p: its parent where there is no temp_dir. */
int group_temp_dir(const struct group *g, const struct place *p);

/* The item fails with error: closed, its temporary name removed. */
void group_fail(struct group *g, struct group_item *item, int error);

/* Links an open file without a name to dir/name.  FTX_E_EXISTS, ... */
int group_link(int fd, int dir, const char *name);

/* Keeps name as the item's temporary one.  0 or FTX_E_NOMEM. */
int group_keep_name(struct group *g, struct group_item *item, const char *name);

/* group_sync.c */
/* Syncs all complete items that were not yet; closes those that have a name. */
void group_settle(struct group *g);
/* Closes all that are complete, so that descriptors become free. */
void group_relieve(struct group *g);

#endif
