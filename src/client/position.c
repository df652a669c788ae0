#include "src/client/position.h"

#include <string.h>

struct position
position_of(const char *path, const char *name, bool is_entered)
{
	struct position p = {.path = path, .directory = strlen(path)};

	if (!is_entered) {
		p.name = name;
		p.directory = name > path ? (size_t)(name - path) - 1 : 0;
	}
	return p;
}

/* The order in which directories are entered: by components, so '/' comes before every byte. */
static int
compare_directories(const struct position *a, const struct position *b)
{
	size_t shorter = a->directory < b->directory ? a->directory : b->directory;

	for (size_t i = 0; i < shorter; i++) {
		if (a->path[i] == b->path[i])
			continue;
		if (a->path[i] == '/' || b->path[i] == '/')
			return a->path[i] == '/' ? -1 : 1;
		return (unsigned char)a->path[i] < (unsigned char)b->path[i] ? -1 : 1;
	}
	return (a->directory > b->directory) - (a->directory < b->directory);
}

int
position_compare(const struct position *a, const struct position *b)
{
	int order = compare_directories(a, b);

	if (order != 0)
		return order;
	if (a->name == NULL || b->name == NULL)
		return (a->name != NULL) - (b->name != NULL);
	return strcmp(a->name, b->name);
}
