#include "tests/hostile/session_places.h"

#include "tests/harness/unit.h"
#include <stdio.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/store/metadata.h"

const char place_text[PLACE_TEXT_BYTES + 1] = "text";

int
place_ask(struct rig *rig, const struct message *m)
{
	struct message a;
	uint16_t code = 0;

	rig_send(rig, m);
	do {
		cr_assert_eq(rig_receive(rig, &a), 0, "%s", message_info(m->type)->name);
		cr_assert_neq(a.type, MESSAGE_CLOSE, "%s ended the connection",
			      message_info(m->type)->name);
		if (a.type == MESSAGE_ERROR)
			code = a.error.code;
		else if (a.type == MESSAGE_STATUSES)
			code = a.statuses.statuses.items[0].code;
		else if (a.type == MESSAGE_COMMITTED_PACKS)
			code = a.committed_packs.statuses.items[0].code;
		else if (a.type == MESSAGE_DIGESTS)
			code = a.digests.digests.items[0].code;
		else if (a.type == MESSAGE_VERDICTS)
			code = a.verdicts.verdicts.items[0].code;
		else if (a.type == MESSAGE_DATA_PACK)
			code = a.data_pack.items.items[0].code;
	} while (message_info(a.type)->kind == KIND_PART);
	return code == 0 ? 0 : error_from_wire(code);
}

static const char *
in_share(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "s/%s", path);
	return full;
}

static int
place_stat(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_STAT};

	m.stat.path = span_of(in_share(path));
	return place_ask(rig, &m);
}

static int
place_list(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_LIST};
	int r;

	m.list.path = span_of(in_share(path));
	r = place_ask(rig, &m);
	m = (struct message){.type = MESSAGE_NEXT};
	if (r == 0)
		(void)place_ask(rig, &m);
	return r;
}

int
place_statfs(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_STATFS};

	m.statfs.path = span_of(in_share(path));
	return place_ask(rig, &m);
}

static int
place_read(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_READ};

	m.read.path = span_of(in_share(path));
	return place_ask(rig, &m);
}

int
place_fetch(struct rig *rig, const char *path)
{
	const struct wanted file = {.path = span_of(path), .limit = 100};
	struct message m = {.type = MESSAGE_FETCH};

	m.fetch.base = span_of("s");
	m.fetch.files.items = &file;
	m.fetch.files.count = 1;
	return place_ask(rig, &m);
}

static int
place_digest(struct rig *rig, const char *path)
{
	const struct path_only file = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_DIGEST};

	m.digest.base = span_of("s");
	m.digest.paths.items = &file;
	m.digest.paths.count = 1;
	return place_ask(rig, &m);
}

int
place_put(struct rig *rig, const char *path)
{
	const struct block_range all = {0, 1};
	struct message m = rig_open_request(1, in_share(path), PLACE_TEXT_BYTES);
	int r = place_ask(rig, &m);

	if (r == 0) {
		m = rig_write(1, 0, place_text, PLACE_TEXT_BYTES);
		rig_send(rig, &m);
		m = rig_commit(1, PLACE_TEXT_BYTES, place_text, &all, 1);
		if ((r = place_ask(rig, &m)) == 0)
			return 0;
	}
	m = (struct message){.type = MESSAGE_RELEASE};
	m.release.handle = 1;
	m.release.discard = 1;
	(void)place_ask(rig, &m);
	return r;
}

int
place_pack(struct rig *rig, const char *path)
{
	struct message m = rig_send_pack(rig, path, place_text, PLACE_TEXT_BYTES);

	return place_ask(rig, &m);
}

/* OFFER, MKDIR, SYMLINK and SETMETA begin with the same fields. */
static int
place_node(struct rig *rig, enum message_type type, const char *path, uint8_t of)
{
	const struct node node = {
	    .path = span_of(path),
	    .target = span_of(of == ENTRY_SYMLINK ? "x" : ""),
	    .metadata = {.type = of, .mode = 0750, .mtime_s = 1000000000},
	};
	struct message m = {.type = type};

	m.mkdir.base = span_of("s");
	m.mkdir.nodes.items = &node;
	m.mkdir.nodes.count = 1;
	return place_ask(rig, &m);
}

int
place_offer(struct rig *rig, const char *path)
{
	return place_node(rig, MESSAGE_OFFER, path, ENTRY_FILE);
}

int
place_mkdir(struct rig *rig, const char *path)
{
	return place_node(rig, MESSAGE_MKDIR, path, ENTRY_DIRECTORY);
}

static int
place_symlink(struct rig *rig, const char *path)
{
	return place_node(rig, MESSAGE_SYMLINK, path, ENTRY_SYMLINK);
}

static int
place_setmeta(struct rig *rig, const char *path)
{
	return place_node(rig, MESSAGE_SETMETA, path, ENTRY_FILE);
}

static int
place_pair(struct rig *rig, enum message_type type, const char *path, const char *target)
{
	const struct path_pair pair = {.path = span_of(path), .target = span_of(target)};
	struct message m = {.type = type};

	if (type == MESSAGE_LINK) {
		m.link.base = span_of("s");
		m.link.pairs.items = &pair;
		m.link.pairs.count = 1;
	} else {
		m.rename.base = span_of("s");
		m.rename.replace = 1;
		m.rename.pairs.items = &pair;
		m.rename.pairs.count = 1;
	}
	return place_ask(rig, &m);
}

static int
place_link(struct rig *rig, const char *path)
{
	return place_pair(rig, MESSAGE_LINK, path, "plain");
}

static int
place_link_of(struct rig *rig, const char *path)
{
	return place_pair(rig, MESSAGE_LINK, "linked", path);
}

static int
place_rename_to(struct rig *rig, const char *path)
{
	return place_pair(rig, MESSAGE_RENAME, "plain", path);
}

int
place_rename_from(struct rig *rig, const char *path)
{
	return place_pair(rig, MESSAGE_RENAME, path, "renamed");
}

static int
place_remove(struct rig *rig, const char *path)
{
	const struct path_only only = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_REMOVE};

	m.remove.base = span_of("s");
	m.remove.paths.items = &only;
	m.remove.paths.count = 1;
	return place_ask(rig, &m);
}

static int
place_begin(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_BEGIN};

	m.begin.destination = span_of(in_share(path));
	m.begin.mode = 1;
	return place_ask(rig, &m);
}

const struct way ways[WAYS] = {
    {"STAT", place_stat},	    {"LIST", place_list},
    {"STATFS", place_statfs},	    {"READ", place_read},
    {"FETCH", place_fetch},	    {"DIGEST", place_digest},
    {"OFFER", place_offer},	    {"put", place_put},
    {"PACK", place_pack},	    {"MKDIR", place_mkdir},
    {"SYMLINK", place_symlink},	    {"SETMETA", place_setmeta},
    {"LINK", place_link},	    {"LINK of", place_link_of},
    {"RENAME to", place_rename_to}, {"RENAME from", place_rename_from},
    {"REMOVE", place_remove},	    {"BEGIN", place_begin},
};
