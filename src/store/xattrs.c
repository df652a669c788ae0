/*
 * The packed form: what needs no file system.
 */
#include "src/store/xattrs.h"

#include <string.h>

#include "proto/errors.h"
#include "src/store/metadata.h"

static bool
begins_with(const struct span *s, const char *prefix)
{
	size_t length = strlen(prefix);

	return s->length > length && memcmp(s->data, prefix, length) == 0;
}

static bool
is(const struct span *s, const char *text)
{
	return s->length == strlen(text) && memcmp(s->data, text, s->length) == 0;
}

/* What the system itself puts on files, and would refuse or misread from another machine. */
static bool
is_label(const struct span *name)
{
	static const char *const labels[] = {"security.selinux", "security.apparmor",
					     "security.ima", "security.evm"};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (is(name, labels[i]))
			return true;
	return begins_with(name, "security.SMACK64") || is(name, "security.SMACK64");
}

enum xattr_class
xattr_class(const struct span *name)
{
	if (begins_with(name, "user."))
		return begins_with(name, "user.ftx.") ? XATTR_OTHER : XATTR_USER;
	if (begins_with(name, "security."))
		return is_label(name) ? XATTR_OTHER : XATTR_PRIVILEGED;
	if (begins_with(name, "trusted."))
		return XATTR_PRIVILEGED;
	if (is(name, "system.posix_acl_access"))
		return XATTR_ACL;
	return is(name, "system.posix_acl_default") ? XATTR_DEFAULT_ACL : XATTR_OTHER;
}

int
xattr_compare(const struct span *a, const struct span *b)
{
	size_t common = a->length < b->length ? a->length : b->length;
	int order = common > 0 ? memcmp(a->data, b->data, common) : 0;

	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

/* u16 length and that many bytes, borrowed. */
static int
get_span(struct get_cursor *c, struct span *s)
{
	uint16_t length;
	int r = get_u16(c, &length);

	if (r != 0)
		return r;
	s->length = length;
	return get_borrowed(c, &s->data, length);
}

/* A name that may be sent.  A label may: it is left alone where it arrives. */
static bool
name_allowed(const struct span *name)
{
	return name->length > 0 && name->length <= LIMIT_NAME_BYTES &&
	       memchr(name->data, '\0', name->length) == NULL &&
	       (xattr_class(name) != XATTR_OTHER || is_label(name));
}

int
xattrs_check(const struct span *packed)
{
	struct get_cursor c = get_cursor_over(packed->data, packed->length);
	struct span last = {0}, name, value;

	while (c.left > 0) {
		if (get_span(&c, &name) != 0 || get_span(&c, &value) != 0 || !name_allowed(&name) ||
		    xattr_compare(&last, &name) >= 0)
			return FTX_E_PROTOCOL;
		last = name;
	}
	return 0;
}

bool
xattrs_next(struct get_cursor *c, unsigned classes, struct span *name, struct span *value)
{
	while (c->left > 0 && get_span(c, name) == 0 && get_span(c, value) == 0)
		if ((xattr_class(name) & classes) != 0)
			return true;
	return false;
}

unsigned
xattrs_classes(const struct span *packed)
{
	struct get_cursor c = get_cursor_over(packed->data, packed->length);
	struct span name, value;
	unsigned classes = 0;

	while (xattrs_next(&c, ~0u, &name, &value))
		classes |= xattr_class(&name);
	return classes;
}

bool
xattrs_equal(const struct span *a, const struct span *b, unsigned classes)
{
	struct get_cursor ca = get_cursor_over(a->data, a->length);
	struct get_cursor cb = get_cursor_over(b->data, b->length);

	for (;;) {
		struct span a_name, a_value, b_name, b_value;
		bool more = xattrs_next(&ca, classes, &a_name, &a_value);

		if (more != xattrs_next(&cb, classes, &b_name, &b_value))
			return false;
		if (!more)
			return true;
		if (xattr_compare(&a_name, &b_name) != 0 || xattr_compare(&a_value, &b_value) != 0)
			return false;
	}
}

static int
put_pair(struct put_cursor *out, const struct span *name, const struct span *value)
{
	if (out->left < 4 + name->length + value->length)
		return FTX_E_TOO_LARGE;
	put_u16(out, (uint16_t)name->length);
	put_bytes(out, name->data, name->length);
	put_u16(out, (uint16_t)value->length);
	put_bytes(out, value->data, value->length);
	return 0;
}

int
xattrs_merge(struct put_cursor *out, const struct span *a, unsigned a_classes, const struct span *b,
	     unsigned b_classes)
{
	struct get_cursor ca = get_cursor_over(a->data, a->length);
	struct get_cursor cb = get_cursor_over(b->data, b->length);
	struct span a_name, a_value, b_name, b_value;
	bool in_a = xattrs_next(&ca, a_classes, &a_name, &a_value);
	bool in_b = xattrs_next(&cb, b_classes, &b_name, &b_value);
	int r = 0;

	while (r == 0 && (in_a || in_b)) {
		if (in_a && (!in_b || xattr_compare(&a_name, &b_name) < 0)) {
			r = put_pair(out, &a_name, &a_value);
			in_a = xattrs_next(&ca, a_classes, &a_name, &a_value);
		} else {
			r = put_pair(out, &b_name, &b_value);
			in_b = xattrs_next(&cb, b_classes, &b_name, &b_value);
		}
	}
	return r;
}
