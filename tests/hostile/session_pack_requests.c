#include "tests/hostile/session_pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/store/metadata.h"
#include "tests/harness/unit.h"

void
pack_fill(uint8_t *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13);
}

struct packed
pack_item(const char *path, const void *data, size_t length)
{
	struct packed p = {
	    .path = span_of(path),
	    .size = length,
	    .length = (uint32_t)length,
	    .flags = PACK_LAST,
	    .metadata = {.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1700000000},
	};
	struct digest digest = digest_of(data, length);

	memcpy(p.digest, digest.bytes, sizeof(p.digest));
	return p;
}

struct packed
pack_part(const char *path, const uint8_t *data, uint64_t size, uint64_t offset, size_t length,
	  uint8_t flags)
{
	struct packed p = pack_item(path, data + offset, length);

	p.size = size;
	p.offset = offset;
	p.flags = flags;
	return p;
}

struct message
pack_request(const struct packed *list, uint32_t count, const void *data, size_t length)
{
	struct message m = {.type = MESSAGE_PACK};

	m.pack.base = span_of("s");
	m.pack.items.items = list;
	m.pack.items.count = count;
	m.pack.raw_length = (uint32_t)length;
	m.pack.data.data = data;
	m.pack.data.length = length;
	return m;
}

void
pack_send(struct rig *rig, const struct packed *list, uint32_t count, const void *data,
	  size_t length)
{
	struct message m = pack_request(list, count, data, length);

	rig_send(rig, &m);
}

struct message
pack_commit(uint32_t count)
{
	struct message m = {.type = MESSAGE_COMMIT_PACKS};

	m.commit_packs.items = count;
	return m;
}

void
pack_expect_statuses(struct rig *rig, uint32_t count, const int *expected)
{
	struct message m = pack_commit(count);

	m = rig_ask(rig, &m, MESSAGE_COMMITTED_PACKS);
	cr_assert_eq(m.committed_packs.statuses.count, count);
	for (uint32_t i = 0; i < count; i++) {
		int status = -(int)m.committed_packs.statuses.items[i].code;

		cr_expect_eq(status, expected != NULL ? expected[i] : 0, "%u: %s", i,
			     error_name(status));
	}
}

bool
pack_content_is(struct rig *rig, const char *name, const void *data, size_t length)
{
	size_t is;
	uint8_t *content = rig_content(rig, name, &is);
	bool same = is == length && memcmp(content, data, length) == 0;

	free(content);
	return same;
}

unsigned
pack_left_in_staging(const struct rig *rig)
{
	char command[256], line[32] = "";
	FILE *f;

	snprintf(command, sizeof(command), "find %s/.ftx -type f | wc -l", rig->directory);
	f = popen(command, "r");
	cr_assert(f != NULL && fgets(line, sizeof(line), f) != NULL);
	pclose(f);
	return (unsigned)strtoul(line, NULL, 10);
}
