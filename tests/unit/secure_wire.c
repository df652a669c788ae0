/* What a channel makes of a wire that is cut, edited and reordered. */
#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/channel.h"
#include "tests/unit/secure_ends.h"

/* A channel and the bare socket of its peer, to which frames can be written byte by byte. */
struct wire {
	struct channel *channel;
	int peer;
	struct record_state sealing; /* of the peer, a client */
};

static void
wire_init(struct wire *wire)
{
	struct session_keys keys;
	int fds[2];

	new_keys(&keys, AEAD_CHACHA20_POLY1305);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	wire->peer = fds[0];
	wire->channel = channel_new(fds[1], &keys, CHANNEL_SERVER);
	cr_assert_not_null(wire->channel);
	record_init(&wire->sealing, keys.aead, keys.client_to_server);
}

static void
wire_release(struct wire *wire)
{
	channel_free(wire->channel);
	if (wire->peer >= 0)
		close(wire->peer);
}

static void
wire_write(const struct wire *wire, const void *data, size_t length)
{
	cr_assert_eq(write(wire->peer, data, length), (ssize_t)length);
}

/* Three records of 1, 30 and 500 bytes.  Returns all their bytes, boundaries at ends[]. */
static size_t
three_frames(struct wire *wire, uint8_t *out, size_t ends[static 3])
{
	static const size_t lengths[3] = {1, 30, 500};
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		memset(out + at + RECORD_HEADER_BYTES, i, lengths[i]);
		at += record_seal(&wire->sealing, out + at, lengths[i]);
		ends[i] = at;
	}
	return at;
}

Test(wire, T04_T17_end_of_stream_after_any_byte_is_never_a_success)
{
	size_t cut = 0, total;

	do {
		struct wire wire;
		uint8_t bytes[1024];
		size_t ends[3];

		wire_init(&wire);
		total = three_frames(&wire, bytes, ends);
		wire_write(&wire, bytes, cut);
		close(wire.peer);
		wire.peer = -1;
		for (int i = 0; i < 3; i++)
			if (ends[i] <= cut)
				expect_bytes(wire.channel, (uint8_t)i,
					     ends[i] - RECORD_OVERHEAD_BYTES -
						 (i > 0 ? ends[i - 1] : 0));
		expect(wire.channel, FTX_E_CLOSED);
		cr_assert(channel_has_record(wire.channel)); /* the error, again */
		expect(wire.channel, FTX_E_CLOSED);
		wire_release(&wire);
	} while (cut++ < total);
}

Test(wire, takes_records_that_arrive_byte_by_byte)
{
	struct wire wire;
	uint8_t bytes[1024];
	size_t ends[3], total;
	int next = 0;

	wire_init(&wire);
	total = three_frames(&wire, bytes, ends);
	for (size_t i = 0; i < total; i++) {
		wire_write(&wire, bytes + i, 1);
		if (i + 1 == ends[next]) {
			expect_bytes(wire.channel, (uint8_t)next,
				     ends[next] - RECORD_OVERHEAD_BYTES -
					 (next > 0 ? ends[next - 1] : 0));
			cr_assert_not(channel_mid_record(wire.channel));
			next++;
		} else {
			expect(wire.channel, 0);
			cr_assert(channel_mid_record(wire.channel));
		}
	}
	cr_assert_eq(next, 3);
	wire_release(&wire);
}

Test(wire, T09_refuses_a_stream_with_any_bit_of_a_record_flipped)
{
	uint8_t bytes[1024];
	size_t ends[3];

	for (size_t bit = 0; bit < 8 * (1 + RECORD_OVERHEAD_BYTES); bit++) {
		struct wire wire;
		uint8_t *plain;
		size_t length;
		int r;

		wire_init(&wire);
		three_frames(&wire, bytes, ends);
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		wire_write(&wire, bytes, ends[2]);
		close(wire.peer);
		wire.peer = -1;
		/* A length made larger waits for bytes that never come: the stream's end. */
		r = channel_receive(wire.channel, ALL, &plain, &length, NULL);
		cr_assert(r == FTX_E_PROTOCOL || (bit < 32 && r == FTX_E_CLOSED), "bit %zu: %d",
			  bit, r);
		expect(wire.channel, r);
		wire_release(&wire);
	}
}

Test(wire, T15_refuses_a_length_out_of_range_from_its_four_bytes)
{
	static const uint32_t bad[] = {0, 1, 16, (1u << 18) + 64 + 17, 1u << 31, 0xffffffff};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire wire;
		uint8_t header[4];

		for (unsigned j = 0; j < 4; j++)
			header[j] = (uint8_t)(bad[i] >> (8 * j));
		wire_init(&wire);
		wire_write(&wire, header, 3);
		expect(wire.channel, 0);
		wire_write(&wire, header + 3, 1);
		expect(wire.channel, FTX_E_PROTOCOL);
		cr_assert(channel_has_record(wire.channel));
		cr_assert_not(channel_mid_record(wire.channel));
		wire_release(&wire);
	}
}

/* Which of the three frames arrive, in which order; what the last receive says. */
static const struct {
	const char *what;
	int order[3];
	int good; /* records before the error */
} edits[] = {
    {"dropped", {0, 2, -1}, 1},
    {"doubled", {0, 0, 1}, 1},
    {"swapped", {1, 0, 2}, 0},
    {"first dropped", {1, 2, -1}, 0},
};

Test(wire, T16_refuses_records_out_of_order)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct wire wire;
		uint8_t bytes[1024], *plain;
		size_t ends[3], length;

		wire_init(&wire);
		three_frames(&wire, bytes, ends);
		for (int j = 0; j < 3 && edits[i].order[j] >= 0; j++) {
			size_t start = edits[i].order[j] > 0 ? ends[edits[i].order[j] - 1] : 0;

			wire_write(&wire, bytes + start, ends[edits[i].order[j]] - start);
		}
		for (int j = 0; j < edits[i].good; j++)
			cr_assert_eq(channel_receive(wire.channel, ALL, &plain, &length, NULL), 1);
		cr_assert_eq(channel_receive(wire.channel, ALL, &plain, &length, NULL),
			     FTX_E_PROTOCOL, "%s", edits[i].what);
		wire_release(&wire);
	}
}

Test(wire, T16_refuses_records_of_another_connection)
{
	struct wire wire, other;
	uint8_t bytes[1024];
	size_t ends[3];

	wire_init(&wire);
	wire_init(&other);
	three_frames(&other, bytes, ends);
	wire_write(&wire, bytes, ends[0]);
	expect(wire.channel, FTX_E_PROTOCOL);
	wire_release(&wire);
	wire_release(&other);
}
