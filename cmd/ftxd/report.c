#include "cmd/ftxd/report.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/units.h"

enum { MOST_FIELDS = 32, SHOWN_BYTES = 1100 };

/* name=NUMBER or name="text", the text decoded. */
struct field {
	const char *name;
	char *text; /* NULL: it is a number */
	size_t length;
	uint64_t number;
};

struct line {
	const char *kind;
	struct field fields[MOST_FIELDS];
	size_t count;
};

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* One character of a text behind its backslash; *p goes behind it.  -1: there is no such. */
static int
unescape(const char **p)
{
	char c = *(*p)++;
	int high, low;

	if (c == 'n')
		return '\n';
	if (c == 't')
		return '\t';
	if (c == '\\' || c == '"')
		return c;
	if (c != 'x' || (high = hex_digit((*p)[0])) < 0 || (low = hex_digit((*p)[1])) < 0)
		return -1;
	*p += 2;
	return high * 16 + low;
}

/* Decodes what is in quotes (display_quote()) in place; *p is behind the first one. */
static bool
take_text(char **p, struct field *f)
{
	const char *from = *p;
	char *to = *p;

	f->text = to;
	while (*from != '"') {
		int c = (unsigned char)*from;

		if (c == '\0')
			return false;
		from++;
		if (c == '\\' && (c = unescape(&from)) < 0)
			return false;
		*to++ = (char)c;
	}
	f->length = (size_t)(to - f->text);
	*p += from + 1 - *p;
	*to = '\0';
	return true;
}

static bool
take_number(char **p, struct field *f)
{
	char *end;

	f->text = NULL;
	f->number = strtoull(*p, &end, 10);
	if (end == *p)
		return false;
	*p = end;
	return true;
}

static bool
take_field(char **p, struct field *f)
{
	char *equals = strchr(*p, '=');

	if (equals == NULL)
		return false;
	f->name = *p;
	*equals = '\0';
	*p = equals + 1;
	if (**p != '"')
		return take_number(p, f);
	(*p)++;
	return take_text(p, f);
}

/* text: one line without its end. */
static bool
parse_line(char *text, struct line *line)
{
	char *p = text + strcspn(text, " ");

	line->kind = text;
	line->count = 0;
	while (*p != '\0') {
		if (*p != ' ' || line->count == MOST_FIELDS)
			return false;
		*p++ = '\0';
		if (!take_field(&p, &line->fields[line->count++]))
			return false;
	}
	return text[0] != '\0';
}

static const struct field *
find(const struct line *line, const char *name)
{
	for (size_t i = 0; i < line->count; i++)
		if (strcmp(line->fields[i].name, name) == 0)
			return &line->fields[i];
	return NULL;
}

static uint64_t
number(const struct line *line, const char *name)
{
	const struct field *f = find(line, name);

	return f != NULL && f->text == NULL ? f->number : 0;
}

/* Escaped again, for a terminal. */
static const char *
text(const struct line *line, const char *name, char out[static SHOWN_BYTES])
{
	const struct field *f = find(line, name);

	if (f == NULL || f->text == NULL)
		return "";
	return display_escape(out, SHOWN_BYTES, f->text, f->length);
}

static void
print_json_text(const char *value, size_t length, FILE *out)
{
	char shown[SHOWN_BYTES];

	if (!utf8_valid(value, length)) {
		display_escape(shown, sizeof(shown), value, length);
		value = shown;
		length = strlen(shown);
	}
	putc('"', out);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	putc('"', out);
}

static void
print_json(const struct line *line, FILE *out)
{
	char now[25];

	fprintf(out, "{\"v\":1,\"event\":\"%s\",\"time\":\"%s\"", line->kind, clock_utc(now));
	for (size_t i = 0; i < line->count; i++) {
		const struct field *f = &line->fields[i];

		fprintf(out, ",\"%s\":", f->name);
		if (f->text != NULL)
			print_json_text(f->text, f->length, out);
		else
			fprintf(out, "%" PRIu64, f->number);
	}
	fputs("}\n", out);
}

static void
print_daemon(const struct line *line, FILE *out)
{
	char version[SHOWN_BYTES], state[SHOWN_BYTES], time[32];

	fprintf(out,
		"ftxd %s, process %" PRIu64 ", %s, started %s ago: sessions %" PRIu64 " of %" PRIu64
		", handshakes %" PRIu64 ", waiting %" PRIu64 ", crashes %" PRIu64 "\n",
		text(line, "version", version), number(line, "pid"), text(line, "state", state),
		duration_format(time, sizeof(time), number(line, "uptime_s") * 1000),
		number(line, "sessions"), number(line, "max_connections"),
		number(line, "handshakes"), number(line, "waiting"), number(line, "crashes"));
}

static void
print_refused(const struct line *line, FILE *out)
{
	char reason[SHOWN_BYTES];

	fprintf(out, "%-28s %10" PRIu64 "\n", text(line, "reason", reason), number(line, "count"));
}

static void
print_share(const struct line *line, FILE *out)
{
	char name[SHOWN_BYTES], state[SHOWN_BYTES], path[SHOWN_BYTES], space[16];

	fprintf(out, "%-20s %-8s %11s  %s\n", text(line, "name", name), text(line, "state", state),
		find(line, "bytes") != NULL
		    ? size_format(space, sizeof(space), number(line, "bytes_free"))
		    : "-",
		text(line, "path", path));
}

static void
print_client(const struct line *line, FILE *out)
{
	char name[SHOWN_BYTES], received[16], sent[16];

	fprintf(out, "%-20s %8" PRIu64 " %8" PRIu64 " %11s %11s %10" PRIu64 "\n",
		text(line, "name", name), number(line, "sessions"), number(line, "sessions_total"),
		size_format(received, sizeof(received), number(line, "received")),
		size_format(sent, sizeof(sent), number(line, "sent")), number(line, "committed"));
}

/* "12 MiB of 1 GiB"; a quota of 0 is none. */
static void
print_of(const char *used, const char *quota, uint64_t most, FILE *out)
{
	if (most != 0)
		fprintf(out, " %11s of %-11s", used, quota);
	else
		fprintf(out, " %11s %-14s", used, "");
}

static void
print_usage(const struct line *line, FILE *out)
{
	char client[SHOWN_BYTES], share[SHOWN_BYTES], subtree[SHOWN_BYTES];
	char used[32] = "?", quota[32];
	uint64_t bytes = number(line, "quota"), files = number(line, "quota_files");
	bool counted = find(line, "bytes") != NULL;

	if (counted)
		size_format(used, sizeof(used), number(line, "bytes"));
	fprintf(out, "%-20s", text(line, "client", client));
	print_of(used, size_format(quota, sizeof(quota), bytes), bytes, out);
	if (counted)
		snprintf(used, sizeof(used), "%" PRIu64, number(line, "files"));
	snprintf(quota, sizeof(quota), "%" PRIu64, files);
	print_of(used, quota, files, out);
	fprintf(out, "  %s:/%s\n", text(line, "share", share), text(line, "subtree", subtree));
}

static void
print_expected(const struct line *line, FILE *out)
{
	char client[SHOWN_BYTES], state[SHOWN_BYTES], every[32], last[32] = "never";
	time_t last_s = (time_t)number(line, "last_s");
	struct tm tm;

	if (last_s != 0 && gmtime_r(&last_s, &tm) != NULL)
		strftime(last, sizeof(last), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(out, "%-20s %-14s %-20s  %s\n", text(line, "client", client),
		duration_format(every, sizeof(every), number(line, "every_s") * 1000), last,
		text(line, "state", state));
}

static void
print_session(const struct line *line, FILE *out)
{
	char client[SHOWN_BYTES], address[SHOWN_BYTES], doing[SHOWN_BYTES], path[SHOWN_BYTES];
	char received[16], sent[16], rate[16], time[32];

	fprintf(out, "%-20s %-24s %-14s %11s %11s %11s/s  %s %s\n", text(line, "client", client),
		text(line, "address", address),
		duration_format(time, sizeof(time), number(line, "seconds") * 1000),
		size_format(received, sizeof(received), number(line, "received")),
		size_format(sent, sizeof(sent), number(line, "sent")),
		size_format(rate, sizeof(rate), number(line, "rate")), text(line, "doing", doing),
		text(line, "path", path));
}

/* Kinds of lines that people are shown; what goes before the first one of a kind. */
static const struct kind {
	const char *name;
	void (*print)(const struct line *line, FILE *out);
	const char *head;
} kinds[] = {
    {"daemon", print_daemon, ""},
    {"refused", print_refused, "\nREFUSED BECAUSE                  COUNT\n"},
    {"share", print_share, "\nSHARE                STATE           FREE  PATH\n"},
    {"client", print_client,
     "\nCLIENT               SESSIONS   IN ALL    RECEIVED        SENT  COMMITTED\n"},
    {"usage", print_usage,
     "\nUSED BY                    BYTES                      FILES                 IN\n"},
    {"expected", print_expected,
     "\nEXPECTED             EVERY          LAST HERE             STATE\n"},
    {"session", print_session,
     "\nSESSION OF           FROM                     FOR               RECEIVED        SENT"
     "          RATE  DOING\n"},
};

static void
print_for_people(const struct line *line, const char **last, FILE *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, line->kind) != 0)
			continue;
		if (*last != kinds[i].name)
			fputs(kinds[i].head, out);
		*last = kinds[i].name;
		kinds[i].print(line, out);
	}
}

bool
report_print(char *report, bool json, FILE *out)
{
	static struct line line;
	const char *last = NULL;
	char *next;

	for (; (next = strchr(report, '\n')) != NULL; report = next + 1) {
		*next = '\0';
		if (!parse_line(report, &line))
			return false;
		if (strcmp(line.kind, "end") == 0)
			return true;
		if (json)
			print_json(&line, out);
		else
			print_for_people(&line, &last, out);
	}
	return false;
}
