/*
 * --atomic-set, --replace-set: what is put stays hidden until all of it is there (PROTOCOL.md,
 * "Sets").
 */
#ifndef CLIENT_SET_H
#define CLIENT_SET_H

#include "src/client/stream.h"

/* BEGIN on a stream's connection, where the run is of a set.  0, or an error in s->problem. */
int stream_begin_set(struct stream *s);

/* PUBLISH, when all else is done.  0, or an error in s->problem. */
int stream_publish_set(struct stream *s);

#endif
