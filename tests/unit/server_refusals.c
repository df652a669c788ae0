#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/server/refusals.h"

#define START UINT64_C(5000)

/* What was logged, one packet a line. */
static int reader;

static void
capture(void)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(dup2(pair[1], STDERR_FILENO), STDERR_FILENO);
	reader = pair[0];
	log_setup(LOG_LEVEL_INFO, 1);
}

static const char *
captured(void)
{
	static char line[4096];
	ssize_t n = recv(reader, line, sizeof(line) - 1, MSG_DONTWAIT);

	line[n < 0 ? 0 : n] = '\0';
	return line;
}

Test(refusals, ten_lines_a_second_then_a_count, .init = capture)
{
	struct refusals r = {0};
	unsigned lines = 0;

	for (unsigned i = 0; i < 25; i++)
		lines += refusals_add(&r, REFUSED_HANDSHAKE, START + i);
	cr_expect_eq(lines, REFUSALS_LINES);
	cr_expect_eq(refusals_next_ms(&r), START + 1000);
	refusals_on_time(&r, START + 999);
	cr_expect_str_eq(captured(), "");
	refusals_on_time(&r, START + 1000);
	cr_expect_str_eq(captured(), "<4>connections refused, not logged one by one count=15\n");
	cr_expect_eq(refusals_next_ms(&r), UINT64_MAX);
	cr_expect(refusals_add(&r, REFUSED_HANDSHAKE, START + 1001), "another second");
	cr_expect_eq(r.count[REFUSED_HANDSHAKE], 26, "all are counted");
}

Test(refusals, the_count_comes_before_the_next_line, .init = capture)
{
	struct refusals r = {0};

	for (unsigned i = 0; i < REFUSALS_LINES + 2; i++)
		refusals_add(&r, REFUSED_NETWORK, START);
	cr_expect(refusals_add(&r, REFUSED_NETWORK, START + 7000));
	cr_expect_str_eq(captured(), "<4>connections refused, not logged one by one count=2\n");
}

Test(refusals, what_nobody_looked_at_has_no_line, .init = capture)
{
	struct refusals r = {0};

	for (unsigned i = 0; i < 100; i++) {
		cr_expect_not(refusals_add(&r, REFUSED_SILENT, START));
		cr_expect_not(refusals_add(&r, REFUSED_PENALTY, START));
		cr_expect_not(refusals_add(&r, REFUSED_CROWDED, START));
	}
	refusals_on_time(&r, START + 5000);
	cr_expect_str_eq(captured(), "");
	cr_expect_eq(r.count[REFUSED_SILENT], 100);
	cr_expect(refusals_add(&r, REFUSED_CLOSED, START), "they take no line from others");
}

/* Names are labels of metrics and values of log fields: nothing in them is to be escaped. */
Test(refusals, names_are_plain_and_different)
{
	for (unsigned i = 0; i < REFUSALS; i++) {
		const char *name = refusal_name((enum refusal)i);

		cr_expect_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (unsigned j = 0; j < i; j++)
			cr_expect_str_neq(name, refusal_name((enum refusal)j));
	}
}
