/*
 * What files take: how much lies below a directory, and how that changes.
 *
 * A file holds its size, or what it occupies on the disk where that is less (holes); a directory
 * holds nothing.  Each inode is one file, directories and links too, however many names it has.
 */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct usage {
	uint64_t bytes;
	uint64_t files;
};

/* Of one inode. */
struct usage usage_of(const struct stat *st);

/* What somebody has changed, for who counts.  It never runs over. */
struct usage_tally {
	struct usage made; /* directories that nobody asked for by name */
	struct usage gone;
};

/* tally may be NULL in both. */
void usage_note_made(struct usage_tally *tally, uint64_t directories);
/* A name of this inode was removed or replaced; counts where it was the last one. */
void usage_note_gone(struct usage_tally *tally, const struct stat *st);

/* One directory that is to be counted. */
struct usage_count {
	const char *path;    /* relative to the top; "": the top itself */
	struct usage usage;  /* of everything below it, it itself not included */
	uint64_t unread;     /* what could not be looked into or at, and so is not counted */
	uint64_t bytes_rest; /* 2^-32 of a byte, of a file: shares of inodes with several names */
	uint64_t files_rest;
	bool met; /* the walk has been there */
};

/* The order of counts: a directory stands right before what is below it. */
int usage_compare_paths(const char *a, const char *b);

struct usage_walk {
	/* Now and then while it goes on. */
	void (*progress)(void *arg);
	/* One of counts is ready. */
	void (*counted)(void *arg, const struct usage_count *count);
	void *arg;
};

/*
 * Counts what is below each of counts[0..n), which are in order and zero but for their paths, in
 * one walk from top (borrowed; may be O_PATH).  One that is not there has nothing.  Each of the k
 * names of an inode counts a k-th of it: no memory is needed for those that were met.  Links are
 * not followed, other mounts not entered; hidden staging (staging.h) is counted but for the
 * directories and journals that the server needs by itself.  Memory: a descriptor and a buffer for
 * each level.  0, or why the top cannot be read: then nothing is counted.
 */
int usage_walk(int top, struct usage_count *counts, size_t n, const struct usage_walk *walk);

#endif
