/*
 * What the files of set share: set.c (finding, locking and beginning it) and set_publish.c.
 */
#ifndef STORE_SET_IMPL_H
#define STORE_SET_IMPL_H

#include <stddef.h>

#include "src/store/set.h"

enum { SET_NAME_BYTES = 64 };

/* Bytes of the lock file, and what their locks say. */
enum set_lock { SET_MEMBERS = 0, SET_CHANGING = 1 };

struct set {
	struct set_options options;
	char *destination; /* owned; options.destination too */
	char id[UPLOAD_ID_BYTES];
	char lock_name[SET_NAME_BYTES];
	int lock;		  /* -1: not open */
	int dir;		  /* -1: not open */
	int like;		  /* -1: none */
	bool done;		  /* published, by this session or another */
	char old[SET_NAME_BYTES]; /* the tree that was exchanged, moved aside; "": none */
};

/* Takes or changes a lock (F_RDLCK, F_WRLCK).  FTX_E_BUSY where it is not free within wait_ms. */
int set_lock(struct set *s, enum set_lock what, short type, uint64_t wait_ms);

/*
 * What is at the destination: *like is opened (O_PATH, owned) where it is a directory that mode
 * exchange replaces, else -1.  Errors as of set_begin().
 */
int set_look_at_destination(const struct set *s, int *like);

/* Can the file system exchange two names?  0, FTX_E_UNSUPPORTED, or what else stands against it. */
int set_can_exchange(const struct set *s);

/* A name for an old tree of this set, of no other one. */
int set_old_name(const struct set *s, char old[static SET_NAME_BYTES]);

/* Moves STAGING/ID aside, to such a name. */
int set_move_aside(const struct set *s, char old[static SET_NAME_BYTES]);

#endif
