#include <arpa/inet.h>
#include "tests/harness/unit.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <sodium.h>
#include <stdio.h>

#include "src/server/sources.h"

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  (1000 * HOUR)

static const struct source_rules rules = {.penalty_ms = SECOND, .penalty_max_ms = 10 * MINUTE};
static struct sources *s;

static void
setup(void)
{
	cr_assert(sodium_init() >= 0);
	s = sources_new();
	cr_assert_not_null(s);
}

static void
teardown(void)
{
	sources_free(s);
}

TestSuite(sources, .init = setup, .fini = teardown);

static uint64_t
id_of(const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(1)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(2)};

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return sources_id(s, (struct sockaddr *)&v4);
	cr_assert_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1, "%s", address);
	return sources_id(s, (struct sockaddr *)&v6);
}

/* One failure that is forgiven, then the first that is not, which is its result. */
static uint64_t
fail_twice(uint64_t id, uint64_t now_ms)
{
	cr_assert_eq(sources_failed(s, id, &rules, now_ms), 0);
	return sources_failed(s, id, &rules, now_ms);
}

Test(sources, are_known_for_a_day)
{
	uint64_t id = id_of("192.0.2.1");

	cr_expect_not(sources_are_known(s, id, START));
	fail_twice(id, START);
	cr_expect_not(sources_are_known(s, id, START));
	sources_known(s, id, START);
	cr_expect(sources_are_known(s, id, START));
	cr_expect(sources_are_known(s, id, START + 24 * HOUR - 1));
	cr_expect_not(sources_are_known(s, id, START + 24 * HOUR));
	cr_expect_not(sources_are_known(s, id_of("192.0.2.2"), START));
}

Test(sources, are_what_one_customer_has_of_addresses)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	    {"192.0.2.1", "::192.0.2.1", false},
	    {"0.0.0.0", "::", false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    {"::1", "::2", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(id_of(cases[i].a) == id_of(cases[i].b), cases[i].same, "%s and %s",
			     cases[i].a, cases[i].b);
}

Test(sources, have_names_that_nobody_can_foretell)
{
	uint64_t before = id_of("192.0.2.1");

	sources_free(s);
	setup();
	cr_expect_neq(id_of("192.0.2.1"), before);
}

Test(sources, are_turned_away_from_the_second_failure_on_for_twice_as_long_each_time)
{
	uint64_t id = id_of("192.0.2.1");
	uint64_t now = START;
	uint64_t expected = rules.penalty_ms;

	cr_expect_eq(sources_blocked(s, id, now), 0);
	cr_expect_eq(sources_failed(s, id, &rules, now), 0, "the first is forgiven");
	cr_expect_eq(sources_blocked(s, id, now), 0);
	for (int i = 0; i < 15; i++) {
		uint64_t penalty = sources_failed(s, id, &rules, now);

		cr_expect_eq(penalty, expected, "%llu, not %llu", (unsigned long long)penalty,
			     (unsigned long long)expected);
		cr_expect_eq(sources_blocked(s, id, now), penalty);
		cr_expect_eq(sources_blocked(s, id, now + penalty - 1), 1);
		cr_expect_eq(sources_blocked(s, id, now + penalty), 0);
		cr_expect_eq(sources_blocked(s, id_of("192.0.2.2"), now), 0, "another one");
		now += penalty;
		expected =
		    2 * expected < rules.penalty_max_ms ? 2 * expected : rules.penalty_max_ms;
	}
	cr_expect_eq(expected, rules.penalty_max_ms);
}

Test(sources, that_had_begun_before_pay_once)
{
	uint64_t id = id_of("192.0.2.1");

	cr_assert_eq(fail_twice(id, START), SECOND);
	for (int i = 0; i < 100; i++)
		cr_expect_eq(sources_failed(s, id, &rules, START + SECOND - 1), 0);
	cr_expect_eq(sources_blocked(s, id, START), SECOND);
	cr_expect_eq(sources_failed(s, id, &rules, START + SECOND), 2 * SECOND);
}

Test(sources, have_half_of_a_penalty_forgotten_after_as_long_as_it_was)
{
	const uint64_t first = 40 * SECOND;
	const struct source_rules slow = {.penalty_ms = first, .penalty_max_ms = HOUR};
	uint64_t id = id_of("192.0.2.1");
	uint64_t end = START;

	sources_failed(s, id, &slow, START);
	for (uint64_t penalty = first; penalty <= 4 * first; penalty *= 2) {
		cr_assert_eq(sources_failed(s, id, &slow, end), penalty);
		end += penalty;
	}
	/* The last was 4; the next would be 8. */
	cr_expect_eq(sources_failed(s, id, &slow, end + 4 * first), 4 * first);
	end += 4 * first + 4 * first;
	/* 4, then 2, 1, one half, nothing: the next is a first one again. */
	cr_expect_eq(sources_failed(s, id, &slow, end + (4 + 2 + 1) * first + first / 2), 0);
	cr_expect_eq(sources_failed(s, id, &slow, end + (4 + 2 + 1) * first + first / 2), first);
}

Test(sources, of_short_penalties_are_not_forgotten_at_once)
{
	uint64_t id = id_of("192.0.2.1");

	cr_assert_eq(sources_failed(s, id, &rules, START), 0);
	cr_expect_eq(sources_failed(s, id, &rules, START + 9 * SECOND), SECOND);
	cr_expect_eq(sources_failed(s, id, &rules, START + HOUR), 0);
	cr_expect_eq(sources_blocked(s, id, START + HOUR), 0);
}

Test(sources, take_a_penalty_and_its_most_that_are_the_same)
{
	const struct source_rules same = {.penalty_ms = 100, .penalty_max_ms = 100};
	uint64_t id = id_of("192.0.2.1");

	cr_expect_eq(sources_failed(s, id, &same, START), 0);
	cr_expect_eq(sources_failed(s, id, &same, START), 100);
	cr_expect_eq(sources_failed(s, id, &same, START + 100), 100);
}

Test(sources, of_a_known_key_are_not_turned_away_for_a_day)
{
	uint64_t id = id_of("2001:db8:1:2::1");
	uint64_t neighbour = id_of("2001:db8:1:2::bad");

	cr_assert_eq(fail_twice(id, START), SECOND);
	sources_known(s, id, START);
	cr_expect_eq(sources_blocked(s, id, START), 0, "what was is forgotten");
	for (uint64_t now = START; now < START + SOURCES_KNOWN_MS; now += HOUR) {
		for (int i = 0; i < 10; i++)
			cr_expect_eq(sources_failed(s, neighbour, &rules, now), 0);
		cr_expect_eq(sources_blocked(s, id, now), 0);
	}
	cr_expect_eq(fail_twice(id, START + SOURCES_KNOWN_MS), SECOND);
	cr_expect_eq(sources_blocked(s, id, START + SOURCES_KNOWN_MS), SECOND);
}

Test(sources, of_a_crash_are_turned_away_whoever_is_there)
{
	uint64_t id = id_of("192.0.2.1");

	sources_known(s, id, START);
	sources_crashed(s, id, START);
	cr_expect_eq(sources_blocked(s, id, START), SOURCES_CRASH_MS);
	sources_known(s, id, START + 1);
	cr_expect_eq(sources_blocked(s, id, START + SOURCES_CRASH_MS - 1), 1);
	cr_expect_eq(sources_blocked(s, id, START + SOURCES_CRASH_MS), 0);
}

/* Far more strangers than there are places: what they do costs nobody else what is known of him. */
Test(sources, that_are_known_or_crashed_outlast_any_number_of_strangers)
{
	uint64_t known = id_of("192.0.2.1");
	uint64_t crashed = id_of("192.0.2.2");
	unsigned kept = 0;

	sources_known(s, known, START);
	sources_crashed(s, crashed, START);
	for (uint64_t i = 0; i < 40 * SOURCES_PLACES; i++) {
		struct sockaddr_in6 a = {.sin6_family = AF_INET6};

		a.sin6_addr.s6_addr[0] = 0x20;
		for (int byte = 0; byte < 4; byte++)
			a.sin6_addr.s6_addr[4 + byte] = (uint8_t)(i >> 8 * byte);
		fail_twice(sources_id(s, (struct sockaddr *)&a), START + i / 1000);
	}
	cr_expect_eq(fail_twice(known, START + SECOND), 0);
	cr_expect_eq(sources_blocked(s, crashed, START + SECOND), SOURCES_CRASH_MS - SECOND);
	/* The last of them are still there. */
	for (uint64_t i = 40 * SOURCES_PLACES - SOURCES_PLACES / 4; i < 40 * SOURCES_PLACES; i++) {
		struct sockaddr_in6 a = {.sin6_family = AF_INET6};

		a.sin6_addr.s6_addr[0] = 0x20;
		for (int byte = 0; byte < 4; byte++)
			a.sin6_addr.s6_addr[4 + byte] = (uint8_t)(i >> 8 * byte);
		kept += sources_blocked(s, sources_id(s, (struct sockaddr *)&a), START) != 0;
	}
	cr_expect_geq(kept, SOURCES_PLACES / 8, "%u", kept);
}

Test(sources, forget_the_one_without_a_penalty_before_one_that_has_one)
{
	uint64_t set[9];

	/* Of one set: SOURCES_PLACES / 8 sets, so ids that are the same modulo that. */
	for (uint64_t i = 0; i < 9; i++)
		set[i] = 5 + i * SOURCES_PLACES / 8;
	for (int i = 0; i < 7; i++)
		cr_assert_eq(fail_twice(set[i], START), SECOND);
	sources_failed(s, set[7], &rules, START + 1);
	cr_assert_eq(fail_twice(set[8], START + 2), SECOND);
	for (int i = 0; i < 7; i++)
		cr_expect_neq(sources_blocked(s, set[i], START + 2), 0, "number %d", i);
	cr_expect_eq(fail_twice(set[7], START + 3), SECOND, "it was forgotten, so it is new");
	cr_expect_eq(sources_blocked(s, set[0], START + 3), 0, "the one seen longest ago is gone");
}
