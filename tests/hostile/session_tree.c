/*
 * What a client asks to be done with the entries of a tree.
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "src/store/name.h"
#include "src/store/tree.h"
#include "tests/hostile/rig.h"

/* The requests whose answers are statuses, with one item each. */
enum request { MKDIR, SYMLINK, LINK, SETMETA, REMOVE, RENAME, REPLACE, REQUESTS };

static const uint8_t needs[REQUESTS] = {
    [MKDIR] = RIGHT_PUT,
    [SYMLINK] = RIGHT_PUT,
    [LINK] = RIGHT_PUT | RIGHT_GET,
    [SETMETA] = RIGHT_PUT,
    [REMOVE] = RIGHT_DELETE,
    [RENAME] = RIGHT_DELETE | RIGHT_PUT,
    [REPLACE] = RIGHT_DELETE | RIGHT_PUT,
};

static struct span
span_over(const void *data, size_t length)
{
	return (struct span){.data = data, .length = length};
}

static struct node
node_of(struct span path, uint8_t type)
{
	return (struct node){
	    .path = path,
	    .metadata = {.type = type, .mode = 0750, .mtime_s = 1000000000},
	};
}

/* other: the target of a link, the existing name, the new name. */
static struct message
request_with(enum request request, const char *base, struct span path, struct span other,
	     uint8_t type)
{
	static struct node node;
	static struct path_pair pair;
	static struct path_only only;
	struct message m;

	memset(&m, 0, sizeof(m));
	node = node_of(path, type);
	node.target = other;
	pair = (struct path_pair){.path = path, .target = other};
	only.path = path;
	switch (request) {
	case MKDIR:
		node.target.length = 0;
		node.metadata.type = ENTRY_DIRECTORY;
		m.type = MESSAGE_MKDIR;
		m.mkdir.base = span_of(base);
		m.mkdir.nodes.items = &node;
		m.mkdir.nodes.count = 1;
		break;
	case SYMLINK:
		node.metadata.type = ENTRY_SYMLINK;
		m.type = MESSAGE_SYMLINK;
		m.symlink.base = span_of(base);
		m.symlink.nodes.items = &node;
		m.symlink.nodes.count = 1;
		break;
	case SETMETA:
		node.target.length = 0;
		m.type = MESSAGE_SETMETA;
		m.setmeta.base = span_of(base);
		m.setmeta.nodes.items = &node;
		m.setmeta.nodes.count = 1;
		break;
	case LINK:
		m.type = MESSAGE_LINK;
		m.link.base = span_of(base);
		m.link.pairs.items = &pair;
		m.link.pairs.count = 1;
		break;
	case RENAME:
	case REPLACE:
		m.type = MESSAGE_RENAME;
		m.rename.base = span_of(base);
		m.rename.replace = request == REPLACE;
		m.rename.pairs.items = &pair;
		m.rename.pairs.count = 1;
		break;
	case REMOVE:
		m.type = MESSAGE_REMOVE;
		m.remove.base = span_of(base);
		m.remove.paths.items = &only;
		m.remove.paths.count = 1;
		break;
	case REQUESTS:
		cr_assert_fail("no such request");
	}
	return m;
}

static struct item_status
ask(struct rig *rig, const struct message *m)
{
	struct message answer = rig_ask(rig, m, MESSAGE_STATUSES);

	cr_assert_eq(answer.statuses.statuses.count, 1);
	return answer.statuses.statuses.items[0];
}

static void
expect(struct rig *rig, enum request request, const char *path, const char *other, uint8_t type,
       int error, uint8_t flags)
{
	struct message m = request_with(request, "s", span_of(path), span_of(other), type);
	struct item_status status = ask(rig, &m);

	cr_expect_eq(status.code, -error, "%d '%s' '%s': %s instead of %s", request, path, other,
		     error_name(-status.code), error_name(error));
	cr_expect_eq(status.flags & STATUS_NOTHING_DONE, flags, "%d '%s': flags %x", request, path,
		     status.flags);
}

static struct offer_verdict
offer(struct rig *rig, struct span path, uint8_t type, uint64_t size, const char *target)
{
	struct node node = node_of(path, type);
	struct message m = {.type = MESSAGE_OFFER};

	node.size = size;
	node.target = span_of(target);
	m.offer.base = span_of("s");
	m.offer.nodes.items = &node;
	m.offer.nodes.count = 1;
	m = rig_ask(rig, &m, MESSAGE_VERDICTS);
	cr_assert_eq(m.verdicts.verdicts.count, 1);
	return m.verdicts.verdicts.items[0];
}

static void
expect_offer(struct rig *rig, const char *path, uint8_t type, uint64_t size, const char *target,
	     enum tree_state state, int error)
{
	struct offer_verdict v = offer(rig, span_of(path), type, size, target);

	cr_expect_eq(v.state, state, "'%s': %u instead of %u", path, v.state, state);
	cr_expect_eq(v.code, -error, "'%s': %s", path, error_name(-v.code));
}

static void
at(const struct rig *rig, const char *name, char path[static 512])
{
	snprintf(path, 512, "%s/%s", rig->directory, name);
}

static struct stat
stat_of(const struct rig *rig, const char *name)
{
	char path[512];
	struct stat st;

	at(rig, name, path);
	cr_assert_eq(lstat(path, &st), 0, "%s: %s", name, strerror(errno));
	return st;
}

static void
make_directory(const struct rig *rig, const char *name)
{
	char path[512];

	at(rig, name, path);
	cr_assert_eq(mkdir(path, 0755), 0);
}

static void
make_link(const struct rig *rig, const char *target, const char *name)
{
	char path[512];

	at(rig, name, path);
	cr_assert_eq(symlink(target, path), 0);
}

static void
make_fifo(const struct rig *rig, const char *name)
{
	char path[512];

	at(rig, name, path);
	cr_assert_eq(mkfifo(path, 0600), 0);
}

static void
make_socket(const struct rig *rig, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/%.32s", rig->directory, name);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void
commit_packs(struct rig *rig)
{
	const struct message m = {.type = MESSAGE_COMMIT_PACKS};
	struct message answer = rig_ask(rig, &m, MESSAGE_COMMITTED_PACKS);

	cr_assert_eq(answer.committed_packs.statuses.count, 0);
}

Test(session_tree, each_request_does_what_it_says)
{
	struct rig *rig = rig_open(RIGHTS_FULL);

	rig_file(rig, "f", "hello", 5);
	expect(rig, MKDIR, "d", "", 0, 0, 0);
	expect(rig, MKDIR, "d", "", 0, 0, STATUS_NOTHING_DONE);
	expect(rig, MKDIR, "a/b/c", "", 0, 0, 0);
	expect(rig, SYMLINK, "d/l", "/etc/passwd", 0, 0, 0);
	expect(rig, SYMLINK, "d/l", "/etc/passwd", 0, 0, STATUS_NOTHING_DONE);
	expect(rig, SYMLINK, "d/l", "elsewhere", 0, 0, 0);
	expect(rig, LINK, "d/f", "f", 0, 0, 0);
	expect(rig, LINK, "d/f", "f", 0, 0, STATUS_NOTHING_DONE);
	expect(rig, RENAME, "d/f", "d/g", 0, 0, 0);
	expect(rig, REPLACE, "d/g", "d/l", 0, 0, 0);
	expect(rig, SETMETA, "d", "", ENTRY_DIRECTORY, 0, 0);
	commit_packs(rig);
	cr_expect_eq(stat_of(rig, "d").st_mtim.tv_sec, 1000000000);
	cr_expect_eq(stat_of(rig, "d/l").st_ino, stat_of(rig, "f").st_ino);
	expect_offer(rig, "d", ENTRY_DIRECTORY, 0, "", TREE_SAME, 0);
	expect(rig, REMOVE, "d", "", 0, FTX_E_NOT_EMPTY, 0);
	expect(rig, REMOVE, "d/l", "", 0, 0, 0);
	expect(rig, REMOVE, "d", "", 0, 0, 0);
	cr_expect(!rig_exists(rig, "d"));
	rig_free(rig);
}

Test(session_tree, an_empty_path_is_the_base)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct span empty = {NULL, 0};
	struct message m = request_with(MKDIR, "s/new/dir", empty, empty, 0);

	cr_expect_eq(ask(rig, &m).code, 0);
	cr_expect(rig_exists(rig, "new/dir"));
	m = request_with(SETMETA, "s/new/dir", empty, empty, ENTRY_DIRECTORY);
	cr_expect_eq(ask(rig, &m).code, 0);
	m = request_with(REMOVE, "s/new/dir", empty, empty, 0);
	cr_expect_eq(ask(rig, &m).code, 0);
	cr_expect(!rig_exists(rig, "new/dir"));
	m = request_with(REMOVE, "s", empty, empty, 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_DENIED, "a share is not removed");
	m = request_with(RENAME, "s", empty, span_of("x"), 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_DENIED);
	m = request_with(RENAME, "s", span_of("new"), empty, 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_DENIED);
	m = request_with(MKDIR, "s", empty, empty, 0);
	cr_expect_eq(ask(rig, &m).flags, STATUS_NOTHING_DONE);
	rig_free(rig);
}

Test(session_tree, verdicts_tell_what_is_there)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = rig_open_request(0, "s/big", LIMIT_CHUNK_BYTES + 1);

	rig_file(rig, "f", "hello", 5);
	make_link(rig, "f", "l");
	expect_offer(rig, "no", ENTRY_FILE, 5, "", TREE_ABSENT, 0);
	expect_offer(rig, "no/no", ENTRY_FILE, 5, "", TREE_ABSENT, 0);
	expect_offer(rig, "f", ENTRY_FILE, 5, "", TREE_DIFFERS, 0);
	expect_offer(rig, "f", ENTRY_DIRECTORY, 0, "", TREE_CONFLICT, 0);
	expect(rig, SETMETA, "f", "", ENTRY_FILE, 0, 0);
	expect_offer(rig, "f", ENTRY_FILE, 5, "", TREE_SAME, 0);
	expect_offer(rig, "f", ENTRY_FILE, 6, "", TREE_DIFFERS, 0);
	expect_offer(rig, "l", ENTRY_SYMLINK, 0, "g", TREE_DIFFERS, 0);
	expect_offer(rig, "", ENTRY_FILE, 0, "", TREE_CONFLICT, 0);
	rig_ask(rig, &m, MESSAGE_HAVE);
	expect_offer(rig, "big", ENTRY_FILE, LIMIT_CHUNK_BYTES + 1, "", TREE_PARTIAL, 0);
	expect_offer(rig, "big", ENTRY_FILE, LIMIT_CHUNK_BYTES, "", TREE_ABSENT, 0);
	expect_offer(rig, "big", ENTRY_DIRECTORY, 0, "", TREE_ABSENT, 0);
	rig_free(rig);
}

Test(session_tree, each_request_needs_its_rights)
{
	for (uint8_t rights = 0; rights <= RIGHTS_FULL; rights++) {
		struct rig *rig = rig_open(rights);
		struct node node = node_of(span_of("new"), ENTRY_FILE);
		struct message m = {.type = MESSAGE_OFFER};

		rig_file(rig, "f", "hello", 5);
		for (enum request r = MKDIR; r < REQUESTS; r++) {
			m = request_with(r, "s", span_of("nothing/here"), span_of("x"), ENTRY_FILE);
			if ((rights & needs[r]) == needs[r])
				ask(rig, &m);
			else
				rig_expect_error(rig, &m, FTX_E_DENIED);
		}
		m = (struct message){.type = MESSAGE_OFFER};
		m.offer.base = span_of("s");
		m.offer.nodes.items = &node;
		m.offer.nodes.count = 1;
		if ((rights & RIGHT_PUT) != 0)
			rig_ask(rig, &m, MESSAGE_VERDICTS);
		else
			rig_expect_error(rig, &m, FTX_E_DENIED);
		rig_free(rig);
	}
}

Test(session_tree, T37_an_append_only_key_changes_nothing_that_is_there)
{
	struct rig *rig = rig_open(RIGHT_LIST | RIGHT_GET | RIGHT_PUT);
	struct stat before[3], after;
	static const char *const names[] = {"f", "d", "l"};

	rig_file(rig, "f", "hello", 5);
	rig_file(rig, "g", "other", 5);
	make_directory(rig, "d");
	make_link(rig, "f", "l");
	for (int i = 0; i < 3; i++)
		before[i] = stat_of(rig, names[i]);
	expect(rig, SETMETA, "f", "", ENTRY_FILE, FTX_E_DENIED, 0);
	expect(rig, SETMETA, "d", "", ENTRY_DIRECTORY, FTX_E_DENIED, 0);
	expect(rig, SETMETA, "l", "", ENTRY_SYMLINK, FTX_E_DENIED, 0);
	expect(rig, SETMETA, "", "", ENTRY_DIRECTORY, FTX_E_DENIED, 0);
	expect(rig, MKDIR, "d", "", 0, 0, STATUS_NOTHING_DONE);
	expect(rig, SETMETA, "d", "", ENTRY_DIRECTORY, FTX_E_DENIED, 0);
	expect(rig, MKDIR, "f", "", 0, FTX_E_CONFLICT, 0);
	expect(rig, SYMLINK, "l", "f", 0, FTX_E_EXISTS, 0);
	expect(rig, SYMLINK, "l", "x", 0, FTX_E_EXISTS, 0);
	expect(rig, SYMLINK, "f", "x", 0, FTX_E_EXISTS, 0);
	expect(rig, LINK, "f", "g", 0, FTX_E_EXISTS, 0);
	for (int i = 0; i < 3; i++) {
		after = stat_of(rig, names[i]);
		after.st_atim = before[i].st_atim; /* reading is allowed */
		cr_expect(memcmp(&before[i], &after, sizeof(after)) == 0, "%s", names[i]);
	}
	expect(rig, MKDIR, "mine", "", 0, 0, 0);
	expect(rig, SETMETA, "mine", "", ENTRY_DIRECTORY, 0, 0);
	rig_free(rig);
}

Test(session_tree, without_overwrite_a_rename_replaces_nothing)
{
	struct rig *rig = rig_open(RIGHT_LIST | RIGHT_PUT | RIGHT_DELETE);

	rig_file(rig, "f", "hello", 5);
	rig_file(rig, "g", "other", 5);
	expect(rig, REPLACE, "f", "g", 0, FTX_E_DENIED, 0);
	expect(rig, RENAME, "f", "g", 0, FTX_E_EXISTS, 0);
	expect(rig, REPLACE, "f", "h", 0, 0, 0);
	rig_free(rig);
}

Test(session_tree, without_list_an_existing_name_is_denied)
{
	struct rig *rig = rig_open(RIGHTS_FULL & ~RIGHT_LIST);

	rig_file(rig, "f", "hello", 5);
	make_directory(rig, "d");
	make_link(rig, "d", "l");
	expect_offer(rig, "f", ENTRY_FILE, 5, "", TREE_ERROR, FTX_E_DENIED);
	expect_offer(rig, "l/x", ENTRY_FILE, 5, "", TREE_ERROR, FTX_E_DENIED);
	expect_offer(rig, "no", ENTRY_FILE, 5, "", TREE_ABSENT, 0);
	expect(rig, MKDIR, "d", "", 0, FTX_E_DENIED, 0);
	expect(rig, MKDIR, "f", "", 0, FTX_E_DENIED, 0);
	expect(rig, MKDIR, "l/x", "", 0, FTX_E_DENIED, 0);
	expect(rig, RENAME, "f", "l", 0, FTX_E_DENIED, 0);
	expect(rig, MKDIR, "new", "", 0, 0, 0);
	rig_free(rig);
}

/* A name of the kind that breaks things: length of it. */
static size_t
generate(unsigned seed, uint8_t out[static LIMIT_PATH_BYTES])
{
	static const char *const pieces[] = {"..",     ".",    "/",  "//",   "../", "/..",
					     "a",      ".ftx", "\n", "\xff", "%n",  "~",
					     ".ftx-x", "/tmp", " ",  "-rf",  "\\",  "\0"};
	uint32_t state = seed * 2654435761u + 1;
	size_t length = 0;

	for (unsigned i = 0; i < 1 + seed % 7; i++) {
		const char *piece;
		size_t n;

		state = state * 1664525u + 1013904223u;
		piece = pieces[(state >> 16) % (sizeof(pieces) / sizeof(pieces[0]))];
		n = piece[0] == '\0' ? 1 : strlen(piece);
		memcpy(out + length, piece, n);
		length += n;
	}
	return length;
}

BothWays(session_tree, T30_names_that_break_the_rule_are_the_error_name)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	const struct span plain = span_of("plain");
	static uint8_t name[LIMIT_PATH_BYTES];
	unsigned bad = 0;

	rig_file(rig, "plain", "hello", 5);
	for (unsigned seed = 0; seed < 2000; seed++) {
		struct span path = span_over(name, generate(seed, name));
		bool ok = path_check(path.data, path.length) == 0;
		enum request request = (enum request)(seed % REQUESTS);
		struct message m = request_with(request, "s", path, plain, ENTRY_FILE);
		struct offer_verdict v = offer(rig, path, ENTRY_FILE, 1, "");

		bad += !ok;
		cr_expect_eq(v.state == TREE_ERROR && v.code == -FTX_E_NAME, !ok, "%u", seed);
		if (ok)
			continue;
		cr_expect_eq(ask(rig, &m).code, -FTX_E_NAME, "%u", seed);
		/* and as the other path of a pair */
		if (request != LINK && request != RENAME && request != REPLACE)
			continue;
		m = request_with(request, "s", plain, path, ENTRY_FILE);
		cr_expect_eq(ask(rig, &m).code, -FTX_E_NAME, "%u", seed);
	}
	cr_expect_gt(bad, 1000);
	rig_free(rig);
}

BothWays(session_tree, T30_base_and_path_together_obey_the_rule)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static char base[LIMIT_PATH_BYTES + 1], path[LIMIT_PATH_BYTES + 1];
	struct message m;

	/* 2,001 and 2,094 bytes, with the slash between them one too many */
	strcpy(base, "s/");
	memset(base + 2, 'b', 2001);
	memset(path, 'p', 2094);
	for (size_t i = 200; i < 2000; i += 200)
		base[2 + i] = path[i] = '/';
	path[2000] = '/';
	m = request_with(REMOVE, base, span_of(path), span_of(""), 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_NAME);
	path[2093] = '\0';
	m = request_with(REMOVE, base, span_of(path), span_of(""), 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_NOT_FOUND);
	/* depth: 100 and 29 components */
	strcpy(base, "s");
	memset(path, 0, sizeof(path));
	for (unsigned i = 0; i < 100; i++)
		strcat(base, "/b");
	for (unsigned i = 0; i < 29; i++)
		strcat(path, i == 0 ? "p" : "/p");
	m = request_with(MKDIR, base, span_of(path), span_of(""), 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_NAME);
	path[strlen(path) - 2] = '\0';
	m = request_with(MKDIR, base, span_of(path), span_of(""), 0);
	cr_expect_eq(ask(rig, &m).code, 0);
	commit_packs(rig);
	m = request_with(MKDIR, "s/../x", span_of("a"), span_of(""), 0);
	rig_expect_error(rig, &m, FTX_E_NAME);
	m = request_with(MKDIR, "t", span_of("a"), span_of(""), 0);
	rig_expect_error(rig, &m, FTX_E_NOT_FOUND);
	rig_free(rig);
}

BothWays(session_tree, T31_nothing_goes_through_a_symbolic_link)
{
	static const char *const links[][2] = {
	    {"out", "/etc"}, {"loop", "loop"}, {"up", ".."}, {"self", "/proc/self/root"}};
	struct rig *rig = rig_open(RIGHTS_FULL);

	rig_file(rig, "f", "hello", 5);
	for (size_t i = 0; i < 4; i++) {
		const char *leaf = links[i][0];
		char below[32];

		make_link(rig, links[i][1], leaf);
		snprintf(below, sizeof(below), "%s/x", leaf);
		for (enum request r = MKDIR; r < REQUESTS; r++)
			expect(rig, r, below, "f", ENTRY_FILE, FTX_E_IS_LINK, 0);
		expect(rig, LINK, "new", below, 0, FTX_E_IS_LINK, 0);
		expect(rig, REPLACE, "f", below, 0, FTX_E_IS_LINK, 0);
		expect_offer(rig, below, ENTRY_FILE, 1, "", TREE_ERROR, FTX_E_IS_LINK);
		/* as the leaf it is itself */
		expect(rig, MKDIR, leaf, "", 0, FTX_E_CONFLICT, 0);
		expect(rig, LINK, "new", leaf, 0, FTX_E_IS_LINK, 0);
		expect(rig, SETMETA, leaf, "", ENTRY_DIRECTORY, FTX_E_CONFLICT, 0);
		expect(rig, SETMETA, leaf, "", ENTRY_FILE, FTX_E_CONFLICT, 0);
		expect(rig, SETMETA, leaf, "", ENTRY_SYMLINK, 0, 0);
		expect_offer(rig, leaf, ENTRY_DIRECTORY, 0, "", TREE_CONFLICT, 0);
		expect(rig, RENAME, leaf, "moved", 0, 0, 0);
		expect(rig, REMOVE, "moved", "", 0, 0, 0);
	}
	cr_expect(access("/etc/passwd", R_OK) == 0);
	cr_expect(!rig_exists(rig, "new"));
	rig_free(rig);
}

BothWays(session_tree, T33_special_files_are_not_touched)
{
	static const char *const names[] = {"fifo", "socket"};
	struct rig *rig = rig_open(RIGHTS_FULL);
	char path[512];

	rig_file(rig, "f", "hello", 5);
	make_fifo(rig, "fifo");
	make_socket(rig, "socket");
	for (size_t i = 0; i < 2; i++) {
		uint8_t type = i == 0 ? ENTRY_FIFO : ENTRY_SOCKET;

		expect(rig, MKDIR, names[i], "", 0, FTX_E_CONFLICT, 0);
		expect(rig, SYMLINK, names[i], "x", 0, FTX_E_CONFLICT, 0);
		expect(rig, LINK, "new", names[i], 0, FTX_E_NOT_REGULAR, 0);
		expect(rig, LINK, names[i], "f", 0, FTX_E_CONFLICT, 0);
		expect(rig, SETMETA, names[i], "", ENTRY_FILE, FTX_E_CONFLICT, 0);
		expect(rig, SETMETA, names[i], "", type, FTX_E_UNSUPPORTED, 0);
		expect(rig, REPLACE, "f", names[i], 0, FTX_E_CONFLICT, 0);
		expect_offer(rig, names[i], ENTRY_FILE, 1, "", TREE_CONFLICT, 0);
	}
	at(rig, "f", path);
	cr_assert_eq(chmod(path, 04755), 0);
	expect(rig, SETMETA, "f", "", ENTRY_FILE, 0, 0);
	cr_expect_eq(stat_of(rig, "f").st_mode & 07000, 0, "setuid is not kept");
	at(rig, "null", path);
	if (mknod(path, S_IFCHR | 0666, 1 << 8 | 3) == 0) {
		expect(rig, SETMETA, "null", "", ENTRY_FILE, FTX_E_CONFLICT, 0);
		expect(rig, LINK, "new", "null", 0, FTX_E_NOT_REGULAR, 0);
	}
	rig_free(rig);
}

BothWays(session_tree, T33_a_file_with_a_name_outside_keeps_its_content)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *outside = rig_open(RIGHTS_FULL);
	char from[512], to[512];
	size_t length;
	uint8_t *content;

	rig_file(outside, "f", "hello", 5);
	at(outside, "f", from);
	at(rig, "f", to);
	cr_assert_eq(link(from, to), 0);
	rig_file(rig, "g", "other", 5);
	expect(rig, REPLACE, "g", "f", 0, 0, 0);
	content = rig_content(outside, "f", &length);
	cr_expect(length == 5 && memcmp(content, "hello", 5) == 0);
	free(content);
	rig_free(outside);
	rig_free(rig);
}

Test(session_tree, what_no_honest_client_sends_ends_the_connection)
{
	static const uint8_t bad_xattrs[] = {5, 0, 'u'};

	for (unsigned i = 0; i < 6; i++) {
		struct rig *rig = rig_open(RIGHTS_FULL);
		struct node node = node_of(span_of("x"), ENTRY_FILE);
		struct message m = {.type = MESSAGE_SETMETA};

		m.setmeta.base = span_of("s");
		m.setmeta.nodes.items = &node;
		m.setmeta.nodes.count = 1;
		if (i == 0)
			node.metadata.type = 0;
		if (i == 1)
			node.metadata.xattrs = span_over(bad_xattrs, sizeof(bad_xattrs));
		if (i >= 2)
			m.type = i == 2 ? MESSAGE_MKDIR : i == 3 ? MESSAGE_SYMLINK : MESSAGE_OFFER;
		if (i == 4)
			node.metadata.type = 0;
		if (i == 5)
			node.metadata.xattrs = span_over(bad_xattrs, sizeof(bad_xattrs));
		rig_send(rig, &m);
		rig_expect_close(rig, FTX_E_PROTOCOL);
		rig_free(rig);
	}
}

Test(session_tree, targets_of_links_have_no_nul_and_are_not_empty)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	static uint8_t longest[LIMIT_PATH_BYTES];
	struct message m = request_with(SYMLINK, "s", span_of("l"), span_over("a\0b", 3), 0);

	cr_expect_eq(ask(rig, &m).code, -FTX_E_NAME);
	m = request_with(SYMLINK, "s", span_of("l"), span_of(""), 0);
	cr_expect_eq(ask(rig, &m).code, -FTX_E_NAME);
	memset(longest, 'x', sizeof(longest));
	m = request_with(SYMLINK, "s", span_of("l"), span_over(longest, sizeof(longest)), 0);
	cr_expect_eq(ask(rig, &m).code, 0);
	cr_expect_eq(stat_of(rig, "l").st_size, LIMIT_PATH_BYTES);
	rig_free(rig);
}

Test(session_tree, as_many_items_as_the_limit_and_no_more)
{
	static struct path_only paths[LIMIT_ENTRIES];
	static struct node nodes[LIMIT_ENTRIES];
	static char names[LIMIT_ENTRIES][8];
	static uint8_t plain[LIMIT_RECORD_PLAIN];
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct message m = {.type = MESSAGE_MKDIR};
	struct message answer;
	size_t length;

	for (unsigned i = 0; i < LIMIT_ENTRIES; i++) {
		snprintf(names[i], sizeof(names[i]), "d%u", i);
		nodes[i] = node_of(span_of(names[i]), ENTRY_DIRECTORY);
		paths[i].path = span_of(names[i]);
	}
	m.mkdir.base = span_of("s");
	m.mkdir.nodes.items = nodes;
	m.mkdir.nodes.count = LIMIT_ENTRIES;
	answer = rig_ask(rig, &m, MESSAGE_STATUSES);
	cr_expect_eq(answer.statuses.statuses.count, LIMIT_ENTRIES);
	commit_packs(rig);
	m = (struct message){.type = MESSAGE_OFFER};
	m.offer.base = span_of("s");
	m.offer.nodes.items = nodes;
	m.offer.nodes.count = LIMIT_ENTRIES;
	answer = rig_ask(rig, &m, MESSAGE_VERDICTS);
	cr_expect_eq(answer.verdicts.verdicts.count, LIMIT_ENTRIES);
	m.offer.nodes.count = 0;
	answer = rig_ask(rig, &m, MESSAGE_VERDICTS);
	cr_expect_eq(answer.verdicts.verdicts.count, 0);
	m = (struct message){.type = MESSAGE_REMOVE};
	m.remove.base = span_of("s");
	m.remove.paths.items = paths;
	m.remove.paths.count = LIMIT_ENTRIES;
	answer = rig_ask(rig, &m, MESSAGE_STATUSES);
	for (uint32_t i = 0; i < answer.statuses.statuses.count; i++)
		cr_expect_eq(answer.statuses.statuses.items[i].code, 0);
	/* one more than the limit: the count stands behind type, length and "s" */
	m.remove.paths.count = 1;
	cr_assert_eq(message_encode(&m, plain, sizeof(plain), &length), 0);
	for (unsigned i = 0; i <= LIMIT_ENTRIES; i++)
		memcpy(plain + 8 + 4 * i, "\1\0xx", 4);
	plain[4] = (LIMIT_ENTRIES + 1) & 255;
	plain[5] = (LIMIT_ENTRIES + 1) >> 8;
	rig_send_plain(rig, plain, 8 + 3 * (LIMIT_ENTRIES + 1));
	rig_expect_close(rig, FTX_E_PROTOCOL);
	rig_free(rig);
}

Test(session_tree, nothing_temporary_stays)
{
	struct rig *rig = rig_open(RIGHTS_FULL);
	struct rig *again;
	char path[512], command[600];

	rig_file(rig, "f", "hello", 5);
	expect(rig, SYMLINK, "f", "x", 0, 0, 0);
	again = rig_new(RIGHTS_FULL, rig);
	rig_hello(again, 2);
	expect(again, SYMLINK, "f", "y", 0, 0, 0);
	channel_free(again->channel);
	close(again->pair);
	cr_assert_eq(waitpid(again->pid, NULL, 0), again->pid);
	free(again);
	at(rig, ".ftx", path);
	/* one of the session that lives, and that is empty */
	snprintf(command, sizeof(command), "test $(find %s -mindepth 4 | wc -l) -eq 1", path);
	cr_expect_eq(system(command), 0);
	rig_free(rig);
}
