/*
 * The order is checked with what the server's walk remembers too: of each directory on the way
 * down the names of the directories that are still to be entered.
 */
#include "src/client/listing_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/position.h"
#include "src/store/metadata.h"
#include "src/store/name.h"

/* Names of directories that may wait at once; a directory of 10^6 directories takes 20 MiB. */
#define PENDING_BYTES (256u << 20)

static int
check_attributes(const struct attributes *a)
{
	bool is_link = a->metadata.type == ENTRY_SYMLINK;

	if (a->metadata.type == 0 || (a->target.length > 0) != is_link)
		return FTX_E_PROTOCOL;
	if (is_link && memchr(a->target.data, '\0', a->target.length) != NULL)
		return FTX_E_PROTOCOL;
	return xattrs_check(&a->metadata.xattrs);
}

/* A directory is to be entered later. */
static int
push_name(struct listing *l, const char *name)
{
	struct level *level = &l->at.levels[l->at.depth - 1];
	size_t need = strlen(name) + 1;

	if (need > PENDING_BYTES - l->at.pending)
		return FTX_E_TOO_LARGE;
	if (need > level->room - level->length) {
		size_t room = level->room + level->room / 2 + 1024;
		char *names = realloc(level->names, room);

		if (names == NULL)
			return FTX_E_NOMEM;
		level->names = names;
		level->room = room;
	}
	memcpy(level->names + level->length, name, need);
	level->length += need;
	l->at.pending += need;
	return 0;
}

static int
check_entry(struct listing *l, const struct listed *line, uint8_t *as)
{
	const struct level *level = &l->at.levels[l->at.depth - 1];
	uint8_t type = line->attributes.metadata.type;
	char name[LIMIT_NAME_BYTES + 1];
	size_t length;
	int r;

	if (!name_ok(line->path.data, line->path.length))
		return FTX_E_PROTOCOL;
	memcpy(name, line->path.data, line->path.length);
	name[line->path.length] = '\0';
	/* Bytes, unsigned, and a shorter name before what it begins. */
	if (strcmp(l->at.last, name) >= 0)
		return FTX_E_PROTOCOL;
	memcpy(l->at.last, name, line->path.length + 1);
	if (l->at.passing && strcmp(name, l->at.passed) <= 0)
		*as = LISTED_AGAIN;
	/* Of an entry with an error only the type counts, where it is known. */
	if (line->code == 0 && (r = check_attributes(&line->attributes)) != 0)
		return r;
	length = level->path_length + (level->path_length > 0) + line->path.length;
	if (length > LIMIT_PATH_BYTES || l->at.depth > LIMIT_PATH_DEPTH) {
		/* A walk that begins further down knows nothing of that. */
		*as = line->code == 0 ? LISTED_BEYOND : *as;
		return line->code != 0 || l->at.floor > 0 ? 0 : FTX_E_PROTOCOL;
	}
	return l->recursive && type == ENTRY_DIRECTORY ? push_name(l, name) : 0;
}

void
listing_leave(struct front *f)
{
	struct level *level = &f->levels[--f->depth];

	f->pending -= level->length;
	free(level->names);
	*level = (struct level){.names = NULL};
}

void
listing_leave_all(struct front *f)
{
	while (f->depth > 0)
		listing_leave(f);
}

bool
listing_enter_next(struct listing *l)
{
	struct level *level;
	size_t at, length;

	while (l->at.depth > l->at.floor &&
	       l->at.levels[l->at.depth - 1].next == l->at.levels[l->at.depth - 1].length)
		listing_leave(&l->at);
	if (l->at.depth == l->at.floor)
		return false;
	level = &l->at.levels[l->at.depth - 1];
	at = level->path_length;
	if (at > 0)
		l->at.arriving[at++] = '/';
	length = strlen(level->names + level->next);
	memcpy(l->at.arriving + at, level->names + level->next, length + 1);
	level->next += length + 1;
	assert(l->at.depth <= LIMIT_PATH_DEPTH && at + length <= LIMIT_PATH_BYTES);
	l->at.levels[l->at.depth++].path_length = at + length;
	l->at.last[0] = '\0';
	l->at.entered = l->at.error_came = l->at.passing = false;
	return true;
}

bool
listing_next_walk(struct listing *l)
{
	l->at.floor = 0;
	if (!listing_enter_next(l))
		return false;
	l->at.floor = l->at.depth - 1;
	return true;
}

/* By itself, and with what is below it. */
static void
walk_of_arriving(struct front *f)
{
	struct level *level;

	if (f->depth == 0) /* the top */
		f->depth = 1;
	level = &f->levels[f->depth - 1];
	f->floor = f->depth - 1;
	f->arriving[level->path_length] = '\0';
	f->pending -= level->length;
	level->length = level->next = 0;
	/* It may be lost again before it is where it was. */
	if (!f->passing || strcmp(f->last, f->passed) > 0)
		memcpy(f->passed, f->last, sizeof(f->passed));
	f->passing = f->entered;
	f->beyond = false;
	f->last[0] = '\0';
}

void
listing_walk_again(struct listing *l)
{
	if (l->behind) {
		listing_leave_all(&l->at);
		l->at = l->reached;
		l->behind = false;
	} else if (l->at.depth > 1 && l->at.floor == 0) {
		l->reached = l->at;
		l->at = (struct front){.depth = 0};
		l->behind = true;
	}
	walk_of_arriving(&l->at);
}

size_t
listing_base(const struct listing *l)
{
	return l->at.levels[l->at.floor].path_length;
}

static int
check_enter(struct listing *l, const struct listed *line, uint8_t *as)
{
	size_t base = listing_base(l);
	const struct level *level;

	if (line->code != 0 || line->attributes.metadata.type != ENTRY_DIRECTORY)
		return FTX_E_PROTOCOL;
	if (l->count > 0 && !listing_enter_next(l))
		return FTX_E_PROTOCOL;
	*as = l->at.entered ? LISTED_AGAIN : LISTED_NEW;
	l->at.entered = true;
	level = &l->at.levels[l->at.depth - 1];
	/* What is below the walked one is told relative to it. */
	if (l->count > 0 && base > 0)
		base++;
	if (line->path.length != level->path_length - base ||
	    (line->path.length > 0 &&
	     memcmp(line->path.data, l->at.arriving + base, line->path.length) != 0))
		return FTX_E_PROTOCOL;
	return check_attributes(&line->attributes);
}

static int
check_error(struct listing *l, const struct listed *line, uint8_t *as)
{
	*as = l->at.passing && l->at.error_came ? LISTED_AGAIN : LISTED_NEW;
	l->at.error_came = true;
	return line->path.length == 0 && line->code != 0 ? 0 : FTX_E_PROTOCOL;
}

/* Is it a directory whose entry was given out as too deep, or one below? */
static bool
is_beyond(const struct listing *l, const struct span *path)
{
	size_t base = listing_base(l), depth = 2;

	for (size_t i = 0; i < base; i++)
		depth += l->at.arriving[i] == '/';
	for (size_t i = 0; i < path->length; i++)
		depth += path->data[i] == '/';
	return base + 1 + path->length > LIMIT_PATH_BYTES || depth > LIMIT_PATH_DEPTH;
}

/* Where in the order of a listing it is, or only its directory; written to path. */
static struct position
position_in(const struct front *f, bool of_directory, char *path)
{
	size_t length = f->levels[f->depth - 1].path_length;

	memcpy(path, f->arriving, length);
	path[length] = '\0';
	if (of_directory)
		return position_of(path, path, true);
	if (length > 0)
		path[length++] = '/';
	memcpy(path + length, f->last, strlen(f->last) + 1);
	return position_of(path, path + length, false);
}

/* Is the line, which is where `at` is, one of those that came before the connection was lost? */
static bool
has_come(struct listing *l, uint8_t kind)
{
	char path[2][LIMIT_PATH_BYTES + 1 + LIMIT_NAME_BYTES + 1];
	struct front *reached = &l->reached;
	bool of_directory = kind != LINE_ENTRY;
	struct position now = position_in(&l->at, of_directory, path[0]);
	struct position before =
	    position_in(reached, kind == LINE_ERROR || reached->last[0] == '\0', path[1]);
	int order = position_compare(&now, &before);

	/* That stands anywhere among the entries of its directory. */
	if (order == 0 && of_directory)
		return kind == LINE_ERROR ? reached->error_came : reached->entered;
	if (order > 0) {
		l->behind = false;
		listing_leave_all(reached);
	}
	return order <= 0;
}

int
listing_check(struct listing *l, const struct listed *line, uint8_t *as)
{
	int r = FTX_E_PROTOCOL;

	*as = LISTED_NEW;
	if (line->kind == LINE_ENTER)
		l->at.beyond = l->at.floor > 0 && l->count > 0 && is_beyond(l, &line->path);
	if (l->at.beyond) {
		*as = LISTED_AGAIN;
		l->count++;
		return 0;
	}
	if (line->kind == LINE_ENTER)
		r = check_enter(l, line, as);
	else if (l->count == 0)
		r = FTX_E_PROTOCOL;
	else if (line->kind == LINE_ENTRY)
		r = check_entry(l, line, as);
	else
		r = check_error(l, line, as);
	l->count++;
	if (r == 0 && l->behind && has_come(l, line->kind))
		*as = LISTED_AGAIN;
	return r;
}
