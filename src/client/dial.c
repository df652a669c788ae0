#include "src/client/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/lookup.h"

/*
 * A silent network is found by the stall clock where an answer is owed (connection.h); these are
 * for what it does not see.  TCP_USER_TIMEOUT (RFC 5482) counts for probes and for data that nobody
 * takes, so it is longer than the longest patience a server asks for (300 s): its window may be
 * closed that long.
 */
#define KEEPALIVE_IDLE_S     20
#define KEEPALIVE_INTERVAL_S 5
#define USER_TIMEOUT_MS	     330000

static void
set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
	    {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
	};

	/* None of them is needed for a correct transfer. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
				 sizeof(options[i].value));
}

/* 0 with *fd, FTX_E_INTERRUPTED, or FTX_E_NETWORK with *errnum. */
static int
dial_one(int *fd, const struct addrinfo *a, const struct dial_options *o, int *errnum)
{
	int s = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*errnum);
	int r = 0;

	*errnum = 0;
	if (s < 0) {
		*errnum = errno;
		return FTX_E_NETWORK;
	}
	set_options(s);
	if (connect(s, a->ai_addr, a->ai_addrlen) != 0) {
		*errnum = errno;
		if (errno == EINPROGRESS) {
			r = cancel_poll(o->cancel, s, POLLOUT, clock_ms() + o->timeout_ms);
			*errnum = ETIMEDOUT;
			if (r == 1 && getsockopt(s, SOL_SOCKET, SO_ERROR, errnum, &length) != 0)
				*errnum = errno;
		}
	}
	if (*errnum != 0 || r < 0) {
		close(s);
		return r < 0 ? r : FTX_E_NETWORK;
	}
	*fd = s;
	return 0;
}

int
dial(int *fd, const struct dial_options *o, bool *absent, struct problem *p)
{
	struct addrinfo *list;
	char reason[128];
	int errnum = 0, last_errnum = 0;
	int r;

	*absent = true;
	if ((r = lookup(&list, o, p)) != 0)
		return r;
	r = FTX_E_NETWORK;
	for (const struct addrinfo *a = list; a != NULL && r == FTX_E_NETWORK; a = a->ai_next) {
		r = dial_one(fd, a, o, &errnum);
		if (r == FTX_E_NETWORK && errnum != ECONNREFUSED)
			*absent = false;
		/* Of several, the one that was there and said no explains most. */
		if (last_errnum != ECONNREFUSED)
			last_errnum = errnum;
	}
	freeaddrinfo(list);
	if (r == FTX_E_INTERRUPTED)
		return problem_set(p, r, SIDE_LOCAL, NULL);
	if (r != 0) {
		problem_set(p, FTX_E_NETWORK, SIDE_NETWORK, "%s port %u: %s", o->host,
			    (unsigned)o->port, strerror_r(last_errnum, reason, sizeof(reason)));
		p->errnum = last_errnum;
	}
	return r;
}
