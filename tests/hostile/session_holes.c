/*
 * Holes in uploads and in what is read.
 */
#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "tests/hostile/rig.h"

Test(session_hole, T20_a_hole_of_nothing_or_without_its_handle_ends_the_connection)
{
	for (int i = 0; i < 3; i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct message m = rig_open_request(0, "s/f", 100000);

		rig_ask(rig, &m, MESSAGE_HAVE);
		m = (struct message){.type = MESSAGE_HOLE};
		m.hole.handle = i == 1 ? 1 : 0;
		m.hole.length = i == 0 ? 0 : i == 1 ? 100000 : 100001;
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session_hole, holes_come_and_go_as_such)
{
	static const uint64_t size = 8 * LIMIT_BLOCK_BYTES;
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/f", size);
	uint8_t *content = calloc(1, size);
	const struct range all = {0, size};
	struct message read = {.type = MESSAGE_READ};
	uint64_t holes = 0;
	uint8_t *stored;
	size_t length;

	memcpy(content, "hello", 5);
	rig_ask(rig, &m, MESSAGE_HAVE);
	m = rig_write(0, 0, content, 65536);
	rig_send(rig, &m);
	m = (struct message){.type = MESSAGE_HOLE};
	m.hole.offset = 65536;
	m.hole.length = size - 65536;
	rig_send(rig, &m);
	m = rig_commit(0, size, content, &(const struct block_range){0, 8}, 1);
	rig_ask(rig, &m, MESSAGE_COMMITTED);
	stored = rig_content(rig, "f", &length);
	cr_expect(length == size && memcmp(stored, content, size) == 0);
	free(stored);
	m = (struct message){.type = MESSAGE_STAT};
	m.stat.path = span_of("s/f");
	m = rig_ask(rig, &m, MESSAGE_ENTRY);
	cr_expect_lt(m.entry.attributes.allocated, size / 2);
	read.read.path = span_of("s/f");
	read.read.identity = m.entry.attributes.identity;
	read.read.ranges.items = &all;
	read.read.ranges.count = 1;
	rig_send(rig, &read);
	for (;;) {
		cr_assert_eq(rig_receive(rig, &m), 0);
		if (m.type == MESSAGE_DATA_HOLE)
			holes += m.data_hole.length;
		else if (m.type != MESSAGE_DATA)
			break;
	}
	cr_assert_eq(m.type, MESSAGE_DONE);
	cr_expect_eq(holes, size - 65536);
	free(content);
	rig_free(rig);
}
