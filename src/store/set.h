/*
 * A set: a directory that is filled out of sight and published by one rename (PROTOCOL.md, "Sets").
 *
 * It is STAGING/ID, where STAGING is SUBTREE/.ftx/CLIENT/set and ID hex
 * BLAKE2b-128("ftx1 set" | destination), with a file ID.lock in LOCKS, which is
 * SUBTREE/.ftx/CLIENT/up: in the staging of sets a confined session can write to no file.  It holds
 *
 *	 0	 8  magic "ftx1set\n"
 *	 8	16  session id of the run that fills the set
 *	24	 8  inode number of the directory, little endian
 *	32	 8  XXH3-64 of the 32 bytes before it
 *
 * and two OFD locks.  Byte 0 is locked shared by every session that has the set, so who gets it
 * exclusively knows that the run is dead, and goes on with what it left.  Byte 1 is locked shared
 * by a session while it may change what is in the set, and exclusively for publishing: afterwards
 * the directory is one that everybody sees, and who still has a descriptor of it must not use it
 * any more.  A directory with another inode number is not the set, but the old tree that an
 * exchange has brought there: it is removed.
 *
 * Old trees are moved aside, as ID.RANDOM.old, and removed; what a death leaves of them is removed
 * by the next set_begin() in this staging.
 */
#ifndef STORE_SET_H
#define STORE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "src/store/upload.h"

enum set_mode {
	SET_NEW,      /* the destination must not exist */
	SET_EXCHANGE, /* a directory that is there is replaced as a whole */
};

struct set_options {
	int root;		 /* borrowed until set_end(): what destination is relative to */
	const char *destination; /* passes path_check(); copied */
	enum set_mode mode;
	/* Borrowed until set_end(), ordinary descriptors on one file system; may be the same. */
	int staging;	  /* where sets are */
	const char *node; /* as in struct upload_staging; each node has sets of its own; borrowed */
	int locks;	  /* where their lock files are */
	uint8_t session_id[16];
	struct usage_tally *tally; /* borrowed until set_end(): told what is removed and made */
	/* Called before a call that may take long, and now and then in long work; may be NULL. */
	void (*before_long_call)(void *arg);
	void *arg;
};

struct set;

/*
 * Makes the set, joins this run's, or takes over that of a dead run.  FTX_E_SET_EXISTS (the
 * destination, mode new), FTX_E_CONFLICT and FTX_E_IS_LINK (it is no directory, mode exchange),
 * FTX_E_UNSUPPORTED (there is one, and the file system cannot exchange), FTX_E_BUSY where another
 * run fills it, FTX_E_OTHER_FILE_SYSTEM, ...
 */
int set_begin(struct set **out, const struct set_options *options);

/* Leaves the set as it is for the next run; an empty one is removed by the last.  NULL allowed. */
void set_end(struct set *s);

const char *set_id(const struct set *s);

/* The set's directory, borrowed; an ordinary descriptor. */
int set_directory(const struct set *s);

/* The present destination, O_PATH and borrowed; -1 where there is none or mode is new. */
int set_like(const struct set *s);

/*
 * Around everything that may change what is in the set.  FTX_E_VANISHED: it was published by
 * another session; nothing but set_end() is then allowed.
 */
int set_hold(struct set *s);
void set_let_go(struct set *s);

/*
 * Gives it its name.  Everything in it is made durable before (the file system is synced), the name
 * behind it.  0: done, only set_remove_old() and set_end() may follow.  FTX_E_BUSY where other
 * sessions still change it after 5 s, FTX_E_SET_EXISTS, FTX_E_CONFLICT, FTX_E_IS_LINK,
 * FTX_E_UNSUPPORTED where the file system cannot exchange, ...: the set is as it was.
 */
int set_publish(struct set *s);

/* Removes the tree that was exchanged; what cannot be removed stays in the staging.  The first
 * error. */
int set_remove_old(struct set *s);

#endif
