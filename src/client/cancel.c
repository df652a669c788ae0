#include "src/client/cancel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/io.h"

int
cancel_init(struct cancel *c)
{
	atomic_init(&c->requested, false);
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c->fd < 0 ? error_from_errno(errno) : 0;
}

void
cancel_release(struct cancel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
cancel_request(struct cancel *c)
{
	const uint64_t one = 1;

	atomic_store(&c->requested, true);
	(void)write_full(c->fd, &one, sizeof(one));
}

bool
cancel_requested(const struct cancel *c)
{
	return atomic_load(&c->requested);
}

int
cancel_poll(const struct cancel *c, int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = fd, .events = events},
					{.fd = c->fd, .events = POLLIN}};
		uint64_t now = clock_ms();
		uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
		int n = poll(fds, 2, left > INT_MAX ? INT_MAX : (int)left);

		if (n < 0 && errno != EINTR)
			return error_from_errno(errno);
		if (cancel_requested(c))
			return FTX_E_INTERRUPTED;
		if (n > 0 && fds[0].revents != 0)
			return 1;
		if (n == 0 && clock_ms() >= deadline_ms)
			return 0;
	}
}
