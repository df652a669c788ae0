#include "src/store/owner.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum {
	ROWS = 64,		 /* of each table: owners that a tree has at once */
	ENTRY_BYTES = 1024,	 /* of a passwd or group entry, to begin with ... */
	ENTRY_MOST = 1024 * 1024 /* ... and with very many members */
};

struct row {
	bool used;
	bool known; /* otherwise: there is no such name, no such number */
	uint32_t id;
	char name[LIMIT_OWNER_BYTES + 1];
};

static bool from_files;
static FILE *files[2]; /* of each kind; NULL: there is none */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct row by_id[2][ROWS], by_name[2][ROWS];

/* Where it would be; another one that has its place there gives way. */
static struct row *
row_of_name(enum owner_kind kind, const struct span *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < name->length; i++)
		hash = (hash ^ name->data[i]) * 16777619u;
	return &by_name[kind][hash % ROWS];
}

static bool
is_name(const struct row *row, const struct span *name)
{
	return memcmp(row->name, name->data, name->length) == 0 && row->name[name->length] == '\0';
}

static void
keep(struct row *place, const struct row *row)
{
	pthread_mutex_lock(&lock);
	*place = *row;
	pthread_mutex_unlock(&lock);
}

static void
take_name(struct row *row, const char *name)
{
	size_t length = strlen(name);

	row->known = length > 0 && length <= LIMIT_OWNER_BYTES;
	if (row->known)
		memcpy(row->name, name, length + 1);
}

void
owner_from_files(void)
{
	from_files = true;
	files[OWNER_USER] = fopen("/etc/passwd", "re");
	files[OWNER_GROUP] = fopen("/etc/group", "re");
}

/* The same question to the files. */
static int
search_name(enum owner_kind kind, struct row *row, char *room, size_t size)
{
	struct passwd user, *found_user;
	struct group group, *found_group;
	FILE *file = files[kind];
	int r = 0;

	if (file == NULL)
		return 0;
	rewind(file);
	while (r == 0 && !row->known) {
		if (kind == OWNER_USER) {
			r = fgetpwent_r(file, &user, room, size, &found_user);
			if (r == 0 && user.pw_uid == row->id)
				take_name(row, user.pw_name);
		} else {
			r = fgetgrent_r(file, &group, room, size, &found_group);
			if (r == 0 && group.gr_gid == row->id)
				take_name(row, group.gr_name);
		}
	}
	return r;
}

/* One question, with this much room.  0, or the error that the name service gives. */
static int
ask_name(enum owner_kind kind, struct row *row, char *room, size_t size)
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	int r;

	if (from_files)
		return search_name(kind, row, room, size);
	if (kind == OWNER_USER) {
		r = getpwuid_r(row->id, &user, room, size, &found_user);
		if (r == 0 && found_user != NULL)
			take_name(row, user.pw_name);
	} else {
		r = getgrgid_r(row->id, &group, room, size, &found_group);
		if (r == 0 && found_group != NULL)
			take_name(row, group.gr_name);
	}
	return r;
}

static int
ask_id(enum owner_kind kind, struct row *row, char *room, size_t size)
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	int r;

	if (from_files) {
		row->known = false;
		return 0;
	}
	if (kind == OWNER_USER) {
		r = getpwnam_r(row->name, &user, room, size, &found_user);
		row->known = r == 0 && found_user != NULL;
		row->id = row->known ? user.pw_uid : 0;
	} else {
		r = getgrnam_r(row->name, &group, room, size, &found_group);
		row->known = r == 0 && found_group != NULL;
		row->id = row->known ? group.gr_gid : 0;
	}
	return r;
}

/*
 * Asks, with as much room as the entry needs.  false: the name service had no answer, not even that
 * there is no such entry.
 */
static bool
ask(int (*question)(enum owner_kind, struct row *, char *, size_t), enum owner_kind kind,
    struct row *row)
{
	char first[ENTRY_BYTES];
	int r = question(kind, row, first, sizeof(first));

	for (size_t size = 16 * ENTRY_BYTES; r == ERANGE && size <= ENTRY_MOST; size *= 4) {
		char *room = malloc(size);

		if (room == NULL)
			return false;
		r = question(kind, row, room, size);
		free(room);
	}
	/* Those that getpwnam(3) names beside 0 for "not found". */
	return r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM;
}

void
owner_name(enum owner_kind kind, uint32_t id, char name[static LIMIT_OWNER_BYTES + 1])
{
	struct row *place = &by_id[kind][id % ROWS];
	bool kept;

	pthread_mutex_lock(&lock);
	kept = place->used && place->id == id;
	if (kept)
		strcpy(name, place->name);
	pthread_mutex_unlock(&lock);
	if (!kept) {
		struct row row = {.used = true, .id = id};

		if (ask(ask_name, kind, &row))
			keep(place, &row);
		strcpy(name, row.name);
	}
}

bool
owner_id(enum owner_kind kind, const struct span *name, uint32_t *id)
{
	struct row *place;
	bool kept, known = false;

	if (name->length == 0 || name->length > LIMIT_OWNER_BYTES ||
	    memchr(name->data, '\0', name->length) != NULL)
		return false;
	place = row_of_name(kind, name);
	pthread_mutex_lock(&lock);
	kept = place->used && is_name(place, name);
	if (kept) {
		*id = place->id;
		known = place->known;
	}
	pthread_mutex_unlock(&lock);
	if (!kept) {
		struct row row = {.used = true};

		memcpy(row.name, name->data, name->length); /* a zero byte is behind it */
		if (ask(ask_id, kind, &row))
			keep(place, &row);
		*id = row.id;
		known = row.known;
	}
	return known;
}
