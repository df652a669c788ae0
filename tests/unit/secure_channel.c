#include "tests/harness/unit.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/channel.h"
#include "tests/unit/secure_ends.h"

/* Stands before libc's, so that a test can say how the next calls end. */
static const int *sendmsg_errors; /* errno of each, 0: as asked; ended by -1 */
static size_t sendmsg_most = SIZE_MAX;

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr shorter = *message;
	struct iovec iov;

	if (sendmsg_errors != NULL && *sendmsg_errors != -1) {
		errno = *sendmsg_errors++;
		if (errno != 0)
			return -1;
	}
	if (message->msg_iovlen == 1 && message->msg_iov[0].iov_len > sendmsg_most) {
		iov = message->msg_iov[0];
		iov.iov_len = sendmsg_most;
		shorter.msg_iov = &iov;
	}
	return syscall(SYS_sendmsg, fd, &shorter, flags);
}

Test(channel, carries_records_both_ways)
{
	struct channel *ends[2];

	new_connection(ends, 0);
	expect(ends[1], 0);
	send_bytes(ends[0], 1, 1);
	send_bytes(ends[1], 2, 1000);
	expect_bytes(ends[1], 1, 1);
	expect_bytes(ends[0], 2, 1000);
	expect(ends[0], 0);
	expect(ends[1], 0);
	free_connection(ends);
}

Test(channel, takes_many_small_records_with_one_read)
{
	struct channel *ends[2];
	size_t received, length;
	uint8_t *plain;

	new_connection(ends, 0);
	for (uint8_t i = 0; i < 100; i++)
		send_bytes(ends[0], i, 10);
	cr_assert_not(channel_has_record(ends[1]));
	cr_assert_eq(channel_receive(ends[1], ALL, &plain, &length, &received), 1);
	cr_assert_eq(received, 100 * (10 + RECORD_OVERHEAD_BYTES));
	for (uint8_t i = 1; i < 100; i++) {
		cr_assert(channel_has_record(ends[1]));
		cr_assert_not(channel_mid_record(ends[1]));
		expect_bytes(ends[1], i, 10);
	}
	cr_assert_not(channel_has_record(ends[1]));
	expect(ends[1], 0);
	free_connection(ends);
}

Test(channel, flush_and_receive_keep_within_their_budgets)
{
	enum { PLAIN = 5000, FRAME = PLAIN + RECORD_OVERHEAD_BYTES, STEP = 700 };
	struct channel *ends[2];
	size_t sent, received, length, total = 0;
	uint8_t *plain;
	int r;

	new_connection(ends, 0);
	seal_bytes(ends[0], 7, PLAIN);
	cr_assert_eq(channel_flush(ends[0], 0, &sent), 1);
	cr_assert_eq(sent, 0);
	do {
		cr_assert_eq(channel_unsent(ends[0]), FRAME - total);
		r = channel_flush(ends[0], STEP, &sent);
		cr_assert_leq(sent, STEP);
		total += sent;
	} while (r == 1);
	cr_assert_eq(r, 0);
	cr_assert_eq(total, FRAME);
	cr_assert_eq(channel_unsent(ends[0]), 0);

	total = 0;
	cr_assert_eq(channel_receive(ends[1], 0, &plain, &length, &received), 0);
	cr_assert_eq(received, 0);
	cr_assert_not(channel_mid_record(ends[1]));
	while ((r = channel_receive(ends[1], STEP, &plain, &length, &received)) == 0) {
		cr_assert_eq(received, STEP);
		cr_assert(channel_mid_record(ends[1]));
		total += received;
	}
	cr_assert_eq(r, 1);
	cr_assert_leq(received, STEP);
	cr_assert_eq(total + received, FRAME);
	cr_assert_eq(length, PLAIN);
	cr_assert_eq(plain[PLAIN - 1], 7);
	free_connection(ends);
}

/* Random sizes and budgets, the same from the same seed. */
static uint64_t random_state;
static size_t
random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % limit);
}

#define RECORDS_EACH_WAY 60u

struct traffic {
	unsigned sealed, opened;
};

static size_t
length_of_record(unsigned end, unsigned i)
{
	static const size_t some[] = {1, 100, 4096, 16384, 70000, LIMIT_RECORD_PLAIN};

	return some[(i * 7 + end * 3) % (sizeof(some) / sizeof(some[0]))];
}

/* One step of one end: send a little, receive a little.  What it got from the other is checked. */
static void
step(struct channel *ch, unsigned end, struct traffic *traffic, uint64_t seed)
{
	uint8_t *plain;
	size_t length, expected;
	int r;

	if (channel_unsent(ch) == 0 && traffic->sealed < RECORDS_EACH_WAY) {
		seal_bytes(ch, (uint8_t)traffic->sealed, length_of_record(end, traffic->sealed));
		traffic->sealed++;
	}
	r = channel_flush(ch, random_below(100000), NULL);
	cr_assert_geq(r, 0, "seed %lu", seed);
	r = channel_receive(ch, random_below(100000), &plain, &length, NULL);
	cr_assert_geq(r, 0, "seed %lu", seed);
	if (r == 0)
		return;
	expected = length_of_record(1 - end, traffic->opened);
	cr_assert_eq(length, expected, "seed %lu", seed);
	cr_assert_eq(plain[0], (uint8_t)traffic->opened, "seed %lu", seed);
	cr_assert_eq(memcmp(plain, plain + 1, length - 1), 0, "seed %lu", seed);
	traffic->opened++;
}

Test(channel, carries_both_directions_at_once_through_small_socket_buffers)
{
	static const uint64_t seeds[] = {1, 20261122, 0x9e3779b97f4a7c15};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		struct traffic traffic[2] = {{0, 0}, {0, 0}};
		struct channel *ends[2];
		unsigned steps = 0;

		random_state = seeds[i];
		new_connection(ends, 4608);
		while (traffic[0].opened < RECORDS_EACH_WAY ||
		       traffic[1].opened < RECORDS_EACH_WAY) {
			unsigned end = (unsigned)random_below(2);

			cr_assert_lt(steps++, 1000000, "stuck, seed %lu", seeds[i]);
			step(ends[end], end, &traffic[end], seeds[i]);
		}
		expect(ends[0], 0);
		expect(ends[1], 0);
		free_connection(ends);
	}
}

Test(channel, T15_carries_the_largest_record)
{
	struct channel *ends[2];
	uint8_t *plain;
	size_t length;
	int r, flushed = 1;

	new_connection(ends, 0);
	seal_bytes(ends[0], 9, LIMIT_RECORD_PLAIN);
	do {
		if (flushed == 1)
			flushed = channel_flush(ends[0], ALL, NULL);
		cr_assert_geq(flushed, 0);
		r = channel_receive(ends[1], ALL, &plain, &length, NULL);
	} while (r == 0);
	cr_assert_eq(r, 1);
	cr_assert_eq(length, LIMIT_RECORD_PLAIN);
	cr_assert_eq(plain[length - 1], 9);
	free_connection(ends);
}

static const struct {
	int errnum, result;
} send_errors[] = {
    {ECONNRESET, FTX_E_CLOSED},	   {EPIPE, FTX_E_CLOSED},    {ETIMEDOUT, FTX_E_TIMEOUT},
    {EHOSTUNREACH, FTX_E_NETWORK}, {ENOBUFS, FTX_E_NETWORK}, {EAGAIN, 1},
};

Test(channel, says_what_ended_the_sending)
{
	for (size_t i = 0; i < sizeof(send_errors) / sizeof(send_errors[0]); i++) {
		const int script[] = {EINTR, EINTR, send_errors[i].errnum, -1};
		struct channel *ends[2];
		size_t sent = 1;

		new_connection(ends, 0);
		seal_bytes(ends[0], 1, 10);
		sendmsg_errors = script;
		cr_assert_eq(channel_flush(ends[0], ALL, &sent), send_errors[i].result, "row %zu",
			     i);
		sendmsg_errors = NULL;
		cr_assert_eq(sent, 0);
		free_connection(ends);
	}
}

Test(channel, goes_on_after_interrupted_and_short_sends)
{
	static const int script[] = {EINTR, 0, EINTR, 0, -1};
	struct channel *ends[2];
	unsigned calls = 1;

	new_connection(ends, 0);
	seal_bytes(ends[0], 3, 1000);
	sendmsg_errors = script;
	sendmsg_most = 100;
	while (channel_flush(ends[0], ALL, NULL) == 1)
		calls++;
	sendmsg_errors = NULL;
	sendmsg_most = SIZE_MAX;
	cr_assert_eq(calls, (1000 + RECORD_OVERHEAD_BYTES + 99) / 100);
	expect_bytes(ends[1], 3, 1000);
	free_connection(ends);
}

Test(channel, sending_to_a_closed_peer_is_an_error_and_no_signal)
{
	struct channel *ends[2];

	new_connection(ends, 0);
	channel_free(ends[1]);
	seal_bytes(ends[0], 1, 10);
	cr_assert_eq(channel_flush(ends[0], ALL, NULL), FTX_E_CLOSED);
	channel_free(ends[0]);
}

static void
new_tcp_connection(int fds[static 2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&address, length), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(fds[0], (struct sockaddr *)&address, length), 0);
	fds[1] = accept(listener, NULL, NULL);
	cr_assert_geq(fds[1], 0);
	close(listener);
}

Test(channel, reset_by_the_peer_is_a_lost_connection)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct channel *ends[2];
	int fds[2];

	new_tcp_connection(fds);
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	new_channels(ends, fds);
	channel_free(ends[1]);
	expect(ends[0], FTX_E_CLOSED);
	channel_free(ends[0]);
}

Test(channel, last_words_can_be_received_after_sending_failed)
{
	struct channel *ends[2];
	uint8_t *plain;
	size_t length;
	int fds[2], r;

	new_tcp_connection(fds);
	new_channels(ends, fds);
	send_bytes(ends[1], 5, 20);
	channel_free(ends[1]);
	do {
		seal_bytes(ends[0], 1, 10);
		r = channel_flush(ends[0], ALL, NULL);
	} while (r == 0);
	cr_assert_eq(r, FTX_E_CLOSED);
	cr_assert_eq(channel_receive(ends[0], ALL, &plain, &length, NULL), 1);
	cr_assert_eq(length, 20);
	expect(ends[0], FTX_E_CLOSED);
	channel_free(ends[0]);
}

Test(channel, bad_descriptor_is_a_network_error)
{
	struct session_keys keys;
	struct channel *ch;
	int fds[2];

	new_keys(&keys, AEAD_CHACHA20_POLY1305);
	cr_assert_eq(pipe(fds), 0);
	ch = channel_new(fds[1], &keys, CHANNEL_CLIENT);
	cr_assert_not_null(ch);
	expect(ch, FTX_E_NETWORK);
	seal_bytes(ch, 1, 1);
	cr_assert_eq(channel_flush(ch, ALL, NULL), FTX_E_NETWORK);
	channel_free(ch);
	close(fds[0]);
	cr_assert_null(channel_new(fds[0], &keys, CHANNEL_CLIENT));
}
