#include "src/base/encoding.h"

#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

/* RFC 4648 section 10, and bytes that need both characters in which base64url differs. */
static const struct {
	const char *bytes;
	size_t length;
	const char *hex;
	const char *base64;
	const char *base64url;
} forms[] = {
    {"", 0, "", "", ""},
    {"f", 1, "66", "Zg==", "Zg"},
    {"fo", 2, "666f", "Zm8=", "Zm8"},
    {"foo", 3, "666f6f", "Zm9v", "Zm9v"},
    {"foob", 4, "666f6f62", "Zm9vYg==", "Zm9vYg"},
    {"fooba", 5, "666f6f6261", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", 6, "666f6f626172", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf\x00", 4, "fbffbf00", "+/+/AA==", "-_-_AA"},
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

Test(encoding, writes_the_known_forms)
{
	for (size_t i = 0; i < FORMS; i++) {
		const uint8_t *bytes = (const uint8_t *)forms[i].bytes;
		char text[32];
		char *padded;

		hex_encode(text, bytes, forms[i].length);
		cr_assert_str_eq(text, forms[i].hex);
		base64url_encode(text, bytes, forms[i].length);
		cr_assert_str_eq(text, forms[i].base64url);
		cr_assert_eq(strlen(text), BASE64URL_CHARS(forms[i].length));
		padded = base64_encode(bytes, forms[i].length);
		cr_assert_not_null(padded);
		cr_assert_str_eq(padded, forms[i].base64);
		free(padded);
	}
}

Test(encoding, reads_what_it_writes)
{
	for (size_t i = 0; i < FORMS; i++) {
		uint8_t bytes[8];

		cr_assert_eq(hex_decode(bytes, forms[i].length, forms[i].hex), 0);
		cr_assert_arr_eq(bytes, forms[i].bytes, forms[i].length);
		memset(bytes, 0x55, sizeof(bytes));
		cr_assert_eq(base64url_decode(bytes, forms[i].length, forms[i].base64url,
					      strlen(forms[i].base64url)),
			     0);
		cr_assert_arr_eq(bytes, forms[i].bytes, forms[i].length);
		cr_assert_eq(bytes[forms[i].length], 0x55, "wrote behind the output");
	}
}

Test(encoding, a_key_has_43_characters)
{
	cr_assert_eq(BASE64URL_CHARS(32), 43);
}

Test(encoding, refuses_hex_of_another_length_or_alphabet)
{
	static const char *const wrong[] = {"",	    "0",    "012",  "01234", "0g11",
					    "01 1", "g011", "01-1", "0x01"};
	uint8_t bytes[2];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(hex_decode(bytes, 2, wrong[i]), FTX_E_USAGE, "\"%s\"", wrong[i]);
	cr_assert_eq(hex_decode(bytes, 2, "aBfF"), 0);
	cr_assert(bytes[0] == 0xab && bytes[1] == 0xff);
}

Test(encoding, refuses_base64url_of_another_length_or_alphabet)
{
	static const struct {
		const char *text;
		size_t chars, length;
	} wrong[] = {
	    {"Zm8", 3, 1},   {"Zm8", 3, 3},	{"Z", 1, 0},	{"Z", 1, 1},
	    {"Zg==", 4, 1},  {"Zm+v", 4, 3},	{"Zm/v", 4, 3}, {"Zm v", 4, 3},
	    {"Zm\0v", 4, 3}, {"Zm\xc3v", 4, 3}, {"Zm9=", 4, 3},
	};
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(
		    base64url_decode(bytes, wrong[i].length, wrong[i].text, wrong[i].chars),
		    FTX_E_USAGE, "row %zu", i);
}

Test(encoding, one_byte_has_one_base64url_form)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (unsigned i = 0; i < 64 * 64; i++) {
		char text[2] = {digits[i >> 6], digits[i & 63]};
		uint8_t byte;
		int want = (i & 15) == 0 ? 0 : FTX_E_USAGE;

		cr_assert_eq(base64url_decode(&byte, 1, text, 2), want, "%.2s", text);
		if (want == 0)
			cr_assert_eq(byte, i >> 4);
	}
}

Test(encoding, unused_bits_of_two_bytes_must_be_zero)
{
	uint8_t bytes[2];

	cr_assert_eq(base64url_decode(bytes, 2, "Zm8", 3), 0);
	cr_assert_eq(base64url_decode(bytes, 2, "Zm9", 3), FTX_E_USAGE);
	cr_assert_eq(base64url_decode(bytes, 2, "Zm-", 3), FTX_E_USAGE);
}
