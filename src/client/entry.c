#include "src/client/entry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

#define BLOCK_BYTES 32768u

struct block {
	struct block *next;
	size_t used, size;
	uint8_t bytes[];
};

/* A node without its strings: size, metadata's fixed part, the lengths of all strings. */
#define NODE_FIXED_BYTES 64u

void
live_init(struct live *list)
{
	list->before = list->after = list;
}

void
live_add(struct live *list, struct live *l)
{
	l->before = list;
	l->after = list->after;
	list->after->before = l;
	list->after = l;
}

void
live_remove(struct live *l)
{
	l->before->after = l->after;
	l->after->before = l->before;
}

struct live *
live_take(struct live *list)
{
	struct live *l = list->after;

	if (l == list)
		return NULL;
	live_remove(l);
	return l;
}

struct batch *
batch_new(struct root *root)
{
	struct batch *b = malloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	live_init(&b->live);
	b->next = NULL;
	b->root = root;
	b->chain = NULL;
	b->answered = b->worked = b->again = b->redo = false;
	b->open = 1;
	b->count = b->encoded = 0;
	b->content = 0;
	b->blocks = NULL;
	return b;
}

void
batch_free(struct batch *b)
{
	struct block *block, *next;

	for (block = b->blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(b);
}

void *
batch_copy(struct batch *b, const void *bytes, size_t length)
{
	struct block *block = b->blocks;
	void *copy;

	if (block == NULL || block->size - block->used < length) {
		size_t size = length > BLOCK_BYTES ? length : BLOCK_BYTES;

		block = malloc(sizeof(*block) + size);
		if (block == NULL)
			return NULL;
		*block = (struct block){.next = b->blocks, .size = size};
		b->blocks = block;
	}
	copy = block->bytes + block->used;
	if (length > 0)
		memcpy(copy, bytes, length);
	block->used += length;
	return copy;
}

size_t
entry_encoded(const struct entry *e)
{
	return NODE_FIXED_BYTES + strlen(e->path) + strlen(e->target) + e->metadata.user.length +
	       e->metadata.group.length + e->metadata.xattrs.length;
}

bool
batch_has_room(const struct batch *b, size_t encoded)
{
	return b->count < BATCH_ENTRIES && (b->count == 0 || (b->encoded + encoded <= BATCH_BYTES &&
							      b->content < BATCH_CONTENT));
}

static int
keep_span(struct batch *b, struct span *s)
{
	if (s->length == 0)
		return 0;
	s->data = batch_copy(b, s->data, s->length);
	return s->data != NULL ? 0 : FTX_E_NOMEM;
}

int
entry_refresh(struct entry *e, const struct attributes *a, unsigned parts)
{
	struct batch *b = e->batch;

	if (a->metadata.type == 0 || (a->metadata.flags & ~parts) != 0 ||
	    xattrs_check(&a->metadata.xattrs) != 0 || a->identity.size > LIMIT_FILE_BYTES)
		return FTX_E_PROTOCOL;
	e->metadata = a->metadata;
	e->identity = a->identity;
	e->allocated = a->allocated;
	return keep_span(b, &e->metadata.user) != 0 || keep_span(b, &e->metadata.group) != 0 ||
		       keep_span(b, &e->metadata.xattrs) != 0
		   ? FTX_E_NOMEM
		   : 0;
}

struct entry *
batch_add(struct batch *b, const struct entry *from)
{
	struct entry *e = &b->entries[b->count];

	assert(b->count < BATCH_ENTRIES);
	*e = *from;
	e->batch = b;
	e->path = batch_copy(b, from->path, strlen(from->path) + 1);
	e->target = batch_copy(b, from->target, strlen(from->target) + 1);
	if (e->path == NULL || e->target == NULL || keep_span(b, &e->metadata.user) != 0 ||
	    keep_span(b, &e->metadata.group) != 0 || keep_span(b, &e->metadata.xattrs) != 0)
		return NULL;
	b->count++;
	b->encoded += entry_encoded(e);
	b->content += e->identity.size;
	b->open++;
	return e;
}

void
entry_node(const struct entry *e, struct node *n)
{
	*n = (struct node){.path = span_of(e->path),
			   .size = entry_is_file(e) ? e->identity.size : 0,
			   .metadata = e->metadata,
			   .target = span_of(e->target)};
}

const char *
entry_local(const struct entry *e)
{
	const struct root *root = e->batch->root;

	return root->is_directory ? e->path : root->local_name;
}

const char *
entry_remote(const struct entry *e)
{
	const struct root *root = e->batch->root;

	return root->is_directory ? e->path : strrchr(root->remote, '/') + 1;
}

struct span
root_base(const struct root *root)
{
	struct span base = span_of(root->remote);

	if (!root->is_directory)
		base.length = (size_t)(strrchr(root->remote, '/') - root->remote);
	return base;
}

char *
root_join(const char *top, const char *path)
{
	size_t length = strlen(top);
	char *joined = NULL;

	while (length > 1 && top[length - 1] == '/')
		length--;
	if (asprintf(&joined, "%.*s%s%s", (int)length, top,
		     path[0] == '\0' || (length == 1 && top[0] == '/') ? "" : "/", path) < 0)
		return NULL;
	return joined;
}

int
root_remote(const struct root *root, const char *path, char out[static LIMIT_PATH_BYTES + 1])
{
	int n = snprintf(out, LIMIT_PATH_BYTES + 1, "%s%s%s", root->remote,
			 path[0] == '\0' ? "" : "/", path);

	return n < 0 || (size_t)n > LIMIT_PATH_BYTES ? FTX_E_NAME : 0;
}
