/*
 * Hard links (-H): which names of a tree are one file.
 *
 * The first name that the scanner meets is transferred as a file; each further one becomes a link
 * to it when it is there.  What is remembered of a file goes when its last name was met, and there
 * is nothing of files with one name.  Under the lock of struct work, but for links_find(), which is
 * the scanner's.
 */
#ifndef CLIENT_LINKS_H
#define CLIENT_LINKS_H

#include "src/client/dirnode.h"

enum link_state { LINK_PENDING, LINK_READY, LINK_FAILED };

/* A further name, waiting for the first. */
struct link_name {
	struct live live; /* first */
	struct link_name *next;
	struct link_group *group;
	struct dirnode *directory;
	bool resent; /* put: LINK was sent on a connection that was lost */
	char path[]; /* relative to the root */
};

struct link_group {
	struct live live;	 /* first */
	struct link_group *next; /* in the table's row */
	struct root *root;
	uint64_t device, inode;
	uint64_t size;
	unsigned unmet; /* names that the scanner has not met */
	unsigned refs;	/* names not over, and 1 while in the table */
	enum link_state state;
	struct link_name *waiting;
	char path[]; /* the first name's, relative to the root */
};

struct links;

struct links *links_new(void);
/* With all groups. */
void links_free(struct links *l);

/* What is known of this inode, or NULL. */
struct link_group *links_find(struct links *l, const struct root *root, uint64_t device,
			      uint64_t inode);

/* Its first name; names: of the inode.  NULL: out of memory. */
struct link_group *links_add(struct links *l, struct root *root, uint64_t device, uint64_t inode,
			     uint64_t names, const char *path);

/* Takes the group out of the table: all names were met, or the first one failed. */
void links_forget(struct links *l, struct link_group *g);

/* One reference less; frees behind the last. */
void link_group_release(struct link_group *g);

/* A further name.  NULL: out of memory. */
struct link_name *link_name_new(struct link_group *g, struct dirnode *directory, const char *path);

#endif
