#include "src/base/display.h"

#include "tests/harness/unit.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *shown;
} names[] = {
    {"", ""},
    {"plain name.txt", "plain name.txt"},
    {"-rf ~", "-rf ~"},
    {"M\xc3\xbcnchen \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80",
     "M\xc3\xbcnchen \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"},
    {"a\nb\tc\\d", "a\\nb\\tc\\\\d"},
    {"\r\x1b[31m\x07\x08", "\\x0d\\x1b[31m\\x07\\x08"},
    {"\x01\x1f\x7f", "\\x01\\x1f\\x7f"},
    {"\xc2\x80\xc2\x9b\xc2\x9f", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f"},
    {"\xc2\xa0", "\xc2\xa0"},
    {"\xe2\x80\x8e\xe2\x80\x8f", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f"},
    {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
    {"\xe2\x80\xaa\xe2\x80\xae", "\\xe2\\x80\\xaa\\xe2\\x80\\xae"},
    {"\xe2\x80\xaf\xe2\x80\x8d", "\xe2\x80\xaf\xe2\x80\x8d"},
    {"\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
    {"\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa"},
    {"\xd8\x9c", "\\xd8\\x9c"},
    {"\x80\xbf", "\\x80\\xbf"},
    {"a\xff"
     "b",
     "a\\xffb"},
    {"\xc0\xaf", "\\xc0\\xaf"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    {"\xe6\x97", "\\xe6\\x97"},
    {"\xe6\x97z", "\\xe6\\x97z"},
};

Test(display, escapes_what_acts_and_nothing_else)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[128];

		cr_assert_eq(display_escape(out, sizeof(out), names[i].name, strlen(names[i].name)),
			     out);
		cr_assert_str_eq(out, names[i].shown, "row %zu: %s", i, out);
	}
}

Test(display, quotes_what_would_end_a_field)
{
	static const struct {
		const char *name;
		const char *shown;
	} rows[] = {
	    {"", "\"\""},
	    {"a b=c", "\"a b=c\""},
	    {"\" client=root x=\"", "\"\\\" client=root x=\\\"\""},
	    {"\\\"", "\"\\\\\\\"\""},
	    {"a\n\x1b", "\"a\\n\\x1b\""},
	};
	char out[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		display_quote(out, sizeof(out), rows[i].name, strlen(rows[i].name));
		cr_assert_str_eq(out, rows[i].shown, "row %zu: %s", i, out);
	}
	/* Whatever is cut, the quotes are there, and the last one is none of the name's. */
	for (size_t capacity = 3; capacity < 12; capacity++) {
		display_quote(out, capacity, "\"\"\"\"\"\"", 6);
		cr_assert_lt(strlen(out), capacity);
		cr_assert(out[0] == '"' && out[strlen(out) - 1] == '"', "%s", out);
		cr_assert_neq(out[strlen(out) - 2], '\\', "%s", out);
	}
}

/* What is escaped stays so; what is not becomes so, but for backslashes. */
Test(display, escapes_again_without_a_change)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char once[128], again[128];

		display_escape(once, sizeof(once), names[i].name, strlen(names[i].name));
		cr_assert_eq(display_again(again, sizeof(again), once, strlen(once)), again);
		cr_expect_str_eq(again, once, "row %zu: %s", i, again);
		if (strchr(names[i].name, '\\') != NULL)
			continue;
		display_again(again, sizeof(again), names[i].name, strlen(names[i].name));
		cr_expect_str_eq(again, once, "row %zu: %s", i, again);
	}
}

Test(display, shows_a_nul_byte)
{
	char out[16];

	cr_assert_str_eq(display_escape(out, sizeof(out), "a\0b", 3), "a\\x00b");
}

Test(display, no_single_byte_passes_that_acts)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t name = (uint8_t)byte;
		char out[8];

		display_escape(out, sizeof(out), &name, 1);
		if (byte >= 0x20 && byte < 0x7f && byte != '\\')
			cr_assert(out[0] == (char)byte && out[1] == '\0');
		else
			cr_assert(out[0] == '\\' && strlen(out) >= 2, "byte %02x", byte);
	}
}

Test(display, cuts_behind_a_whole_character)
{
	static const struct {
		const char *name;
		size_t capacity;
		const char *shown;
	} cuts[] = {
	    {"abcdef", 7, "abcdef"},
	    {"abcdef", 6, "ab..."},
	    {"abcdef", 5, "a..."},
	    {"abcdef", 4, "..."},
	    {"abcdef", 3, ".."},
	    {"abcdef", 1, ""},
	    {"", 1, ""},
	    {"abc", 4, "abc"},
	    {"a\nbc", 6, "a\\nbc"},
	    {"a\nbcd", 6, "a..."},
	    {"\xc3\xbc\xc3\xbc\xc3\xbc", 7, "\xc3\xbc\xc3\xbc\xc3\xbc"},
	    {"\xc3\xbc\xc3\xbc\xc3\xbc", 6, "\xc3\xbc..."},
	    {"\xc3\xbc\xc3\xbc\xc3\xbc", 5, "..."},
	};

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		/* Exactly as large as promised, for the sanitizer. */
		char *out = malloc(cuts[i].capacity);

		cr_assert_not_null(out);
		display_escape(out, cuts[i].capacity, cuts[i].name, strlen(cuts[i].name));
		cr_assert_str_eq(out, cuts[i].shown, "row %zu: %s", i, out);
		free(out);
	}
}

Test(display, any_path_fits_its_room)
{
	uint8_t path[4095];
	char *out = malloc(DISPLAY_PATH_BYTES);

	cr_assert_not_null(out);
	memset(path, 0xff, sizeof(path));
	display_escape(out, DISPLAY_PATH_BYTES, path, sizeof(path));
	cr_assert_eq(strlen(out), 4 * sizeof(path));
	cr_assert_str_eq(out + strlen(out) - 4, "\\xff");
	free(out);
}

Test(utf8, tells_valid_from_invalid)
{
	static const struct {
		const char *text;
		size_t length;
		bool valid;
	} texts[] = {
	    {"", 0, true},
	    {"a\0b", 3, true},
	    {"\x7f", 1, true},
	    {"\x80", 1, false},
	    {"\xc1\xbf", 2, false}, /* overlong */
	    {"\xc2\x80", 2, true},
	    {"\xc2\xc0", 2, false},
	    {"\xdf\xbf", 2, true},
	    {"\xe0\x9f\xbf", 3, false}, /* overlong */
	    {"\xe0\xa0\x80", 3, true},
	    {"\xed\x9f\xbf", 3, true},
	    {"\xed\xa0\x80", 3, false}, /* surrogate */
	    {"\xed\xbf\xbf", 3, false}, /* surrogate */
	    {"\xee\x80\x80", 3, true},
	    {"\xef\xbf\xbf", 3, true},
	    {"\xf0\x8f\xbf\xbf", 4, false}, /* overlong */
	    {"\xf0\x90\x80\x80", 4, true},
	    {"\xf4\x8f\xbf\xbf", 4, true},
	    {"\xf4\x90\x80\x80", 4, false}, /* above U+10FFFF */
	    {"\xf5\x80\x80\x80", 4, false},
	    {"\xf8\x88\x80\x80\x80", 5, false},
	    {"\xfe", 1, false},
	    {"\xff", 1, false},
	    {"\xe2\x82", 2, false},	/* cut */
	    {"\xf0\x90\x80", 3, false}, /* cut */
	    {"\xe2\x82\xac", 2, false}, /* cut, the rest right behind */
	    {"\xc3\xbc", 1, false},
	    {"\xe2\x82z", 3, false},
	    {"\xf0\x90\x80z", 4, false},
	    {"ok\xc3\xbcok", 6, true},
	    {"ok\xc3", 3, false},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(utf8_valid(texts[i].text, texts[i].length), texts[i].valid, "row %zu",
			     i);
}

/* Encodes every number below 2^21 in every length that holds it: valid are the scalar values'
 * shortest. */
Test(utf8, accepts_exactly_the_shortest_form_of_each_scalar_value)
{
	for (uint32_t c = 0; c < 0x200000; c++) {
		uint8_t two[2] = {(uint8_t)(0xc0 | c >> 6), (uint8_t)(0x80 | (c & 63))};
		uint8_t three[3] = {(uint8_t)(0xe0 | c >> 12), (uint8_t)(0x80 | (c >> 6 & 63)),
				    (uint8_t)(0x80 | (c & 63))};
		uint8_t four[4] = {(uint8_t)(0xf0 | c >> 18), (uint8_t)(0x80 | (c >> 12 & 63)),
				   (uint8_t)(0x80 | (c >> 6 & 63)), (uint8_t)(0x80 | (c & 63))};
		bool surrogate = c >= 0xd800 && c <= 0xdfff;

		if (c < 0x800)
			cr_assert_eq(utf8_valid(two, 2), c >= 0x80, "U+%04x in 2", c);
		if (c < 0x10000)
			cr_assert_eq(utf8_valid(three, 3), c >= 0x800 && !surrogate, "U+%04x in 3",
				     c);
		cr_assert_eq(utf8_valid(four, 4), c >= 0x10000 && c <= 0x10ffff, "U+%04x in 4", c);
	}
}
