/*
 * Uploads whose size only COMMIT says, and sizes that are not what OPEN said.
 */
#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/store/upload.h"
#include "tests/hostile/rig.h"

static uint8_t content[2 * LIMIT_BLOCK_BYTES + 100];

/* The first length bytes of content, in chunks. */
static void
write_content(struct rig *rig, uint8_t handle, size_t length)
{
	for (size_t at = 0; at < length; at += LIMIT_CHUNK_BYTES) {
		size_t part = length - at < LIMIT_CHUNK_BYTES ? length - at : LIMIT_CHUNK_BYTES;
		struct message m = rig_write(handle, at, content + at, part);

		rig_send(rig, &m);
	}
}

static void
open_unknown(struct rig *rig, uint8_t handle, const char *path)
{
	struct message m = rig_open_request(handle, path, UPLOAD_SIZE_UNKNOWN);
	struct message answer = rig_ask(rig, &m, MESSAGE_HAVE);

	cr_assert_eq(answer.have.blocks.count, 0);
}

Test(unknown_size, is_what_the_commit_says)
{
	static const size_t sizes[] = {0, 1, LIMIT_BLOCK_BYTES, sizeof(content)};
	struct rig *rig = rig_open(RIGHT_PUT);

	memset(content, 'x', sizeof(content));
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct block_range sent = {0,
					   (sizes[i] + LIMIT_BLOCK_BYTES - 1) / LIMIT_BLOCK_BYTES};
		char path[] = "s/0", *name = path + 2;
		struct message m = rig_commit(0, sizes[i], content, &sent, sent.count > 0);
		size_t length;
		uint8_t *is;

		name[0] = (char)('0' + i);
		open_unknown(rig, 0, path);
		write_content(rig, 0, sizes[i]);
		rig_ask(rig, &m, MESSAGE_COMMITTED);
		is = rig_content(rig, name, &length);
		cr_expect(length == sizes[i] && memcmp(is, content, length) == 0);
		free(is);
	}
	rig_free(rig);
}

Test(unknown_size, is_not_less_than_was_sent)
{
	static const struct {
		size_t written;
		uint64_t size;
	} cases[] = {
	    {5, 4},
	    {5, 0},
	    {5, 6},
	    {5, LIMIT_FILE_BYTES},
	    {LIMIT_BLOCK_BYTES, LIMIT_BLOCK_BYTES - 1},
	    {LIMIT_BLOCK_BYTES + 5, LIMIT_BLOCK_BYTES},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_open(RIGHT_PUT);
		struct message m = rig_commit(0, cases[i].size, content, NULL, 0);

		open_unknown(rig, 0, "s/f");
		write_content(rig, 0, cases[i].written);
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "f"));
		rig_free(rig);
	}
}

Test(unknown_size, tells_which_blocks_a_larger_one_lacks)
{
	const uint64_t size = 2 * LIMIT_BLOCK_BYTES + 1;
	struct rig *rig = rig_open(RIGHT_PUT);
	struct message m, answer;

	open_unknown(rig, 0, "s/f");
	write_content(rig, 0, LIMIT_BLOCK_BYTES);
	m = rig_commit(0, size, content, NULL, 0);
	answer = rig_ask(rig, &m, MESSAGE_ERROR);
	cr_expect_eq(answer.error.code, -FTX_E_INCOMPLETE);
	cr_assert_eq(answer.error.blocks.count, 1);
	cr_expect_eq(answer.error.blocks.items[0].first, 1);
	cr_expect_eq(answer.error.blocks.items[0].count, 2);
	m = rig_commit(0, size + 1, content, NULL, 0);
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(unknown_size, a_known_one_cannot_be_another_at_commit)
{
	static const uint64_t sizes[] = {0, 4, 6, LIMIT_FILE_BYTES};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct rig *rig = rig_open(RIGHT_PUT);
		struct message m = rig_open_request(0, "s/f", 5);

		rig_ask(rig, &m, MESSAGE_HAVE);
		write_content(rig, 0, 5);
		m = rig_commit(0, sizes[i], content, NULL, 0);
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_expect(!rig_exists(rig, "f"));
		rig_free(rig);
	}
}

Test(unknown_size, no_other_size_over_the_limit_is_taken)
{
	static const uint64_t sizes[] = {LIMIT_FILE_BYTES + 1, UINT64_MAX - 1};
	struct rig *rig = rig_open(RIGHT_PUT);

	for (uint8_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct message m = rig_open_request(i, "s/f", sizes[i]);

		rig_expect_error(rig, &m, FTX_E_TOO_LARGE);
	}
	rig_free(rig);
}
