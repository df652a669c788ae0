/*
 * The rooms behind what an administrator is told: pages, the control socket, figures of sessions
 * and clients, crashes.
 */
#include "tests/harness/unit.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/activity.h"
#include "src/server/control.h"
#include "src/server/crashes.h"
#include "src/server/tally.h"

#define START UINT64_C(100000)

Test(page, a_line_is_kind_numbers_and_quoted_texts)
{
	struct page page;

	cr_assert_eq(page_init(&page), 0);
	page_line(&page, "session");
	page_number(&page, "n", UINT64_MAX);
	page_text(&page, "path", "a \"b\"\n", 6);
	page_end(&page);
	page_line(&page, "end");
	page_end(&page);
	cr_expect_eq(page.length,
		     strlen("session n=18446744073709551615 path=\"a \\\"b\\\"\\n\"\nend\n"));
	cr_expect_eq(memcmp(page.text,
			    "session n=18446744073709551615 path=\"a \\\"b\\\"\\n\"\nend\n",
			    page.length),
		     0);
	page_release(&page);
}

Test(page, what_does_not_fit_is_left_out_by_whole_lines)
{
	struct page page;
	size_t lines = 0;

	cr_assert_eq(page_init(&page), 0);
	while (!page.full) {
		page_line(&page, "line");
		page_number(&page, "number", lines++);
		page_end(&page);
	}
	cr_expect_gt(lines, PAGE_MOST_BYTES / 24);
	cr_expect_leq(page.length, PAGE_MOST_BYTES);
	cr_expect_eq(page.text[page.length - 1], '\n');
	lines = page.length;
	page_line(&page, "end");
	page_end(&page);
	cr_expect_eq(page.length, lines, "nothing comes after what was left out");
	page_release(&page);
}

static char directory[64];
static char path[96];

static void
make_directory(void)
{
	unit_directory(directory, sizeof(directory), "control");
	snprintf(path, sizeof(path), "%s/control", directory);
}

static void
remove_directory(void)
{
	unlink(path);
	cr_assert_eq(rmdir(directory), 0);
}

static int
call(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

Test(control, is_private_and_takes_the_place_of_a_dead_one, .init = make_directory,
     .fini = remove_directory)
{
	struct stat st;
	int fd, other, pid;

	cr_assert_eq(control_open(path, &fd, &pid), 0);
	cr_assert_eq(lstat(path, &st), 0);
	cr_expect(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600, "%o", st.st_mode);
	cr_expect_eq(control_open(path, &other, &pid), FTX_E_BUSY);
	cr_expect_eq(pid, getpid(), "who serves it");
	close(fd);
	cr_assert_eq(control_open(path, &fd, &pid), 0, "nobody serves it any more");
	close(fd);
}

Test(control, never_takes_the_place_of_something_else, .init = make_directory,
     .fini = remove_directory)
{
	char longer[200];
	int fd, pid;
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL);
	fclose(f);
	cr_expect_eq(control_open(path, &fd, &pid), FTX_E_BUSY);
	cr_expect_eq(pid, 0);
	cr_expect_eq(access(path, F_OK), 0);
	memset(longer, 'a', sizeof(longer));
	longer[0] = '/';
	longer[108] = '\0';
	cr_expect_eq(control_open(longer, &fd, &pid), FTX_E_TOO_LARGE);
	snprintf(longer, sizeof(longer), "%s/none/control", directory);
	cr_expect_eq(control_open(longer, &fd, &pid), FTX_E_NOT_FOUND);
}

/* A report that is larger than any socket's buffer goes as fast as its reader takes it. */
Test(control, sending_never_waits, .init = make_directory, .fini = remove_directory)
{
	struct control_reader reader = {.fd = -1};
	static char sink[1 << 16];
	size_t got = 0, all;
	int listener, fd, pid;

	cr_assert_eq(control_open(path, &listener, &pid), 0);
	fd = call();
	cr_assert((reader.fd = accept(listener, NULL, NULL)) >= 0);
	cr_expect(control_is_allowed(reader.fd));
	cr_assert_eq(page_init(&reader.page), 0);
	while (!reader.page.full)
		page_add(&reader.page, "%01000d", 1);
	all = reader.page.length;
	cr_expect_eq(control_send(&reader), 1);
	cr_expect_lt(reader.sent, all);
	while (got < all) {
		ssize_t n = read(fd, sink, sizeof(sink));

		cr_assert_gt(n, 0);
		got += (size_t)n;
		(void)control_send(&reader);
	}
	cr_expect_eq(control_send(&reader), 0, "that was all");
	control_end(&reader);
	cr_expect_eq(read(fd, sink, sizeof(sink)), 0, "the end of it");
	cr_expect_eq(reader.fd, -1);
	control_end(&reader);
	close(fd);
	close(listener);
}

Test(control, a_reader_that_has_gone_is_no_reader, .init = make_directory, .fini = remove_directory)
{
	struct control_reader reader = {.fd = -1};
	int listener, fd, pid;

	cr_assert_eq(control_open(path, &listener, &pid), 0);
	fd = call();
	cr_assert((reader.fd = accept(listener, NULL, NULL)) >= 0);
	cr_assert_eq(page_init(&reader.page), 0);
	page_add(&reader.page, "text");
	close(fd);
	cr_expect_eq(control_send(&reader), 0);
	control_end(&reader);
	close(listener);
}

Test(activity, a_rate_is_that_of_the_last_second_and_ends_by_itself)
{
	struct activity *a = activity_new();
	struct activity_seen seen;

	activity_look(a, START, &seen);
	cr_expect_eq(seen.rate, 0);
	for (uint64_t ms = 0; ms <= 3000; ms += 100)
		activity_moved(a, 600, 400, START + ms);
	activity_look(a, START + 3050, &seen);
	cr_expect_eq(seen.received, 31 * 600);
	cr_expect_eq(seen.sent, 31 * 400);
	cr_expect(seen.rate >= 9000 && seen.rate <= 11100, "%llu", (unsigned long long)seen.rate);
	activity_look(a, START + 3000 + 100000, &seen);
	cr_expect_eq(seen.rate, 0, "nothing has moved for long");
	activity_free(a);
}

Test(activity, a_session_tells_and_nobody_else_can)
{
	struct activity *a = activity_new();
	char longer[ACTIVITY_PATH_BYTES + 10];
	struct activity_seen seen;
	int status;
	pid_t pid;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 'y';
	cr_assert_eq(activity_lend(a), 0);
	if ((pid = fork()) == 0) {
		activity_begin(a, 7);
		activity_path(a, longer, sizeof(longer));
		activity_committed(a, 3);
		activity_uploads(a, 2);
		_exit(0);
	}
	activity_keep(a);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	activity_look(a, START, &seen);
	cr_expect(seen.doing == 7 && seen.committed == 3 && seen.uploads == 2);
	cr_expect(seen.path_length == ACTIVITY_PATH_BYTES &&
		      seen.path[ACTIVITY_PATH_BYTES - 1] == 'y',
		  "the end of a long one");
	if ((pid = fork()) == 0) {
		activity_begin(a, 1);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_neq(status, 0, "it was there though it was not lent");
	activity_free(a);
	activity_begin(NULL, 1);
	activity_moved(NULL, 1, 1, START);
}

Test(activity, whatever_a_session_has_written_is_looked_at_safely)
{
	struct activity *a = activity_new();
	struct activity_seen seen;

	memset((void *)a, 0xff, 128); /* all figures, and the length of the path */
	activity_look(a, START, &seen);
	cr_expect_leq(seen.path_length, ACTIVITY_PATH_BYTES);
	cr_expect_eq(seen.rate, 0, "of a time to come");
	activity_free(a);
}

Test(tally, figures_only_grow)
{
	struct tally_line *tally = tally_new();
	struct tally_line *line = tally_of(tally, "laptop");
	struct tally_counted counted = {0};
	struct activity_seen seen = {.received = 10, .sent = 5, .committed = 1};

	tally_add(line, &counted, &seen);
	tally_add(line, &counted, &seen);
	cr_expect(line->received == 10 && line->sent == 5 && line->committed == 1);
	seen.received = 15;
	tally_add(line, &counted, &seen);
	seen.received = 2; /* as no honest one says */
	tally_add(line, &counted, &seen);
	cr_expect_eq(line->received, 15);
	cr_expect_eq(tally_of(tally, "laptop"), line);
	cr_expect_eq(tally_find(tally, "laptop"), line);
	cr_expect_null(tally_find(tally, "notebook"));
	tally_free(tally);
}

Test(tally, names_beyond_the_table_are_others)
{
	struct tally_line *tally = tally_new();
	char name[16];

	for (unsigned i = 0; i < TALLY_CLIENTS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		cr_expect_str_eq(tally_of(tally, name)->client, name);
	}
	cr_expect_str_eq(tally_of(tally, "more")->client, TALLY_OTHERS);
	cr_expect_eq(tally_of(tally, "still-more"), tally_of(tally, "more"));
	cr_expect_null(tally_find(tally, "more"));
	cr_expect_str_eq(tally_of(tally, "c7")->client, "c7");
	tally_free(tally);
}

Test(crashes, the_third_within_an_hour)
{
	struct crashes c = {0};

	cr_expect_not(crashes_add(&c, START));
	cr_expect_not(crashes_add(&c, START + 1));
	cr_expect_not(crashes_add(&c, START + CRASHES_TIME_MS), "the first is an hour ago");
	cr_expect(crashes_add(&c, START + CRASHES_TIME_MS), "three in less");
	cr_expect_not(crashes_add(&c, START + 3 * CRASHES_TIME_MS));
	cr_expect_eq(c.total, 5);
}
