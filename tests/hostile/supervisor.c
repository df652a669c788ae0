/*
 * Strangers at the door of a whole server.
 */
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/server/supervisor.h"
#include "tests/harness/unit.h"
#include "tests/hostile/server_rig.h"

static void
setup_few_descriptors(void)
{
	server.descriptors = 40;
	server_setup();
}

static void
setup_without_memory(void)
{
	server.logs = true;
	server.accepts_without_memory = 2;
	server_setup();
}

static void
setup_four_handshakes(void)
{
	server.handshakes = 4;
	server.proxy = "127.0.0.200";
	server_setup();
}

TestSuite(supervisor_of_four_handshakes, .init = setup_four_handshakes, .fini = server_teardown);
TestSuite(supervisor_without_memory, .init = setup_without_memory, .fini = server_teardown);
TestSuite(supervisor, .init = server_setup, .fini = server_teardown);
TestSuite(supervisor_of_few_descriptors, .init = setup_few_descriptors, .fini = server_teardown);

Test(supervisor, a_known_key_is_welcome_and_an_unknown_one_gets_REFUSED)
{
	uint8_t stranger[KEY_BYTES];
	struct channel *ch;
	struct message m;

	server_expect_service();
	randombytes_buf(stranger, sizeof(stranger));
	ch = server_handshake(stranger);
	cr_assert_eq(server_receive(ch, &m), 0);
	cr_assert_eq(m.type, MESSAGE_REFUSED);
	channel_free(ch);
	server_expect_service();
}

/* Nobody who has not proved a key gets a single byte beyond message 2. */
Test(supervisor, T04_a_handshake_cut_after_any_byte_is_met_with_silence)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	uint8_t more[1];

	server_expect_service();
	for (size_t cut = 0; cut < sizeof(hello) + sizeof(finish); cut += cut < 80 ? 9 : 1) {
		struct handshake_client h;
		struct session_keys keys;
		int fd = server_dial();
		size_t first = cut < sizeof(hello) ? cut : sizeof(hello);

		handshake_client_start(&h, server.key, server.client_secret, 1,
				       AEAD_CHACHA20_POLY1305, hello);
		cr_assert_eq(send(fd, hello, first, MSG_NOSIGNAL), (ssize_t)first);
		if (cut >= sizeof(hello)) {
			cr_assert_eq(server_take(fd, reply, sizeof(reply)), sizeof(reply));
			cr_assert_eq(handshake_client_finish(&h, reply, finish, &keys), 0);
			cr_assert_eq(send(fd, finish, cut - first, MSG_NOSIGNAL),
				     (ssize_t)(cut - first));
		}
		shutdown(fd, SHUT_WR);
		cr_assert_eq(server_take(fd, more, 1), 0, "an answer after %zu bytes", cut);
		close(fd);
	}
	server_expect_service();
}

Test(supervisor, T03_a_flipped_bit_in_message_1_or_3_is_met_with_silence)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES];
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	uint8_t finish[HANDSHAKE_FINISH_BYTES];
	uint8_t more[1];

	server_expect_service();
	for (size_t at = 0; at < sizeof(hello) + sizeof(finish); at += 7) {
		struct handshake_client h;
		struct session_keys keys;
		int fd = server_dial();

		handshake_client_start(&h, server.key, server.client_secret, 1,
				       AEAD_CHACHA20_POLY1305, hello);
		if (at < sizeof(hello))
			hello[at] ^= (uint8_t)(1 << at % 8);
		cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
		if (at >= sizeof(hello)) {
			cr_assert_eq(server_take(fd, reply, sizeof(reply)), sizeof(reply));
			cr_assert_eq(handshake_client_finish(&h, reply, finish, &keys), 0);
			finish[at - sizeof(hello)] ^= (uint8_t)(1 << at % 8);
			send(fd, finish, sizeof(finish), MSG_NOSIGNAL);
		}
		cr_assert_eq(server_take(fd, more, 1), 0, "an answer to flipped byte %zu", at);
		close(fd);
	}
	server_expect_service();
}

Test(supervisor, silent_connections_cost_the_oldest_its_place_and_no_client_its_service)
{
	enum { SILENT = SUPERVISOR_MAX_PENDING + 10 };
	static int fds[SILENT];
	uint8_t more[1];

	for (int i = 0; i < SILENT; i++) {
		fds[i] = server_dial();
		if (i % 2 == 0)
			cr_assert_eq(send(fds[i], "FTX1", 4, MSG_NOSIGNAL), 4);
	}
	server_expect_service();
	cr_assert_eq(server_take(fds[0], more, 1), 0);
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
	server_expect_service();
}

Test(supervisor_of_few_descriptors, the_oldest_silent_connection_makes_room)
{
	enum { SILENT = 60 };
	int fds[SILENT];

	for (int i = 0; i < SILENT; i++)
		fds[i] = server_dial();
	server_expect_service();
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
}

/* What is to be accepted stays where it is, and would be told of again at once, and again. */
Test(supervisor_without_memory, connections_wait_where_there_is_no_memory_for_them)
{
	server_expect_service();
	kill(server.pid, SIGTERM);
	cr_expect_not_null(strstr(server_whole_log(), "new connections wait"));
}

/* Who knows the server's key, and lets his handshake hang; named: by the header of a proxy, or 0.
 */
static int
hang_from(uint8_t from, uint8_t named)
{
	/* Version 2, TCP over IPv4: 12 bytes of addresses and ports, to 127.0.0.1. */
	const uint8_t header[28] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\0\x7f\0\0\1\0\1\0\1";
	uint8_t first[sizeof(header)], hello[HANDSHAKE_HELLO_BYTES], secret[KEY_BYTES];
	struct handshake_client h;
	int fd = server_dial_from(from);

	memcpy(first, header, sizeof(first));
	first[19] = named;
	if (named != 0)
		cr_assert_eq(send(fd, first, sizeof(first), MSG_NOSIGNAL), (ssize_t)sizeof(first));
	randombytes_buf(secret, sizeof(secret));
	cr_assert_eq(
	    handshake_client_start(&h, server.key, secret, 1, AEAD_CHACHA20_POLY1305, hello), 0);
	cr_assert_eq(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), (ssize_t)sizeof(hello));
	return fd;
}

/* Strangers from many addresses have three of them; the fourth is for where a client came from. */
Test(supervisor_of_four_handshakes, strangers_do_not_get_the_last_quarter)
{
	enum { STRANGERS = 6, HELD = 3 };
	uint8_t reply[HANDSHAKE_REPLY_BYTES];
	int fds[STRANGERS], proxied;

	server_expect_service();
	for (int i = 0; i < STRANGERS; i++) {
		fds[i] = hang_from((uint8_t)(2 + i), 0);
		if (i < HELD)
			cr_assert_eq(server_take(fds[i], reply, sizeof(reply)), sizeof(reply));
	}
	for (int i = 0; i < 3; i++)
		server_expect_service();
	/* Behind a proxy it needs two, one after the other. */
	proxied = hang_from(200, 1);
	cr_assert_eq(server_take(proxied, reply, sizeof(reply)), sizeof(reply));
	for (int i = HELD; i < STRANGERS; i++)
		cr_expect_eq(recv(fds[i], reply, 1, MSG_DONTWAIT), -1, "stranger %d is served", i);
	/* When one of theirs is free, it is the next one's. */
	close(fds[0]);
	cr_expect_eq(server_take(fds[HELD], reply, sizeof(reply)), sizeof(reply));
	for (int i = 1; i < STRANGERS; i++)
		close(fds[i]);
	close(proxied);
}
