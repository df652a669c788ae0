/*
 * The order: owner (a chown clears setuid bits and capabilities), user.* (which need a mode that
 * lets their owner write), mode, ACLs and the rest (an ACL is kept with the group bits of the mode
 * as its mask), and last the mtime.  The server first remembers what it will not apply.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/metadata_impl.h"
#include "src/store/remembered.h"

enum { NSEC_PER_S = 1000000000 };

static bool
is_not_kept(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EPERM || errnum == EACCES || errnum == ENOSYS;
}

/* Bits of enum status_flag for classes of attributes that were lost. */
static uint8_t
status_of(unsigned lost)
{
	return (
	    uint8_t)(((lost & (XATTR_USER | XATTR_PRIVILEGED)) != 0 ? STATUS_XATTRS_NOT_KEPT : 0) |
		     ((lost & (XATTR_ACL | XATTR_DEFAULT_ACL)) != 0 ? STATUS_ACLS_NOT_KEPT : 0));
}

static void
times_of(struct timespec times[2], const struct metadata *m)
{
	assert(m->mtime_ns < NSEC_PER_S);
	times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
	times[1] = (struct timespec){.tv_sec = m->mtime_s, .tv_nsec = (long)m->mtime_ns};
}

/* What was sent and is of a class that this side does not have. */
static unsigned
not_for_us(const struct metadata *m, unsigned classes)
{
	unsigned meant = 0;

	if (m->xattrs.length == 0)
		return 0;
	if ((m->flags & METADATA_XATTRS) != 0)
		meant |= XATTR_USER | XATTR_PRIVILEGED;
	if ((m->flags & METADATA_ACLS) != 0)
		meant |= XATTR_ACL;
	return xattrs_classes(&m->xattrs) & meant & ~classes;
}

/* Attributes of these classes, onto the open file. */
static int
give(int fd, const struct metadata *m, unsigned classes, bool fresh, uint8_t *flags)
{
	const struct xattr_place place = {.fd = fd};
	unsigned lost = 0;
	int r = classes != 0 ? xattrs_apply(&place, &m->xattrs, classes, fresh, &lost) : 0;

	*flags |= status_of(lost);
	return r;
}

/* Is this what the entry itself says?  Then nothing needs to be remembered. */
static bool
is_own(const struct metadata_rules *rules, const struct remembered *r)
{
	const struct owner *own = &rules->own;
	const struct span user = span_of(own->user), group = span_of(own->group);

	return r->uid == r->own_uid && r->gid == r->own_gid && r->uid == own->uid &&
	       r->gid == own->gid && r->user.length == user.length &&
	       r->group.length == group.length &&
	       memcmp(own->user, r->user.length > 0 ? (const char *)r->user.data : "",
		      user.length) == 0 &&
	       memcmp(own->group, r->group.length > 0 ? (const char *)r->group.data : "",
		      group.length) == 0;
}

/* Of an owner that is to be remembered where nothing can be. */
static bool
is_owner_lost(const struct metadata_rules *rules, const struct metadata *m)
{
	const struct remembered wanted = {.uid = m->uid,
					  .gid = m->gid,
					  .own_uid = rules->own.uid,
					  .own_gid = rules->own.gid,
					  .user = m->user,
					  .group = m->group};

	return (m->flags & METADATA_OWNER) != 0 && !is_own(rules, &wanted);
}

/* The owner that is to be remembered: the one meant, or the one that is. */
static void
choose_owner(const struct metadata_rules *rules, const struct metadata *m,
	     const struct remembered *had, struct remembered *r)
{
	if ((m->flags & METADATA_OWNER) != 0) {
		r->uid = m->uid;
		r->gid = m->gid;
		r->user = m->user;
		r->group = m->group;
		r->has_owner = !is_own(rules, r);
	} else if (had->has_owner) {
		r->uid = had->uid;
		r->gid = had->gid;
		r->user = had->user;
		r->group = had->group;
		r->has_owner = true;
	}
}

/*
 * The attributes that are to be remembered: those meant, and of what was there the classes that are
 * not.  An ACL holds the mode it belongs to, and goes with it.  *room: owned, what r->packed leads
 * into.  *lost: more than there is room for.
 */
static int
choose_packed(const struct metadata_rules *rules, const struct metadata *m,
	      const struct remembered *had, struct remembered *r, uint8_t **room, unsigned *lost)
{
	unsigned all = metadata_classes(rules, METADATA_XATTRS | METADATA_ACLS, m->type) &
		       ~(unsigned)XATTR_USER;
	unsigned meant = metadata_classes(rules, m->flags, m->type) & all;
	unsigned stay = all & ~meant;
	struct put_cursor out;

	*room = NULL;
	if (had->mode != m->mode)
		stay &= ~(unsigned)(XATTR_ACL | XATTR_DEFAULT_ACL);
	meant &= xattrs_classes(&m->xattrs);
	stay &= xattrs_classes(&had->packed);
	if (meant == 0 && stay == 0)
		return 0;
	if ((*room = malloc(LIMIT_XATTRS_BYTES)) == NULL)
		return FTX_E_NOMEM;
	out = put_cursor_over(*room, LIMIT_XATTRS_BYTES);
	if (xattrs_merge(&out, &m->xattrs, meant, &had->packed, stay) != 0) {
		*lost |= meant | stay;
		return 0;
	}
	r->packed = (struct span){*room, LIMIT_XATTRS_BYTES - out.left};
	return 0;
}

static bool
is_needed(const struct remembered *r)
{
	return r->mode != r->applied || r->has_owner || r->packed.length > 0;
}

/* Writes all of it, or where that is too much all but the attributes. */
static int
write_down(const struct metadata_rules *rules, int fd, struct remembered *r, bool fresh,
	   uint8_t *flags)
{
	bool kept = false;
	int result = 0;

	if (rules->can_remember && is_needed(r))
		result = remembered_write(fd, r, fresh, &kept);
	else if (!fresh)
		result = remembered_remove(fd);
	if (result == 0 && !kept && r->packed.length > 0) {
		*flags |= status_of(xattrs_classes(&r->packed));
		r->packed = (struct span){0};
		if (rules->can_remember && is_needed(r))
			result = remembered_write(fd, r, fresh, &kept);
	}
	if (!kept && r->mode != r->applied)
		*flags |= STATUS_MODE_NOT_KEPT;
	if (!kept && r->has_owner)
		*flags |= STATUS_OWNER_NOT_KEPT;
	return result;
}

static bool
is_fresh(enum metadata_past past)
{
	return past == METADATA_FRESH || past == METADATA_MADE;
}

static int
remember(const struct metadata_rules *rules, int fd, const struct metadata *m,
	 enum metadata_past past, uint8_t *flags)
{
	const struct xattr_place place = {.fd = fd};
	struct remembered had = {0};
	struct remembered r = {.mode = m->mode,
			       .applied = (uint16_t)metadata_mode(rules, m),
			       .own_uid = rules->own.uid,
			       .own_gid = rules->own.gid};
	struct remembered_value v = {.more = NULL};
	uint8_t *room = NULL;
	unsigned lost = 0;
	struct stat st;
	int result = 0;

	if (!is_fresh(past)) {
		if (fstat(fd, &st) != 0)
			return error_from_errno(errno);
		r.own_uid = st.st_uid;
		r.own_gid = st.st_gid;
	}
	if (past == METADATA_STANDING)
		result = remembered_read(&place, &st, &had, &v);
	if (result == 0) {
		choose_owner(rules, m, &had, &r);
		result = choose_packed(rules, m, &had, &r, &room, &lost);
	}
	*flags |= status_of(lost);
	if (result == 0)
		result = write_down(rules, fd, &r, is_fresh(past), flags);
	free(room);
	remembered_value_release(&v);
	return result;
}

/* The mode, but for a file that was made with it. */
static int
give_mode(const struct metadata_rules *rules, int fd, const struct metadata *m, mode_t mode,
	  enum metadata_past past, uint8_t *flags)
{
	/* A chown may have taken setuid and setgid away again. */
	if (past == METADATA_MADE && (mode & 07000u) == 0)
		return 0;
	if (past == METADATA_FRESH && m->type == ENTRY_FILE && mode == (0600u & ~rules->umask_bits))
		return 0;
	if (fchmod(fd, mode) == 0)
		return 0;
	if (!is_not_kept(errno))
		return error_from_errno(errno);
	*flags |= STATUS_MODE_NOT_KEPT;
	return 0;
}

static int
apply_server(const struct metadata_rules *rules, int fd, const struct metadata *m,
	     enum metadata_past past, uint8_t *flags)
{
	unsigned classes = metadata_classes(rules, m->flags, m->type) & XATTR_USER;
	int r = remember(rules, fd, m, past, flags);

	if (r == 0)
		r = give_mode(rules, fd, m, metadata_mode(rules, m), past, flags);
	/* In this order: the mode that the server gives lets it write. */
	if (r == 0)
		r = give(fd, m, classes, is_fresh(past), flags);
	return r;
}

/* Who may not override the mode can set user.* only on what it lets its owner write. */
static int
open_for_owner(const struct metadata_rules *rules, int fd, enum metadata_past past)
{
	struct stat st;

	if (is_fresh(past) || rules->is_root)
		return 0;
	if (fstat(fd, &st) != 0)
		return error_from_errno(errno);
	if ((st.st_mode & 0200) != 0 || fchmod(fd, (st.st_mode & 0777) | 0200) == 0 ||
	    is_not_kept(errno))
		return 0;
	return error_from_errno(errno);
}

/* -1 would mean to leave it. */
static bool
is_id(uint32_t id)
{
	return id != UINT32_MAX;
}

/* NAME of dir, not followed, or fd where name is NULL.  Returns 0 or the error of errno. */
static int
give_owner(const struct metadata_rules *rules, int fd, const char *name, const struct metadata *m,
	   uint8_t *flags)
{
	uint32_t uid, gid;
	int r;

	if ((m->flags & METADATA_OWNER) == 0 || !rules->set_owner)
		return 0;
	metadata_ids(rules, m, &uid, &gid);
	if (!is_id(uid) || !is_id(gid)) {
		*flags |= STATUS_OWNER_NOT_KEPT;
		return 0;
	}
	r = name == NULL ? fchown(fd, uid, gid) : fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
	if (r == 0)
		return 0;
	/* EINVAL: an owner that this user namespace does not have. */
	if (!is_not_kept(errno) && errno != EINVAL)
		return error_from_errno(errno);
	*flags |= STATUS_OWNER_NOT_KEPT;
	return 0;
}

static int
apply_client(const struct metadata_rules *rules, int fd, const struct metadata *m,
	     enum metadata_past past, uint8_t *flags)
{
	unsigned classes = metadata_classes(rules, m->flags, m->type);
	unsigned user = classes & XATTR_USER;
	bool fresh = is_fresh(past);
	mode_t mode = metadata_mode(rules, m);
	int r = give_owner(rules, fd, NULL, m, flags);

	/* What was to run as somebody else must not run as us. */
	if ((*flags & STATUS_OWNER_NOT_KEPT) != 0)
		mode &= 01777u;
	if (mode != m->mode)
		*flags |= STATUS_MODE_NOT_KEPT;
	*flags |= status_of(not_for_us(m, classes));
	if (r == 0 && user != 0 && (r = open_for_owner(rules, fd, past)) == 0)
		r = give(fd, m, user, fresh, flags);
	if (r == 0)
		r = give_mode(rules, fd, m, mode, past, flags);
	if (r == 0)
		r = give(fd, m, classes & ~user, fresh, flags);
	return r;
}

int
metadata_apply(const struct metadata_rules *rules, int fd, const struct metadata *m,
	       enum metadata_past past, uint8_t *flags)
{
	struct timespec times[2];
	int r;

	times_of(times, m);
	*flags = 0;
	r = (rules->policy == METADATA_SERVER ? apply_server : apply_client)(rules, fd, m, past,
									     flags);
	/* Last: everything before it may touch the times. */
	if (r == 0 && futimens(fd, times) != 0)
		r = error_from_errno(errno);
	return r;
}

int
metadata_apply_link(const struct metadata_rules *rules, int dir, const char *name,
		    const struct metadata *m, uint8_t *flags)
{
	unsigned classes = metadata_classes(rules, m->flags, ENTRY_SYMLINK);
	unsigned lost = not_for_us(m, classes);
	struct xattr_place place;
	struct timespec times[2];
	int r = 0;

	times_of(times, m);
	*flags = status_of(lost);
	if (rules->policy == METADATA_SERVER) {
		/* A link holds no user.* attribute: nothing can be remembered. */
		if (is_owner_lost(rules, m))
			*flags |= STATUS_OWNER_NOT_KEPT;
	} else {
		r = give_owner(rules, dir, name, m, flags);
	}
	if (r == 0 && classes != 0 && (r = xattr_place_init(&place, dir, name, -1)) == 0) {
		r = xattrs_apply(&place, &m->xattrs, classes, false, &lost);
		*flags |= status_of(lost);
	}
	if (r == 0 && utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0)
		r = error_from_errno(errno);
	return r;
}

uint8_t
metadata_unkept(const struct metadata_rules *rules, const struct metadata *wanted)
{
	unsigned classes = metadata_classes(rules, wanted->flags, wanted->type);
	unsigned lost = not_for_us(wanted, classes);
	bool is_link = wanted->type == ENTRY_SYMLINK;
	bool server = rules->policy == METADATA_SERVER;
	bool forgets = server && !rules->can_remember;
	uint8_t flags = 0;

	if (forgets && wanted->xattrs.length > 0)
		lost |= xattrs_classes(&wanted->xattrs) & classes;
	if (!is_link && (forgets || !server) && metadata_mode(rules, wanted) != wanted->mode)
		flags |= STATUS_MODE_NOT_KEPT;
	if (server && (forgets || is_link) && is_owner_lost(rules, wanted))
		flags |= STATUS_OWNER_NOT_KEPT;
	return flags | status_of(lost);
}
