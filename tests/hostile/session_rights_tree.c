/*
 * The requests of the test of rights that change a tree or make one, and the last one.
 */
#include "tests/harness/unit.h"

#include "proto/errors.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_rights.h"

static const char *base = "s"; /* of MKDIR, SETMETA and REMOVE */

static int
mkdir_request(struct rig *rig, const char *path)
{
	const struct node node = rights_node(path, ENTRY_DIRECTORY);
	struct message m = {.type = MESSAGE_MKDIR};

	m.mkdir.base = span_of(base);
	m.mkdir.nodes.items = &node;
	m.mkdir.nodes.count = 1;
	return rights_status_of(rig, &m);
}

int
ask_mkdir(struct rig *rig)
{
	return mkdir_request(rig, "mkdir");
}

int
ask_mkdir_there(struct rig *rig)
{
	return mkdir_request(rig, "directory");
}

int
ask_mkdir_over_file(struct rig *rig)
{
	return mkdir_request(rig, "there");
}

static int
symlink_request(struct rig *rig, const char *path)
{
	const struct node node = rights_node(path, ENTRY_SYMLINK);
	struct message m = {.type = MESSAGE_SYMLINK};

	m.symlink.base = span_of("s");
	m.symlink.nodes.items = &node;
	m.symlink.nodes.count = 1;
	return rights_status_of(rig, &m);
}

int
ask_symlink(struct rig *rig)
{
	return symlink_request(rig, "symlink");
}

int
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
	return rights_status_of(rig, &m);
}

int
ask_link(struct rig *rig)
{
	return link_request(rig, "link-new");
}

int
ask_link_there(struct rig *rig)
{
	return link_request(rig, "there-4");
}

static int
setmeta_request(struct rig *rig, const char *path, uint8_t type)
{
	const struct node node = rights_node(path, type);
	struct message m = {.type = MESSAGE_SETMETA};

	m.setmeta.base = span_of(base);
	m.setmeta.nodes.items = &node;
	m.setmeta.nodes.count = 1;
	return rights_status_of(rig, &m);
}

int
ask_setmeta(struct rig *rig)
{
	return setmeta_request(rig, "there-5", ENTRY_FILE);
}

int
ask_setmeta_of_directory(struct rig *rig)
{
	return setmeta_request(rig, "directory", ENTRY_DIRECTORY);
}

int
ask_setmeta_of_the_root(struct rig *rig)
{
	return setmeta_request(rig, "", ENTRY_DIRECTORY);
}

int
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
	return rights_status_of(rig, &m);
}

int
ask_remove(struct rig *rig)
{
	return remove_request(rig, "there-6");
}

int
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
	return rights_status_of(rig, &m);
}

int
ask_rename(struct rig *rig)
{
	return rename_request(rig, "there-7", "renamed", 0);
}

int
ask_rename_there(struct rig *rig)
{
	return rename_request(rig, "there-8", "there", 0);
}

int
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
	return rights_error_of(rig, &m, MESSAGE_BEGUN, &answer);
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
	return rights_error_of(rig, &m, MESSAGE_PUBLISHED, &answer);
}

int
ask_begin(struct rig *rig)
{
	return begin_set(rig, "s/set", 0);
}

int
ask_begin_there(struct rig *rig)
{
	return begin_set(rig, "s/directory", 0);
}

int
ask_begin_exchange(struct rig *rig)
{
	return begin_set(rig, "s/directory", 1);
}

int
ask_publish(struct rig *rig)
{
	return publish_set(rig, "s/set", 0);
}

int
ask_publish_exchange(struct rig *rig)
{
	return publish_set(rig, "s/directory", 1);
}

int
ask_close(struct rig *rig)
{
	const struct message m = {.type = MESSAGE_CLOSE};
	struct message answer;

	rig_send(rig, &m);
	return rig_receive(rig, &answer) == FTX_E_CLOSED ? 0 : FTX_E_PROTOCOL;
}
