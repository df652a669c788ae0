#include "tests/hostile/server_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/secure/keyfile.h"
#include "src/server/child.h"
#include "src/server/supervisor.h"
#include "tests/harness/unit.h"
#include "tests/hostile/rig.h"

struct server server;

/* In place of accept4(), for the whole program (the linker's --wrap). */
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);

int
__wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags)
{
	if (server.accepts_without_memory > 0) {
		server.accepts_without_memory--;
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, from, length, flags);
}

static void
serve(int listener, uint8_t *secret, const struct policy *policy)
{
	struct key_holder holder;
	struct supervisor_options options = {
	    .listeners = &listener,
	    .listener_count = 1,
	    .settings = {.policy = policy,
			 .max_connections = server.connections,
			 .max_handshakes = server.handshakes,
			 .handshake_timeout_ms = server.handshakes > 0 ? 60000 : 0},
	    .key = &holder};

	const struct rlimit few = {server.descriptors, server.descriptors};

	if (server.proxy != NULL)
		cr_assert_eq(network_parse(&options.settings.trusted_proxies[0], server.proxy,
					   &(const char *){NULL}),
			     0);
	options.settings.trusted_proxy_count = server.proxy != NULL;
	/* A test that fails must not leave it behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_setup(server.logs ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, 0);
	if (server.logs)
		cr_assert_geq(dup2(server.log, STDERR_FILENO), 0);
	if (server.descriptors > 0)
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_assert_eq(key_holder_init(&holder, secret), 0);
	_exit(supervisor_run(&options) == 0 ? 0 : 1);
}

static void
make_log(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	/* Where a child has no place for something else. */
	cr_assert_geq(server.log = fcntl(fd, F_DUPFD_CLOEXEC, 100), 0);
	close(fd);
}

void
server_setup(void)
{
	static struct grant grant = {.share = "s", .rights = RIGHTS_FULL};
	static struct client_policy client = {
	    .name = "known", .key_count = 1, .grants = &grant, .grant_count = 1};
	static const struct policy policy = {.clients = &client, .client_count = 1};
	uint8_t *secret;
	int listener;

	cr_assert(sodium_init() >= 0);
	rig_directory(server.directory);
	grant.path = server.directory;
	secret = key_generate();
	key_public(server.key, secret);
	randombytes_buf(server.client_secret, KEY_BYTES);
	key_public(client.keys[0], server.client_secret);
	client.max_connections = server.connections_of_client;
	cr_assert_eq(listen_parse(&server.address, "127.0.0.1:0"), 0);
	cr_assert_eq(listen_open(&server.address, &listener), 0);
	if (server.logs)
		make_log();
	server.pid = fork();
	if (server.pid == 0)
		serve(listener, secret, &policy);
	key_secret_free(secret);
	close(listener);
}

void
server_teardown(void)
{
	int status;

	if (server.pid > 0) {
		kill(server.pid, SIGTERM);
		cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			  "the supervisor ended with %x", (unsigned)status);
	}
	rig_remove(server.directory);
}

int
server_dial(void)
{
	return server_dial_from(0);
}

int
server_dial_from(uint8_t from)
{
	const struct sockaddr_in own = {.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from)};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(server.address.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (from != 0)
		cr_assert_eq(bind(fd, (const struct sockaddr *)&own, sizeof(own)), 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
	return fd;
}

size_t
server_take(int fd, uint8_t *out, size_t length)
{
	size_t got = 0;

	while (got < length) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		cr_assert_eq(poll(&pfd, 1, PATIENCE_MS), 1, "the server hangs");
		n = recv(fd, out + got, length - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

struct channel *
server_handshake(const uint8_t secret[static KEY_BYTES])
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	struct handshake_client h;
	struct session_keys keys;
	int fd = server_dial();

	cr_assert_eq(
	    handshake_client_start(&h, server.key, secret, 1, AEAD_CHACHA20_POLY1305, hello), 0);
	cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
	cr_assert_eq(server_take(fd, reply, sizeof(reply)), sizeof(reply));
	cr_assert_eq(handshake_client_finish(&h, reply, finish, &keys), 0);
	cr_assert_eq(send(fd, finish, sizeof(finish), MSG_NOSIGNAL), (ssize_t)sizeof(finish));
	return channel_new(fd, &keys, CHANNEL_CLIENT);
}

int
server_receive(struct channel *ch, struct message *m)
{
	static struct message_arena arena;
	uint8_t *plain;
	size_t length;
	int r;

	while ((r = channel_receive(ch, SIZE_MAX, &plain, &length, NULL)) == 0) {
		struct pollfd pfd = {.fd = channel_fd(ch), .events = POLLIN};

		cr_assert_eq(poll(&pfd, 1, PATIENCE_MS), 1, "the server hangs");
	}
	if (r == 1)
		cr_assert_eq(message_decode(m, &arena, plain, length), 0);
	return r == 1 ? 0 : r;
}

struct channel *
server_ask(uint8_t run, uint8_t stream, struct message *m)
{
	struct channel *ch = server_handshake(server.client_secret);
	size_t length;

	*m = (struct message){.type = MESSAGE_HELLO};
	m->hello.session_id[0] = run;
	m->hello.stream = stream;
	m->hello.agent = span_of("test");
	cr_assert_eq(message_encode(m, channel_plain(ch), LIMIT_RECORD_PLAIN, &length), 0);
	channel_seal(ch, length);
	cr_assert_eq(channel_flush(ch, SIZE_MAX, NULL), 0);
	cr_assert_eq(server_receive(ch, m), 0);
	return ch;
}

struct channel *
server_session(uint8_t run, uint8_t stream)
{
	struct message m;
	struct channel *ch = server_ask(run, stream, &m);

	cr_assert_eq(m.type, MESSAGE_WELCOME);
	return ch;
}

void
server_expect_busy(uint8_t run, uint8_t stream)
{
	struct message m;

	channel_free(server_ask(run, stream, &m));
	if (m.type == MESSAGE_CLOSE)
		cr_assert_eq(m.close.code, -FTX_E_BUSY);
	else
		cr_assert(m.type == MESSAGE_ERROR && m.error.code == -FTX_E_BUSY,
			  "message %d to connection %u of run %u", (int)m.type, stream, run);
}

void
server_expect_service(void)
{
	channel_free(server_session(99, 0));
}

/* The server's children; the first of them, or 0. */
static unsigned
children(pid_t *first)
{
	unsigned count = 0;
	char path[64];
	int pid;
	FILE *f;

	*first = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", server.pid, server.pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fscanf(f, "%d", &pid) == 1)
		if (count++ == 0)
			*first = pid;
	fclose(f);
	return count;
}

pid_t
server_child(void)
{
	pid_t first;

	(void)children(&first);
	return first;
}

static int
only_child(void)
{
	pid_t pid;

	/* The greeter of a session may not have ended yet. */
	while (children(&pid) != 1)
		sched_yield();
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int
descriptor_of_child(int fd)
{
	int pidfd = only_child();
	int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	if (copy < 0 && (errno == EPERM || errno == ENOSYS))
		cr_skip_test("a session's descriptors cannot be had here");
	cr_assert(copy >= 0, "%s", strerror(errno));
	close(pidfd);
	return copy;
}

int
server_child_pair(void)
{
	return descriptor_of_child(CHILD_PAIR);
}

int
server_child_log(void)
{
	return descriptor_of_child(STDERR_FILENO);
}

unsigned
server_child_has_log(void)
{
	int pidfd = only_child();
	struct stat log, other;
	unsigned count = 0;

	cr_assert_eq(fstat(server.log, &log), 0);
	for (int fd = 0; fd < 1024; fd++) {
		int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

		if (copy < 0)
			continue;
		cr_assert_eq(fstat(copy, &other), 0);
		count += other.st_dev == log.st_dev && other.st_ino == log.st_ino;
		close(copy);
	}
	close(pidfd);
	return count;
}

const char *
server_log(void)
{
	static char text[4 << 20];
	ssize_t n = pread(server.log, text, sizeof(text) - 1, 0);

	cr_assert(n >= 0 && n < (ssize_t)sizeof(text) - 1);
	text[n] = '\0';
	return text;
}

const char *
server_whole_log(void)
{
	int status;

	cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
	server.pid = 0;
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return server_log();
}

void
server_wait_until_idle(void)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", server.pid);
	while (state != 'S') {
		cr_assert_not_null(f = fopen(path, "r"));
		cr_assert_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		fclose(f);
		sched_yield();
	}
}
