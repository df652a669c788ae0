#include "src/store/usage.h"

struct usage
usage_of(const struct stat *st)
{
	struct usage u = {.files = 1};
	uint64_t size, occupied;

	if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		return u;
	size = st->st_size > 0 ? (uint64_t)st->st_size : 0;
	occupied = st->st_blocks > 0 ? (uint64_t)st->st_blocks * 512 : 0;
	u.bytes = size < occupied ? size : occupied;
	return u;
}

static void
add(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

void
usage_note_made(struct usage_tally *tally, uint64_t directories)
{
	if (tally != NULL)
		add(&tally->made.files, directories);
}

void
usage_note_gone(struct usage_tally *tally, const struct stat *st)
{
	struct usage u = usage_of(st);

	if (tally == NULL || (!S_ISDIR(st->st_mode) && st->st_nlink > 1))
		return;
	add(&tally->gone.bytes, u.bytes);
	add(&tally->gone.files, u.files);
}
