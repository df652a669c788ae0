#include "src/base/log.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stderr as packets: each write(2) arrives as one. */
static int reader;

static void
capture(void)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(dup2(pair[1], STDERR_FILENO), STDERR_FILENO);
	reader = pair[0];
}

/* The next packet as text; "" where none is waiting. */
static const char *
captured(void)
{
	static char line[8192];
	ssize_t n = recv(reader, line, sizeof(line) - 1, MSG_DONTWAIT);

	line[n < 0 ? 0 : n] = '\0';
	return line;
}

Test(log, a_line_is_one_write, .init = capture)
{
	log_setup(LOG_LEVEL_INFO, 1);
	log_info("started pid=%d name=%s", 12, "x");
	cr_assert_str_eq(captured(), "<6>started pid=12 name=x\n");
	cr_assert_str_eq(captured(), "");
}

Test(log, each_level_has_its_priority, .init = capture)
{
	log_setup(LOG_LEVEL_DEBUG, 1);
	log_error("a");
	cr_assert_str_eq(captured(), "<3>a\n");
	log_warning("a");
	cr_assert_str_eq(captured(), "<4>a\n");
	log_info("a");
	cr_assert_str_eq(captured(), "<6>a\n");
	log_debug("a");
	cr_assert_str_eq(captured(), "<7>a\n");
}

Test(log, drops_what_is_above_the_level, .init = capture)
{
	log_setup(LOG_LEVEL_WARNING, 1);
	log_info("a");
	log_debug("a");
	cr_assert_str_eq(captured(), "");
	log_warning("a");
	cr_assert_str_eq(captured(), "<4>a\n");
}

Test(log, without_a_journal_a_line_begins_with_the_time, .init = capture)
{
	const char *line;

	log_setup(LOG_LEVEL_INFO, 0);
	log_info("hello");
	line = captured();
	cr_assert_eq(strlen(line), 24 + 1 + 6, "%s", line);
	cr_assert(line[10] == 'T' && line[23] == 'Z', "%s", line);
	cr_assert_str_eq(line + 24, " hello\n");
}

Test(log, for_a_reader_a_line_has_its_priority_and_the_level_stays, .init = capture)
{
	log_setup(LOG_LEVEL_WARNING, 0);
	log_to_reader();
	log_info("a");
	log_warning("b");
	cr_assert_str_eq(captured(), "<4>b\n");
}

Test(log, a_line_over_its_maximum_ends_in_dots, .init = capture)
{
	char text[6000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_setup(LOG_LEVEL_INFO, 1);
	log_info("%s", text);
	line = captured();
	cr_assert_eq(strlen(line), 4096);
	cr_assert_str_eq(line + 4096 - 5, "x...\n");
	cr_assert_str_eq(captured(), "");
}

/* 4096 bytes: "<6>", the text, a line feed. */
Test(log, the_longest_line_is_whole, .init = capture)
{
	char text[4093];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[4092] = '\0';
	log_setup(LOG_LEVEL_INFO, 1);
	log_info("%s", text);
	line = captured();
	cr_assert_eq(strlen(line), 4096);
	cr_assert_str_eq(line + 4096 - 4, "xxx\n");
	text[0] = 'y';
	log_info("%sz", text);
	cr_assert_str_eq(captured() + 4096 - 5, "x...\n");
}

Test(log, a_cut_line_has_no_cut_character, .init = capture)
{
	for (size_t shift = 0; shift < 3; shift++) {
		char text[6000];
		const char *line;

		for (size_t i = 0; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		log_setup(LOG_LEVEL_INFO, 1);
		log_info("%.*s%s", (int)shift, "ab", text);
		line = captured();
		cr_assert_geq(strlen(line), 4096 - 2);
		cr_assert_str_eq(line + strlen(line) - 7, "\xe2\x82\xac...\n");
	}
}

Test(log, an_event_stays_on_one_line, .init = capture)
{
	log_setup(LOG_LEVEL_INFO, 1);
	log_info("a%sb\x7f", "\n<0>forged\r\x1b");
	cr_assert_str_eq(captured(), "<6>a?<0>forged??b?\n");
}

Test(log, leaves_errno_alone, .init = capture)
{
	log_setup(LOG_LEVEL_INFO, 1);
	close(STDERR_FILENO);
	errno = ENOSPC;
	log_info("a");
	cr_assert_eq(errno, ENOSPC);
}

/* A file of its own on stderr, and JOURNAL_STREAM naming it. */
static void
stream_to(char *text, size_t capacity)
{
	FILE *f = tmpfile();
	struct stat st;

	cr_assert(f != NULL && dup2(fileno(f), STDERR_FILENO) == STDERR_FILENO);
	cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, capacity, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

Test(log, stderr_is_the_journal_where_the_variable_says_so_of_it)
{
	char text[64];
	char more[72];

	unsetenv("JOURNAL_STREAM");
	cr_expect_not(log_is_journal());
	stream_to(text, sizeof(text));
	setenv("JOURNAL_STREAM", text, 1);
	cr_expect(log_is_journal());
	snprintf(more, sizeof(more), "%s1", text);
	setenv("JOURNAL_STREAM", more, 1);
	cr_expect_not(log_is_journal(), "another file");
	snprintf(more, sizeof(more), "%s ", text);
	setenv("JOURNAL_STREAM", more, 1);
	cr_expect_not(log_is_journal(), "no two numbers");
	setenv("JOURNAL_STREAM", "", 1);
	cr_expect_not(log_is_journal(), "nothing");
}
