#include "src/server/listen.h"

#include "tests/harness/unit.h"
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"

Test(listen, parses_numeric_addresses)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
		bool loopback, any;
	} cases[] = {
	    {"127.0.0.1:7389", "127.0.0.1", 7389, true, false},
	    {"127.9.9.9:0", "127.9.9.9", 0, true, false},
	    {":0", "127.0.0.1", 0, true, false},
	    {"[::1]:65535", "::1", 65535, true, false},
	    {"0.0.0.0:1", "0.0.0.0", 1, false, true},
	    {"[::]:1", "::", 1, false, true},
	    {"192.0.2.1:22", "192.0.2.1", 22, false, false},
	    {"[2001:db8::1]:22", "2001:db8::1", 22, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listen_address a;

		cr_assert_eq(listen_parse(&a, cases[i].text), 0, "%s", cases[i].text);
		cr_assert_str_eq(a.host, cases[i].host);
		cr_assert_eq(a.port, cases[i].port);
		cr_assert_eq(listen_is_loopback(&a), cases[i].loopback, "%s", cases[i].text);
		cr_assert_eq(listen_is_any(&a), cases[i].any, "%s", cases[i].text);
	}
}

Test(listen, refuses_everything_else)
{
	static const char *const cases[] = {
	    "",
	    "7389",
	    ":",
	    "127.0.0.1",
	    "127.0.0.1:",
	    "127.0.0.1:x",
	    "::1:1",
	    "[::1]",
	    "[::1:1",
	    "[127.0.0.1]:1",
	    "host:1",
	    "127.0.0.1:65536",
	    "1.2:1",
	    "127.0.0.1:-1",
	    "127.0.0.1:1 ",
	    "127.0.0.1: 1",
	    "127.0.0.1:99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listen_address a;

		cr_assert_eq(listen_parse(&a, cases[i]), FTX_E_USAGE, "'%s'", cases[i]);
	}
}

Test(listen, port_0_becomes_a_real_one_and_is_then_taken)
{
	struct listen_address a;
	int first;
	int second;

	cr_assert_eq(listen_parse(&a, "127.0.0.1:0"), 0);
	cr_assert_eq(listen_open(&a, &first), 0);
	cr_assert_neq(a.port, 0);
	cr_assert_eq(listen_open(&a, &second), FTX_E_BUSY);
	close(first);
}
