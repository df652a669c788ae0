/*
 * A directory of this end beside one of the server: a walk and a recursive listing, which have one
 * order (walk.h, listing.h), as one sequence, in fixed memory.
 *
 *	ENTER "", the entries of both in order of their names; then for each directory of either, in
 *	order: ENTER "a", its entries, ...; at last END.
 *
 * What only one end has is entered too, and so is all below it.
 */
#ifndef CLIENT_MERGE_H
#define CLIENT_MERGE_H

#include "src/client/listing.h"
#include "src/store/walk.h"

struct merge;

enum merge_kind {
	MERGE_ENTER, /* a directory: of both ends, or of the one that is not NULL */
	MERGE_ENTRY, /* something in it; here may be a WALK_ERROR, there a LISTING_ERROR */
	MERGE_ERROR, /* of the directory entered last: what here or there says of it is incomplete
		      */
	MERGE_END,
};

/* Everything in it is borrowed until the next call. */
struct merge_item {
	enum merge_kind kind;
	const char *path;		  /* relative to both tops; "" for them themselves */
	const struct walk_item *here;	  /* NULL: this end has nothing of that name */
	const struct listing_line *there; /* NULL: the server has not */
};

/* Both are borrowed until merge_free(), new, and walk_next() and listing_next() are left to it. */
struct merge *merge_new(struct walk *here, struct listing *there); /* NULL: out of memory */
void merge_free(struct merge *m);

/*
 * The next item; MERGE_END again and again at the end.  0, or the error that ends it, in p.  After
 * an ENTER that is here walk_skip() passes over the rest of that directory of this end.
 */
int merge_next(struct merge *m, struct merge_item *item, struct problem *p);

#endif
