#include "proto/message.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/*
 * A line has an end: a list shows this many items, a string this many bytes, and one in a list,
 * where there may be five to an item, fewer.
 */
#define ITEMS_SHOWN	     8u
#define STRING_SHOWN	     1024u
#define STRING_SHOWN_IN_LIST 64u

/* shown: of its bytes at most. */
static void
print_string(const struct span *s, size_t shown, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < s->length && i < shown; i++) {
		unsigned byte = s->data[i];

		if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\')
			fprintf(out, "\\x%02x", byte);
		else
			fputc((int)byte, out);
	}
	fputc('"', out);
	if (s->length > shown)
		fprintf(out, "...(%zu bytes)", s->length);
}

static void print_fields(const struct structure_info *s, const void *object, const char *before,
			 size_t shown, FILE *out);

static void
print_structure(const struct structure_info *s, const void *object, size_t shown, FILE *out)
{
	fputc('{', out);
	print_fields(s, object, "", shown, out);
	fputc('}', out);
}

static void
print_list(const struct field_info *f, const void *place, FILE *out)
{
	const struct structure_info *s = structure_info(f->structure);
	struct list list;

	memcpy(&list, place, sizeof(list));
	fprintf(out, "%" PRIu32 "[", list.count);
	for (size_t i = 0; i < list.count && i < ITEMS_SHOWN; i++)
		print_structure(s, (const uint8_t *)list.items + i * s->c_size,
				STRING_SHOWN_IN_LIST, out);
	fputs(list.count > ITEMS_SHOWN ? "...]" : "]", out);
}

static void
print_field(const struct field_info *f, const void *object, size_t shown, FILE *out)
{
	const uint8_t *place = (const uint8_t *)object + f->offset;
	struct span span;

	switch (f->kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		fprintf(out, "%" PRIu64, field_value(f, object));
		return;
	case FIELD_S64:
		fprintf(out, "%" PRId64, (int64_t)field_value(f, object));
		return;
	case FIELD_FLAGS8:
	case FIELD_FLAGS16:
		fprintf(out, "0x%" PRIx64, field_value(f, object));
		return;
	case FIELD_BYTES:
		for (size_t i = 0; i < f->limit; i++)
			fprintf(out, "%02x", place[i]);
		return;
	case FIELD_STRING:
		memcpy(&span, place, sizeof(span));
		print_string(&span, shown, out);
		return;
	case FIELD_PAYLOAD:
		memcpy(&span, place, sizeof(span));
		fprintf(out, "(%zu bytes)", span.length);
		return;
	case FIELD_NESTED:
		print_structure(structure_info(f->structure), place, shown, out);
		return;
	case FIELD_LIST:
		print_list(f, place, out);
		return;
	}
}

static void
print_fields(const struct structure_info *s, const void *object, const char *before, size_t shown,
	     FILE *out)
{
	for (size_t i = 0; i < s->field_count; i++) {
		fprintf(out, "%s%s=", before, s->fields[i].name);
		print_field(&s->fields[i], object, shown, out);
		before = " ";
	}
}

void
message_print(const struct message *m, FILE *out)
{
	const struct message_info *info = message_info((unsigned)m->type);

	assert(info != NULL);
	fputs(info->name, out);
	print_fields(&info->body, message_body(m), " ", STRING_SHOWN, out);
}
