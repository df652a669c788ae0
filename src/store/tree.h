/*
 * Entries of a tree below a root: what OFFER, MKDIR, SYMLINK, LINK, SETMETA, REMOVE and RENAME do
 * (PROTOCOL.md, "Trees"), on the server's disk for a put and on the client's for a get.
 *
 * Everything is resolved below the root without following a link (resolve.h).  The directory of
 * the last path stays open, so entries that come directory by directory cost no walk each.
 *
 * What these functions change is on stable storage after tree_sync(), not before.
 *
 * One thread uses a struct tree.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/store/metadata.h"
#include "src/store/resolve.h"
#include "src/store/usage.h"

struct tree_options {
	int root;			    /* borrowed directory; what paths are relative to */
	unsigned resolve_flags;		    /* RESOLVE_ENTER_MOUNTS on the client */
	const struct metadata_rules *rules; /* borrowed */
	bool overwrite;	   /* may names that exist be replaced, entries not made here be changed? */
	bool spare_linked; /* a file with further names is given no metadata: FTX_E_EXISTS */
	/*
	 * Where temporary names are made: a private directory on the root's file system (borrowed;
	 * the server's staging), or -1: beside the entry, called ".ftx-RUN-N.new".
	 */
	int temp_dir;
	struct usage_tally *tally; /* borrowed: told what goes and is made besides; or NULL */
	/* Called before a call that may take long and cannot be left; may be NULL. */
	void (*before_long_call)(void *arg);
	void *arg;
};

struct tree;

/* NULL: out of memory. */
struct tree *tree_new(const struct tree_options *options);
/* Does not sync.  NULL allowed. */
void tree_free(struct tree *t);
const struct tree_options *tree_options(const struct tree *t);

/* Sets options.temp_dir: for who makes that directory only when something is to be made. */
void tree_set_temp(struct tree *t, int temp_dir);

/*
 * Where temporary names of hard links are made, -1 (as at first): where others are.  A private
 * directory likewise, but one in which a confined process can write to no file: a name there must
 * not make a published file writable.
 */
void tree_set_link_temp(struct tree *t, int dir);

/*
 * The directory above path, and its leaf; borrowed until the next call on t.  path "" is the root
 * with the leaf ".".  make: missing directories are made (0777 less umask) and remembered for
 * tree_sync().  Errors as of resolve_parent().
 */
int tree_parent(struct tree *t, const char *path, bool make, const struct place **p);

/* Closes the directories that are kept open, as when nothing is to be done for a while. */
void tree_leave(struct tree *t);

/*
 * A call in p, which is that of path, failed with EACCES: gives the directory u+rwx where it is
 * this user's and lacks that.  It gets its mode back by tree_sync() or tree_free(), unless
 * tree_setmeta() has given it another one.  0: try again; FTX_E_DENIED: that was not it.
 */
int tree_make_writable(struct tree *t, const struct place *p, const char *path);

/*
 * name in dir was made just now: without options.overwrite only what was made here may be given
 * other metadata.
 */
int tree_note_made(struct tree *t, int dir, const char *name);

/* The parent's entries have changed: it is synced by the next tree_sync(). */
int tree_touch_parent(struct tree *t, const char *path);

/* A name for a temporary entry of path, and the directory it is to be made in (borrowed). */
#define TREE_TEMP_BYTES 64u
int tree_temp(struct tree *t, const struct place *p, char name[static TREE_TEMP_BYTES]);
int tree_link_temp(struct tree *t, const struct place *p, char name[static TREE_TEMP_BYTES]);

/* What is at a path: 0, or FTX_E_NOT_FOUND, ...  Spans of *a lead into t until the next call. */
int tree_look(struct tree *t, const char *path, unsigned parts, struct attributes *a);

enum tree_state { /* offer_verdict.state */
		  TREE_ABSENT = 0,
		  TREE_PARTIAL = 1, /* said by who knows of partials, not by tree_compare() */
		  TREE_SAME = 2,
		  TREE_METADATA = 3, /* size, mtime or link target equal; mode, owner... or a
					directory's mtime are not */
		  TREE_DIFFERS = 4,
		  TREE_CONFLICT = 5, /* another type */
		  TREE_ERROR = 6,
};

/*
 * Compares what is there with what is wanted, as this side would store it: type; regular files by
 * size and mtime, links by their target; then metadata (metadata_differs()).  A directory or link
 * whose mtime alone differs is TREE_METADATA.  Never fails: v->state says TREE_ERROR.
 */
void tree_compare(struct tree *t, const char *path, const struct node *wanted,
		  struct offer_verdict *v);

/*
 * These return 0 or an error of this one entry; *flags: bits of item_status.flags (what was not
 * kept, and STATUS_NOTHING_DONE).
 */

/*
 * A directory, usable for its owner for the time being; its metadata is set when everything in it
 * is there, by tree_setmeta().  One that is there already is fine (STATUS_NOTHING_DONE);
 * FTX_E_CONFLICT where something else is.
 */
int tree_mkdir(struct tree *t, const char *path, const struct metadata *m, uint8_t *flags);

/* Over another link or a file only with options.overwrite; over a directory never. */
int tree_symlink(struct tree *t, const char *path, const char *target, const struct metadata *m,
		 uint8_t *flags);

/* path becomes a name of the inode of existing; STATUS_NOTHING_DONE where it is one. */
int tree_link(struct tree *t, const char *path, const char *existing, uint8_t *flags);

/*
 * The same, existing being a path of another tree on this file system.
 */
int tree_link_from(struct tree *t, const char *path, struct tree *other, const char *existing,
		   uint8_t *flags);

/* FTX_E_CONFLICT where it is not of m->type. */
int tree_setmeta(struct tree *t, const char *path, const struct metadata *m, uint8_t *flags);

/* A file, a link, or an empty directory; FTX_E_NOT_EMPTY, FTX_E_NOT_FOUND. */
int tree_remove(struct tree *t, const char *path);

/* Parents of to are made.  replace: a file or link that is there goes; a directory never. */
int tree_rename(struct tree *t, const char *from, const char *to, bool replace);

/* Makes all that was done durable, each directory once. */
int tree_sync(struct tree *t);

#endif
