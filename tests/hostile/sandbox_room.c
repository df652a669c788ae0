#include "tests/hostile/sandbox_room.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/server/sandbox.h"
#include "src/server/sandbox_impl.h"
#include "src/store/group.h"
#include "tests/hostile/rig.h"

struct sandbox_room room;

static void
make(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && write(fd, "text", 4) == 4 && close(fd) == 0, "%s", name);
}

static int
make_directory(int parent, const char *name)
{
	int fd;

	cr_assert(mkdirat(parent, name, 0700) == 0, "%s", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

/* Another session: confined too, and waiting. */
static pid_t
start_sibling(void)
{
	int ready[2];
	char c;
	pid_t pid;

	cr_assert(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	cr_assert(pid > 0);
	close(ready[1]);
	cr_assert(read(ready[0], &c, 1) == 0);
	close(ready[0]);
	return pid;
}

static void
make_files(void)
{
	int dot_ftx, client;

	rig_directory(room.top);
	room.outside = open(room.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make(room.outside, "secret");
	snprintf(room.secret, sizeof(room.secret), "%s/secret", room.top);
	room.share = make_directory(room.outside, "share");
	make(room.share, "published");
	make(room.share, "second");
	close(make_directory(room.share, "dir"));
	room.published = openat(room.share, "published", O_RDONLY | O_CLOEXEC);
	dot_ftx = make_directory(room.share, ".ftx");
	client = make_directory(dot_ftx, "0123456789abcdef");
	room.up = make_directory(client, "up");
	room.set = make_directory(client, "set");
	close(client);
	client = make_directory(dot_ftx, "fedcba9876543210");
	room.other = make_directory(client, "up");
	close(client);
	close(dot_ftx);
	make(room.up, "own.part");
	make(room.other, "other.part");
	room.address.sun_family = AF_UNIX;
	snprintf(room.address.sun_path, sizeof(room.address.sun_path), "%s/socket", room.top);
	room.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(room.listener, (struct sockaddr *)&room.address, sizeof(room.address)) ==
		      0 &&
		  listen(room.listener, 5) == 0);
}

static void
remove_files(void)
{
	const int fds[] = {room.outside, room.share,	 room.up,      room.set,
			   room.other,	 room.published, room.listener};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	rig_remove(room.top);
}

static void
begin(void)
{
	const struct sandbox_options options = {.require = true};

	make_files();
	room.supervisor = getpid();
	room.sibling = start_sibling();
	/* The supervisor does it, and its sessions are its children. */
	cr_assert_eq(sandbox_setup(&options), 0);
}

static void
end(void)
{
	kill(room.sibling, SIGKILL);
	waitpid(room.sibling, NULL, 0);
	remove_files();
}

TestSuite(sandbox, .init = begin, .fini = end);

void
room_renew(void)
{
	remove_files();
	make_files();
}

/* As enter.c does it, abi: of Landlock, 0: the kernel's. */
static void
confine(uint8_t rights, int abi)
{
	const struct sandbox_place place = {
	    .root = room.share, .up = room.up, .set = room.set, .rights = rights};
	struct group_syncers *syncers;

	if (sandbox_become(room.share) != 0)
		_exit(200);
	/* Two rulesets confine as the stricter: so the older version alone is what is tried. */
	if (abi != 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    landlock_confine(abi, &place, 1) != 0)
			_exit(201);
		return;
	}
	if (sandbox_files(&place, 1) != 0 || (syncers = group_syncers_new()) == NULL)
		_exit(201);
	group_syncers_start(syncers);
	if (sandbox_calls() != 0)
		_exit(202);
}

int
room_outcome(int (*attempt)(void), int rights, int abi)
{
	pid_t pid = fork();
	int status, r;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (rights != FREE)
			confine((uint8_t)rights, abi);
		r = attempt();
		/* Not exit(): what it would do is not what is tried. */
		_exit(r >= 0 ? 0 : errno);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
