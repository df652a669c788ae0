/* The order of things between the scanner and the streams. */
#include "src/client/work.h"

#include "tests/harness/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/clock.h"

static struct work w;
static struct root root = {.is_directory = true};

static struct dirnode *
enter(struct dirnode *parent, const char *path)
{
	const struct metadata m = {.type = ENTRY_DIRECTORY};
	struct dirnode *d = dirnode_new(parent, &root, path, &m);

	cr_assert(d != NULL);
	work_enter(&w, d);
	return d;
}

static struct entry *
add(struct batch *b, struct dirnode *d, const char *path, unsigned type)
{
	const struct entry from = {
	    .path = path, .target = "", .metadata = {.type = (uint8_t)type}, .directory = d};
	struct entry *e = batch_add(b, &from);

	cr_assert(e != NULL);
	work_expect(&w, e);
	return e;
}

static enum work_kind
take(int stream, struct work_item *item)
{
	work_take(&w, stream, false, item);
	return item->kind;
}

/* Takes a batch, which has to be this one. */
static void
take_batch(int stream, const struct batch *b)
{
	struct work_item item;

	cr_assert(take(stream, &item) == WORK_BATCH && item.batch == b);
}

static void
expect_none(int stream)
{
	struct work_item item;

	cr_expect(take(stream, &item) == WORK_NONE, "%d", (int)item.kind);
}

/* The directories that are ready, "a b " in the order of the list; gives them back. */
static const char *
ready(struct dirnode **list)
{
	static char names[256];
	struct work_item item;

	names[0] = '\0';
	*list = NULL;
	if (take(0, &item) != WORK_DIRECTORIES)
		return names;
	*list = item.directories;
	for (struct dirnode *d = item.directories; d != NULL; d = d->next) {
		strcat(names, d->path[0] == '\0' ? "." : d->path);
		strcat(names, " ");
	}
	return names;
}

static void
directories_over(struct dirnode *d)
{
	struct dirnode *next;

	for (; d != NULL; d = next) {
		next = d->next;
		work_directory_over(&w, d);
	}
}

/*
 * A directory is ready when three things are over: its scan, its own entry, what is in it.  Each
 * order of the three.
 */
Test(work, a_directory_is_ready_when_scan_entry_and_content_are_over)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (int o = 0; o < 6; o++) {
		struct dirnode *top, *list;
		struct batch *b = batch_new(&root);
		struct entry *own, *file;

		cr_assert(work_init(&w) == 0);
		top = enter(NULL, "");
		own = add(b, top, "", ENTRY_DIRECTORY);
		file = add(b, top, "f", ENTRY_FILE);
		cr_assert(work_push(&w, b, false));
		take_batch(0, b);
		for (int i = 0; i < 3; i++) {
			cr_expect_str_eq(ready(&list), "", "order %d, step %d", o, i);
			if (orders[o][i] == 0)
				work_leave(&w, top);
			else if (orders[o][i] == 1)
				work_entry_over(&w, own, false, false);
			else
				work_entry_over(&w, file, true, false);
		}
		cr_expect_str_eq(ready(&list), ". ", "order %d", o);
		directories_over(list);
		work_batch_done(&w, b);
		work_release(&w);
	}
}

/* Its own metadata is not set before all directories in it are there. */
Test(work, a_directory_waits_for_the_entries_of_those_in_it)
{
	struct dirnode *top, *inner, *list;
	struct batch *b = batch_new(&root);
	struct entry *own, *below, *file;

	cr_assert(work_init(&w) == 0);
	top = enter(NULL, "");
	own = add(b, top, "", ENTRY_DIRECTORY);
	inner = enter(top, "d");
	below = add(b, inner, "d", ENTRY_DIRECTORY);
	file = add(b, inner, "d/f", ENTRY_FILE);
	work_leave(&w, inner);
	work_leave(&w, top);
	cr_assert(work_push(&w, b, false));
	take_batch(0, b);
	work_entry_over(&w, own, true, false);
	cr_expect_str_eq(ready(&list), "");
	work_entry_over(&w, below, true, false);
	cr_expect_str_eq(ready(&list), ". ");
	directories_over(list);
	work_entry_over(&w, file, true, false);
	cr_expect_str_eq(ready(&list), "d ");
	directories_over(list);
	work_batch_done(&w, b);
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

Test(work, a_directory_that_nothing_touched_keeps_its_metadata)
{
	struct dirnode *top, *list;
	struct batch *b = batch_new(&root);
	struct entry *own, *file;

	cr_assert(work_init(&w) == 0);
	top = enter(NULL, "");
	own = add(b, top, "", ENTRY_DIRECTORY);
	file = add(b, top, "f", ENTRY_FILE);
	work_leave(&w, top);
	cr_assert(work_push(&w, b, false));
	take_batch(0, b);
	work_entry_over(&w, own, false, false);
	work_entry_over(&w, file, false, true);
	cr_expect_str_eq(ready(&list), "");
	work_batch_done(&w, b);
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

/* One that could not be made has no metadata to be set. */
Test(work, a_directory_that_failed_is_not_given_its_metadata)
{
	struct dirnode *top, *list;
	struct batch *b = batch_new(&root);
	struct entry *own, *file;

	cr_assert(work_init(&w) == 0);
	top = enter(NULL, "");
	own = add(b, top, "", ENTRY_DIRECTORY);
	file = add(b, top, "f", ENTRY_FILE);
	work_leave(&w, top);
	cr_assert(work_push(&w, b, false));
	take_batch(0, b);
	work_entry_over(&w, own, false, true);
	work_entry_over(&w, file, true, false);
	cr_expect_str_eq(ready(&list), "");
	work_batch_done(&w, b);
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

/* What is made in a directory changes its time: a new directory touches the one above it. */
Test(work, a_directory_that_was_not_there_touches_the_one_above)
{
	for (int absent = 0; absent < 2; absent++) {
		struct dirnode *top, *inner, *list;
		struct batch *b = batch_new(&root);
		struct entry *own, *below;

		cr_assert(work_init(&w) == 0);
		top = enter(NULL, "");
		own = add(b, top, "", ENTRY_DIRECTORY);
		inner = enter(top, "d");
		below = add(b, inner, "d", ENTRY_DIRECTORY);
		work_leave(&w, inner);
		work_leave(&w, top);
		cr_assert(work_push(&w, b, false));
		take_batch(0, b);
		work_entry_over(&w, own, false, false);
		if (absent)
			work_set_absent(&w, inner);
		work_entry_over(&w, below, true, false);
		cr_expect_str_eq(ready(&list), absent ? "d . " : "d ");
		directories_over(list);
		work_batch_done(&w, b);
		work_release(&w);
	}
}

Test(work, says_what_is_not_there_from_the_top)
{
	struct dirnode *d[4], *list[8];

	cr_assert(work_init(&w) == 0);
	d[0] = enter(NULL, "");
	d[1] = enter(d[0], "a");
	d[2] = enter(d[1], "a/b");
	d[3] = enter(d[2], "a/b/c");
	cr_expect(work_unmade(&w, d[3], list, 8) == 4);
	cr_expect(memcmp(list, d, sizeof(d)) == 0);
	cr_expect(work_unmade(&w, d[3], list, 2) == 2 && list[0] == d[0] && list[1] == d[1]);
	work_set_made(&w, d[0], -1);
	work_set_made(&w, d[1], -1);
	cr_expect(work_unmade(&w, d[3], list, 8) == 2 && list[0] == d[2] && list[1] == d[3]);
	work_set_made(&w, d[3], -1);
	cr_expect(work_unmade(&w, d[3], list, 8) == 0);
	cr_expect(work_unmade(&w, NULL, list, 8) == 0);
	cr_expect(!work_is_absent(&w, d[3]));
	work_set_absent(&w, d[1]);
	cr_expect(work_is_absent(&w, d[1]) && work_is_absent(&w, d[3]));
	cr_expect(!work_is_absent(&w, d[0]) && !work_is_absent(&w, NULL));
	work_release(&w);
}

/* The end: scanned, and nothing pending.  Nothing else is one. */
Test(work, the_end_is_when_all_was_scanned_and_nothing_is_pending)
{
	struct batch *b = batch_new(&root);
	struct work_item item;
	struct entry *file;

	cr_assert(work_init(&w) == 0);
	expect_none(0);
	file = add(b, NULL, "f", ENTRY_FILE);
	cr_assert(work_push(&w, b, false));
	work_scanned(&w);
	take_batch(0, b);
	expect_none(0);
	work_batch_done(&w, b);
	expect_none(0);
	cr_expect(!work_wait_idle(&w, 0));
	work_entry_over(&w, file, false, false);
	cr_expect(take(0, &item) == WORK_END);
	cr_expect(take(1, &item) == WORK_END);
	work_take(&w, 2, true, &item);
	cr_expect(item.kind == WORK_END);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

static void *
wait_for_work(void *arg)
{
	work_take(&w, 1, true, arg);
	return NULL;
}

static void *
push_until_stopped(void *arg)
{
	unsigned *pushed = arg;

	while (work_push(&w, batch_new(&root), false))
		++*pushed;
	return NULL;
}

Test(work, a_stop_ends_everybody_who_waits)
{
	struct work_item item = {.kind = WORK_NONE}, none;
	pthread_t taker, pusher;
	unsigned pushed = 0;

	cr_assert(work_init(&w) == 0);
	cr_expect(!work_stopped(&w));
	pthread_create(&pusher, NULL, push_until_stopped, &pushed);
	pthread_create(&taker, NULL, wait_for_work, &item);
	pthread_join(taker, NULL); /* it got the first batch */
	cr_expect(item.kind == WORK_BATCH);
	work_stop(&w);
	pthread_join(pusher, NULL);
	cr_expect(pushed <= WORK_BATCHES + 1);
	cr_expect(work_stopped(&w));
	cr_expect(take(0, &none) == WORK_END);
	cr_expect(work_wait_idle(&w, UINT64_MAX));
	work_release(&w);
}

static void *
wait_until_idle(void *arg)
{
	(void)arg;
	cr_expect(work_wait_idle(&w, UINT64_MAX));
	return NULL;
}

/* Often, as it cannot be seen whether somebody waits already. */
Test(work, who_waits_for_the_end_is_told)
{
	struct work_item item;
	pthread_t waiter;

	for (unsigned i = 0; i < 100; i++) {
		cr_assert(work_init(&w) == 0);
		pthread_create(&waiter, NULL, wait_until_idle, NULL);
		cr_assert(work_push(&w, batch_new(&root), false));
		work_take(&w, 0, true, &item);
		if (i % 2 == 0)
			work_scanned(&w);
		work_batch_done(&w, item.batch);
		if (i % 2 == 1)
			work_scanned(&w);
		pthread_join(waiter, NULL);
		work_release(&w);
	}
}

Test(work, the_scanner_waits_where_it_is_too_far_ahead)
{
	struct work_item item;
	pthread_t pusher;
	unsigned pushed = 0, taken = 0;

	cr_assert(work_init(&w) == 0);
	pthread_create(&pusher, NULL, push_until_stopped, &pushed);
	for (; taken < 5 * WORK_BATCHES; taken++) {
		work_take(&w, 0, true, &item);
		cr_assert(item.kind == WORK_BATCH);
		pthread_mutex_lock(&w.lock);
		cr_assert(w.queued <= WORK_BATCHES);
		pthread_mutex_unlock(&w.lock);
		work_batch_done(&w, item.batch);
	}
	work_stop(&w);
	pthread_join(pusher, NULL);
	cr_expect(pushed <= taken + WORK_BATCHES);
	work_release(&w);
}

/* Several streams that make names in one directory would only wait for each other. */
Test(work, batches_of_one_directory_are_for_one_stream_at_a_time)
{
	struct batch *b[5];

	cr_assert(work_init(&w) == 0);
	for (int i = 0; i < 5; i++)
		b[i] = batch_new(&root);
	cr_assert(work_push(&w, b[0], false));
	cr_assert(work_push(&w, b[1], true));
	cr_assert(work_push(&w, b[2], false));
	cr_assert(work_push(&w, b[3], true));
	take_batch(1, b[0]);
	take_batch(2, b[2]);
	expect_none(3);
	take_batch(1, b[1]);
	expect_none(1);
	work_batch_done(&w, b[0]); /* b[1] is still held */
	cr_assert(work_push(&w, b[4], true));
	expect_none(3);
	work_batch_done(&w, b[2]);
	take_batch(3, b[3]); /* nobody held any of that directory: another may go on */
	expect_none(2);
	work_batch_done(&w, b[1]);
	expect_none(2);
	take_batch(3, b[4]);
	work_batch_done(&w, b[3]);
	work_batch_done(&w, b[4]);
	work_scanned(&w);
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

struct holder {
	int stream;
	atomic_int *held; /* by which stream each chain is held, -1: none */
	bool bad;
};

#define CHAINS	20
#define PER_ONE 10

static void *
work_on_batches(void *arg)
{
	struct holder *h = arg;
	struct work_item item;

	for (;;) {
		int chain, expected = -1;

		work_take(&w, h->stream, true, &item);
		if (item.kind != WORK_BATCH)
			return NULL;
		chain = (int)item.batch->content;
		if (!atomic_compare_exchange_strong(&h->held[chain], &expected, h->stream))
			h->bad = true;
		sched_yield();
		atomic_store(&h->held[chain], -1);
		work_batch_done(&w, item.batch);
	}
}

Test(work, threads_never_hold_one_directory_together)
{
	static atomic_int held[CHAINS];
	struct holder holders[4];
	pthread_t threads[4];

	cr_assert(work_init(&w) == 0);
	for (int i = 0; i < CHAINS; i++)
		held[i] = -1;
	for (int i = 0; i < 4; i++) {
		holders[i] = (struct holder){.stream = i, .held = held};
		pthread_create(&threads[i], NULL, work_on_batches, &holders[i]);
	}
	for (int i = 0; i < CHAINS * PER_ONE; i++) {
		struct batch *b = batch_new(&root);

		b->content = (uint64_t)(i / PER_ONE);
		cr_assert(work_push(&w, b, i % PER_ONE != 0));
	}
	work_scanned(&w);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(!holders[i].bad);
	}
	cr_expect(work_wait_idle(&w, 0));
	work_release(&w);
}

/* asan: an end at any time frees all there is. */
Test(work, an_early_end_frees_everything)
{
	struct dirnode *top, *inner;
	struct link_group *first;
	struct work_item item;
	struct entry name = {.path = "m", .target = "", .identity = {.inode = 5}};
	struct batch *b[3];

	cr_assert(work_init(&w) == 0);
	top = enter(NULL, "");
	for (int i = 0; i < 3; i++)
		b[i] = batch_new(&root);
	add(b[0], top, "", ENTRY_DIRECTORY);
	inner = enter(top, "d");
	add(b[0], inner, "d", ENTRY_DIRECTORY);
	name.directory = inner;
	cr_expect(work_meet_link(&w, &root, 1, 3, &name, &first) == 0 && first != NULL);
	cr_expect(work_meet_link(&w, &root, 1, 3, &name, &first) == 0 && first == NULL);
	cr_assert(work_push(&w, b[0], false));
	cr_assert(work_push(&w, b[1], true));
	take_batch(0, b[0]);
	work_add_big(&w, big_new(&b[0]->entries[0]));
	work_add_big(&w, big_new(&b[0]->entries[1]));
	cr_expect(take(0, &item) == WORK_BIG);
	cr_expect(big_set_todo(item.big, NULL, 0) == 0);
	work_stop(&w);
	cr_expect(!work_push(&w, b[2], false));
	work_release(&w);
}
