/*
 * Text of ls, stat, df and ping on standard output.  On a terminal names are escaped; elsewhere ls
 * writes their bytes as they are, so that other programs can use them.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/ftx/report.h"
#include "src/base/display.h"
#include "src/base/units.h"
#include "src/client/hint.h"
#include "src/data/codec.h"

/* Room for the name of a user or group whose every byte is escaped. */
#define OWNER_TEXT_BYTES (4 * LIMIT_OWNER_BYTES + 4)

/* At most one of those names, and some words. */
static void print(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void
print(struct report *r, const char *format, ...)
{
	char text[OWNER_TEXT_BYTES + 256];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n > 0)
		report_output(r, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void
print_escaped(struct report *r, const void *name, size_t length)
{
	char shown[DISPLAY_PATH_BYTES];

	display_escape(shown, sizeof(shown), name, length);
	report_output(r, shown, strlen(shown));
}

static void
print_name(struct report *r, const void *name, size_t length)
{
	if (r->output_terminal)
		print_escaped(r, name, length);
	else
		report_output(r, name, length);
}

/* "-rw-r--r--" */
static const char *
mode_text(const struct metadata *m)
{
	static char text[11];
	static const char types[] = "?-dlpscb";
	static const struct {
		unsigned bit;
		unsigned at;
		char with, without;
	} specials[] = {{04000, 3, 's', 'S'}, {02000, 6, 's', 'S'}, {01000, 9, 't', 'T'}};

	text[0] = m->type < sizeof(types) - 1 ? types[m->type] : '?';
	for (unsigned i = 0; i < 9; i++)
		text[1 + i] = (m->mode & 0400u >> i) != 0 ? "rwx"[i % 3] : '-';
	for (unsigned i = 0; i < 3; i++)
		if ((m->mode & specials[i].bit) != 0)
			text[specials[i].at] =
			    text[specials[i].at] == 'x' ? specials[i].with : specials[i].without;
	text[10] = '\0';
	return text;
}

/* "2026-11-22 07:00:00" in the local time zone, and " +0100". */
static const char *
time_text(int64_t seconds, char zone[static 8])
{
	static char text[32];
	time_t t = (time_t)seconds;
	struct tm tm;

	zone[0] = '\0';
	if (localtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		(void)strftime(zone, 8, " %z", &tm);
	else
		snprintf(text, sizeof(text), "%" PRId64, seconds);
	return text;
}

/* A name, its number where none is known, "-" where neither is. */
static const char *
owner_text(char *out, size_t capacity, const struct metadata *m, const struct span *name,
	   uint32_t id)
{
	if ((m->flags & METADATA_OWNER) == 0)
		return "-";
	if (name->length == 0)
		snprintf(out, capacity, "%" PRIu32, id);
	else
		display_escape(out, capacity, name->data, name->length);
	return out;
}

static void
print_target(struct report *r, const struct attributes *a)
{
	if (a->metadata.type != ENTRY_SYMLINK)
		return;
	print(r, " -> ");
	print_name(r, a->target.data, a->target.length);
}

void
text_share(struct report *r, const char *name, uint8_t rights)
{
	const char *comma = "";

	print(r, "%-40s ", name);
	for (unsigned i = 0; right_name(i) != NULL; i++) {
		if ((rights & 1u << i) == 0)
			continue;
		print(r, "%s%s", comma, right_name(i));
		comma = ",";
	}
	print(r, "\n");
}

void
text_directory(struct report *r, const char *path)
{
	print(r, r->listed ? "\n" : "");
	print_name(r, path, strlen(path));
	print(r, ":\n");
	r->listed = true;
}

static void
text_listed(struct report *r, const struct shown_entry *e)
{
	const struct metadata *m = &e->attributes->metadata;
	char owner[OWNER_TEXT_BYTES], zone[8];

	if (r->options->long_format) {
		print(r, "%s %-8s ", mode_text(m),
		      owner_text(owner, sizeof(owner), m, &m->user, m->uid));
		print(r, "%-8s %12" PRIu64 " %s ",
		      owner_text(owner, sizeof(owner), m, &m->group, m->gid),
		      e->attributes->identity.size, time_text(m->mtime_s, zone));
	}
	print_name(r, e->name, strlen(e->name));
	if (r->options->long_format)
		print_target(r, e->attributes);
	print(r, "\n");
	r->listed = true;
}

static void
text_stat(struct report *r, const struct shown_entry *e)
{
	const struct attributes *a = e->attributes;
	const struct metadata *m = &a->metadata;
	char owner[OWNER_TEXT_BYTES], size[32], zone[8];

	print(r, r->listed ? "\n" : "");
	print(r, "path      ");
	print_escaped(r, e->path, strlen(e->path));
	if (m->type == ENTRY_SYMLINK) {
		print(r, " -> ");
		print_escaped(r, a->target.data, a->target.length);
	}
	print(r, "\ntype      %s\n", entry_type_name((enum entry_type)m->type));
	print(r, "size      %" PRIu64 " (%s), %" PRIu64 " on disk\n", a->identity.size,
	      size_format(size, sizeof(size), a->identity.size), a->allocated);
	print(r, "mode      %04o (%s)\n", (unsigned)m->mode, mode_text(m));
	if ((m->flags & METADATA_OWNER) != 0) {
		print(r, "owner     %" PRIu32 " (%s), ", m->uid,
		      owner_text(owner, sizeof(owner), m, &m->user, m->uid));
		print(r, "group %" PRIu32 " (%s)\n", m->gid,
		      owner_text(owner, sizeof(owner), m, &m->group, m->gid));
	}
	print(r, "modified  %s", time_text(m->mtime_s, zone));
	print(r, ".%09" PRIu32 "%s\n", m->mtime_ns, zone);
	print(r, "links     %" PRIu32 "\n", a->links);
	r->listed = true;
}

void
text_entry(struct report *r, const struct shown_entry *e)
{
	if (r->options->verb == VERB_STAT)
		text_stat(r, e);
	else
		text_listed(r, e);
}

void
text_space(struct report *r, const char *path, const struct message_space *s)
{
	char total[32] = "-", rest[32] = "-";

	if (!r->listed)
		print(r, "%12s %12s %12s %12s  %s\n", "size", "free", "files", "files free",
		      "path");
	r->listed = true;
	if (s->bytes != UINT64_MAX)
		size_format(total, sizeof(total), s->bytes);
	if (s->bytes_free != UINT64_MAX)
		size_format(rest, sizeof(rest), s->bytes_free);
	print(r, "%12s %12s", total, rest);
	snprintf(total, sizeof(total), s->files == UINT64_MAX ? "-" : "%" PRIu64, s->files);
	snprintf(rest, sizeof(rest), s->files_free == UINT64_MAX ? "-" : "%" PRIu64, s->files_free);
	print(r, " %12s %12s  ", total, rest);
	print_escaped(r, path, strlen(path));
	print(r, "\n");
}

static void
print_clock(struct report *r, int64_t ahead_ms)
{
	uint64_t off = ahead_ms < 0 ? 0 - (uint64_t)ahead_ms : (uint64_t)ahead_ms;

	print(r, "clock       %" PRIu64 ".%03" PRIu64 " s %s ours\n", off / 1000, off % 1000,
	      ahead_ms < 0 ? "behind" : "ahead of");
}

static void
print_shares(struct report *r, const struct server_info *info)
{
	print(r, "shares      %s", info->share_count == 0 ? "none for this key" : "");
	for (unsigned i = 0; i < info->share_count; i++) {
		print(r, "%s%s (", i > 0 ? ", " : "", info->shares[i].name);
		for (unsigned n = 0, some = 0; right_name(n) != NULL; n++)
			if ((info->shares[i].rights & 1u << n) != 0)
				print(r, "%s%s", some++ > 0 ? " " : "", right_name(n));
		print(r, ")");
	}
	print(r, "\n");
}

void
text_server(struct report *r, const struct shown_server *s)
{
	const struct server_info *info = s->info;
	char server[ADDRESS_SERVER_BYTES];

	address_format_server(server, s->address->host, s->address->port);
	print(r, "server      %s\n", server);
	print(r, "protocol    FTX/1, %s, codecs", s->aead);
	for (unsigned i = 0; i < CODEC_COUNT; i++)
		if ((info->codecs & 1u << i) != 0)
			print(r, " %s", codec_name((enum codec)i));
	print(r, "\nclient      ");
	print_escaped(r, info->client, strlen(info->client));
	print(r, "\n");
	print_clock(r, info->clock_ahead_ms);
	print_shares(r, info);
	print(r, "connected   %.1f ms\n", (double)s->connect_ns / 1e6);
	print(r, "round trip  %.3f ms (%u times, %.3f to %.3f)\n", (double)s->mean_ns / 1e6,
	      s->count, (double)s->least_ns / 1e6, (double)s->most_ns / 1e6);
}
