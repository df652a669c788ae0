/*
 * What nobody has gone on with for long, in the server's staging (staging.h).
 */
#ifndef STORE_STAGING_EXPIRE_H
#define STORE_STAGING_EXPIRE_H

#include <stdint.h>

/* What was removed. */
struct staging_expired {
	uint64_t partials; /* and what belonged to none */
	uint64_t sets;
	uint64_t bytes;	 /* of both */
	uint64_t failed; /* what could not be removed */
};

/*
 * staging: SUBTREE/.ftx, borrowed.  Removes, of every client, partials with their journals and sets
 * that were last written to before before_s (seconds since 1970), and what sessions that died left.
 * What somebody has (its locks say so) stays, however old.  progress, which may be NULL, is called
 * now and then.  Adds to *expired.
 */
void staging_expire(int staging, int64_t before_s, struct staging_expired *expired,
		    void (*progress)(void *arg), void *arg);

#endif
