/*
 * NDJSON events of ls, stat, df, ping and verify.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/ftx/json_event.h"
#include "src/base/encoding.h"
#include "src/client/hint.h"
#include "src/data/codec.h"

static json_t *
rights_value(uint8_t rights)
{
	json_t *list = json_array();

	for (unsigned i = 0; right_name(i) != NULL; i++)
		if ((rights & 1u << i) != 0)
			(void)json_array_append_new(list, json_string(right_name(i)));
	return list;
}

void
json_share(struct report *r, const char *name, uint8_t rights)
{
	json_t *object = json_event("entry");

	json_set_name(object, "path", name);
	json_set_name(object, "name", name);
	json_set_text(object, "type", "share");
	json_set(object, "rights", rights_value(rights));
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

static json_t *
milliseconds(uint64_t ns)
{
	return json_real((double)(ns / 1000) / 1000);
}

static json_t *
shares_value(const struct server_info *info)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < info->share_count; i++) {
		json_t *share = json_object();

		json_set_name(share, "name", info->shares[i].name);
		json_set(share, "rights", rights_value(info->shares[i].rights));
		(void)json_array_append_new(list, share);
	}
	return list;
}

static json_t *
codecs_value(uint32_t codecs)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CODEC_COUNT; i++)
		if ((codecs & 1u << i) != 0)
			(void)json_array_append_new(list, json_string(codec_name((enum codec)i)));
	return list;
}

void
json_server(struct report *r, const struct shown_server *s)
{
	json_t *object = json_event("server");
	char server[ADDRESS_SERVER_BYTES], session[33];

	address_format_server(server, s->address->host, s->address->port);
	hex_encode(session, s->session_id, 16);
	json_set_text(object, "server", server);
	json_set_text(object, "protocol", "FTX/1");
	json_set_text(object, "session", session);
	json_set_text(object, "aead", s->aead);
	json_set_name(object, "client", s->info->client);
	json_set(object, "clock_ahead_s", json_real((double)s->info->clock_ahead_ms / 1000));
	json_set(object, "codecs", codecs_value(s->info->codecs));
	json_set(object, "shares", shares_value(s->info));
	json_set(object, "connect_ms", milliseconds(s->connect_ns));
	json_set_count(object, "round_trips", s->count);
	json_set(object, "least_ms", milliseconds(s->least_ns));
	json_set(object, "mean_ms", milliseconds(s->mean_ns));
	json_set(object, "most_ms", milliseconds(s->most_ns));
	json_emit(r, object);
}
