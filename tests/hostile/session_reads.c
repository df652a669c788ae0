/*
 * What a client asks of paths, rights and content.
 */
#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"
#include "tests/hostile/rig.h"

#define MIB (1024u * 1024u)

Test(session, paths_stay_inside_the_share)
{
	static const struct {
		const char *path;
		size_t length;
		int error;
	} cases[] = {
	    {"", 0, FTX_E_NOT_FOUND},	  {"t", 1, FTX_E_NOT_FOUND},
	    {"s/", 2, FTX_E_NAME},	  {"s/..", 4, FTX_E_NAME},
	    {"s/a/../b", 8, FTX_E_NAME},  {"s//a", 4, FTX_E_NAME},
	    {"/s/a", 4, FTX_E_NOT_FOUND}, {"s/.", 3, FTX_E_NAME},
	    {"s/a\0b", 5, FTX_E_NAME},	  {"s/.ftx", 6, FTX_E_NAME},
	    {"s/.ftx/x", 8, FTX_E_NAME},  {"s/.ftx-a", 8, FTX_E_NAME},
	    {"s/x", 3, FTX_E_NOT_FOUND},  {"s/x/y", 5, FTX_E_NOT_FOUND},
	};
	struct rig *rig = rig_open(RIGHTS_FULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m = {.type = MESSAGE_STAT};

		m.stat.path.data = (const uint8_t *)cases[i].path;
		m.stat.path.length = cases[i].length;
		rig_expect_error(rig, &m, cases[i].error);
	}
	rig_free(rig);
}

BothWays(session, T31_no_request_goes_through_a_symbolic_link)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = {.type = MESSAGE_STAT};
	struct message read = {.type = MESSAGE_READ};
	char link[128];

	snprintf(link, sizeof(link), "%s/out", rig->directory);
	cr_assert_eq(symlink("/etc", link), 0);
	m.stat.path = span_of("s/out/passwd");
	m = rig_ask(rig, &m, MESSAGE_ERROR);
	cr_assert_eq(m.error.code, -FTX_E_IS_LINK);
	cr_assert(memmem(m.error.text.data, m.error.text.length, "'out' is a link to '/etc'", 25));
	read.read.path = span_of("s/out/passwd");
	rig_expect_error(rig, &read, FTX_E_IS_LINK);
	read.read.path = span_of("s/out");
	rig_expect_error(rig, &read, FTX_E_IS_LINK);
	m = rig_open_request(0, "s/out/passwd", 1);
	rig_expect_error(rig, &m, FTX_E_IS_LINK);
	m = rig_open_request(1, "s/out", 1); /* the link itself, when it is committed */
	rig_ask(rig, &m, MESSAGE_HAVE);
	m = (struct message){.type = MESSAGE_STAT};
	m.stat.path = span_of("s/out");
	m = rig_ask(rig, &m, MESSAGE_ENTRY);
	cr_assert_eq(m.entry.attributes.metadata.type, ENTRY_SYMLINK);
	rig_free(rig);
}

Test(session, each_request_needs_its_right)
{
	struct rig *rig = rig_open(0);
	struct message m = {.type = MESSAGE_STAT};

	rig_file(rig, "f", "old", 3);
	m.stat.path = span_of("s/f");
	rig_expect_error(rig, &m, FTX_E_DENIED);
	m = (struct message){.type = MESSAGE_READ};
	m.read.path = span_of("s/f");
	rig_expect_error(rig, &m, FTX_E_DENIED);
	m = rig_open_request(0, "s/new", 1);
	rig_expect_error(rig, &m, FTX_E_DENIED);
	m = (struct message){.type = MESSAGE_SYNC};
	m.sync.share = span_of("s");
	rig_expect_error(rig, &m, FTX_E_DENIED);
	rig_free(rig);
}

Test(session, without_overwrite_an_existing_file_stays)
{
	struct rig *rig = rig_open(RIGHT_PUT);
	struct message m = rig_open_request(0, "s/f", 5);
	size_t length;
	uint8_t *stored;

	rig_ask(rig, &m, MESSAGE_HAVE);
	m = rig_write(0, 0, "hello", 5);
	rig_send(rig, &m);
	rig_file(rig, "f", "old", 3); /* between OPEN and COMMIT */
	m = rig_commit(0, 5, "hello", &(const struct block_range){0, 1}, 1);
	rig_expect_error(rig, &m, FTX_E_DENIED);
	stored = rig_content(rig, "f", &length);
	cr_assert(length == 3 && memcmp(stored, "old", 3) == 0);
	free(stored);
	rig_free(rig);
}

static struct message
read_request(struct rig *rig, const char *path, const struct range *ranges, uint32_t count)
{
	struct message m = {.type = MESSAGE_STAT};
	struct message read = {.type = MESSAGE_READ};

	m.stat.path = span_of(path);
	m = rig_ask(rig, &m, MESSAGE_ENTRY);
	read.read.path = span_of(path);
	read.read.identity = m.entry.attributes.identity;
	read.read.ranges.items = ranges;
	read.read.ranges.count = count;
	return read;
}

Test(session, read_ends_on_ranges_outside_the_file_or_out_of_order)
{
	static const struct range cases[][2] = {
	    {{0, 0}, {0, 1}}, {{0, 6}, {6, 1}}, {{6, 1}, {7, 1}},
	    {{0, 3}, {2, 1}}, {{3, 1}, {0, 1}}, {{1, LIMIT_FILE_BYTES}, {0, 1}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m;

		rig_file(rig, "f", "hello", 5);
		m = read_request(rig, "s/f", cases[i], 2);
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session, read_of_a_file_in_another_state_is_the_error_changed)
{
	static const struct range all = {0, 5};
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m;

	rig_file(rig, "f", "hello", 5);
	m = read_request(rig, "s/f", &all, 1);
	m.read.identity.mtime_ns ^= 1;
	rig_expect_error(rig, &m, FTX_E_CHANGED);
	m = read_request(rig, "s/f", &all, 1);
	m = rig_ask(rig, &m, MESSAGE_DATA);
	cr_assert(m.data.data.length == 5 && memcmp(m.data.data.data, "hello", 5) == 0);
	cr_assert_eq(rig_receive(rig, &m), 0);
	cr_assert_eq(m.type, MESSAGE_DONE);
	rig_free(rig);
}

Test(session, a_long_answer_does_not_outlive_the_supervisor)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct range all = {0, 64 * MIB};
	struct message m;
	char path[128];
	uint64_t parts = 0;
	int fd;

	rig_file(rig, "f", "", 0);
	snprintf(path, sizeof(path), "%s/f", rig->directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && posix_fallocate(fd, 0, 64 * MIB) == 0); /* not a hole */
	close(fd);
	m = read_request(rig, "s/f", &all, 1);
	m.read.compress = COMPRESS_NONE;
	rig_ask(rig, &m, MESSAGE_DATA);
	shutdown(rig->pair, SHUT_RDWR);
	do {
		cr_assert_eq(rig_receive(rig, &m), 0);
		parts++;
	} while (m.type == MESSAGE_DATA);
	cr_assert_eq(m.type, MESSAGE_CLOSE);
	cr_assert_eq(m.close.code, -FTX_E_STOPPING);
	cr_assert_lt(parts, 64 * MIB / LIMIT_CHUNK_BYTES / 2);
	rig_free(rig);
}
