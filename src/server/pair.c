#include "src/server/pair.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "proto/errors.h"
#include "src/base/clock.h"

int
pair_new(int ends[static 2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return error_from_errno(errno);
	return 0;
}

/* sendmsg and recvmsg, not send and recv: those are other system calls than the greeter may use. */
int
pair_send(int fd, const struct pair_message *m)
{
	struct pair_message copy = *m;
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	explicit_bzero(&copy, sizeof(copy));
	if (n == (ssize_t)sizeof(copy))
		return 0;
	return n < 0 && (errno == EAGAIN || errno == ENOBUFS) ? FTX_E_BUSY : FTX_E_CLOSED;
}

int
pair_receive(int fd, struct pair_message *m)
{
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do
		n = recvmsg(fd, &header, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : FTX_E_CLOSED;
	if (n == 0)
		return FTX_E_CLOSED;
	return n == (ssize_t)sizeof(*m) && (header.msg_flags & MSG_TRUNC) == 0 ? 1 : FTX_E_PROTOCOL;
}

int
pair_wait(int fd, struct pair_message *m, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now = clock_ms();
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		struct timespec left;
		int r = pair_receive(fd, m);

		if (r != 0)
			return r;
		if (now >= deadline_ms)
			return FTX_E_TIMEOUT;
		left.tv_sec = (time_t)((deadline_ms - now) / 1000);
		left.tv_nsec = (long)((deadline_ms - now) % 1000 * 1000000);
		if (ppoll(&pfd, 1, &left, NULL) < 0 && errno != EINTR)
			return FTX_E_CLOSED;
	}
}
