#include <string.h>

#include "proto/errors.h"
#include "src/store/metadata_impl.h"
#include "src/store/owner.h"
#include "src/store/remembered.h"

static struct span
copy(char room[static LIMIT_OWNER_BYTES + 1], const struct span *name)
{
	/* remembered.c has checked the length. */
	if (name->length > 0)
		memcpy(room, name->data, name->length);
	room[name->length] = '\0';
	return (struct span){(const uint8_t *)room, name->length};
}

/* What the file system itself says.  The server knows no names but its own. */
static void
read_owner(const struct metadata_rules *rules, const struct stat *st, struct metadata *m,
	   struct metadata_buffer *b)
{
	b->user[0] = b->group[0] = '\0';
	m->uid = st->st_uid;
	m->gid = st->st_gid;
	if (rules->policy == METADATA_SERVER) {
		if (st->st_uid == rules->own.uid)
			memcpy(b->user, rules->own.user, sizeof(b->user));
		if (st->st_gid == rules->own.gid)
			memcpy(b->group, rules->own.group, sizeof(b->group));
	} else if (!rules->numeric_ids) {
		owner_name(OWNER_USER, st->st_uid, b->user);
		owner_name(OWNER_GROUP, st->st_gid, b->group);
	}
	m->user = span_of(b->user);
	m->group = span_of(b->group);
}

/* Nothing is remembered on a link: that it is ours does not say whose it was. */
static bool
forgot_owner(const struct metadata_rules *rules, const struct stat *st)
{
	return rules->policy == METADATA_SERVER && S_ISLNK(st->st_mode) &&
	       st->st_uid == rules->own.uid;
}

/* The remembered mode, owner and attributes, as far as they count and are asked for. */
static int
recall(const struct xattr_place *p, unsigned parts, unsigned classes, const struct stat *st,
       struct metadata *m, struct metadata_buffer *b, struct put_cursor *out)
{
	const struct span none = {0};
	struct remembered_value v;
	struct remembered had;
	int r = remembered_read(p, st, &had, &v);

	if (r == 0) {
		m->mode = had.mode;
		if (had.has_owner && (parts & METADATA_OWNER) != 0) {
			m->uid = had.uid;
			m->gid = had.gid;
			m->user = copy(b->user, &had.user);
			m->group = copy(b->group, &had.group);
		}
		if (classes != 0)
			r = xattrs_merge(out, &had.packed, classes, &none, 0);
	}
	remembered_value_release(&v);
	return r;
}

int
metadata_read(const struct metadata_rules *rules, unsigned parts, int dir, const char *name, int fd,
	      const struct stat *st, struct metadata *m, struct metadata_buffer *b)
{
	bool may_remember =
	    rules->policy == METADATA_SERVER && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
	struct put_cursor out = {0};
	struct xattr_place place;
	unsigned classes;
	int r = 0;

	*m = metadata_of(st);
	m->flags = (uint16_t)parts;
	classes = metadata_classes(rules, parts, m->type);
	if (forgot_owner(rules, st))
		m->flags &= (uint16_t)~METADATA_OWNER;
	else if ((parts & METADATA_OWNER) != 0)
		read_owner(rules, st, m, b);
	if (!may_remember && classes == 0)
		return 0;
	if ((r = xattr_place_init(&place, dir, name, fd)) != 0)
		return r;
	if (classes != 0)
		out = put_cursor_over(b->xattrs, sizeof(b->xattrs));
	if (may_remember) {
		r = recall(&place, parts, classes & ~(unsigned)XATTR_USER, st, m, b, &out);
		classes &= XATTR_USER;
	}
	/* In order: user. is behind every name that is remembered. */
	if (r == 0)
		r = xattrs_read(&place, classes, &out);
	if (r == 0 && out.next != NULL)
		m->xattrs = (struct span){b->xattrs, sizeof(b->xattrs) - out.left};
	return r;
}
