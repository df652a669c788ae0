/*
 * Headers of proxies: what is taken from right ones, and that nothing else passes.
 */
#include <arpa/inet.h>
#include "tests/harness/unit.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/server/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define LOCAL	  "\x20"
#define PROXY	  "\x21"
#define TCP4	  "\x11"
#define TCP6	  "\x21"
/* 192.0.2.1:4660 speaks to 192.0.2.9:7389. */
#define ENDS_V4 "\xc0\0\x02\x01\xc0\0\x02\x09\x12\x34\x1c\xdd"
/* 2001:db8::1 port 4660 speaks to 2001:db8::9 port 7389. */
#define ENDS_V6                                                                                    \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"     \
	"\x12\x34\x1c\xdd"
#define ENDS_MAPPED                                                                                \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x09"     \
	"\x12\x34\x1c\xdd"

struct bytes {
	const char *text;
	size_t length;
};
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* Of exactly the header's size, so that a sanitizer sees what is read behind it. */
static int
read_bytes(const struct bytes *b, union peer_address *out)
{
	uint8_t fixed[PROXY_FIXED_BYTES];
	uint8_t *rest;
	size_t length;
	int r;

	cr_assert(b->length >= sizeof(fixed));
	memcpy(fixed, b->text, sizeof(fixed));
	if ((r = proxy_begin(fixed, &length)) != 0)
		return r;
	cr_assert_eq(length, b->length - sizeof(fixed), "the test has another length");
	rest = malloc(length > 0 ? length : 1);
	cr_assert_not_null(rest);
	memcpy(rest, b->text + sizeof(fixed), length);
	r = proxy_read(fixed, rest, out);
	free(rest);
	return r;
}

static void
expect_named(const struct bytes *b, const char *address, uint16_t port)
{
	union peer_address named;
	char text[INET6_ADDRSTRLEN] = "";

	cr_assert_eq(read_bytes(b, &named), 0, "%s", address);
	if (named.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &named.v4.sin_addr, text, sizeof(text));
	else if (named.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &named.v6.sin6_addr, text, sizeof(text));
	cr_expect_str_eq(text, address);
	cr_expect_eq(ntohs(named.any.sa_family == AF_INET ? named.v4.sin_port : named.v6.sin6_port),
		     port);
}

Test(proxy_header, names_the_source_of_tcp_connections)
{
	static const struct {
		struct bytes header;
		const char *address;
	} cases[] = {
	    {BYTES(SIGNATURE PROXY TCP4 "\0\x0c" ENDS_V4), "192.0.2.1"},
	    {BYTES(SIGNATURE PROXY TCP6 "\0\x24" ENDS_V6), "2001:db8::1"},
	    {BYTES(SIGNATURE PROXY TCP6 "\0\x24" ENDS_MAPPED), "::ffff:192.0.2.1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_named(&cases[i].header, cases[i].address, 0x1234);
}

Test(proxy_header, passes_over_extensions)
{
	static const struct bytes cases[] = {
	    /* empty; of a type that nobody knows; two; the application's protocol */
	    BYTES(SIGNATURE PROXY TCP4 "\0\x0f" ENDS_V4 "\x04\0\0"),
	    BYTES(SIGNATURE PROXY TCP4 "\0\x11" ENDS_V4 "\xee\0\x02xy"),
	    BYTES(SIGNATURE PROXY TCP4 "\0\x14" ENDS_V4 "\xee\0\x02xy\xef\0\0"),
	    BYTES(SIGNATURE PROXY TCP4 "\0\x11" ENDS_V4 "\x01\0\x02h2"),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_named(&cases[i], "192.0.2.1", 0x1234);
}

Test(proxy_header, compares_a_checksum_that_is_there)
{
	/* Computed by another program (CRC-32C of "123456789" is e3069283 with it). */
	static char right[] =
	    SIGNATURE PROXY TCP4 "\0\x17" ENDS_V4 "\x03\0\x04\xf5\xfe\x04\xb4\x04\0\x01x";
	const struct bytes header = BYTES(right);

	expect_named(&header, "192.0.2.1", 0x1234);
	for (size_t i = PROXY_FIXED_BYTES; i < sizeof(right) - 1; i++) {
		union peer_address named;

		if (i == PROXY_FIXED_BYTES + 12)
			continue; /* of another type it is no checksum */
		right[i] ^= 1;
		cr_expect_eq(read_bytes(&header, &named), FTX_E_PROTOCOL, "byte %zu", i);
		right[i] ^= 1;
	}
}

Test(proxy_header, local_is_the_proxy_itself_whatever_follows)
{
	static const struct bytes cases[] = {
	    BYTES(SIGNATURE LOCAL "\0\0\0"),
	    BYTES(SIGNATURE LOCAL TCP4 "\0\x0c" ENDS_V4),
	    BYTES(SIGNATURE LOCAL TCP4 "\0\x01x"),
	    BYTES(SIGNATURE LOCAL "\xff\0\x03\xff\xff\xff"),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union peer_address named;

		cr_expect_eq(read_bytes(&cases[i], &named), 0, "case %zu", i);
		cr_expect_eq(named.any.sa_family, AF_UNSPEC, "case %zu", i);
	}
}

Test(proxy_header, refuses_everything_else)
{
	static const struct {
		const char *what;
		struct bytes header;
	} cases[] = {
	    {"version 1", BYTES("PROXY TCP4 192.0.2.1 192.0.2.9 4660 7389\r\n")},
	    {"a greeting", BYTES("FTX\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
	    {"nothing", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
	    {"version 0", BYTES(SIGNATURE "\x01" TCP4 "\0\x0c" ENDS_V4)},
	    {"version 1 in the form of 2", BYTES(SIGNATURE "\x11" TCP4 "\0\x0c" ENDS_V4)},
	    {"version 3", BYTES(SIGNATURE "\x31" TCP4 "\0\x0c" ENDS_V4)},
	    {"an unknown command", BYTES(SIGNATURE "\x22" TCP4 "\0\x0c" ENDS_V4)},
	    {"the last command", BYTES(SIGNATURE "\x2f" TCP4 "\0\x0c" ENDS_V4)},
	    {"no family", BYTES(SIGNATURE PROXY "\0\0\0")},
	    {"no family with addresses", BYTES(SIGNATURE PROXY "\0\0\x0c" ENDS_V4)},
	    {"IPv4 without a transport", BYTES(SIGNATURE PROXY "\x10\0\x0c" ENDS_V4)},
	    {"UDP over IPv4", BYTES(SIGNATURE PROXY "\x12\0\x0c" ENDS_V4)},
	    {"UDP over IPv6", BYTES(SIGNATURE PROXY "\x22\0\x24" ENDS_V6)},
	    {"a family that is none", BYTES(SIGNATURE PROXY "\x41\0\x24" ENDS_V6)},
	    {"IPv4 without addresses", BYTES(SIGNATURE PROXY TCP4 "\0\0")},
	    {"IPv4 cut short",
	     BYTES(SIGNATURE PROXY TCP4 "\0\x0b"
					"\xc0\0\x02\x01\xc0\0\x02\x09\x12\x34\x1c")},
	    {"IPv6 without addresses", BYTES(SIGNATURE PROXY TCP6 "\0\0")},
	    {"IPv6 with IPv4's", BYTES(SIGNATURE PROXY TCP6 "\0\x0c" ENDS_V4)},
	    {"half an extension", BYTES(SIGNATURE PROXY TCP4 "\0\x0e" ENDS_V4 "\x04\0")},
	    {"an extension of a byte", BYTES(SIGNATURE PROXY TCP4 "\0\x0d" ENDS_V4 "\x04")},
	    {"one that ends behind the end",
	     BYTES(SIGNATURE PROXY TCP4 "\0\x10" ENDS_V4 "\x04\0\x02x")},
	    {"a huge one", BYTES(SIGNATURE PROXY TCP4 "\0\x10" ENDS_V4 "\x04\xff\xffx")},
	    {"a right one, then half",
	     BYTES(SIGNATURE PROXY TCP4 "\0\x12" ENDS_V4 "\x04\0\x01x\x04\0")},
	    {"half an extension of IPv6", BYTES(SIGNATURE PROXY TCP6 "\0\x26" ENDS_V6 "\x04\0")},
	    {"a checksum of three bytes",
	     BYTES(SIGNATURE PROXY TCP4 "\0\x12" ENDS_V4 "\x03\0\x03xyz")},
	    {"a checksum of nothing", BYTES(SIGNATURE PROXY TCP4 "\0\x0f" ENDS_V4 "\x03\0\0")},
	    {"a wrong checksum", BYTES(SIGNATURE PROXY TCP4 "\0\x13" ENDS_V4 "\x03\0\x04\0\0\0\0")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union peer_address named;

		cr_expect_eq(read_bytes(&cases[i].header, &named), FTX_E_PROTOCOL, "%s",
			     cases[i].what);
	}
}

Test(proxy_header, refuses_each_flipped_byte_of_the_signature)
{
	uint8_t fixed[PROXY_FIXED_BYTES];
	size_t rest;

	memcpy(fixed, SIGNATURE PROXY TCP4 "\0\x0c", sizeof(fixed));
	cr_assert_eq(proxy_begin(fixed, &rest), 0);
	cr_assert_eq(rest, 12);
	for (size_t i = 0; i < 12; i++) {
		fixed[i] ^= 0x20;
		cr_expect_eq(proxy_begin(fixed, &rest), FTX_E_PROTOCOL, "byte %zu", i);
		fixed[i] ^= 0x20;
	}
}

Test(proxy_header, has_a_longest_one)
{
	static const struct {
		size_t rest;
		int result;
	} cases[] = {{PROXY_REST_BYTES - 1, 0},
		     {PROXY_REST_BYTES, 0},
		     {PROXY_REST_BYTES + 1, FTX_E_PROTOCOL},
		     {65535, FTX_E_PROTOCOL}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned command = 0x20; command <= 0x21; command++) {
			uint8_t fixed[PROXY_FIXED_BYTES];
			size_t rest;

			memcpy(fixed, SIGNATURE PROXY TCP4, 14);
			fixed[12] = (uint8_t)command;
			fixed[14] = (uint8_t)(cases[i].rest >> 8);
			fixed[15] = (uint8_t)cases[i].rest;
			cr_expect_eq(proxy_begin(fixed, &rest), cases[i].result, "%zu bytes",
				     cases[i].rest);
		}
	}
}

Test(proxy_header, reads_a_longest_one)
{
	static uint8_t fixed[PROXY_FIXED_BYTES], rest[PROXY_REST_BYTES];
	const size_t value = PROXY_REST_BYTES - 12 - 3;
	union peer_address named;

	memcpy(fixed, SIGNATURE PROXY TCP4, 14);
	fixed[14] = PROXY_REST_BYTES >> 8;
	fixed[15] = PROXY_REST_BYTES & 0xff;
	memcpy(rest, ENDS_V4, 12);
	rest[12] = 0xee;
	rest[13] = (uint8_t)(value >> 8);
	rest[14] = (uint8_t)value;
	cr_expect_eq(proxy_read(fixed, rest, &named), 0);
	rest[14]++;
	cr_expect_eq(proxy_read(fixed, rest, &named), FTX_E_PROTOCOL);
}
