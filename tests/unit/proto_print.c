#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "tests/unit/proto_wire.h"

/* Freed by the caller. */
static char *
printed(const struct message *m)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	message_print(m, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

static void
expect_printed(const struct message *m, const char *expected)
{
	char *text = printed(m);

	cr_expect_str_eq(text, expected);
	free(text);
}

Test(print, shows_names_numbers_strings_and_lists)
{
	static const struct block_range blocks[] = {{0, 3}, {7, 1}};
	struct message m = {.type = MESSAGE_ERROR,
			    .error = {.code = 17,
				      .retryable = 1,
				      .text = span_of("two \"parts\"\n"),
				      .blocks = {blocks, 2}}};

	expect_printed(&m, "ERROR code=17 retryable=1 text=\"two \\x22parts\\x22\\x0a\" "
			   "blocks=2[{first=0 count=3}{first=7 count=1}]");
	m = (struct message){.type = MESSAGE_OK};
	expect_printed(&m, "OK");
}

Test(print, shows_only_the_first_items_of_a_long_list)
{
	static const struct block_range blocks[LIMIT_HAVE_RANGES];
	struct message m = {.type = MESSAGE_HAVE, .have = {.blocks = {blocks, LIMIT_HAVE_RANGES}}};
	char *text = printed(&m);

	cr_expect_eq(strncmp(text, "HAVE blocks=4096[{first=0 count=0}{", 35), 0, "%s", text);
	cr_expect_lt(strlen(text), 300);
	free(text);
}

Test(print, every_byte_of_a_string_comes_out_as_printable_ascii)
{
	uint8_t bytes[256];
	struct message m = {.type = MESSAGE_STAT, .stat = {.path = {bytes, sizeof(bytes)}}};
	size_t escaped = 0;
	char *text;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	text = printed(&m);
	for (const char *p = text; *p != '\0'; p++) {
		cr_expect(*p >= 0x20 && *p <= 0x7e, "byte %02x", (unsigned char)*p);
		escaped += *p == '\\';
	}
	/* All but the 95 printable ones, and of those the quote and the backslash. */
	cr_expect_eq(escaped, 256 - 95 + 2);
	free(text);
}

Test(print, no_message_brings_out_a_control_character)
{
	static struct message_arena arena;
	uint64_t seed = 20240229, state = seed;

	for (int round = 0; round < 50; round++) {
		for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
			const struct message_info *info = message_info(type);
			struct wire_plan plan = {.target = WIRE_NO_TARGET, .random = &state};
			struct message m;
			struct wire w;
			char *text;

			if (info == NULL)
				continue;
			w = wire_make(info, &plan);
			cr_assert_eq(message_decode(&m, &arena, w.bytes, w.length), 0);
			text = printed(&m);
			cr_expect_eq(strncmp(text, info->name, strlen(info->name)), 0);
			for (const char *p = text; *p != '\0'; p++)
				cr_assert(*p >= 0x20 && *p <= 0x7e, "%s, seed %ju", info->name,
					  (uintmax_t)seed);
			free(text);
			wire_release(&w);
		}
	}
}
