/*
 * Every request that has a path, at places that are not what they seem: links, mounts, special
 * files, and a share that is gone.  Both ways of resolving (T69).
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"
#include "src/store/tree.h"
#include "tests/hostile/rig.h"

enum { TEXT_BYTES = 4 };
static const char text[] = "text";

/* Path without the share; the error, 0 for none. */
struct way {
	const char *name;
	int (*ask)(struct rig *rig, const char *path);
};

/* Of the answer, or of its only item. */
static int
ask(struct rig *rig, const struct message *m)
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
ask_stat(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_STAT};

	m.stat.path = span_of(in_share(path));
	return ask(rig, &m);
}

static int
ask_list(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_LIST};
	int r;

	m.list.path = span_of(in_share(path));
	r = ask(rig, &m);
	m = (struct message){.type = MESSAGE_NEXT};
	if (r == 0)
		(void)ask(rig, &m);
	return r;
}

static int
ask_statfs(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_STATFS};

	m.statfs.path = span_of(in_share(path));
	return ask(rig, &m);
}

static int
ask_read(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_READ};

	m.read.path = span_of(in_share(path));
	return ask(rig, &m);
}

static int
ask_fetch(struct rig *rig, const char *path)
{
	const struct wanted file = {.path = span_of(path), .limit = 100};
	struct message m = {.type = MESSAGE_FETCH};

	m.fetch.base = span_of("s");
	m.fetch.files.items = &file;
	m.fetch.files.count = 1;
	return ask(rig, &m);
}

static int
ask_digest(struct rig *rig, const char *path)
{
	const struct path_only file = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_DIGEST};

	m.digest.base = span_of("s");
	m.digest.paths.items = &file;
	m.digest.paths.count = 1;
	return ask(rig, &m);
}

static int
ask_put(struct rig *rig, const char *path)
{
	const struct block_range all = {0, 1};
	struct message m = rig_open_request(1, in_share(path), TEXT_BYTES);
	int r = ask(rig, &m);

	if (r == 0) {
		m = rig_write(1, 0, text, TEXT_BYTES);
		rig_send(rig, &m);
		m = rig_commit(1, TEXT_BYTES, text, &all, 1);
		if ((r = ask(rig, &m)) == 0)
			return 0;
	}
	m = (struct message){.type = MESSAGE_RELEASE};
	m.release.handle = 1;
	m.release.discard = 1;
	(void)ask(rig, &m);
	return r;
}

static int
ask_pack(struct rig *rig, const char *path)
{
	struct message m = rig_send_pack(rig, path, text, TEXT_BYTES);

	return ask(rig, &m);
}

/* OFFER, MKDIR, SYMLINK and SETMETA begin with the same fields. */
static int
ask_node(struct rig *rig, enum message_type type, const char *path, uint8_t of)
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
	return ask(rig, &m);
}

static int
ask_offer(struct rig *rig, const char *path)
{
	return ask_node(rig, MESSAGE_OFFER, path, ENTRY_FILE);
}

static int
ask_mkdir(struct rig *rig, const char *path)
{
	return ask_node(rig, MESSAGE_MKDIR, path, ENTRY_DIRECTORY);
}

static int
ask_symlink(struct rig *rig, const char *path)
{
	return ask_node(rig, MESSAGE_SYMLINK, path, ENTRY_SYMLINK);
}

static int
ask_setmeta(struct rig *rig, const char *path)
{
	return ask_node(rig, MESSAGE_SETMETA, path, ENTRY_FILE);
}

static int
ask_pair(struct rig *rig, enum message_type type, const char *path, const char *target)
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
	return ask(rig, &m);
}

static int
ask_link(struct rig *rig, const char *path)
{
	return ask_pair(rig, MESSAGE_LINK, path, "plain");
}

static int
ask_link_of(struct rig *rig, const char *path)
{
	return ask_pair(rig, MESSAGE_LINK, "linked", path);
}

static int
ask_rename_to(struct rig *rig, const char *path)
{
	return ask_pair(rig, MESSAGE_RENAME, "plain", path);
}

static int
ask_rename_from(struct rig *rig, const char *path)
{
	return ask_pair(rig, MESSAGE_RENAME, path, "renamed");
}

static int
ask_remove(struct rig *rig, const char *path)
{
	const struct path_only only = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_REMOVE};

	m.remove.base = span_of("s");
	m.remove.paths.items = &only;
	m.remove.paths.count = 1;
	return ask(rig, &m);
}

static int
ask_begin(struct rig *rig, const char *path)
{
	struct message m = {.type = MESSAGE_BEGIN};

	m.begin.destination = span_of(in_share(path));
	m.begin.mode = 1;
	return ask(rig, &m);
}

static const struct way ways[] = {
    {"STAT", ask_stat},		  {"LIST", ask_list},
    {"STATFS", ask_statfs},	  {"READ", ask_read},
    {"FETCH", ask_fetch},	  {"DIGEST", ask_digest},
    {"OFFER", ask_offer},	  {"put", ask_put},
    {"PACK", ask_pack},		  {"MKDIR", ask_mkdir},
    {"SYMLINK", ask_symlink},	  {"SETMETA", ask_setmeta},
    {"LINK", ask_link},		  {"LINK of", ask_link_of},
    {"RENAME to", ask_rename_to}, {"RENAME from", ask_rename_from},
    {"REMOVE", ask_remove},	  {"BEGIN", ask_begin},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* A share with a file, and a directory outside of it. */
static struct rig *rig;
static char outside[64];
static struct stat before[2];

static const char *
path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	return path;
}

static void
look_outside(struct stat out[static 2])
{
	char path[80];

	snprintf(path, sizeof(path), "%s/x", outside);
	cr_assert(stat(outside, &out[0]) == 0 && lstat(path, &out[1]) == 0);
	for (int i = 0; i < 2; i++)
		memset(&out[i].st_atim, 0, sizeof(out[i].st_atim));
}

static void
begin(void)
{
	char path[80];
	FILE *f;

	rig_directory(outside);
	snprintf(path, sizeof(path), "%s/x", outside);
	cr_assert((f = fopen(path, "w")) != NULL && fputs("secret", f) >= 0 && fclose(f) == 0);
}

/* Behind what the test has to do before a session. */
static void
open_session(void)
{
	rig = rig_open(RIGHTS_FULL);
	rig_file(rig, "plain", text, TEXT_BYTES);
	look_outside(before);
}

static void
end(void)
{
	struct stat after[2];

	if (rig != NULL) {
		look_outside(after);
		cr_expect(memcmp(before, after, sizeof(before)) == 0, "outside is not as it was");
		rig_free(rig);
	}
	rig_remove(outside);
}

TestSuite(places, .init = begin, .fini = end);
TestSuite(places_walking, .init = begin, .fini = end);

static void
expect_all(const char *path, int error)
{
	for (size_t i = 0; i < WAYS; i++) {
		int r = ways[i].ask(rig, path);

		cr_expect_eq(r, error, "%s %s: %s instead of %s", ways[i].name, path,
			     r == 0 ? "done" : error_name(r), error_name(error));
	}
}

BothWays(places, T31_nothing_is_below_a_link)
{
	static const char *const links[][2] = {
	    {"absolute", NULL},
	    {"loop", "loop"},
	    {"dot", "."},
	    {"up", ".."},
	    {"self", "/proc/self/root"},
	    {"cwd", "/proc/self/cwd"},
	    {"within", "d"},
	    {"nowhere", "nothing"},
	};

	open_session();
	cr_assert_eq(mkdir(path_of("d"), 0755), 0);
	rig_file(rig, "d/x", text, TEXT_BYTES);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		char below[64];

		cr_assert_eq(
		    symlink(links[i][1] != NULL ? links[i][1] : outside, path_of(links[i][0])), 0);
		snprintf(below, sizeof(below), "%s/x", links[i][0]);
		expect_all(below, FTX_E_IS_LINK);
		snprintf(below, sizeof(below), "%s/y/x", links[i][0]);
		expect_all(below, FTX_E_IS_LINK);
	}
}

static bool
own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

BothWays(places, T34_nothing_is_below_what_is_mounted)
{
	if (geteuid() != 0 || !own_mounts())
		cr_skip_test("no mounts of its own can be made here");
	open_session();
	cr_assert_eq(mkdir(path_of("bound"), 0755), 0);
	cr_assert_eq(mkdir(path_of("other"), 0755), 0);
	/* The session shares this namespace: it was forked in it. */
	cr_assert_eq(mount(outside, path_of("bound"), NULL, MS_BIND, NULL), 0);
	cr_assert_eq(mount("none", path_of("other"), "tmpfs", 0, "size=64k"), 0);
	rig_file(rig, "other/x", text, TEXT_BYTES);
	expect_all("bound/x", FTX_E_OTHER_FILE_SYSTEM);
	expect_all("bound/y/x", FTX_E_OTHER_FILE_SYSTEM);
	expect_all("other/x", FTX_E_OTHER_FILE_SYSTEM);
	cr_assert(umount(path_of("bound")) == 0 && umount(path_of("other")) == 0);
}

/* None is opened, which of a FIFO could take for ever and of a device could do anything. */
static const struct special {
	const char *name;
	mode_t type;
} specials[] = {{"fifo", S_IFIFO}, {"socket", S_IFSOCK}, {"device", S_IFCHR}};

/* By the order of ways[]; 0: what is asked does no harm. */
static const int of_specials[WAYS] = {
    0,		       /* STAT describes it */
    FTX_E_CONFLICT,    /* LIST */
    0,		       /* STATFS: of the directory above */
    FTX_E_NOT_REGULAR, /* READ */
    FTX_E_NOT_REGULAR, /* FETCH */
    FTX_E_NOT_REGULAR, /* DIGEST */
    0,		       /* OFFER: another type */
    FTX_E_CONFLICT,    /* put */
    FTX_E_CONFLICT,    /* PACK */
    FTX_E_CONFLICT,    /* MKDIR */
    FTX_E_CONFLICT,    /* SYMLINK */
    FTX_E_CONFLICT,    /* SETMETA */
    FTX_E_CONFLICT,    /* LINK */
    FTX_E_NOT_REGULAR, /* LINK of */
    FTX_E_CONFLICT,    /* RENAME to */
    0,		       /* RENAME from: where Landlock is, it lets nobody make one */
    0,		       /* REMOVE */
    FTX_E_CONFLICT,    /* BEGIN of an exchange */
};

BothWays(places, T33_special_files_are_never_opened)
{
	open_session();
	for (size_t s = 0; s < sizeof(specials) / sizeof(specials[0]); s++) {
		const char *name = specials[s].name;

		if (specials[s].type == S_IFCHR && geteuid() != 0)
			continue;
		for (size_t i = 0; i < WAYS; i++) {
			int r;

			/* RENAME and REMOVE take it away. */
			if (!rig_exists(rig, name))
				cr_assert_eq(
				    mknod(path_of(name), specials[s].type | 0666, makedev(1, 7)), 0,
				    "%s: %s", name, strerror(errno));
			r = ways[i].ask(rig, name);
			if (ways[i].ask == ask_rename_from && r == FTX_E_DENIED)
				continue;
			cr_expect_eq(r, of_specials[i], "%s %s: %s instead of %s", ways[i].name,
				     name, r == 0 ? "done" : error_name(r),
				     of_specials[i] == 0 ? "done" : error_name(of_specials[i]));
			(void)unlink(path_of("renamed"));
		}
		cr_assert_eq(unlink(path_of(name)), 0);
	}
}

/* The name leads to another directory: what has it open goes on with the one it has. */
BothWays(places, T38_a_share_that_was_moved_is_not_looked_for_again)
{
	char moved[80], old[80];
	struct stat st;

	open_session();
	snprintf(old, sizeof(old), "%s", rig->directory);
	snprintf(moved, sizeof(moved), "%s.moved", rig->directory);
	cr_assert(rename(old, moved) == 0 && mkdir(old, 0755) == 0);
	cr_expect_eq(ask_put(rig, "put"), 0);
	cr_expect_eq(ask_pack(rig, "packed"), 0);
	cr_expect_eq(ask_mkdir(rig, "made/deep"), 0);
	cr_expect_eq(ask_fetch(rig, "plain"), 0);
	/* Empty: as rmdir() sees it. */
	cr_expect_eq(rmdir(old), 0, "something was made in the new one");
	cr_assert(rename(moved, old) == 0);
	cr_expect(lstat(path_of("put"), &st) == 0 && lstat(path_of("packed"), &st) == 0 &&
		  lstat(path_of("made/deep"), &st) == 0);
}

BothWays(places, T38_in_a_share_that_was_removed_each_request_fails_for_itself)
{
	struct message m;

	open_session();
	m = rig_open_request(2, "s/open", TEXT_BYTES);
	rig_ask(rig, &m, MESSAGE_HAVE);
	rig_remove(rig->directory);
	for (size_t i = 0; i < WAYS; i++) {
		int r = ways[i].ask(rig, "d/x");

		/* Nothing is there; the space of the file system is the same as before. */
		if (ways[i].ask == ask_offer || ways[i].ask == ask_statfs)
			continue;
		cr_expect_neq(r, 0, "%s: done", ways[i].name);
	}
	m = rig_write(2, 0, text, TEXT_BYTES);
	rig_send(rig, &m);
	m = rig_commit(2, TEXT_BYTES, text, &(const struct block_range){0, 1}, 1);
	cr_expect_neq(ask(rig, &m), 0, "COMMIT: done");
	rig_expect_alive(rig);
	cr_expect(access(rig->directory, F_OK) != 0, "the share was made again");
}
