#include "cmd/ftx/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/ftx/signals.h"
#include "proto/errors.h"
#include "src/base/display.h"

#define RELEASE_MS 3000 /* a command that ignores SIGTERM for longer is left to itself */

extern char **environ;

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
command_init(struct command *c, char *const *words, struct problem *why)
{
	int fds[2];

	*c = (struct command){.words = words, .read_fd = -1, .write_fd = -1, .process_fd = -1};
	if (pipe2(fds, O_CLOEXEC) != 0)
		return problem_local(why, error_from_errno(errno), errno);
	c->read_fd = fds[0];
	c->write_fd = fds[1];
	return 0;
}

/* What the program ignores or has open is not the command's. */
static int
prepare(const struct command *c, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ};
	sigset_t defaults;
	int errnum;

	sigemptyset(&defaults);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (!signals_unwanted(ignored[i]))
			sigaddset(&defaults, ignored[i]);
	errnum = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (errnum == 0)
		errnum = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
							  O_RDONLY, 0);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_adddup2(actions, c->write_fd, STDOUT_FILENO);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return errnum;
}

/* Returns errno, or 0 with *pid. */
static int
spawn(const struct command *c, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int errnum = posix_spawn_file_actions_init(&actions);

	if (errnum != 0)
		return errnum;
	errnum = posix_spawnattr_init(&attributes);
	if (errnum == 0) {
		errnum = prepare(c, &actions, &attributes);
		if (errnum == 0)
			errnum = posix_spawnp(pid, c->words[0], &actions, &attributes, c->words,
					      environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return errnum;
}

void
command_start(struct command *c)
{
	pid_t pid;

	if (c->write_fd < 0)
		return;
	c->start_errnum = spawn(c, &pid);
	if (c->start_errnum == 0) {
		/* Nobody has waited for it yet, so the number is still its own. */
		c->process_fd = pidfd_open(pid, 0);
		if (c->process_fd < 0) {
			c->start_errnum = errno;
			kill(pid, SIGTERM);
		}
	}
	atomic_store(&c->started, true);
	close_fd(&c->write_fd); /* the command's end is the end of the input */
}

int
command_finish(void *command, struct problem *why)
{
	struct command *c = command;
	siginfo_t end = {0};
	char shown[256];
	int r;

	display_escape(shown, sizeof(shown), c->words[0], strlen(c->words[0]));
	if (!atomic_load(&c->started))
		return problem_set(why, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
	if (c->process_fd < 0) {
		problem_set(why, FTX_E_IO, SIDE_LOCAL, "%s could not be run: %s", shown,
			    strerror(c->start_errnum));
		why->errnum = c->start_errnum;
		return FTX_E_IO;
	}
	/* Its exit status stays to be fetched, so that command_stop() has the right process. */
	do {
		r = waitid(P_PIDFD, (id_t)c->process_fd, &end, WEXITED | WNOWAIT);
	} while (r != 0 && errno == EINTR);
	if (r != 0)
		return problem_local(why, FTX_E_IO, errno);
	if (end.si_code != CLD_EXITED) {
		const char *name = sigabbrev_np(end.si_status);

		return problem_set(why, FTX_E_IO, SIDE_LOCAL, "%s was killed by SIG%s", shown,
				   name != NULL ? name : "?");
	}
	if (end.si_status != 0)
		return problem_set(why, FTX_E_IO, SIDE_LOCAL, "%s exited with status %d", shown,
				   end.si_status);
	return 0;
}

void
command_stop(struct command *c)
{
	close_fd(&c->write_fd); /* nobody is to wait for what never started */
	if (c->process_fd >= 0)
		(void)pidfd_send_signal(c->process_fd, SIGTERM, NULL, 0);
}

void
command_release(struct command *c)
{
	siginfo_t end;
	struct pollfd ended = {.fd = c->process_fd, .events = POLLIN};

	command_stop(c);
	close_fd(&c->read_fd); /* who still writes to it is told so */
	if (c->process_fd < 0)
		return;
	if (poll(&ended, 1, RELEASE_MS) == 1)
		(void)waitid(P_PIDFD, (id_t)c->process_fd, &end, WEXITED);
	close_fd(&c->process_fd);
}
