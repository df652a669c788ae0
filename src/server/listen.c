#include "src/server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/handshake.h"

/*
 * An idle connection is probed after 20 s, then every 5 s.  A peer that does not answer the probes,
 * or keeps its window closed, for as long as TCP_USER_TIMEOUT (RFC 5482) is cut off.
 */
#define KEEPALIVE_IDLE_S     20
#define KEEPALIVE_INTERVAL_S 5
#define USER_TIMEOUT_MS	     120000

int
listen_parse(struct listen_address *a, const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t length;
	char *end;
	unsigned long port;
	struct in6_addr v6;
	struct in_addr v4;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return FTX_E_USAGE;
	errno = 0;
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || errno != 0 || port > UINT16_MAX)
		return FTX_E_USAGE;
	length = (size_t)(colon - text);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length >= sizeof(a->host))
		return FTX_E_USAGE;
	memcpy(a->host, host, length);
	a->host[length] = '\0';
	if (colon == text)
		strcpy(a->host, "127.0.0.1");
	a->port = (uint16_t)port;
	if (host == text ? inet_pton(AF_INET, a->host, &v4) : inet_pton(AF_INET6, a->host, &v6))
		return 0;
	return FTX_E_USAGE;
}

static bool
is_v6(const struct listen_address *a)
{
	return strchr(a->host, ':') != NULL;
}

bool
listen_is_loopback(const struct listen_address *a)
{
	return strncmp(a->host, "127.", 4) == 0 || strcmp(a->host, "::1") == 0;
}

bool
listen_is_any(const struct listen_address *a)
{
	return strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
}

static int
set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {SOL_SOCKET, SO_REUSEADDR, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {SOL_SOCKET, SO_RCVLOWAT, HANDSHAKE_HELLO_BYTES},
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
	    {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)) != 0)
			return -1;
	return 0;
}

/* Of a bound socket it says what its opener wanted. */
static int
take_both_families(int fd)
{
	static const int alone = 0;

	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof(alone));
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		return 0;
	return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
					      : ((struct sockaddr_in *)&at)->sin_port);
}

int
listen_open(struct listen_address *a, int *fd)
{
	struct addrinfo hints = {.ai_family = is_v6(a) ? AF_INET6 : AF_INET,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	char port[8];
	int s;
	int r = 0;

	snprintf(port, sizeof(port), "%u", a->port);
	if (getaddrinfo(a->host, port, &hints, &found) != 0)
		return FTX_E_USAGE;
	s = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0 || set_options(s) != 0 || (is_v6(a) && take_both_families(s) != 0) ||
	    bind(s, found->ai_addr, found->ai_addrlen) != 0 || listen(s, SOMAXCONN) != 0)
		r = errno == EADDRINUSE ? FTX_E_BUSY : error_from_errno(errno);
	freeaddrinfo(found);
	if (r != 0) {
		if (s >= 0)
			close(s);
		return r;
	}
	a->port = bound_port(s);
	*fd = s;
	return 0;
}

static bool
get_number(int fd, int name, int *value)
{
	socklen_t length = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, name, value, &length) == 0;
}

int
listen_adopt(int fd, const char **why)
{
	int domain, type, protocol, listening, flags;

	*why = NULL;
	if (!get_number(fd, SO_DOMAIN, &domain) || !get_number(fd, SO_TYPE, &type) ||
	    !get_number(fd, SO_PROTOCOL, &protocol) || !get_number(fd, SO_ACCEPTCONN, &listening))
		*why = errno == EBADF ? "is not open" : "is no socket";
	else if ((domain != AF_INET && domain != AF_INET6) || type != SOCK_STREAM ||
		 protocol != IPPROTO_TCP)
		*why = "is no TCP socket";
	else if (!listening)
		*why = "is no listening socket (Accept=no is needed)";
	else if ((flags = fcntl(fd, F_GETFL)) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		 fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || set_options(fd) != 0)
		*why = "is a socket that cannot be set up";
	return *why == NULL ? 0 : FTX_E_CONFIG;
}

const char *
listen_format(int fd, char out[static NETWORK_END_BYTES])
{
	union peer_address at = {.any.sa_family = AF_UNSPEC};
	socklen_t length = sizeof(at);

	getsockname(fd, &at.any, &length);
	return network_format_end(&at, out);
}
