#include "src/client/links.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 16384u

struct links {
	struct live groups;
	struct link_group *rows[ROWS];
};

struct links *
links_new(void)
{
	struct links *l = calloc(1, sizeof(*l));

	if (l != NULL)
		live_init(&l->groups);
	return l;
}

void
links_free(struct links *l)
{
	struct live *group;

	if (l == NULL)
		return;
	while ((group = live_take(&l->groups)) != NULL)
		free(group);
	free(l);
}

static struct link_group **
row_of(struct links *l, uint64_t device, uint64_t inode)
{
	uint64_t mixed = (inode ^ device << 32 ^ device) * UINT64_C(0x9e3779b97f4a7c15);

	return &l->rows[(mixed >> 40) % ROWS];
}

struct link_group *
links_find(struct links *l, const struct root *root, uint64_t device, uint64_t inode)
{
	struct link_group *g = *row_of(l, device, inode);

	while (g != NULL && (g->inode != inode || g->device != device || g->root != root))
		g = g->next;
	return g;
}

struct link_group *
links_add(struct links *l, struct root *root, uint64_t device, uint64_t inode, uint64_t names,
	  const char *path)
{
	struct link_group **row = row_of(l, device, inode);
	size_t length = strlen(path) + 1;
	struct link_group *g = malloc(sizeof(*g) + length);

	if (g == NULL)
		return NULL;
	*g = (struct link_group){.next = *row,
				 .root = root,
				 .device = device,
				 .inode = inode,
				 .unmet = names > UINT32_MAX ? UINT32_MAX : (unsigned)names - 1,
				 .refs = 2, /* the table, the first name */
				 .state = LINK_PENDING};
	memcpy(g->path, path, length);
	*row = g;
	live_add(&l->groups, &g->live);
	return g;
}

void
links_forget(struct links *l, struct link_group *g)
{
	struct link_group **at = row_of(l, g->device, g->inode);

	while (*at != NULL && *at != g)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = g->next;
	link_group_release(g);
}

void
link_group_release(struct link_group *g)
{
	if (--g->refs > 0)
		return;
	live_remove(&g->live);
	free(g);
}

struct link_name *
link_name_new(struct link_group *g, struct dirnode *directory, const char *path)
{
	size_t length = strlen(path) + 1;
	struct link_name *n = malloc(sizeof(*n) + length);

	if (n == NULL)
		return NULL;
	*n = (struct link_name){.group = g, .directory = directory};
	memcpy(n->path, path, length);
	g->refs++;
	return n;
}
