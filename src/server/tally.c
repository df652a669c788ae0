#include "src/server/tally.h"

#include <string.h>
#include <sys/mman.h>

#define LINES (TALLY_CLIENTS + 1)
#define BYTES (LINES * sizeof(struct tally_line))

struct tally_line *
tally_new(void)
{
	struct tally_line *tally =
	    mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (tally == MAP_FAILED)
		return NULL;
	if (madvise(tally, BYTES, MADV_DONTFORK) != 0) {
		tally_free(tally);
		return NULL;
	}
	strcpy(tally[TALLY_CLIENTS].client, TALLY_OTHERS);
	return tally;
}

void
tally_free(struct tally_line *tally)
{
	if (tally != NULL)
		munmap(tally, BYTES);
}

/* Its line, or the first that is nobody's, or the last. */
static size_t
place(const struct tally_line *tally, const char *client)
{
	size_t i = 0;

	while (i < TALLY_CLIENTS && tally[i].client[0] != '\0' &&
	       strcmp(tally[i].client, client) != 0)
		i++;
	return i;
}

struct tally_line *
tally_of(struct tally_line *tally, const char *client)
{
	struct tally_line *line = &tally[place(tally, client)];

	if (line->client[0] == '\0')
		strcpy(line->client, client);
	return line;
}

const struct tally_line *
tally_find(const struct tally_line *tally, const char *client)
{
	const struct tally_line *line = &tally[place(tally, client)];

	return strcmp(line->client, client) == 0 ? line : NULL;
}

static void
add(uint64_t *sum, uint64_t *counted, uint64_t now)
{
	if (now > *counted)
		*sum += now - *counted;
	*counted = now;
}

void
tally_add(struct tally_line *line, struct tally_counted *counted, const struct activity_seen *seen)
{
	add(&line->received, &counted->received, seen->received);
	add(&line->sent, &counted->sent, seen->sent);
	add(&line->committed, &counted->committed, seen->committed);
}
