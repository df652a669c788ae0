/*
 * NDJSON events of ls, stat, df and verify.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/ftx/json_event.h"

void
json_share(struct report *r, const char *name, uint8_t rights)
{
	json_t *object = json_event("entry");
	json_t *list = json_array();

	for (unsigned i = 0; report_right(i) != NULL; i++)
		if ((rights & 1u << i) != 0)
			(void)json_array_append_new(list, json_string(report_right(i)));
	json_set_name(object, "path", name);
	json_set_name(object, "name", name);
	json_set_text(object, "type", "share");
	json_set(object, "rights", list);
	json_emit(r, object);
}

void
json_directory(struct report *r, const char *path)
{
	(void)r; /* each entry has its whole path */
	(void)path;
}

/* A span as a name; empty: null. */
static void
set_span(json_t *object, const char *key, const struct span *s)
{
	char *text = s->length > 0 ? strndup((const char *)s->data, s->length) : NULL;

	json_set_name(object, key, text);
	free(text);
}

static void
set_owner(json_t *object, const struct metadata *m)
{
	bool known = (m->flags & METADATA_OWNER) != 0;

	json_set(object, "uid", known ? json_integer(m->uid) : json_null());
	json_set(object, "gid", known ? json_integer(m->gid) : json_null());
	set_span(object, "owner", &m->user);
	set_span(object, "group", &m->group);
}

/* "2026-11-22T07:00:00.123456789Z"; null for a year beyond 9999. */
static json_t *
time_value(int64_t seconds, uint32_t ns)
{
	time_t t = (time_t)seconds;
	char day[32], text[48];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year > 9999 - 1900 ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return json_null();
	snprintf(text, sizeof(text), "%s.%09" PRIu32 "Z", day, ns);
	return json_string(text);
}

void
json_entry(struct report *r, const struct shown_entry *e)
{
	const struct attributes *a = e->attributes;
	json_t *object = json_event("entry");
	char mode[8];

	json_set_name(object, "path", e->path);
	json_set_name(object, "name", e->name);
	json_set_text(object, "type", entry_type_name((enum entry_type)a->metadata.type));
	snprintf(mode, sizeof(mode), "%04o", (unsigned)a->metadata.mode & 07777u);
	json_set_text(object, "mode", mode);
	set_owner(object, &a->metadata);
	json_set_count(object, "size", a->identity.size);
	json_set(object, "mtime", time_value(a->metadata.mtime_s, a->metadata.mtime_ns));
	set_span(object, "target", &a->target);
	json_set_count(object, "allocated", a->allocated);
	json_set_count(object, "links", a->links);
	json_emit(r, object);
}

/* 2^64-1: the file system does not say. */
static json_t *
known(uint64_t n)
{
	return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

void
json_space(struct report *r, const char *path, const struct message_space *s)
{
	json_t *object = json_event("space");

	json_set_name(object, "path", path);
	json_set(object, "bytes", known(s->bytes));
	json_set(object, "bytes_free", known(s->bytes_free));
	json_set(object, "files", known(s->files));
	json_set(object, "files_free", known(s->files_free));
	json_emit(r, object);
}

/* Its text, with an underscore for the space: "only_here". */
void
json_difference(struct report *r, const struct shown_difference *d)
{
	json_t *object = json_event("difference");
	char word[32];

	snprintf(word, sizeof(word), "%s", difference_text(d->difference));
	for (char *c = word; *c != '\0'; c++)
		*c = *c == ' ' ? '_' : *c;
	json_set_name(object, "path", d->path);
	json_set_name(object, "dest", d->dest);
	json_set_text(object, "type", entry_type_name(d->type));
	json_set_text(object, "difference", word);
	json_emit(r, object);
}
