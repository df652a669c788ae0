#include "src/store/metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "store_helpers.h"

static struct metadata_rules server, client;
static struct metadata_buffer buffer;

static void
begin_suite(void)
{
	room_begin_on_disk();
	umask(0);
	metadata_rules_init(&server, METADATA_SERVER, false, false, room);
	metadata_rules_init(&client, METADATA_CLIENT, true, false, -1);
}

TestSuite(metadata, .init = begin_suite, .fini = room_end);

static int
new_file(const char *name)
{
	int fd = openat(room, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert(fd >= 0);
	return fd;
}

/* What the file system and the xattr together say of an open file. */
static struct metadata
recalled(int fd, mode_t *own_mode)
{
	struct metadata m;
	struct stat st;

	cr_assert(fstat(fd, &st) == 0);
	*own_mode = st.st_mode & 07777;
	assert_ok(metadata_read(&server, 0, room, "", fd, &st, &m, &buffer));
	return m;
}

static struct metadata
with_mode(uint16_t mode)
{
	return (struct metadata){
	    .type = ENTRY_FILE, .mode = mode, .mtime_s = -5, .mtime_ns = 999999999};
}

Test(metadata, of_a_server_file_is_given_back_as_it_came)
{
	static const struct {
		uint16_t mode;
		mode_t umask_bits;
		mode_t own;
	} cases[] = {
	    {0644, 022, 0644},	{0600, 027, 0600}, {0755, 022, 0755}, {0777, 027, 0750},
	    {04755, 022, 0755}, {06711, 0, 0711},  {01644, 0, 0644},  {0000, 022, 0600},
	    {0555, 022, 0755},	{0444, 077, 0600}, {07777, 0, 0777},  {0400, 0, 0600},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metadata m = with_mode(cases[i].mode), got;
		struct metadata_rules rules = server;
		char name[20];
		uint8_t not_kept = 1;
		mode_t own;
		int fd;

		snprintf(name, sizeof(name), "file%zu", i);
		rules.umask_bits = cases[i].umask_bits;
		fd = new_file(name);
		assert_ok(metadata_apply(&rules, fd, &m, METADATA_AGAIN, &not_kept));
		got = recalled(fd, &own);
		cr_expect(own == cases[i].own, "%zu: %o", i, own);
		cr_expect(own == metadata_mode(&rules, &m));
		cr_expect(got.mode == cases[i].mode, "%zu: %o", i, got.mode);
		cr_expect(got.mtime_s == m.mtime_s && got.mtime_ns == m.mtime_ns);
		cr_expect(got.type == ENTRY_FILE);
		cr_expect(!not_kept);
		/* Only what differs is remembered. */
		cr_expect((fgetxattr(fd, "user.ftx.meta", NULL, 0) > 0) ==
			  (cases[i].mode != cases[i].own));
		close(fd);
	}
}

Test(metadata, remembered_no_longer_counts_once_the_mode_was_changed_by_hand)
{
	struct metadata m = with_mode(04755), got;
	uint8_t not_kept;
	mode_t own;
	int fd = new_file("file");

	assert_ok(metadata_apply(&server, fd, &m, METADATA_AGAIN, &not_kept));
	cr_assert(fchmod(fd, 0700) == 0);
	got = recalled(fd, &own);
	cr_expect(got.mode == 0700);
	cr_assert(fchmod(fd, 0755) == 0);
	got = recalled(fd, &own);
	cr_expect(got.mode == 04755);
	close(fd);
}

Test(metadata, of_an_earlier_commit_is_forgotten)
{
	struct metadata first = with_mode(04755), second = with_mode(0755), got;
	uint8_t not_kept;
	mode_t own;
	int fd = new_file("file");

	assert_ok(metadata_apply(&server, fd, &first, METADATA_AGAIN, &not_kept));
	assert_ok(metadata_apply(&server, fd, &second, METADATA_AGAIN, &not_kept));
	got = recalled(fd, &own);
	cr_expect(got.mode == 0755);
	close(fd);
}

Test(metadata, in_an_xattr_that_makes_no_sense_is_not_believed)
{
	static const struct {
		uint8_t value[8];
		size_t length;
		uint16_t mode;
	} cases[] = {
	    {{1, 0xed, 0x09, 0x80, 0x01}, 5, 04755}, /* well formed, for a file of mode 0600 */
	    {{2, 0xed, 0x09, 0x80, 0x01}, 5, 0600},  /* another version */
	    {{1, 0xed, 0x09, 0x80, 0x01}, 4, 0600},  /* short */
	    {{1, 0xed, 0x09, 0x80, 0x01, 0}, 6, 0600},
	    {{1, 0xed, 0x19, 0x80, 0x01}, 5, 0600}, /* no such mode */
	    {{0}, 0, 0600},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[20];
		mode_t own;
		int fd;

		snprintf(name, sizeof(name), "file%zu", i);
		fd = new_file(name);
		if (fsetxattr(fd, "user.ftx.meta", cases[i].value, cases[i].length, 0) != 0) {
			fprintf(stderr, "skipped: no user xattrs here\n");
			return;
		}
		cr_expect(recalled(fd, &own).mode == cases[i].mode, "%zu", i);
		close(fd);
	}
}

Test(metadata, of_a_client_file_is_what_its_user_may_give)
{
	struct metadata m = with_mode(04755);
	uint8_t not_kept = 0;
	mode_t own;
	int fd = new_file("file");

	assert_ok(metadata_apply(&client, fd, &m, METADATA_AGAIN, &not_kept));
	recalled(fd, &own);
	cr_expect(own == (geteuid() == 0 ? 04755 : 0755));
	cr_expect(not_kept == (geteuid() != 0));
	cr_expect(fgetxattr(fd, "user.ftx.meta", NULL, 0) < 0);
	m.mode = 0400;
	assert_ok(metadata_apply(&client, fd, &m, METADATA_AGAIN, &not_kept));
	recalled(fd, &own);
	cr_expect(own == 0400);
	cr_expect(!not_kept);
	close(fd);
}

Test(metadata, that_a_file_system_cannot_hold_is_reported_and_no_failure)
{
	static const int errnums[] = {EOPNOTSUPP, EPERM};

	for (size_t i = 0; i < 2; i++) {
		struct metadata m = with_mode(04711);
		char name[20];
		uint8_t not_kept = 0;
		mode_t own;
		int fd;

		snprintf(name, sizeof(name), "file%zu", i);
		fd = new_file(name);
		fault_set("fsetxattr", 1, errnums[i]);
		assert_ok(metadata_apply(&server, fd, &m, METADATA_AGAIN, &not_kept));
		cr_expect(fault_hit() && not_kept);
		cr_expect(recalled(fd, &own).mode == 0711);
		fault_set("fchmod", 1, EPERM);
		assert_ok(metadata_apply(&client, fd, &m, METADATA_AGAIN, &not_kept));
		cr_expect(fault_hit() && not_kept);
		close(fd);
	}
}

Test(metadata, fails_where_the_disk_fails)
{
	static const char *const calls[] = {"fsetxattr", "fchmod", "futimens"};
	struct metadata m = with_mode(04711);
	int fd = new_file("file");
	uint8_t not_kept;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fault_set(calls[i], 1, EIO);
		assert_error(metadata_apply(&server, fd, &m, METADATA_AGAIN, &not_kept), FTX_E_IO);
		cr_expect(fault_hit());
	}
	close(fd);
}

Test(metadata, is_kept_as_far_as_ramfs_goes)
{
	struct metadata m = with_mode(04711);
	uint8_t not_kept = 0;
	char path[200];
	mode_t own;
	int fd;

	if (geteuid() != 0 || !own_mounts())
		return;
	cr_assert(mkdirat(room, "ram", 0755) == 0);
	snprintf(path, sizeof(path), "%s/share/ram", room_path);
	cr_assert(mount("none", path, "ramfs", 0, NULL) == 0);
	fd = new_file("ram/file");
	assert_ok(metadata_apply(&server, fd, &m, METADATA_AGAIN, &not_kept));
	cr_expect(not_kept, "ramfs has no user xattrs");
	cr_expect(recalled(fd, &own).mode == 0711);
	close(fd);
	umount2(path, MNT_DETACH);
}

Test(metadata, knows_the_types)
{
	struct stat st;

	make_file(room, "file", "", 0640);
	cr_assert(mkfifoat(room, "fifo", 0600) == 0);
	cr_assert(symlinkat("x", room, "link") == 0);
	cr_assert(fstatat(room, "file", &st, AT_SYMLINK_NOFOLLOW) == 0);
	cr_expect(metadata_of(&st).type == ENTRY_FILE && metadata_of(&st).mode == 0640);
	cr_assert(fstatat(room, "fifo", &st, AT_SYMLINK_NOFOLLOW) == 0);
	cr_expect(metadata_of(&st).type == ENTRY_FIFO);
	cr_assert(fstatat(room, "link", &st, AT_SYMLINK_NOFOLLOW) == 0);
	cr_expect(metadata_of(&st).type == ENTRY_SYMLINK);
	cr_assert(fstat(room, &st) == 0);
	cr_expect(metadata_of(&st).type == ENTRY_DIRECTORY);
	cr_assert(stat("/dev/null", &st) == 0);
	cr_expect(metadata_of(&st).type == ENTRY_CHARACTER);
}

Test(metadata, of_a_link_of_the_server_says_no_owner)
{
	struct metadata_rules other = server;
	struct metadata m;
	struct stat st;

	cr_assert(symlinkat("x", room, "link") == 0);
	cr_assert(fstatat(room, "link", &st, AT_SYMLINK_NOFOLLOW) == 0);
	assert_ok(metadata_read(&server, METADATA_OWNER | METADATA_ACLS, room, "link", -1, &st, &m,
				&buffer));
	cr_expect(m.flags == METADATA_ACLS);
	assert_ok(metadata_read(&client, METADATA_OWNER, room, "link", -1, &st, &m, &buffer));
	cr_expect(m.flags == METADATA_OWNER && m.uid == st.st_uid);
	/* Somebody else's was not made by a put. */
	other.own.uid++;
	assert_ok(metadata_read(&other, METADATA_OWNER, room, "link", -1, &st, &m, &buffer));
	cr_expect(m.flags == METADATA_OWNER && m.uid == st.st_uid);
}

Test(metadata, umask_is_read_and_left_as_it_was)
{
	umask(031);
	cr_expect(metadata_umask() == 031);
	cr_expect(umask(022) == 031);
}

Test(identity, is_compared_by_size_time_and_inode)
{
	const struct identity base = {
	    .size = 5, .mtime_s = 7, .mtime_ns = 8, .inode = 9, .ctime_s = 10, .ctime_ns = 11};
	struct identity other[6];
	static const bool same[6] = {false, false, false, false, true, true};
	static const bool resumes[6] = {false, false, false, true, true, true};

	for (unsigned i = 0; i < 6; i++)
		other[i] = base;
	other[0].size++;
	other[1].mtime_s++;
	other[2].mtime_ns++;
	other[3].inode++;
	other[4].ctime_s++;
	other[5].ctime_ns++;
	for (unsigned i = 0; i < 6; i++) {
		cr_expect(identity_same(&base, &other[i]) == same[i], "%u", i);
		cr_expect(identity_resumes(&base, &other[i]) == resumes[i], "%u", i);
	}
	cr_expect(identity_same(&base, &base));
}

Test(mtime, is_the_same_at_the_precision_of_the_destination)
{
	static const struct {
		int64_t source_s;
		uint32_t source_ns;
		int64_t stored_s;
		uint32_t stored_ns;
		bool same;
	} cases[] = {
	    {1, 123456789, 1, 123456789, true},
	    {1, 123456789, 1, 123456000, true},
	    {1, 123456789, 1, 123000000, true},
	    {1, 123456789, 1, 0, true},
	    {1, 0, 1, 0, true},
	    {-1, 500000000, -1, 500000000, true},
	    {-1, 500000000, -1, 0, true},
	    {1, 123456789, 1, 123456700, false},
	    {1, 123456789, 1, 123456788, false},
	    {1, 123456789, 1, 123457000, false},
	    {1, 123456789, 1, 124000000, false},
	    {1, 123456789, 1, 100000000, false},
	    {1, 123456789, 2, 123456789, false},
	    {1, 123456789, 2, 0, false},
	    {1, 0, 1, 1, false},
	    {1, 0, 1, 123000000, false},
	    {1, 999999999, 1, 999999000, true},
	    {1, 999999999, 2, 0, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect(mtime_same(cases[i].source_s, cases[i].source_ns, cases[i].stored_s,
				     cases[i].stored_ns) == cases[i].same,
			  "%zu", i);
}
