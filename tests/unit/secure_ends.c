#include "tests/unit/secure_ends.h"

#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>

#include <sodium.h>

void
new_keys(struct session_keys *keys, enum aead_id id)
{
	randombytes_buf(keys, sizeof(*keys));
	keys->aead = id;
}

void
new_channels(struct channel *ends[static 2], const int fds[static 2])
{
	struct session_keys keys;

	new_keys(&keys, AEAD_CHACHA20_POLY1305);
	ends[0] = channel_new(fds[0], &keys, CHANNEL_CLIENT);
	ends[1] = channel_new(fds[1], &keys, CHANNEL_SERVER);
	cr_assert(ends[0] != NULL && ends[1] != NULL);
}

void
new_connection(struct channel *ends[static 2], int buffer_bytes)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2 && buffer_bytes > 0; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
	new_channels(ends, fds);
}

void
free_connection(struct channel *ends[static 2])
{
	channel_free(ends[0]);
	channel_free(ends[1]);
}

void
seal_bytes(struct channel *ch, uint8_t value, size_t length)
{
	memset(channel_plain(ch), value, length);
	channel_seal(ch, length);
}

void
send_bytes(struct channel *ch, uint8_t value, size_t length)
{
	seal_bytes(ch, value, length);
	cr_assert_eq(channel_flush(ch, ALL, NULL), 0);
}

void
expect_bytes(struct channel *ch, uint8_t value, size_t expected)
{
	uint8_t *plain;
	size_t length;

	cr_assert_eq(channel_receive(ch, ALL, &plain, &length, NULL), 1);
	cr_assert_eq(length, expected);
	for (size_t i = 0; i < length; i++)
		cr_assert_eq(plain[i], value);
}

void
expect(struct channel *ch, int result)
{
	uint8_t *plain;
	size_t length;

	cr_assert_eq(channel_receive(ch, ALL, &plain, &length, NULL), result);
}
