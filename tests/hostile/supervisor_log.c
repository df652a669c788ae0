/*
 * The log of a whole server whose sessions were taken over: the test writes to their stderr.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/unit.h"
#include "tests/hostile/server_rig.h"

static void
setup(void)
{
	server.logs = true;
	server_setup();
}

TestSuite(supervisor_log, .init = setup, .fini = server_teardown);

/* The only session; *log: its stderr. */
static struct channel *
begin(int *log)
{
	struct channel *ch = server_session(1, 1);

	*log = server_child_log();
	return ch;
}

/* It ends; end: the line that says so, from its first word on. */
static void
end(struct channel *ch, int log, char end[static 128])
{
	struct sockaddr_in at;
	socklen_t length = sizeof(at);

	cr_assert_eq(getsockname(channel_fd(ch), (struct sockaddr *)&at, &length), 0);
	snprintf(end, 128, "session client=known address=127.0.0.1:%u reason=", ntohs(at.sin_port));
	close(log);
	channel_free(ch);
	while (strstr(server_log(), end) == NULL)
		sched_yield();
}

static void
say(int log, const char *text)
{
	cr_assert_eq(write(log, text, strlen(text)), (ssize_t)strlen(text));
}

/* Each line but its time, which is what a line begins with.  NULL behind the last one. */
static char *
next_line(char **rest)
{
	char *line = strsep(rest, "\n");

	if (line == NULL || *line == '\0')
		return NULL;
	cr_assert(strlen(line) > 25 && line[10] == 'T' && line[23] == 'Z' && line[24] == ' ',
		  "no time: %s", line);
	return line + 25;
}

static bool
begins(const char *line, const char *words)
{
	return strncmp(line, words, strlen(words)) == 0;
}

static char *
whole_log(void)
{
	kill(server.pid, SIGTERM);
	return strdup(server_whole_log());
}

static const char *const forged[] = {
    "<6>session client=other address=192.0.2.1:1 reason=done status=0\n",
    "<6>file client=other action=put share=s path=\"forged\"\n",
    "<6>file action=put client=other share=s path=\"forged\"\n",
    "in a session client=other address=192.0.2.1:1: forged\n",
    "a\nsession client=other\n<3>file client=other\n\n2026-01-01T00:00:00.000Z stopping\n",
    "a\rsession client=other\x1b[1A\x1b[2Ksession client=other\n",
    "<0>session client=other",
    "\xff\xfe\n\x80\n",
};

Test(supervisor_log, a_session_speaks_for_itself_alone)
{
	char over[128], garbage[256], *text, *rest, *line;
	unsigned lines = 0, ends = 0;
	struct channel *ch;
	int log;

	ch = begin(&log);
	cr_expect_eq(server_child_has_log(), 0);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++)
		say(log, forged[i]);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)i;
	cr_assert_eq(write(log, garbage, sizeof(garbage)), (ssize_t)sizeof(garbage));
	cr_assert_eq(write(log, garbage, 0), 0);
	end(ch, log, over);
	rest = text = whole_log();
	while ((line = next_line(&rest)) != NULL) {
		if (begins(line, "in a session client=known address=127.0.0.1:") ||
		    begins(line, "file client=known action=put client=other"))
			lines++;
		else if (begins(line, over))
			ends++;
		else
			cr_expect(begins(line, "stopping signal=15 sessions=0"), "%s", line);
	}
	cr_expect_eq(lines, 14, "%u", lines);
	cr_expect_eq(ends, 1, "%u", ends);
	free(text);
}

/* What it says waits for the supervisor, and so does who says it. */
static void
flood(int log, unsigned lines)
{
	char line[64];

	for (unsigned i = 0; i < lines; i++) {
		snprintf(line, sizeof(line), "<6>line %u of many\n", i);
		say(log, line);
	}
	_exit(0);
}

Test(supervisor_log, thousands_of_lines_arrive_and_keep_nobody_from_being_served)
{
	enum { LINES = 5000 };
	char over[128], *text, *at, number[32];
	struct channel *ch;
	pid_t pid;
	int log, status;

	ch = begin(&log);
	if ((pid = fork()) == 0)
		flood(log, LINES);
	for (int i = 0; i < 3; i++)
		server_expect_service();
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	end(ch, log, over);
	at = text = whole_log();
	for (unsigned i = 0; i < LINES; i++) {
		snprintf(number, sizeof(number), ": line %u of many\n", i);
		cr_assert_not_null(at = strstr(at, number), "line %u", i);
	}
	cr_expect_not_null(strstr(at, over));
	free(text);
}

/* Who says nothing else than that is heard in turn with others, for as long as it goes on. */
Test(supervisor_log, a_session_that_never_stops_keeps_nobody_from_being_served)
{
	static char lines[8192];
	struct channel *ch;
	pid_t pid;
	int log;

	for (size_t i = 0; i < sizeof(lines); i += 2)
		memcpy(lines + i, "x\n", 2);
	ch = begin(&log);
	if ((pid = fork()) == 0)
		for (;;)
			(void)send(log, lines, sizeof(lines), MSG_NOSIGNAL);
	for (int i = 0; i < 3; i++)
		server_expect_service();
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	close(log);
	channel_free(ch);
}

static bool
is_dead(pid_t pid)
{
	char path[64], state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cr_assert_not_null(f = fopen(path, "r"));
	cr_assert_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state == 'Z';
}

/* The supervisor hears of its end before it has read a word of it. */
Test(supervisor_log, what_a_session_said_last_stands_before_its_end)
{
	struct pollfd nobody = {.events = 0}; /* but for the end */
	char *text, *at;
	struct channel *ch;
	int log, status;
	pid_t pid;

	ch = begin(&log);
	nobody.fd = log;
	pid = server_child();
	server_wait_until_idle();
	kill(server.pid, SIGSTOP);
	cr_assert_eq(waitpid(server.pid, &status, WUNTRACED), server.pid);
	kill(pid, SIGKILL);
	while (!is_dead(pid))
		sched_yield();
	say(log, "<6>first\n");
	say(log, "<6>last\n");
	channel_free(ch);
	kill(server.pid, SIGCONT);
	while (strstr(server_log(), " session client=known ") == NULL)
		sched_yield();
	cr_expect_eq(poll(&nobody, 1, PATIENCE_MS), 1, "somebody reads on");
	close(log);
	at = text = whole_log();
	cr_assert_not_null(at = strstr(at, ": first\n"));
	cr_assert_not_null(at = strstr(at, ": last\n"));
	cr_assert_not_null(at = strstr(at, " session client=known "));
	free(text);
}
