/*
 * A regular file that is being read to be sent: by the client's put, by the server's READ.
 */
#ifndef STORE_SOURCE_H
#define STORE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/store/metadata.h"

struct source;

/*
 * Opens dir/leaf without following a link (a FIFO or device is never waited for).  FTX_E_IS_LINK,
 * FTX_E_NOT_REGULAR, FTX_E_CONFLICT (a directory), FTX_E_NOT_FOUND, FTX_E_DENIED, ...  dir is
 * borrowed until source_close().
 *
 * rules: what source_metadata() is read by, with these parts, borrowed until source_close(); NULL:
 * it is metadata_of() alone.
 */
int source_open_at(struct source **out, int dir, const char *leaf,
		   const struct metadata_rules *rules, unsigned parts);

/* Opens a path as the user typed it (AT_FDCWD): links are followed.  Borrows path until
 * source_close(). */
int source_open_path(struct source **out, const char *path, const struct metadata_rules *rules,
		     unsigned parts);
void source_close(struct source *s);

/* As of opening or of the last source_check(). */
const struct identity *source_identity(const struct source *s);
const struct metadata *source_metadata(const struct source *s);
uint64_t source_allocated(const struct source *s); /* st_blocks * 512 */
int source_fd(const struct source *s);

/*
 * What begins at offset, offset < end <= size: *length bytes of data or of a hole, 1..end - offset.
 * A hole is at least SOURCE_HOLE_BYTES long or reaches the file's end; a smaller one costs less as
 * zeros and counts as data, like everything where the file system cannot say.  The last answer is
 * kept, so asking for piece after piece of a long stretch is cheap, and a file whose disk space is
 * its size is never asked about.  Where the file changes meanwhile the answer may be outdated:
 * source_check() tells.
 */
#define SOURCE_HOLE_BYTES 16384u
int source_extent(struct source *s, uint64_t offset, uint64_t end, bool *hole, uint64_t *length);

/* Reads exactly length bytes; FTX_E_CHANGED where the file has become shorter. */
int source_read(struct source *s, uint64_t offset, void *data, size_t length);

/*
 * Has it stayed what it was?  FTX_E_CHANGED where size or mtime of the open file changed or its
 * name now leads to another inode, FTX_E_VANISHED where the name leads nowhere.  A change of ctime
 * alone (a link, a chmod) is taken over into source_metadata() and is 0.
 */
int source_check(struct source *s);

#endif
