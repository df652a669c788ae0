/*
 * What the server remembers of an entry because it may not apply it: the xattr user.ftx.meta.
 *
 * Version 2, little endian: u8 2, u16 the full mode, u16 the mode that was given in its place, u8
 * flags (bit 0: an owner follows), the owner: u32 uid, u32 gid, u32 and u32 the owner and group
 * that the entry had in their place, u16 length and name of the user, the same of the group; then
 * packed attributes (xattrs.h) up to the end.  Version 1 ends behind the two modes.
 *
 * What is remembered counts as long as the entry still is what it was given in its place: somebody
 * who changes the mode on the server by hand voids mode, ACLs and attributes, and with another
 * owner or group the remembered owner.
 */
#ifndef STORE_REMEMBERED_H
#define STORE_REMEMBERED_H

#include <sys/stat.h>

#include "src/store/xattrs.h"

struct remembered {
	bool has_owner;
	uint16_t mode, applied;
	uint32_t uid, gid;
	uint32_t own_uid, own_gid;
	struct span user, group;
	struct span packed; /* without user.* */
};

/* The value, read. */
struct remembered_value {
	uint8_t first[256]; /* most are short */
	uint8_t *more;	    /* owned, NULL: in first */
};
void remembered_value_release(struct remembered_value *v);

/*
 * Reads what is remembered at p of the entry that st describes, as far as it counts; r borrows from
 * v, which is to be released.  Nothing (also where it cannot be read or makes no sense): mode and
 * applied are those of st, has_owner is not set.  0, FTX_E_NOMEM or the error of errno.
 */
int remembered_read(const struct xattr_place *p, const struct stat *st, struct remembered *r,
		    struct remembered_value *v);

/*
 * Writes it in place of what was remembered.  0 with *kept, or the error of errno.  Where it is not
 * kept, what was remembered before goes, but for fresh, which had nothing.
 */
int remembered_write(int fd, const struct remembered *r, bool fresh, bool *kept);

/* Nothing is remembered any more.  0 or the error of errno. */
int remembered_remove(int fd);

/* Does this file system hold such a thing?  Tried on an open file. */
bool remembered_possible(int fd);

#endif
