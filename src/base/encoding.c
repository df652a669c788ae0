#include "src/base/encoding.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
hex_encode(char *out, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		*out++ = hex_digits[bytes[i] >> 4];
		*out++ = hex_digits[bytes[i] & 15];
	}
	*out = '\0';
}

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_decode(uint8_t *out, size_t length, const char *text)
{
	for (size_t i = 0; i < length; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return FTX_E_USAGE;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * length] == '\0' ? 0 : FTX_E_USAGE;
}

/* Writes the digits of length bytes, the last one's missing bits zero.  Returns the end. */
static char *
base64_digits_of(char *out, const uint8_t *bytes, size_t length, const char *digits)
{
	uint32_t bits = 0; /* not yet written: the lowest pending ones */
	unsigned pending = 0;

	for (size_t i = 0; i < length; i++) {
		bits = bits << 8 | bytes[i];
		for (pending += 8; pending >= 6; pending -= 6)
			*out++ = digits[bits >> (pending - 6) & 63];
	}
	if (pending > 0)
		*out++ = digits[bits << (6 - pending) & 63];
	return out;
}

void
base64url_encode(char *out, const uint8_t *bytes, size_t length)
{
	*base64_digits_of(out, bytes, length, base64url_digits) = '\0';
}

int
base64url_decode(uint8_t *out, size_t length, const char *text, size_t chars)
{
	uint32_t bits = 0;
	unsigned pending = 0;

	if (chars != BASE64URL_CHARS(length))
		return FTX_E_USAGE;
	for (size_t i = 0; i < chars; i++) {
		const char *digit = memchr(base64url_digits, text[i], 64);

		if (digit == NULL)
			return FTX_E_USAGE;
		bits = bits << 6 | (uint32_t)(digit - base64url_digits);
		pending += 6;
		if (pending >= 8) {
			pending -= 8;
			*out++ = (uint8_t)(bits >> pending);
		}
	}
	return (bits & ((1u << pending) - 1)) == 0 ? 0 : FTX_E_USAGE;
}

char *
base64_encode(const uint8_t *bytes, size_t length)
{
	char *text, *end;

	if (length > SIZE_MAX / 4 * 3 - 3)
		return NULL;
	text = malloc((length + 2) / 3 * 4 + 1);
	if (text == NULL)
		return NULL;
	end = base64_digits_of(text, bytes, length, base64_digits);
	while ((end - text) % 4 != 0)
		*end++ = '=';
	*end = '\0';
	return text;
}
