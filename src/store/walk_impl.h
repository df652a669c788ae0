/*
 * What the files of walk share: walk.c (the way through the tree), walk_names.c (the names of one
 * directory).
 */
#ifndef STORE_WALK_IMPL_H
#define STORE_WALK_IMPL_H

#include <dirent.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/store/mount.h"
#include "src/store/walk.h"

enum { WINDOW = 4096, DENTS_BYTES = 65536, INODE_BYTES = sizeof(uint64_t) };

enum phase {
	FRAME_OPENED, /* ENTER was said, nothing is read */
	FRAME_LISTING,
	FRAME_DESCENDING, /* order[next..kept): directories to be entered */
	FRAME_LEFT,
};

struct frame {
	int fd; /* -1: could not be opened */
	enum phase phase;
	int error, errnum; /* of the directory itself, not said yet */
	dev_t dev;
	ino_t ino;
	size_t path_length;
	char *arena; /* inode number, name, terminator; and again */
	size_t arena_length, arena_room;
	uint32_t *order;
	uint32_t count, next, kept;
};

/* What was found at a name. */
struct looked {
	struct stat st;
	int errnum; /* 0: st counts */
};

struct visit { /* in which order a window is looked at */
	uint64_t inode;
	uint32_t position;
};

struct walk {
	struct walk_options options;
	struct mount mount; /* of the top */
	bool started;
	bool over; /* out of memory */
	unsigned long reserved;
	unsigned depth; /* frames in use */
	struct frame frames[LIMIT_PATH_DEPTH + 1];
	char path[LIMIT_PATH_BYTES + 1 + LIMIT_NAME_BYTES + 1];
	uint32_t window_from, window_end; /* positions in order of the frame that is listed */
	struct looked looked[WINDOW];
	struct visit visits[WINDOW];
	_Alignas(struct dirent64) uint8_t dents[DENTS_BYTES];
};

static inline const char *
walk_name_at(const struct frame *f, uint32_t position)
{
	return f->arena + f->order[position] + INODE_BYTES;
}

/*
 * walk_names.c
 *
 * Reads all names.  What the disk refuses is the directory's error; only FTX_E_NOMEM is returned.
 */
int walk_read_names(struct walk *w, struct frame *f);

/* Looks at the names from f->next on, as many as the window holds. */
void walk_look_ahead(struct walk *w, const struct frame *f);

/* All entries were given out: lets go of the names that are not needed any more. */
void walk_begin_descent(struct frame *f);

void walk_frame_release(struct frame *f);

#endif
