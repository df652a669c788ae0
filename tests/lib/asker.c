/*
 * asker SOCKET COUNT
 *
 * Connects COUNT times to a UNIX socket, says "ready", reads nothing and waits until it is killed.
 * With 0 it connects once and copies what it reads to standard output.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
call(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(2, "%s", path);
	return fd;
}

int
main(int argc, char **argv)
{
	char buffer[4096];
	ssize_t n;
	int fd;

	if (argc != 3)
		errx(2, "usage: asker SOCKET COUNT");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (atoi(argv[2]) == 0) {
		fd = call(argv[1]);
		while ((n = read(fd, buffer, sizeof(buffer))) > 0)
			if (fwrite(buffer, 1, (size_t)n, stdout) != (size_t)n)
				err(2, "standard output");
		return 0;
	}
	for (int i = atoi(argv[2]); i > 0; i--)
		(void)call(argv[1]);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
