/*
 * Requests of a stream whose answers nobody waits for at once, in the order in which they were
 * sent, each with the items that its answer has a status of.
 */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "src/client/connection.h"
#include "src/client/entry.h"

struct stream;

enum request_kind {
	REQUEST_OFFER,	     /* answered into the batch's verdicts */
	REQUEST_MKDIR,	     /* of entries, or of directories above them: entries[i] NULL */
	REQUEST_SYMLINK,     /* of entries */
	REQUEST_SETMETA,     /* of entries */
	REQUEST_DIRECTORIES, /* SETMETA of directories */
	REQUEST_LINK,	     /* of names */
	REQUEST_COMMIT,	     /* of entries */
	REQUEST_FETCH,	     /* of entries; answered into the group */
};

struct request {
	struct request *next;
	enum request_kind kind;
	struct reply reply;
	struct stream *stream;
	struct batch *batch;
	uint32_t count;
	struct item_status *statuses; /* owned; as many as items were answered */
	void **items;		      /* owned: struct entry *, dirnode *, link_name * */
	uint64_t limit;		      /* FETCH: bytes of the largest file asked for */
};

struct request_list {
	struct request *first, *last;
};

/* With room for so many items and statuses.  NULL: out of memory. */
struct request *request_new(struct stream *s, enum request_kind kind, uint32_t room);
void request_free(struct request *r);
void request_list_free(struct request_list *list);

/* Appends r, which is in no list. */
void request_append(struct request_list *list, struct request *r);

/* Removes the first and returns it; NULL: there is none. */
struct request *request_first(struct request_list *list);

/*
 * Sends m for r and appends r, which is taken in any case.  0, or why the connection is over, in
 * the stream's problem.
 */
int request_send(struct request *r, const struct message *m);

/*
 * The oldest one that is answered, taken from the list, or NULL.  wait: until the oldest is
 * answered, if there is one.  *error: 0, or why the connection is over.
 */
struct request *request_take(struct stream *s, bool wait, int *error);

#endif
