/*
 * A whole server on loopback, and strangers at its door.
 */
#include <arpa/inet.h>
#include "tests/harness/unit.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/message.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/secure/channel.h"
#include "src/secure/keyfile.h"
#include "src/server/child.h"
#include "src/server/listen.h"
#include "src/server/pair.h"
#include "src/server/supervisor.h"
#include "tests/hostile/rig.h"

#define PATIENCE_MS 20000 /* only a hang waits this long */

static struct server {
	pid_t pid;
	struct listen_address address;
	uint8_t key[KEY_BYTES];
	uint8_t client_secret[KEY_BYTES];
	char directory[64];
	rlim_t descriptors;			     /* the server may have so many; 0: as usual */
	unsigned connections, connections_of_client; /* there may be; 0: as usual */
	bool logs;				     /* all that it says is in log */
	unsigned accepts_without_memory;	     /* so many fail */
	int log[2];				     /* a pipe */
} server;

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
	const struct supervisor_options options = {
	    .listeners = &listener,
	    .listener_count = 1,
	    .settings = {.policy = policy, .max_connections = server.connections},
	    .key = &holder};

	const struct rlimit few = {server.descriptors, server.descriptors};

	/* A test that fails must not leave it behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_setup(server.logs ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, 0);
	if (server.logs)
		cr_assert_geq(dup2(server.log[1], STDERR_FILENO), 0);
	if (server.descriptors > 0)
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_assert_eq(key_holder_init(&holder, secret), 0);
	_exit(supervisor_run(&options) == 0 ? 0 : 1);
}

static void
setup(void)
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
		cr_assert_eq(pipe(server.log), 0);
	server.pid = fork();
	if (server.pid == 0)
		serve(listener, secret, &policy);
	key_secret_free(secret);
	close(listener);
}

static void
teardown(void)
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

static void
setup_few_descriptors(void)
{
	server.descriptors = 40;
	setup();
}

static void
setup_two_connections(void)
{
	server.connections = 2;
	setup();
}

static void
setup_two_connections_of_client(void)
{
	server.connections_of_client = 2;
	setup();
}

static void
setup_with_log(void)
{
	server.logs = true;
	setup();
}

static void
setup_without_memory(void)
{
	server.accepts_without_memory = 2;
	setup_with_log();
}

TestSuite(supervisor_without_memory, .init = setup_without_memory, .fini = teardown);
TestSuite(supervisor_with_log, .init = setup_with_log, .fini = teardown);
TestSuite(supervisor, .init = setup, .fini = teardown);
TestSuite(supervisor_of_two, .init = setup_two_connections, .fini = teardown);
TestSuite(supervisor_of_two_a_client, .init = setup_two_connections_of_client, .fini = teardown);
TestSuite(supervisor_of_few_descriptors, .init = setup_few_descriptors, .fini = teardown);

static int
dial(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(server.address.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
	return fd;
}

/* Reads exactly length bytes; less only when the connection ends. */
static size_t
take(int fd, uint8_t *out, size_t length)
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

static struct channel *
handshake(const uint8_t secret[static KEY_BYTES])
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	struct handshake_client h;
	struct session_keys keys;
	int fd = dial();

	cr_assert_eq(
	    handshake_client_start(&h, server.key, secret, 1, AEAD_CHACHA20_POLY1305, hello), 0);
	cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
	cr_assert_eq(take(fd, reply, sizeof(reply)), sizeof(reply));
	cr_assert_eq(handshake_client_finish(&h, reply, finish, &keys), 0);
	cr_assert_eq(send(fd, finish, sizeof(finish), MSG_NOSIGNAL), (ssize_t)sizeof(finish));
	return channel_new(fd, &keys, CHANNEL_CLIENT);
}

static int
receive(struct channel *ch, struct message *m)
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

/* Says HELLO; m: what the server answers first. */
static struct channel *
ask_for_session(uint8_t run, uint8_t stream, struct message *m)
{
	struct channel *ch = handshake(server.client_secret);
	size_t length;

	*m = (struct message){.type = MESSAGE_HELLO};
	m->hello.session_id[0] = run;
	m->hello.stream = stream;
	m->hello.agent = span_of("test");
	cr_assert_eq(message_encode(m, channel_plain(ch), LIMIT_RECORD_PLAIN, &length), 0);
	channel_seal(ch, length);
	cr_assert_eq(channel_flush(ch, SIZE_MAX, NULL), 0);
	cr_assert_eq(receive(ch, m), 0);
	return ch;
}

static struct channel *
session(uint8_t run, uint8_t stream)
{
	struct message m;
	struct channel *ch = ask_for_session(run, stream, &m);

	cr_assert_eq(m.type, MESSAGE_WELCOME);
	return ch;
}

static void
expect_busy(uint8_t run, uint8_t stream)
{
	struct message m;

	channel_free(ask_for_session(run, stream, &m));
	if (m.type == MESSAGE_CLOSE)
		cr_assert_eq(m.close.code, -FTX_E_BUSY);
	else
		cr_assert(m.type == MESSAGE_ERROR && m.error.code == -FTX_E_BUSY,
			  "message %d to connection %u of run %u", (int)m.type, stream, run);
}

/* Afterwards what fails from here is not punished. */
static void
expect_service(void)
{
	channel_free(session(99, 0));
}

Test(supervisor, a_known_key_is_welcome_and_an_unknown_one_gets_REFUSED)
{
	uint8_t stranger[KEY_BYTES];
	struct channel *ch;
	struct message m;

	expect_service();
	randombytes_buf(stranger, sizeof(stranger));
	ch = handshake(stranger);
	cr_assert_eq(receive(ch, &m), 0);
	cr_assert_eq(m.type, MESSAGE_REFUSED);
	channel_free(ch);
	expect_service();
}

/* Nobody who has not proved a key gets a single byte beyond message 2. */
Test(supervisor, T04_a_handshake_cut_after_any_byte_is_met_with_silence)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	uint8_t more[1];

	expect_service();
	for (size_t cut = 0; cut < sizeof(hello) + sizeof(finish); cut += cut < 80 ? 9 : 1) {
		struct handshake_client h;
		struct session_keys keys;
		int fd = dial();
		size_t first = cut < sizeof(hello) ? cut : sizeof(hello);

		handshake_client_start(&h, server.key, server.client_secret, 1,
				       AEAD_CHACHA20_POLY1305, hello);
		cr_assert_eq(send(fd, hello, first, MSG_NOSIGNAL), (ssize_t)first);
		if (cut >= sizeof(hello)) {
			cr_assert_eq(take(fd, reply, sizeof(reply)), sizeof(reply));
			cr_assert_eq(handshake_client_finish(&h, reply, finish, &keys), 0);
			cr_assert_eq(send(fd, finish, cut - first, MSG_NOSIGNAL),
				     (ssize_t)(cut - first));
		}
		shutdown(fd, SHUT_WR);
		cr_assert_eq(take(fd, more, 1), 0, "an answer after %zu bytes", cut);
		close(fd);
	}
	expect_service();
}

Test(supervisor, T03_a_flipped_bit_in_message_1_or_3_is_met_with_silence)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	uint8_t more[1];

	expect_service();
	for (size_t at = 0; at < sizeof(hello) + sizeof(finish); at += 7) {
		struct handshake_client h;
		struct session_keys keys;
		int fd = dial();

		handshake_client_start(&h, server.key, server.client_secret, 1,
				       AEAD_CHACHA20_POLY1305, hello);
		if (at < sizeof(hello))
			hello[at] ^= (uint8_t)(1 << at % 8);
		cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
		if (at >= sizeof(hello)) {
			cr_assert_eq(take(fd, reply, sizeof(reply)), sizeof(reply));
			cr_assert_eq(handshake_client_finish(&h, reply, finish, &keys), 0);
			finish[at - sizeof(hello)] ^= (uint8_t)(1 << at % 8);
			send(fd, finish, sizeof(finish), MSG_NOSIGNAL);
		}
		cr_assert_eq(take(fd, more, 1), 0, "an answer to flipped byte %zu", at);
		close(fd);
	}
	expect_service();
}

Test(supervisor, a_newer_connection_of_the_same_run_and_stream_replaces_the_older)
{
	struct channel *old = session(1, 0);
	struct channel *other_stream = session(1, 1);
	struct channel *other_run = session(2, 0);
	struct channel *new = session(1, 0);
	struct message m;
	uint8_t *plain;
	size_t length;

	cr_assert_eq(receive(old, &m), 0);
	cr_assert_eq(m.type, MESSAGE_CLOSE);
	cr_assert_eq(m.close.code, -FTX_E_REPLACED);
	cr_assert_eq(channel_receive(other_stream, SIZE_MAX, &plain, &length, NULL), 0);
	cr_assert_eq(channel_receive(other_run, SIZE_MAX, &plain, &length, NULL), 0);
	cr_assert_eq(channel_receive(new, SIZE_MAX, &plain, &length, NULL), 0);
	channel_free(old);
	channel_free(other_stream);
	channel_free(other_run);
	channel_free(new);
}

/* Asked for again while the server is busy: who was refused or has gone has its place for a moment.
 */
static struct channel *
session_after_others(uint8_t run, uint8_t stream)
{
	uint64_t end_ms = clock_ms() + PATIENCE_MS;
	struct message m;
	struct channel *ch = ask_for_session(run, stream, &m);

	while (m.type != MESSAGE_WELCOME) {
		cr_assert_lt(clock_ms(), end_ms, "there is no room");
		channel_free(ch);
		ch = ask_for_session(run, stream, &m);
	}
	return ch;
}

/*
 * Two gets of one connection each, where there may be two: both need another one.  The first that
 * asks gets it, and nobody else; when it has ended, so does the other.
 */
static void
two_gets_do_not_wait_for_each_other(void)
{
	struct channel *one = session(1, 0), *other = session(2, 63);
	struct channel *second;

	expect_busy(3, 0);
	second = session_after_others(1, 63);
	expect_busy(1, 1);
	expect_busy(2, 0);
	expect_busy(3, 0);
	channel_free(one);
	channel_free(second);
	one = session_after_others(2, 0);
	channel_free(one);
	channel_free(other);
}

Test(supervisor_of_two, two_gets_do_not_wait_for_each_other)
{
	two_gets_do_not_wait_for_each_other();
}

Test(supervisor_of_two_a_client, two_gets_do_not_wait_for_each_other)
{
	two_gets_do_not_wait_for_each_other();
}

Test(supervisor_of_two, a_connection_that_comes_instead_of_an_older_one_is_let_in)
{
	struct channel *other = session(1, 1), *old = session(1, 0), *new = session(1, 0);
	struct message m;

	cr_assert_eq(receive(old, &m), 0);
	cr_assert_eq(m.close.code, -FTX_E_REPLACED);
	channel_free(other);
	channel_free(old);
	channel_free(new);
}

/* The only child of the server, or 0. */
static pid_t
only_child(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", server.pid, server.pid);
	f = fopen(path, "r");
	if (f != NULL && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f != NULL)
		fclose(f);
	return pid;
}

/*
 * A greeter that was taken over: the test takes its end of the pair and speaks in its place.
 * Whatever it says beyond its one question ends it, and it gets no second answer.
 */
Test(supervisor, a_greeter_gets_the_help_of_the_key_once)
{
	static const enum pair_type more[] = {PAIR_DH,	  PAIR_JOIN,	PAIR_ENDED,   PAIR_JOINED,
					      PAIR_NAMED, PAIR_RESERVE, PAIR_CHANGED, PAIR_COUNTED};

	expect_service();
	while (only_child() != 0)
		sched_yield();
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct pair_message m = {.type = more[i]};
		uint8_t hello[HANDSHAKE_HELLO_BYTES];
		uint8_t reply[HANDSHAKE_REPLY_BYTES];
		struct handshake_client h;
		int fd = dial();
		int pidfd;
		int pair;

		handshake_client_start(&h, server.key, server.client_secret, 1,
				       AEAD_CHACHA20_POLY1305, hello);
		cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
		cr_assert_eq(take(fd, reply, sizeof(reply)), sizeof(reply));
		pidfd = (int)syscall(SYS_pidfd_open, only_child(), 0);
		pair = (int)syscall(SYS_pidfd_getfd, pidfd, CHILD_PAIR, 0);
		if (pair < 0 && (errno == EPERM || errno == ENOSYS)) {
			fprintf(stderr, "SKIP the greeter's descriptors cannot be had here: %s\n",
				strerror(errno));
			cr_skip_test("the greeter's descriptors cannot be had here");
		}
		cr_assert(pair >= 0, "%s", strerror(errno));
		cr_assert_eq(pair_send(pair, &m), 0);
		cr_assert_eq(take(fd, reply, 1), 0, "it lives on after message %d", more[i]);
		cr_assert_eq(pair_wait(pair, &m, clock_ms() + PATIENCE_MS), FTX_E_CLOSED);
		close(pair);
		close(pidfd);
		close(fd);
		while (only_child() != 0)
			sched_yield();
	}
	expect_service();
}

/* The pair of the only child, as if that had been taken over. */
static int
pair_of_child(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, only_child(), 0);
	int pair = (int)syscall(SYS_pidfd_getfd, pidfd, CHILD_PAIR, 0);

	if (pair < 0 && (errno == EPERM || errno == ENOSYS))
		cr_skip_test("a session's descriptors cannot be had here");
	cr_assert(pair >= 0, "%s", strerror(errno));
	close(pidfd);
	return pair;
}

/* A session that was taken over speaks of what is not its client's, or is not for it to say. */
Test(supervisor, a_session_is_killed_for_what_is_not_its_own)
{
	static const struct pair_message bad[] = {
	    {.type = PAIR_RESERVE, .reserve.grant = 1},
	    {.type = PAIR_CHANGED, .changed.grant = UINT32_MAX},
	    {.type = PAIR_COUNTED},
	    {.type = PAIR_SCANNED},
	    {.type = PAIR_RESERVED},
	    {.type = PAIR_ENDED, .ended_error = 1},
	    {.type = PAIR_ENDED, .ended_error = -1000},
	    {.type = PAIR_ENDED, .ended_error = INT_MIN},
	};

	expect_service();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct channel *ch;
		struct message m;
		int pair;

		while (only_child() != 0)
			sched_yield();
		ch = session(1, 1);
		pair = pair_of_child();
		cr_assert_eq(pair_send(pair, &bad[i]), 0);
		cr_expect_lt(receive(ch, &m), 0, "it lives on after message %d", bad[i].type);
		close(pair);
		channel_free(ch);
	}
	expect_service();
}

/* Its client could have another begin while it still has its files, and end as it likes. */
Test(supervisor, a_session_says_once_that_it_has_ended)
{
	const struct pair_message ended = {.type = PAIR_ENDED};
	struct channel *ch;
	struct message m;
	int pair;

	expect_service();
	while (only_child() != 0)
		sched_yield();
	ch = session(1, 1);
	pair = pair_of_child();
	cr_assert_eq(pair_send(pair, &ended), 0);
	cr_assert_eq(pair_send(pair, &ended), 0);
	cr_expect_lt(receive(ch, &m), 0, "it lives on");
	close(pair);
	channel_free(ch);
	expect_service();
}

/* What a session may say, again and again, keeps nobody else from being served. */
Test(supervisor, a_session_that_says_too_much_keeps_nobody_from_being_served)
{
	const struct pair_message changed = {.type = PAIR_CHANGED,
					     .changed.tally = {.gone = {UINT64_MAX, UINT64_MAX}}};
	struct channel *ch;
	pid_t flood;
	int pair;

	expect_service();
	while (only_child() != 0)
		sched_yield();
	ch = session(1, 1);
	pair = pair_of_child();
	if ((flood = fork()) == 0)
		for (;;)
			(void)pair_send(pair, &changed);
	for (int i = 0; i < 3; i++)
		expect_service();
	kill(flood, SIGKILL);
	cr_assert_eq(waitpid(flood, NULL, 0), flood);
	close(pair);
	channel_free(ch);
}

Test(supervisor, of_many_connections_of_one_stream_the_last_one_stays)
{
	enum { CONNECTIONS = 6 };
	struct channel *all[CONNECTIONS];
	struct message m;
	uint8_t *plain;
	size_t length;

	for (int i = 0; i < CONNECTIONS; i++)
		all[i] = session(7, 3);
	for (int i = 0; i < CONNECTIONS - 1; i++) {
		cr_assert_eq(receive(all[i], &m), 0);
		cr_assert_eq(m.type, MESSAGE_CLOSE);
		cr_assert_eq(m.close.code, -FTX_E_REPLACED);
	}
	cr_assert_eq(channel_receive(all[CONNECTIONS - 1], SIZE_MAX, &plain, &length, NULL), 0);
	for (int i = 0; i < CONNECTIONS; i++)
		channel_free(all[i]);
}

Test(supervisor, silent_connections_cost_the_oldest_its_place_and_no_client_its_service)
{
	enum { SILENT = SUPERVISOR_MAX_PENDING + 10 };
	static int fds[SILENT];
	uint8_t more[1];

	for (int i = 0; i < SILENT; i++) {
		fds[i] = dial();
		if (i % 2 == 0)
			cr_assert_eq(send(fds[i], "FTX1", 4, MSG_NOSIGNAL), 4);
	}
	expect_service();
	cr_assert_eq(take(fds[0], more, 1), 0);
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
	expect_service();
}

Test(supervisor_of_few_descriptors, the_oldest_silent_connection_makes_room)
{
	enum { SILENT = 60 };
	int fds[SILENT];

	for (int i = 0; i < SILENT; i++)
		fds[i] = dial();
	expect_service();
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
}

Test(supervisor, sessions_end_with_their_supervisor)
{
	struct channel *ch = session(1, 0);
	struct message m;
	int r;

	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	r = receive(ch, &m);
	cr_assert(r == FTX_E_CLOSED || (r == 0 && m.type == MESSAGE_CLOSE));
	channel_free(ch);
	server.pid = 0;
}

Test(supervisor, SIGTERM_tells_sessions_and_ends)
{
	struct channel *ch = session(1, 0);
	struct message m;

	kill(server.pid, SIGTERM);
	cr_assert_eq(receive(ch, &m), 0);
	cr_assert_eq(m.type, MESSAGE_CLOSE);
	cr_assert_eq(m.close.code, -FTX_E_STOPPING);
	channel_free(ch);
}

/* It ends; all that it has said. */
static const char *
whole_log(void)
{
	static char text[65536];
	size_t length = 0;
	int status;
	ssize_t n;

	cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
	server.pid = 0;
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(server.log[1]);
	while ((n = read(server.log[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(server.log[0]);
	return text;
}

/* Until it sleeps: what it was told of is done. */
static void
wait_until_idle(void)
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

/* Its connection is cut, but what it has said before lies in its pair. */
Test(supervisor_with_log, a_key_that_is_proved_too_late_begins_no_session)
{
	struct pair_message m = {.type = PAIR_GREETED};
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	struct handshake_client h;
	int fd, pair, status;

	key_public(m.keys.client_key, server.client_secret);
	fd = dial();
	handshake_client_start(&h, server.key, server.client_secret, 1, AEAD_CHACHA20_POLY1305,
			       hello);
	cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
	cr_assert_eq(take(fd, reply, sizeof(reply)), sizeof(reply));
	pair = pair_of_child();
	wait_until_idle();
	kill(server.pid, SIGSTOP);
	cr_assert_eq(waitpid(server.pid, &status, WUNTRACED), server.pid);
	/* Both wait for it when it goes on, in this order. */
	kill(server.pid, SIGTERM);
	cr_assert_eq(pair_send(pair, &m), 0);
	kill(server.pid, SIGCONT);
	close(pair);
	close(fd);
	cr_expect_null(strstr(whole_log(), "session client="));
}

/* What is to be accepted stays where it is, and would be told of again at once, and again. */
Test(supervisor_without_memory, connections_wait_where_there_is_no_memory_for_them)
{
	expect_service();
	kill(server.pid, SIGTERM);
	cr_expect_not_null(strstr(whole_log(), "new connections wait"));
}
