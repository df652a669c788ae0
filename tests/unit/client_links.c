/* Hard links: which names of a tree are one file, and when they are linked. */
#include "src/client/work.h"

#include "tests/harness/unit.h"

#include <string.h>

#include "proto/errors.h"

static struct work w;
static struct root root = {.is_directory = true}, other = {.is_directory = true};

/* The scanner meets a name; is it the first one? */
static struct link_group *
meet(struct root *r, uint64_t device, uint64_t inode, uint64_t names, const char *path)
{
	const struct entry e = {
	    .path = path, .target = "", .identity = {.size = 9, .inode = inode}};
	struct link_group *first;

	cr_assert(work_meet_link(&w, r, device, names, &e, &first) == 0);
	return first;
}

/* Its transfer is over. */
static void
over(struct link_group *first, const char *path, bool failed)
{
	struct batch *b = batch_new(&root);
	const struct entry from = {
	    .path = path, .target = "", .metadata = {.type = ENTRY_FILE}, .links = first};
	struct entry *e = batch_add(b, &from);
	struct work_item item;

	cr_assert(work_push(&w, b, false));
	work_take(&w, 0, false, &item);
	cr_assert(item.kind == WORK_BATCH);
	work_entry_over(&w, e, true, failed);
	work_batch_done(&w, b);
}

/* The names that may be linked now, "b>a ", and their end. */
static const char *
ready(void)
{
	static char names[256];
	struct link_name *n, *next;
	struct work_item item;

	names[0] = '\0';
	work_take(&w, 0, false, &item);
	if (item.kind != WORK_NAMES)
		return names;
	for (n = item.names; n != NULL; n = next) {
		next = n->next;
		strcat(names, n->path);
		strcat(names, n->group->state == LINK_FAILED ? "!" : ">");
		strcat(names, n->group->path);
		strcat(names, " ");
		work_name_over(&w, n, true);
	}
	return names;
}

Test(links, further_names_wait_for_the_first_one)
{
	struct link_group *first;

	cr_assert(work_init(&w) == 0);
	first = meet(&root, 1, 7, 3, "a");
	cr_assert(first != NULL && first->size == 9);
	cr_expect(meet(&root, 1, 7, 3, "b") == NULL);
	cr_expect_str_eq(ready(), "");
	over(first, "a", false);
	cr_expect_str_eq(ready(), "b>a ");
	/* and what is met later waits no more */
	cr_expect(meet(&root, 1, 7, 3, "c") == NULL);
	cr_expect_str_eq(ready(), "c>a ");
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

Test(links, are_told_apart_by_inode_device_and_root)
{
	cr_assert(work_init(&w) == 0);
	cr_expect(meet(&root, 1, 7, 2, "a") != NULL);
	cr_expect(meet(&root, 2, 7, 2, "b") != NULL);
	cr_expect(meet(&root, 1, 8, 2, "c") != NULL);
	cr_expect(meet(&other, 1, 7, 2, "a") != NULL);
	cr_expect(meet(&root, 1, 7, 2, "d") == NULL);
	work_release(&w);
}

/* A number that another file gets later is another file then. */
Test(links, are_forgotten_when_the_last_name_was_met)
{
	struct link_group *first;

	cr_assert(work_init(&w) == 0);
	first = meet(&root, 1, 7, 2, "a");
	cr_expect(meet(&root, 1, 7, 2, "b") == NULL);
	over(first, "a", false);
	cr_expect_str_eq(ready(), "b>a ");
	cr_expect(links_find(w.links, &root, 1, 7) == NULL);
	cr_expect(meet(&root, 1, 7, 2, "c") != NULL);
	work_release(&w);
}

Test(links, where_the_first_failed_the_next_one_met_is_the_first)
{
	struct link_group *first;

	cr_assert(work_init(&w) == 0);
	first = meet(&root, 1, 7, 4, "a");
	cr_expect(meet(&root, 1, 7, 4, "b") == NULL);
	over(first, "a", true);
	cr_expect_str_eq(ready(), "b!a "); /* the stream can see why there is nothing to link to */
	first = meet(&root, 1, 7, 4, "c");
	cr_assert(first != NULL);
	cr_expect(meet(&root, 1, 7, 4, "d") == NULL);
	over(first, "c", false);
	cr_expect_str_eq(ready(), "d>c ");
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

Test(links, a_directory_waits_for_its_names)
{
	const struct metadata m = {.type = ENTRY_DIRECTORY};
	struct dirnode *d = dirnode_new(NULL, &root, "", &m);
	struct entry e = {.path = "b", .target = "", .identity = {.inode = 7}, .directory = d};
	struct link_group *first, *none;
	struct work_item item;

	cr_assert(work_init(&w) == 0);
	work_enter(&w, d);
	first = meet(&root, 1, 7, 2, "a");
	cr_assert(work_meet_link(&w, &root, 1, 2, &e, &none) == 0 && none == NULL);
	work_leave(&w, d);
	over(first, "a", false);
	cr_expect_str_eq(ready(), "b>a ");
	work_take(&w, 0, false, &item);
	cr_assert(item.kind == WORK_DIRECTORIES && item.directories == d);
	work_directory_over(&w, d);
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

/* Many files, with many in one row of the table. */
Test(links, finds_each_of_many)
{
	enum { FILES = 40000 };
	struct links *l = links_new();

	for (uint64_t i = 0; i < FILES; i++)
		cr_assert(links_add(l, &root, i % 3, i, 2, "f") != NULL);
	for (uint64_t i = 0; i < FILES; i++) {
		struct link_group *g = links_find(l, &root, i % 3, i);

		cr_assert(g != NULL && g->inode == i && g->device == i % 3);
		if (i % 2 == 0)
			links_forget(l, g);
	}
	for (uint64_t i = 0; i < FILES; i++)
		cr_assert((links_find(l, &root, i % 3, i) == NULL) == (i % 2 == 0));
	links_free(l);
}
