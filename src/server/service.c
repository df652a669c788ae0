#include "src/server/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/listen.h"

enum { FIRST_PASSED = 3 }; /* SD_LISTEN_FDS_START */

#define STATUS_MS 1000u
/* What the manager must know waits so long for room in its queue; the rest does not wait. */
#define MOST_WAIT_S 2

enum urgency { MUST_ARRIVE, MAY_BE_LOST };

static int
send_text(const struct service *s, const char *text, enum urgency urgency)
{
	const struct timeval wait = {.tv_sec = MOST_WAIT_S};
	int flags = MSG_NOSIGNAL | (urgency == MAY_BE_LOST ? MSG_DONTWAIT : 0);
	/* A new one each time: the manager may have been started again since. */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
	    sendto(fd, text, strlen(text), flags, (const struct sockaddr *)&s->manager,
		   s->manager_length) < 0)
		r = errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static void
tell(struct service *s, const char *text, enum urgency urgency)
{
	int errnum = send_text(s, text, urgency);

	if (errnum == 0 || s->failed || (urgency == MAY_BE_LOST && errnum == EAGAIN))
		return;
	s->failed = true;
	log_warning("the service manager cannot be told what goes on error=\"%s\"",
		    strerror(errnum));
}

/* A copy of a variable that is there no more afterwards, owned; NULL: it was not set. */
static char *
take_variable(const char *name)
{
	const char *value = getenv(name);
	char *copy = value != NULL ? strdup(value) : NULL;

	unsetenv(name);
	return copy;
}

/* A decimal number from 0 to most. */
static bool
parse_number(uint64_t *n, const char *text, uint64_t most)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 && *n <= most;
}

/* A path, or with '@' before it a name in the abstract namespace (unix(7)). */
static void
set_manager(struct service *s, const char *name)
{
	size_t length = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || length < 2 ||
	    length >= sizeof(s->manager.sun_path)) {
		log_warning("NOTIFY_SOCKET is no socket that can be told anything");
		return;
	}
	s->manager.sun_family = AF_UNIX;
	memcpy(s->manager.sun_path, name, length);
	if (name[0] == '@')
		s->manager.sun_path[0] = '\0';
	/* The terminator belongs to a path and would be part of an abstract name. */
	s->manager_length =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/' ? 1 : 0));
}

/* Twice in the time the manager gives, as sd_watchdog_enabled(3) has it. */
static void
set_watchdog(struct service *s, const char *usec, const char *pid)
{
	uint64_t n, whose;

	if (usec == NULL)
		return;
	if (pid != NULL && (!parse_number(&whose, pid, INT32_MAX) || whose != (uint64_t)getpid()))
		return; /* for another process */
	if (!parse_number(&n, usec, UINT64_MAX / 2) || n == 0) {
		log_warning("WATCHDOG_USEC is no time");
		return;
	}
	s->watchdog_ms = n / 2000 > 0 ? n / 2000 : 1;
}

void
service_init(struct service *s)
{
	char *name = take_variable("NOTIFY_SOCKET");
	char *usec = take_variable("WATCHDOG_USEC");
	char *pid = take_variable("WATCHDOG_PID");

	*s = (struct service){0};
	if (name != NULL)
		set_manager(s, name);
	if (s->manager_length != 0)
		set_watchdog(s, usec, pid);
	free(name);
	free(usec);
	free(pid);
}

static int
adopt(int *fds, size_t count, const char **why)
{
	static char text[128];

	for (size_t i = 0; i < count; i++) {
		const char *reason;

		fds[i] = FIRST_PASSED + (int)i;
		if (listen_adopt(fds[i], &reason) == 0)
			continue;
		snprintf(text, sizeof(text), "what was passed as descriptor %d %s", fds[i], reason);
		*why = text;
		return FTX_E_CONFIG;
	}
	return 0;
}

int
service_sockets(int *fds, size_t capacity, size_t *count, const char **why)
{
	char *number = take_variable("LISTEN_FDS");
	char *pid = take_variable("LISTEN_PID");
	uint64_t n = 0;
	uint64_t whose = 0;
	int r = 0;

	unsetenv("LISTEN_FDNAMES");
	*count = 0;
	if (number == NULL || pid == NULL || !parse_number(&whose, pid, INT32_MAX) ||
	    whose != (uint64_t)getpid()) {
		n = 0; /* for another process, if for any */
	} else if (!parse_number(&n, number, capacity)) {
		*why = "LISTEN_FDS is no number of sockets that can be served";
		r = FTX_E_CONFIG;
	} else {
		r = adopt(fds, (size_t)n, why);
	}
	free(number);
	free(pid);
	if (r == 0)
		*count = (size_t)n;
	return r;
}

bool
service_is_isolated(void)
{
	FILE *f = fopen("/proc/self/net/dev", "re");
	bool isolated = false;
	char line[512];
	char name[64];

	if (f == NULL)
		return false;
	/* Two lines of heads, then "  NAME: figures". */
	for (unsigned n = 0; fgets(line, sizeof(line), f) != NULL; n++)
		if (n >= 2 && sscanf(line, " %63[^:]", name) == 1) {
			isolated = strcmp(name, "lo") == 0;
			if (!isolated)
				break;
		}
	fclose(f);
	return isolated;
}

static bool
is_managed(const struct service *s)
{
	return s != NULL && s->manager_length != 0;
}

void
service_ready(struct service *s)
{
	if (is_managed(s))
		tell(s, "READY=1", MUST_ARRIVE);
}

void
service_reloading(struct service *s)
{
	char text[64];

	if (!is_managed(s))
		return;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_ns() / 1000);
	tell(s, text, MUST_ARRIVE);
}

void
service_stopping(struct service *s, uint64_t most_ms)
{
	char text[64];

	if (!is_managed(s))
		return;
	snprintf(text, sizeof(text), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64, most_ms * 1000);
	tell(s, text, MUST_ARRIVE);
}

void
service_on_time(struct service *s, uint64_t now_ms, unsigned sessions)
{
	char text[64];

	if (!is_managed(s))
		return;
	if (s->watchdog_ms != 0 && now_ms >= s->next_watchdog_ms) {
		s->next_watchdog_ms = now_ms + s->watchdog_ms;
		tell(s, "WATCHDOG=1", MAY_BE_LOST);
	}
	if ((s->told && sessions == s->sessions) || now_ms < s->next_status_ms)
		return;
	s->told = true;
	s->sessions = sessions;
	s->next_status_ms = now_ms + STATUS_MS;
	snprintf(text, sizeof(text), "STATUS=%u session%s", sessions, sessions == 1 ? "" : "s");
	tell(s, text, MAY_BE_LOST);
}

uint64_t
service_next_ms(const struct service *s, unsigned sessions)
{
	uint64_t next = UINT64_MAX;

	if (!is_managed(s))
		return UINT64_MAX;
	if (s->watchdog_ms != 0)
		next = s->next_watchdog_ms;
	if ((!s->told || sessions != s->sessions) && s->next_status_ms < next)
		next = s->next_status_ms;
	return next;
}
