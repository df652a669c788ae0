/*
 * manager NOTIFY-SOCKET WATCHDOG-MS PROGRAM [ARGUMENT...]
 *
 * A service manager for one service: listens on a free port of 127.0.0.1, runs PROGRAM with that
 * socket as sd_listen_fds(3) has it, and prints lines: "port N", "pid N", each assignment that
 * PROGRAM's own process sends to NOTIFY-SOCKET (a path, sd_notify(3)), those of others with "other
 * " before them, and last "ended STATUS", STATUS as a shell has it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED = 3 };

static int
listening(unsigned *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		err(1, "listening");
	*port = ntohs(at.sin_port);
	return fd;
}

static int
notified(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	static const int yes = 1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(at.sun_path))
		errx(1, "%s: too long", path);
	strcpy(at.sun_path, path);
	/* Whoever the service becomes. */
	umask(0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) != 0)
		err(1, "%s", path);
	return fd;
}

static void
set_number(const char *name, unsigned long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", value);
	if (setenv(name, text, 1) != 0)
		err(1, "setenv");
}

static _Noreturn void
become(int listener, const char *notify, const char *watchdog_ms, char **program)
{
	unsigned long pid = (unsigned long)getpid();

	/* The descriptor may be at its place already, where dup2() does nothing. */
	if ((listener == PASSED ? fcntl(PASSED, F_SETFD, 0) : dup2(listener, PASSED)) < 0)
		err(126, "descriptor 3");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setenv("NOTIFY_SOCKET", notify, 1) != 0)
		err(126, "%s", program[0]);
	set_number("LISTEN_FDS", 1);
	set_number("LISTEN_PID", pid);
	set_number("WATCHDOG_USEC", strtoul(watchdog_ms, NULL, 10) * 1000);
	set_number("WATCHDOG_PID", pid);
	execvp(program[0], program);
	err(127, "%s", program[0]);
}

/* Who has sent it; 0: that is not said. */
static pid_t
sender(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct ucred who;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

/* false: none has come yet. */
static bool
print_message(int fd, pid_t service)
{
	char text[4096];
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr aligned;
	} control;
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	char *rest = text;
	char *line;

	if (n < 0)
		return false;
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		printf("%s%s\n", sender(&m) == service ? "" : "other ", line);
	return true;
}

int
main(int argc, char **argv)
{
	int listener, notify, status;
	unsigned port;
	pid_t pid;

	if (argc < 4)
		errx(2, "usage: manager NOTIFY-SOCKET WATCHDOG-MS PROGRAM [ARGUMENT...]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	listener = listening(&port);
	notify = notified(argv[1]);
	printf("port %u\n", port);
	fflush(stdout);
	if ((pid = fork()) < 0)
		err(1, "fork");
	if (pid == 0)
		become(listener, argv[1], argv[2], argv + 3);
	printf("pid %d\n", (int)pid);
	for (;;) {
		bool ended = waitpid(pid, &status, WNOHANG) == pid;

		/* What it said before it ended is in the queue. */
		while (print_message(notify, pid))
			;
		if (ended)
			break;
		usleep(5000);
	}
	printf("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
