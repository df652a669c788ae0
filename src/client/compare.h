/*
 * -c: content is compared where time and size alone would decide, by keyed digests of both ends
 * over the stream's connection (PROTOCOL.md, "Content").
 */
#ifndef CLIENT_COMPARE_H
#define CLIENT_COMPARE_H

#include "src/client/stream.h"

/*
 * Corrects the verdicts of a batch's files that are as long at both ends: equal content is
 * TREE_SAME or TREE_METADATA, other content TREE_DIFFERS.  A file that cannot be read is left as it
 * was, to fail when it is transferred.  0, or why the stream is over, in its problem.
 */
int compare_content(struct stream *s, struct batch *b);

#endif
