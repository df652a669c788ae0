#include "src/store/remembered.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "proto/errors.h"
#include "src/store/metadata.h"

static const char xattr_name[] = "user.ftx.meta";

enum {
	VERSION_1 = 1,
	VERSION_2 = 2,
	HAS_OWNER = 1,
	HEAD_BYTES = 1 + 2 + 2 + 1,
	OWNER_BYTES = 4 * 4 + 2 * (2 + LIMIT_OWNER_BYTES),
	VALUE_MOST = 65536, /* XATTR_SIZE_MAX of the kernel */
};

static int
get_name(struct get_cursor *c, struct span *name)
{
	uint16_t length;

	if (get_u16(c, &length) != 0 || length > LIMIT_OWNER_BYTES)
		return FTX_E_PROTOCOL;
	name->length = length;
	return get_borrowed(c, &name->data, length);
}

static int
get_owner(struct get_cursor *c, struct remembered *r)
{
	return get_u32(c, &r->uid) != 0 || get_u32(c, &r->gid) != 0 ||
		       get_u32(c, &r->own_uid) != 0 || get_u32(c, &r->own_gid) != 0 ||
		       get_name(c, &r->user) != 0 || get_name(c, &r->group) != 0
		   ? FTX_E_PROTOCOL
		   : 0;
}

/* What is on the disk may be anybody's: it is checked like what comes from a peer. */
static int
parse(const uint8_t *value, size_t length, struct remembered *r)
{
	struct get_cursor c = get_cursor_over(value, length);
	uint8_t version, flags;

	*r = (struct remembered){0};
	if (get_u8(&c, &version) != 0 || get_u16(&c, &r->mode) != 0 ||
	    get_u16(&c, &r->applied) != 0 || r->mode > 07777)
		return FTX_E_PROTOCOL;
	if (version == VERSION_1)
		return get_end(&c);
	if (version != VERSION_2 || get_u8(&c, &flags) != 0 || (flags & ~HAS_OWNER) != 0)
		return FTX_E_PROTOCOL;
	r->has_owner = (flags & HAS_OWNER) != 0;
	if (r->has_owner && get_owner(&c, r) != 0)
		return FTX_E_PROTOCOL;
	r->packed = (struct span){c.next, c.left};
	if (c.left > LIMIT_XATTRS_BYTES || (xattrs_classes(&r->packed) & XATTR_USER) != 0)
		return FTX_E_PROTOCOL;
	return xattrs_check(&r->packed);
}

/* What no longer counts goes. */
static void
judge(struct remembered *r, const struct stat *st)
{
	if (r->applied != (st->st_mode & 07777)) {
		r->mode = r->applied = (uint16_t)(st->st_mode & 07777);
		r->packed = (struct span){0};
	}
	if (r->own_uid != st->st_uid || r->own_gid != st->st_gid)
		r->has_owner = false;
}

void
remembered_value_release(struct remembered_value *v)
{
	free(v->more);
	v->more = NULL;
}

int
remembered_read(const struct xattr_place *p, const struct stat *st, struct remembered *r,
		struct remembered_value *v)
{
	uint16_t mode = (uint16_t)(st->st_mode & 07777);
	uint8_t *value = v->first;
	ssize_t got;

	v->more = NULL;
	got = xattr_get(p, xattr_name, v->first, sizeof(v->first));
	if (got < 0 && errno == ERANGE) {
		value = v->more = malloc(VALUE_MOST);
		if (value == NULL)
			return FTX_E_NOMEM;
		got = xattr_get(p, xattr_name, value, VALUE_MOST);
	}
	if (got < 0 && !xattrs_unreadable(errno))
		return error_from_errno(errno);
	if (got < 0 || parse(value, (size_t)got, r) != 0)
		*r = (struct remembered){.mode = mode, .applied = mode};
	judge(r, st);
	return 0;
}

static int
put_name(struct put_cursor *c, const struct span *name)
{
	assert(name->length <= LIMIT_OWNER_BYTES);
	return put_u16(c, (uint16_t)name->length) != 0 ? FTX_E_TOO_LARGE
						       : put_bytes(c, name->data, name->length);
}

static int
build(struct put_cursor *c, const struct remembered *r)
{
	bool ok = put_u8(c, VERSION_2) == 0 && put_u16(c, r->mode) == 0 &&
		  put_u16(c, r->applied) == 0 && put_u8(c, r->has_owner ? HAS_OWNER : 0) == 0;

	if (ok && r->has_owner)
		ok = put_u32(c, r->uid) == 0 && put_u32(c, r->gid) == 0 &&
		     put_u32(c, r->own_uid) == 0 && put_u32(c, r->own_gid) == 0 &&
		     put_name(c, &r->user) == 0 && put_name(c, &r->group) == 0;
	return ok && put_bytes(c, r->packed.data, r->packed.length) == 0 ? 0 : FTX_E_TOO_LARGE;
}

int
remembered_remove(int fd)
{
	if (fremovexattr(fd, xattr_name) == 0 || errno == ENODATA)
		return 0;
	/* Where it cannot be removed it could not be set either. */
	return xattrs_not_kept(errno) ? 0 : error_from_errno(errno);
}

int
remembered_write(int fd, const struct remembered *r, bool fresh, bool *kept)
{
	uint8_t small[HEAD_BYTES + OWNER_BYTES];
	size_t room = sizeof(small) + r->packed.length;
	uint8_t *value = r->packed.length > 0 ? malloc(room) : small;
	struct put_cursor c = put_cursor_over(value, room);
	int result = 0;

	*kept = false;
	if (value == NULL)
		return FTX_E_NOMEM;
	result = build(&c, r);
	assert(result == 0);
	*kept = fsetxattr(fd, xattr_name, value, room - c.left, 0) == 0;
	if (!*kept && !xattrs_not_kept(errno))
		result = error_from_errno(errno);
	if (value != small)
		free(value);
	if (!*kept && result == 0 && !fresh)
		result = remembered_remove(fd);
	return result;
}

bool
remembered_possible(int fd)
{
	static const uint8_t value[] = {VERSION_1};

	/* Without space it may be possible later. */
	return fsetxattr(fd, xattr_name, value, sizeof(value), 0) == 0 ||
	       (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM && errno != EACCES);
}
