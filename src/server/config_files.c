/*
 * The files of a configuration: which there are, and who may write to them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/server/config_impl.h"

#define MAX_CLIENT_FILES 4096u

int
config_refuse_file(struct ini_error *error, const char *path, int result, const char *why)
{
	const struct config_place place = {path, 0};

	config_refuse_place(error, &place, "%s", why);
	return result;
}

int
config_open(int *fd, const char *path, bool directory, struct ini_error *error)
{
	/* Whoever puts a FIFO there must not make us wait. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	const char *why = NULL;
	struct stat st;

	*fd = open(path, flags | (directory ? O_DIRECTORY : 0));
	if (*fd < 0 || fstat(*fd, &st) != 0) {
		int errnum = errno;

		if (*fd >= 0)
			close(*fd);
		return config_refuse_file(error, path, error_from_errno(errnum), strerror(errnum));
	}
	if (st.st_uid != 0 && st.st_uid != geteuid())
		why = "it belongs to another user than root and who reads it";
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		why = "others than its owner may write to it (chmod go-w mends that)";
	if (why == NULL)
		return 0;
	close(*fd);
	return config_refuse_file(error, path, FTX_E_CONFIG, why);
}

/* For root, what belongs to the daemon's user is as good as what the daemon itself finds. */
static const char *
objection_to_entered(int dir, int fd)
{
	struct stat state, st;

	if (fstat(dir, &state) != 0 || fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no regular file";
	if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    (geteuid() != 0 || st.st_uid != state.st_uid))
		return "it belongs to another user than root and who reads it";
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others than its owner may write to it";
	return NULL;
}

int
config_open_entered(int *fd, const char *state, const char *name, struct ini_error *error)
{
	char path[2 * PATH_MAX];
	const char *why;
	int top = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dir = -1;

	*fd = -1;
	snprintf(path, sizeof(path), "%s/" CONFIG_CLIENTS_DIR "/%s", state, name);
	if (top >= 0)
		dir =
		    openat(top, CONFIG_CLIENTS_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0)
		*fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	why = *fd >= 0 ? objection_to_entered(top, *fd) : NULL;
	if (*fd < 0 && errno != ENOENT)
		why = strerror(errno);
	if (dir >= 0)
		close(dir);
	if (top >= 0)
		close(top);
	if (*fd < 0 && why == NULL)
		return FTX_E_NOT_FOUND;
	if (why == NULL)
		return 0;
	if (*fd >= 0)
		close(*fd);
	return config_refuse_file(error, path, FTX_E_CONFIG, why);
}

int
config_clients_directory(char *out, const char *file)
{
	char parent[PATH_MAX];
	int r = directory_of(parent, file);

	if (r != 0)
		return r;
	return snprintf(out, PATH_MAX, "%s/" CONFIG_CLIENTS_DIR, parent) < PATH_MAX ? 0
										    : FTX_E_NAME;
}

static bool
is_client_file(const char *name)
{
	size_t length = strlen(name);
	size_t end = strlen(CONFIG_CLIENT_END);

	return name[0] != '.' && length > end &&
	       strcmp(name + length - end, CONFIG_CLIENT_END) == 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
config_free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

int
config_list_clients(int fd, char ***out, size_t *count)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	char **names = NULL;
	size_t n = 0;
	int r = 0;

	if (dir == NULL) {
		r = error_from_errno(errno);
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		char **more;

		if (!is_client_file(entry->d_name))
			continue;
		if (n == MAX_CLIENT_FILES)
			r = FTX_E_TOO_LARGE;
		else if ((more = config_grow(names, n, sizeof(*names))) == NULL ||
			 (names = more, names[n] = strdup(entry->d_name)) == NULL)
			r = FTX_E_NOMEM;
		else
			n++;
	}
	if (r == 0 && errno != 0)
		r = error_from_errno(errno);
	closedir(dir);
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	*out = names;
	*count = n;
	return r;
}
