/*
 * relay TARGET-PORT [UP [DOWN [FIRST]]]
 *
 * Listens on a free port of 127.0.0.1, prints it, and forwards connections to TARGET-PORT, each
 * in a process of its own: at most UP bytes from the client to the server and DOWN bytes back
 * (default: no bound).  What comes beyond a bound is read, counted and dropped, so the server waits
 * for it.  When the client is done, prints "up BYTES down BYTES", bytes as received from each side.
 *
 * FIRST, two hexadecimal digits a byte, is sent to the server before anything else, as a proxy's
 * header is; then a reset of the server's is passed on too.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct direction {
	int from, to;
	uint64_t limit, count;
};

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool was_reset; /* seen in sending, which then is not told again */

static void
send_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			was_reset = true;
			return;
		}
		data += n;
		length -= (size_t)n;
	}
}

/* false at the end of the stream; a reset is in errno. */
static bool
forward(struct direction *d)
{
	static char buffer[65536];
	ssize_t n;

	errno = 0;
	n = recv(d->from, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	uint64_t room = d->limit > d->count ? d->limit - d->count : 0;
	send_all(d->to, buffer, (uint64_t)n < room ? (size_t)n : (size_t)room);
	d->count += (uint64_t)n;
	return true;
}

/* As what came from the other side. */
static void
reset(int fd)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	exit(0);
}

static void
send_first(int fd, const char *digits)
{
	char byte[3] = "";

	for (; digits[0] != '\0' && digits[1] != '\0'; digits += 2) {
		memcpy(byte, digits, 2);
		send_all(fd, &(char){(char)strtoul(byte, NULL, 16)}, 1);
	}
}

static void
serve(int client, uint16_t target, uint64_t up_limit, uint64_t down_limit, const char *first)
{
	struct sockaddr_in address = loopback(target);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "connect");
	send_first(server, first);
	struct direction up = {.from = client, .to = server, .limit = up_limit};
	struct direction down = {.from = server, .to = client, .limit = down_limit};
	struct pollfd polls[2] = {{.fd = client, .events = POLLIN},
				  {.fd = server, .events = POLLIN}};
	for (;;) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (polls[0].revents != 0 && !forward(&up))
			break;
		if (polls[1].revents != 0 && !forward(&down)) {
			if (first[0] != '\0' && (errno == ECONNRESET || was_reset))
				reset(client);
			shutdown(client, SHUT_WR);
			polls[1].fd = -1;
		}
	}
	printf("up %" PRIu64 " down %" PRIu64 "\n", up.count, down.count);
	fflush(stdout);
	close(server);
	close(client);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: relay TARGET-PORT [UP [DOWN [FIRST]]]");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
	    listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		err(1, "listen");
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0)
			err(1, "accept");
		pid_t child = fork();
		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(client, (uint16_t)strtoul(argv[1], NULL, 10),
			      argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64_MAX,
			      argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX,
			      argc > 4 ? argv[4] : "");
			return 0;
		}
		close(client);
	}
}
