#include "src/base/ini.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/io.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* A section that was there: kind as an index into the caller's table. */
struct seen {
	size_t kind;
	char name[INI_NAME_BYTES + 1];
};

struct reader {
	int fd;
	const char *file;
	const struct ini_section *sections;
	ini_callback *on_entry;
	void *arg;
	struct ini_error *error;

	/* What is read and not yet taken is buffer[begin..end). */
	char buffer[2 * (INI_LINE_BYTES + 1)];
	size_t begin, end;
	bool at_end;
	unsigned line;

	/* The section we are in: seen[seen_count - 1]. */
	unsigned section_line;
	unsigned entries;
	unsigned given[INI_MAX_KEYS];
	size_t seen_count;
	struct seen seen[INI_MAX_SECTIONS];
};

/* Text as people may see it, and not too much of it. */
struct shown {
	char text[96];
};

static const char *
show(struct shown *s, const char *text)
{
	return display_escape(s->text, sizeof(s->text), text, strlen(text));
}

static int __attribute__((format(printf, 4, 0)))
refuse_at(struct ini_error *error, const char *file, unsigned line, const char *format, va_list ap)
{
	char name[INI_ERROR_BYTES / 2];
	size_t n;

	display_escape(name, sizeof(name), file, strlen(file));
	error->line = line;
	if (line != 0)
		n = (size_t)snprintf(error->text, sizeof(error->text), "%s:%u: ", name, line);
	else
		n = (size_t)snprintf(error->text, sizeof(error->text), "%s: ", name);
	vsnprintf(error->text + n, sizeof(error->text) - n, format, ap);
	return FTX_E_CONFIG;
}

static int __attribute__((format(printf, 3, 4)))
refuse(struct reader *r, unsigned line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	refuse_at(r->error, r->file, line, format, ap);
	va_end(ap);
	return FTX_E_CONFIG;
}

int
ini_refuse(const struct ini_entry *e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	refuse_at(e->error, e->file, e->line, format, ap);
	va_end(ap);
	return FTX_E_CONFIG;
}

/* The file itself is unusable: no line. */
static int __attribute__((format(printf, 4, 5)))
fail(struct ini_error *error, const char *file, int result, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	refuse_at(error, file, 0, format, ap);
	va_end(ap);
	return result;
}

static int
fail_errno(struct ini_error *error, const char *file, int errnum)
{
	char name[128];
	int r = error_from_errno(errnum);

	/* Below what is no directory there is no such file either. */
	if (errnum == ENOTDIR)
		r = FTX_E_NOT_FOUND;
	fail(error, file, r, "%s",
	     r == FTX_E_IO ? strerror_r(errnum, name, sizeof(name)) : error_text(r));
	errno = errnum;
	return r;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
ini_name_ok(const char *name, size_t length)
{
	if (length == 0 || length > INI_NAME_BYTES || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!is_alnum(name[i]) && name[i] != '.' && name[i] != '_' && name[i] != '-')
			return false;
	}
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts blanks off the end of text[0..length), and terminates it there. */
static size_t
trim_end(char *text, size_t length)
{
	while (length > 0 && is_blank(text[length - 1]))
		length--;
	text[length] = '\0';
	return length;
}

/* The line feed that ends the line at begin, NULL where there is none before the end. */
static char *
find_line_feed(struct reader *r, int *error)
{
	char *found = memchr(r->buffer + r->begin, '\n', r->end - r->begin);
	size_t got;

	*error = 0;
	if (found != NULL || r->at_end || r->end - r->begin > INI_LINE_BYTES)
		return found;
	memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
	r->end -= r->begin;
	r->begin = 0;
	/* One byte stays free for the terminator of a last line. */
	*error = read_full(r->fd, r->buffer + r->end, sizeof(r->buffer) - 1 - r->end, &got);
	if (*error != 0)
		*error = fail_errno(r->error, r->file, errno);
	r->end += got;
	r->at_end = r->end < sizeof(r->buffer) - 1;
	return memchr(r->buffer, '\n', r->end);
}

/*
 * The next line, with a terminator in place of its line feed, and *length; NULL at the end of the
 * file.
 */
static int
next_line(struct reader *r, char **line, size_t *length)
{
	int error;
	char *line_feed = find_line_feed(r, &error);

	*line = NULL;
	*length = 0;
	if (error != 0 || (line_feed == NULL && r->begin == r->end))
		return error;
	*line = r->buffer + r->begin;
	*length = line_feed != NULL ? (size_t)(line_feed - *line) : r->end - r->begin;
	r->line++;
	if (*length > INI_LINE_BYTES)
		return refuse(r, r->line, "the line is longer than %u bytes", INI_LINE_BYTES);
	r->begin += *length + (line_feed != NULL);
	(*line)[*length] = '\0';
	return 0;
}

static int
check_bytes(struct reader *r, const char *line, size_t length)
{
	if (memchr(line, '\0', length) != NULL)
		return refuse(r, r->line, "there is a zero byte in the line");
	if (memchr(line, '\r', length) != NULL)
		return refuse(r, r->line,
			      "there is a carriage return in the line: lines end in a line feed "
			      "alone");
	if (r->line == 1 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		return refuse(r, r->line,
			      "the file begins with a byte order mark: save it without");
	return 0;
}

/* The section that ends here must not have been empty. */
static int
end_section(struct reader *r)
{
	if (r->seen_count == 0 || r->entries > 0)
		return 0;
	return refuse(r, r->section_line, "the section is empty");
}

/* Index in the caller's table; that of its end for a kind it does not have. */
static size_t
find_kind(const struct reader *r, const char *kind)
{
	size_t i = 0;

	while (r->sections[i].kind != NULL && strcmp(r->sections[i].kind, kind) != 0)
		i++;
	return i;
}

static int
enter_section(struct reader *r, size_t kind, const char *name)
{
	struct seen *new = &r->seen[r->seen_count];

	for (size_t i = 0; i < r->seen_count; i++) {
		if (r->seen[i].kind == kind && strcmp(r->seen[i].name, name) == 0)
			return refuse(r, r->line, "the section [%s%s%s] is there twice",
				      r->sections[kind].kind, name[0] != '\0' ? " " : "", name);
	}
	if (r->seen_count == INI_MAX_SECTIONS)
		return refuse(r, r->line, "there are more than %u sections", INI_MAX_SECTIONS);
	new->kind = kind;
	memcpy(new->name, name, strlen(name) + 1); /* ini_name_ok() */
	r->seen_count++;
	r->section_line = r->line;
	r->entries = 0;
	memset(r->given, 0, sizeof(r->given));
	return 0;
}

/* line: "[...", without blanks at its end. */
static int
take_section(struct reader *r, char *line, size_t length)
{
	struct shown shown;
	char *kind = line + 1;
	char *name;
	size_t k;
	int error = end_section(r);

	if (error != 0)
		return error;
	if (line[length - 1] != ']')
		return refuse(r, r->line,
			      "a section is written [KIND] or [KIND NAME], and nothing "
			      "stands after it");
	line[length - 1] = '\0';
	name = strchr(kind, ' ');
	if (name != NULL)
		*name++ = '\0';
	k = find_kind(r, kind);
	if (r->sections[k].kind == NULL)
		return refuse(r, r->line, "there is no kind of section '%s'", show(&shown, kind));
	if (!r->sections[k].named && name != NULL)
		return refuse(r, r->line, "the section [%s] has no name", kind);
	if (r->sections[k].named && name == NULL)
		return refuse(r, r->line, "the section lacks its name: [%s NAME]", kind);
	if (name != NULL && !ini_name_ok(name, strlen(name)))
		return refuse(r, r->line,
			      "'%s' is no name: letters, digits and ._- , at most %u, the first a "
			      "letter or digit",
			      show(&shown, name), INI_NAME_BYTES);
	return enter_section(r, k, name != NULL ? name : "");
}

/* Counts it.  0 or FTX_E_CONFIG. */
static int
check_key(struct reader *r, const struct ini_section *section, const char *key)
{
	struct shown shown;
	size_t i = 0;

	while (section->keys[i].name != NULL && strcmp(section->keys[i].name, key) != 0)
		i++;
	if (section->keys[i].name == NULL)
		return refuse(r, r->line, "there is no key '%s' in a section [%s%s]",
			      show(&shown, key), section->kind, section->named ? " NAME" : "");
	assert(i < INI_MAX_KEYS);
	if (section->keys[i].at_most == INI_ANY_NUMBER)
		return 0;
	if (r->given[i] < section->keys[i].at_most) {
		r->given[i]++;
		return 0;
	}
	if (section->keys[i].at_most == 1)
		return refuse(r, r->line, "'%s' is there twice in one section", key);
	return refuse(r, r->line, "'%s' is there more than %u times in one section", key,
		      section->keys[i].at_most);
}

static int
take_entry(struct reader *r, char *line)
{
	char *equals = strchr(line, '=');
	struct ini_entry e = {.key = line, .file = r->file, .line = r->line, .error = r->error};
	int error;

	if (equals == NULL || equals == line)
		return refuse(r, r->line,
			      "this is neither a section nor KEY = VALUE nor a comment");
	trim_end(line, (size_t)(equals - line));
	e.value = equals + 1 + strspn(equals + 1, " \t");
	if (r->seen_count == 0)
		return refuse(r, r->line, "there is an entry before any section");
	e.kind = r->sections[r->seen[r->seen_count - 1].kind].kind;
	e.name = r->seen[r->seen_count - 1].name;
	e.section_line = r->section_line;
	error = check_key(r, &r->sections[r->seen[r->seen_count - 1].kind], e.key);
	if (error != 0)
		return error;
	if (e.value[0] == '\0')
		return refuse(r, r->line, "'%s' has no value", e.key);
	r->entries = 1;
	return r->on_entry(r->arg, &e);
}

static int
take_line(struct reader *r, char *line, size_t length)
{
	int error = check_bytes(r, line, length);

	if (error != 0 || line[0] == ';' || line[0] == '#')
		return error;
	length = trim_end(line, length);
	if (length == 0)
		return 0;
	if (is_blank(line[0]))
		return refuse(r, r->line,
			      "there is white space before a section, a key or a "
			      "comment");
	return line[0] == '[' ? take_section(r, line, length) : take_entry(r, line);
}

int
ini_read_fd(int fd, const char *file, const struct ini_section *sections, ini_callback *on_entry,
	    void *arg, struct ini_error *error)
{
	struct reader *reader;
	struct stat st;
	char *line;
	size_t length;
	int r;

	if (fstat(fd, &st) != 0)
		return fail_errno(error, file, errno);
	if (!S_ISREG(st.st_mode))
		return fail(error, file, FTX_E_NOT_REGULAR, "%s", error_text(FTX_E_NOT_REGULAR));
	reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
		return fail(error, file, FTX_E_NOMEM, "%s", error_text(FTX_E_NOMEM));
	reader->fd = fd;
	reader->file = file;
	reader->sections = sections;
	reader->on_entry = on_entry;
	reader->arg = arg;
	reader->error = error;
	while ((r = next_line(reader, &line, &length)) == 0 && line != NULL) {
		r = take_line(reader, line, length);
		if (r != 0)
			break;
	}
	if (r == 0)
		r = end_section(reader);
	free(reader);
	return r;
}

int
ini_read(const char *path, const struct ini_section *sections, ini_callback *on_entry, void *arg,
	 struct ini_error *error)
{
	/* Whoever puts a FIFO there must not make us wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return fail_errno(error, path, errno);
	r = ini_read_fd(fd, path, sections, on_entry, arg, error);
	close(fd);
	return r;
}
