#include "tests/harness/unit.h"
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

/* Every list with all its items, every string as long as can be, every byte to be escaped. */
Test(print, the_longest_line_has_an_end)
{
	static struct message_arena arena;

	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
		const struct message_info *info = message_info(type);
		struct wire_plan plan = {
		    .list_items = 9, .string_bytes = 65535, .most = true, .target = WIRE_NO_TARGET};
		struct message m;
		struct wire w;
		char *text;

		if (info == NULL)
			continue;
		w = wire_make(info, &plan);
		cr_assert_eq(message_decode(&m, &arena, w.bytes, w.length), 0, "%s", info->name);
		text = printed(&m);
		cr_expect_lt(strlen(text), MESSAGE_PRINT_BYTES, "%s", info->name);
		free(text);
		wire_release(&w);
	}
}

Test(print, a_string_that_is_cut_tells_its_length)
{
	static const uint8_t xattrs[LIMIT_XATTRS_BYTES];
	struct node node = {.path = span_of("a"), .metadata = {.xattrs = {xattrs, 65}}};
	struct message m = {.type = MESSAGE_ENTRY};
	char *text;

	m.entry.attributes.metadata.xattrs = (struct span){xattrs, sizeof(xattrs)};
	text = printed(&m);
	cr_expect_not_null(strstr(text, "\\x00\"...(65535 bytes)}"), "%s", text);
	free(text);

	m = (struct message){.type = MESSAGE_MKDIR, .mkdir = {.nodes = {&node, 1}}};
	text = printed(&m);
	cr_expect_not_null(strstr(text, "\\x00\"...(65 bytes)} target"), "%s", text);
	free(text);
	node.metadata.xattrs.length = 64;
	text = printed(&m);
	cr_expect_not_null(strstr(text, "\\x00\"} target"), "%s", text);
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
