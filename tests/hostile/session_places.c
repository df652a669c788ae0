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
#include "tests/hostile/session_places.h"

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
	rig_file(rig, "plain", place_text, PLACE_TEXT_BYTES);
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
	rig_file(rig, "d/x", place_text, PLACE_TEXT_BYTES);
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
	rig_file(rig, "other/x", place_text, PLACE_TEXT_BYTES);
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
			if (ways[i].ask == place_rename_from && r == FTX_E_DENIED)
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
	cr_expect_eq(place_put(rig, "put"), 0);
	cr_expect_eq(place_pack(rig, "packed"), 0);
	cr_expect_eq(place_mkdir(rig, "made/deep"), 0);
	cr_expect_eq(place_fetch(rig, "plain"), 0);
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
	m = rig_open_request(2, "s/open", PLACE_TEXT_BYTES);
	rig_ask(rig, &m, MESSAGE_HAVE);
	rig_remove(rig->directory);
	for (size_t i = 0; i < WAYS; i++) {
		int r = ways[i].ask(rig, "d/x");

		/* Nothing is there; the space of the file system is the same as before. */
		if (ways[i].ask == place_offer || ways[i].ask == place_statfs)
			continue;
		cr_expect_neq(r, 0, "%s: done", ways[i].name);
	}
	m = rig_write(2, 0, place_text, PLACE_TEXT_BYTES);
	rig_send(rig, &m);
	m = rig_commit(2, PLACE_TEXT_BYTES, place_text, &(const struct block_range){0, 1}, 1);
	cr_expect_neq(place_ask(rig, &m), 0, "COMMIT: done");
	rig_expect_alive(rig);
	cr_expect(access(rig->directory, F_OK) != 0, "the share was made again");
}
