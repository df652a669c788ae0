#include "src/server/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

void
child_enter(int conn, int pair, enum child_output output)
{
	sigset_t none;

	/* First out of the way of the two places, then into them. */
	conn = fcntl(conn, F_DUPFD, CHILD_PAIR + 1);
	pair = fcntl(pair, F_DUPFD, CHILD_PAIR + 1);
	if (conn < 0 || pair < 0 || dup3(conn, CHILD_CONN, O_CLOEXEC) < 0 ||
	    dup3(pair, CHILD_PAIR, O_CLOEXEC) < 0 || close_range(CHILD_PAIR + 1, ~0U, 0) != 0)
		_exit(1);
	close_range(0, output == CHILD_LOGS ? 1 : 2, 0);
	/* Files must not come to lie where something might print. */
	if (output == CHILD_LOGS && (open("/dev/null", O_RDWR) != 0 || dup(0) != 1))
		_exit(1);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		_exit(1);
	/* A terminal sends these to the whole group; here the supervisor says when to end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* A greeter has no business without its supervisor; a session ends in order (session.h). */
	if (output == CHILD_SILENT && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		_exit(1);
}
