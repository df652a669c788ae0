/* tests/vectors/messages.txt: bytes that every version of FTX/1 has to send and to understand. */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

#define VECTORS "tests/vectors/messages.txt"

static int
digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Hexadecimal digits in pairs, spaces between them as wanted.  Bytes written, or -1. */
static ssize_t
from_hex(const char *text, uint8_t *out, size_t capacity)
{
	size_t length = 0;

	while (*text != '\0' && *text != '\n') {
		if (*text == ' ') {
			text++;
			continue;
		}
		if (length == capacity || digit(text[0]) < 0 || digit(text[1]) < 0)
			return -1;
		out[length++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return (ssize_t)length;
}

static void
check_vector(const char *text, const uint8_t *bytes, size_t length)
{
	static struct message_arena arena;
	struct message m;
	uint8_t again[4096];
	size_t again_length = 0, printed_length;
	char *printed = NULL;
	FILE *out;

	cr_expect_eq(message_decode(&m, &arena, bytes, length), 0, "%s", text);
	if (message_decode(&m, &arena, bytes, length) != 0)
		return;
	out = open_memstream(&printed, &printed_length);
	cr_assert_not_null(out);
	message_print(&m, out);
	cr_assert_eq(fclose(out), 0);
	cr_expect_str_eq(printed, text);
	free(printed);
	cr_expect_eq(message_encode(&m, again, sizeof(again), &again_length), 0, "%s", text);
	cr_expect(again_length == length && memcmp(again, bytes, length) == 0, "%s", text);
}

/* Calls check for every line; marks the types seen. */
static void
for_each_vector(void (*check)(const char *, const uint8_t *, size_t), unsigned seen[256])
{
	FILE *in = fopen(VECTORS, "r");
	char *line = NULL;
	size_t size = 0;

	cr_assert_not_null(in, VECTORS " is not there: run from the top directory");
	while (getline(&line, &size, in) > 0) {
		uint8_t bytes[4096];
		char *tab = strchr(line, '\t');
		ssize_t length;

		if (line[0] == '#')
			continue;
		cr_assert_not_null(tab, "%s", line);
		*tab = '\0';
		length = from_hex(tab + 1, bytes, sizeof(bytes));
		cr_assert_gt(length, 0, "%s", line);
		seen[bytes[0]]++;
		check(line, bytes, (size_t)length);
	}
	free(line);
	fclose(in);
}

Test(vectors, are_decoded_printed_and_encoded_byte_for_byte)
{
	unsigned seen[256] = {0};

	for_each_vector(check_vector, seen);
}

static void
ignore_vector(const char *text, const uint8_t *bytes, size_t length)
{
	(void)text;
	(void)bytes;
	(void)length;
}

Test(vectors, there_are_some_for_every_message)
{
	unsigned seen[256] = {0};

	for_each_vector(ignore_vector, seen);
	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
		const struct message_info *info = message_info(type);

		if (info != NULL)
			/* A message without fields has one form only. */
			cr_expect_geq(seen[type], info->body.field_count > 0 ? 2 : 1, "%s",
				      info->name);
	}
}
