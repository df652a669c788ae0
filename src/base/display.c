#include "src/base/display.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* Table 3-7 of the Unicode standard, which is RFC 3629 section 4: well-formed sequences. */
static const struct {
	uint8_t first_min, first_max, second_min, second_max;
	uint8_t length;
} utf8_forms[] = {
    {0x00, 0x7f, 0, 0, 1},	 {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Bytes of the character that text begins with; 0 where that is not valid UTF-8. */
static size_t
utf8_length(const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
		size_t n = utf8_forms[i].length;

		if (text[0] < utf8_forms[i].first_min || text[0] > utf8_forms[i].first_max)
			continue;
		if (n > length)
			return 0;
		if (n > 1 &&
		    (text[1] < utf8_forms[i].second_min || text[1] > utf8_forms[i].second_max))
			return 0;
		for (size_t j = 2; j < n; j++)
			if ((text[j] & 0xc0) != 0x80)
				return 0;
		return n;
	}
	return 0;
}

bool
utf8_valid(const void *text, size_t length)
{
	const uint8_t *p = text;

	while (length > 0) {
		size_t n = utf8_length(p, length);

		if (n == 0)
			return false;
		p += n;
		length -= n;
	}
	return true;
}

/* Would this valid character act on the terminal or on the text around it? */
static bool
acts(const uint8_t *c, size_t length)
{
	if (length == 1)
		return c[0] < 0x20 || c[0] == 0x7f || c[0] == '\\';
	if (length == 2)
		return (c[0] == 0xc2 && c[1] < 0xa0) || /* C1: U+0080..U+009F */
		       (c[0] == 0xd8 && c[1] == 0x9c);	/* U+061C */
	if (length == 3 && c[0] == 0xe2 && c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || /* U+200E, U+200F */
		       (c[2] >= 0xa8 && c[2] <= 0xae); /* U+2028..U+202E */
	if (length == 3 && c[0] == 0xe2 && c[1] == 0x81)
		return c[2] >= 0xa6 && c[2] <= 0xa9; /* U+2066..U+2069 */
	return false;
}

/* Writes the escape of one byte.  Returns its length, at most 4. */
static size_t
escape_byte(char out[static 4], uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";
	char letter = byte == '\n' ? 'n' : byte == '\t' ? 't' : byte == '\\' ? '\\' : 'x';

	out[0] = '\\';
	out[1] = letter;
	if (letter != 'x')
		return 2;
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
	return 4;
}

/* BARE: display_escape(), QUOTED: display_quote(), ESCAPED: display_again(). */
enum form { BARE, QUOTED, ESCAPED };

/* How the start of text is shown: *shown bytes in out for *taken of text. */
static void
show_next(char out[static 16], size_t *shown, size_t *taken, const uint8_t *text, size_t length,
	  enum form form)
{
	size_t n = utf8_length(text, length);

	*shown = 0;
	*taken = n == 0 ? 1 : n;
	if (form == QUOTED && text[0] == '"') {
		memcpy(out, "\\\"", 2);
		*shown = 2;
		return;
	}
	if (n > 0 && (!acts(text, n) || (form == ESCAPED && text[0] == '\\'))) {
		memcpy(out, text, n);
		*shown = n;
		return;
	}
	for (size_t i = 0; i < *taken; i++)
		*shown += escape_byte(out + *shown, text[i]);
}

static void
escape(char *out, size_t capacity, const void *name, size_t length, enum form form)
{
	const uint8_t *text = name;
	size_t used = 0;
	size_t cut = 0; /* where "..." goes if the rest does not fit: behind a whole character */

	assert(capacity > 0);
	while (length > 0) {
		char piece[16];
		size_t shown, taken;

		show_next(piece, &shown, &taken, text, length, form);
		if (shown >= capacity - used) {
			size_t dots = capacity - 1 - cut < 3 ? capacity - 1 - cut : 3;

			memset(out + cut, '.', dots);
			used = cut + dots;
			break;
		}
		memcpy(out + used, piece, shown);
		used += shown;
		if (used + 3 < capacity)
			cut = used;
		text += taken;
		length -= taken;
	}
	out[used] = '\0';
}

char *
display_escape(char *out, size_t capacity, const void *name, size_t length)
{
	escape(out, capacity, name, length, BARE);
	return out;
}

char *
display_again(char *out, size_t capacity, const void *text, size_t length)
{
	escape(out, capacity, text, length, ESCAPED);
	return out;
}

char *
display_quote(char *out, size_t capacity, const void *name, size_t length)
{
	assert(capacity >= 3);
	out[0] = '"';
	escape(out + 1, capacity - 2, name, length, QUOTED);
	strcat(out, "\"");
	return out;
}
