#include "src/store/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(resolver, .init = room_begin, .fini = room_end);
TestSuite(resolver_walking, .init = room_begin, .fini = room_end);

static void
make_dir(int dir, const char *name)
{
	cr_assert(mkdirat(dir, name, 0755) == 0, "%s: %s", name, strerror(errno));
}

static void
make_link(const char *target, int dir, const char *name)
{
	cr_assert(symlinkat(target, dir, name) == 0);
}

/* The inode of dir/name, or of dir itself for NULL. */
static ino_t
inode_of(int dir, const char *name)
{
	struct stat st;

	cr_assert(name != NULL ? fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0
			       : fstat(dir, &st) == 0);
	return st.st_ino;
}

/* The outcome of resolving path, with nothing left open. */
static int
outcome(const char *path, unsigned flags)
{
	struct place p;
	int r = resolve_parent(room, path, flags, &p);

	cr_expect((p.dir >= 0) == (r == 0 || r == FTX_E_IS_LINK), "'%s'", path);
	place_release(&p);
	cr_expect(p.dir == -1);
	return r;
}

BothWays(resolver, holds_the_parent_and_names_the_leaf)
{
	static const struct {
		const char *path;
		const char *parent;
		const char *leaf;
	} cases[] = {
	    {"", ".", "."},
	    {"file", ".", "file"},
	    {"missing", ".", "missing"},
	    {"a/file", "a", "file"},
	    {"a/b/missing", "a/b", "missing"},
	    {"a/new\nline/\xff\xfe", "a/new\nline", "\xff\xfe"},
	    {"a/link", "a", "link"},
	};

	make_dir(room, "a");
	make_dir(room, "a/b");
	make_dir(room, "a/new\nline");
	make_link("/etc", room, "a/link");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place p;

		assert_ok(resolve_parent(room, cases[i].path, 0, &p));
		cr_expect(inode_of(p.dir, NULL) == inode_of(room, cases[i].parent), "%zu", i);
		cr_expect_str_eq(p.leaf, cases[i].leaf);
		place_release(&p);
	}
}

BothWays(resolver, T31_goes_through_no_link)
{
	static const struct {
		const char *target;
		const char *name;
	} links[] = {
	    {"dir", "inner"},
	    {"..", "up"},
	    {"/", "absolute"},
	    {"loop", "loop"},
	    {"/proc/self/root", "proc"},
	    {"nowhere", "dangling"},
	    {"/proc/self/fd", "fds"},
	    {"dir/file", "to_file"},
	};

	make_dir(room, "dir");
	make_dir(room, "dir/sub");
	make_file(room, "dir/file", "", 0644);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		char path[300], target[100] = "";
		struct place p;

		make_link(links[i].target, room, links[i].name);
		snprintf(path, sizeof(path), "%s/sub/x", links[i].name);
		assert_error(resolve_parent(room, path, 0, &p), FTX_E_IS_LINK);
		cr_expect(inode_of(p.dir, NULL) == inode_of(room, NULL));
		cr_expect_str_eq(p.leaf, links[i].name);
		cr_expect(readlinkat(p.dir, p.leaf, target, sizeof(target) - 1) > 0);
		cr_expect_str_eq(target, links[i].target);
		place_release(&p);
		cr_expect(outcome(path, RESOLVE_MAKE_PARENTS) == FTX_E_IS_LINK);
		snprintf(path, sizeof(path), "%s/x", links[i].name);
		cr_expect(outcome(path, RESOLVE_MAKE_PARENTS | RESOLVE_ENTER_MOUNTS) ==
			  FTX_E_IS_LINK);
	}
	make_link("../../share", room, "dir/back");
	cr_expect(outcome("dir/back/x", 0) == FTX_E_IS_LINK);
	cr_expect(!exists(room, "dir/x") && !exists(room, "dir/sub/x"));
}

BothWays(resolver, tells_what_stands_in_the_way)
{
	char over[2 * 129 + 1], name[300];

	make_dir(room, "dir");
	make_file(room, "file", "", 0644);
	cr_assert(mkfifoat(room, "fifo", 0600) == 0);
	cr_expect(outcome("file/x", 0) == FTX_E_CONFLICT);
	cr_expect(outcome("fifo/x", RESOLVE_MAKE_PARENTS) == FTX_E_CONFLICT);
	cr_expect(outcome("missing/x", 0) == FTX_E_NOT_FOUND);
	cr_expect(outcome("dir/missing/x", 0) == FTX_E_NOT_FOUND);
	cr_expect(outcome("dir/../x", 0) == FTX_E_NAME);
	cr_expect(outcome("/etc/passwd", 0) == FTX_E_NAME);
	cr_expect(outcome(".ftx/x", 0) == FTX_E_NAME);
	cr_expect(outcome("dir//x", 0) == FTX_E_NAME);
	memset(name, 'n', 256);
	name[256] = '\0';
	cr_expect(outcome(name, 0) == FTX_E_NAME);
	for (size_t i = 0; i < sizeof(over) - 1; i += 2)
		memcpy(over + i, "d/", 2);
	over[sizeof(over) - 2] = '\0';
	cr_expect(outcome(over, RESOLVE_MAKE_PARENTS) == FTX_E_NAME);
	cr_expect(!exists(room, "d"));
}

BothWays(resolver, T49_walks_128_deep_and_makes_what_is_missing)
{
	char path[2 * 128];
	int fds_before = dup(room), fds_after;

	for (size_t i = 0; i < sizeof(path); i += 2)
		memcpy(path + i, "d/", 2);
	path[sizeof(path) - 1] = '\0';
	cr_expect(outcome(path, 0) == FTX_E_NOT_FOUND);
	cr_expect(outcome(path, RESOLVE_MAKE_PARENTS) == 0);
	cr_expect(outcome(path, 0) == 0);
	assert_ok(resolve_sync_parents(room, path, 0));
	close(fds_before);
	fds_after = dup(room);
	cr_expect(fds_after == fds_before, "a descriptor was left open");
	close(fds_after);
}

BothWays(resolver, takes_names_of_255_bytes_on_all_levels)
{
	char path[3 * 256];

	memset(path, 'n', sizeof(path));
	path[255] = path[511] = '/';
	path[767] = '\0';
	cr_expect(outcome(path, RESOLVE_MAKE_PARENTS) == 0);
	cr_expect(outcome(path, 0) == 0);
}

BothWays(resolver, syncs_the_parent_of_each_directory_it_makes)
{
	trace_start();
	cr_expect(outcome("a/b/leaf", RESOLVE_MAKE_PARENTS) == 0);
	cr_expect_str_eq(trace_text(), "mkdirat a, fsync dir, mkdirat b, fsync dir");
	cr_expect(!exists(room, "a/b/leaf"));
	trace_start();
	cr_expect(outcome("a/b/leaf", RESOLVE_MAKE_PARENTS) == 0);
	cr_expect_str_eq(trace_text(), "");
}

BothWays(resolver, syncs_the_parent_and_all_young_ancestors)
{
	cr_expect(outcome("a/b/leaf", RESOLVE_MAKE_PARENTS) == 0);
	trace_start();
	assert_ok(resolve_sync_parents(room, "a/b/leaf", 0));
	cr_expect_str_eq(trace_text(), "fsync dir, fsync dir, fsync dir");
	fault_set("fsync", 2, EIO);
	assert_error(resolve_sync_parents(room, "a/b/leaf", 0), FTX_E_IO);
	cr_expect(fault_hit());
	assert_error(resolve_sync_parents(room, "a/c/leaf", 0), FTX_E_NOT_FOUND);
}

BothWays(resolver, says_when_a_directory_may_not_be_entered_or_changed)
{
	if (geteuid() == 0) {
		fprintf(stderr, "skipped: nothing is denied to root\n");
		return;
	}
	make_dir(room, "closed");
	cr_assert(fchmodat(room, "closed", 0, 0) == 0);
	cr_expect(outcome("closed/sub/x", 0) == FTX_E_DENIED);
	cr_expect(outcome("closed/sub/x", RESOLVE_MAKE_PARENTS) == FTX_E_DENIED);
	cr_assert(fchmodat(room, "closed", 0755, 0) == 0);
}

BothWays(resolver, T34_enters_another_file_system_only_where_told)
{
	char path[200];
	int dir;

	if (geteuid() != 0 || !own_mounts())
		return;
	make_dir(room, "other");
	make_dir(room, "bound");
	make_dir(room, "plain");
	snprintf(path, sizeof(path), "%s/share/other", room_path);
	cr_assert(mount("none", path, "tmpfs", 0, "size=64k") == 0);
	snprintf(path, sizeof(path), "%s/share/bound", room_path);
	cr_assert(mount("/proc", path, NULL, MS_BIND, NULL) == 0);
	cr_expect(outcome("other", 0) == 0, "the mount point as a leaf is the caller's matter");
	cr_expect(outcome("other/x", 0) == FTX_E_OTHER_FILE_SYSTEM);
	cr_expect(outcome("bound/x", RESOLVE_MAKE_PARENTS) == FTX_E_OTHER_FILE_SYSTEM);
	cr_expect(outcome("other/x", RESOLVE_ENTER_MOUNTS) == 0);
	cr_expect(outcome("bound/self/x", RESOLVE_ENTER_MOUNTS) == FTX_E_IS_LINK);
	cr_expect(resolve_nearest(room, "other/a/b", 0, &dir) == FTX_E_OTHER_FILE_SYSTEM);
	cr_expect(resolve_sync_parents(room, "other/x", 0) == FTX_E_OTHER_FILE_SYSTEM);
	umount2(path, MNT_DETACH);
	/* The same file system, and yet another tree. */
	cr_assert(mount(room_path, path, NULL, MS_BIND, NULL) == 0);
	cr_expect(outcome("bound/x", 0) == FTX_E_OTHER_FILE_SYSTEM);
	umount2(path, MNT_DETACH);
	snprintf(path, sizeof(path), "%s/share/other", room_path);
	umount2(path, MNT_DETACH);
}

BothWays(resolver, finds_the_nearest_directory_that_is_there)
{
	static const struct {
		const char *path;
		const char *nearest;
	} cases[] = {
	    {"x", "."},		  {"a/x", "a"}, {"a/b/x", "a/b"},
	    {"a/b/c/d/x", "a/b"}, {"q/r", "."}, {"", "."},
	};
	int dir;

	make_dir(room, "a");
	make_dir(room, "a/b");
	make_file(room, "f", "", 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ok(resolve_nearest(room, cases[i].path, RESOLVE_MAKE_PARENTS, &dir));
		cr_expect(inode_of(dir, NULL) == inode_of(room, cases[i].nearest), "%zu", i);
		close(dir);
	}
	cr_expect(!exists(room, "q"), "nothing is made");
	assert_error(resolve_nearest(room, "f/x", 0, &dir), FTX_E_CONFLICT);
	cr_expect(dir == -1);
}
