/*
 * Small files, received many at a time and published together (PROTOCOL.md, "Packs").
 *
 * Each file is written under a temporary name; group_commit() syncs all of them with a few
 * threads that do nothing else (one by one is five times slower on a disk, and syncfs would wait
 * for what others write), gives them their names, and syncs each directory once.  What was not
 * committed is gone after group_free(); nothing is ever resumed.  Readers see the old file or the
 * whole new one.
 *
 * With a temp_dir the files are made there; without one they have no name until they are
 * complete (O_TMPFILE), or a temporary one beside the destination where the file system lacks that.
 *
 * The first write error of a file is that item's status; the others go on.
 */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/store/tree.h"

struct group;
struct group_syncers;

/*
 * The threads that sync.  They are started when there is something for them to do; by
 * group_syncers_start() at once, and then it returns when each of them waits for work, so that from
 * there on they need no other system calls than futex, fsync and close: for a process that is to
 * give up the rest.  As many as can be had, none included.  NULL: out of memory.
 */
struct group_syncers *group_syncers_new(void);
void group_syncers_start(struct group_syncers *s);
/* Ends them.  No group uses them any more.  NULL allowed. */
void group_syncers_free(struct group_syncers *s);

/*
 * Borrows t until group_free(), and syncers; NULL: it has its own.  NULL: out of memory.  Files
 * stay open until the commit as far as the soft limit of descriptors (as it was when the syncers
 * were made) allows, less a reserve of 64 for others; when they run short those that are complete
 * are synced and closed early.  Groups with the same syncers are used by one thread.
 */
struct group *group_new(struct tree *t, struct group_syncers *syncers);
/* Removes what was not committed.  NULL allowed. */
void group_free(struct group *g);

/* Called by group_commit() for each file that it has published. */
void group_on_published(struct group *g, void (*published)(void *arg, const char *path), void *arg);

/* Files completed or dropped, and their bytes, since the last commit. */
size_t group_items(const struct group *g);
uint64_t group_bytes(const struct group *g);

/*
 * One file after the other: begin, write until size bytes are there, end.  After an error of the
 * file itself the rest of it is swallowed; the error is its status.  path: passes path_check();
 * missing parents are made by the commit, without a temp_dir already here.  likely: what
 * group_end() will probably say, so that the file is made with its mode; NULL: not known.  At most
 * LIMIT_GROUP_ITEMS files and LIMIT_GROUP_BYTES (asserted: who takes them from a peer has checked).
 */
void group_begin(struct group *g, const char *path, uint64_t size, const struct metadata *likely);
void group_write(struct group *g, const void *data, size_t length);
/* metadata->type is a regular file's; mtime_ns below 10^9. */
void group_end(struct group *g, const struct metadata *metadata);
/* Instead of group_end(): the file is not to be published, error is its status. */
void group_drop(struct group *g, int error);

/*
 * Publishes.  statuses[0..group_items()), in order.  0, or an error that is that of everything
 * (a directory that cannot be synced): what was published may then not be durable, and every
 * status that was good has that error.  The group is empty afterwards.
 */
int group_commit(struct group *g, struct item_status *statuses);

#endif
