/* A big file among several streams. */
#include "src/client/work.h"

#include "tests/harness/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/ranges.h"

#define BLOCKS 1000u
#define SIZE   (BLOCKS * (uint64_t)LIMIT_BLOCK_BYTES - 77)

static struct work w;

static struct big *
new_big(uint64_t size)
{
	static struct entry e;
	struct big *b;

	e.identity.size = size;
	b = big_new(&e);
	cr_assert(b != NULL);
	return b;
}

/* A big file that stream 0 has begun. */
static struct big *
begin(uint64_t size, const struct block_range *have, uint32_t count)
{
	struct work_item item;
	struct big *b = new_big(size);

	cr_assert(work_init(&w) == 0);
	work_add_big(&w, b);
	work_take(&w, 0, false, &item);
	cr_assert(item.kind == WORK_BIG && item.big == b);
	cr_assert(big_set_todo(b, have, count) == 0);
	return b;
}

static const struct block_range present[] = {{3, 1}, {100, 50}, {700, 299}};

static bool
is_present(uint64_t block)
{
	return block == 3 || (block >= 100 && block < 150) || (block >= 700 && block < 999);
}

Test(segments, what_is_missing_is_all_but_what_is_there)
{
	struct big *b = begin(SIZE, present, 3);

	cr_expect(b->todo_count == 4 && b->todo_blocks == BLOCKS - 350);
	cr_expect(b->present == 350 * (uint64_t)LIMIT_BLOCK_BYTES);
	work_big_opened(&w, b, true, false);
	work_big_over(&w, b);
	work_release(&w);
}

Test(segments, an_empty_file_has_none)
{
	struct big *b = begin(0, NULL, 0);
	struct segment s;

	work_big_opened(&w, b, true, false);
	work_next_segment(&w, b, &s);
	cr_expect(s.count == 0);
	cr_expect(work_big_leave(&w, b));
	work_big_over(&w, b);
	work_release(&w);
}

Test(segments, are_numbered_by_their_place_in_what_is_missing)
{
	struct big *b = begin(SIZE, present, 3);
	struct segment s;
	uint64_t number = 0;

	work_big_opened(&w, b, true, false);
	for (;;) {
		work_next_segment(&w, b, &s);
		if (s.count == 0)
			break;
		cr_expect(s.number == number && s.count <= SEGMENT_BLOCKS);
		number += s.count;
	}
	cr_expect(number == b->todo_blocks);
	work_big_over(&w, b);
	work_release(&w);
}

static atomic_uint taken[BLOCKS];

static void
take_all(struct big *b)
{
	struct segment s;

	for (;;) {
		work_next_segment(&w, b, &s);
		if (s.count == 0)
			return;
		for (uint64_t i = 0; i < s.count; i++)
			atomic_fetch_add(&taken[s.first + i], 1);
		sched_yield();
	}
}

static atomic_uint last_ones, handles;

/* As a stream does it. */
static void *
help(void *arg)
{
	struct work_item item;

	(void)arg;
	for (;;) {
		work_take(&w, 1, true, &item);
		if (item.kind == WORK_END)
			return NULL;
		cr_assert(item.kind == WORK_SEGMENTS);
		atomic_fetch_add(&handles, 1);
		take_all(item.big);
		if (work_big_leave(&w, item.big)) {
			/* everybody else's handle is away */
			cr_assert(atomic_load(&handles) == 1);
			atomic_fetch_add(&last_ones, 1);
			work_big_over(&w, item.big);
			work_stop(&w);
			return NULL;
		}
		atomic_fetch_sub(&handles, 1);
		work_big_left(&w, item.big);
	}
}

Test(segments, each_block_is_moved_once_whatever_the_number_of_streams)
{
	for (unsigned round = 0; round < 50; round++) {
		pthread_t threads[3];
		struct big *b = begin(SIZE, present, 3);

		memset(taken, 0, sizeof(taken));
		last_ones = 0;
		handles = 1;
		for (unsigned i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, help, NULL);
		work_big_opened(&w, b, true, false);
		take_all(b);
		if (work_big_leave(&w, b)) {
			cr_assert(atomic_load(&handles) == 1);
			atomic_fetch_add(&last_ones, 1);
			work_big_over(&w, b);
			work_stop(&w);
		} else {
			atomic_fetch_sub(&handles, 1);
			work_big_left(&w, b);
		}
		for (unsigned i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		for (uint64_t i = 0; i < BLOCKS; i++)
			cr_assert(taken[i] == (is_present(i) ? 0 : 1), "block %llu: %u",
				  (unsigned long long)i, taken[i]);
		cr_assert(last_ones == 1);
		work_release(&w);
	}
}

static enum work_kind
kind(void)
{
	struct work_item item;

	work_take(&w, 1, false, &item);
	return item.kind;
}

Test(segments, nobody_joins_before_it_is_opened_or_where_there_is_no_help)
{
	struct big *b = begin(SIZE, NULL, 0);

	cr_expect(kind() == WORK_NONE);
	work_big_opened(&w, b, false, false);
	cr_expect(kind() == WORK_NONE);
	work_big_over(&w, b);
	work_release(&w);
}

Test(segments, nobody_joins_or_goes_on_when_it_has_failed)
{
	struct big *b = begin(SIZE, NULL, 0);
	struct problem first, second;
	struct segment s;

	problem_set(&first, FTX_E_NO_SPACE, SIDE_REMOTE, "first");
	problem_set(&second, FTX_E_CLOSED, SIDE_NETWORK, "second");
	work_big_opened(&w, b, true, false);
	cr_expect(kind() == WORK_SEGMENTS); /* stream 1 is at it too */
	work_big_fail(&w, b, &first, false);
	work_big_fail(&w, b, &second, false);
	cr_expect(b->error == FTX_E_NO_SPACE);
	cr_expect_str_eq(b->problem.text, "first");
	work_next_segment(&w, b, &s);
	cr_expect(s.count == 0);
	cr_expect(kind() == WORK_NONE);
	cr_expect(!work_big_leave(&w, b));
	work_big_left(&w, b);
	cr_expect(work_big_leave(&w, b));
	work_big_over(&w, b);
	work_release(&w);
}

/* What is sent again is the last one's alone: the others' handles are away. */
Test(segments, nobody_joins_the_last_one)
{
	const struct block_range again[] = {{5, 200}};
	struct big *b = begin(SIZE, NULL, 0);

	work_big_opened(&w, b, true, false);
	take_all(b);
	cr_expect(work_big_leave(&w, b));
	cr_assert(big_set_ranges(b, again, 1) == 0);
	cr_expect(kind() == WORK_NONE);
	work_big_over(&w, b);
	work_release(&w);
}

Test(segments, ranges_to_be_moved_again_are_numbered_anew)
{
	const struct block_range again[] = {{5, 2}, {40, 40}};
	struct big *b = begin(SIZE, NULL, 0);
	struct segment s;

	cr_assert(big_set_ranges(b, again, 2) == 0);
	cr_expect(b->todo_blocks == 42);
	work_next_segment(&w, b, &s);
	cr_expect(s.first == 5 && s.count == 2 && s.number == 0);
	work_next_segment(&w, b, &s);
	cr_expect(s.first == 40 && s.count == 32 && s.number == 2);
	work_next_segment(&w, b, &s);
	cr_expect(s.first == 72 && s.count == 8 && s.number == 34);
	work_next_segment(&w, b, &s);
	cr_expect(s.count == 0);
	cr_assert(big_set_ranges(b, NULL, 0) == 0);
	work_next_segment(&w, b, &s);
	cr_expect(s.count == 0);
	work_big_over(&w, b);
	work_release(&w);
}

/* A connection that is lost is no fault of the file: it may still change once. */
Test(segments, only_what_is_no_loss_is_an_attempt)
{
	const struct problem changed = {.error = FTX_E_CHANGED}, lost = {.error = FTX_E_CLOSED};
	struct big *b = begin(SIZE, NULL, 0);

	work_big_fail(&w, b, &lost, true);
	work_big_again(&w, b);
	cr_expect(b->attempt == 0 && b->error == 0 && !b->lost);
	work_big_fail(&w, b, &changed, false);
	work_big_again(&w, b);
	cr_expect(b->attempt == 1 && b->error == 0);
	work_big_over(&w, b);
	work_release(&w);
}

Test(segments, what_waits_longest_is_begun_first)
{
	struct big *b[3];
	struct work_item item;

	cr_assert(work_init(&w) == 0);
	for (int i = 0; i < 3; i++)
		work_add_big(&w, b[i] = new_big(1));
	for (int i = 0; i < 3; i++) {
		work_take(&w, i, false, &item);
		cr_expect(item.kind == WORK_BIG && item.big == b[i]);
	}
	work_release(&w);
}
