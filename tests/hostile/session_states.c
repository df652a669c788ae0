/*
 * T21: what belongs to a handle that is not open, in each way of not being open, and messages in
 * the midst of others.
 */
#include "tests/harness/unit.h"
#include <string.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/server/policy.h"
#include "tests/hostile/rig.h"

enum { TEXT_BYTES = 4, HANDLE = 1 };
static const char text[] = "text";
static const struct block_range all = {0, 1};

static const enum message_type of_handle[] = {MESSAGE_WRITE, MESSAGE_HOLE, MESSAGE_CHECKPOINT,
					      MESSAGE_RELEASE, MESSAGE_COMMIT};
enum { OF_HANDLE = sizeof(of_handle) / sizeof(of_handle[0]) };

static struct message
message_of(enum message_type type)
{
	struct message m = {.type = type};

	if (type == MESSAGE_WRITE)
		return rig_write(HANDLE, 0, text, TEXT_BYTES);
	if (type == MESSAGE_COMMIT)
		return rig_commit(HANDLE, TEXT_BYTES, text, &all, 1);
	if (type == MESSAGE_HOLE) {
		m.hole.handle = HANDLE;
		m.hole.length = TEXT_BYTES;
	} else if (type == MESSAGE_CHECKPOINT) {
		m.checkpoint.handle = HANDLE;
	} else {
		m.release.handle = HANDLE;
	}
	return m;
}

static void
never_opened(struct rig *rig)
{
	const struct message m = rig_open_request(HANDLE + 1, "s/other", TEXT_BYTES);

	rig_ask(rig, &m, MESSAGE_HAVE);
}

static void
released(struct rig *rig)
{
	const struct message open = rig_open_request(HANDLE, "s/f", TEXT_BYTES);
	const struct message release = message_of(MESSAGE_RELEASE);

	rig_ask(rig, &open, MESSAGE_HAVE);
	rig_ask(rig, &release, MESSAGE_OK);
}

static void
committed(struct rig *rig)
{
	const struct message open = rig_open_request(HANDLE, "s/f", TEXT_BYTES);
	const struct message write = message_of(MESSAGE_WRITE);
	const struct message commit = message_of(MESSAGE_COMMIT);

	rig_ask(rig, &open, MESSAGE_HAVE);
	rig_send(rig, &write);
	rig_ask(rig, &commit, MESSAGE_COMMITTED);
}

/* OPEN failed, and that was taken note of. */
static void
failed_and_released(struct rig *rig)
{
	const struct message open = rig_open_request(HANDLE, "s/../f", TEXT_BYTES);
	const struct message release = message_of(MESSAGE_RELEASE);

	rig_expect_error(rig, &open, FTX_E_NAME);
	rig_expect_error(rig, &release, FTX_E_NAME);
}

Test(session_states, T21_a_handle_that_is_not_open_ends_the_connection, .timeout = 120)
{
	static void (*const ways[])(struct rig * rig) = {never_opened, released, committed,
							 failed_and_released};

	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++)
		for (size_t i = 0; i < OF_HANDLE; i++) {
			struct rig *rig = rig_open(RIGHTS_FULL);
			const struct message m = message_of(of_handle[i]);

			ways[way](rig);
			rig_send(rig, &m);
			rig_expect_close(rig, FTX_E_PROTOCOL);
			cr_expect(way == 2 || !rig_exists(rig, "f"), "%s",
				  message_info(m.type)->name);
			rig_free(rig);
		}
}

/* The error of OPEN comes back, whatever is asked, and WRITE and HOLE have no answer. */
Test(session_states, T21_a_handle_that_failed_goes_on_failing)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct message open = rig_open_request(HANDLE, "s/../f", TEXT_BYTES);

	rig_expect_error(rig, &open, FTX_E_NAME);
	for (size_t i = 0; i < OF_HANDLE; i++) {
		const struct message m = message_of(of_handle[i]);

		if (m.type == MESSAGE_RELEASE)
			continue;
		if (message_info(m.type)->kind == KIND_UNANSWERED)
			rig_send(rig, &m);
		else
			rig_expect_error(rig, &m, FTX_E_NAME);
	}
	rig_expect_alive(rig);
	rig_free(rig);
}

Test(session_states, T21_opening_what_is_open_ends_the_connection)
{
	for (int failed = 0; failed < 2; failed++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m = rig_open_request(HANDLE, failed ? "s/../f" : "s/f", TEXT_BYTES);

		if (failed)
			rig_expect_error(rig, &m, FTX_E_NAME);
		else
			rig_ask(rig, &m, MESSAGE_HAVE);
		m = rig_open_request(HANDLE, "s/g", TEXT_BYTES);
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

/* Each handle there is, and the same file by two of them. */
Test(session_states, T21_all_handles_can_be_open_and_no_more)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = {.type = MESSAGE_CHECKPOINT};
	uint8_t plain[512];
	char path[8];
	size_t length;

	for (uint8_t i = 0; i < LIMIT_HANDLES; i++) {
		path[0] = 's';
		path[1] = '/';
		path[2] = (char)('0' + i);
		path[3] = '\0';
		m = rig_open_request(i, path, TEXT_BYTES);
		rig_ask(rig, &m, MESSAGE_HAVE);
	}
	rig_expect_alive(rig);
	m = rig_open_request(0, "s/beyond", TEXT_BYTES);
	cr_assert_eq(message_encode(&m, plain, sizeof(plain), &length), 0);
	plain[1] = LIMIT_HANDLES;
	rig_send_plain(rig, plain, length);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

/* A file that a PACK has begun is gone on with, or ended, by nothing else. */
Test(session_states, T21_a_file_half_packed_is_not_committed)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct digest digest = digest_of(text, TEXT_BYTES);
	struct packed item = {.path = span_of("f"), .size = 2 * TEXT_BYTES, .length = TEXT_BYTES};
	struct message m = {.type = MESSAGE_PACK};

	memcpy(item.digest, digest.bytes, sizeof(item.digest));
	m.pack.base = span_of("s");
	m.pack.items.items = &item;
	m.pack.items.count = 1;
	m.pack.raw_length = TEXT_BYTES;
	m.pack.data = span_of(text);
	rig_send(rig, &m);
	rig_expect_alive(rig); /* other requests may come in between */
	m = (struct message){.type = MESSAGE_COMMIT_PACKS};
	m.commit_packs.items = 1;
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	cr_expect(!rig_exists(rig, "f"));
	rig_free(rig);
}
