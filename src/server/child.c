#include "src/server/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "src/base/log.h"

/* Closes every descriptor from 3 up but these two. */
static int
close_others(int one, int two)
{
	unsigned low = (unsigned)(one < two ? one : two);
	unsigned high = (unsigned)(one < two ? two : one);

	if (low > 3 && close_range(3, low - 1, 0) != 0)
		return -1;
	if (high > low + 1 && close_range(low + 1, high - 1, 0) != 0)
		return -1;
	return close_range(high + 1, ~0U, 0);
}

static void
reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		_exit(1);
	/* A terminal sends these to the whole group; here the supervisor says when to end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

void
child_enter(int conn, int pair, int log)
{
	/* That needs no further place. */
	if (log >= 0 && dup2(log, STDERR_FILENO) < 0)
		_exit(1);
	/* The table may be full: first others go, then both out of the way of the two places. */
	if (close_others(conn, pair) != 0 || (conn = fcntl(conn, F_DUPFD, CHILD_PAIR + 1)) < 0 ||
	    (pair = fcntl(pair, F_DUPFD, CHILD_PAIR + 1)) < 0 ||
	    dup3(conn, CHILD_CONN, O_CLOEXEC) < 0 || dup3(pair, CHILD_PAIR, O_CLOEXEC) < 0 ||
	    close_range(CHILD_PAIR + 1, ~0U, 0) != 0)
		_exit(1);
	close_range(0, log >= 0 ? 1 : 2, 0);
	/* Files must not come to lie where something might print. */
	if (log >= 0 && (open("/dev/null", O_RDWR) != 0 || dup(0) != 1))
		_exit(1);
	reset_signals();
	log_to_reader();
}

pid_t
child_fork_helper(struct key_holder *key)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	key_holder_forget(key);
	/* The parent may have ended before this asks to be told. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
	    close_range(3, ~0U, 0) != 0)
		_exit(1);
	reset_signals();
	return 0;
}
