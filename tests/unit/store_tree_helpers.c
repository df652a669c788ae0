#include "store_tree.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "store_helpers.h"

struct tree *tree;
uint8_t flags;
struct metadata_rules tree_rules;

void
tree_again(bool overwrite, int temp_dir)
{
	const struct tree_options options = {
	    .root = room,
	    .rules = &tree_rules,
	    .overwrite = overwrite,
	    .temp_dir = temp_dir,
	};

	tree_free(tree);
	tree = tree_new(&options);
	cr_assert(tree != NULL);
}

void
tree_begin(void)
{
	room_begin();
	metadata_rules_init(&tree_rules, METADATA_CLIENT, false, true, room_up);
	tree_again(true, -1);
}

void
tree_end(void)
{
	tree_free(tree);
	tree = NULL;
	room_end();
}

void
make_dirs(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		cr_assert(mkdirat(room, part, 0755) == 0 || errno == EEXIST, "%s: %s", part,
			  strerror(errno));
	}
}

void
make_link(const char *target, const char *name)
{
	cr_assert(symlinkat(target, room, name) == 0, "%s: %s", name, strerror(errno));
}

bool
link_is(const char *name, const char *target)
{
	char is[PATH_MAX];
	ssize_t length = readlinkat(room, name, is, sizeof(is));

	return length == (ssize_t)strlen(target) && memcmp(is, target, (size_t)length) == 0;
}

struct metadata
metadata_for(enum entry_type type, mode_t mode)
{
	return (struct metadata){
	    .type = (uint8_t)type,
	    .mode = (uint16_t)mode,
	    .mtime_s = 1000000000,
	    .mtime_ns = 123456789,
	};
}
