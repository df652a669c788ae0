/*
 * get: what the files of it share.
 */
#ifndef CLIENT_GET_H
#define CLIENT_GET_H

#include "src/client/stream.h"

/*
 * Small files asked for by one FETCH, and where its answer has come to.  s->group takes the
 * content; what becomes of an entry is known when that is committed.
 */
struct wants {
	struct root *root;
	uint32_t count;
	size_t encoded;
	uint64_t bytes;
	uint64_t limit; /* larger files are not taken */
	struct wanted files[LIMIT_ENTRIES];
	struct entry *entries[LIMIT_ENTRIES];

	/* Of the answers, which come one after the other. */
	struct request *answering; /* NULL: none has begun */
	uint32_t next;		   /* the file whose next part comes */
	uint64_t offset;	   /* of that part */
	bool begun;		   /* the group has taken a part of it */
	int failed;		   /* why its content is not good */

	/* Files in the group, in its order. */
	struct entry *grouped[LIMIT_GROUP_ITEMS]; /* NULL: it did not come to its end */
	bool theirs[LIMIT_GROUP_ITEMS];		  /* dropped for what the server said or sent */
	bool wrong[LIMIT_GROUP_ITEMS];		  /* dropped, and to be asked for again */
	uint32_t grouped_count;

	struct entry *again; /* came wrong, once: by wrong_next */
};

/* Adds a small file, asking for those gathered when they are enough.  0 or why the stream is over.
 */
int fetch_file(struct stream *s, struct entry *e);

/* Asks for what is gathered. */
int fetch_flush(struct stream *s);

/* Asks once more for what has come wrong.  Not while an answer is taken in. */
int fetch_again(struct stream *s);

/* Publishes what has come; the entries are over then. */
void fetch_commit(struct stream *s);

/* The connection is gone: publishes what has come, and keeps the rest for another one. */
void fetch_lost(struct stream *s);

/* Where the partial of a file lies that comes from remote (SHARE/REST) to dir/name. */
void get_partial(const struct stream *s, const char *remote, int dir, const char *name,
		 struct upload_staging *staging);

#endif
