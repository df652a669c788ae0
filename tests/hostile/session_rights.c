/*
 * Every request with every set of rights, on real sessions.  What nobody has the right to is
 * denied; what only meets something that is there says so to who may list, and is denied to others.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/server/sandbox.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_rights.h"

enum { NO_RIGHT = 0x80 }; /* as a right: that nobody has */

const uint8_t rights_content[RIGHTS_FILE_BYTES] = {'t', 'e', 'x', 't'};

int
rights_error_of(struct rig *rig, const struct message *m, enum message_type good,
		struct message *answer)
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

int
rights_status_of(struct rig *rig, const struct message *m)
{
	struct message answer;
	int r = rights_error_of(rig, m, MESSAGE_STATUSES, &answer);

	if (r != 0)
		return r;
	cr_assert_eq(answer.statuses.statuses.count, 1);
	return answer.statuses.statuses.items[0].code == 0
		   ? 0
		   : error_from_wire(answer.statuses.statuses.items[0].code);
}

struct node
rights_node(const char *path, uint8_t type)
{
	return (struct node){
	    .path = span_of(path),
	    .target = span_of(type == ENTRY_SYMLINK ? "x" : ""),
	    .metadata = {.type = type, .mode = 0750, .mtime_s = 1000000000},
	};
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
		rig_file(rig, i == 1 ? "there" : path, rights_content, RIGHTS_FILE_BYTES);
	}
	snprintf(path, sizeof(path), "%s/directory", rig->directory);
	cr_assert(mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/full", rig->directory);
	cr_assert(mkdir(path, 0755) == 0);
	rig_file(rig, "full/file", rights_content, RIGHTS_FILE_BYTES);
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
