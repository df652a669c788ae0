#include "src/server/service.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/server/listen.h"

/* A manager's socket, at a path in a directory of its own or in the abstract namespace. */
static char directory[] = "/tmp/ftx-service.XXXXXX";
static char name[64];

static int
manager(bool abstract)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	size_t length;

	cr_assert(fd >= 0);
	cr_assert_not_null(mkdtemp(directory));
	length =
	    (size_t)snprintf(name, sizeof(name), "%s%s/notify", abstract ? "@" : "", directory);
	memcpy(at.sun_path, name, length + 1);
	if (abstract)
		at.sun_path[0] = '\0';
	cr_assert_eq(
	    bind(fd, (struct sockaddr *)&at,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1))),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
clean(void)
{
	if (name[0] == '/')
		unlink(name);
	rmdir(directory);
}

/* The next datagram; "": there is none. */
static const char *
heard(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

Test(service, tells_a_manager_what_goes_on, .fini = clean)
{
	struct service s;
	unsigned long long usec = 0;
	uint64_t now;
	int fd = manager(false);

	service_init(&s);
	service_ready(&s);
	cr_assert_str_eq(heard(fd), "READY=1");
	now = clock_ns() / 1000;
	service_reloading(&s);
	cr_assert_eq(sscanf(heard(fd), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
	cr_assert(usec >= now && usec <= clock_ns() / 1000);
	service_stopping(&s, 1500);
	cr_assert_str_eq(heard(fd), "STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000");
	cr_assert_str_eq(heard(fd), "");
	close(fd);
}

Test(service, finds_a_manager_in_the_abstract_namespace, .fini = clean)
{
	struct service s;
	int fd = manager(true);

	service_init(&s);
	service_ready(&s);
	cr_assert_str_eq(heard(fd), "READY=1");
	close(fd);
}

Test(service, leaves_nothing_in_the_environment, .fini = clean)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
					    "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
	struct service s;
	const char *why;
	size_t count;
	int fds[1];
	int fd = manager(false);

	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], "1", 1);
	service_init(&s);
	cr_assert_eq(service_sockets(fds, 1, &count, &why), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert_null(getenv(names[i]), "%s", names[i]);
	close(fd);
}

Test(service, without_a_manager_says_nothing)
{
	static const char *const cases[] = {"", "@", "relative", "vsock:2:1"};
	char too_long[200];
	struct service s;

	unsetenv("NOTIFY_SOCKET");
	service_init(&s);
	cr_assert_eq(s.manager_length, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("NOTIFY_SOCKET", cases[i], 1);
		service_init(&s);
		cr_assert_eq(s.manager_length, 0, "'%s'", cases[i]);
	}
	memset(too_long, '/', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	setenv("NOTIFY_SOCKET", too_long, 1);
	service_init(&s);
	cr_assert_eq(s.manager_length, 0);
	service_ready(&s);
	service_reloading(&s);
	service_stopping(&s, 1);
	service_on_time(&s, 1, 0);
	cr_assert_eq(service_next_ms(&s, 0), UINT64_MAX);
	service_ready(NULL);
	cr_assert_eq(service_next_ms(NULL, 0), UINT64_MAX);
}

Test(service, a_manager_that_is_gone_is_no_failure, .fini = clean)
{
	struct service s;

	close(manager(false));
	service_init(&s);
	service_ready(&s);
	cr_assert(s.failed);
	service_stopping(&s, 1);
}

Test(service, gives_signs_of_life_twice_in_the_time_there_is, .fini = clean)
{
	struct service s;
	char pid[16];
	int fd = manager(false);

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	service_init(&s);
	cr_assert_eq(s.watchdog_ms, 15000);
	service_on_time(&s, 100, 0);
	cr_assert_str_eq(heard(fd), "WATCHDOG=1");
	cr_assert_str_eq(heard(fd), "STATUS=0 sessions");
	cr_assert_eq(service_next_ms(&s, 0), 15100);
	service_on_time(&s, 15099, 0);
	cr_assert_str_eq(heard(fd), "");
	service_on_time(&s, 15100, 0);
	cr_assert_str_eq(heard(fd), "WATCHDOG=1");
	close(fd);
}

Test(service, gives_none_that_are_not_asked_of_it, .fini = clean)
{
	static const struct {
		const char *usec, *pid;
	} cases[] = {{"30000000", "1"}, {"0", NULL}, {"-5", NULL}, {"1s", NULL}, {"", NULL}};
	int fd = manager(false);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct service s;

		setenv("NOTIFY_SOCKET", name, 1);
		setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid != NULL)
			setenv("WATCHDOG_PID", cases[i].pid, 1);
		service_init(&s);
		cr_assert_eq(s.watchdog_ms, 0, "case %zu", i);
	}
	close(fd);
}

Test(service, tells_of_sessions_once_a_second_at_most, .fini = clean)
{
	struct service s;
	int fd = manager(false);

	service_init(&s);
	service_on_time(&s, 5000, 0);
	cr_assert_str_eq(heard(fd), "STATUS=0 sessions");
	cr_assert_eq(service_next_ms(&s, 0), UINT64_MAX);
	cr_assert_eq(service_next_ms(&s, 1), 6000);
	service_on_time(&s, 5999, 1);
	cr_assert_str_eq(heard(fd), "");
	service_on_time(&s, 6000, 1);
	cr_assert_str_eq(heard(fd), "STATUS=1 session");
	close(fd);
}

/*
 * Sockets that were passed lie at 3 and above, where Criterion has its own: what is about them runs
 * in a child, which returns the line of a check that failed, 0 where none did.
 */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static void
run_in_child(int (*body)(void))
{
	int ends[2], status;
	int line = -1;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	if ((pid = fork()) == 0) {
		int report = fcntl(ends[1], F_DUPFD, 200);

		line = body();
		_exit(write(report, &line, sizeof(line)) != (ssize_t)sizeof(line));
	}
	close(ends[1]);
	cr_assert_eq(read(ends[0], &line, sizeof(line)), (ssize_t)sizeof(line));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(line, 0, "the check in line %d failed", line);
	close(ends[0]);
}

static void
announce(const char *count)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_PID", pid, 1);
}

/* A listening socket at descriptor place. */
static bool
pass_listening(int place)
{
	struct listen_address a;
	int fd, high;

	if (listen_parse(&a, "127.0.0.1:0") != 0 || listen_open(&a, &fd) != 0)
		return false;
	high = fcntl(fd, F_DUPFD, 100);
	close(fd);
	return dup2(high, place) == place && close(high) == 0;
}

static int
take_two(void)
{
	const char *why;
	size_t count;
	int fds[2] = {-1, -1};

	CHECK(pass_listening(3) && pass_listening(4));
	CHECK(fcntl(3, F_SETFL, 0) == 0);
	announce("2");
	CHECK(service_sockets(fds, 2, &count, &why) == 0);
	CHECK(count == 2);
	for (int i = 0; i < 2; i++) {
		CHECK(fds[i] == 3 + i);
		CHECK(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
		CHECK((fcntl(fds[i], F_GETFL) & O_NONBLOCK) != 0);
	}
	/* Once only. */
	CHECK(service_sockets(fds, 2, &count, &why) == 0);
	CHECK(count == 0);
	return 0;
}

Test(service, takes_the_sockets_that_were_passed)
{
	run_in_child(take_two);
}

static int
take_none(void)
{
	const char *why;
	size_t count;
	int fds[1];

	CHECK(pass_listening(3));
	announce("1");
	setenv("LISTEN_PID", "1", 1);
	CHECK(service_sockets(fds, 1, &count, &why) == 0 && count == 0);
	announce("1");
	unsetenv("LISTEN_PID");
	CHECK(service_sockets(fds, 1, &count, &why) == 0 && count == 0);
	announce("0");
	CHECK(service_sockets(fds, 1, &count, &why) == 0 && count == 0);
	CHECK(fcntl(3, F_GETFD) == 0);
	return 0;
}

Test(service, takes_none_that_were_passed_to_another_process)
{
	run_in_child(take_none);
}

/* With fd, or nothing, at descriptor 3: is it refused with this part of a reason? */
static bool
is_refused(int fd, const char *part)
{
	const char *why = "";
	size_t count = 7;
	int fds[1];

	if (fd >= 0 && dup2(fd, 3) != 3)
		return false;
	announce("1");
	return service_sockets(fds, 1, &count, &why) == FTX_E_CONFIG && count == 0 &&
	       strstr(why, part) != NULL;
}

static int
refuse_others(void)
{
	struct listen_address a = {.host = "127.0.0.1"};
	int pair[2], tcp;

	close(3);
	CHECK(is_refused(-1, "descriptor 3 is not open"));
	CHECK(is_refused(open("/dev/null", O_RDONLY), "is no socket"));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(is_refused(pair[0], "is no TCP socket"));
	CHECK(is_refused(socket(AF_INET, SOCK_DGRAM, 0), "is no TCP socket"));
	CHECK(listen_open(&a, &tcp) == 0);
	CHECK(is_refused(socket(AF_INET, SOCK_STREAM, 0), "is no listening socket"));
	CHECK(!is_refused(tcp, ""));
	return 0;
}

Test(service, refuses_what_is_no_listening_tcp_socket)
{
	run_in_child(refuse_others);
}

Test(service, refuses_wrong_numbers_of_sockets)
{
	static const char *const cases[] = {"2", "-1", "x", "1x", "", "99999999999999999999999"};
	const char *why;
	size_t count;
	int fds[1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		announce(cases[i]);
		cr_assert_eq(service_sockets(fds, 1, &count, &why), FTX_E_CONFIG, "'%s'", cases[i]);
		cr_assert_eq(count, 0);
	}
}
