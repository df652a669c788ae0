#include "src/server/pair.h"

#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"

static int ends[2];

static void
setup(void)
{
	cr_assert_eq(pair_new(ends), 0);
}

TestSuite(pair, .init = setup);

Test(pair, carries_whole_messages_in_order)
{
	struct pair_message m = {.type = PAIR_JOIN, .join = {.stream = 7}};
	const struct pair_message stop = {.type = PAIR_STOP};

	cr_assert_eq(pair_receive(ends[1], &m), 0, "nothing was sent");
	m = (struct pair_message){.type = PAIR_JOIN, .join = {.stream = 7}};
	cr_assert_eq(pair_send(ends[0], &m), 0);
	cr_assert_eq(pair_send(ends[0], &stop), 0);
	memset(&m, 0, sizeof(m));
	cr_assert_eq(pair_receive(ends[1], &m), 1);
	cr_assert(m.type == PAIR_JOIN && m.join.stream == 7);
	cr_assert_eq(pair_receive(ends[1], &m), 1);
	cr_assert_eq(m.type, PAIR_STOP);
	cr_assert_eq(pair_receive(ends[1], &m), 0);
}

Test(pair, refuses_messages_of_another_size)
{
	struct pair_message m;
	char large[sizeof(m) + 1] = {0};

	cr_assert_eq(send(ends[0], large, 1, 0), 1);
	cr_assert_eq(pair_receive(ends[1], &m), FTX_E_PROTOCOL);
	cr_assert_eq(send(ends[0], large, sizeof(large), 0), (ssize_t)sizeof(large));
	cr_assert_eq(pair_receive(ends[1], &m), FTX_E_PROTOCOL);
}

Test(pair, never_waits_for_a_reader)
{
	const struct pair_message m = {.type = PAIR_STOP};
	unsigned sent = 0;
	int r;

	while ((r = pair_send(ends[0], &m)) == 0)
		cr_assert_lt(sent++, 100000u);
	cr_assert_eq(r, FTX_E_BUSY);
}

Test(pair, tells_that_the_other_side_is_gone)
{
	struct pair_message m = {.type = PAIR_STOP};

	close(ends[0]);
	cr_assert_eq(pair_receive(ends[1], &m), FTX_E_CLOSED);
	cr_assert_eq(pair_send(ends[1], &m), FTX_E_CLOSED);
	cr_assert_eq(pair_wait(ends[1], &m, clock_ms() + 60000), FTX_E_CLOSED);
}

Test(pair, wait_ends_at_its_deadline)
{
	struct pair_message m;

	cr_assert_eq(pair_wait(ends[1], &m, clock_ms()), FTX_E_TIMEOUT);
}
