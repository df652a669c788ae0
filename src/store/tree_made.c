/*
 * Which entries this tree made: by inode, in the order of their making, found by a hash.  An inode
 * number is used again when an entry is gone; the time of its birth, where the file system has
 * it, tells the new from the old.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/store/tree_impl.h"

enum { MADE_MAX = 65536, MADE_FIRST = 1024 };

struct inode {
	uint64_t number;
	int64_t born_s;
	uint32_t born_ns;
	uint32_t dev_major, dev_minor;
};

struct entry {
	struct inode inode;
	uint32_t next; /* number of the next one with this hash plus 1, or 0 */
};

struct tree_made {
	uint32_t size;	/* of both arrays, a power of two */
	uint32_t count; /* of entries in use, at most size */
	uint32_t next;	/* where the next one goes, once all are in use */
	uint32_t *heads;
	struct entry *entries;
};

static int
inode_of(int dir, const char *name, struct inode *out)
{
	int flags = AT_SYMLINK_NOFOLLOW | (name[0] == '\0' ? AT_EMPTY_PATH : 0);
	struct statx stx;

	if (statx(dir, name, flags, STATX_INO | STATX_BTIME, &stx) != 0)
		return error_from_errno(errno);
	*out = (struct inode){
	    .number = stx.stx_ino,
	    .dev_major = stx.stx_dev_major,
	    .dev_minor = stx.stx_dev_minor,
	};
	if ((stx.stx_mask & STATX_BTIME) != 0) {
		out->born_s = stx.stx_btime.tv_sec;
		out->born_ns = stx.stx_btime.tv_nsec;
	}
	return 0;
}

static bool
inode_same(const struct inode *a, const struct inode *b)
{
	return a->number == b->number && a->born_s == b->born_s && a->born_ns == b->born_ns &&
	       a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* Inode numbers are given by the file system, so nobody chooses them to collide. */
static uint32_t *
head_of(const struct tree_made *made, const struct inode *inode)
{
	uint64_t hash = inode->number * UINT64_C(0x9e3779b97f4a7c15);

	return &made->heads[(hash >> 32) & (made->size - 1)];
}

static void
insert(struct tree_made *made, uint32_t at, const struct inode *inode)
{
	uint32_t *head = head_of(made, inode);

	made->entries[at] = (struct entry){.inode = *inode, .next = *head};
	*head = at + 1;
}

static void
forget(struct tree_made *made, uint32_t at)
{
	uint32_t *link = head_of(made, &made->entries[at].inode);

	while (*link != at + 1)
		link = &made->entries[*link - 1].next;
	*link = made->entries[at].next;
}

/* Twice the room; what is there is put in anew. */
static int
grow(struct tree_made *made)
{
	uint32_t size = made->size == 0 ? MADE_FIRST : made->size * 2;
	uint32_t *heads = calloc(size, sizeof(*heads));
	struct entry *entries = realloc(made->entries, size * sizeof(*entries));

	if (entries != NULL)
		made->entries = entries;
	if (heads == NULL || entries == NULL) {
		free(heads);
		return FTX_E_NOMEM;
	}
	free(made->heads);
	made->heads = heads;
	made->size = size;
	for (uint32_t i = 0; i < made->count; i++) {
		const struct inode inode = made->entries[i].inode;

		insert(made, i, &inode);
	}
	return 0;
}

int
tree_note_made(struct tree *t, int dir, const char *name)
{
	struct tree_made *made = t->made;
	struct inode inode;
	int r;

	if (made == NULL && (made = t->made = calloc(1, sizeof(*made))) == NULL)
		return FTX_E_NOMEM;
	if (made->count == made->size && made->size < MADE_MAX && (r = grow(made)) != 0)
		return r;
	r = inode_of(dir, name, &inode);
	/* Gone again: nothing to remember. */
	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	if (made->count < made->size) {
		insert(made, made->count++, &inode);
		return 0;
	}
	forget(made, made->next);
	insert(made, made->next, &inode);
	made->next = (made->next + 1) % made->size;
	return 0;
}

bool
tree_is_made(const struct tree *t, int dir, const char *name)
{
	const struct tree_made *made = t->made;
	struct inode inode;

	if (made == NULL || made->size == 0 || inode_of(dir, name, &inode) != 0)
		return false;
	for (uint32_t i = *head_of(made, &inode); i != 0; i = made->entries[i - 1].next)
		if (inode_same(&made->entries[i - 1].inode, &inode))
			return true;
	return false;
}

void
tree_made_free(struct tree_made *made)
{
	if (made == NULL)
		return;
	free(made->heads);
	free(made->entries);
	free(made);
}
