/* Which big files are being moved, for who shows them. */
#include "src/client/work.h"

#include <string.h>

#include "src/client/transfer.h"
#include "tests/harness/unit.h"

static struct work w;
static struct root root = {.typed = "/typed/ROOT//", .is_directory = true};

static struct big *
big_of(struct batch *b, const char *path)
{
	const struct entry from = {.path = path, .target = "", .metadata = {.type = ENTRY_FILE}};
	struct entry *e = batch_add(b, &from);
	struct big *big = e != NULL ? big_new(e) : NULL;

	cr_assert(big != NULL);
	work_add_big(&w, big);
	return big;
}

/* A stream begins the one that comes next, which has to be this. */
static void
take(const struct big *b)
{
	struct work_item item;

	work_take(&w, 0, false, &item);
	cr_assert(item.kind == WORK_BIG && item.big == b);
}

/* The names of the big files that are worked on, "a b ". */
static const char *
current(void)
{
	static struct transfer_current c;
	static char names[2 * CURRENT_NAME_BYTES];

	names[0] = '\0';
	work_current(&w, &c);
	for (size_t i = 0; i < c.count; i++) {
		strcat(names, c.files[i].name);
		strcat(names, " ");
		cr_expect_eq(c.files[i].size, c.files[i].bytes * 2, "%s", c.files[i].name);
	}
	return names;
}

Test(current, is_what_streams_work_on)
{
	char path[CURRENT_NAME_BYTES + 16] = "";
	struct batch *b = batch_new(&root);
	struct big *first, *second;

	cr_assert_eq(work_init(&w), 0);
	/* A character of three bytes, whose first does not fit. */
	strcat(path, "begin/\xe6\x97\xa5");
	while (strlen(path) < CURRENT_NAME_BYTES + 6)
		strcat(path, "x");
	first = big_of(b, "first");
	second = big_of(b, path);
	cr_expect_str_eq(current(), "");
	take(first);
	cr_expect_str_eq(current(), "first ");
	first->identity.size = 10;
	first->present = 2;
	atomic_store(&first->moved, 3);
	work_big_opened(&w, first, false, false);
	take(second);
	cr_expect_eq(strncmp(current(), "first xxx", 9), 0);
	cr_expect_eq(strlen(current()), strlen("first ") + CURRENT_NAME_BYTES - 3 + 1);
	/* Its figures are not looked at before it is opened anew. */
	work_big_again(&w, first);
	first->identity.size = 1000;
	cr_expect_eq(strncmp(current(), "first xxx", 9), 0);
	cr_expect_eq(first->credit, 5);
	work_big_concluded(&w, second);
	cr_expect_str_eq(current(), "first ");
	work_big_concluded(&w, first);
	cr_expect_str_eq(current(), "");
	work_big_over(&w, first);
	work_big_over(&w, second);
	batch_free(b);
	work_release(&w);
}

Test(current, is_called_as_its_source_is)
{
	struct batch *b = batch_new(&root);
	struct big *big;

	cr_assert_eq(work_init(&w), 0);
	big = big_of(b, "");
	take(big);
	cr_expect_str_eq(current(), "ROOT ");
	work_big_concluded(&w, big);
	work_big_over(&w, big);
	batch_free(b);
	work_release(&w);
}
