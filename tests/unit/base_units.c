#include "src/base/units.h"

#include "tests/harness/unit.h"
#include <inttypes.h>
#include <string.h>

#include "proto/errors.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

struct parse_case {
	const char *text;
	uint64_t value;
};

Test(units, reads_sizes)
{
	static const struct parse_case cases[] = {
	    {"0", 0},
	    {"00", 0},
	    {"1", 1},
	    {"1048576", MIB},
	    {"64K", 64 * KIB},
	    {"64k", 64 * KIB},
	    {"1M", MIB},
	    {"1m", MIB},
	    {"2g", 2 * GIB},
	    {"3T", 3 * TIB},
	    {"3t", 3 * TIB},
	    {"1.5G", 3 * GIB / 2},
	    {"0.5K", 512},
	    {"0.0001K", 0},
	    {"1.999999999999999999999999999999K", 2 * KIB - 1},
	    {"0.1T", TIB / 10},
	    {"18446744073709551615", UINT64_MAX},
	    {"16777215T", 16777215 * TIB},
	    {"16777215.99999999999999999999T", UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 42;

		cr_assert_eq(size_parse(&value, cases[i].text), 0, "\"%s\"", cases[i].text);
		cr_assert_eq(value, cases[i].value, "\"%s\" is %" PRIu64, cases[i].text, value);
	}
}

Test(units, refuses_what_is_no_size)
{
	static const char *const wrong[] = {
	    "",
	    "K",
	    "-1",
	    "+1",
	    " 1",
	    "1 ",
	    "1KK",
	    "1KB",
	    "1KiB",
	    "1P",
	    "1.",
	    ".5K",
	    "1.K",
	    "1..5K",
	    "1.5",
	    "1.0",
	    "1,5K",
	    "0x10",
	    "1e3",
	    "1K5",
	    "1 K",
	    "one",
	    "18446744073709551616",
	    "99999999999999999999999",
	    "16777216T",
	    "18014398509481984K",
	    "inf",
	    "1.5.5K",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t value = 42;

		cr_assert_eq(size_parse(&value, wrong[i]), FTX_E_USAGE, "\"%s\"", wrong[i]);
		cr_assert_eq(value, 42, "\"%s\" wrote a value", wrong[i]);
	}
}

Test(units, reads_counts)
{
	static const char *const wrong[] = {
	    "", "-1", "+1", "1x", "x", " 1", "1 ", "0x10", "1.0", "1K", "18446744073709551616"};
	uint64_t value;

	cr_assert(count_parse(&value, "0") == 0 && value == 0);
	cr_assert(count_parse(&value, "0017") == 0 && value == 17);
	cr_assert(count_parse(&value, "18446744073709551615") == 0 && value == UINT64_MAX);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		value = 42;
		cr_assert_eq(count_parse(&value, wrong[i]), FTX_E_USAGE, "\"%s\"", wrong[i]);
		cr_assert_eq(value, 42, "\"%s\" wrote a value", wrong[i]);
	}
}

Test(units, reads_durations)
{
	static const struct parse_case cases[] = {
	    {"0", 0},
	    {"0ms", 0},
	    {"500ms", 500},
	    {"10", 10000},
	    {"10s", 10000},
	    {"1.5s", 1500},
	    {"0.25", 250},
	    {"5m", 300000},
	    {"2h", 7200000},
	    {"7d", 604800000},
	    {"1.5h", 5400000},
	    {"0.0005s", 0},
	    {"9223372036854775807ms", INT64_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 42;

		cr_assert_eq(duration_parse(&value, cases[i].text), 0, "\"%s\"", cases[i].text);
		cr_assert_eq(value, cases[i].value, "\"%s\" is %" PRIu64, cases[i].text, value);
	}
}

Test(units, refuses_what_is_no_duration)
{
	static const char *const wrong[] = {
	    "",
	    "s",
	    "-1s",
	    "1.5ms",
	    "1M",
	    "1S",
	    "1D",
	    "1min",
	    "5 m",
	    "1h30m",
	    "1w",
	    "1.s",
	    ".5s",
	    "ms",
	    "1ss",
	    "K",
	    "10K",
	    "9223372036854775808ms",
	    "106751991168d",
	    "18446744073709551616ms",
	    "18446744073709552",
	    "213503982335d",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t value = 42;

		cr_assert_eq(duration_parse(&value, wrong[i]), FTX_E_USAGE, "\"%s\"", wrong[i]);
		cr_assert_eq(value, 42, "\"%s\" wrote a value", wrong[i]);
	}
}

struct format_case {
	uint64_t value;
	const char *text;
};

Test(units, writes_sizes)
{
	static const struct format_case cases[] = {
	    {0, "0 B"},
	    {1023, "1023 B"},
	    {1024, "1.0 KiB"},
	    {1536, "1.5 KiB"},
	    {17 * MIB, "17.0 MiB"},
	    {MIB - 1, "1.0 MiB"},
	    {1023 * KIB + 972, "1023.9 KiB"},
	    {1023 * KIB + 973, "1.0 MiB"},
	    {GIB - 1, "1.0 GiB"},
	    {TIB, "1.0 TiB"},
	    {1024 * TIB, "1.0 PiB"},
	    {UINT64_MAX, "16.0 EiB"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[16];

		cr_assert_str_eq(size_format(out, sizeof(out), cases[i].value), cases[i].text);
	}
}

Test(units, writes_durations)
{
	static const struct format_case cases[] = {
	    {0, "0.0 s"},
	    {49, "0.0 s"},
	    {50, "0.1 s"},
	    {400, "0.4 s"},
	    {9949, "9.9 s"},
	    {9950, "10 s"},
	    {12000, "12 s"},
	    {59499, "59 s"},
	    {59500, "1 min 0 s"},
	    {200000, "3 min 20 s"},
	    {3599499, "59 min 59 s"},
	    {3599500, "1 h 0 min"},
	    {7500000, "2 h 5 min"},
	    {86400000, "1 d 0 h"},
	    {273600000, "3 d 4 h"},
	};
	char out[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(duration_format(out, sizeof(out), cases[i].value), cases[i].text);
	duration_format(out, sizeof(out), UINT64_MAX);
	cr_assert_eq(out[strlen(out) - 1], 'h', "cut: %s", out);
}
