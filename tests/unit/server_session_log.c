#include "src/server/session_log.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/display.h"
#include "src/base/log.h"
#include "src/server/child.h"

#define IN   "in a session client=laptop address=192.0.2.1:4711: "
#define MANY 1000u /* more lines than any of these messages has */

/* The session's end, and the supervisor's as it stands in its table. */
static int session;
static struct peer p = {.client = "laptop", .address = "192.0.2.1:4711"};

/* Stderr as a file. */
static void
capture(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	int ends[2];

	cr_assert(fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	log_setup(LOG_LEVEL_INFO, 1);
	cr_assert_eq(session_log_new(ends), 0);
	p.log = ends[0];
	session = ends[1];
}

TestSuite(session_log, .init = capture);

/* What was logged since the last call. */
static const char *
logged(void)
{
	static char text[1 << 17];
	ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);

	cr_assert(n >= 0 && ftruncate(STDERR_FILENO, 0) == 0);
	text[n] = '\0';
	return text;
}

static void
say(const void *text, size_t length)
{
	cr_assert_eq(write(session, text, length), (ssize_t)length);
}

/* What is logged of it. */
static const char *
heard(const void *text, size_t length)
{
	say(text, length);
	session_log_hear(&p, MANY);
	return logged();
}

static const struct {
	const char *said;
	const char *logged;
} cases[] = {
    {"<3>a\n", "<3>" IN "a\n"},
    {"<4>a\n", "<4>" IN "a\n"},
    {"<6>a\n", "<6>" IN "a\n"},
    {"<7>a\n", ""}, /* above the level */
    {"<6>no end", "<6>" IN "no end\n"},
    /* Not a level of the log. */
    {"<0>a\n", "<4>" IN "<0>a\n"},
    {"<5>a\n", "<4>" IN "<5>a\n"},
    {"<8>a\n", "<4>" IN "<8>a\n"},
    {"<6", "<4>" IN "<6\n"},
    {"<6a\n", "<4>" IN "<6a\n"},
    {"<66>a\n", "<4>" IN "<66>a\n"},
    {"<-6>a\n", "<4>" IN "<-6>a\n"},
    {" <6>a\n", "<4>" IN " <6>a\n"},
    {"<6><3>a\n", "<6>" IN "<3>a\n"},
    /* Of files, also where the path is escaped. */
    {"<6>file action=put share=s path=\"a\\n\\xff\\\\\\\"\"\n",
     "<6>file client=laptop action=put share=s path=\"a\\n\\xff\\\\\\\"\"\n"},
    {"<6>file action=put client=other\n", "<6>file client=laptop action=put client=other\n"},
    {"file action=\n", "<4>file client=laptop action=\n"},
    {"<6>file client=other action=put\n", "<6>" IN "file client=other action=put\n"},
    {"<6>file action", "<6>" IN "file action\n"},
    {"<6> file action=put\n", "<6>" IN " file action=put\n"},
    /* What only the supervisor says. */
    {"<6>session client=other address=192.0.2.9:1 reason=done\n",
     "<6>" IN "session client=other address=192.0.2.9:1 reason=done\n"},
    {"<6>in a session client=other address=192.0.2.9:1: a\n",
     "<6>" IN "in a session client=other address=192.0.2.9:1: a\n"},
    {"2026-01-01T00:00:00.000Z stopping\n", "<4>" IN "2026-01-01T00:00:00.000Z stopping\n"},
    /* Of several lines: each is one, and none of them is another's. */
    {"<6>a\nsession client=other\n<3>b\n\nfile action=put\n",
     "<6>" IN "a\n<6>" IN "session client=other\n<6>" IN
     "<3>b\n<6>file client=laptop action=put\n"},
    {"\na\n", "<4>" IN "a\n"},
    {"a\rsession client=other\x1b[2K\n", "<4>" IN "a\\x0dsession client=other\\x1b[2K\n"},
    /* None. */
    {"", ""},
    {"<6>", ""},
    {"<6>\n", ""},
    {"\n\n\n", ""},
};

Test(session_log, says_who_it_was_before_what_it_said)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_str_eq(heard(cases[i].said, strlen(cases[i].said)), cases[i].logged,
				 "row %zu", i);
}

Test(session_log, no_byte_acts_on_the_log)
{
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b += a < 0xc0 ? 255 : 1) {
			const char said[] = {'<', '6', '>', '(', (char)a, (char)b, ')', '\n'};
			const char *line = heard(said, sizeof(said));
			bool lines = a == '\n' || b == '\n';

			cr_assert(strncmp(line, "<6>" IN, strlen("<6>" IN)) == 0, "%u %u", a, b);
			cr_assert(utf8_valid(line, strlen(line)), "%u %u", a, b);
			cr_assert(lines || strchr(line, '\n') == line + strlen(line) - 1, "%u %u",
				  a, b);
			for (; *line != '\0'; line++)
				cr_assert(
				    *line == '\n' ||
					((unsigned char)*line >= 0x20 && *line != 0x7f &&
					 (*line != (char)0xc2 || (unsigned char)line[1] >= 0xa0)),
				    "%u %u", a, b);
		}
}

Test(session_log, a_line_is_cut_at_the_length_of_a_line)
{
	char said[6000];
	const char *line;

	memset(said, 'x', sizeof(said));
	memcpy(said, "<6>", 3);
	line = heard(said, sizeof(said));
	cr_expect_eq(strlen(line), 4096);
	cr_expect_str_eq(line + 4096 - 5, "x...\n");
}

Test(session_log, a_message_is_cut_at_its_length_and_says_so)
{
	static char said[SESSION_LOG_BYTES + 101];
	const char *text;

	memset(said, 'x', sizeof(said));
	for (size_t i = 99; i < sizeof(said); i += 100)
		said[i] = '\n';
	text = heard(said, SESSION_LOG_BYTES);
	cr_expect_str_eq(text + strlen(text) - 5, "xxxx\n");
	text = heard(said, SESSION_LOG_BYTES + 1);
	cr_expect_str_eq(text + strlen(text) - 5, "x...\n");
	cr_expect_str_eq(heard("<6>next\n", 8), "<6>" IN "next\n");
}

Test(session_log, a_message_has_so_many_lines_and_the_last_is_the_rest)
{
	char said[2 * SESSION_LOG_LINES + 4];
	const char *text;

	for (size_t i = 0; i < sizeof(said); i += 2)
		memcpy(said + i, "x\n", 2);
	text = heard(said, sizeof(said));
	for (unsigned i = 1; i < SESSION_LOG_LINES; i++) {
		cr_assert(strncmp(text, "<4>" IN "x\n", strlen("<4>" IN "x\n")) == 0, "%u", i);
		text += strlen("<4>" IN "x\n");
	}
	cr_expect_str_eq(text, "<4>" IN "x\\nx\\nx\\n\n");
}

Test(session_log, is_heard_so_much_at_a_time)
{
	say("a\nb\nc\n", 6);
	say("", 0);
	say("d\n", 2);
	session_log_hear(&p, 2);
	cr_expect_str_eq(logged(), "<4>" IN "a\n<4>" IN "b\n<4>" IN "c\n");
	session_log_hear(&p, 1);
	cr_expect_str_eq(logged(), "");
	session_log_hear(&p, 1);
	cr_expect_str_eq(logged(), "<4>" IN "d\n");
	session_log_hear(&p, 1);
	cr_expect_str_eq(logged(), "");
	cr_expect_geq(p.log, 0, "it has not ended");
}

Test(session_log, has_its_end_behind_everything)
{
	int fd = p.log;

	say("a\n", 2);
	say("", 0);
	say("b\n", 2);
	close(session);
	session_log_hear(&p, MANY);
	cr_expect_str_eq(logged(), "<4>" IN "a\n<4>" IN "b\n");
	cr_expect_eq(p.log, -1);
	cr_expect_eq(fcntl(fd, F_GETFD), -1, "it is open");
}

/* A session may send them; the supervisor has nothing for them. */
Test(session_log, takes_no_descriptors)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {
	    {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = (char[]){"a\n"}, .iov_len = 2};
	const struct msghdr m = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	char more;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
	cr_assert_eq(sendmsg(session, &m, 0), 2);
	close(ends[1]);
	session_log_hear(&p, MANY);
	cr_expect_str_eq(logged(), "<4>" IN "a\n");
	cr_expect_eq(read(ends[0], &more, 1), 0, "somebody has the other end");
}

static void *
hear(void *arg)
{
	(void)arg;
	session_log_hear(&p, MANY);
	return NULL;
}

/* Sessions of others are forked from where it was. */
Test(session_log, leaves_nothing_of_it_on_the_stack)
{
	static const char name[] = "the name of a file";
	enum { STACK = 256 << 10 };
	char *stack = aligned_alloc(4096, STACK);
	pthread_attr_t attributes;
	pthread_t thread;

	cr_assert_not_null(stack);
	cr_assert_eq(pthread_attr_init(&attributes), 0);
	cr_assert_eq(pthread_attr_setstack(&attributes, stack, STACK), 0);
	say(name, strlen(name));
	cr_assert_eq(pthread_create(&thread, &attributes, hear, NULL), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_str_eq(logged(), "<4>" IN "the name of a file\n");
	cr_expect_null(memmem(stack, STACK, name, strlen(name)));
	pthread_attr_destroy(&attributes);
	free(stack);
}

/* Returns its status. */
static int
in_a_session(int log, void (*run)(void))
{
	int ends[2], status;
	pid_t pid;

	cr_assert_eq(pair_new(ends), 0);
	if ((pid = fork()) == 0) {
		signal(SIGPIPE, SIG_DFL);
		child_enter(ends[0], ends[1], log);
		run();
		_exit(7);
	}
	close(ends[0]);
	close(ends[1]);
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static void
log_something(void)
{
	log_info("a");
	log_debug("b");
}

Test(session_log, of_a_child_arrives_without_a_time_and_at_the_level_there_is)
{
	log_setup(LOG_LEVEL_INFO, 0);
	cr_expect_eq(in_a_session(session, log_something), 7 << 8);
	log_setup(LOG_LEVEL_DEBUG, 1);
	session_log_hear(&p, MANY);
	cr_expect_str_eq(logged(), "<6>" IN "a\n");
}

Test(session_log, does_not_end_a_child_whose_supervisor_has_ended)
{
	close(p.log);
	cr_expect_eq(in_a_session(session, log_something), 7 << 8);
}
