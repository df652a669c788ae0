#include "tests/harness/unit.h"

#include "src/server/waiting.h"

#define NOBODY UINT32_MAX

static struct waiting w;

static void
setup(void)
{
	w = (struct waiting){0};
}

TestSuite(waiting, .init = setup);

static void
add_ready(uint32_t number, uint64_t source)
{
	waiting_add(&w, number, source);
	waiting_move(&w, number, WAITING_READY);
}

static uint32_t
next_of(unsigned most_of_one, unsigned most_of_strangers)
{
	uint32_t number;

	return waiting_next(&w, most_of_one, most_of_strangers, &number) ? number : NOBODY;
}

static uint32_t
next(unsigned most_of_one)
{
	return next_of(most_of_one, 1000);
}

static uint32_t
victim(bool silent_only)
{
	uint32_t number;

	return waiting_victim(&w, silent_only, &number) ? number : NOBODY;
}

/* The next one is served and has ended. */
static uint32_t
serve(void)
{
	uint32_t number = next(1000);

	if (number != NOBODY) {
		waiting_move(&w, number, WAITING_GREETING);
		waiting_leave(&w, number);
	}
	return number;
}

Test(waiting, serves_nobody_whose_first_message_is_not_there)
{
	cr_expect_eq(next(1), NOBODY);
	waiting_add(&w, 7, 1);
	cr_expect_eq(next(1), NOBODY);
	waiting_move(&w, 7, WAITING_READY);
	cr_expect_eq(next(1), 7);
	waiting_leave(&w, 7);
	cr_expect_eq(next(1), NOBODY);
	waiting_leave(&w, 7);
}

Test(waiting, serves_sources_in_turn)
{
	static const uint32_t expected[] = {10, 20, 30, 11, 21, 12, 13, NOBODY};

	for (uint32_t i = 0; i < 4; i++)
		add_ready(10 + i, 1);
	add_ready(20, 2);
	add_ready(21, 2);
	add_ready(30, 3);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		cr_expect_eq(serve(), expected[i], "number %zu", i);
}

/* One source keeps many there, whatever is served: another one waits for one of them at most. */
Test(waiting, lets_nobody_wait_for_more_than_one_of_each_other_source)
{
	uint32_t number = 0;

	while (number < 200)
		add_ready(number++, 1);
	for (int round = 0; round < 50; round++) {
		add_ready(1000, 2);
		if (serve() != 1000)
			cr_expect_eq(serve(), 1000, "round %d", round);
		add_ready(number++, 1);
	}
}

Test(waiting, gives_a_source_its_share_of_greeters_and_the_rest_to_others)
{
	for (uint32_t i = 0; i < 5; i++)
		add_ready(i, 1);
	add_ready(9, 2);
	cr_expect_eq(next(2), 0);
	waiting_move(&w, 0, WAITING_GREETING);
	cr_expect_eq(next(2), 9);
	waiting_move(&w, 9, WAITING_GREETING);
	cr_expect_eq(next(2), 1);
	waiting_move(&w, 1, WAITING_GREETING);
	cr_expect_eq(next(2), NOBODY, "it has two");
	waiting_leave(&w, 0);
	cr_expect_eq(next(2), 2);
}

static void
add_ready_as(uint32_t number, uint64_t source, enum waiting_standing standing)
{
	add_ready(number, source);
	waiting_know(&w, number, standing);
}

Test(waiting, serves_known_sources_and_others_by_turns)
{
	static const uint32_t expected[] = {20, 10, 30, 40, 21, 11, 22, 23, NOBODY};

	add_ready(10, 1);
	add_ready(11, 1);
	add_ready_as(20, 2, WAITING_KNOWN);
	for (uint32_t i = 21; i < 24; i++)
		add_ready_as(i, 2, WAITING_KNOWN);
	add_ready_as(30, 3, WAITING_KNOWN);
	add_ready_as(40, 4, WAITING_PROXY);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		cr_expect_eq(serve(), expected[i], "number %zu", i);
}

Test(waiting, keeps_from_strangers_what_is_not_theirs)
{
	for (uint32_t i = 0; i < 5; i++)
		add_ready(i, 10 + i);
	waiting_move(&w, 0, WAITING_GREETING);
	cr_expect_eq(next_of(1, 2), 1);
	waiting_move(&w, 1, WAITING_GREETING);
	cr_expect_eq(next_of(1, 2), NOBODY, "strangers have two");
	add_ready_as(30, 30, WAITING_PROXY);
	cr_expect_eq(next_of(1, 2), 30);
	add_ready_as(40, 40, WAITING_KNOWN);
	cr_expect_eq(next_of(1, 2), 40);
	waiting_move(&w, 30, WAITING_GREETING);
	waiting_move(&w, 40, WAITING_GREETING);
	cr_expect_eq(next_of(1, 3), 2, "others do not count");
	add_ready_as(41, 40, WAITING_KNOWN);
	cr_expect_eq(next_of(1, 2), NOBODY, "it has one");
	waiting_leave(&w, 0);
	cr_expect_eq(next_of(1, 2), 2);
}

Test(waiting, lets_a_known_source_make_room_last)
{
	waiting_add(&w, 1, 1);
	waiting_know(&w, 1, WAITING_KNOWN);
	add_ready(2, 2);
	cr_expect_eq(victim(true), 1, "it is the only silent one");
	cr_expect_eq(victim(false), 2);
	for (uint32_t i = 10; i < 10 + WAITING_SHARE; i++) {
		waiting_add(&w, i, 1);
		waiting_know(&w, i, WAITING_KNOWN);
	}
	cr_expect_eq(victim(false), 1, "it has more than its share");
}

Test(waiting, lets_the_oldest_silent_one_make_room)
{
	cr_expect_eq(victim(false), NOBODY);
	add_ready(1, 1);
	waiting_add(&w, 2, 2);
	waiting_add(&w, 3, 3);
	waiting_add(&w, 4, 3);
	cr_expect_eq(victim(false), 2);
	waiting_leave(&w, 2);
	cr_expect_eq(victim(false), 3);
	waiting_leave(&w, 3);
	waiting_leave(&w, 4);
	cr_expect_eq(victim(false), 1);
	cr_expect_eq(victim(true), NOBODY);
	waiting_move(&w, 1, WAITING_GREETING);
	cr_expect_eq(victim(false), NOBODY, "it has a greeter");
}

Test(waiting, lets_the_source_that_has_most_make_room_when_it_has_more_than_its_share)
{
	uint32_t number = 100;

	waiting_add(&w, 1, 1);
	for (unsigned i = 0; i < WAITING_SHARE; i++)
		add_ready(number++, 2);
	for (unsigned i = 0; i < WAITING_SHARE + 1; i++)
		add_ready(number++, 3);
	cr_expect_eq(victim(false), 100 + WAITING_SHARE, "the oldest of 3");
	waiting_add(&w, number, 3);
	cr_expect_eq(victim(false), number, "the only silent one of 3");
	waiting_leave(&w, number);
	waiting_leave(&w, 100 + WAITING_SHARE);
	cr_expect_eq(victim(false), 1, "nobody has more than a share: the oldest silent one");
}

/* What has a greeter is not one that waits. */
Test(waiting, does_not_count_those_that_have_a_greeter)
{
	for (uint32_t i = 0; i < WAITING_SHARE + 1; i++)
		add_ready(i, 1);
	waiting_add(&w, 500, 2);
	cr_expect_eq(victim(false), 0);
	waiting_move(&w, 0, WAITING_GREETING);
	cr_expect_eq(victim(false), 500);
}

/* Sources that take turns at coming back never push out one that is within its share. */
Test(waiting, floods_of_few_sources_push_out_themselves)
{
	const uint32_t mine = 1000000;

	for (uint32_t i = 0; i < 256; i++)
		waiting_add(&w, i, 1 + i % 8);
	waiting_leave(&w, victim(false));
	waiting_add(&w, mine, 99);
	for (uint32_t i = 256; i < 5000; i++) {
		uint32_t gone = victim(false);

		cr_assert_neq(gone, mine, "after %u more", i - 256);
		waiting_leave(&w, gone);
		waiting_add(&w, i, 1 + i % 8);
	}
}

Test(waiting, has_seats_for_as_many_as_it_says)
{
	for (uint32_t i = 0; i < WAITING_SEATS; i++)
		add_ready(i, 1 + i / 2);
	for (uint32_t i = 0; i < WAITING_SEATS; i++)
		cr_expect_eq(serve(), i % (WAITING_SEATS / 2) * 2 + i / (WAITING_SEATS / 2));
	cr_expect_eq(w.count, 0);
}

Test(pace, lets_some_begin_at_once_and_then_one_at_its_time)
{
	struct pace p = {0};
	uint64_t now = 1000000;
	unsigned at_once = 0;
	unsigned in_a_second = 0;

	while (pace_take(&p, now, PACE_HANDSHAKE_MS) == 0)
		at_once++;
	cr_expect_eq(at_once, PACE_CREDIT_MS / PACE_HANDSHAKE_MS + 1);
	cr_expect_eq(pace_take(&p, now, PACE_HANDSHAKE_MS), now + PACE_HANDSHAKE_MS);
	cr_expect_eq(pace_take(&p, now + PACE_HANDSHAKE_MS, PACE_HANDSHAKE_MS), 0);
	now += PACE_HANDSHAKE_MS;
	for (uint64_t end = now + 1000; now < end; now++)
		in_a_second += pace_take(&p, now, PACE_HANDSHAKE_MS) == 0;
	cr_expect_eq(in_a_second, 199, "%u", in_a_second);
}

Test(pace, lets_more_begin_of_what_costs_less)
{
	struct pace p = {0};
	uint64_t now = 1000000;
	unsigned in_a_second = 0;

	while (pace_take(&p, now, PACE_HEADER_MS) == 0)
		continue;
	for (uint64_t end = now + 1000; now < end; now++)
		in_a_second += pace_take(&p, now, PACE_HEADER_MS) == 0;
	cr_expect_geq(in_a_second, 1000 / (PACE_HEADER_MS + 1), "%u", in_a_second);
}
