/* A session's connection whose peer is gone. */
#include "src/server/connection.h"

#include "tests/harness/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/aead.h"

#define LONG_MS 10000u

static struct connection c;
static int peer;

static void
begin(void)
{
	struct session_keys keys = {.aead = AEAD_CHACHA20_POLY1305};
	int ends[2], pair[2];

	aead_prepare();
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pair_new(pair) == 0);
	peer = ends[1];
	c = (struct connection){.pair = pair[1], .stall_ms = LONG_MS};
	c.channel = channel_new(ends[0], &keys, CHANNEL_SERVER);
	cr_assert(c.channel != NULL);
}

/* What is told in between, and not looked at, is not the last thing that is tried to be said. */
Test(server_connection, who_is_gone_is_told_nothing_more)
{
	const struct message working = {.type = MESSAGE_WORKING}, ok = {.type = MESSAGE_OK};

	begin();
	cr_expect(connection_send(&c, &working) == 0);
	close(peer);
	cr_expect(connection_send(&c, &working) == FTX_E_CLOSED);
	for (int i = 0; i < 2; i++) {
		memset(connection_payload(&c, MESSAGE_DATA), 0, 100);
		cr_expect(connection_send(&c, &ok) == FTX_E_CLOSED);
	}
	channel_free(c.channel);
}
