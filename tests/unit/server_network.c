#include <arpa/inet.h>
#include "tests/harness/unit.h"
#include <netinet/in.h>
#include <string.h>

#include "proto/errors.h"
#include "src/server/network.h"

static bool
has(const char *network, const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct network n;
	const char *why = "";

	cr_assert_eq(network_parse(&n, network, &why), 0, "%s: %s", network, why);
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return network_has(&n, (struct sockaddr *)&v4);
	cr_assert_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return network_has(&n, (struct sockaddr *)&v6);
}

Test(network, has_the_addresses_whose_first_bits_are_its)
{
	static const struct {
		const char *network, *in, *out;
	} cases[] = {
	    {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
	    {"10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
	    {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
	    {"192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
	    {"192.0.2.4/31", "192.0.2.5", "192.0.2.6"},
	    {"192.0.2.4", "192.0.2.4", "192.0.2.5"},
	    {"192.0.2.4/32", "192.0.2.4", "192.0.2.5"},
	    {"128.0.0.0/1", "255.1.2.3", "127.0.0.1"},
	    {"0.0.0.0/0", "203.0.113.9", "::1"},
	    {"::/0", "2001:db8::1", "203.0.113.9"},
	    {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
	    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
	    {"2001:db8::1", "2001:db8::1", "2001:db8::2"},
	    {"fe80::/10", "febf::1", "fec0::1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect(has(cases[i].network, cases[i].in), "%s in %s", cases[i].in,
			  cases[i].network);
		cr_expect_not(has(cases[i].network, cases[i].out), "%s in %s", cases[i].out,
			      cases[i].network);
	}
}

Test(network, takes_mapped_addresses_for_what_they_are)
{
	cr_expect(has("10.0.0.0/8", "::ffff:10.1.2.3"));
	cr_expect_not(has("10.0.0.0/8", "::ffff:11.1.2.3"));
	cr_expect(has("::ffff:10.0.0.0/104", "10.1.2.3"));
	cr_expect(has("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
	cr_expect_not(has("::/0", "::ffff:10.1.2.3"));
	cr_expect_not(has("10.0.0.0/8", "::10.1.2.3"), "compatible is not mapped");
}

Test(network, writes_an_end_of_a_connection_as_people_do)
{
	static const struct {
		const char *address, *text;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1:7389"},
	    {"::ffff:192.0.2.1", "192.0.2.1:7389"},
	    {"2001:db8::1", "[2001:db8::1]:7389"},
	    {"::192.0.2.1", "[::192.0.2.1]:7389"},
	    {"::", "[::]:7389"},
	};
	union peer_address end;
	char text[NETWORK_END_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		end = (union peer_address){.v4 = {.sin_family = AF_INET, .sin_port = htons(7389)}};
		if (inet_pton(AF_INET, cases[i].address, &end.v4.sin_addr) != 1) {
			end = (union peer_address){
			    .v6 = {.sin6_family = AF_INET6, .sin6_port = htons(7389)}};
			cr_assert_eq(inet_pton(AF_INET6, cases[i].address, &end.v6.sin6_addr), 1);
		}
		cr_expect_str_eq(network_format_end(&end, text), cases[i].text);
	}
	end = (union peer_address){.any = {.sa_family = AF_UNSPEC}};
	cr_expect_str_eq(network_format_end(&end, text), "?:?");
}

Test(network, refuses_what_is_no_network)
{
	static const char *const wrong[] = {
	    "",
	    "/",
	    "10",
	    "10.0.0",
	    "10.0.0.0/",
	    "10.0.0.0/33",
	    "10.0.0.0/-1",
	    "10.0.0.0/8x",
	    "10.0.0.0/08",
	    "10.0.0.0/ 8",
	    "10.0.0.1/8",
	    "10.0.0.0/8/8",
	    "::/129",
	    "2001:db8::1/64",
	    "localhost",
	    "[::1]",
	    "fe80::1%eth0",
	    "010.0.0.0/8",
	    "10.0.0.0/4294967304",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct network n;
		const char *why = NULL;

		cr_expect_eq(network_parse(&n, wrong[i], &why), FTX_E_USAGE, "'%s'", wrong[i]);
		cr_expect_not_null(why);
	}
}

Test(network, has_no_address_of_another_family)
{
	struct sockaddr unix_address = {.sa_family = AF_UNIX};
	struct network n;
	const char *why;

	cr_assert_eq(network_parse(&n, "0.0.0.0/0", &why), 0);
	cr_expect_not(network_has(&n, &unix_address));
}
