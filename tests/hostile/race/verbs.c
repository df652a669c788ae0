#include "tests/hostile/race/verbs.h"

#include <string.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"

/* What d holds, by way of the parent, and l by way of the leaf. */
static const char *const paths[] = {"s/d/f", "s/l"};
enum { PATHS = 2, TEXT_BYTES = 4 };
static const char text[] = "text";

static const char *
below_share(const char *path)
{
	return path + strlen("s/");
}

static void
ask_stat(struct scene *s)
{
	for (int i = 0; i < PATHS; i++) {
		struct message m = {.type = MESSAGE_STAT};

		m.stat.path = span_of(paths[i]);
		(void)scene_ask(s, &m);
	}
}

static void
ask_list(struct scene *s)
{
	static const char *const directories[] = {"s/d/sub", "s/d"};

	for (int i = 0; i < 2; i++) {
		struct message m = {.type = MESSAGE_LIST};

		m.list.path = span_of(directories[i]);
		m.list.recursive = 1;
		if (scene_ask(s, &m) != 0)
			continue;
		m = (struct message){.type = MESSAGE_NEXT};
		m.next.parts = 1;
		(void)scene_ask(s, &m);
	}
}

/* Of the file outside: as somebody asks who knows it. */
static void
ask_read(struct scene *s)
{
	const struct range all = {0, sizeof(OUTSIDE) - 1};

	for (int i = 0; i < PATHS; i++) {
		struct message m = {.type = MESSAGE_READ};

		m.read.path = span_of(paths[i]);
		m.read.identity = identity_of(&s->before[1]);
		m.read.compress = COMPRESS_NONE;
		m.read.ranges.items = &all;
		m.read.ranges.count = 1;
		(void)scene_ask(s, &m);
	}
}

static void
ask_fetch(struct scene *s)
{
	for (int i = 0; i < PATHS; i++) {
		const struct wanted file = {.path = span_of(below_share(paths[i])), .limit = 100};
		struct message m = {.type = MESSAGE_FETCH};

		m.fetch.base = span_of("s");
		m.fetch.compress = COMPRESS_NONE;
		m.fetch.files.items = &file;
		m.fetch.files.count = 1;
		(void)scene_ask(s, &m);
	}
}

static void
ask_digest(struct scene *s)
{
	for (int i = 0; i < PATHS; i++) {
		const struct path_only file = {.path = span_of(below_share(paths[i]))};
		struct message m = {.type = MESSAGE_DIGEST};

		m.digest.base = span_of("s");
		m.digest.paths.items = &file;
		m.digest.paths.count = 1;
		(void)scene_ask(s, &m);
	}
}

static struct node
node_of(const char *path, uint8_t type)
{
	return (struct node){
	    .path = span_of(path),
	    .target = span_of(type == ENTRY_SYMLINK ? "x" : ""),
	    .metadata = {.type = type, .mode = 0750, .mtime_s = 1000000000},
	};
}

static void
ask_offer(struct scene *s)
{
	for (int i = 0; i < PATHS; i++) {
		const struct node node = node_of(below_share(paths[i]), ENTRY_FILE);
		struct message m = {.type = MESSAGE_OFFER};

		m.offer.base = span_of("s");
		m.offer.nodes.items = &node;
		m.offer.nodes.count = 1;
		(void)scene_ask(s, &m);
	}
}

static void
ask_open_commit(struct scene *s)
{
	const struct block_range all = {0, 1};
	struct message m =
	    rig_open_request(1, s->round % 2 == 0 ? "s/d/new" : "s/d/made/new", TEXT_BYTES);

	if (scene_ask(s, &m) == 0) {
		m = rig_write(1, 0, text, TEXT_BYTES);
		rig_send(s->rig, &m);
		m = rig_commit(1, TEXT_BYTES, text, &all, 1);
		if (scene_ask(s, &m) == 0)
			return;
	}
	m = (struct message){.type = MESSAGE_RELEASE};
	m.release.handle = 1;
	m.release.discard = 1;
	(void)scene_ask(s, &m);
}

static void
ask_pack(struct scene *s)
{
	const char *path = s->round % 2 == 0 ? "d/new" : "d/made/new";
	struct message m = rig_send_pack(s->rig, path, text, TEXT_BYTES);

	(void)scene_ask(s, &m);
}

/* MKDIR, SYMLINK and SETMETA have the same fields. */
static void
ask_node(struct scene *s, enum message_type type, struct node node)
{
	struct message m = {.type = type};

	m.mkdir.base = span_of("s");
	m.mkdir.nodes.items = &node;
	m.mkdir.nodes.count = 1;
	(void)scene_ask(s, &m);
}

static void
ask_mkdir(struct scene *s)
{
	ask_node(s, MESSAGE_MKDIR, node_of("d/new", ENTRY_DIRECTORY));
}

static void
ask_symlink(struct scene *s)
{
	ask_node(s, MESSAGE_SYMLINK, node_of("d/new", ENTRY_SYMLINK));
}

static void
ask_setmeta(struct scene *s)
{
	ask_node(s, MESSAGE_SETMETA, node_of("d/f", ENTRY_FILE));
	ask_node(s, MESSAGE_SETMETA, node_of("d/sub", ENTRY_DIRECTORY));
	ask_node(s, MESSAGE_SETMETA, node_of("d", ENTRY_DIRECTORY));
	ask_node(s, MESSAGE_SETMETA, node_of("l", ENTRY_FILE));
}

/* LINK makes path another name of target, RENAME takes path away. */
static void
ask_pair(struct scene *s, enum message_type type, const char *path, const char *target)
{
	const struct path_pair pair = {.path = span_of(path), .target = span_of(target)};
	struct message m = {.type = type};

	if (type == MESSAGE_LINK) {
		m.link.base = span_of("s");
		m.link.pairs.items = &pair;
		m.link.pairs.count = 1;
	} else {
		m.rename.base = span_of("s");
		m.rename.pairs.items = &pair;
		m.rename.pairs.count = 1;
	}
	(void)scene_ask(s, &m);
}

static void
ask_link(struct scene *s)
{
	static const char *const pairs[][2] = {{"d/new", "plain"}, {"new", "d/f"}, {"new", "l"}};

	ask_pair(s, MESSAGE_LINK, pairs[s->round % 3][0], pairs[s->round % 3][1]);
}

static void
ask_rename(struct scene *s)
{
	static const char *const pairs[][2] = {{"plain", "d/new"}, {"d/f", "new"}};

	ask_pair(s, MESSAGE_RENAME, pairs[s->round % 2][0], pairs[s->round % 2][1]);
}

static void
ask_remove(struct scene *s)
{
	const struct path_only only = {.path = span_of("d/f")};
	struct message m = {.type = MESSAGE_REMOVE};

	m.remove.base = span_of("s");
	m.remove.paths.items = &only;
	m.remove.paths.count = 1;
	(void)scene_ask(s, &m);
}

static void
ask_publish(struct scene *s)
{
	struct message m = {.type = MESSAGE_BEGIN};
	int r;

	m.begin.destination = span_of("s/d/new");
	s->begun = s->begun || scene_ask(s, &m) == 0;
	if (!s->begun)
		return;
	m = (struct message){.type = MESSAGE_PUBLISH};
	m.publish.destination = span_of("s/d/new");
	r = scene_ask(s, &m);
	/* It has its name already where only what leads to it was lost. */
	s->begun = r != 0 && r != FTX_E_NOT_FOUND;
}

const struct verb verbs[VERBS] = {
    {"STAT", ask_stat},		 {"LIST", ask_list},	   {"READ", ask_read},
    {"FETCH", ask_fetch},	 {"DIGEST", ask_digest},   {"OFFER", ask_offer},
    {"COMMIT", ask_open_commit}, {"PACK", ask_pack},	   {"MKDIR", ask_mkdir},
    {"SYMLINK", ask_symlink},	 {"SETMETA", ask_setmeta}, {"LINK", ask_link},
    {"RENAME", ask_rename},	 {"REMOVE", ask_remove},   {"PUBLISH", ask_publish},
};
