/*
 * The scanner: one thread that finds out where each source lands, walks it (put) or reads its
 * listing (get), and queues what it finds in batches.
 *
 * Each directory is complete before the ones in it, so the directories that are not done with are
 * those above the current one.
 */
#ifndef CLIENT_SCAN_H
#define CLIENT_SCAN_H

#include "src/client/run.h"

/* Thread function; arg is a struct run.  At the end the work knows that all was scanned. */
void *scan_main(void *run);

struct scanner {
	struct run *run;
	struct root *root; /* that is being scanned */
	struct batch *batch;
	bool continues;				     /* the batch goes on with a directory */
	struct dirnode *above[LIMIT_PATH_DEPTH + 2]; /* the current directory and those above */
	size_t depth;
	uint64_t device;		     /* put: of the root, with -x */
	bool inside;			     /* get: the directory that is listed is wanted */
	char left_out[LIMIT_PATH_BYTES + 1]; /* get: the last directory that is not wanted */
	struct metadata_buffer buffer;
	char target[LIMIT_PATH_BYTES + 1];
};

/* What scan_put.c and scan_get.c need. */

/*
 * A directory is the current one from now on.  e: path, metadata, identity.  false: it is not below
 * one that was entered, or the end of the run.
 */
bool scan_enter(struct scanner *sc, const struct entry *e);

/* Something in the current directory, or the root itself where that is none. */
bool scan_add(struct scanner *sc, struct entry *e, uint64_t device, uint64_t links);

/* An entry that is not transferred: a device, a socket, a FIFO. */
void scan_skip(struct scanner *sc, const char *path, unsigned type);

/* Trouble with the entry at path; of_directory: it was not read to its end. */
void scan_fail(struct scanner *sc, const char *path, enum entry_type type, bool of_directory,
	       const struct problem *p);

/* --exclude, --files-from: is it to be transferred? */
bool scan_wants(struct scanner *sc, const char *path, bool is_directory);

/* The sources of a put, one after the other; of a get. */
void scan_put(struct scanner *sc);
void scan_get(struct scanner *sc);

/* A source is a directory, or there are several: which codes the run can end with. */
void scan_several(struct run *run);

/* The last of the root's entries was found. */
void scan_leave(struct scanner *sc);

#endif
