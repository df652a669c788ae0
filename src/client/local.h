/*
 * The client's own disk: where a get puts its file.
 */
#ifndef CLIENT_LOCAL_H
#define CLIENT_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "proto/limits.h"
#include "src/client/problem.h"

/* A directory as the user typed it, opened, and a name in it. */
struct local_place {
	int dir; /* owned, -1: none */
	char name[LIMIT_NAME_BYTES + 1];
	char directory[LIMIT_PATH_BYTES + 1]; /* as typed; "." for the working directory */
};

/*
 * make: directories that are missing are made (0777 less umask) and synced.  0, or an error in p;
 * FTX_E_NOT_FOUND where one is missing and make is not set.
 */
int local_open(struct local_place *place, const char *path, bool make, struct problem *p);
void local_release(struct local_place *place);

/* lstat of the name: 0, FTX_E_NOT_FOUND or another error in p. */
int local_stat(const struct local_place *place, struct stat *st, struct problem *p);

/* Makes a file that is there already durable, with its name. */
int local_sync(const struct local_place *place, struct problem *p);

#endif
