#include "src/store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "store_helpers.h"
#include "store_tree.h"

TestSuite(tree, .init = tree_begin, .fini = tree_end);
TestSuite(tree_walking, .init = tree_begin, .fini = tree_end);

BothWays(tree, keeps_the_directory_of_the_last_path)
{
	const struct place *p;
	struct stat a, b;
	int dir;

	make_dirs("d/e");
	assert_ok(tree_parent(tree, "d/e/x", false, &p));
	cr_expect_str_eq(p->leaf, "x");
	cr_assert(fstat(p->dir, &a) == 0);
	cr_expect_eq(a.st_ino, stat_of(room, "d/e").st_ino);
	dir = p->dir;
	assert_ok(tree_parent(tree, "d/e/y", false, &p));
	cr_expect_eq(p->dir, dir, "no walk");
	cr_expect_str_eq(p->leaf, "y");
	assert_ok(tree_parent(tree, "", false, &p));
	cr_expect_str_eq(p->leaf, ".");
	cr_assert(fstat(p->dir, &b) == 0);
	cr_expect_eq(b.st_ino, stat_of(room, ".").st_ino);
	assert_ok(tree_parent(tree, "d/x", false, &p));
	assert_ok(tree_parent(tree, "d/e/x", false, &p));
	cr_assert(fstat(p->dir, &b) == 0);
	cr_expect_eq(b.st_ino, a.st_ino);
}

BothWays(tree, refuses_names_and_goes_through_no_link)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
	    {"..", FTX_E_NAME},		{"a/../b", FTX_E_NAME},	    {"/a", FTX_E_NAME},
	    {"a//b", FTX_E_NAME},	{".ftx", FTX_E_NAME},	    {"d/.ftx-x", FTX_E_NAME},
	    {"link/x", FTX_E_IS_LINK},	{"self/x", FTX_E_IS_LINK},  {"loop/x", FTX_E_IS_LINK},
	    {"file/x", FTX_E_CONFLICT}, {"fifo/x", FTX_E_CONFLICT},
	};
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	make_dirs("d");
	make_file(room, "file", "", 0644);
	cr_assert(mkfifoat(room, "fifo", 0644) == 0);
	make_link("d", "link");
	make_link("loop", "loop");
	make_link("/proc/self/root/tmp", "self");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = cases[i].path;
		const struct node node = {.metadata = m};
		struct offer_verdict v;
		struct attributes attributes;

		assert_error(tree_mkdir(tree, path, &m, &flags), cases[i].error);
		assert_error(tree_symlink(tree, path, "x", &m, &flags), cases[i].error);
		assert_error(tree_link(tree, path, "file", &flags), cases[i].error);
		assert_error(tree_link(tree, "new", path, &flags), cases[i].error);
		assert_error(tree_setmeta(tree, path, &m, &flags), cases[i].error);
		assert_error(tree_remove(tree, path), cases[i].error);
		assert_error(tree_rename(tree, path, "new", true), cases[i].error);
		assert_error(tree_rename(tree, "file", path, true), cases[i].error);
		assert_error(tree_look(tree, path, 0, &attributes), cases[i].error);
		tree_compare(tree, path, &node, &v);
		cr_expect_eq(v.state, TREE_ERROR);
		cr_expect_eq(v.code, -cases[i].error);
	}
	cr_expect(!exists(room, "new"));
	cr_expect_eq(entries_in(room), 6);
}

BothWays(tree, missing_parents_are_made_where_something_is_made)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);
	mode_t mask = umask(027);

	make_file(room, "f", "text", 0644);
	assert_ok(tree_mkdir(tree, "a/b/c", &m, &flags));
	cr_expect_eq(flags, 0);
	cr_expect_eq(stat_of(room, "a").st_mode & 07777, 0750);
	cr_expect_eq(stat_of(room, "a/b/c").st_mode & 07777, 0700);
	assert_ok(tree_symlink(tree, "s/t/l", "x", &m, &flags));
	assert_ok(tree_link(tree, "u/v/f", "f", &flags));
	assert_ok(tree_rename(tree, "f", "w/x/f", false));
	cr_expect(exists(room, "s/t/l") && exists(room, "u/v/f") && exists(room, "w/x/f"));
	assert_error(tree_setmeta(tree, "no/x", &m, &flags), FTX_E_NOT_FOUND);
	assert_error(tree_remove(tree, "no/x"), FTX_E_NOT_FOUND);
	assert_error(tree_rename(tree, "no/x", "no/y", false), FTX_E_NOT_FOUND);
	assert_error(tree_link(tree, "no/y", "no/x", &flags), FTX_E_NOT_FOUND);
	cr_expect(!exists(room, "no"));
	assert_ok(tree_sync(tree));
	umask(mask);
}

BothWays(tree, a_directory_that_is_there_is_nothing_done)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0700);
	static const char *const others[] = {"file", "link", "fifo"};

	make_dirs("d");
	make_file(room, "file", "", 0644);
	make_link("d", "link");
	cr_assert(mkfifoat(room, "fifo", 0644) == 0);
	assert_ok(tree_mkdir(tree, "d", &m, &flags));
	cr_expect_eq(flags, STATUS_NOTHING_DONE);
	cr_expect_eq(stat_of(room, "d").st_mode & 07777, 0755, "it stays as it is");
	assert_ok(tree_mkdir(tree, "", &m, &flags));
	cr_expect_eq(flags, STATUS_NOTHING_DONE);
	for (size_t i = 0; i < 3; i++)
		assert_error(tree_mkdir(tree, others[i], &m, &flags), FTX_E_CONFLICT);
}

BothWays(tree, a_directory_made_again_by_another_process_is_found)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);
	struct node node = {.metadata = metadata_for(ENTRY_FILE, 0644)};
	struct offer_verdict v;

	make_dirs("d");
	assert_ok(tree_mkdir(tree, "d/x", &m, &flags));
	cr_assert(unlinkat(room, "d/x", AT_REMOVEDIR) == 0);
	cr_assert(unlinkat(room, "d", AT_REMOVEDIR) == 0);
	make_dirs("d");
	make_file(room, "d/f", "", 0644);
	tree_compare(tree, "d/f", &node, &v);
	cr_expect_neq(v.state, TREE_ABSENT);
	cr_assert(unlinkat(room, "d/f", 0) == 0);
	cr_assert(unlinkat(room, "d", AT_REMOVEDIR) == 0);
	make_dirs("d");
	assert_ok(tree_mkdir(tree, "d/x", &m, &flags));
	cr_expect(exists(room, "d/x"));
	/* and where it is gone, it is made again */
	cr_assert(unlinkat(room, "d/x", AT_REMOVEDIR) == 0);
	cr_assert(unlinkat(room, "d", AT_REMOVEDIR) == 0);
	assert_ok(tree_symlink(tree, "d/l", "t", &m, &flags));
	cr_expect(exists(room, "d/l"));
	assert_ok(tree_sync(tree));
}

BothWays(tree, a_directory_moved_away_is_left_at_the_next_sync)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	make_dirs("d");
	assert_ok(tree_mkdir(tree, "d/x", &m, &flags));
	cr_assert(renameat(room, "d", room_up, "moved") == 0);
	make_dirs("d");
	assert_ok(tree_sync(tree));
	assert_ok(tree_mkdir(tree, "d/y", &m, &flags));
	cr_expect(exists(room, "d/y"));
	cr_expect(!exists(room_up, "moved/y"));
}

BothWays(tree, a_link_is_made_with_its_time)
{
	struct metadata m = metadata_for(ENTRY_SYMLINK, 0777);

	assert_ok(tree_symlink(tree, "l", "../../etc/passwd", &m, &flags));
	cr_expect_eq(flags, 0);
	cr_expect(link_is("l", "../../etc/passwd"));
	cr_expect_eq(stat_of(room, "l").st_mtim.tv_sec, m.mtime_s);
	assert_ok(tree_symlink(tree, "l", "../../etc/passwd", &m, &flags));
	cr_expect_eq(flags, STATUS_NOTHING_DONE);
	m.mtime_s++;
	assert_ok(tree_symlink(tree, "l", "../../etc/passwd", &m, &flags));
	cr_expect_eq(flags, 0);
	cr_expect_eq(stat_of(room, "l").st_mtim.tv_sec, m.mtime_s);
	assert_error(tree_symlink(tree, "e", "", &m, &flags), FTX_E_NAME);
}

BothWays(tree, a_link_replaces_links_and_files_where_that_is_allowed)
{
	struct metadata m = metadata_for(ENTRY_SYMLINK, 0777);
	static const struct {
		const char *name;
		int with, without;
	} cases[] = {
	    {"file", 0, FTX_E_EXISTS},
	    {"other", 0, FTX_E_EXISTS},
	    {"d", FTX_E_CONFLICT, FTX_E_CONFLICT},
	    {"fifo", FTX_E_CONFLICT, FTX_E_CONFLICT},
	    {"", FTX_E_CONFLICT, FTX_E_CONFLICT},
	};

	make_dirs("d");
	make_file(room, "file", "text", 0644);
	make_link("elsewhere", "other");
	cr_assert(mkfifoat(room, "fifo", 0644) == 0);
	for (int with = 0; with < 2; with++) {
		tree_again(with != 0, -1);
		for (size_t i = 0; i < 5; i++)
			assert_error(tree_symlink(tree, cases[i].name, "here", &m, &flags),
				     with ? cases[i].with : cases[i].without);
		cr_expect_eq(link_is("file", "here"), with != 0);
		cr_expect_eq(link_is("other", "here"), with != 0);
		cr_expect_eq(entries_in(room), 4, "no temporary name stays");
	}
	tree_again(true, room_up);
	assert_ok(tree_symlink(tree, "file", "there", &m, &flags));
	cr_expect(link_is("file", "there"));
	cr_expect_eq(entries_in(room_up), 0);
}

BothWays(tree, a_target_of_the_largest_size_is_compared)
{
	struct metadata m = metadata_for(ENTRY_SYMLINK, 0777);
	static char target[LIMIT_PATH_BYTES + 2];
	struct attributes a;

	memset(target, 'x', LIMIT_PATH_BYTES + 1);
	assert_error(tree_symlink(tree, "l", target, &m, &flags), FTX_E_NAME);
	target[LIMIT_PATH_BYTES] = '\0';
	assert_ok(tree_symlink(tree, "l", target, &m, &flags));
	assert_ok(tree_symlink(tree, "l", target, &m, &flags));
	cr_expect_eq(flags, STATUS_NOTHING_DONE);
	assert_ok(tree_look(tree, "l", 0, &a));
	cr_expect(a.target.length == LIMIT_PATH_BYTES &&
		  memcmp(a.target.data, target, LIMIT_PATH_BYTES) == 0);
}

BothWays(tree, a_further_name_leads_to_the_same_inode)
{
	make_file(room, "f", "text", 0644);
	make_dirs("d");
	assert_ok(tree_link(tree, "d/g", "f", &flags));
	cr_expect_eq(flags, 0);
	cr_expect_eq(stat_of(room, "d/g").st_ino, stat_of(room, "f").st_ino);
	assert_ok(tree_link(tree, "d/g", "f", &flags));
	cr_expect_eq(flags, STATUS_NOTHING_DONE);
	assert_ok(tree_link(tree, "f", "f", &flags));
	cr_expect_eq(flags, STATUS_NOTHING_DONE);
	cr_expect_eq(stat_of(room, "f").st_nlink, 2);
}

BothWays(tree, only_files_get_further_names)
{
	static const struct {
		const char *existing;
		int error;
	} cases[] = {
	    {"d", FTX_E_NOT_REGULAR}, {"link", FTX_E_IS_LINK}, {"fifo", FTX_E_NOT_REGULAR},
	    {"no", FTX_E_NOT_FOUND},  {"", FTX_E_NOT_REGULAR}, {"socket", FTX_E_NOT_REGULAR},
	};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	make_dirs("d");
	make_link("d", "link");
	cr_assert(mkfifoat(room, "fifo", 0644) == 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", room);
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_error(tree_link(tree, "new", cases[i].existing, &flags), cases[i].error);
	cr_expect(!exists(room, "new"));
	close(fd);
}

BothWays(tree, a_further_name_replaces_files_and_links_where_that_is_allowed)
{
	make_file(room, "f", "text", 0644);
	make_dirs("d");
	for (int staging = -1; staging < 1; staging++) {
		make_file(room, "other", "other", 0644);
		cr_assert(unlinkat(room, "link", 0) == 0 || errno == ENOENT);
		make_link("d", "link");
		tree_again(false, staging < 0 ? -1 : room_up);
		assert_error(tree_link(tree, "other", "f", &flags), FTX_E_EXISTS);
		tree_again(true, staging < 0 ? -1 : room_up);
		assert_ok(tree_link(tree, "other", "f", &flags));
		assert_ok(tree_link(tree, "link", "f", &flags));
		assert_error(tree_link(tree, "d", "f", &flags), FTX_E_CONFLICT);
		cr_expect(file_is(room, "other", "text") && file_is(room, "link", "text"));
		cr_expect_eq(stat_of(room, "f").st_nlink, 3);
		cr_expect_eq(entries_in(room), 4);
		cr_expect_eq(entries_in(room_up), 0);
	}
}

static void
take_its_name(void)
{
	cr_assert(unlinkat(room, "other", 0) == 0);
	cr_assert(linkat(room, "f", room, "other", 0) == 0);
}

BothWays(tree, no_temporary_name_stays_where_another_process_made_the_same_link)
{
	make_file(room, "f", "text", 0644);
	make_file(room, "other", "other", 0644);
	tree_again(true, room_up);
	fault_hook("renameat", 1, take_its_name);
	assert_ok(tree_link(tree, "other", "f", &flags));
	cr_expect(fault_hit());
	cr_expect_eq(entries_in(room_up), 0);
	cr_expect_eq(stat_of(room, "f").st_nlink, 2);
}

BothWays(tree, what_is_removed_is_a_file_a_link_or_an_empty_directory)
{
	make_dirs("d/e");
	make_file(room, "f", "", 0444);
	make_link("d", "l");
	cr_assert(mkfifoat(room, "p", 0644) == 0);
	assert_error(tree_remove(tree, "d"), FTX_E_NOT_EMPTY);
	assert_error(tree_remove(tree, "no"), FTX_E_NOT_FOUND);
	assert_error(tree_remove(tree, ""), FTX_E_DENIED);
	assert_ok(tree_remove(tree, "l"));
	cr_expect(exists(room, "d"));
	assert_ok(tree_remove(tree, "d/e"));
	assert_ok(tree_remove(tree, "d"));
	assert_ok(tree_remove(tree, "f"));
	assert_ok(tree_remove(tree, "p"));
	cr_expect_eq(entries_in(room), 0);
	assert_ok(tree_sync(tree));
}

BothWays(tree, a_rename_replaces_a_file_only_when_asked_and_allowed)
{
	static const struct {
		const char *from, *to;
		bool overwrite, replace;
		int error;
	} cases[] = {
	    {"f", "other", true, false, FTX_E_EXISTS},
	    {"f", "other", false, true, FTX_E_EXISTS},
	    {"f", "d", true, true, FTX_E_CONFLICT},
	    {"f", "p", true, true, FTX_E_CONFLICT},
	    {"d", "e", true, true, FTX_E_CONFLICT},
	    {"d", "e", true, false, FTX_E_EXISTS},
	    {"d", "f", true, true, FTX_E_CONFLICT},
	    {"d", "d/e/x", true, false, FTX_E_CONFLICT},
	    {"d", "d", true, false, FTX_E_EXISTS},
	    {"d", "d", true, true, 0},
	    {"no", "x", true, true, FTX_E_NOT_FOUND},
	    {"", "x", true, true, FTX_E_DENIED},
	    {"f", "", true, true, FTX_E_DENIED},
	    {"f", "f", true, true, 0},
	    {"f", "other", true, true, 0},
	};

	make_dirs("d/e");
	make_dirs("e");
	make_file(room, "f", "text", 0644);
	make_file(room, "other", "other", 0644);
	cr_assert(mkfifoat(room, "p", 0644) == 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r;

		tree_again(cases[i].overwrite, -1);
		r = tree_rename(tree, cases[i].from, cases[i].to, cases[i].replace);
		cr_expect_eq(r, cases[i].error, "%zu: %s", i, error_name(r));
	}
	cr_expect(file_is(room, "other", "text"));
	cr_expect(!exists(room, "f"));
	cr_expect(exists(room, "d/e") && exists(room, "e"));
}

BothWays(tree, a_rename_to_a_name_of_the_same_inode_takes_the_old_one_away)
{
	make_file(room, "a", "text", 0644);
	assert_ok(tree_link(tree, "b", "a", &flags));
	assert_error(tree_rename(tree, "a", "b", false), FTX_E_EXISTS);
	assert_ok(tree_rename(tree, "a", "b", true));
	cr_expect(!exists(room, "a") && file_is(room, "b", "text"));
}

BothWays(tree, renames_where_the_file_system_cannot_tell_whether_something_is_there)
{
	static const char *const names[] = {"f", "l", "d"};
	static const int errnums[] = {EINVAL, ENOSYS, EOPNOTSUPP};

	make_file(room, "f", "text", 0644);
	make_link("x", "l");
	make_dirs("d");
	make_file(room, "taken", "taken", 0644);
	for (size_t i = 0; i < 3; i++) {
		char to[16];

		snprintf(to, sizeof(to), "new-%s", names[i]);
		fault_set("renameat2", 1, errnums[i]);
		assert_error(tree_rename(tree, names[i], "taken", false), FTX_E_EXISTS);
		cr_expect(fault_hit());
		fault_set("renameat2", 1, errnums[i]);
		assert_ok(tree_rename(tree, names[i], to, false));
		cr_expect(exists(room, to) && !exists(room, names[i]));
	}
	cr_expect(file_is(room, "taken", "taken"));
}

BothWays(tree, a_renamed_directory_is_not_written_in_under_its_old_name)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	make_dirs("d");
	assert_ok(tree_mkdir(tree, "d/x", &m, &flags));
	assert_ok(tree_rename(tree, "d", "e", false));
	assert_ok(tree_mkdir(tree, "d/y", &m, &flags));
	cr_expect(exists(room, "e/x") && exists(room, "d/y") && !exists(room, "e/y"));
	assert_ok(tree_sync(tree));
}

BothWays(tree, a_removed_directory_is_not_kept_open)
{
	struct metadata m = metadata_for(ENTRY_DIRECTORY, 0755);

	make_dirs("d");
	make_file(room, "d/f", "text", 0644);
	assert_ok(tree_rename(tree, "d/f", "f", false));
	assert_ok(tree_remove(tree, "d"));
	assert_ok(tree_mkdir(tree, "d", &m, &flags));
	make_file(room, "d/f", "text", 0644);
	assert_ok(tree_link(tree, "g", "d/f", &flags));
	assert_ok(tree_rename(tree, "d/f", "h", false));
}

BothWays(tree, metadata_goes_to_what_is_of_its_type)
{
	struct metadata file = metadata_for(ENTRY_FILE, 0640),
			dir = metadata_for(ENTRY_DIRECTORY, 0750),
			link = metadata_for(ENTRY_SYMLINK, 0777),
			fifo = metadata_for(ENTRY_FIFO, 0600);

	make_dirs("d");
	make_file(room, "f", "text", 0644);
	make_link("f", "l");
	cr_assert(mkfifoat(room, "p", 0644) == 0);
	assert_ok(tree_setmeta(tree, "f", &file, &flags));
	assert_ok(tree_setmeta(tree, "d", &dir, &flags));
	assert_ok(tree_setmeta(tree, "l", &link, &flags));
	cr_expect_eq(stat_of(room, "f").st_mode & 07777, 0640);
	cr_expect_eq(stat_of(room, "d").st_mode & 07777, 0750);
	cr_expect_eq(stat_of(room, "f").st_mtim.tv_sec, file.mtime_s);
	cr_expect_eq(stat_of(room, "d").st_mtim.tv_sec, dir.mtime_s);
	cr_expect_eq(stat_of(room, "l").st_mtim.tv_sec, link.mtime_s);
	assert_error(tree_setmeta(tree, "l", &file, &flags), FTX_E_CONFLICT);
	assert_error(tree_setmeta(tree, "f", &dir, &flags), FTX_E_CONFLICT);
	assert_error(tree_setmeta(tree, "p", &file, &flags), FTX_E_CONFLICT);
	assert_error(tree_setmeta(tree, "p", &fifo, &flags), FTX_E_UNSUPPORTED);
	assert_error(tree_setmeta(tree, "no", &file, &flags), FTX_E_NOT_FOUND);
	assert_ok(tree_setmeta(tree, "", &dir, &flags));
	cr_expect_eq(stat_of(room, ".").st_mtim.tv_sec, dir.mtime_s);
	assert_ok(tree_sync(tree));
}

BothWays(tree, T34_what_is_mounted_on_an_entry_gets_no_metadata)
{
	struct metadata file = metadata_for(ENTRY_FILE, 0600),
			dir = metadata_for(ENTRY_DIRECTORY, 0700);

	make_dirs("d");
	make_file(room, "f", "", 0644);
	make_file(room_up, "f", "", 0644);
	if (!own_mounts())
		return;
	tree_again(true, -1);
	cr_assert(fchdir(room) == 0);
	cr_assert(mount("../staging", "d", NULL, MS_BIND, NULL) == 0);
	cr_assert(mount("../staging/f", "f", NULL, MS_BIND, NULL) == 0);
	assert_error(tree_setmeta(tree, "d", &dir, &flags), FTX_E_OTHER_FILE_SYSTEM);
	assert_error(tree_setmeta(tree, "f", &file, &flags), FTX_E_OTHER_FILE_SYSTEM);
	assert_error(tree_setmeta(tree, "d/f", &file, &flags), FTX_E_OTHER_FILE_SYSTEM);
	assert_error(tree_link(tree, "g", "f", &flags), FTX_E_OTHER_FILE_SYSTEM);
	assert_error(tree_remove(tree, "d"), FTX_E_BUSY);
	cr_expect_eq(stat_of(room_up, "f").st_mode & 07777, 0644);
	cr_assert(umount("d") == 0 && umount("f") == 0);
}

BothWays(tree, without_overwrite_only_what_was_made_here_gets_metadata)
{
	struct metadata file = metadata_for(ENTRY_FILE, 0640),
			dir = metadata_for(ENTRY_DIRECTORY, 0750),
			link = metadata_for(ENTRY_SYMLINK, 0777);

	make_dirs("old");
	make_file(room, "file", "", 0600);
	make_link("x", "link");
	tree_again(false, -1);
	assert_error(tree_setmeta(tree, "old", &dir, &flags), FTX_E_DENIED);
	assert_error(tree_setmeta(tree, "file", &file, &flags), FTX_E_DENIED);
	assert_error(tree_setmeta(tree, "link", &link, &flags), FTX_E_DENIED);
	assert_error(tree_setmeta(tree, "", &dir, &flags), FTX_E_DENIED);
	assert_ok(tree_mkdir(tree, "old", &dir, &flags));
	assert_error(tree_setmeta(tree, "old", &dir, &flags), FTX_E_DENIED);
	assert_ok(tree_mkdir(tree, "made/new", &dir, &flags));
	assert_ok(tree_setmeta(tree, "made/new", &dir, &flags));
	assert_ok(tree_setmeta(tree, "made", &dir, &flags));
	assert_ok(tree_symlink(tree, "l", "x", &link, &flags));
	assert_ok(tree_setmeta(tree, "l", &link, &flags));
	link.mtime_s++;
	assert_ok(tree_symlink(tree, "l", "x", &link, &flags));
	assert_error(tree_symlink(tree, "link", "x", &link, &flags), FTX_E_EXISTS);
	tree_again(false, -1);
	assert_error(tree_setmeta(tree, "made", &dir, &flags), FTX_E_DENIED);
}

BothWays(tree, the_oldest_of_65536_made_entries_is_forgotten)
{
	struct metadata dir = metadata_for(ENTRY_DIRECTORY, 0750);

	tree_again(false, -1);
	assert_ok(tree_mkdir(tree, "a", &dir, &flags));
	assert_ok(tree_mkdir(tree, "b", &dir, &flags));
	for (unsigned i = 0; i < 65535; i++)
		assert_ok(tree_note_made(tree, room, "b"));
	assert_error(tree_setmeta(tree, "a", &dir, &flags), FTX_E_DENIED);
	assert_ok(tree_setmeta(tree, "b", &dir, &flags));
}

BothWays(tree, compares_type_content_and_metadata)
{
	static const struct {
		const char *path;
		enum entry_type type;
		mode_t mode;
		int64_t later;
		uint64_t size;
		const char *target;
		enum tree_state state;
	} cases[] = {
	    {"f", ENTRY_FILE, 0644, 0, 4, "", TREE_SAME},
	    {"f", ENTRY_FILE, 0644, 0, 5, "", TREE_DIFFERS},
	    {"f", ENTRY_FILE, 0644, 1, 4, "", TREE_DIFFERS},
	    {"f", ENTRY_FILE, 0600, 0, 4, "", TREE_METADATA},
	    {"f", ENTRY_DIRECTORY, 0644, 0, 0, "", TREE_CONFLICT},
	    {"f", ENTRY_SYMLINK, 0777, 0, 0, "f", TREE_DIFFERS},
	    {"d", ENTRY_DIRECTORY, 0755, 0, 0, "", TREE_SAME},
	    {"d", ENTRY_DIRECTORY, 0755, 1, 0, "", TREE_METADATA},
	    {"d", ENTRY_DIRECTORY, 0700, 0, 0, "", TREE_METADATA},
	    {"d", ENTRY_FILE, 0755, 0, 0, "", TREE_CONFLICT},
	    {"l", ENTRY_SYMLINK, 0777, 0, 0, "f", TREE_SAME},
	    {"l", ENTRY_SYMLINK, 0777, 1, 0, "f", TREE_METADATA},
	    {"l", ENTRY_SYMLINK, 0777, 0, 0, "ff", TREE_DIFFERS},
	    {"l", ENTRY_SYMLINK, 0777, 0, 0, "", TREE_DIFFERS},
	    {"l", ENTRY_FILE, 0777, 0, 1, "", TREE_DIFFERS},
	    {"p", ENTRY_FILE, 0644, 0, 0, "", TREE_CONFLICT},
	    {"no", ENTRY_FILE, 0644, 0, 0, "", TREE_ABSENT},
	    {"no/no", ENTRY_FILE, 0644, 0, 0, "", TREE_ABSENT},
	};
	struct metadata m = metadata_for(ENTRY_FILE, 0644);

	make_dirs("d");
	make_file(room, "f", "text", 0644);
	make_link("f", "l");
	cr_assert(mkfifoat(room, "p", 0644) == 0);
	assert_ok(tree_setmeta(tree, "f", &m, &flags));
	m = metadata_for(ENTRY_DIRECTORY, 0755);
	assert_ok(tree_setmeta(tree, "d", &m, &flags));
	m = metadata_for(ENTRY_SYMLINK, 0777);
	assert_ok(tree_setmeta(tree, "l", &m, &flags));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node node = {
		    .metadata = metadata_for(cases[i].type, cases[i].mode),
		    .size = cases[i].size,
		    .target = span_of(cases[i].target),
		};
		struct offer_verdict v;

		node.metadata.mtime_s += cases[i].later;
		tree_compare(tree, cases[i].path, &node, &v);
		cr_expect_eq(v.state, cases[i].state, "%zu: %u", i, v.state);
		if (strcmp(cases[i].path, "f") == 0)
			cr_expect(v.size == 4 && v.mtime_s == m.mtime_s &&
				  v.mtime_ns == m.mtime_ns);
	}
}

BothWays(tree, a_look_tells_everything)
{
	struct attributes a;

	make_file(room, "f", "text", 0640);
	make_link("target", "l");
	assert_ok(tree_link(tree, "g", "f", &flags));
	assert_ok(tree_look(tree, "f", 0, &a));
	cr_expect_eq(a.metadata.type, ENTRY_FILE);
	cr_expect_eq(a.metadata.mode, 0640);
	cr_expect_eq(a.identity.size, 4);
	cr_expect_eq(a.identity.inode, stat_of(room, "f").st_ino);
	cr_expect_eq(a.allocated, (uint64_t)stat_of(room, "f").st_blocks * 512);
	cr_expect_eq(a.links, 2);
	cr_expect_eq(a.target.length, 0);
	assert_ok(tree_look(tree, "l", 0, &a));
	cr_expect(a.target.length == 6 && memcmp(a.target.data, "target", 6) == 0);
	assert_ok(tree_look(tree, "", 0, &a));
	cr_expect_eq(a.metadata.type, ENTRY_DIRECTORY);
	assert_error(tree_look(tree, "no", 0, &a), FTX_E_NOT_FOUND);
}

BothWays(tree, temporary_names_are_never_the_same)
{
	const struct place *p;
	char a[TREE_TEMP_BYTES], b[TREE_TEMP_BYTES];

	assert_ok(tree_parent(tree, "x", false, &p));
	cr_expect_eq(tree_temp(tree, p, a), p->dir);
	cr_expect_eq(tree_temp(tree, p, b), p->dir);
	cr_expect_str_neq(a, b);
	cr_expect(strncmp(a, ".ftx-", 5) == 0 && strcmp(a + strlen(a) - 4, ".new") == 0);
	tree_again(true, room_up);
	assert_ok(tree_parent(tree, "x", false, &p));
	cr_expect_eq(tree_temp(tree, p, b), room_up);
	cr_expect(strncmp(b, ".ftx", 4) != 0);
}
