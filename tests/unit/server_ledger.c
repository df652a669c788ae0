/*
 * The ledger: limits of clients and shares, what counts where, and what a session cannot do.
 */
#include "src/server/ledger.h"

#include "tests/harness/unit.h"

enum { WHOLE = 0, A_S, B_S, B_T, ACCOUNTS };

static struct grant whole_grants[1], a_grants[1], b_grants[2];
static struct client_policy clients[3];
static struct policy policy;
static struct ledger *ledger;

static struct grant
grant_of(const char *share, const char *path, const char *subtree)
{
	struct grant g = {.path = path, .subtree = subtree, .rights = RIGHTS_FULL};

	strcpy(g.share, share);
	return g;
}

static struct client_policy
client_of(const char *name, const struct grant *grants, size_t count)
{
	struct client_policy c = {.grants = grants, .grant_count = count};

	strcpy(c.name, name);
	return c;
}

/* whole has all of s, a has s:/a, b has s:/a/b and all of t. */
static void
setup(void)
{
	whole_grants[0] = grant_of("s", "/srv/s", "");
	a_grants[0] = grant_of("s", "/srv/s", "a");
	b_grants[0] = grant_of("s", "/srv/s", "a/b");
	b_grants[1] = grant_of("t", "/srv/t", NULL);
	clients[0] = client_of("whole", whole_grants, 1);
	clients[1] = client_of("a", a_grants, 1);
	clients[2] = client_of("b", b_grants, 2);
	policy = (struct policy){.clients = clients, .client_count = 3};
}

static void
share_quota(uint64_t bytes, uint64_t files)
{
	const struct quota quota = {bytes, files};

	whole_grants[0].rules.quota = a_grants[0].rules.quota = b_grants[0].rules.quota = quota;
}

static void
make_ledger(void)
{
	ledger_free(ledger);
	cr_assert((ledger = ledger_new(&policy)) != NULL);
	cr_assert_eq(ledger_account_count(ledger), ACCOUNTS);
}

/* Every place that is wanted has so much. */
static void
count_all(uint64_t bytes, uint64_t files)
{
	const struct usage u = {bytes, files};

	for (uint32_t i = 0; i < ledger_place_count(ledger); i++)
		if (ledger_place(ledger, i)->wanted)
			cr_expect(ledger_counted(ledger, i, &u, 1000));
}

static void
teardown(void)
{
	ledger_free(ledger);
	ledger = NULL;
}

TestSuite(ledger, .init = setup, .fini = teardown);

static bool
take(uint32_t account, uint64_t bytes, uint64_t files)
{
	const struct usage u = {bytes, files};

	return ledger_reserve(ledger, account, &u, &u, true).granted;
}

static void
change(uint32_t account, uint64_t made_bytes, uint64_t gone_bytes, uint64_t gone_files)
{
	const struct usage_tally tally = {.made = {.bytes = made_bytes},
					  .gone = {gone_bytes, gone_files}};

	ledger_change(ledger, account, &tally);
}

static uint64_t
bytes_of(uint32_t account)
{
	struct ledger_figures f;

	ledger_look(ledger, account, &f);
	return f.used.bytes;
}

Test(ledger, nothing_is_counted_that_nobody_asked_for)
{
	make_ledger();
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		cr_expect_not(ledger_is_counted(ledger, i));
	cr_expect_eq(ledger_share_count(ledger), 2);
	cr_expect_not(ledger_share(ledger, 0).wanted);
	cr_expect(take(A_S, UINT64_MAX, UINT64_MAX));
}

Test(ledger, a_clients_quota_is_of_each_of_its_subtrees)
{
	clients[2].quota = (struct quota){.bytes = 100, .files = 10};
	make_ledger();
	count_all(0, 0);
	cr_expect(take(B_S, 100, 1));
	cr_expect_not(take(B_S, 1, 0));
	cr_expect(take(B_T, 60, 10));
	cr_expect_not(take(B_T, 1, 1), "files");
	cr_expect(take(B_T, 40, 0));
	cr_expect(take(A_S, 1000, 1000), "another's quota is not mine");
	cr_expect_not(ledger_is_counted(ledger, A_S), "a/b is below it, not around it");
}

Test(ledger, what_is_in_a_place_counts_in_those_around_it)
{
	clients[0].quota.bytes = 1000;
	clients[1].quota.bytes = 100;
	make_ledger();
	count_all(0, 0);
	cr_expect(take(A_S, 100, 0));
	cr_expect(take(B_S, 50, 0), "it has no quota itself");
	cr_expect(ledger_is_counted(ledger, B_S), "but others around it have");
	cr_expect_eq(bytes_of(A_S), 150);
	cr_expect_eq(bytes_of(WHOLE), 150);
	cr_expect_not(take(A_S, 1, 0));
	change(B_S, 0, 60, 0);
	cr_expect_eq(bytes_of(A_S), 100, "no more than there was");
	change(A_S, 0, 70, 0);
	cr_expect(take(A_S, 70, 0));
	cr_expect(take(WHOLE, 1000 - 100, 0));
	cr_expect_not(take(WHOLE, 1, 0));
}

Test(ledger, a_shares_quota_is_of_all_of_it)
{
	share_quota(100, 0);
	make_ledger();
	count_all(0, 0);
	cr_expect(take(B_S, 60, 0));
	cr_expect(take(WHOLE, 40, 0));
	cr_expect_not(take(A_S, 1, 0));
	cr_expect(take(A_S, 0, 1), "files have no limit");
	cr_expect(take(B_T, 1000, 0), "another share has none");
}

Test(ledger, takes_less_where_there_is_less_and_says_what_is_left)
{
	const struct usage wanted = {60, 0}, least = {10, 0};
	struct ledger_answer answer;

	clients[1].quota.bytes = 100;
	share_quota(1000, 50);
	make_ledger();
	count_all(0, 0);
	answer = ledger_reserve(ledger, A_S, &wanted, &least, true);
	cr_expect(answer.granted && answer.amount.bytes == 60 && answer.left.bytes == 40);
	cr_expect_eq(answer.most.bytes, 100);
	cr_expect(answer.left.files == 50 && answer.most.files == 50);
	answer = ledger_reserve(ledger, A_S, &wanted, &least, false);
	cr_expect(answer.granted && answer.left.bytes == 40, "it was only asked");
	answer = ledger_reserve(ledger, A_S, &wanted, &least, true);
	cr_expect(answer.granted && answer.amount.bytes == 10 && answer.left.bytes == 30);
	answer = ledger_reserve(ledger, A_S, &wanted, &wanted, true);
	cr_expect(!answer.granted && answer.amount.bytes == 0 && answer.left.bytes == 30);
}

Test(ledger, a_place_that_nobody_has_counted_is_not_full)
{
	clients[1].quota.bytes = 100;
	make_ledger();
	cr_expect(take(A_S, 1000, 0));
	cr_expect_not(ledger_share(ledger, 0).known);
}

Test(ledger, where_a_limit_was_passed_what_adds_nothing_is_allowed)
{
	clients[1].quota = (struct quota){.bytes = 100, .files = 10};
	make_ledger();
	count_all(200, 5);
	cr_expect(take(A_S, 0, 1));
	cr_expect_not(take(A_S, 1, 0));
}

/* A session that was taken over can spoil its own account and not the others'. */
Test(ledger, a_session_takes_away_no_more_than_is_in_its_place)
{
	share_quota(1000, 1000);
	make_ledger();
	count_all(0, 0);
	cr_expect(take(B_S, 100, 10) && take(WHOLE, 500, 50));
	change(B_S, 0, UINT64_MAX, UINT64_MAX);
	cr_expect_eq(bytes_of(B_S), 0);
	cr_expect_eq(bytes_of(WHOLE), 500);
}

Test(ledger, a_session_adds_no_more_than_it_may_have)
{
	clients[2].quota.bytes = 100;
	share_quota(1000, 0);
	make_ledger();
	count_all(0, 0);
	change(B_S, UINT64_MAX, 0, 0);
	cr_expect_eq(bytes_of(B_S), 100);
	cr_expect_eq(bytes_of(WHOLE), 100);
	change(WHOLE, UINT64_MAX, 0, 0);
	cr_expect_eq(bytes_of(WHOLE), 1000);
}

Test(ledger, directories_that_come_with_something_pass_the_limit_but_not_without_end)
{
	const struct usage_tally one = {.made = {.files = 1}};
	const struct usage_tally many = {.made = {.files = UINT64_MAX}};
	struct ledger_figures f;

	clients[2].quota.files = 10;
	share_quota(0, 100);
	make_ledger();
	count_all(0, 10);
	ledger_change(ledger, B_S, &one);
	ledger_look(ledger, B_S, &f);
	cr_expect_eq(f.used.files, 11);
	ledger_change(ledger, B_S, &many);
	ledger_change(ledger, B_S, &many);
	ledger_look(ledger, B_S, &f);
	cr_expect_eq(f.used.files, 10 + LEDGER_FILES_BEYOND);
	ledger_change(ledger, WHOLE, &many);
	ledger_look(ledger, WHOLE, &f);
	cr_expect_eq(f.used.files, 100 + LEDGER_FILES_BEYOND);
}

static uint32_t
place_of_a(void)
{
	for (uint32_t i = 0; i < ledger_place_count(ledger); i++)
		if (strcmp(ledger_place(ledger, i)->subtree, "a") == 0)
			return i;
	cr_assert(false, "there is no place a");
	return 0;
}

/* A walk that went on while bytes came and went: what it counted, what is believed then. */
static uint64_t
corrected(uint64_t before, uint64_t came, uint64_t went, uint64_t counted)
{
	const struct usage u = {.bytes = counted}, first = {.bytes = before};
	uint32_t a = place_of_a();

	ledger_counting(ledger, a, 1);
	ledger_counted(ledger, a, &first, 1);
	ledger_counting(ledger, a, 1);
	ledger_counted(ledger, a, &first, 1);
	ledger_counting(ledger, a, 1);
	cr_expect(take(A_S, came, 0));
	change(A_S, 0, went, 0);
	cr_expect(ledger_counted(ledger, a, &u, 2));
	return bytes_of(A_S);
}

Test(ledger, a_walk_corrects_by_no_more_than_it_shows_to_be_wrong)
{
	clients[1].quota.bytes = 1 << 30;
	make_ledger();
	cr_expect_eq(corrected(100, 0, 0, 100), 100);
	cr_expect_eq(corrected(100, 0, 0, 70), 70, "nothing happened: it is right");
	cr_expect_eq(corrected(100, 0, 0, 150), 150);
	cr_expect_eq(corrected(100, 50, 0, 150), 150, "it saw what came");
	cr_expect_eq(corrected(100, 50, 0, 100), 150, "it did not");
	cr_expect_eq(corrected(100, 50, 0, 90), 140, "nor something else, which is not there");
	cr_expect_eq(corrected(100, 0, 50, 100), 50, "it did not see what went");
	cr_expect_eq(corrected(100, 50, 50, 130), 100);
}

Test(ledger, a_first_count_is_not_sure_where_something_came_meanwhile)
{
	const struct usage u = {.bytes = 10};
	uint32_t a;

	clients[1].quota.bytes = 100;
	make_ledger();
	a = place_of_a();
	ledger_counting(ledger, a, 1);
	cr_expect(take(A_S, 5, 0));
	cr_expect_not(ledger_counted(ledger, a, &u, 1));
	cr_expect_eq(bytes_of(A_S), 10);
	ledger_counting(ledger, a, 1);
	cr_expect(ledger_counted(ledger, a, &u, 1));
	cr_expect_not(ledger_share(ledger, 0).known, "a/b is to be known too");
	cr_expect(ledger_counted(ledger, a + 1, &u, 1));
	cr_expect(ledger_share(ledger, 0).known);
}

Test(ledger, another_policy_keeps_what_is_known_of_the_same_places)
{
	struct ledger *old;

	clients[1].quota.bytes = 100;
	clients[2].quota.bytes = 100;
	make_ledger();
	count_all(40, 4);
	old = ledger;
	ledger = NULL;
	clients[1].quota.bytes = 50;
	b_grants[1].path = "/srv/elsewhere";
	make_ledger();
	ledger_carry(ledger, old);
	ledger_free(old);
	cr_expect_eq(bytes_of(A_S), 40);
	cr_expect_not(take(A_S, 11, 0), "the new limit holds");
	cr_expect_eq(bytes_of(B_T), 0, "another directory has something else in it");
	cr_expect(ledger_share(ledger, 0).known);
	cr_expect_not(ledger_share(ledger, 1).known);
}

Test(ledger, accounts_are_found_by_the_name_of_their_client)
{
	struct ledger_figures f;

	clients[2].quota = (struct quota){.bytes = 7, .files = 8};
	share_quota(9, 0);
	make_ledger();
	count_all(1, 2);
	cr_expect_eq(ledger_accounts(ledger, "whole"), WHOLE);
	cr_expect_eq(ledger_accounts(ledger, "b"), B_S);
	cr_expect_eq(ledger_accounts(ledger, "c"), LEDGER_NONE);
	ledger_look(ledger, B_S, &f);
	cr_expect_str_eq(f.client, "b");
	cr_expect_str_eq(f.share, "s");
	cr_expect_str_eq(f.subtree, "a/b");
	cr_expect(f.quota.bytes == 7 && f.quota.files == 8 && f.share_quota.bytes == 9);
	cr_expect(f.counted && f.counted_s == 1000 && f.used.bytes == 1 && f.used.files == 2);
	ledger_look(ledger, B_T, &f);
	cr_expect_str_eq(f.subtree, "");
}
