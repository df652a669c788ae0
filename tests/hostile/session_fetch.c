/*
 * Small files by FETCH.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_pack.h"

static uint8_t bytes[LIMIT_CHUNK_BYTES];
static struct wanted wanted[LIMIT_ENTRIES];

static struct message
fetch(const char *const *paths, uint32_t count)
{
	struct message m = {.type = MESSAGE_FETCH};

	for (uint32_t i = 0; i < count; i++) {
		wanted[i].path = span_of(paths[i]);
		wanted[i].limit = LIMIT_GROUP_BYTES;
	}
	m.fetch.base = span_of("s");
	m.fetch.files.items = wanted;
	m.fetch.files.count = count;
	return m;
}

/* What came of a FETCH: for each file, in the order asked for, its error or its content. */
struct got {
	int code;
	uint64_t size;
	uint32_t parts;
	struct metadata metadata;
	uint8_t *content; /* NULL until its first part */
};

static void
take_items(const struct message_data_pack *m, struct got *got, uint32_t *next)
{
	static uint8_t raw[LIMIT_CHUNK_BYTES];
	struct decoder *d = decoder_new();
	const uint8_t *at = raw;

	if (m->raw_length > 0)
		cr_assert_eq(decoder_run(d, (enum codec)m->codec, m->data.data, m->data.length, raw,
					 m->raw_length),
			     0);
	decoder_free(d);
	for (uint32_t i = 0; i < m->items.count; i++) {
		const struct fetched *f = &m->items.items[i];
		struct digest digest = digest_of(at, f->length);
		struct got *g = &got[*next];

		cr_assert_eq(f->index, *next, "out of order");
		cr_assert_eq(memcmp(digest.bytes, f->digest, sizeof(f->digest)), 0);
		if (g->content == NULL)
			g->content = malloc(f->size + 1);
		g->code = -(int)f->code;
		g->size = f->size;
		g->metadata = f->metadata;
		g->parts++;
		cr_assert(f->offset + f->length <= f->size);
		memcpy(g->content + f->offset, at, f->length);
		at += f->length;
		*next += f->flags & PACK_LAST;
	}
	cr_assert_eq(at - raw, m->raw_length);
}

static void
ask_fetch(struct rig *rig, const struct message *m, struct got *got)
{
	uint32_t next = 0;
	struct message answer;

	rig_send(rig, m);
	for (;;) {
		cr_assert_eq(rig_receive(rig, &answer), 0);
		if (answer.type != MESSAGE_DATA_PACK)
			break;
		take_items(&answer.data_pack, got, &next);
	}
	cr_assert_eq(answer.type, MESSAGE_FETCHED, "%s", message_info(answer.type)->name);
	cr_assert_eq(answer.fetched.count, m->fetch.files.count);
	cr_assert_eq(next, m->fetch.files.count);
}

static void
got_free(struct got *got, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(got[i].content);
}

Test(session_fetch, sends_files_of_every_size_and_says_what_is_wrong_with_others)
{
	static const char *const paths[] = {"small", "dir",  "missing", "..",	 "link",
					    "fifo",  "none", "chunk",	"large", "dir/below"};
	static const int codes[] = {0,
				    FTX_E_CONFLICT,
				    FTX_E_NOT_FOUND,
				    FTX_E_NAME,
				    FTX_E_IS_LINK,
				    FTX_E_NOT_REGULAR,
				    0,
				    0,
				    0,
				    0};
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = fetch(paths, 10);
	uint8_t *large = malloc(3 * LIMIT_CHUNK_BYTES);
	char path[512];

	pack_fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < 3 * LIMIT_CHUNK_BYTES; i++)
		large[i] = bytes[i * 7 % LIMIT_CHUNK_BYTES] ^ (uint8_t)(i >> 18);
	snprintf(path, sizeof(path), "%s/dir", rig->directory);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", rig->directory);
	cr_assert_eq(symlink("small", path), 0);
	snprintf(path, sizeof(path), "%s/fifo", rig->directory);
	cr_assert_eq(mkfifo(path, 0644), 0);
	rig_file(rig, "small", "hello", 5);
	rig_file(rig, "none", "", 0);
	rig_file(rig, "chunk", large, LIMIT_CHUNK_BYTES);
	rig_file(rig, "large", large, 3 * LIMIT_CHUNK_BYTES);
	rig_file(rig, "dir/below", "world", 5);
	for (uint8_t compress = COMPRESS_AUTO; compress <= COMPRESS_ZSTD; compress++) {
		struct got got[10] = {0};

		m.fetch.compress = compress;
		ask_fetch(rig, &m, got);
		for (size_t i = 0; i < 10; i++)
			cr_expect_eq(got[i].code, codes[i], "%s: %s", paths[i],
				     error_name(got[i].code));
		cr_expect(got[0].size == 5 && memcmp(got[0].content, "hello", 5) == 0);
		cr_expect(got[0].metadata.type == ENTRY_FILE);
		cr_expect_eq(got[6].size, 0);
		cr_expect(got[7].size == LIMIT_CHUNK_BYTES &&
			  memcmp(got[7].content, large, LIMIT_CHUNK_BYTES) == 0);
		cr_expect(got[8].size == 3 * LIMIT_CHUNK_BYTES &&
			  memcmp(got[8].content, large, 3 * LIMIT_CHUNK_BYTES) == 0);
		cr_expect(got[9].size == 5 && memcmp(got[9].content, "world", 5) == 0);
		got_free(got, 10);
	}
	free(large);
	rig_free(rig);
}

Test(session_fetch, a_file_over_its_limit_is_too_large)
{
	static const char *const paths[] = {"a", "a"};
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = fetch(paths, 2);
	struct got got[2] = {0};

	rig_file(rig, "a", "hello", 5);
	wanted[0].limit = 4;
	wanted[1].limit = 5;
	ask_fetch(rig, &m, got);
	cr_expect_eq(got[0].code, FTX_E_TOO_LARGE);
	cr_expect_eq(got[1].code, 0);
	got_free(got, 2);
	rig_free(rig);
}

Test(session_fetch, T24_sends_1024_files_at_once)
{
	static char names[LIMIT_ENTRIES][16];
	static const char *paths[LIMIT_ENTRIES];
	static struct got got[LIMIT_ENTRIES];
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	for (uint32_t i = 0; i < LIMIT_ENTRIES; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		paths[i] = names[i];
		if (i % 2 == 0)
			rig_file(rig, names[i], names[i], strlen(names[i]));
	}
	m = fetch(paths, LIMIT_ENTRIES);
	ask_fetch(rig, &m, got);
	for (uint32_t i = 0; i < LIMIT_ENTRIES; i++) {
		cr_assert_eq(got[i].code, i % 2 == 0 ? 0 : FTX_E_NOT_FOUND);
		cr_assert(i % 2 != 0 || memcmp(got[i].content, names[i], got[i].size) == 0);
	}
	got_free(got, LIMIT_ENTRIES);
	rig_free(rig);
}

Test(session_fetch, needs_the_right_and_a_level_that_is_there)
{
	static const char *const paths[] = {"a"};
	struct rig *rig = rig_open(RIGHTS_FULL & ~RIGHT_GET);
	struct message m = fetch(paths, 1);

	rig_file(rig, "a", "hello", 5);
	rig_expect_error(rig, &m, FTX_E_DENIED);
	rig_free(rig);
	rig = rig_open(RIGHT_GET);
	rig_file(rig, "a", "hello", 5);
	m.fetch.compress = COMPRESS_ZLIB;
	m.fetch.level = 19;
	rig_expect_error(rig, &m, FTX_E_UNSUPPORTED);
	m.fetch.base = span_of("t");
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_free(rig);
}
