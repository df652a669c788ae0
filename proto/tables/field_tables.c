/*
 * Prints the tables of PROTOCOL.md that come from messages.def, errors.def and limits.h, each
 * between the two marker lines that scripts/check-tables looks for.
 */
#include <inttypes.h>
#include <stdio.h>

#include "proto/errors.h"
#include "proto/limits.h"
#include "proto/message.h"

static void
begin_region(const char *name)
{
	printf("<!-- tables: %s begin -->\n", name);
}

static void
end_region(const char *name)
{
	printf("<!-- tables: %s end -->\n", name);
}

/* A power of two, or one less, from 2^20 on is easier to read as such. */
static void
print_number(uint64_t n)
{
	for (int bit = 20; bit < 64; bit++) {
		if (n == UINT64_C(1) << bit) {
			printf("2^%d", bit);
			return;
		}
		if (n == (UINT64_C(1) << bit) - 1) {
			printf("2^%d-1", bit);
			return;
		}
	}
	printf(n == UINT64_MAX ? "2^64-1" : "%" PRIu64, n);
}

static void
print_kind(const struct field_info *f)
{
	switch (f->kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		printf("u%zu", 8 * field_width(f->kind));
		return;
	case FIELD_S64:
		printf("s64");
		return;
	case FIELD_FLAGS8:
	case FIELD_FLAGS16:
		printf("flags%zu", 8 * field_width(f->kind));
		return;
	case FIELD_BYTES:
		printf("%" PRIu64 " bytes", f->limit);
		return;
	case FIELD_STRING:
		printf("string");
		return;
	case FIELD_PAYLOAD:
		printf("payload");
		return;
	case FIELD_NESTED:
		printf("%s", structure_info(f->structure)->name);
		return;
	case FIELD_LIST:
		printf("list of %s", structure_info(f->structure)->name);
		return;
	}
}

static void
print_limit(const struct field_info *f)
{
	switch (f->kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		print_number(f->limit);
		return;
	case FIELD_FLAGS8:
	case FIELD_FLAGS16:
		printf("mask 0x%" PRIx64, f->limit);
		return;
	case FIELD_STRING:
	case FIELD_PAYLOAD:
		print_number(f->limit);
		printf(" bytes");
		return;
	case FIELD_LIST:
		print_number(f->limit);
		printf(" items");
		return;
	case FIELD_S64:
	case FIELD_BYTES:
	case FIELD_NESTED:
		return;
	}
}

/* Does the field always take the same number of bytes? */
static bool
has_fixed_size(const struct field_info *f)
{
	const struct structure_info *s;

	if (f->kind != FIELD_NESTED)
		return f->kind == FIELD_BYTES || field_width(f->kind) > 0;
	s = structure_info(f->structure);
	for (size_t i = 0; i < s->field_count; i++)
		if (!has_fixed_size(&s->fields[i]))
			return false;
	return true;
}

/* at: where the first field stands. */
static void
print_fields(const struct structure_info *s, size_t at)
{
	bool known = true;

	if (s->field_count == 0)
		return;
	printf("\n| at | field | kind | at most | meaning |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < s->field_count; i++) {
		const struct field_info *f = &s->fields[i];
		struct structure_info alone = {.fields = f, .field_count = 1};

		if (known)
			printf("| %zu | %s | ", at, f->name);
		else
			printf("| | %s | ", f->name);
		print_kind(f);
		printf(" | ");
		print_limit(f);
		printf(" | %s |\n", f->doc);
		at += structure_min_bytes(&alone);
		known = known && has_fixed_size(f);
	}
}

static void
print_structures(void)
{
	for (int id = STRUCTURE_NONE + 1; id < STRUCTURE_END; id++) {
		const struct structure_info *s = structure_info((enum structure_id)id);

		begin_region(s->name);
		printf("**%s**: %s.\n", s->name, s->doc);
		print_fields(s, 0);
		end_region(s->name);
	}
}

static const char *
sender_text(enum message_sender sender)
{
	switch (sender) {
	case SENDER_CLIENT:
		return "client";
	case SENDER_SERVER:
		return "server";
	case SENDER_EITHER:
		return "either";
	}
	return "";
}

static const char *
kind_text(enum message_kind kind)
{
	switch (kind) {
	case KIND_REQUEST:
		return "request";
	case KIND_UNANSWERED:
		return "unanswered";
	case KIND_PART:
		return "part";
	case KIND_ANSWER:
		return "answer";
	case KIND_CLOSING:
		return "closing";
	}
	return "";
}

static void
print_states(unsigned states)
{
	static const struct {
		enum connection_state state;
		const char *text;
	} table[] = {{STATE_NEW, "new"}, {STATE_HELLO_SENT, "hello sent"}, {STATE_OPEN, "open"}};
	const char *before = "";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if ((states & (unsigned)table[i].state) == 0)
			continue;
		printf("%s%s", before, table[i].text);
		before = ", ";
	}
}

static void
print_overview(void)
{
	const struct message_info *m;

	begin_region("messages");
	printf("| type | name | sent by | kind | taken in | |\n|---|---|---|---|---|---|\n");
	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
		if ((m = message_info(type)) == NULL)
			continue;
		printf("| %u | %s | %s | %s | ", type, m->name, sender_text(m->sender),
		       kind_text(m->kind));
		print_states(m->states);
		printf(" | %s |\n", m->doc);
	}
	end_region("messages");
}

static void
print_messages(void)
{
	const struct message_info *m;

	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
		if ((m = message_info(type)) == NULL)
			continue;
		begin_region(m->name);
		printf("**%s** (type %u): %s.\n", m->name, type, m->doc);
		/* The type is byte 0. */
		print_fields(&m->body, 1);
		end_region(m->name);
	}
}

static void
print_errors(void)
{
	begin_region("errors");
	printf("| number | name | exit code | retryable | text |\n|---|---|---|---|---|\n");
#define ERROR(NAME, name, number, exit_code, retryable, text)                                      \
	printf("| %d | %s | %d | %s | %s |\n", number, #name, (int)FTX_EXIT_##exit_code,           \
	       (retryable) ? "yes" : "no", text);
#include "proto/errors.def"
	end_region("errors");
}

static void
print_exits(void)
{
	begin_region("exit codes");
	printf("| code | name | again? | meaning |\n|---|---|---|---|\n");
#define EXIT(NAME, name, number, retry, meaning)                                                   \
	printf("| %d | %s | %s | %s |\n", number, #name, retry, meaning);
#include "proto/errors.def"
	end_region("exit codes");
}

static void
print_limits(void)
{
#define ROW(limit)                                                                                 \
	{                                                                                          \
#limit, limit                                                                      \
	}
	static const struct {
		const char *name;
		uint64_t value;
	} table[] = {
	    ROW(LIMIT_CHUNK_BYTES),
	    ROW(LIMIT_BLOCK_BYTES),
	    ROW(LIMIT_FILE_BYTES),
	    ROW(LIMIT_DIGEST_BYTES),
	    ROW(LIMIT_RECORD_PLAIN),
	    ROW(LIMIT_RECORD_TAG),
	    ROW(LIMIT_NAME_BYTES),
	    ROW(LIMIT_PATH_BYTES),
	    ROW(LIMIT_PATH_DEPTH),
	    ROW(LIMIT_SHARE_BYTES),
	    ROW(LIMIT_AGENT_BYTES),
	    ROW(LIMIT_TEXT_BYTES),
	    ROW(LIMIT_HANDLES),
	    ROW(LIMIT_STREAMS),
	    ROW(LIMIT_UNANSWERED),
	    ROW(LIMIT_UNANSWERED_LEAST),
	    ROW(LIMIT_UNANSWERED_COMMITS),
	    ROW(LIMIT_SHARES),
	    ROW(LIMIT_PATIENCE_S),
	    ROW(LIMIT_HAVE_RANGES),
	    ROW(LIMIT_GAP_RANGES),
	};
#undef ROW

	begin_region("limits");
	printf("| limit | value |\n|---|---|\n");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		printf("| %s | ", table[i].name);
		print_number(table[i].value);
		printf(" |\n");
	}
	end_region("limits");
}

int
main(void)
{
	print_limits();
	print_overview();
	print_structures();
	print_messages();
	print_errors();
	print_exits();
	return fflush(stdout) == 0 ? 0 : 1;
}
