/*
 * What is to be done, between the scanner and the streams, under one lock.
 *
 * The scanner pushes batches, at most so many; streams take them.  What follows from finished
 * entries (big files of a batch, metadata of directories, links) bypasses that bound: there is
 * never more of it than entries in flight.
 *
 * The end: the scanner is done and nothing is pending.  work_stop() ends it for everybody at once.
 */
#ifndef CLIENT_WORK_H
#define CLIENT_WORK_H

#include <pthread.h>

#include "src/client/big.h"
#include "src/client/dirnode.h"
#include "src/client/links.h"

#define WORK_BATCHES 8u /* that the scanner may be ahead */

struct work {
	pthread_mutex_t lock;
	pthread_cond_t changed;	    /* for streams: there may be something to take */
	pthread_cond_t room;	    /* for the scanner: one batch less is queued */
	pthread_cond_t idle;	    /* nothing is left to do, or it is stopped */
	struct batch *first, *last; /* queued */
	unsigned queued;
	struct chain *chain;		    /* of the last one pushed */
	struct big *waiting, *waiting_last; /* big files that no stream has begun */
	struct big *active;		    /* that at least one works on */
	struct dirnode *directories;	    /* ready for their metadata */
	struct link_name *names;	    /* ready to be linked */
	struct links *links;
	struct live live_batches, live_directories, live_names, live_bigs;
	uint64_t pending; /* batches, directories and links that are not over */
	bool scanned, stopped;
};

/* 0 or FTX_E_NOMEM. */
int work_init(struct work *w);
void work_release(struct work *w);

/* Nothing more is taken or taken in; everybody who waits is told. */
void work_stop(struct work *w);
bool work_stopped(struct work *w);

/* Waits until nothing is left to do or it is stopped (true), or until until_ms of clock_ms(). */
bool work_wait_idle(struct work *w, uint64_t until_ms);

/* The scanner's side. */

/*
 * Takes the batch, after waiting for room.  continues: it goes on with the directory that the one
 * before ended in.  false: stopped.
 */
bool work_push(struct work *w, struct batch *b, bool continues);

/* Is there no batch that a stream could take? */
bool work_is_hungry(struct work *w);

/*
 * A directory is entered; it is then pending until work_leave() and until everything in it is
 * over.
 */
void work_enter(struct work *w, struct dirnode *d);
void work_leave(struct work *w, struct dirnode *d);

/* The entry, of a batch that is not pushed yet, is one more in its directory (of one: its own). */
void work_expect(struct work *w, struct entry *e);

/*
 * What to do with a file that has several names: *first set: transfer it as the first one;
 * otherwise it will be linked and is nothing for a batch.  0 or FTX_E_NOMEM.
 */
int work_meet_link(struct work *w, struct root *root, uint64_t device, uint64_t names,
		   const struct entry *e, struct link_group **first);

void work_scanned(struct work *w);

/* The streams' side. */

enum work_kind {
	WORK_NONE, /* at the moment */
	WORK_END,
	WORK_BATCH,
	WORK_BIG,	  /* nobody has begun it */
	WORK_SEGMENTS,	  /* others are at it */
	WORK_DIRECTORIES, /* a list, by next */
	WORK_NAMES,	  /* a list, by next */
};

struct work_item {
	enum work_kind kind;
	struct batch *batch;
	struct big *big;
	struct dirnode *directories;
	struct link_name *names;
};

/* wait: until there is something or the end. */
void work_take(struct work *w, int stream, bool wait, struct work_item *item);

/* No more of this batch's names are made by this stream. */
void work_batch_done(struct work *w, struct batch *b);

/* Of a batch that was done entries are to be worked on once more; one at least is not over. */
void work_batch_again(struct work *w, struct batch *b);

/* This stream works on it no more; whoever comes first does, before any new one. */
void work_return_batch(struct work *w, struct batch *b);

/* The same for lists of what else was taken. */
void work_return_directories(struct work *w, struct dirnode *d);
void work_return_names(struct work *w, struct link_name *n);

/*
 * The stream's connection is lost: of what it has made nobody knows whether it is there, and its
 * next connection is none that has made it.
 */
void work_forget_made(struct work *w, int stream);

void work_add_big(struct work *w, struct big *b);

/*
 * b->todo is there; others may take segments of it, where helpers says so.  first_sent: its first
 * block needs nobody any more.
 */
void work_big_opened(struct work *w, struct big *b, bool helpers, bool first_sent);

/* The next stretch to be moved; count 0: none is left, or the file has failed. */
void work_next_segment(struct work *w, struct big *b, struct segment *out);

/*
 * The first failure counts; nobody gets a segment any more.  lost: a connection was, and the file
 * can be gone on with.
 */
void work_big_fail(struct work *w, struct big *b, const struct problem *p, bool lost);

/* The last one at it has lost its connection: whoever comes first goes on, as with a new one. */
void work_big_return(struct work *w, struct big *b);

/*
 * The caller has found no segment.  false: others are still at it; the caller puts its handle away,
 * then calls work_big_left().  true: the caller is the last one, and everybody else's handle is
 * away: it commits or clears up, then calls work_big_over(), which frees b.
 */
bool work_big_leave(struct work *w, struct big *b);
void work_big_left(struct work *w, struct big *b);
void work_big_over(struct work *w, struct big *b);

/* The last one begins it anew; what was counted of it stays counted. */
void work_big_again(struct work *w, struct big *b);

/* Before its result is told, with which its entry goes: nobody looks at that any more. */
void work_big_concluded(struct work *w, struct big *b);

/* What is being moved now (work_current.c). */
struct transfer_current;
void work_current(struct work *w, struct transfer_current *c);

/*
 * The entry is over.  touched: something was made or replaced in its directory (of a directory:
 * its own metadata is to be set).
 */
void work_entry_over(struct work *w, struct entry *e, bool touched, bool failed);
void work_directory_over(struct work *w, struct dirnode *d);
void work_name_over(struct work *w, struct link_name *n, bool touched);

/*
 * d and those above it that are not known to be there, the highest first, at most room of them (the
 * highest).  Returns how many.
 */
size_t work_unmade(struct work *w, struct dirnode *d, struct dirnode **list, size_t room);
/* d is there; stream: that has made it, -1: it was there. */
void work_set_made(struct work *w, struct dirnode *d, int stream);
void work_set_absent(struct work *w, struct dirnode *d);

/* Was it, or one above it, absent before this run? */
bool work_is_absent(struct work *w, struct dirnode *d);

#endif
