#include "cmd/ftxd/again.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/server/supervisor.h"

#define MARK "FTXD_AGAIN"

enum { FIRST_PASSED = 3 }; /* as sd_listen_fds(3) has it */

static char **arguments;
static char **environment; /* as it was at the start: the strings themselves stay */
static bool again;

extern char **environ;

/* Is it a variable about what was passed, which is another thing the next time? */
static bool
is_about_passing(const char *variable)
{
	static const char *const names[] = {
	    "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", MARK "="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void
again_remember(char **argv)
{
	size_t count = 0;
	size_t kept = 0;

	arguments = argv;
	again = getenv(MARK) != NULL;
	while (environ[count] != NULL)
		count++;
	/* Without memory the program is not executed anew: again_execute() says so. */
	if ((environment = calloc(count + 4, sizeof(*environment))) == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		if (!is_about_passing(environ[i]))
			environment[kept++] = environ[i];
	unsetenv(MARK);
}

bool
again_is(void)
{
	return again;
}

/* Puts copies at FIRST_PASSED and up, open for who comes next, and nothing behind them. */
static int
place(const int *listeners, size_t count)
{
	int aside[SUPERVISOR_MAX_LISTENERS];

	for (size_t i = 0; i < count; i++)
		if ((aside[i] = fcntl(listeners[i], F_DUPFD,
				      FIRST_PASSED + (int)SUPERVISOR_MAX_LISTENERS)) < 0)
			return -1;
	for (size_t i = 0; i < count; i++)
		if (dup2(aside[i], FIRST_PASSED + (int)i) < 0)
			return -1;
	return close_range(FIRST_PASSED + (unsigned)count, ~0U, 0);
}

void
again_execute(const int *listeners, size_t count)
{
	static char fds[32], pid[32], mark[] = MARK "=1";
	size_t end = 0;

	if (environment == NULL) {
		errno = ENOMEM;
		return;
	}
	if (place(listeners, count) != 0)
		return;
	snprintf(fds, sizeof(fds), "LISTEN_FDS=%zu", count);
	snprintf(pid, sizeof(pid), "LISTEN_PID=%d", (int)getpid());
	while (environment[end] != NULL)
		end++;
	environment[end] = fds;
	environment[end + 1] = pid;
	environment[end + 2] = mark;
	/* The file that runs, also where another one has been installed in its place. */
	execve("/proc/self/exe", arguments, environment);
	environment[end] = NULL;
}
