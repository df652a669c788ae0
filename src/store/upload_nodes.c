/*
 * Several machines with one staging directory.  A lock of another machine need not be seen, and one
 * that was paused may go on at any moment, so nobody writes to what another node has made: who goes
 * on with its partial copies the blocks, each compared with the digest that its slot has.
 */
#include "src/store/upload_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/store/each_name.h"

#define JOURNAL_END ".jnl"
#define PART_END    ".part"
#define OTHERS_MAX  16u

/* The partials of this path that are not this node's. */
struct others {
	char stems[OTHERS_MAX][UPLOAD_NAME_BYTES]; /* without an end */
	unsigned count;
};

/* ID.jnl, of a time when there was one node, or ID.NODE.jnl; but not this node's own. */
static bool
is_other(const struct upload *u, const char *name)
{
	const size_t id = UPLOAD_ID_BYTES - 1, node = UPLOAD_NODE_BYTES - 1;
	const char *rest = name + id;

	if (strncmp(name, u->options.staging.id, id) != 0 || strcmp(name, u->journal_name) == 0)
		return false;
	if (strcmp(rest, JOURNAL_END) == 0)
		return true;
	return rest[0] == '.' && strspn(rest + 1, "0123456789abcdef") == node &&
	       strcmp(rest + 1 + node, JOURNAL_END) == 0;
}

struct search {
	const struct upload *u;
	struct others *others;
};

static bool
find_other(void *arg, const char *name)
{
	const struct search *search = arg;
	struct others *others = search->others;

	if (is_other(search->u, name))
		snprintf(others->stems[others->count++], UPLOAD_NAME_BYTES, "%.*s",
			 (int)(strlen(name) - strlen(JOURNAL_END)), name);
	return others->count < OTHERS_MAX;
}

static void
find_others(const struct upload *u, struct others *others)
{
	struct search search = {.u = u, .others = others};

	others->count = 0;
	each_name(u->options.staging.dir, find_other, &search);
}

static void
name_of(char out[static UPLOAD_NAME_BYTES], const char *stem, const char *end)
{
	snprintf(out, UPLOAD_NAME_BYTES, "%.*s%s", (int)(UPLOAD_NAME_BYTES - sizeof(PART_END)),
		 stem, end);
}

static bool
is_zeros(const uint8_t *data, size_t length)
{
	return data[0] == 0 && memcmp(data, data + 1, length - 1) == 0;
}

/* block, if it is what the other's slot says.  Only errors of this partial are returned. */
static int
copy_block(struct upload *u, int part, uint64_t block, const struct digest *expected, uint8_t *data)
{
	uint64_t size = block_bytes_of(u->options.identity.size, block);
	uint64_t offset = block * LIMIT_BLOCK_BYTES;
	struct digest digest;
	size_t got;

	if (pread_full(part, data, (size_t)size, offset, &got) != 0 || got != size)
		return 0;
	digest = digest_of(data, got);
	if (!digest_equal(&digest, expected))
		return 0;
	return is_zeros(data, got) ? upload_hole(u, offset, size)
				   : upload_write(u, offset, data, got);
}

static int
copy_blocks(struct upload *u, const struct journal *other, int part, uint8_t *data)
{
	struct journal_scan scan;
	struct digest digest;
	uint64_t block;
	bool found, there;
	int r;

	journal_scan_start(&scan, other);
	while (journal_scan_next(&scan, &found, &block, &digest) == 0 && found) {
		if ((r = journal_has(&u->journal, block, &there)) != 0)
			return r;
		if (there)
			continue;
		upload_long_call(u);
		if ((r = copy_block(u, part, block, &digest, data)) != 0)
			return r;
	}
	return 0;
}

/* Is it the same content?  Whose run it is of does not matter. */
static bool
is_of_this_source(const struct upload *u, const struct journal_header *h)
{
	const struct identity *i = &u->options.identity;

	return h->size == i->size && h->mtime_s == i->mtime_s && h->mtime_ns == i->mtime_ns;
}

static int
adopt_one(struct upload *u, const char *stem, uint8_t *data)
{
	char journal_name[UPLOAD_NAME_BYTES], part_name[UPLOAD_NAME_BYTES];
	int dir = u->options.staging.dir, part = -1, r = 0;
	struct journal j;

	name_of(journal_name, stem, JOURNAL_END);
	name_of(part_name, stem, PART_END);
	if (journal_open(&j, dir, journal_name) != 0)
		return 0;
	if (journal_read_header(&j) == 0 && is_of_this_source(u, &j.header))
		part = openat(dir, part_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (part >= 0) {
		r = copy_blocks(u, &j, part, data);
		close(part);
	}
	journal_close(&j);
	return r;
}

int
upload_adopt(struct upload *u)
{
	struct others others;
	uint8_t *data;
	int r = 0;

	/* Without a size nobody but the run that began it goes on, and in its order. */
	if (u->options.staging.node[0] == '\0' || upload_is_unsized(u))
		return 0;
	find_others(u, &others);
	if (others.count == 0)
		return 0;
	if ((r = upload_check_space(u)) != 0)
		return r;
	if ((data = malloc(LIMIT_BLOCK_BYTES)) == NULL)
		return FTX_E_NOMEM;
	for (unsigned i = 0; i < others.count && r == 0; i++)
		r = adopt_one(u, others.stems[i], data);
	free(data);
	return r != 0 ? r : upload_flush(u);
}

void
upload_drop_others(const struct upload *u)
{
	int dir = u->options.staging.dir;
	struct others others;

	if (u->options.staging.node[0] == '\0')
		return;
	find_others(u, &others);
	for (unsigned i = 0; i < others.count; i++) {
		char journal_name[UPLOAD_NAME_BYTES], part_name[UPLOAD_NAME_BYTES];
		struct journal j;

		name_of(journal_name, others.stems[i], JOURNAL_END);
		name_of(part_name, others.stems[i], PART_END);
		if (journal_open(&j, dir, journal_name) != 0)
			continue;
		if (journal_lock(&j, JOURNAL_EXCLUSIVE, 0) == 0 && journal_in_place(&j)) {
			unlinkat(dir, part_name, 0);
			unlinkat(dir, journal_name, 0);
		}
		journal_close(&j);
	}
}
