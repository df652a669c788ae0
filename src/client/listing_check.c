/*
 * The order is checked with what the server's walk remembers too: of each directory on the way
 * down the names of the directories that are still to be entered.
 */
#include "src/client/listing_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
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
	struct level *level = &l->levels[l->depth - 1];
	size_t need = strlen(name) + 1;

	if (need > PENDING_BYTES - l->pending)
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
	l->pending += need;
	return 0;
}

static int
check_entry(struct listing *l, const struct listed *line)
{
	const struct level *level = l->depth > 0 ? &l->levels[l->depth - 1] : NULL;
	uint8_t type = line->attributes.metadata.type;
	char name[LIMIT_NAME_BYTES + 1];
	size_t length;
	int r;

	if (level == NULL || !name_ok(line->path.data, line->path.length))
		return FTX_E_PROTOCOL;
	memcpy(name, line->path.data, line->path.length);
	name[line->path.length] = '\0';
	/* Bytes, unsigned, and a shorter name before what it begins. */
	if (strcmp(l->last, name) >= 0)
		return FTX_E_PROTOCOL;
	memcpy(l->last, name, line->path.length + 1);
	/* Of an entry with an error only the type counts, where it is known. */
	if (line->code == 0 && (r = check_attributes(&line->attributes)) != 0)
		return r;
	length = level->path_length + (level->path_length > 0) + line->path.length;
	if (length > LIMIT_PATH_BYTES || l->depth > LIMIT_PATH_DEPTH)
		return line->code != 0 ? 0 : FTX_E_PROTOCOL;
	return l->recursive && type == ENTRY_DIRECTORY ? push_name(l, name) : 0;
}

void
listing_leave(struct listing *l)
{
	struct level *level = &l->levels[--l->depth];

	l->pending -= level->length;
	free(level->names);
	*level = (struct level){.names = NULL};
}

bool
listing_enter_next(struct listing *l)
{
	struct level *level;
	size_t at, length;

	while (l->depth > 0 && l->levels[l->depth - 1].next == l->levels[l->depth - 1].length)
		listing_leave(l);
	if (l->depth == 0)
		return false;
	level = &l->levels[l->depth - 1];
	at = level->path_length;
	if (at > 0)
		l->arriving[at++] = '/';
	length = strlen(level->names + level->next);
	memcpy(l->arriving + at, level->names + level->next, length + 1);
	level->next += length + 1;
	assert(l->depth <= LIMIT_PATH_DEPTH && at + length <= LIMIT_PATH_BYTES);
	l->levels[l->depth++].path_length = at + length;
	return true;
}

static int
check_enter(struct listing *l, const struct listed *line)
{
	if (line->code != 0 || line->attributes.metadata.type != ENTRY_DIRECTORY)
		return FTX_E_PROTOCOL;
	if (l->count == 0) {
		l->depth = 1;
	} else if (!listing_enter_next(l)) {
		return FTX_E_PROTOCOL;
	}
	if (line->path.length != l->levels[l->depth - 1].path_length ||
	    (line->path.length > 0 && memcmp(line->path.data, l->arriving, line->path.length) != 0))
		return FTX_E_PROTOCOL;
	l->last[0] = '\0';
	return check_attributes(&line->attributes);
}

int
listing_check(struct listing *l, const struct listed *line)
{
	int r = FTX_E_PROTOCOL;

	if (line->kind == LINE_ENTER)
		r = check_enter(l, line);
	else if (line->kind == LINE_ENTRY)
		r = check_entry(l, line);
	else if (l->depth > 0 && line->path.length == 0 && line->code != 0)
		r = 0;
	l->count++;
	return r;
}
