/*
 * Peers without a key, from 127.0.0.2 to 127.0.0.255, until they are killed or as often as is said.
 *
 *	strangers PORT silent COUNT	keeps COUNT connections that say nothing
 *	strangers PORT dripping COUNT	keeps COUNT that say a byte a second
 *	strangers PORT storm COUNT	opens COUNT a second, and resets each
 *	strangers PORT junk COUNT [ADDRESS]
 *		COUNT first messages that are none, one after the other, from one address
 *		(127.0.0.2); prints what becomes of each: "closed" or "reset"
 *
 * What the server ends is opened again within a second.  "ready" is printed when all have been
 * opened once, or the storm's first second is over.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST	     4000
#define FIRST_BYTES  84 /* of the first message of a handshake */
#define ADDRESSES    254u
#define DRIPS_BEFORE (FIRST_BYTES - 1)

static struct sockaddr_in server = {.sin_family = AF_INET};
static uint32_t address;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "strangers: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* From the next of the addresses, or from one: -1 where the server resets it at once. */
static int
dial(const char *from)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + address++ % ADDRESSES);
	if (from != NULL && inet_pton(AF_INET, from, &a.sin_addr) != 1)
		die(from);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("bind");
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0)
		return fd;
	if (errno != ECONNRESET && errno != ECONNREFUSED && errno != ETIMEDOUT)
		die("connect");
	close(fd);
	return -1;
}

static void
say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* Is the connection gone?  Nothing is ever said to a stranger. */
static bool
is_gone(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static void
keep(size_t count, bool dripping)
{
	static int fds[MOST];
	static unsigned said[MOST];

	for (size_t i = 0; i < count; i++)
		fds[i] = dial(NULL);
	say_ready();
	for (;;) {
		for (size_t i = 0; i < count; i++) {
			if (fds[i] >= 0 && is_gone(fds[i])) {
				close(fds[i]);
				fds[i] = -1;
			}
			if (fds[i] < 0) {
				fds[i] = dial(NULL);
				said[i] = 0;
			}
			if (dripping && fds[i] >= 0 && said[i]++ < DRIPS_BEFORE)
				(void)send(fds[i], "F", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		}
		poll(NULL, 0, 1000);
	}
}

static void
storm(unsigned a_second)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct timespec start, now;
	bool said = false;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (uint64_t done = 0;;) {
		uint64_t due;

		clock_gettime(CLOCK_MONOTONIC, &now);
		due = (uint64_t)((double)a_second * ((double)(now.tv_sec - start.tv_sec) +
						     (double)(now.tv_nsec - start.tv_nsec) / 1e9));
		for (; done < due; done++) {
			int fd = dial(NULL);

			if (fd < 0)
				continue;
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
			close(fd);
		}
		if (!said && done >= a_second) {
			said = true;
			say_ready();
		}
		poll(NULL, 0, 1);
	}
}

static void
junk(size_t count, const char *from)
{
	uint8_t message[FIRST_BYTES];

	memset(message, 'x', sizeof(message));
	for (size_t i = 0; i < count; i++) {
		int fd = dial(from);
		char byte;

		if (fd < 0 ||
		    send(fd, message, sizeof(message), MSG_NOSIGNAL) != (ssize_t)sizeof(message) ||
		    recv(fd, &byte, 1, 0) < 0)
			puts("reset");
		else
			puts("closed");
		fflush(stdout);
		if (fd >= 0)
			close(fd);
	}
}

int
main(int argc, char **argv)
{
	const struct rlimit many = {MOST + 100, MOST + 100};
	size_t count = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	const char *kind = argc > 2 ? argv[2] : "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 4 || count == 0 || (count > MOST && strcmp(kind, "storm") != 0)) {
		fputs("usage: strangers PORT silent|dripping|storm|junk COUNT [ADDRESS]\n", stderr);
		return 2;
	}
	(void)setrlimit(RLIMIT_NOFILE, &many);
	server.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(kind, "silent") == 0 || strcmp(kind, "dripping") == 0)
		keep(count, kind[0] == 'd');
	else if (strcmp(kind, "storm") == 0)
		storm((unsigned)count);
	else if (strcmp(kind, "junk") == 0)
		junk(count, argc > 4 ? argv[4] : "127.0.0.2");
	else
		return 2;
	return 0;
}
