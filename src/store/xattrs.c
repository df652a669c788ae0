#include "src/store/metadata.h"

#include <string.h>

#include "proto/cursor.h"
#include "proto/errors.h"

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

/* A name that may be sent: what is ours is nobody else's business. */
static bool
name_allowed(const struct span *name)
{
	if (name->length == 0 || name->length > LIMIT_NAME_BYTES ||
	    memchr(name->data, '\0', name->length) != NULL || begins_with(name, "user.ftx."))
		return false;
	return begins_with(name, "user.") || begins_with(name, "security.") ||
	       begins_with(name, "trusted.") || is(name, "system.posix_acl_access") ||
	       is(name, "system.posix_acl_default");
}

static int
compare(const struct span *a, const struct span *b)
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

int
xattrs_check(const struct span *packed)
{
	struct get_cursor c = get_cursor_over(packed->data, packed->length);
	struct span last = {0}, name, value;

	while (c.left > 0) {
		if (get_span(&c, &name) != 0 || get_span(&c, &value) != 0 || !name_allowed(&name) ||
		    compare(&last, &name) >= 0)
			return FTX_E_PROTOCOL;
		last = name;
	}
	return 0;
}
