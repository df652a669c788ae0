/*
 * put: what the files of it share.
 */
#ifndef CLIENT_PUT_H
#define CLIENT_PUT_H

#include "src/client/stream.h"

/*
 * Opens the entry's file, which is regular; where it is not any more what the scanner saw, the
 * entry is brought up to date.  0, or an error in s->problem.
 */
int put_open(struct stream *s, struct entry *e, int *fd);

/*
 * The same as a source, for reading it in pieces.  *path is owned by the caller and lives as long
 * as the source.  No other file of the stream is looked for meanwhile.  0, or an error in
 * s->problem.
 */
int put_source(struct stream *s, const struct entry *e, struct source **source, char **path);

/* Standard input or a command's output, as the run's only source.  0, or why the stream is over. */
int put_input(struct stream *s);

/* Looks at the answers that are there; wait: at one at least.  0, or why the connection is over. */
int put_take_answers(struct stream *s, bool wait);

/* HAVE of a file of so many blocks, into s->have.  0 or FTX_E_PROTOCOL. */
int put_take_have(struct stream *s, const struct message_have *m, uint64_t blocks);

/* What is at this one place, seen from n.  0, or an error in s->problem. */
int put_offer(struct stream *s, struct span base, const struct node *n, struct offer_verdict *v);

/* The digest of a file of so many bytes whose blocks have these. */
struct digest put_digest(struct stream *s, uint64_t size, const struct digest *blocks,
			 uint64_t count);

/* Puts the entry on the list of big files.  0, or FTX_E_NOMEM in s->problem. */
int put_as_big(struct stream *s, struct entry *e);

#endif
