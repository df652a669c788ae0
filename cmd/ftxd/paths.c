#include "cmd/ftxd/paths.h"

#include <stdio.h>
#include <stdlib.h>

char *
path_join(const char *directory, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* XDG Base Directory Specification: a relative value counts as unset. */
static char *
xdg_path(const char *variable, const char *below_home, const char *name)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");
	char *directory;
	char *path;

	if (base != NULL && base[0] == '/')
		return path_join(base, name);
	if (home == NULL || home[0] != '/')
		return NULL;
	directory = path_join(home, below_home);
	path = directory != NULL ? path_join(directory, name) : NULL;
	free(directory);
	return path;
}

char *
default_state_directory(void)
{
	return xdg_path("XDG_STATE_HOME", ".local/state", "ftxd");
}

char *
default_client_key(void)
{
	return xdg_path("XDG_CONFIG_HOME", ".config", "ftx/id");
}
