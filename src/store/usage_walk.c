/*
 * DESIGN.  Depth first, a directory is entered where it is met, so what is held is one open
 * directory for each level.  Those of the directories to be counted that the walk is in are a stack
 * too: each entry is added to all of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/limits.h"
#include "src/store/mount.h"
#include "src/store/usage.h"

/* The staging adds some levels, and who works on the share itself may add others. */
enum { DEPTH_MAX = LIMIT_PATH_DEPTH + 32, PROGRESS_ENTRIES = 1024 };

/* Where in a client's staging a directory is. */
enum area { PLAIN, STAGING, CLIENT, UP, SET, TEMPS, TEMP };

struct level {
	DIR *d;
	enum area area;
	size_t path_length;
	struct usage_count *count; /* this directory is one of those; NULL: it is not */
};

struct walking {
	const struct usage_walk *walk;
	struct usage_count *counts;
	size_t count_count;
	struct usage_count *active[DEPTH_MAX]; /* those that the walk is in */
	size_t active_count;
	struct level levels[DEPTH_MAX];
	size_t depth;
	struct mount mount; /* of the top */
	unsigned entries;   /* since the last progress */
	char path[LIMIT_PATH_BYTES + 1];
};

static int
rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 1;
}

int
usage_compare_paths(const char *a, const char *b)
{
	for (; *a != '\0' && *a == *b; a++)
		b++;
	return rank(*a) - rank(*b);
}

static int
compare_count(const void *path, const void *count)
{
	return usage_compare_paths(path, ((const struct usage_count *)count)->path);
}

/* sum += amount / parts, exactly but for 2^-32. */
static void
add_part(uint64_t *sum, uint64_t *rest, uint64_t amount, uint64_t parts)
{
	uint64_t fraction = *rest + (amount % parts << 32) / parts;

	*sum += amount / parts + (fraction >> 32);
	*rest = fraction & UINT32_MAX;
}

static void
add_entry(struct walking *w, const struct stat *st)
{
	struct usage u = usage_of(st);
	uint64_t names = !S_ISDIR(st->st_mode) && st->st_nlink > 1 ? st->st_nlink : 1;

	for (size_t i = 0; i < w->active_count; i++) {
		struct usage_count *c = w->active[i];

		add_part(&c->usage.bytes, &c->bytes_rest, u.bytes, names);
		add_part(&c->usage.files, &c->files_rest, u.files, names);
	}
}

static void
add_unread(struct walking *w)
{
	for (size_t i = 0; i < w->active_count; i++)
		w->active[i]->unread++;
}

/* What is left of the shares is a rounding error, or names elsewhere. */
static void
report(const struct walking *w, struct usage_count *c)
{
	c->usage.bytes += c->bytes_rest >> 31;
	c->usage.files += c->files_rest >> 31;
	c->bytes_rest = c->files_rest = 0;
	w->walk->counted(w->walk->arg, c);
}

static enum area
area_below(enum area area, const char *name)
{
	switch (area) {
	case PLAIN:
		return strcmp(name, ".ftx") == 0 ? STAGING : PLAIN;
	case STAGING:
		return CLIENT;
	case CLIENT:
		return strcmp(name, "up") == 0 ? UP : strcmp(name, "set") == 0 ? SET : PLAIN;
	case UP:
	case SET:
		return strcmp(name, "tmp") == 0 ? TEMPS : PLAIN;
	case TEMPS:
		return TEMP;
	case TEMP:
		break;
	}
	return PLAIN;
}

static bool
ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);

	return length > n && strcmp(name + length - n, end) == 0;
}

/* What the server needs for itself. */
static bool
is_own(enum area above, enum area area, const struct stat *st, const char *name)
{
	if (S_ISDIR(st->st_mode))
		return area != PLAIN;
	return above == UP && (ends_in(name, ".jnl") || ends_in(name, ".lock"));
}

/* 0, or the error of errno: then fd is closed. */
static int
push(struct walking *w, int fd, enum area area, size_t path_length)
{
	struct level *l = &w->levels[w->depth];
	DIR *d = fdopendir(fd);

	if (d == NULL) {
		int r = error_from_errno(errno);

		close(fd);
		return r;
	}
	*l = (struct level){.d = d, .area = area, .path_length = path_length};
	w->path[path_length] = '\0';
	l->count = w->count_count > 0 ? bsearch(w->path, w->counts, w->count_count,
						sizeof(*w->counts), compare_count)
				      : NULL;
	if (l->count != NULL) {
		w->active[w->active_count++] = l->count;
		l->count->met = true;
	}
	w->depth++;
	return 0;
}

static void
pop(struct walking *w)
{
	struct level *l = &w->levels[--w->depth];

	closedir(l->d);
	if (l->count == NULL)
		return;
	w->active_count--;
	report(w, l->count);
}

/* Appends a name to the path of the present level.  0: it does not fit. */
static size_t
path_below(struct walking *w, const struct level *l, const char *name)
{
	size_t at = l->path_length, length = strlen(name);

	if (length + 1 > LIMIT_PATH_BYTES - at)
		return 0;
	if (at > 0)
		w->path[at++] = '/';
	memcpy(w->path + at, name, length + 1);
	return at + length;
}

static void
enter(struct walking *w, const struct level *l, const char *name, enum area area)
{
	size_t length = path_below(w, l, name);
	struct mount here;
	int fd;

	if (length == 0 || w->depth == DEPTH_MAX) {
		add_unread(w);
		return;
	}
	fd = openat(dirfd(l->d), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			add_unread(w);
		return;
	}
	if (mount_of(fd, "", false, &here) != 0 || !mount_same(&here, &w->mount))
		close(fd); /* what is mounted is no part of the share */
	else if (push(w, fd, area, length) != 0)
		add_unread(w);
}

static void
visit(struct walking *w, const char *name)
{
	const struct level *l = &w->levels[w->depth - 1];
	enum area area = area_below(l->area, name);
	struct stat st;

	if (fstatat(dirfd(l->d), name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
		if (errno != ENOENT)
			add_unread(w);
		return;
	}
	if (!is_own(l->area, area, &st, name))
		add_entry(w, &st);
	if (S_ISDIR(st.st_mode))
		enter(w, l, name, area);
}

static void
walk_on(struct walking *w)
{
	while (w->depth > 0) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(w->levels[w->depth - 1].d);
		if (entry == NULL) {
			if (errno != 0)
				add_unread(w);
			pop(w);
		} else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			visit(w, entry->d_name);
		}
		if (++w->entries >= PROGRESS_ENTRIES) {
			w->entries = 0;
			w->walk->progress(w->walk->arg);
		}
	}
}

int
usage_walk(int top, struct usage_count *counts, size_t n, const struct usage_walk *walk)
{
	struct walking *w = calloc(1, sizeof(*w));
	int fd, r;

	if (w == NULL)
		return FTX_E_NOMEM;
	w->walk = walk;
	w->counts = counts;
	w->count_count = n;
	fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd >= 0 ? mount_of(fd, "", false, &w->mount) : error_from_errno(errno);
	if (r == 0)
		r = push(w, fd, PLAIN, 0);
	else if (fd >= 0)
		close(fd);
	if (r == 0) {
		walk_on(w);
		for (size_t i = 0; i < n; i++)
			if (!counts[i].met)
				report(w, &counts[i]);
	}
	free(w);
	return r;
}
