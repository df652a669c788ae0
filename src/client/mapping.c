#include "src/client/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/store/name.h"

size_t
mapping_last_name(const char *path, const char **name)
{
	size_t end = strlen(path);
	size_t begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	begin = end;
	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	*name = path + begin;
	if ((end - begin == 1 && path[begin] == '.') ||
	    (end - begin == 2 && memcmp(path + begin, "..", 2) == 0))
		return 0;
	return end - begin;
}

int
mapping_land(const struct landing *l, const char *name, size_t length, char *out, size_t capacity)
{
	bool directory = l->is_root || l->is_directory;
	size_t end = strlen(l->dest);
	const char *slash = end == 0 || l->dest[end - 1] == '/' ? "" : "/";
	const char *leaf;
	size_t leaf_length;
	int n;

	if (l->no_target_directory && directory)
		return FTX_E_CONFLICT;
	if (!l->no_target_directory && (directory || l->ends_in_slash || l->several))
		n = snprintf(out, capacity, "%s%s%.*s", l->dest, slash, (int)length, name);
	else
		n = snprintf(out, capacity, "%s", l->dest);
	if (n < 0 || (size_t)n >= capacity)
		return FTX_E_NAME;
	leaf_length = mapping_last_name(out, &leaf);
	return name_ok(leaf, leaf_length) ? 0 : FTX_E_NAME;
}

int
mapping_land_directory(const struct landing *l, const char *name, size_t length, char *out,
		       size_t capacity)
{
	size_t end = strlen(l->dest);
	bool itself = l->no_target_directory || length == 0;
	const char *slash = itself || end == 0 || l->dest[end - 1] == '/' ? "" : "/";
	int n = snprintf(out, capacity, "%s%s%.*s", l->dest, slash, itself ? 0 : (int)length, name);

	if (n < 0 || (size_t)n >= capacity)
		return FTX_E_NAME;
	return itself || name_ok(name, length) ? 0 : FTX_E_NAME;
}

struct last_name {
	const char *text;
	size_t length;
};

static int
compare_names(const void *left, const void *right)
{
	const struct last_name *a = left;
	const struct last_name *b = right;
	size_t common = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->text, b->text, common);

	if (order != 0)
		return order;
	return (a->length > b->length) - (a->length < b->length);
}

int
mapping_check_sources(const char *const *sources, size_t count, bool no_target_directory,
		      struct problem *why)
{
	struct last_name *names;
	char shown[512];
	int r = 0;

	if (count < 2)
		return 0;
	if (no_target_directory)
		return problem_set(
		    why, FTX_E_USAGE, SIDE_LOCAL,
		    "-T gives the destination's own name, which only one source can have");
	names = calloc(count, sizeof(*names));
	if (names == NULL)
		return problem_nomem(why);
	for (size_t i = 0; i < count; i++)
		names[i].length = mapping_last_name(sources[i], &names[i].text);
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count && r == 0; i++) {
		if (names[i].length == 0 || compare_names(&names[i - 1], &names[i]) != 0)
			continue;
		display_escape(shown, sizeof(shown), names[i].text, names[i].length);
		r = problem_set(why, FTX_E_USAGE, SIDE_LOCAL,
				"two sources have the last name '%s' and would land on each other",
				shown);
	}
	free(names);
	return r;
}
