/*
 * Greeters and sessions of a whole server that were taken over: the test speaks in their place to
 * the supervisor.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/secure/keyfile.h"
#include "src/server/child.h"
#include "src/server/pair.h"
#include "tests/harness/unit.h"
#include "tests/hostile/server_rig.h"

static void
setup_with_log(void)
{
	server.logs = true;
	server_setup();
}

TestSuite(supervisor_with_log, .init = setup_with_log, .fini = server_teardown);

/*
 * A greeter that was taken over: the test takes its end of the pair and speaks in its place.
 * Whatever it says beyond its one question ends it, and it gets no second answer.
 */
Test(supervisor, a_greeter_gets_the_help_of_the_key_once)
{
	static const enum pair_type more[] = {PAIR_DH,	  PAIR_JOIN,	PAIR_ENDED,   PAIR_JOINED,
					      PAIR_NAMED, PAIR_RESERVE, PAIR_CHANGED, PAIR_COUNTED};

	server_expect_service();
	while (server_child() != 0)
		sched_yield();
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct pair_message m = {.type = more[i]};
		uint8_t hello[HANDSHAKE_HELLO_BYTES];
		uint8_t reply[HANDSHAKE_REPLY_BYTES];
		struct handshake_client h;
		int fd = server_dial();
		int pidfd;
		int pair;

		handshake_client_start(&h, server.key, server.client_secret, 1,
				       AEAD_CHACHA20_POLY1305, hello);
		cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
		cr_assert_eq(server_take(fd, reply, sizeof(reply)), sizeof(reply));
		pidfd = (int)syscall(SYS_pidfd_open, server_child(), 0);
		pair = (int)syscall(SYS_pidfd_getfd, pidfd, CHILD_PAIR, 0);
		if (pair < 0 && (errno == EPERM || errno == ENOSYS)) {
			fprintf(stderr, "SKIP the greeter's descriptors cannot be had here: %s\n",
				strerror(errno));
			cr_skip_test("the greeter's descriptors cannot be had here");
		}
		cr_assert(pair >= 0, "%s", strerror(errno));
		cr_assert_eq(pair_send(pair, &m), 0);
		cr_assert_eq(server_take(fd, reply, 1), 0, "it lives on after message %d", more[i]);
		cr_assert_eq(pair_wait(pair, &m, clock_ms() + PATIENCE_MS), FTX_E_CLOSED);
		close(pair);
		close(pidfd);
		close(fd);
		while (server_child() != 0)
			sched_yield();
	}
	server_expect_service();
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

	server_expect_service();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct channel *ch;
		struct message m;
		int pair;

		while (server_child() != 0)
			sched_yield();
		ch = server_session(1, 1);
		pair = server_child_pair();
		cr_assert_eq(pair_send(pair, &bad[i]), 0);
		cr_expect_lt(server_receive(ch, &m), 0, "it lives on after message %d",
			     bad[i].type);
		close(pair);
		channel_free(ch);
	}
	server_expect_service();
}

/* Its client could have another begin while it still has its files, and end as it likes. */
Test(supervisor, a_session_says_once_that_it_has_ended)
{
	const struct pair_message ended = {.type = PAIR_ENDED};
	struct channel *ch;
	struct message m;
	int pair;

	server_expect_service();
	while (server_child() != 0)
		sched_yield();
	ch = server_session(1, 1);
	pair = server_child_pair();
	cr_assert_eq(pair_send(pair, &ended), 0);
	cr_assert_eq(pair_send(pair, &ended), 0);
	cr_expect_lt(server_receive(ch, &m), 0, "it lives on");
	close(pair);
	channel_free(ch);
	server_expect_service();
}

/* What a session may say, again and again, keeps nobody else from being served. */
Test(supervisor, a_session_that_says_too_much_keeps_nobody_from_being_served)
{
	const struct pair_message changed = {.type = PAIR_CHANGED,
					     .changed.tally = {.gone = {UINT64_MAX, UINT64_MAX}}};
	struct channel *ch;
	pid_t flood;
	int pair;

	server_expect_service();
	while (server_child() != 0)
		sched_yield();
	ch = server_session(1, 1);
	pair = server_child_pair();
	if ((flood = fork()) == 0)
		for (;;)
			(void)pair_send(pair, &changed);
	for (int i = 0; i < 3; i++)
		server_expect_service();
	kill(flood, SIGKILL);
	cr_assert_eq(waitpid(flood, NULL, 0), flood);
	close(pair);
	channel_free(ch);
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
	fd = server_dial();
	handshake_client_start(&h, server.key, server.client_secret, 1, AEAD_CHACHA20_POLY1305,
			       hello);
	cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
	cr_assert_eq(server_take(fd, reply, sizeof(reply)), sizeof(reply));
	pair = server_child_pair();
	server_wait_until_idle();
	kill(server.pid, SIGSTOP);
	cr_assert_eq(waitpid(server.pid, &status, WUNTRACED), server.pid);
	/* Both wait for it when it goes on, in this order. */
	kill(server.pid, SIGTERM);
	cr_assert_eq(pair_send(pair, &m), 0);
	kill(server.pid, SIGCONT);
	close(pair);
	close(fd);
	cr_expect_null(strstr(server_whole_log(), "session client="));
}
