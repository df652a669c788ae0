/*
 * What the files of tree share: tree.c (the object, the cached directories, looking), tree_change.c
 * (what changes entries), tree_sync.c (what has to be synced), tree_modes.c (modes to be restored),
 * tree_made.c (what this tree made).
 */
#ifndef STORE_TREE_IMPL_H
#define STORE_TREE_IMPL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "src/store/tree.h"

/* A directory of the last path, kept open. */
struct tree_near {
	struct place place; /* dir -1: none */
	uint64_t since_ms;
	size_t length;
	char path[LIMIT_PATH_BYTES + 1]; /* of the directory; [length] is not its end */
};

/* Two, so that what needs two directories at once finds both kept open the next time. */
enum tree_slot { TREE_MAIN, TREE_OTHER, TREE_SLOTS };

enum { TREE_DIRTY_MAX = 4096, TREE_DIRTY_SLOTS = 2 * TREE_DIRTY_MAX };

struct tree_dirty {
	uint32_t offset; /* of the path in the arena */
	uint16_t length;
	bool is_file; /* it was a file at one time; else a directory */
};

/* A directory that was made writable for its owner: what it gets back. */
struct tree_saved {
	dev_t dev;
	ino_t ino;
	mode_t before;
	mode_t given;
};

/* What is to be synced: paths, each once. */
struct tree_unsynced {
	uint16_t index[TREE_DIRTY_SLOTS]; /* number of a dirty entry plus 1; 0: free */
	struct tree_dirty dirty[TREE_DIRTY_MAX];
	uint32_t count;
	char *arena;
	size_t arena_used, arena_size;
	struct tree_saved *saved;
	size_t saved_count, saved_size;
	int error; /* of a sync before its time: the next tree_sync() answers it */
};

struct tree_made;

struct tree {
	struct tree_options options;
	struct tree_near near[TREE_SLOTS];
	struct tree_unsynced unsynced;
	struct tree_made *made; /* NULL: nothing yet */
	char run[17];		/* random hex digits */
	uint64_t temp_count;
	int link_temp; /* borrowed; -1: none */
	struct metadata_buffer buffer;
	char target[LIMIT_PATH_BYTES + 1];
};

/* tree.c */

/* As tree_parent(), in one of the two slots. */
int tree_parent_in(struct tree *t, enum tree_slot slot, const char *path, bool make,
		   const struct place **p);

/* fstatat of what p names.  0 or the error of errno. */
int tree_stat(const struct place *p, struct stat *st);

/* The target of a link into t->target, terminated.  FTX_E_TOO_LARGE beyond LIMIT_PATH_BYTES. */
int tree_read_link(struct tree *t, const struct place *p, size_t *length);

/* An operation on path that may have to be tried again. */
struct tree_attempt {
	enum tree_slot slot;
	const char *path;
	bool make;
	const struct place *p; /* set by tree_attempt() */
	bool walked_again, made_writable;
};
int tree_attempt(struct tree *t, struct tree_attempt *a);

/*
 * A call on a->p has just failed; may it be tried once more?  Yes after ENOENT, when the directory
 * was walked to afresh, and after EACCES, when the directory was made writable.  No: errno is
 * still that of the call.
 */
bool tree_attempt_again(struct tree *t, struct tree_attempt *a);

/* tree_sync.c */
int tree_unsynced_add(struct tree *t, const char *path, size_t length, bool is_file);

/* tree_sync() without leaving the directories that are kept open. */
int tree_sync_now(struct tree *t);

/* Restores modes and frees. */
void tree_unsynced_end(struct tree *t);

/* tree_modes.c */
/* Gives an open directory its mode back where it was saved; what somebody else gave it stays. */
int tree_restore_mode(const struct tree *t, int fd, const struct stat *st);

/* A directory's mode was set for good: it is not restored. */
void tree_forget_saved(struct tree *t, const struct stat *st);

/* tree_made.c */
/* Was it made here?  name "": dir itself.  Of more than 65,536 the oldest are forgotten. */
bool tree_is_made(const struct tree *t, int dir, const char *name);
void tree_made_free(struct tree_made *made);

#endif
