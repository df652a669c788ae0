/*
 * From accept to the first message.  A connection costs one descriptor here and is not read from;
 * when there are too many, the oldest silent one makes room.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/supervisor_impl.h"

#define ACCEPTS_IN_A_ROW 64u  /* so that children and signals get their turn */
#define REST_MS		 200u /* without descriptors */

static void
format_address(char *out, size_t capacity, const struct sockaddr *address, socklen_t length)
{
	char host[64] = "?";
	char port[8] = "?";

	getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, capacity, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

/* Resets the oldest connection in a state.  false: there is none. */
static bool
evict(struct supervisor *s, enum peer_state state)
{
	struct peer *p = peers_oldest(&s->peers, state);

	if (p == NULL)
		return false;
	peer_reset_connection(p);
	peer_free(&s->peers, p);
	return true;
}

static void
admit(struct supervisor *s, int conn, const union peer_address *from, socklen_t length)
{
	struct peer *p;

	if (s->peers.count[PEER_PENDING] + s->peers.count[PEER_READY] >= SUPERVISOR_MAX_PENDING &&
	    !evict(s, PEER_PENDING))
		evict(s, PEER_READY);
	p = peer_new(&s->peers, conn);
	p->from = *from;
	format_address(p->address, sizeof(p->address), &from->any, length);
	peer_set_deadline(&s->peers, p, clock_ms() + s->settings.handshake_timeout_ms);
	if (supervisor_watch(s, conn, EPOLLIN | EPOLLRDHUP, EVENT_CONN,
			     (size_t)(p - s->peers.table), p->generation) != 0) {
		peer_reset_connection(p);
		peer_free(&s->peers, p);
	}
}

void
admission_accept(struct supervisor *s, int listener)
{
	for (unsigned n = 0; n < ACCEPTS_IN_A_ROW && s->accept_again_ms == 0; n++) {
		union peer_address from = {.any.sa_family = AF_UNSPEC};
		socklen_t length = sizeof(from);
		int conn = accept4(listener, &from.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (conn >= 0) {
			admit(s, conn, &from, length);
		} else if (errno != EMFILE && errno != ENFILE) {
			return; /* EAGAIN, or a connection that is already gone */
		} else if (!admission_make_room(s)) {
			log_warning("out of file descriptors: new connections wait");
			admission_close(s);
			s->accept_again_ms = clock_ms() + REST_MS;
		}
	}
}

bool
admission_make_room(struct supervisor *s)
{
	return evict(s, PEER_PENDING);
}

void
admission_look(struct supervisor *s, struct peer *p)
{
	int available = 0;

	if (ioctl(p->conn, FIONREAD, &available) != 0 || available < (int)HANDSHAKE_HELLO_BYTES) {
		peer_free(&s->peers, p);
		return;
	}
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, p->conn, NULL);
	peer_set_state(&s->peers, p, PEER_READY);
	supervisor_start_greeters(s);
}

int
admission_open(struct supervisor *s)
{
	int r = 0;

	for (size_t i = 0; i < s->options->listener_count && r == 0; i++)
		r = supervisor_watch(s, s->options->listeners[i], EPOLLIN, EVENT_LISTENER, i, 0);
	return r;
}

void
admission_close(struct supervisor *s)
{
	for (size_t i = 0; i < s->options->listener_count; i++)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->options->listeners[i], NULL);
}

void
admission_on_time(struct supervisor *s, uint64_t now_ms)
{
	if (s->accept_again_ms == 0 || now_ms < s->accept_again_ms || s->stopping)
		return;
	s->accept_again_ms = 0;
	(void)admission_open(s); /* what is watched already stays so */
}
