#include "src/base/columns.h"

#include <assert.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#define DOTS		   "..."
#define UNKNOWN_COLUMNS	   2u
#define VARIATION_SELECTOR 0xfe0f /* makes a wide picture of the narrow character before it */

static locale_t utf8;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void
find_utf8(void)
{
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* Bytes of the escape that text begins with. */
static size_t
escape_length(const char *text)
{
	return strnlen(text, text[1] == 'x' ? 4 : 2);
}

/* Bytes of the character that text begins with, of more than one byte if it is not ASCII. */
static size_t
character_length(const char *text)
{
	size_t n = 1;

	while (((uint8_t)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* In the locale utf8, where there is one. */
static size_t
character_columns(const char *text, size_t length)
{
	mbstate_t state = {0};
	wchar_t c;
	int n;

	if (utf8 == (locale_t)0 || mbrtowc(&c, text, length, &state) != length)
		return UNKNOWN_COLUMNS;
	if (c == VARIATION_SELECTOR)
		return 1;
	n = wcwidth(c);
	return n >= 0 ? (size_t)n : UNKNOWN_COLUMNS;
}

/* What cannot be cut: bytes of it, and *columns. */
static size_t
piece(const char *text, size_t *columns)
{
	size_t length;

	if (text[0] == '\\') {
		*columns = length = escape_length(text);
	} else if ((uint8_t)text[0] < 0x80) {
		*columns = length = 1;
	} else {
		length = character_length(text);
		*columns = character_columns(text, length);
	}
	return length;
}

static locale_t
enter_utf8(void)
{
	(void)pthread_once(&utf8_once, find_utf8);
	return utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
}

static void
leave_utf8(locale_t before)
{
	if (before != (locale_t)0)
		(void)uselocale(before);
}

static size_t
measure(const char *text)
{
	size_t sum = 0, columns;

	for (; text[0] != '\0'; sum += columns)
		text += piece(text, &columns);
	return sum;
}

size_t
columns_of(const char *text)
{
	locale_t before = enter_utf8();
	size_t columns = measure(text);

	leave_utf8(before);
	return columns;
}

char *
columns_end(char *out, size_t capacity, const char *text, size_t columns)
{
	locale_t before = enter_utf8();
	size_t wide = measure(text), length = strlen(text), dots = 0;

	assert(capacity > 0);
	if (wide > columns || length >= capacity) {
		dots = columns < strlen(DOTS) ? columns : strlen(DOTS);
		if (dots >= capacity)
			dots = capacity - 1;
		while (length > 0 && (wide > columns - dots || length >= capacity - dots)) {
			size_t piece_columns;
			size_t n = piece(text, &piece_columns);

			text += n;
			length -= n;
			wide -= piece_columns;
		}
	}
	memcpy(out, DOTS, dots);
	memcpy(out + dots, text, length + 1);
	leave_utf8(before);
	return out;
}
