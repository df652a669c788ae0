/*
 * Sessions of a whole server: which of them there may be at a time, and how they end with it.
 */
#include <signal.h>
#include <sys/wait.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "tests/harness/unit.h"
#include "tests/hostile/server_rig.h"

static void
setup_two_connections(void)
{
	server.connections = 2;
	server_setup();
}

static void
setup_two_connections_of_client(void)
{
	server.connections_of_client = 2;
	server_setup();
}

TestSuite(supervisor_of_two, .init = setup_two_connections, .fini = server_teardown);
TestSuite(supervisor_of_two_a_client, .init = setup_two_connections_of_client,
	  .fini = server_teardown);

Test(supervisor, a_newer_connection_of_the_same_run_and_stream_replaces_the_older)
{
	struct channel *old = server_session(1, 0);
	struct channel *other_stream = server_session(1, 1);
	struct channel *other_run = server_session(2, 0);
	struct channel *new = server_session(1, 0);
	struct message m;
	uint8_t *plain;
	size_t length;

	cr_assert_eq(server_receive(old, &m), 0);
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
	struct channel *ch = server_ask(run, stream, &m);

	while (m.type != MESSAGE_WELCOME) {
		cr_assert_lt(clock_ms(), end_ms, "there is no room");
		channel_free(ch);
		ch = server_ask(run, stream, &m);
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
	struct channel *one = server_session(1, 0), *other = server_session(2, 63);
	struct channel *second;

	server_expect_busy(3, 0);
	second = session_after_others(1, 63);
	server_expect_busy(1, 1);
	server_expect_busy(2, 0);
	server_expect_busy(3, 0);
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
	struct channel *other = server_session(1, 1), *old = server_session(1, 0),
		       *new = server_session(1, 0);
	struct message m;

	cr_assert_eq(server_receive(old, &m), 0);
	cr_assert_eq(m.close.code, -FTX_E_REPLACED);
	channel_free(other);
	channel_free(old);
	channel_free(new);
}

Test(supervisor, of_many_connections_of_one_stream_the_last_one_stays)
{
	enum { CONNECTIONS = 6 };
	struct channel *all[CONNECTIONS];
	struct message m;
	uint8_t *plain;
	size_t length;

	for (int i = 0; i < CONNECTIONS; i++)
		all[i] = server_session(7, 3);
	for (int i = 0; i < CONNECTIONS - 1; i++) {
		cr_assert_eq(server_receive(all[i], &m), 0);
		cr_assert_eq(m.type, MESSAGE_CLOSE);
		cr_assert_eq(m.close.code, -FTX_E_REPLACED);
	}
	cr_assert_eq(channel_receive(all[CONNECTIONS - 1], SIZE_MAX, &plain, &length, NULL), 0);
	for (int i = 0; i < CONNECTIONS; i++)
		channel_free(all[i]);
}

Test(supervisor, sessions_end_with_their_supervisor)
{
	struct channel *ch = server_session(1, 0);
	struct message m;
	int r;

	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	r = server_receive(ch, &m);
	cr_assert(r == FTX_E_CLOSED || (r == 0 && m.type == MESSAGE_CLOSE));
	channel_free(ch);
	server.pid = 0;
}

Test(supervisor, SIGTERM_tells_sessions_and_ends)
{
	struct channel *ch = server_session(1, 0);
	struct message m;

	kill(server.pid, SIGTERM);
	cr_assert_eq(server_receive(ch, &m), 0);
	cr_assert_eq(m.type, MESSAGE_CLOSE);
	cr_assert_eq(m.close.code, -FTX_E_STOPPING);
	channel_free(ch);
}
