#include "src/base/columns.h"

#include "src/base/display.h"
#include "tests/harness/unit.h"
#include <string.h>

#define COMBINING "e\xcc\x81"	     /* e and U+0301 */
#define WIDE	  "\xe6\x97\xa5"     /* U+65E5 */
#define EMOJI	  "\xf0\x9f\x98\x80" /* U+1F600 */
#define JOINED	  "\xe2\x80\x8d"     /* U+200D */
#define HALF	  "\xef\xbd\xb1"     /* U+FF71, of half width */
#define UNKNOWN	  "\xf4\x8f\xbf\xbf" /* U+10FFFF is no character */
#define HEART	  "\xe2\x9d\xa4"     /* U+2764, narrow by itself */
#define PICTURE	  "\xef\xb8\x8f"     /* U+FE0F */

static const struct {
	const char *text;
	size_t columns;
} widths[] = {
    {"", 0},
    {"plain name.txt", 14},
    {"M\xc3\xbcnchen", 7},
    {COMBINING, 1},
    {WIDE WIDE, 4},
    {"a" WIDE "b", 4},
    {HALF, 1},
    {EMOJI, 2},
    {EMOJI JOINED EMOJI, 4},
    {HEART, 1},
    {HEART PICTURE, 2},
    {UNKNOWN, 2},
    {"\\x1b[31m", 8},
    {"a\\nb", 4},
};

Test(columns, are_counted_whatever_the_locale_is)
{
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		cr_assert_eq(columns_of(widths[i].text), widths[i].columns, "row %zu: %zu", i,
			     columns_of(widths[i].text));
}

static const struct {
	const char *text;
	size_t columns;
	const char *end;
} ends[] = {
    {"film.mkv", 8, "film.mkv"},
    {"film.mkv", 7, "....mkv"},
    {"film.mkv", 4, "...v"},
    {"film.mkv", 3, "..."},
    {"film.mkv", 1, "."},
    {"film.mkv", 0, ""},
    {WIDE WIDE WIDE, 6, WIDE WIDE WIDE},
    {WIDE WIDE WIDE, 5, "..." WIDE},
    /* half of one would fit */
    {WIDE WIDE WIDE, 4, "..."},
    {"x\\x1b\\xffy", 8, "...\\xffy"},
    {"x\\x1b\\xffy", 7, "...y"},
    {"x\\\\\\ny", 6, "x\\\\\\ny"},
    {"x\\\\\\ny", 5, "...y"},
};

Test(columns, end_is_cut_between_characters)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char out[64];

		cr_assert_eq(columns_end(out, sizeof(out), ends[i].text, ends[i].columns), out);
		cr_assert_str_eq(out, ends[i].end, "row %zu: %s", i, out);
	}
}

Test(columns, end_keeps_to_its_room)
{
	const char *text = WIDE "abc" WIDE "def" EMOJI;

	for (size_t capacity = 1; capacity < 24; capacity++)
		for (size_t columns = 0; columns < 16; columns++) {
			char out[24];

			memset(out, 'x', sizeof(out));
			columns_end(out, capacity, text, columns);
			cr_assert_lt(strlen(out), capacity);
			cr_assert_leq(columns_of(out), columns);
			cr_assert(utf8_valid(out, strlen(out)));
		}
}
