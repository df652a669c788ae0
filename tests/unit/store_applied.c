/*
 * What the client applies of metadata.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/store/metadata.h"
#include "src/store/xattrs.h"
#include "store_helpers.h"

#define NOBODY	 65534u
#define ALL	 (METADATA_OWNER | METADATA_XATTRS | METADATA_ACLS)
#define ACCESS	 "system.posix_acl_access"
#define DEFAULTS "system.posix_acl_default"

/* Version 2; user::rw-, user:65534:rw-, group::r--, mask::rw-, other::--- */
static const uint8_t acl[] = {2,    0,	  0,	0,    1,    0,	  6,	0,    0xff, 0xff, 0xff,
			      0xff, 2,	  0,	6,    0,    0xfe, 0xff, 0,    0,    4,	  0,
			      4,    0,	  0xff, 0xff, 0xff, 0xff, 16,	0,    6,    0,	  0xff,
			      0xff, 0xff, 0xff, 32,   0,    0,	  0,	0xff, 0xff, 0xff, 0xff};

static struct metadata_rules rules;
static struct metadata_buffer buffer;

static void
begin_suite(void)
{
	room_begin_on_disk();
	umask(022);
	metadata_rules_init(&rules, METADATA_CLIENT, true, false, -1);
}

TestSuite(applied, .init = begin_suite, .fini = room_end);

static void
become_nobody(void)
{
	if (geteuid() == 0) {
		cr_assert(chown(room_path, NOBODY, NOBODY) == 0);
		cr_assert(fchown(room, NOBODY, NOBODY) == 0);
		cr_assert(fchown(room_up, NOBODY, NOBODY) == 0);
		cr_assert(setresgid(NOBODY, NOBODY, NOBODY) == 0);
		cr_assert(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	}
	metadata_rules_init(&rules, METADATA_CLIENT, true, false, -1);
}

static bool
skip_without_root(void)
{
	if (geteuid() != 0)
		fprintf(stderr, "skipped: for root only\n");
	return geteuid() != 0;
}

static int
new_file(const char *name)
{
	int fd = openat(room, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert(fd >= 0);
	return fd;
}

static void
put_attribute(struct put_cursor *c, const char *name, const void *value, size_t length)
{
	cr_assert(put_u16(c, (uint16_t)strlen(name)) == 0 && put_bytes(c, name, strlen(name)) == 0);
	cr_assert(put_u16(c, (uint16_t)length) == 0 && put_bytes(c, value, length) == 0);
}

/* Privileged attributes, ACLs and user.*: as far as asked for. */
static struct span
attributes(unsigned classes)
{
	static uint8_t bytes[4][512];
	static unsigned next;
	uint8_t *room_for = bytes[next++ % 4];
	struct put_cursor c = put_cursor_over(room_for, sizeof(bytes[0]));

	if ((classes & XATTR_ACL) != 0)
		put_attribute(&c, ACCESS, acl, sizeof(acl));
	if ((classes & XATTR_DEFAULT_ACL) != 0)
		put_attribute(&c, DEFAULTS, acl, sizeof(acl));
	if ((classes & XATTR_PRIVILEGED) != 0)
		put_attribute(&c, "trusted.t", "tt", 2);
	if ((classes & XATTR_USER) != 0)
		put_attribute(&c, "user.u", "uu", 2);
	return (struct span){room_for, sizeof(bytes[0]) - c.left};
}

static struct metadata
wanted(uint16_t mode, unsigned classes)
{
	return (struct metadata){
	    .type = ENTRY_FILE,
	    .mode = mode,
	    .mtime_s = 1234567890,
	    .mtime_ns = 123456789,
	    .flags = ALL,
	    .uid = 12345,
	    .gid = 54321,
	    .xattrs = attributes(classes),
	};
}

static struct metadata
read_back(int fd, const char *name)
{
	struct stat st;
	struct metadata m;

	cr_assert(fd >= 0 ? fstat(fd, &st) == 0
			  : fstatat(room, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	assert_ok(metadata_read(&rules, ALL, room, name, fd, &st, &m, &buffer));
	return m;
}

static mode_t
mode_of(int fd)
{
	struct stat st;

	cr_assert(fstat(fd, &st) == 0);
	return st.st_mode & 07777;
}

Test(applied, is_everything_by_root)
{
	struct metadata m = wanted(04660, XATTR_ACL | XATTR_PRIVILEGED | XATTR_USER), got;
	uint8_t flags = 0xff;
	struct stat st;
	int fd = new_file("file");

	if (skip_without_root())
		return;
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(flags == 0, "%x", flags);
	cr_assert(fstat(fd, &st) == 0);
	cr_expect(st.st_uid == 12345 && st.st_gid == 54321);
	cr_expect((st.st_mode & 07777) == 04660, "%o", st.st_mode);
	got = read_back(fd, "");
	cr_expect(got.xattrs.length == m.xattrs.length &&
		  memcmp(got.xattrs.data, m.xattrs.data, m.xattrs.length) == 0);
	cr_expect(!metadata_differs(&rules, &m, &got));
	got = read_back(-1, "file");
	cr_expect(!metadata_differs(&rules, &m, &got));
	/* Exactly: what is no longer wanted goes. */
	m.xattrs = (struct span){0};
	cr_expect(metadata_differs(&rules, &m, &got));
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_STANDING, &flags));
	got = read_back(fd, "");
	cr_expect(got.xattrs.length == 0 && flags == 0);
	cr_expect(mode_of(fd) == 04660);
	close(fd);
}

Test(applied, is_what_a_user_may_give)
{
	struct metadata m = wanted(06460, XATTR_ACL | XATTR_PRIVILEGED | XATTR_USER), got;
	uint8_t flags = 0xff;
	struct stat st;
	int fd;

	become_nobody();
	fd = new_file("file");
	for (int past = METADATA_FRESH; past <= METADATA_STANDING; past++) {
		assert_ok(metadata_apply(&rules, fd, &m, (enum metadata_past)past, &flags));
		cr_expect(flags == (STATUS_MODE_NOT_KEPT | STATUS_XATTRS_NOT_KEPT), "%x", flags);
		cr_assert(fstat(fd, &st) == 0);
		cr_expect(st.st_uid == geteuid(), "an owner is not wanted of a user");
		/* user:: of the ACL is rw- */
		cr_expect((st.st_mode & 07777) == 0660, "%o", st.st_mode);
		got = read_back(fd, "");
		cr_expect(xattrs_classes(&got.xattrs) == (XATTR_ACL | XATTR_USER));
		m.mode = 06660;
		cr_expect(!metadata_differs(&rules, &m, &got), "setuid and owner cannot be kept");
		m.mode = 06640;
		cr_expect(metadata_differs(&rules, &m, &got));
		m.mode = 06460;
	}
	close(fd);
}

Test(applied, to_a_file_that_its_owner_may_not_write)
{
	struct metadata m = wanted(0400, XATTR_USER), got;
	uint8_t flags;
	int fd;

	become_nobody();
	fd = new_file("file");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(flags == 0 && mode_of(fd) == 0400);
	got = read_back(fd, "");
	cr_expect(!metadata_differs(&rules, &m, &got));
	m.xattrs = (struct span){0};
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_STANDING, &flags));
	cr_expect(flags == 0 && mode_of(fd) == 0400);
	cr_expect(fgetxattr(fd, "user.u", NULL, 0) < 0 && errno == ENODATA);
	close(fd);
}

Test(applied, owner_is_the_one_of_that_name_here)
{
	struct metadata m = wanted(0640, 0), got;
	struct metadata_rules numeric = rules;
	uint8_t flags;
	int fd = new_file("file");

	if (skip_without_root())
		return;
	m.user = span_of("nobody");
	m.group = span_of("no-such-group");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	got = read_back(fd, "");
	cr_expect(got.uid == NOBODY && got.gid == 54321);
	cr_expect(got.user.length == 6 && memcmp(got.user.data, "nobody", 6) == 0);
	cr_expect(!metadata_differs(&rules, &m, &got));
	numeric.numeric_ids = true;
	cr_expect(metadata_differs(&numeric, &m, &got));
	assert_ok(metadata_apply(&numeric, fd, &m, METADATA_STANDING, &flags));
	got = read_back(fd, "");
	cr_expect(got.uid == 12345 && got.gid == 54321 && flags == 0);
	/* -1 is nobody. */
	m.uid = UINT32_MAX;
	assert_ok(metadata_apply(&numeric, fd, &m, METADATA_STANDING, &flags));
	cr_expect(flags == STATUS_OWNER_NOT_KEPT);
	close(fd);
}

Test(applied, owner_is_left_where_it_is_not_wanted)
{
	struct metadata m = wanted(0640, 0), got;
	uint8_t flags;
	int fd = new_file("file");

	metadata_rules_init(&rules, METADATA_CLIENT, false, false, -1);
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	got = read_back(fd, "");
	cr_expect(got.uid == geteuid() && flags == 0);
	cr_expect(!metadata_differs(&rules, &m, &got));
	close(fd);
}

Test(applied, setuid_is_not_without_its_owner)
{
	static const int errnums[] = {EPERM, EINVAL};
	struct metadata m = wanted(06755, 0);
	uint8_t flags;
	int fd = new_file("file");

	if (skip_without_root())
		return;
	for (size_t i = 0; i < 2; i++) {
		fault_set("fchown", 1, errnums[i]);
		assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
		cr_expect(fault_hit());
		cr_expect(flags == (STATUS_OWNER_NOT_KEPT | STATUS_MODE_NOT_KEPT));
		cr_expect(mode_of(fd) == 0755);
	}
	fault_set("fchown", 1, EIO);
	assert_error(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags), FTX_E_IO);
	close(fd);
}

Test(applied, inherited_acl_goes_where_none_is_wanted)
{
	struct metadata m = wanted(0640, 0);
	uint8_t flags;
	int fd;

	if (fsetxattr(room, DEFAULTS, acl, sizeof(acl), 0) != 0) {
		fprintf(stderr, "skipped: no ACLs here\n");
		return;
	}
	m.flags = METADATA_XATTRS;
	fd = new_file("without -A");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(fgetxattr(fd, ACCESS, NULL, 0) > 0);
	close(fd);
	m.flags = METADATA_ACLS;
	fd = new_file("with");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(fgetxattr(fd, ACCESS, NULL, 0) < 0);
	cr_expect(mode_of(fd) == 0640 && flags == 0);
	close(fd);
}

Test(applied, default_acls_are_for_directories)
{
	struct metadata m = wanted(0750, XATTR_DEFAULT_ACL), got;
	uint8_t flags;
	int fd;

	m.flags = METADATA_ACLS;
	fd = new_file("file");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	got = read_back(fd, "");
	cr_expect(got.xattrs.length == 0 && flags == 0);
	cr_expect(!metadata_differs(&rules, &m, &got));
	close(fd);
	m.type = ENTRY_DIRECTORY;
	cr_assert(mkdirat(room, "dir", 0700) == 0);
	fd = openat(room, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(fgetxattr(fd, DEFAULTS, NULL, 0) == (ssize_t)sizeof(acl) && flags == 0);
	got = read_back(fd, "");
	cr_expect(!metadata_differs(&rules, &m, &got));
	m.xattrs = (struct span){0};
	cr_expect(metadata_differs(&rules, &m, &got));
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_STANDING, &flags));
	cr_expect(fgetxattr(fd, DEFAULTS, NULL, 0) < 0);
	close(fd);
}

Test(applied, acl_that_is_none_is_not_kept_and_no_failure)
{
	static const uint8_t junk[] = "\x17\0" ACCESS "\x04\0junk";
	struct metadata m = wanted(0640, 0);
	uint8_t flags;
	int fd = new_file("file");

	m.xattrs = (struct span){junk, sizeof(junk) - 1};
	assert_ok(xattrs_check(&m.xattrs));
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(flags == STATUS_ACLS_NOT_KEPT && mode_of(fd) == 0640);
	close(fd);
}

Test(applied, to_a_link_is_owner_and_time)
{
	struct metadata m = wanted(0777, XATTR_ACL | XATTR_USER), got;
	uint8_t flags;
	struct stat st;

	m.type = ENTRY_SYMLINK;
	make_file(room, "target", "x", 0600);
	cr_assert(symlinkat("target", room, "link") == 0);
	assert_ok(metadata_apply_link(&rules, room, "link", &m, &flags));
	cr_expect(flags == (STATUS_XATTRS_NOT_KEPT | STATUS_ACLS_NOT_KEPT), "%x", flags);
	m.xattrs = geteuid() == 0 ? attributes(XATTR_PRIVILEGED) : (struct span){0};
	assert_ok(metadata_apply_link(&rules, room, "link", &m, &flags));
	cr_expect(flags == 0);
	st = stat_of(room, "link");
	cr_expect(st.st_uid == (geteuid() == 0 ? 12345 : geteuid()));
	cr_expect(st.st_mtim.tv_sec == m.mtime_s && st.st_mtim.tv_nsec == (long)m.mtime_ns);
	got = read_back(-1, "link");
	cr_expect(got.xattrs.length == m.xattrs.length);
	cr_expect(!metadata_differs(&rules, &m, &got));
	st = stat_of(room, "target");
	cr_expect(st.st_uid == geteuid() && st.st_mtim.tv_sec != m.mtime_s, "not followed");
}

Test(applied, of_a_fresh_file_costs_what_it_must)
{
	struct metadata m = wanted(0644, 0);
	uint8_t flags;
	int fd = new_file("file");

	m.flags = 0;
	trace_start();
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect_str_eq(trace_text(), "fchmod ?, futimens ?");
	m.mode = 0600;
	trace_start();
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect_str_eq(trace_text(), "futimens ?");
	close(fd);
}

Test(applied, and_the_same_differ_in_nothing_else)
{
	static const struct {
		const char *what;
		uint16_t mode, flags;
		int64_t mtime_s;
		uint32_t mtime_ns;
		unsigned classes;
		bool differs;
	} cases[] = {
	    {"nothing", 0640, ALL, 1000, 5000, XATTR_USER, false},
	    {"mode", 0600, ALL, 1000, 5000, XATTR_USER, true},
	    {"seconds", 0640, ALL, 1001, 5000, XATTR_USER, true},
	    {"time that is kept", 0640, ALL, 1000, 5999, XATTR_USER, false},
	    {"time", 0640, ALL, 1000, 6000, XATTR_USER, true},
	    {"attributes", 0640, ALL, 1000, 5000, 0, true},
	    {"attributes not meant", 0640, METADATA_ACLS, 1000, 5000, 0, false},
	    {"ACL", 0640, ALL, 1000, 5000, XATTR_USER | XATTR_ACL, true},
	    {"ACL not meant", 0640, METADATA_XATTRS, 1000, 5000, XATTR_USER | XATTR_ACL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metadata there = wanted(0640, XATTR_USER), m = there;

		there.mtime_s = 1000;
		there.mtime_ns = 5000;
		m.mode = cases[i].mode;
		m.flags = cases[i].flags;
		m.mtime_s = cases[i].mtime_s;
		m.mtime_ns = cases[i].mtime_ns;
		m.xattrs = attributes(cases[i].classes);
		cr_expect(metadata_differs(&rules, &m, &there) == cases[i].differs, "%s",
			  cases[i].what);
	}
}
