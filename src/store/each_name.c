#include "src/store/each_name.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void
each_name(int dir, bool (*take)(void *arg, const char *name), void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	bool more = true;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (more && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			more = take(arg, entry->d_name);
	closedir(d);
}
