/*
 * T16, T17: records of a peer that has proved its key, and then sends them twice, in another order,
 * in halves, or those of somebody else.
 */
#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/hostile/rig.h"

enum { RECORDS = 4, RECORD_BYTES = 64 };

/* PINGs as they are to follow HELLO, sealed. */
static struct record {
	uint8_t bytes[RECORD_BYTES];
	size_t length;
} records[RECORDS];

static void
seal_records(enum channel_role role)
{
	const struct message ping = {.type = MESSAGE_PING};
	struct session_keys keys = rig_keys();
	struct channel *channel;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	channel = channel_new(fds[0], &keys, role);
	/* The first stands for HELLO, which has gone another way. */
	for (int i = -1; i < RECORDS; i++) {
		uint8_t bytes[RECORD_BYTES];
		ssize_t n;
		size_t length;

		cr_assert_eq(
		    message_encode(&ping, channel_plain(channel), LIMIT_RECORD_PLAIN, &length), 0);
		channel_seal(channel, length);
		cr_assert_eq(channel_flush(channel, SIZE_MAX, NULL), 0);
		n = recv(fds[1], bytes, sizeof(bytes), 0);
		cr_assert(n > 0 && (size_t)n < sizeof(bytes));
		if (i < 0)
			continue;
		memcpy(records[i].bytes, bytes, (size_t)n);
		records[i].length = (size_t)n;
	}
	channel_free(channel);
	close(fds[1]);
}

static void
send_bytes(struct rig *rig, const void *bytes, size_t length)
{
	cr_assert_eq(send(channel_fd(rig->channel), bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void
expect_pong(struct rig *rig)
{
	struct message m;

	cr_assert_eq(rig_receive(rig, &m), 0);
	cr_assert_eq(m.type, MESSAGE_PONG);
}

/* Nothing more is said to who cannot have sealed that. */
static void
expect_silence(struct rig *rig, const char *what)
{
	struct message m;
	int r = rig_receive(rig, &m);

	cr_expect_eq(r, FTX_E_CLOSED, "%s: %s", what, r == 0 ? "it answered" : error_name(r));
}

Test(session_records, in_their_order_are_answered)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	seal_records(CHANNEL_CLIENT);
	for (int i = 0; i < RECORDS; i++) {
		/* in two pieces */
		send_bytes(rig, records[i].bytes, 3);
		send_bytes(rig, records[i].bytes + 3, records[i].length - 3);
		expect_pong(rig);
	}
	rig_free(rig);
}

Test(session_records, T08_T16_in_any_other_order_end_the_connection)
{
	static const struct {
		const char *what;
		int first, second;
	} cases[] = {
	    {"the same twice", 0, 0},
	    {"one left out", 0, 2},
	    {"the second first", 1, 0},
	};

	seal_records(CHANNEL_CLIENT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		const struct record *first = &records[cases[i].first];
		const struct record *second = &records[cases[i].second];
		uint8_t both[2 * RECORD_BYTES];

		/* At once: behind a bad one the session is gone. */
		memcpy(both, first->bytes, first->length);
		memcpy(both + first->length, second->bytes, second->length);
		send_bytes(rig, both, first->length + second->length);
		if (cases[i].first == 0)
			expect_pong(rig);
		expect_silence(rig, cases[i].what);
		rig_free(rig);
	}
}

/* Such as the session would seal itself. */
Test(session_records, T16_of_the_other_direction_end_the_connection)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	seal_records(CHANNEL_SERVER);
	send_bytes(rig, records[0].bytes, records[0].length);
	expect_silence(rig, "the other direction");
	rig_free(rig);
}

Test(session_records, T09_with_a_bit_flipped_end_the_connection)
{
	seal_records(CHANNEL_CLIENT);
	/* A length that is another waits for more, and there is no more. */
	for (size_t at = 0; at < records[0].length; at += 3) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct record bad = records[0];

		bad.bytes[at] ^= 0x10;
		send_bytes(rig, bad.bytes, bad.length);
		shutdown(channel_fd(rig->channel), SHUT_WR);
		expect_silence(rig, "a bit");
		rig_free(rig);
	}
}

Test(session_records, T17_cut_after_any_byte_end_the_connection)
{
	seal_records(CHANNEL_CLIENT);
	for (size_t length = 0; length < records[0].length; length += 4) {
		struct rig *rig = rig_open(RIGHTS_FULL);

		if (length > 0)
			send_bytes(rig, records[0].bytes, length);
		shutdown(channel_fd(rig->channel), SHUT_WR);
		expect_silence(rig, "the end");
		rig_free(rig);
	}
}

/* Of nothing, of one byte more than the largest, of 2 GiB and of all there can be. */
Test(session_records, T15_of_lengths_that_cannot_be_end_the_connection)
{
	static const uint32_t lengths[] = {0, 16, LIMIT_RECORD_PLAIN + 17, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		const uint8_t bytes[4] = {(uint8_t)lengths[i], (uint8_t)(lengths[i] >> 8),
					  (uint8_t)(lengths[i] >> 16), (uint8_t)(lengths[i] >> 24)};

		/* It does not wait for what is announced. */
		send_bytes(rig, bytes, sizeof(bytes));
		expect_silence(rig, "a length");
		rig_free(rig);
	}
}
