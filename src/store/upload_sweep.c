/*
 * Between the rename that publishes a file and the removal of its journal a process may be killed.
 * The next run finds the file as it shall be, opens nothing, and would leave the journal for ever.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/each_name.h"
#include "src/store/journal.h"
#include "src/store/upload.h"

#define SUFFIX	  ".jnl"
#define SWEEP_MAX 64u

/* ID.jnl, or ID.NODE.jnl: the .part beside it is not there. */
static bool
has_no_part(int up, const char *journal)
{
	char part[UPLOAD_ID_BYTES + UPLOAD_NODE_BYTES + sizeof(".part")];
	struct stat st;

	snprintf(part, sizeof(part), "%.*s.part", (int)(strlen(journal) - strlen(SUFFIX)), journal);
	return fstatat(up, part, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

/* Of this node. */
static bool
is_journal(const char *name, const char *node)
{
	size_t stem = UPLOAD_ID_BYTES - 1 + (node[0] != '\0' ? UPLOAD_NODE_BYTES : 0);

	if (strlen(name) != stem + strlen(SUFFIX) || strcmp(name + stem, SUFFIX) != 0)
		return false;
	return node[0] == '\0' || strncmp(name + UPLOAD_ID_BYTES, node, UPLOAD_NODE_BYTES - 1) == 0;
}

/* Who makes one, sets it up or commits holds the lock; who finds his gone makes another. */
static bool
sweep_one(int up, const char *name)
{
	struct journal j;
	bool swept = false;

	if (journal_open(&j, up, name) != 0)
		return false;
	if (journal_lock(&j, JOURNAL_EXCLUSIVE, 0) == 0 && journal_in_place(&j) &&
	    has_no_part(up, name))
		swept = unlinkat(up, name, 0) == 0;
	journal_close(&j);
	return swept;
}

struct sweep {
	int up;
	const char *node;
	unsigned swept;
};

static bool
sweep_name(void *arg, const char *name)
{
	struct sweep *s = arg;

	if (is_journal(name, s->node) && has_no_part(s->up, name) && sweep_one(s->up, name))
		s->swept++;
	return s->swept < SWEEP_MAX;
}

void
upload_sweep(int up, const char *node)
{
	struct sweep s = {.up = up, .node = node};

	each_name(up, sweep_name, &s);
}
