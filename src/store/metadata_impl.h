/*
 * What the files of metadata share: metadata.c (rules, questions), metadata_read.c,
 * metadata_apply.c.
 */
#ifndef STORE_METADATA_IMPL_H
#define STORE_METADATA_IMPL_H

#include "src/store/metadata.h"

/*
 * Classes of attributes (xattrs.h) that this side keeps of these parts, for an entry of this type.
 * The server gives files XATTR_USER and remembers the others.
 */
unsigned metadata_classes(const struct metadata_rules *rules, unsigned parts, uint8_t type);

/* The client's numbers for the owner and group of m: those of the names, where there are such. */
void metadata_ids(const struct metadata_rules *rules, const struct metadata *m, uint32_t *uid,
		  uint32_t *gid);

#endif
