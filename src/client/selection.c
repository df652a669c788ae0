#include "src/client/selection.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/io.h"
#include "src/store/name.h"

/* Bytes of a name shown in a message. */
#define SHOWN_BYTES 256u
#define FIRST_BYTES (64u * 1024u)

struct entry {
	const char *name; /* in text; "" for the directory itself */
	bool seen;
};

/* Entries are sorted as a tree walk goes: what is below a name follows it at once. */
struct selection {
	char *text;
	size_t length, capacity;
	struct entry *entries;
	size_t count;
};

void
selection_free(struct selection *s)
{
	if (s == NULL)
		return;
	free(s->entries);
	free(s->text);
	free(s);
}

size_t
selection_count(const struct selection *s)
{
	return s->count;
}

/* Room for one byte more than there is, at least: for the end of the last name. */
static int
grow(struct selection *s)
{
	size_t capacity = s->capacity == 0 ? FIRST_BYTES : 2 * s->capacity;
	char *text = capacity > s->capacity ? realloc(s->text, capacity) : NULL;

	if (text == NULL) {
		errno = ENOMEM;
		return FTX_E_NOMEM;
	}
	s->text = text;
	s->capacity = capacity;
	return 0;
}

static int
read_text(struct selection *s, int fd)
{
	size_t got;
	int r;

	do {
		r = s->capacity - s->length < 2 ? grow(s) : 0;
		if (r != 0)
			return r;
		r = read_full(fd, s->text + s->length, s->capacity - s->length - 1, &got);
		if (r != 0)
			return r;
		s->length += got;
	} while (got > 0);
	return 0;
}

static int
read_file(struct selection *s, const char *path)
{
	bool standard_input = strcmp(path, "-") == 0;
	int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int saved, r;

	if (fd < 0)
		return error_from_errno(errno);
	r = read_text(s, fd);
	saved = errno;
	if (!standard_input)
		close(fd);
	errno = saved;
	return r;
}

/*
 * Writes the name without what is dropped of it over itself and ends it with '\0'; its length.  The
 * byte behind the name is the separator, or room at the end of the text.
 */
static size_t
simplify(char *name, size_t length)
{
	size_t in = 0, out = 0;

	while (in < length &&
	       (name[in] == '/' || (name[in] == '.' && (in + 1 == length || name[in + 1] == '/'))))
		in++;
	for (; in < length; in++)
		if (name[in] != '/' || (out > 0 && name[out - 1] != '/'))
			name[out++] = name[in];
	if (out > 0 && name[out - 1] == '/')
		out--;
	name[out] = '\0';
	return out;
}

static int
refuse(const char *path, const char *name, size_t length, size_t number, struct problem *why)
{
	char file[SHOWN_BYTES];
	char shown[SHOWN_BYTES];

	display_escape(file, sizeof(file), path, strlen(path));
	display_escape(shown, sizeof(shown), name, length);
	return problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
			   "--files-from %s, entry %zu: '%s': the name is not allowed", file,
			   number, shown);
}

static size_t
count_ends(const struct selection *s, char separator)
{
	const char *end = s->text + s->length;
	size_t n = 0;

	for (const char *p = s->text; p < end; n++) {
		p = memchr(p, separator, (size_t)(end - p));
		p = p == NULL ? end : p + 1;
	}
	return n;
}

/* Where a byte stands in the order: the end of a name first, then the slash. */
static int
rank(char byte)
{
	return byte == '/' ? 1 : byte == '\0' ? 0 : (unsigned char)byte + 1;
}

/* Compares prefix[0..length), as a name that ends there, with a name. */
static int
compare_prefix(const char *prefix, size_t length, const char *name)
{
	size_t i = 0;

	while (i < length && prefix[i] == name[i])
		i++;
	return (i < length ? rank(prefix[i]) : 0) - rank(name[i]);
}

static int
compare_entries(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;

	return compare_prefix(a->name, strlen(a->name), b->name);
}

static void
sort(struct selection *s)
{
	size_t kept = 0;

	qsort(s->entries, s->count, sizeof(*s->entries), compare_entries);
	for (size_t i = 0; i < s->count; i++)
		if (kept == 0 || strcmp(s->entries[kept - 1].name, s->entries[i].name) != 0)
			s->entries[kept++] = s->entries[i];
	s->count = kept;
}

/* Makes entries, sorted, of the names of the text. */
static int
split(struct selection *s, char separator, const char *path, struct problem *why)
{
	size_t room = count_ends(s, separator);
	char *end = s->text + s->length;
	size_t number = 1;

	s->entries = calloc(room > 0 ? room : 1, sizeof(*s->entries));
	if (s->entries == NULL)
		return problem_local(why, FTX_E_NOMEM, ENOMEM);
	for (char *name = s->text; name < end; number++) {
		char *stop = memchr(name, separator, (size_t)(end - name));
		size_t length = (size_t)((stop != NULL ? stop : end) - name);
		size_t kept = simplify(name, length);

		if (kept > 0 && path_check(name, kept) != 0)
			return refuse(path, name, kept, number, why);
		if (length > 0)
			s->entries[s->count++].name = name;
		name += length + 1;
	}
	sort(s);
	return 0;
}

static int
file_problem(const char *path, int error, int errnum, struct problem *why)
{
	char shown[SHOWN_BYTES];
	char text[128];

	display_escape(shown, sizeof(shown), path, strlen(path));
	problem_set(why, error, SIDE_LOCAL, "--files-from %s: %s", shown,
		    strerror_r(errnum, text, sizeof(text)));
	why->errnum = errnum;
	return error;
}

int
selection_read(struct selection **out, const char *path, bool nul_separated, struct problem *why)
{
	struct selection *s = calloc(1, sizeof(*s));
	int r;

	*out = NULL;
	if (s == NULL)
		return problem_local(why, FTX_E_NOMEM, ENOMEM);
	r = read_file(s, path);
	if (r != 0)
		r = file_problem(path, r, errno, why);
	else
		r = split(s, nul_separated ? '\0' : '\n', path, why);
	if (r != 0) {
		selection_free(s);
		return r;
	}
	*out = s;
	return 0;
}

/* The first of entries [first, last) that is not before prefix, or last. */
static size_t
find(const struct selection *s, size_t first, size_t last, const char *prefix, size_t length)
{
	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (compare_prefix(prefix, length, s->entries[middle].name) > 0)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

/* The first of entries [first, last), none before prefix, that is not below it, or last. */
static size_t
find_behind(const struct selection *s, size_t first, size_t last, const char *prefix, size_t length)
{
	while (first < last) {
		size_t middle = first + (last - first) / 2;
		const char *name = s->entries[middle].name;

		if (strncmp(name, prefix, length) == 0 &&
		    (name[length] == '/' || name[length] == '\0'))
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

enum selection_verdict
selection_check(struct selection *s, const char *path, bool is_directory)
{
	size_t first = 0, last = s->count, length = 0;
	bool whole = last > 0 && s->entries[0].name[0] == '\0';

	if (path[0] == '\0') {
		if (whole)
			s->entries[0].seen = true;
		return whole ? SELECTION_WHOLE : SELECTION_ENTER;
	}
	/* One component more each time: of the names below it, what is left is below the next. */
	while (first < last) {
		bool complete;

		length += strcspn(path + length, "/");
		complete = path[length] == '\0';
		first = find(s, first, last, path, length);
		last = find_behind(s, first, last, path, length);
		if (first < last && s->entries[first].name[length] == '\0') {
			whole = true;
			s->entries[first].seen = true;
		}
		if (complete)
			break;
		length++;
	}
	if (whole)
		return SELECTION_WHOLE;
	return is_directory && first < last ? SELECTION_ENTER : SELECTION_NONE;
}

const char *
selection_next_unseen(const struct selection *s, size_t *iterator)
{
	while (*iterator < s->count) {
		const struct entry *e = &s->entries[(*iterator)++];

		if (!e->seen && e->name[0] != '\0')
			return e->name;
	}
	return NULL;
}
