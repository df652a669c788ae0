/*
 * The service manager that has started the daemon, if one has: what it is told, and the sockets it
 * passes.  The protocols are those of sd_notify(3) and sd_listen_fds(3): datagrams to the socket in
 * NOTIFY_SOCKET, and descriptors from 3 up.  By hand, since what faces the network should not link
 * libsystemd for them.
 *
 * Nothing here fails the daemon: a manager that cannot be told is logged, once.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct service {
	struct sockaddr_un manager;
	socklen_t manager_length; /* 0: there is nobody to tell */
	uint64_t watchdog_ms;	  /* how often a sign of life is due; 0: never */
	uint64_t next_watchdog_ms;
	uint64_t next_status_ms;
	unsigned sessions; /* as the manager was told */
	bool told;	   /* it was */
	bool failed;	   /* and that was logged */
};

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment.  What of them is not
 * understood is logged and not used.
 */
void service_init(struct service *s);

/*
 * Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment, and makes the sockets
 * they tell of ours, at most capacity: close-on-exec, and as listen_open() has them.  fds are owned
 * by the caller.  0 with *count, 0 where none was passed to this process; or FTX_E_CONFIG with *why
 * set to a clause for people, which lasts until the next call.
 */
int service_sockets(int *fds, size_t capacity, size_t *count, const char **why);

/* Is there surely no network interface but loopback?  What only passed sockets can leave. */
bool service_is_isolated(void);

/* Each is for the manager s, NULL: there is none. */
void service_ready(struct service *s);
void service_reloading(struct service *s); /* service_ready() ends it */
/* It takes up to so long from now on. */
void service_stopping(struct service *s, uint64_t most_ms);

/* Sends what is due: the sign of life, and, at most once a second, how many sessions there are. */
void service_on_time(struct service *s, uint64_t now_ms, unsigned sessions);

/* When that is to be called at the latest, clock_ms(); UINT64_MAX: no need. */
uint64_t service_next_ms(const struct service *s, unsigned sessions);

#endif
