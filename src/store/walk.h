/*
 * Walking a tree: each directory in byte order of its names, complete before the directories in
 * it; so two walks, or a walk and a LIST, can be merged in fixed memory.
 *
 *	ENTER "", its entries in order (directories among them), then for each directory of it in
 *	order: ENTER "a", its entries, ..., LEAVE "a"; at last LEAVE "".
 *
 * Memory: the names of the directory that is being read, and of the directories still to be
 * entered along the way down.  Nothing is followed; what another process changes meanwhile can make
 * an entry's status an error, never lead elsewhere.  Used by LIST on the server and by the scanner
 * of a put.
 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

struct walk;

enum walk_kind {
	WALK_ENTER, /* path: of the directory relative to the top, "" first; st: its own */
	WALK_ENTRY, /* path and name: something in the current directory; st */
	WALK_ERROR, /* of the current directory (cannot be opened: right behind ENTER) or the entry
		       at path */
	WALK_LEAVE, /* the current directory has been read to its end or given up; path as of ENTER
		     */
	WALK_END,
};

struct walk_item {
	enum walk_kind kind;
	const char *path; /* relative to the top; borrowed until the next call */
	const char *name; /* last component of path; "" for the top */
	int dir; /* ENTER: the directory itself; ENTRY: the one it is in.  Borrowed until the next
		    call; -1 where it could not be opened.  An ordinary descriptor. */
	struct stat st; /* ENTER, ENTRY */
	int error;	/* ERROR: FTX_E_*, errno kept in errnum */
	int errnum;
	bool of_directory; /* ERROR: the directory itself, whose listing is then incomplete */
};

struct walk_options {
	bool recursive;	      /* false: the top only, its directories are not entered */
	bool follow;	      /* -L: links are looked through; one that leads nowhere is an ERROR,
				 one that leads to a directory above itself too */
	bool one_file_system; /* -x: mount points are entries, but not entered */
	bool refuse_mounts;   /* server: a mount point is an ERROR other_file_system, not entered */
	bool show_reserved;   /* ".ftx" and ".ftx-..." are shown too; else they are passed over and
				 counted */
	/*
	 * Is this one wanted?  Asked before anything is entered; false: as if it were not there.
	 * NULL: all.
	 */
	bool (*wanted)(void *arg, const char *path, bool is_directory);
	void *arg;
};

/*
 * top: a directory, duplicated; may be O_PATH.  0 or FTX_E_NOMEM, ...; a top that cannot be read is
 * ENTER, ERROR, LEAVE.
 */
int walk_new(struct walk **out, int top, const struct walk_options *options);
void walk_free(struct walk *w);

/* The next item; WALK_END again and again at the end.  0, or FTX_E_NOMEM: over. */
int walk_next(struct walk *w, struct walk_item *item);

/* Between ENTER and LEAVE: the rest of this directory and everything below it is passed over. */
void walk_skip(struct walk *w);

/* Names passed over because they are reserved. */
unsigned long walk_reserved(const struct walk *w);

#endif
