/*
 * The big files that streams are at, for who shows them.  The lock is held for as long as their
 * names are copied, a few times a second.
 */
#include <string.h>

#include "src/client/mapping.h"
#include "src/client/transfer.h"
#include "src/client/work_impl.h"

/* The end of name, from a character's first byte on. */
static void
copy_end(char out[static CURRENT_NAME_BYTES], const char *name, size_t length)
{
	if (length >= CURRENT_NAME_BYTES) {
		name += length - (CURRENT_NAME_BYTES - 1);
		length = CURRENT_NAME_BYTES - 1;
		for (; ((unsigned char)name[0] & 0xc0) == 0x80; name++)
			length--;
	}
	memcpy(out, name, length);
	out[length] = '\0';
}

static void
name_of(const struct big *b, char out[static CURRENT_NAME_BYTES])
{
	const struct entry *e = b->entry;
	const struct root *root = e->batch->root;
	const char *name = e->path;
	size_t length = strlen(name);

	if (length == 0)
		length = mapping_last_name(
		    root->local_path != NULL ? root->local_path : root->typed, &name);
	copy_end(out, name, length);
}

void
work_current(struct work *w, struct transfer_current *c)
{
	size_t count = 0;

	work_lock(w);
	for (const struct big *b = w->active; b != NULL; b = b->next)
		count += !b->concluded;
	c->count = count < STREAMS_MAX ? count : STREAMS_MAX;
	/* The list begins with what was begun last. */
	for (const struct big *b = w->active; b != NULL; b = b->next) {
		struct transfer_current_file *f;

		if (b->concluded || count-- > c->count)
			continue;
		f = &c->files[count];
		name_of(b, f->name);
		f->bytes = b->opened ? b->present + atomic_load(&b->moved) : 0;
		f->size = b->opened ? b->identity.size : 0;
	}
	work_unlock(w);
}
