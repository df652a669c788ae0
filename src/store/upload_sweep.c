/*
 * Between the rename that publishes a file and the removal of its journal a process may be killed.
 * The next run finds the file as it shall be, opens nothing, and would leave the journal for ever.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/journal.h"
#include "src/store/upload.h"

#define SUFFIX	  ".jnl"
#define SWEEP_MAX 64u

/* ID.jnl: its ID.part is not there. */
static bool
has_no_part(int up, const char *journal)
{
	char part[UPLOAD_ID_BYTES + sizeof(".part")];
	struct stat st;

	snprintf(part, sizeof(part), "%.*s.part", (int)(UPLOAD_ID_BYTES - 1), journal);
	return fstatat(up, part, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

static bool
is_journal(const char *name)
{
	return strlen(name) == UPLOAD_ID_BYTES - 1 + strlen(SUFFIX) &&
	       strcmp(name + UPLOAD_ID_BYTES - 1, SUFFIX) == 0;
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

void
upload_sweep(int up)
{
	int fd = openat(up, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	unsigned swept = 0;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (swept < SWEEP_MAX && (entry = readdir(d)) != NULL)
		if (is_journal(entry->d_name) && has_no_part(up, entry->d_name) &&
		    sweep_one(up, entry->d_name))
			swept++;
	closedir(d);
}
