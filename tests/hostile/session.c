/*
 * What no honest client sends: messages, chunks, uploads.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/codec.h"
#include "src/server/pair.h"
#include "src/server/sandbox.h"
#include "src/store/metadata.h"
#include "tests/hostile/rig.h"

#define MIB (1024u * 1024u)

static uint8_t content[3 * MIB];

static void
fill_content(void)
{
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
}

/* A valid message of a type with fields as small as they may be. */
static struct message
smallest(enum message_type type)
{
	struct message m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	if (type == MESSAGE_STAT)
		m.stat.path = span_of("s");
	return m;
}

/*
 * Must the session go on after this message, and answer it?  Handle and walk 0 are not open, so
 * only OPEN and LIST may name them; a PACK of nothing is nothing that anybody sends.
 */
static bool
goes_on(const struct message_info *info, unsigned state)
{
	const struct field_info *first = info->body.fields;
	bool of_handle = first->name != NULL && strcmp(first->name, "handle") == 0;

	return (info->sender & SENDER_CLIENT) != 0 && (info->states & state) != 0 &&
	       info->type != MESSAGE_PACK && info->type != MESSAGE_NEXT &&
	       (!of_handle || info->type == MESSAGE_OPEN);
}

static void
try_in_state(const struct message_info *info, bool open)
{
	struct rig *rig = open ? rig_open(RIGHTS_FULL) : rig_new(RIGHTS_FULL, NULL);
	struct message m = smallest(info->type);

	if (info->type == MESSAGE_HELLO && !open) {
		rig_hello(rig, 1);
		rig_expect_alive(rig);
	} else if (info->type == MESSAGE_CLOSE) {
		rig_send(rig, &m);
		cr_assert_eq(rig_receive(rig, &m), FTX_E_CLOSED, "CLOSE is not answered");
	} else if (goes_on(info, open ? STATE_OPEN : STATE_NEW)) {
		rig_send(rig, &m);
		cr_assert_eq(rig_receive(rig, &m), 0);
		cr_assert_neq(m.type, MESSAGE_CLOSE, "%s ended the connection", info->name);
		rig_expect_alive(rig);
	} else {
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
	}
	rig_free(rig);
}

Test(session, T21_takes_each_message_in_its_state_only)
{
	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++)
		if (message_info(type) != NULL) {
			try_in_state(message_info(type), false);
			try_in_state(message_info(type), true);
		}
}

Test(session, refuses_undecodable_plaintext)
{
	static const uint8_t bad[][3] = {{0}, {255}, {MESSAGE_PING, 0}, {MESSAGE_STAT, 9, 0}};
	static const size_t lengths[] = {1, 1, 2, 3};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);

		rig_send_plain(rig, bad[i], lengths[i]);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session, T09_says_nothing_after_a_record_that_was_tampered_with)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const uint8_t bad[] = {17, 0, 0,  0,  1,  2,  3,  4,  5,  6, 7,
			       8,  9, 10, 11, 12, 13, 14, 15, 16, 17};
	struct message m;

	cr_assert_eq(send(channel_fd(rig->channel), bad, sizeof(bad), 0), (ssize_t)sizeof(bad));
	cr_assert_eq(rig_receive(rig, &m), FTX_E_CLOSED);
	rig_free(rig);
}

Test(session, a_size_beyond_the_limit_is_an_error_of_the_request)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/f", LIMIT_FILE_BYTES + 1);

	rig_expect_error(rig, &m, FTX_E_TOO_LARGE);
	rig_expect_alive(rig);
	rig_free(rig);
}

/* Opens handle 0 on "s/f" with the size of content and sends these chunks. */
struct chunk {
	uint64_t offset;
	size_t length;
};

static struct rig *
with_chunks(const struct chunk *chunks, size_t count)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/f", sizeof(content));

	fill_content();
	rig_ask(rig, &m, MESSAGE_HAVE);
	for (size_t i = 0; i < count && chunks[i].length > 0; i++) {
		m = rig_write(0, chunks[i].offset, content + chunks[i].offset % MIB,
			      chunks[i].length);
		rig_send(rig, &m);
	}
	return rig;
}

Test(session, T24_ends_on_chunks_no_honest_client_sends)
{
	enum { K256 = LIMIT_CHUNK_BYTES };
	static const struct chunk cases[][3] = {
	    {{1, K256}},			 /* a gap at a block's start */
	    {{0, K256}, {0, K256}},		 /* twice */
	    {{0, K256}, {K256 - 1, K256}},	 /* overlap */
	    {{0, K256}, {K256 + 1, K256}},	 /* gap */
	    {{0, K256}, {2 * K256, K256}},	 /* a chunk left out */
	    {{0, K256}, {MIB, K256}},		 /* a second unfinished block */
	    {{MIB, K256}, {MIB - 1, 2}},	 /* over a block's end */
	    {{3 * MIB, 1}},			 /* at the file's end */
	    {{(uint64_t)1 << 53, 1}},		 /* far beyond */
	    {{2 * MIB, K256}, {3 * MIB - 1, 2}}, /* across the file's end */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = with_chunks(cases[i], 3);

		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_assert(!rig_exists(rig, "f"), "case %zu published a file", i);
		rig_free(rig);
	}
}

Test(session, T23_ends_on_chunks_that_do_not_decode_exactly)
{
	static const uint8_t bomb[] = {0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1};
	static const struct {
		uint8_t codec;
		uint32_t raw_length;
		size_t length;
	} cases[] = {{CODEC_RAW, 0, 0},	 {CODEC_RAW, 8, 9},  {CODEC_RAW, 9, 8},
		     {CODEC_ZLIB, 1, 8}, {CODEC_ZLIB, 2, 9}, {CODEC_ZLIB, 1, 0},
		     {CODEC_ZSTD, 1, 9}, {CODEC_ZSTD, 1, 0}, {CODEC_ZLIB, LIMIT_CHUNK_BYTES, 9}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = with_chunks(NULL, 0);
		struct message m = rig_write(0, 0, bomb, cases[i].length);

		m.write.codec = cases[i].codec;
		m.write.raw_length = cases[i].raw_length;
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session, T25_a_wrong_chunk_checksum_fails_the_handle_and_nothing_else)
{
	struct rig *rig = with_chunks(NULL, 0);
	struct message m = rig_write(0, 0, content, 1000);
	struct message release = {.type = MESSAGE_RELEASE};
	const struct block_range all = {0, 3};

	m.write.digest[5] ^= 1;
	rig_send(rig, &m);
	m = rig_write(0, 77777, content, 10); /* dropped, whatever it says */
	rig_send(rig, &m);
	m = (struct message){.type = MESSAGE_CHECKPOINT};
	rig_expect_error(rig, &m, FTX_E_MISMATCH);
	m = rig_commit(0, sizeof(content), content, &all, 1);
	rig_expect_error(rig, &m, FTX_E_MISMATCH);
	cr_assert(!rig_exists(rig, "f"));
	rig_expect_error(rig, &release, FTX_E_MISMATCH);
	m = rig_open_request(0, "s/f", 4);
	rig_ask(rig, &m, MESSAGE_HAVE);
	rig_free(rig);
}

/* All of content in chunks, on a handle. */
static void
send_content(struct rig *rig, uint8_t handle, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += LIMIT_CHUNK_BYTES) {
		struct message m = rig_write(handle, at, content + at, LIMIT_CHUNK_BYTES);

		rig_send(rig, &m);
	}
}

Test(session, T25_a_wrong_file_digest_publishes_nothing_and_asks_for_the_blocks_again)
{
	struct rig *rig = with_chunks(NULL, 0);
	const struct block_range all = {0, 3};
	struct message m;
	size_t length;
	uint8_t *stored;

	send_content(rig, 0, 0, sizeof(content));
	m = rig_commit(0, sizeof(content), content, &all, 1);
	m.commit.digest[0] ^= 1;
	m = rig_ask(rig, &m, MESSAGE_ERROR);
	cr_assert_eq(m.error.code, -FTX_E_MISMATCH);
	cr_assert_eq(m.error.blocks.count, 1);
	cr_assert_eq(m.error.blocks.items[0].first, 0);
	cr_assert_eq(m.error.blocks.items[0].count, 3);
	cr_assert(!rig_exists(rig, "f"));

	m = rig_commit(0, sizeof(content), content, &all, 1);
	m = rig_ask(rig, &m, MESSAGE_ERROR);
	cr_assert_eq(m.error.code, -FTX_E_INCOMPLETE, "the blocks are out of the table");
	send_content(rig, 0, 0, sizeof(content));
	m = rig_commit(0, sizeof(content), content, &all, 1);
	rig_ask(rig, &m, MESSAGE_COMMITTED);
	stored = rig_content(rig, "f", &length);
	cr_assert(length == sizeof(content) && memcmp(stored, content, length) == 0);
	free(stored);
	rig_free(rig);
}

/* As a client does that does not wait for HAVE: the block may come, and COMMIT need not name it. */
Test(session, a_block_that_is_there_may_be_sent_again)
{
	struct rig *rig = with_chunks(NULL, 0);
	struct message release = {.type = MESSAGE_RELEASE};
	const struct block_range last = {2, 1};
	struct message m = rig_open_request(0, "s/f", sizeof(content));
	size_t length;
	uint8_t *stored;

	send_content(rig, 0, 0, 2 * MIB);
	rig_ask(rig, &release, MESSAGE_OK);
	rig_send(rig, &m);
	send_content(rig, 0, 0, MIB);
	cr_assert_eq(rig_receive(rig, &m), 0);
	cr_assert_eq(m.type, MESSAGE_HAVE);
	cr_assert(m.have.blocks.count == 1 && m.have.blocks.items[0].first == 0 &&
		  m.have.blocks.items[0].count == 2);
	send_content(rig, 0, 2 * MIB, 3 * MIB);
	m = rig_commit(0, sizeof(content), content, &last, 1);
	rig_ask(rig, &m, MESSAGE_COMMITTED);
	stored = rig_content(rig, "f", &length);
	cr_assert(length == sizeof(content) && memcmp(stored, content, length) == 0);
	free(stored);
	rig_free(rig);
}

Test(session, commit_without_all_blocks_names_the_missing_ones)
{
	struct rig *rig = with_chunks(NULL, 0);
	const struct block_range sent[] = {{0, 1}, {2, 1}};
	struct message m;

	send_content(rig, 0, 0, MIB);
	send_content(rig, 0, 2 * MIB, 3 * MIB);
	m = rig_commit(0, sizeof(content), content, sent, 2);
	m = rig_ask(rig, &m, MESSAGE_ERROR);
	cr_assert_eq(m.error.code, -FTX_E_INCOMPLETE);
	cr_assert_eq(m.error.blocks.count, 1);
	cr_assert_eq(m.error.blocks.items[0].first, 1);
	cr_assert_eq(m.error.blocks.items[0].count, 1);
	cr_assert(!rig_exists(rig, "f"));
	rig_free(rig);
}

Test(session, one_failed_handle_does_not_disturb_another)
{
	struct rig *rig = with_chunks(NULL, 0);
	struct message m = rig_open_request(1, "s/g", 5);

	rig_ask(rig, &m, MESSAGE_HAVE);
	m = rig_write(0, 0, content, 10);
	m.write.digest[0] ^= 1;
	rig_send(rig, &m);
	m = rig_write(1, 0, "hello", 5);
	rig_send(rig, &m);
	m = rig_commit(1, 5, "hello", &(const struct block_range){0, 1}, 1);
	rig_ask(rig, &m, MESSAGE_COMMITTED);
	cr_assert(rig_exists(rig, "g") && !rig_exists(rig, "f"));
	rig_free(rig);
}

Test(session, an_answered_open_that_failed_keeps_its_handle_until_release)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(3, "s/../x", 5);
	struct message release = {.type = MESSAGE_RELEASE, .release = {.handle = 3}};

	rig_expect_error(rig, &m, FTX_E_NAME);
	m = rig_write(3, 0, "hello", 5);
	rig_send(rig, &m);
	m = rig_commit(3, 5, "hello", &(const struct block_range){0, 1}, 1);
	rig_expect_error(rig, &m, FTX_E_NAME);
	rig_expect_error(rig, &release, FTX_E_NAME);
	m = rig_open_request(3, "s/x", 5);
	rig_ask(rig, &m, MESSAGE_HAVE);
	m = rig_open_request(3, "s/y", 5); /* in use */
	rig_send(rig, &m);
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session, commit_checks_its_block_ranges)
{
	static const struct {
		struct block_range blocks[2];
		uint32_t count;
	} cases[] = {
	    {{{0, 0}}, 1},	   /* empty */
	    {{{0, 4}}, 1},	   /* beyond the file */
	    {{{1, 1}, {0, 1}}, 2}, /* not ascending */
	    {{{0, 2}, {1, 1}}, 2}, /* overlapping */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = with_chunks(NULL, 0);
		struct message m = rig_commit(0, 0, content, NULL, 0);

		send_content(rig, 0, 0, sizeof(content));
		m.commit.blocks.items = cases[i].blocks;
		m.commit.blocks.count = cases[i].count;
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		cr_assert(!rig_exists(rig, "f"));
		rig_free(rig);
	}
}

Test(session, T51b_a_file_held_by_two_sessions_is_not_published_by_one)
{
	struct rig *a = with_chunks(NULL, 0);
	struct rig *b = rig_new(RIGHTS_FULL, a);
	struct message open = rig_open_request(0, "s/f", sizeof(content));
	struct message release = {.type = MESSAGE_RELEASE};
	const struct block_range all = {0, 3};
	struct message m;

	rig_hello(b, 1);
	rig_ask(b, &open, MESSAGE_HAVE);
	send_content(a, 0, 0, sizeof(content));
	m = rig_commit(0, sizeof(content), content, &all, 1);
	rig_expect_error(a, &m, FTX_E_BUSY);
	cr_assert(!rig_exists(a, "f"));
	rig_ask(b, &release, MESSAGE_OK);
	rig_ask(a, &m, MESSAGE_COMMITTED);
	m = rig_write(0, 0, content, 1); /* the handle is free: nothing leads to the inode */
	rig_send(b, &m);
	rig_expect_close(b, FTX_E_PROTOCOL);
	cr_assert(rig_exists(a, "f"));
	rig_free(b);
	rig_free(a);
}

Test(session, another_run_finds_the_file_busy)
{
	struct rig *a = with_chunks(NULL, 0);
	struct rig *b = rig_new(RIGHTS_FULL, a);
	struct message open = rig_open_request(0, "s/f", sizeof(content));

	rig_hello(b, 2);
	rig_expect_error(b, &open, FTX_E_BUSY);
	rig_free(b);
	rig_free(a);
}

Test(session, ends_in_order_when_the_supervisor_says_so_or_is_gone)
{
	for (int gone = 0; gone <= 1; gone++) {
		struct rig *a = with_chunks(NULL, 0);
		struct rig *b;
		struct message m = rig_open_request(0, "s/f", sizeof(content));
		const struct pair_message stop = {.type = PAIR_STOP, .stop_error = FTX_E_STOPPING};

		send_content(a, 0, 0, 2 * MIB);
		rig_expect_alive(a);
		if (gone)
			shutdown(a->pair, SHUT_RDWR);
		else
			cr_assert_eq(pair_send(a->pair, &stop), 0);
		rig_expect_close(a, FTX_E_STOPPING);
		b = rig_new(RIGHTS_FULL, a);
		rig_hello(b, 2);
		m = rig_ask(b, &m, MESSAGE_HAVE);
		cr_assert_eq(m.have.blocks.count, 1, "finished blocks were not journalled");
		cr_assert_eq(m.have.blocks.items[0].count, 2);
		rig_free(b);
		rig_free(a);
	}
}

/* Keys move on after 2^14 records, which makes new contexts: what that needs is still there. */
Test(session, goes_on_confined_when_its_keys_move_on, .timeout = 60)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	char path[64], status[4096];
	size_t length;
	FILE *f;

	for (unsigned i = 0; i < (1u << 14) + 10; i++)
		rig_expect_alive(rig);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)rig->pid);
	cr_assert((f = fopen(path, "re")) != NULL);
	length = fread(status, 1, sizeof(status) - 1, f);
	fclose(f);
	status[length] = '\0';
	cr_expect(strstr(status, "NoNewPrivs:\t1\n") != NULL);
	if (!SANDBOX_SANITIZED)
		cr_expect(strstr(status, "Seccomp:\t2\n") != NULL);
	rig_free(rig);
}
