/*
 * Who is overdue, and the files in the state directory.
 */
#include "src/server/books.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/server/state.h"
#include "src/server/supervisor_impl.h"
#include "tests/harness/unit.h"

static char directory[64];
static struct grant grant = {.share = "s", .path = "/srv/s", .subtree = "a b/c"};
static struct client_policy clients[2];
static struct policy policy = {.clients = clients, .client_count = 2};
static struct ledger *ledger;
static struct expected *expected;
static char last_overdue[64];

/* often is expected every 100 s, other never; both have s:/a b/c with a quota. */
static void
setup(void)
{
	unit_directory(directory, sizeof(directory), "state");
	for (size_t i = 0; i < 2; i++)
		clients[i] = (struct client_policy){
		    .grants = &grant, .grant_count = 1, .quota = {.bytes = 1000}};
	strcpy(clients[0].name, "often");
	strcpy(clients[1].name, "other");
	clients[0].expect_every_ms = 100000;
	cr_assert((ledger = ledger_new(&policy)) != NULL);
	cr_assert((expected = expected_new(&policy, 1000)) != NULL);
	last_overdue[0] = '\0';
}

static void
teardown(void)
{
	char command[128];

	ledger_free(ledger);
	expected_free(expected);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(books, .init = setup, .fini = teardown);

static void
note_overdue(void *arg, const struct expected_client *client)
{
	(void)arg;
	strcpy(last_overdue, client->name);
}

/* Who is found at that moment. */
static const char *
look(int64_t now_s)
{
	last_overdue[0] = '\0';
	expected_look(expected, now_s, note_overdue, NULL);
	return last_overdue;
}

Test(books, a_client_is_overdue_once_when_it_has_not_come_so_long)
{
	cr_expect_eq(expected_look(expected, 1000, NULL, NULL), 1101);
	cr_expect_str_eq(look(1100), "");
	cr_expect_str_eq(look(1101), "often");
	cr_expect(expected_client(expected, 0)->overdue);
	cr_expect_not(expected_client(expected, 1)->overdue, "nobody expects it");
	cr_expect_str_eq(look(1500), "", "it was said");
	cr_expect(expected_client(expected, 0)->overdue);
	cr_expect_eq(expected_look(expected, 1500, NULL, NULL), INT64_MAX);
	cr_expect(expected_came(expected, "often", 1600));
	cr_expect_not(expected_client(expected, 0)->overdue);
	cr_expect_not(expected_came(expected, "often", 1650));
	cr_expect_str_eq(look(1750), "");
	cr_expect_str_eq(look(1751), "often", "it counts from the last one");
}

Test(books, a_clock_that_was_set_back_makes_nobody_wait_for_ever)
{
	expected_came(expected, "often", 1000000);
	cr_expect_str_eq(look(2000), "");
	cr_expect_str_eq(look(2101), "often");
}

Test(books, a_client_that_is_disabled_is_not_expected)
{
	clients[0].disabled = true;
	expected_free(expected);
	expected = expected_new(&policy, 1000);
	cr_expect_str_eq(look(1000000), "");
}

Test(books, another_policy_keeps_when_clients_were_here)
{
	struct expected *fresh;

	expected_came(expected, "often", 1050);
	cr_expect_str_eq(look(1200), "often");
	fresh = expected_new(&policy, 5000);
	expected_carry(fresh, expected);
	cr_expect_eq(expected_client(fresh, 0)->last_s, 1050);
	cr_expect_eq(expected_client(fresh, 0)->since_s, 1000);
	cr_expect(expected_client(fresh, 0)->overdue, "and that it was said");
	expected_free(fresh);
}

static void
know_something(void)
{
	const struct usage u = {700, 7};

	cr_assert_eq(ledger_place_count(ledger), 1);
	ledger_counted(ledger, 0, &u, 1234);
	expected_came(expected, "often", 1050);
	cr_assert_eq(books_write(directory, ledger, expected), 0);
}

/* As the next run begins. */
static void
begin_again(void)
{
	ledger_free(ledger);
	expected_free(expected);
	ledger = ledger_new(&policy);
	expected = expected_new(&policy, 5000);
	books_read(directory, ledger, expected);
}

static bool
knows_usage(void)
{
	struct ledger_figures f;

	ledger_look(ledger, 1, &f);
	return f.counted && f.used.bytes == 700 && f.used.files == 7 && f.counted_s == 1234;
}

static char *
path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

Test(books, the_next_run_knows_what_this_one_did)
{
	static const char *const names[] = {BOOKS_USAGE, BOOKS_CLIENTS};
	struct stat st;

	know_something();
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(stat(path_of(names[i]), &st), 0);
		cr_expect_eq(st.st_mode & 07777, 0600);
	}
	begin_again();
	cr_expect(knows_usage());
	cr_expect_eq(expected_client(expected, 0)->last_s, 1050);
	cr_expect_eq(expected_client(expected, 0)->since_s, 1000);
	cr_expect_eq(expected_client(expected, 1)->since_s, 5000, "nobody expected it");
}

Test(books, another_directory_of_the_share_has_something_else_in_it)
{
	know_something();
	grant.path = "/srv/moved";
	begin_again();
	grant.path = "/srv/s";
	cr_expect_not(knows_usage());
}

Test(books, nothing_is_written_where_there_is_nothing_to_know)
{
	clients[0].quota.bytes = clients[1].quota.bytes = 0;
	clients[0].expect_every_ms = 0;
	begin_again();
	cr_assert_eq(books_write(directory, ledger, expected), 0);
	cr_expect_eq(rmdir(directory), 0);
	cr_assert_eq(mkdir(directory, 0700), 0);
}

/* Whoever writes when the supervisor ends would put what is older in the place of what it writes.
 */
Test(books, nobody_writes_any_more_behind_the_last_time)
{
	static struct supervisor s;
	const struct supervisor_options options = {.state = directory};
	char path[128];

	s.options = &options;
	s.settings.policy = &policy;
	cr_assert_eq(books_open(&s), 0);
	if ((s.books.save.pid = fork()) == 0)
		for (;;)
			pause();
	books_close(&s);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "there is a child");
	snprintf(path, sizeof(path), "%s/" BOOKS_CLIENTS, directory);
	cr_expect(access(path, F_OK) == 0);
}

Test(books, a_directory_that_is_not_there_is_an_error)
{
	cr_assert_eq(rmdir(directory), 0);
	cr_expect_eq(state_write(directory, "usage", "a\n"), FTX_E_NOT_FOUND);
	cr_assert_eq(mkdir(directory, 0700), 0);
}

/* Every byte of the file flipped, and cut behind every byte. */
Test(books, a_damaged_file_is_not_believed)
{
	char text[512];
	char *lines;
	size_t length;
	FILE *f;

	know_something();
	f = fopen(path_of(BOOKS_USAGE), "r+");
	cr_assert(f != NULL);
	length = fread(text, 1, sizeof(text), f);
	cr_assert(length > 60 && length < sizeof(text));
	for (size_t i = 0; i < length; i++) {
		text[i] ^= 1;
		cr_assert(pwrite(fileno(f), text, length, 0) == (ssize_t)length);
		cr_expect_eq(state_read(directory, BOOKS_USAGE, &lines), FTX_E_MISMATCH, "byte %zu",
			     i);
		cr_expect(lines == NULL);
		text[i] ^= 1;
	}
	for (size_t i = 0; i < length; i++) {
		cr_assert(pwrite(fileno(f), text, length, 0) == (ssize_t)length &&
			  ftruncate(fileno(f), (off_t)i) == 0);
		cr_expect_eq(state_read(directory, BOOKS_USAGE, &lines), FTX_E_MISMATCH,
			     "%zu bytes", i);
	}
	fclose(f);
	begin_again();
	cr_expect_not(knows_usage());
	cr_expect_eq(expected_client(expected, 0)->last_s, 1050, "the other file is whole");
	know_something();
	begin_again();
	cr_expect(knows_usage(), "it was replaced");
}

Test(books, a_file_that_says_something_else_is_not_believed)
{
	static const char *const lines[] = {
	    "place 1 2 3 s\n",
	    "place -1 2 3 s 0123 a\n",
	    "place 1 99999999999999999999 3 s 0123 a\n",
	    "room 1 2 3 s 0123 a\n",
	    "\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_assert_eq(state_write(directory, BOOKS_USAGE, lines[i]), 0);
		begin_again();
		cr_expect_not(knows_usage(), "%s", lines[i]);
	}
}

Test(books, a_file_that_others_may_write_or_a_link_is_not_read)
{
	char *lines;

	know_something();
	cr_assert_eq(chmod(path_of(BOOKS_USAGE), 0620), 0);
	cr_expect_eq(state_read(directory, BOOKS_USAGE, &lines), FTX_E_MISMATCH);
	cr_assert_eq(unlink(path_of(BOOKS_USAGE)), 0);
	cr_assert_eq(symlink(BOOKS_CLIENTS, path_of(BOOKS_USAGE)), 0);
	cr_expect_eq(state_read(directory, BOOKS_USAGE, &lines), FTX_E_MISMATCH);
	know_something();
	cr_expect_eq(state_read(directory, BOOKS_USAGE, &lines), 0, "the link was replaced");
	free(lines);
	cr_expect_eq(state_read(directory, BOOKS_CLIENTS, &lines), 0, "and not followed");
	free(lines);
}

/* When it is asked for once more, that was long ago. */
Test(books, what_nobody_asks_for_any_more_is_forgotten)
{
	know_something();
	for (size_t i = 0; i < 2; i++)
		clients[i].quota = (struct quota){0};
	clients[0].expect_every_ms = 0;
	begin_again();
	cr_assert_eq(books_write(directory, ledger, expected), 0);
	for (size_t i = 0; i < 2; i++)
		clients[i].quota.bytes = 1000;
	clients[0].expect_every_ms = 100000;
	begin_again();
	cr_expect_not(ledger_place(ledger, 0)->known);
	cr_expect_eq(expected_client(expected, 0)->last_s, 0);
	cr_expect_eq(books_write(directory, ledger, expected), 0);
}

/* Sessions say all the time what changes; each try would say once more that it did not work. */
Test(books, what_cannot_be_saved_is_not_tried_again_with_every_change)
{
	const struct supervisor_options options = {.state = directory};
	static struct supervisor s;

	s.options = &options;
	s.books.kept = true;
	books_save_within(&s, 1000);
	cr_expect_leq(s.books.save.due_ms, clock_ms() + 1000);
	s.books.save.due_ms = 0;
	s.books.save.pid = 12345;
	cr_expect(books_reap(&s, 12345, 256));
	books_save_within(&s, 1000);
	cr_expect_gt(s.books.save.due_ms, clock_ms() + 60000);
	s.books.save.pid = 12345;
	s.books.save.due_ms = 0;
	s.books.save.not_before_ms = 0;
	cr_expect(books_reap(&s, 12345, 0));
	books_save_within(&s, 1000);
	cr_expect_leq(s.books.save.due_ms, clock_ms() + 1000);
}
