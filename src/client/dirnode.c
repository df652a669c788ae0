#include "src/client/dirnode.h"

#include <stdlib.h>
#include <string.h>

static void
keep_span(struct span *s, uint8_t **next)
{
	if (s->length > 0)
		memcpy(*next, s->data, s->length);
	s->data = *next;
	*next += s->length;
}

struct dirnode *
dirnode_new(struct dirnode *parent, struct root *root, const char *path, const struct metadata *m)
{
	size_t length = strlen(path) + 1;
	struct dirnode *d =
	    malloc(sizeof(*d) + length + m->user.length + m->group.length + m->xattrs.length);
	uint8_t *next;

	if (d == NULL)
		return NULL;
	*d = (struct dirnode){
	    .parent = parent, .root = root, .metadata = *m, .refs = 1, .pending = 1, .stream = -1};
	d->path = (char *)d->bytes;
	memcpy(d->path, path, length);
	next = d->bytes + length;
	keep_span(&d->metadata.user, &next);
	keep_span(&d->metadata.group, &next);
	keep_span(&d->metadata.xattrs, &next);
	return d;
}

void
dirnode_free(struct dirnode *d)
{
	free(d);
}
