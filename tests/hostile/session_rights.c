/*
 * Every request with every set of rights, on real sessions.  What nobody has the right to is
 * denied; what only meets something that is there says so to who may list, and is denied to others.
 */
#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/server/policy.h"
#include "src/server/sandbox.h"
#include "src/store/metadata.h"
#include "src/store/tree.h"
#include "tests/hostile/rig.h"

enum { NO_RIGHT = 0x80 }; /* as a right: that nobody has */

static const uint8_t text[] = "text";
enum { TEXT_BYTES = 4 };
static const char *base = "s"; /* of MKDIR, SETMETA and REMOVE */

/* The error of the answer to m; 0 where it is of this type. */
static int
error_of(struct rig *rig, const struct message *m, enum message_type good, struct message *answer)
{
	rig_send(rig, m);
	do
		cr_assert_eq(rig_receive(rig, answer), 0, "%s", message_info(m->type)->name);
	while (message_info(answer->type)->kind == KIND_PART);
	if (answer->type == MESSAGE_ERROR)
		return error_from_wire(answer->error.code);
	cr_assert_eq(answer->type, good, "%s was answered by %s", message_info(m->type)->name,
		     message_info(answer->type)->name);
	return 0;
}

/* The same where the answer is one status. */
static int
status_of(struct rig *rig, const struct message *m)
{
	struct message answer;
	int r = error_of(rig, m, MESSAGE_STATUSES, &answer);

	if (r != 0)
		return r;
	cr_assert_eq(answer.statuses.statuses.count, 1);
	return answer.statuses.statuses.items[0].code == 0
		   ? 0
		   : error_from_wire(answer.statuses.statuses.items[0].code);
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

static int
ask_ping(struct rig *rig)
{
	const struct message m = {.type = MESSAGE_PING};
	struct message answer;

	return error_of(rig, &m, MESSAGE_PONG, &answer);
}

static int
ask_stat(struct rig *rig)
{
	struct message m = {.type = MESSAGE_STAT}, answer;

	m.stat.path = span_of("s/there");
	return error_of(rig, &m, MESSAGE_ENTRY, &answer);
}

static int
ask_list(struct rig *rig)
{
	struct message m = {.type = MESSAGE_LIST}, answer;

	m.list.path = span_of("s");
	return error_of(rig, &m, MESSAGE_OK, &answer);
}

static int
ask_next(struct rig *rig)
{
	struct message m = {.type = MESSAGE_LIST}, answer;
	int r;

	m.list.walk = 1;
	m.list.path = span_of("s");
	if ((r = error_of(rig, &m, MESSAGE_OK, &answer)) != 0)
		return r;
	m = (struct message){.type = MESSAGE_NEXT};
	m.next.walk = 1;
	m.next.parts = 1;
	return error_of(rig, &m, MESSAGE_LIST_DONE, &answer);
}

static int
ask_statfs(struct rig *rig)
{
	struct message m = {.type = MESSAGE_STATFS}, answer;

	m.statfs.path = span_of("s");
	return error_of(rig, &m, MESSAGE_SPACE, &answer);
}

static int
read_request(struct rig *rig, const char *name)
{
	const struct range all = {.length = TEXT_BYTES};
	struct message m = {.type = MESSAGE_READ}, answer;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/there", rig->directory);
	cr_assert(stat(path, &st) == 0);
	snprintf(path, sizeof(path), "s/%s", name);
	m.read.path = span_of(path);
	m.read.identity = identity_of(&st);
	m.read.ranges.items = &all;
	m.read.ranges.count = 1;
	return error_of(rig, &m, MESSAGE_DONE, &answer);
}

/* What is said of the one file asked for; the last word is FETCHED. */
static int
fetch_request(struct rig *rig, const char *name)
{
	const struct wanted wanted = {.path = span_of(name), .limit = 100};
	struct message m = {.type = MESSAGE_FETCH}, answer;
	int r;

	m.fetch.base = span_of("s");
	m.fetch.files.items = &wanted;
	m.fetch.files.count = 1;
	rig_send(rig, &m);
	cr_assert_eq(rig_receive(rig, &answer), 0);
	if (answer.type == MESSAGE_ERROR)
		return error_from_wire(answer.error.code);
	cr_assert_eq(answer.type, MESSAGE_DATA_PACK);
	cr_assert_eq(answer.data_pack.items.count, 1);
	r = answer.data_pack.items.items[0].code == 0
		? 0
		: error_from_wire(answer.data_pack.items.items[0].code);
	cr_assert_eq(rig_receive(rig, &answer), 0);
	cr_assert_eq(answer.type, MESSAGE_FETCHED);
	return r;
}

static int
digest_request(struct rig *rig, const char *name)
{
	const struct path_only path = {.path = span_of(name)};
	struct message m = {.type = MESSAGE_DIGEST}, answer;
	int r;

	m.digest.base = span_of("s");
	m.digest.paths.items = &path;
	m.digest.paths.count = 1;
	if ((r = error_of(rig, &m, MESSAGE_DIGESTS, &answer)) != 0)
		return r;
	return answer.digests.digests.items[0].code == 0
		   ? 0
		   : error_from_wire(answer.digests.digests.items[0].code);
}

static int
ask_read(struct rig *rig)
{
	return read_request(rig, "there");
}

static int
ask_read_directory(struct rig *rig)
{
	return read_request(rig, "directory");
}

static int
ask_read_link(struct rig *rig)
{
	return read_request(rig, "link");
}

static int
ask_read_below_link(struct rig *rig)
{
	return read_request(rig, "link/x");
}

static int
ask_read_missing(struct rig *rig)
{
	return read_request(rig, "missing");
}

static int
ask_fetch(struct rig *rig)
{
	return fetch_request(rig, "there");
}

static int
ask_fetch_directory(struct rig *rig)
{
	return fetch_request(rig, "directory");
}

static int
ask_fetch_link(struct rig *rig)
{
	return fetch_request(rig, "link");
}

static int
ask_fetch_below_link(struct rig *rig)
{
	return fetch_request(rig, "link/x");
}

static int
ask_fetch_missing(struct rig *rig)
{
	return fetch_request(rig, "missing");
}

static int
ask_digest(struct rig *rig)
{
	return digest_request(rig, "there");
}

static int
ask_digest_directory(struct rig *rig)
{
	return digest_request(rig, "directory");
}

static int
ask_digest_link(struct rig *rig)
{
	return digest_request(rig, "link");
}

static int
ask_digest_below_link(struct rig *rig)
{
	return digest_request(rig, "link/x");
}

static int
ask_digest_missing(struct rig *rig)
{
	return digest_request(rig, "missing");
}

static int
ask_sync(struct rig *rig)
{
	struct message m = {.type = MESSAGE_SYNC}, answer;

	m.sync.share = span_of("s");
	return error_of(rig, &m, MESSAGE_OK, &answer);
}

static int
offer(struct rig *rig, const char *path, unsigned state)
{
	const struct node node = node_of(path, ENTRY_FILE);
	struct message m = {.type = MESSAGE_OFFER}, answer;
	const struct offer_verdict *v;
	int r;

	m.offer.base = span_of("s");
	m.offer.nodes.items = &node;
	m.offer.nodes.count = 1;
	if ((r = error_of(rig, &m, MESSAGE_VERDICTS, &answer)) != 0)
		return r;
	v = &answer.verdicts.verdicts.items[0];
	if (v->state == TREE_ERROR)
		return error_from_wire(v->code);
	cr_expect_eq(v->state, state, "OFFER of %s: %u", path, v->state);
	return 0;
}

static int
ask_offer_absent(struct rig *rig)
{
	return offer(rig, "absent", TREE_ABSENT);
}

static int
ask_offer_there(struct rig *rig)
{
	return offer(rig, "there", TREE_DIFFERS);
}

static void
release(struct rig *rig, uint8_t handle)
{
	struct message m = {.type = MESSAGE_RELEASE}, answer;

	m.release.handle = handle;
	m.release.discard = 1;
	(void)error_of(rig, &m, MESSAGE_OK, &answer);
}

static int
open_upload(struct rig *rig, uint8_t handle, const char *path)
{
	const struct message m = rig_open_request(handle, path, TEXT_BYTES);
	struct message answer;

	return error_of(rig, &m, MESSAGE_HAVE, &answer);
}

static int
ask_open_there(struct rig *rig)
{
	int r = open_upload(rig, 1, "s/there");

	release(rig, 1);
	return r;
}

static int
ask_open_through_link(struct rig *rig)
{
	int r = open_upload(rig, 1, "s/link/x");

	release(rig, 1);
	return r;
}

static int
ask_checkpoint(struct rig *rig)
{
	struct message m = {.type = MESSAGE_CHECKPOINT}, answer;
	int r;

	(void)open_upload(rig, 1, "s/checkpoint");
	m.checkpoint.handle = 1;
	r = error_of(rig, &m, MESSAGE_OK, &answer);
	release(rig, 1);
	return r;
}

static int
ask_hole(struct rig *rig)
{
	struct message m = {.type = MESSAGE_HOLE};
	int r = open_upload(rig, 1, "s/hole");

	m.hole.handle = 1;
	m.hole.length = TEXT_BYTES;
	rig_send(rig, &m);
	release(rig, 1);
	return r;
}

static int
ask_release(struct rig *rig)
{
	struct message m = {.type = MESSAGE_RELEASE}, answer;

	(void)open_upload(rig, 1, "s/release");
	m.release.handle = 1;
	return error_of(rig, &m, MESSAGE_OK, &answer);
}

/* Whole, to path; after: another has made it meanwhile. */
static int
upload(struct rig *rig, const char *path, bool meanwhile)
{
	const struct block_range all = {0, 1};
	struct message m, answer;
	int r;

	(void)open_upload(rig, 1, path);
	m = rig_write(1, 0, text, TEXT_BYTES);
	rig_send(rig, &m);
	if (meanwhile)
		rig_file(rig, path + 2, "other", 5);
	m = rig_commit(1, TEXT_BYTES, text, &all, 1);
	if ((r = error_of(rig, &m, MESSAGE_COMMITTED, &answer)) != 0)
		release(rig, 1);
	return r;
}

static int
ask_write(struct rig *rig)
{
	return upload(rig, "s/write", false);
}

static int
ask_commit(struct rig *rig)
{
	return upload(rig, "s/commit", false);
}

static int
ask_commit_meanwhile(struct rig *rig)
{
	return upload(rig, "s/meanwhile", true);
}

static int
pack(struct rig *rig, const char *path)
{
	struct message m = rig_send_pack(rig, path, text, TEXT_BYTES), answer;
	int r;

	if ((r = error_of(rig, &m, MESSAGE_COMMITTED_PACKS, &answer)) != 0)
		return r;
	return answer.committed_packs.statuses.items[0].code == 0
		   ? 0
		   : error_from_wire(answer.committed_packs.statuses.items[0].code);
}

static int
ask_pack(struct rig *rig)
{
	return pack(rig, "pack");
}

static int
ask_pack_there(struct rig *rig)
{
	return pack(rig, "there-2");
}

static int
ask_pack_over_directory(struct rig *rig)
{
	return pack(rig, "directory");
}

static int
mkdir_request(struct rig *rig, const char *path)
{
	const struct node node = node_of(path, ENTRY_DIRECTORY);
	struct message m = {.type = MESSAGE_MKDIR};

	m.mkdir.base = span_of(base);
	m.mkdir.nodes.items = &node;
	m.mkdir.nodes.count = 1;
	return status_of(rig, &m);
}

static int
ask_mkdir(struct rig *rig)
{
	return mkdir_request(rig, "mkdir");
}

static int
ask_mkdir_there(struct rig *rig)
{
	return mkdir_request(rig, "directory");
}

static int
ask_mkdir_over_file(struct rig *rig)
{
	return mkdir_request(rig, "there");
}

static int
symlink_request(struct rig *rig, const char *path)
{
	const struct node node = node_of(path, ENTRY_SYMLINK);
	struct message m = {.type = MESSAGE_SYMLINK};

	m.symlink.base = span_of("s");
	m.symlink.nodes.items = &node;
	m.symlink.nodes.count = 1;
	return status_of(rig, &m);
}

static int
ask_symlink(struct rig *rig)
{
	return symlink_request(rig, "symlink");
}

static int
ask_symlink_there(struct rig *rig)
{
	return symlink_request(rig, "there-3");
}

static int
link_request(struct rig *rig, const char *path)
{
	const struct path_pair pair = {.path = span_of(path), .target = span_of("there")};
	struct message m = {.type = MESSAGE_LINK};

	m.link.base = span_of("s");
	m.link.pairs.items = &pair;
	m.link.pairs.count = 1;
	return status_of(rig, &m);
}

static int
ask_link(struct rig *rig)
{
	return link_request(rig, "link-new");
}

static int
ask_link_there(struct rig *rig)
{
	return link_request(rig, "there-4");
}

static int
setmeta_request(struct rig *rig, const char *path, uint8_t type)
{
	const struct node node = node_of(path, type);
	struct message m = {.type = MESSAGE_SETMETA};

	m.setmeta.base = span_of(base);
	m.setmeta.nodes.items = &node;
	m.setmeta.nodes.count = 1;
	return status_of(rig, &m);
}

static int
ask_setmeta(struct rig *rig)
{
	return setmeta_request(rig, "there-5", ENTRY_FILE);
}

static int
ask_setmeta_of_directory(struct rig *rig)
{
	return setmeta_request(rig, "directory", ENTRY_DIRECTORY);
}

static int
ask_setmeta_of_the_root(struct rig *rig)
{
	return setmeta_request(rig, "", ENTRY_DIRECTORY);
}

static int
ask_setmeta_of_own(struct rig *rig)
{
	(void)mkdir_request(rig, "own");
	return setmeta_request(rig, "own", ENTRY_DIRECTORY);
}

static int
remove_request(struct rig *rig, const char *path)
{
	const struct path_only only = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_REMOVE};

	m.remove.base = span_of(base);
	m.remove.paths.items = &only;
	m.remove.paths.count = 1;
	return status_of(rig, &m);
}

static int
ask_remove(struct rig *rig)
{
	return remove_request(rig, "there-6");
}

static int
ask_remove_full(struct rig *rig)
{
	return remove_request(rig, "full");
}

static int
rename_request(struct rig *rig, const char *from, const char *to, uint8_t replace)
{
	const struct path_pair pair = {.path = span_of(from), .target = span_of(to)};
	struct message m = {.type = MESSAGE_RENAME};

	m.rename.base = span_of("s");
	m.rename.replace = replace;
	m.rename.pairs.items = &pair;
	m.rename.pairs.count = 1;
	return status_of(rig, &m);
}

static int
ask_rename(struct rig *rig)
{
	return rename_request(rig, "there-7", "renamed", 0);
}

static int
ask_rename_there(struct rig *rig)
{
	return rename_request(rig, "there-8", "there", 0);
}

static int
ask_rename_over(struct rig *rig)
{
	return rename_request(rig, "there-8", "there-9", 1);
}

static int
begin_set(struct rig *rig, const char *destination, uint8_t mode)
{
	struct message m = {.type = MESSAGE_BEGIN}, answer;

	m.begin.destination = span_of(destination);
	m.begin.mode = mode;
	return error_of(rig, &m, MESSAGE_BEGUN, &answer);
}

static int
publish_set(struct rig *rig, const char *destination, uint8_t mode)
{
	struct message m = {.type = MESSAGE_PUBLISH}, answer;
	int r = begin_set(rig, destination, mode);

	if (r != 0)
		return r;
	/* In a set everything may be done: it is nobody else's yet. */
	base = destination;
	cr_expect_eq(mkdir_request(rig, "own"), 0);
	cr_expect_eq(setmeta_request(rig, "own", ENTRY_DIRECTORY), 0);
	cr_expect_eq(remove_request(rig, "own"), 0);
	base = "s";
	m.publish.destination = span_of(destination);
	return error_of(rig, &m, MESSAGE_PUBLISHED, &answer);
}

static int
ask_begin(struct rig *rig)
{
	return begin_set(rig, "s/set", 0);
}

static int
ask_begin_there(struct rig *rig)
{
	return begin_set(rig, "s/directory", 0);
}

static int
ask_begin_exchange(struct rig *rig)
{
	return begin_set(rig, "s/directory", 1);
}

static int
ask_publish(struct rig *rig)
{
	return publish_set(rig, "s/set", 0);
}

static int
ask_publish_exchange(struct rig *rig)
{
	return publish_set(rig, "s/directory", 1);
}

static int
ask_close(struct rig *rig)
{
	const struct message m = {.type = MESSAGE_CLOSE};
	struct message answer;

	rig_send(rig, &m);
	return rig_receive(rig, &answer) == FTX_E_CLOSED ? 0 : FTX_E_PROTOCOL;
}

enum {
	LIST = RIGHT_LIST,
	GET = RIGHT_GET,
	PUT = RIGHT_PUT,
	OVERWRITE = RIGHT_OVERWRITE,
	DELETE = RIGHT_DELETE,
};

/*
 * needs: without all of them it is denied.  more: without all of these it is denied to who may not
 * list, and has the error told to others.  alone: on a connection of its own.
 */
static const struct row {
	enum message_type type;
	const char *what;
	int (*ask)(struct rig *rig);
	uint8_t needs, more;
	int told;
	bool alone;
} rows[] = {
    {MESSAGE_HELLO, "at all", ask_ping, 0, 0, 0, false},
    {MESSAGE_PING, "", ask_ping, 0, 0, 0, false},
    {MESSAGE_STAT, "", ask_stat, LIST, 0, 0, false},
    {MESSAGE_LIST, "", ask_list, LIST, 0, 0, false},
    {MESSAGE_NEXT, "", ask_next, LIST, 0, 0, false},
    {MESSAGE_STATFS, "", ask_statfs, LIST, 0, 0, false},
    {MESSAGE_READ, "", ask_read, GET, 0, 0, false},
    {MESSAGE_READ, "of a directory", ask_read_directory, GET, NO_RIGHT, FTX_E_CONFLICT, false},
    {MESSAGE_READ, "of a link", ask_read_link, GET, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_READ, "through a link", ask_read_below_link, GET, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_READ, "of nothing", ask_read_missing, GET, NO_RIGHT, FTX_E_NOT_FOUND, false},
    {MESSAGE_FETCH, "", ask_fetch, GET, 0, 0, false},
    {MESSAGE_FETCH, "of a directory", ask_fetch_directory, GET, NO_RIGHT, FTX_E_CONFLICT, false},
    {MESSAGE_FETCH, "of a link", ask_fetch_link, GET, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_FETCH, "through a link", ask_fetch_below_link, GET, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_FETCH, "of nothing", ask_fetch_missing, GET, NO_RIGHT, FTX_E_NOT_FOUND, false},
    {MESSAGE_DIGEST, "", ask_digest, GET, 0, 0, false},
    {MESSAGE_DIGEST, "of a directory", ask_digest_directory, GET, NO_RIGHT, FTX_E_CONFLICT, false},
    {MESSAGE_DIGEST, "of a link", ask_digest_link, GET, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_DIGEST, "through a link", ask_digest_below_link, GET, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_DIGEST, "of nothing", ask_digest_missing, GET, NO_RIGHT, FTX_E_NOT_FOUND, false},
    {MESSAGE_SYNC, "", ask_sync, PUT, 0, 0, false},
    {MESSAGE_OFFER, "of what is absent", ask_offer_absent, PUT, 0, 0, false},
    {MESSAGE_OFFER, "of what is there", ask_offer_there, PUT, LIST, 0, false},
    {MESSAGE_OPEN, "of what is there", ask_open_there, PUT, OVERWRITE, FTX_E_EXISTS, false},
    {MESSAGE_OPEN, "through a link", ask_open_through_link, PUT, NO_RIGHT, FTX_E_IS_LINK, false},
    {MESSAGE_CHECKPOINT, "", ask_checkpoint, PUT, 0, 0, false},
    {MESSAGE_HOLE, "", ask_hole, PUT, 0, 0, false},
    {MESSAGE_RELEASE, "", ask_release, PUT, 0, 0, false},
    {MESSAGE_WRITE, "", ask_write, PUT, 0, 0, false},
    {MESSAGE_COMMIT, "", ask_commit, PUT, 0, 0, false},
    {MESSAGE_COMMIT, "over what was made meanwhile", ask_commit_meanwhile, PUT, OVERWRITE,
     FTX_E_EXISTS, false},
    {MESSAGE_PACK, "", ask_pack, PUT, 0, 0, false},
    {MESSAGE_COMMIT_PACKS, "over what is there", ask_pack_there, PUT, OVERWRITE, FTX_E_EXISTS,
     false},
    {MESSAGE_COMMIT_PACKS, "over a directory", ask_pack_over_directory, PUT, NO_RIGHT,
     FTX_E_CONFLICT, false},
    {MESSAGE_MKDIR, "", ask_mkdir, PUT, 0, 0, false},
    {MESSAGE_MKDIR, "of what is there", ask_mkdir_there, PUT, LIST, 0, false},
    {MESSAGE_MKDIR, "over a file", ask_mkdir_over_file, PUT, NO_RIGHT, FTX_E_CONFLICT, false},
    {MESSAGE_SYMLINK, "", ask_symlink, PUT, 0, 0, false},
    {MESSAGE_SYMLINK, "over what is there", ask_symlink_there, PUT, OVERWRITE, FTX_E_EXISTS, false},
    {MESSAGE_LINK, "", ask_link, PUT | GET, 0, 0, false},
    {MESSAGE_LINK, "over what is there", ask_link_there, PUT | GET, OVERWRITE, FTX_E_EXISTS, false},
    {MESSAGE_SETMETA, "of a file", ask_setmeta, PUT | OVERWRITE, 0, 0, false},
    {MESSAGE_SETMETA, "of a directory", ask_setmeta_of_directory, PUT | OVERWRITE, 0, 0, false},
    {MESSAGE_SETMETA, "of the share", ask_setmeta_of_the_root, PUT | OVERWRITE, 0, 0, false},
    {MESSAGE_SETMETA, "of its own", ask_setmeta_of_own, PUT, 0, 0, false},
    {MESSAGE_REMOVE, "", ask_remove, DELETE, 0, 0, false},
    {MESSAGE_REMOVE, "of what is not empty", ask_remove_full, DELETE, NO_RIGHT, FTX_E_NOT_EMPTY,
     false},
    {MESSAGE_RENAME, "", ask_rename, DELETE | PUT, 0, 0, false},
    {MESSAGE_RENAME, "to what is there", ask_rename_there, DELETE | PUT, NO_RIGHT, FTX_E_EXISTS,
     false},
    {MESSAGE_RENAME, "over what is there", ask_rename_over, DELETE | PUT | OVERWRITE, 0, 0, false},
    {MESSAGE_BEGIN, "new", ask_begin, PUT, 0, 0, true},
    {MESSAGE_BEGIN, "of what is there", ask_begin_there, PUT, NO_RIGHT, FTX_E_SET_EXISTS, true},
    {MESSAGE_BEGIN, "exchange", ask_begin_exchange, PUT | OVERWRITE | DELETE, 0, 0, true},
    {MESSAGE_PUBLISH, "new", ask_publish, PUT, 0, 0, true},
    {MESSAGE_PUBLISH, "exchange", ask_publish_exchange, PUT | OVERWRITE | DELETE, 0, 0, true},
    {MESSAGE_CLOSE, "at the end", ask_close, 0, 0, 0, false},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct rig *
prepare(uint8_t rights)
{
	struct rig *rig = rig_open(rights);
	char path[128];

	for (unsigned i = 1; i < 10; i++) {
		snprintf(path, sizeof(path), "there-%u", i);
		rig_file(rig, i == 1 ? "there" : path, text, TEXT_BYTES);
	}
	snprintf(path, sizeof(path), "%s/directory", rig->directory);
	cr_assert(mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/full", rig->directory);
	cr_assert(mkdir(path, 0755) == 0);
	rig_file(rig, "full/file", text, TEXT_BYTES);
	snprintf(path, sizeof(path), "%s/link", rig->directory);
	cr_assert(symlink("directory", path) == 0);
	return rig;
}

static void
check_row(struct rig *rig, const struct row *row)
{
	uint8_t rights = rig->grant.rights;
	int wanted = 0, r;

	if ((rights & row->needs) != row->needs)
		wanted = FTX_E_DENIED;
	else if ((rights & row->more) != row->more)
		wanted = (rights & LIST) != 0 ? row->told : FTX_E_DENIED;
	r = row->ask(rig);
	cr_expect_eq(r, wanted, "%s %s, rights %s%s%s%s%s: %s instead of %s",
		     message_info(row->type)->name, row->what, (rights & LIST) != 0 ? "l" : "-",
		     (rights & GET) != 0 ? "g" : "-", (rights & PUT) != 0 ? "p" : "-",
		     (rights & OVERWRITE) != 0 ? "o" : "-", (rights & DELETE) != 0 ? "d" : "-",
		     r == 0 ? "done" : error_name(r), wanted == 0 ? "done" : error_name(wanted));
}

static void
check_rows(uint8_t rights)
{
	struct rig *together = prepare(rights);

	for (size_t i = 0; i < ROWS; i++) {
		struct rig *rig = rows[i].alone ? prepare(rights) : together;

		check_row(rig, &rows[i]);
		if (rows[i].alone)
			rig_free(rig);
	}
	rig_free(together);
}

/* With sanitizers, which need several times as long, only those of at most one and of all but one.
 */
Test(rights, of_every_request_are_the_rules, .timeout = 240)
{
	for (unsigned rights = 0; rights <= RIGHTS_FULL; rights++) {
		int count = __builtin_popcount(rights);

		if (!SANDBOX_SANITIZED || count <= 1 || count >= 4)
			check_rows((uint8_t)rights);
	}
}

Test(rights, of_every_request_are_looked_at)
{
	for (unsigned type = 0; type <= MESSAGE_TYPE_MAX; type++) {
		const struct message_info *info = message_info(type);
		bool found = false;

		if (info == NULL || (info->sender & SENDER_CLIENT) == 0)
			continue;
		for (size_t i = 0; i < ROWS; i++)
			found |= rows[i].type == info->type;
		cr_expect(found, "%s has no row", info->name);
	}
}
