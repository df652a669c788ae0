/*
 * Removing a directory with everything in it.
 */
#ifndef STORE_REMOVE_TREE_H
#define STORE_REMOVE_TREE_H

#include "src/store/usage.h"

/*
 * Depth first, never through a link and never into another mount.  Directories that their owner may
 * not write in are made writable.  Goes on behind what cannot be removed; the first error.  What is
 * gone already is none.  progress, which may be NULL, is called for every entry; tally, which may
 * be NULL, is told what has gone.
 */
int remove_tree(int parent, const char *name, void (*progress)(void *arg), void *arg,
		struct usage_tally *tally);

#endif
