/* What the tests of holes share: files of known content with holes in it. */
#ifndef TESTS_STORE_SPARSE_H
#define TESTS_STORE_SPARSE_H

#include "store_helpers.h"

/* A file of content seed but for its holes, ascending; one of length 0 ends them. */
struct sparse {
	uint64_t size;
	struct range holes[4];
	unsigned seed;
};

uint64_t least(uint64_t a, uint64_t b);
uint64_t sparse_blocks(const struct sparse *f);

/* Blocks first..end as if they had been sent alone. */
struct digest sparse_digest(const struct sparse *f, uint64_t first, uint64_t end);

/* Is this the file in the room? */
bool sparse_is(const char *name, const struct sparse *f);

/* Bytes that it may take on the disk: whole pages of 4 KiB. */
uint64_t sparse_most_on_disk(const struct sparse *f);

/* An upload that is not preallocated; strict: beside the destination. */
struct upload_options sparse_upload(const struct sparse *f, bool strict);

/* One chunk as data, also where it is a hole. */
int send_data(struct upload *u, const struct sparse *f, uint64_t offset, uint64_t length);

/* As a client does: chunks of data, holes as one each.  from and to are ends of blocks. */
int send_sparse(struct upload *u, const struct sparse *f, uint64_t from, uint64_t to);

/* Commits with the digest of blocks first..end. */
int commit_sparse(struct upload *u, const struct sparse *f, uint64_t first, uint64_t end);
void put_sparse(const struct upload_options *o, const struct sparse *f);

#endif
