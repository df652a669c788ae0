/* The rows of messages.def themselves. */
#include "tests/harness/unit.h"
#include <ctype.h>
#include <string.h>

#include "proto/message.h"

#define for_each_message(info)                                                                     \
	for (unsigned type_ = 0; type_ <= MESSAGE_TYPE_MAX; type_++)                               \
		if (((info) = message_info(type_)) != NULL)

/* Arena bytes of a structure's lists at their maximum, strings being borrowed. */
static uint64_t
arena_bytes(const struct structure_info *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->field_count; i++) {
		const struct field_info *f = &s->fields[i];

		if (f->kind == FIELD_NESTED)
			bytes += arena_bytes(structure_info(f->structure));
		if (f->kind == FIELD_LIST) {
			const struct structure_info *item = structure_info(f->structure);
			uint64_t most = LIMIT_RECORD_PLAIN / structure_min_bytes(item);

			/* No record holds more items than that. */
			most = f->limit < most ? f->limit : most;
			bytes += (most * item->c_size + 7) / 8 * 8 + most * arena_bytes(item);
		}
	}
	return bytes;
}

Test(table, arena_holds_the_lists_of_every_message)
{
	const struct message_info *info;

	for_each_message(info)
	    cr_expect_leq(arena_bytes(&info->body), sizeof(struct message_arena), "%s", info->name);
}

static void
check_names(const struct structure_info *s)
{
	for (size_t i = 0; i < s->field_count; i++) {
		cr_expect(strlen(s->fields[i].name) > 0 && strlen(s->fields[i].doc) > 0, "%s",
			  s->name);
		/* The bar would end a cell of PROTOCOL.md's tables. */
		cr_expect_null(strchr(s->fields[i].doc, '|'), "%s.%s", s->name, s->fields[i].name);
		for (size_t k = 0; k < i; k++)
			cr_expect_str_neq(s->fields[i].name, s->fields[k].name, "%s", s->name);
	}
}

static void
check_limits(const struct structure_info *s, bool is_message)
{
	for (size_t i = 0; i < s->field_count; i++) {
		const struct field_info *f = &s->fields[i];
		size_t width = field_width(f->kind);

		if (width > 0 && width < 8)
			cr_expect_eq(f->limit >> (8 * width), 0, "%s.%s", s->name, f->name);
		if (f->kind == FIELD_STRING)
			cr_expect_leq(f->limit, UINT16_MAX, "%s.%s", s->name, f->name);
		if (f->kind == FIELD_LIST || f->kind == FIELD_PAYLOAD)
			cr_expect_leq(f->limit, LIMIT_RECORD_PLAIN, "%s.%s", s->name, f->name);
		if (f->kind == FIELD_PAYLOAD)
			cr_expect(is_message && i + 1 == s->field_count, "%s.%s is not the last",
				  s->name, f->name);
		if (f->kind == FIELD_LIST || f->kind == FIELD_NESTED)
			cr_expect_gt(structure_min_bytes(structure_info(f->structure)), 0);
	}
}

Test(table, names_and_limits_make_sense)
{
	const struct message_info *info;

	for (int id = STRUCTURE_NONE + 1; id < STRUCTURE_END; id++) {
		check_names(structure_info((enum structure_id)id));
		check_limits(structure_info((enum structure_id)id), false);
	}
	for_each_message(info)
	{
		check_names(&info->body);
		check_limits(&info->body, true);
		/* HELLO and hello are the same word. */
		cr_expect_eq(strcasecmp(info->name, info->body.name), 0, "%s", info->name);
		for (const char *p = info->name; *p != '\0'; p++)
			cr_expect(isupper((unsigned char)*p) || *p == '_', "%s", info->name);
	}
}

Test(table, shortest_message_of_every_type_fits_into_a_record)
{
	const struct message_info *info;

	for_each_message(info) cr_expect_leq(1 + structure_min_bytes(&info->body),
					     LIMIT_RECORD_PLAIN, "%s", info->name);
}

Test(table, senders_kinds_and_states_agree)
{
	const struct message_info *info;
	size_t requests = 0;

	for_each_message(info)
	{
		bool client = info->sender == SENDER_CLIENT;

		switch (info->kind) {
		case KIND_REQUEST:
			requests++;
			cr_expect(client, "%s", info->name);
			break;
		case KIND_UNANSWERED:
			cr_expect(client, "%s", info->name);
			break;
		case KIND_PART:
		case KIND_ANSWER:
			cr_expect_eq(info->sender, SENDER_SERVER, "%s", info->name);
			/* Before HELLO there is nothing to answer. */
			cr_expect_eq(info->states & STATE_NEW, 0, "%s", info->name);
			break;
		case KIND_CLOSING:
			break;
		}
		cr_expect_neq(info->states, 0, "%s", info->name);
		/* HELLO is first and once; nothing else of the client is taken before WELCOME. */
		if (info->type == MESSAGE_HELLO)
			cr_expect_eq(info->states, STATE_NEW);
		else if (client)
			cr_expect_eq(info->states, STATE_OPEN, "%s", info->name);
	}
	cr_expect_gt(requests, 0);
}

Test(table, there_is_no_row_beyond_the_types_of_a_byte)
{
	cr_expect_null(message_info(MESSAGE_TYPE_MAX + 1));
	/* Structures have their keys above the types. */
	cr_expect_null(message_info(MESSAGE_TYPE_MAX + 2));
	cr_expect_null(message_info(UINT32_MAX));
}
