/*
 * What the server keeps of metadata, and gives back.
 */
#include "src/store/remembered.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/store/metadata.h"
#include "store_helpers.h"

#define NOBODY 65534u
#define ALL    (METADATA_OWNER | METADATA_XATTRS | METADATA_ACLS)

static struct metadata_rules rules;
static struct metadata_buffer buffer;

static void
begin_suite(void)
{
	room_begin_on_disk();
	umask(022);
	metadata_rules_init(&rules, METADATA_SERVER, false, false, room);
}

TestSuite(remembered, .init = begin_suite, .fini = room_end);

/* From here on the test runs as somebody without rights of any kind. */
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
	metadata_rules_init(&rules, METADATA_SERVER, false, false, room);
}

static int
new_file(const char *name)
{
	int fd = openat(room, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert(fd >= 0);
	return fd;
}

/* What somebody else's file might have. */
#define XATTRS                                                                                     \
	"\x13\0security.capability\x02\0cc"                                                        \
	"\x17\0system.posix_acl_access\x04\0aaaa"                                                  \
	"\x09\0trusted.t\x01\0t"                                                                   \
	"\x06\0user.u\x01\0u"

static struct metadata
foreign(void)
{
	return (struct metadata){
	    .type = ENTRY_FILE,
	    .mode = 04640,
	    .mtime_s = 1234567890,
	    .mtime_ns = 123456789,
	    .flags = ALL,
	    .uid = 12345,
	    .gid = 54321,
	    .user = span_of("joe"),
	    .group = span_of("staff"),
	    .xattrs = {(const uint8_t *)XATTRS, sizeof(XATTRS) - 1},
	};
}

static bool
is(const struct span *s, const char *text)
{
	return s->length == strlen(text) &&
	       (s->length == 0 || memcmp(s->data, text, s->length) == 0);
}

/* By name or by descriptor. */
static struct metadata
read_back(int fd, const char *name)
{
	struct stat st;
	struct metadata m;

	if (fd >= 0)
		cr_assert(fstat(fd, &st) == 0);
	else
		cr_assert(fstatat(room, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	memset(&buffer, 'x', sizeof(buffer));
	assert_ok(metadata_read(&rules, ALL, room, name, fd, &st, &m, &buffer));
	return m;
}

static bool
same(const struct span *a, const struct span *b)
{
	return a->length == b->length &&
	       (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static void
expect_same(const struct metadata *m, const struct metadata *got)
{
	cr_expect(got->mode == m->mode, "%o", got->mode);
	cr_expect(got->uid == m->uid && got->gid == m->gid, "%u %u", got->uid, got->gid);
	cr_expect(same(&got->user, &m->user) && same(&got->group, &m->group));
	cr_expect(same(&got->xattrs, &m->xattrs));
	cr_expect(got->mtime_s == m->mtime_s && got->mtime_ns == m->mtime_ns);
	cr_expect(!metadata_differs(&rules, m, got));
}

static void
gives_everything_back(void)
{
	struct metadata m = foreign(), got;
	uint8_t flags = 0xff;
	struct stat st;
	int fd = new_file("file"), dir;

	assert_ok(xattrs_check(&m.xattrs));
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(flags == 0, "%x", flags);
	/* None of it is applied but user.*. */
	st = stat_of(room, "file");
	cr_expect((st.st_mode & 07777) == 0640 && st.st_uid == geteuid());
	cr_expect(fgetxattr(fd, "user.u", NULL, 0) == 1);
	cr_expect(fgetxattr(fd, "system.posix_acl_access", NULL, 0) < 0);
	cr_expect(fgetxattr(fd, "security.capability", NULL, 0) < 0);
	got = read_back(fd, "");
	expect_same(&m, &got);
	got = read_back(-1, "file");
	expect_same(&m, &got);
	close(fd);

	m.type = ENTRY_DIRECTORY;
	m.mode = 01555;
	cr_assert(mkdirat(room, "dir", 0700) == 0);
	dir = openat(room, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(metadata_apply(&rules, dir, &m, METADATA_STANDING, &flags));
	cr_expect(flags == 0);
	cr_expect((stat_of(room, "dir").st_mode & 07777) == 0755);
	got = read_back(-1, "dir");
	expect_same(&m, &got);
	close(dir);
}

Test(remembered, comes_back_as_it_was_put)
{
	gives_everything_back();
}

Test(remembered, comes_back_as_it_was_put_to_a_daemon_without_rights)
{
	become_nobody();
	gives_everything_back();
}

Test(remembered, is_nothing_where_the_file_says_it_itself)
{
	struct metadata m = foreign(), got;
	uint8_t flags;
	int fd = new_file("file");

	m.mode = 0640;
	m.uid = rules.own.uid;
	m.gid = rules.own.gid;
	m.user = span_of(rules.own.user);
	m.group = span_of(rules.own.group);
	m.xattrs = (struct span){0};
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(fgetxattr(fd, "user.ftx.meta", NULL, 0) < 0 && flags == 0);
	got = read_back(fd, "");
	expect_same(&m, &got);
	/* The same number of somebody who has another name there. */
	m.user = span_of("otherwise");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_STANDING, &flags));
	got = read_back(fd, "");
	expect_same(&m, &got);
	close(fd);
}

Test(remembered, of_a_fresh_file_costs_what_it_must)
{
	struct metadata m = foreign();
	uint8_t flags;
	int fd = new_file("file");

	m.xattrs = (struct span){0};
	trace_start();
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect_str_eq(trace_text(), "fsetxattr ?, fchmod ?, futimens ?");
	m.flags = 0;
	m.mode = 0644;
	trace_start();
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect_str_eq(trace_text(), "fchmod ?, futimens ?");
	m.mode = 0600;
	trace_start();
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect_str_eq(trace_text(), "futimens ?");
	close(fd);
}

Test(remembered, counts_no_longer_when_the_mode_was_changed_by_hand)
{
	struct metadata m = foreign(), got;
	uint8_t flags;
	int fd = new_file("file");

	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	cr_assert(fchmod(fd, 0600) == 0);
	got = read_back(fd, "");
	cr_expect(got.mode == 0600);
	cr_expect(xattrs_classes(&got.xattrs) == XATTR_USER, "no ACL of another mode");
	cr_expect(is(&got.user, "joe"), "the owner is still the one that was put");
	cr_expect(metadata_differs(&rules, &m, &got));
	close(fd);
}

Test(remembered, owner_counts_no_longer_when_it_was_changed_by_hand)
{
	struct metadata m = foreign(), got;
	uint8_t flags;
	int fd = new_file("file");

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: only root changes owners\n");
		return;
	}
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	for (int group = 0; group < 2; group++) {
		cr_assert(fchown(fd, group ? 0 : 77, group ? 77 : 0) == 0);
		got = read_back(fd, "");
		cr_expect(got.uid == (group ? 0 : 77) && got.gid == (group ? 77 : 0));
		cr_expect(is(&got.user, group ? rules.own.user : ""));
		cr_expect(is(&got.group, group ? "" : rules.own.group));
		cr_expect(got.mode == 04640);
	}
	close(fd);
}

Test(remembered, of_an_entry_that_stands_stays_where_it_is_not_meant)
{
	struct metadata m = foreign(), change = {.type = ENTRY_FILE, .mode = 04640}, got;
	uint8_t flags;
	int fd = new_file("file");

	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	assert_ok(metadata_apply(&rules, fd, &change, METADATA_STANDING, &flags));
	got = read_back(fd, "");
	m.mtime_s = m.mtime_ns = 0;
	expect_same(&m, &got);
	/* With another mode the ACL, which holds the old one, is wrong. */
	change.mode = 0600;
	assert_ok(metadata_apply(&rules, fd, &change, METADATA_STANDING, &flags));
	got = read_back(fd, "");
	cr_expect(got.mode == 0600 && is(&got.user, "joe"));
	cr_expect(xattrs_classes(&got.xattrs) == (XATTR_USER | XATTR_PRIVILEGED));
	/* What an earlier try left goes. */
	assert_ok(metadata_apply(&rules, fd, &change, METADATA_AGAIN, &flags));
	got = read_back(fd, "");
	cr_expect(is(&got.user, rules.own.user));
	cr_expect(fgetxattr(fd, "user.ftx.meta", NULL, 0) < 0);
	close(fd);
}

Test(remembered, attributes_that_are_too_much_do_not_take_the_rest_along)
{
	static uint8_t large[60000];
	struct metadata m = foreign(), got;
	struct put_cursor c = put_cursor_over(large, sizeof(large));
	uint8_t flags;
	int fd = new_file("file");

	cr_assert(put_u16(&c, 9) == 0 && put_bytes(&c, "trusted.t", 9) == 0 &&
		  put_u16(&c, 50000) == 0);
	m.xattrs = (struct span){large, sizeof(large) - c.left + 50000};
	assert_ok(xattrs_check(&m.xattrs));
	for (int past = METADATA_FRESH; past <= METADATA_STANDING; past++) {
		/* As on ext4; other file systems have the room. */
		fault_set("fsetxattr", 1, ENOSPC);
		assert_ok(metadata_apply(&rules, fd, &m, (enum metadata_past)past, &flags));
		cr_expect(fault_hit() && flags == STATUS_XATTRS_NOT_KEPT, "%x", flags);
		got = read_back(fd, "");
		cr_expect(got.mode == m.mode && is(&got.user, "joe") && got.xattrs.length == 0);
	}
	close(fd);
}

Test(remembered, that_cannot_be_is_said_and_what_was_before_goes)
{
	struct metadata m = foreign(), got;
	uint8_t flags;
	int fd = new_file("file");

	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	m.xattrs = (struct span){0};
	m.user = span_of("jim");
	fault_set("fsetxattr", 1, EDQUOT);
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_STANDING, &flags));
	cr_expect(fault_hit() && flags == (STATUS_MODE_NOT_KEPT | STATUS_OWNER_NOT_KEPT));
	got = read_back(fd, "");
	cr_expect(got.mode == 0640 && is(&got.user, rules.own.user), "not joe's");
	close(fd);
}

Test(remembered, is_not_asked_of_a_file_system_that_cannot)
{
	struct metadata m = foreign(), got;
	struct metadata_rules ram_rules;
	uint8_t flags = 0;
	char path[200];
	int fd, ram;

	cr_expect(rules.can_remember);
	if (geteuid() != 0 || !own_mounts())
		return;
	cr_assert(mkdirat(room, "ram", 0755) == 0);
	snprintf(path, sizeof(path), "%s/share/ram", room_path);
	cr_assert(mount("none", path, "ramfs", 0, NULL) == 0);
	ram = openat(room, "ram", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	metadata_rules_init(&ram_rules, METADATA_SERVER, false, false, ram);
	cr_expect(!ram_rules.can_remember);
	cr_expect(entries_in(ram) == 0);
	fd = new_file("ram/file");
	assert_ok(metadata_apply(&ram_rules, fd, &m, METADATA_FRESH, &flags));
	cr_expect(flags == (STATUS_MODE_NOT_KEPT | STATUS_OWNER_NOT_KEPT | STATUS_XATTRS_NOT_KEPT |
			    STATUS_ACLS_NOT_KEPT),
		  "%x", flags);
	got = read_back(fd, "");
	cr_expect(got.mode == 0640);
	/* The next run does not try again what cannot be. */
	cr_expect(!metadata_differs(&ram_rules, &m, &got));
	cr_expect(metadata_unkept(&ram_rules, &m) == flags);
	cr_expect(metadata_unkept(&rules, &m) == 0);
	m.mode = 0600;
	cr_expect(metadata_differs(&ram_rules, &m, &got));
	close(fd);
	close(ram);
	umount2(path, MNT_DETACH);
}

Test(remembered, owner_counts_in_a_directory_that_gives_its_group)
{
	struct metadata m = foreign(), got;
	uint8_t flags;
	int fd;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: only root gives a directory another group\n");
		return;
	}
	cr_assert(fchown(room, 0, 77) == 0 && fchmod(room, 02755) == 0);
	metadata_rules_init(&rules, METADATA_SERVER, false, false, room);
	cr_expect(rules.own.gid == 77);
	fd = new_file("file");
	assert_ok(metadata_apply(&rules, fd, &m, METADATA_FRESH, &flags));
	got = read_back(fd, "");
	expect_same(&m, &got);
	close(fd);
}

#define OWNED "\x02\xa0\x09\xa0\x01\x01\x39\x30\0\0\x31\xd4\0\0"
#define OWN   "\0\0\0\0\0\0\0\0"

Test(remembered, value_that_makes_no_sense_is_not_believed)
{
	static const struct {
		const char *value;
		size_t length;
		bool good;
	} cases[] = {
#define VALUE(text, good) {text, sizeof(text) - 1, good}
	    VALUE("\x01\xa0\x09\xa0\x01", true),
	    VALUE("\x02\xa0\x09\xa0\x01\0", true),
	    VALUE("\x02\xa0\x09\xa0\x01\0\x09\0trusted.t\x01\0t", true),
	    VALUE(OWNED OWN "\x03\0joe\x05\0staff", true),
	    VALUE(OWNED OWN "\0\0\0\0", true),
	    VALUE("", false),
	    VALUE("\x03\xa0\x09\xa0\x01\0", false),
	    VALUE("\x01\xa0\x09\xa0\x01\0", false),
	    VALUE("\x02\xa0\x09\xa0\x01", false),
	    VALUE("\x02\xa0\x19\xa0\x01\0", false),
	    VALUE("\x02\xa0\x09\xa0\x01\x02", false),
	    VALUE("\x02\xa0\x09\xa0\x01\0\x09\0trusted.t\x02\0t", false),
	    VALUE("\x02\xa0\x09\xa0\x01\0\x06\0user.u\x01\0t", false),
	    VALUE("\x02\xa0\x09\xa0\x01\0\x09\0trusted.t\x01\0t\x09\0trusted.t\x01\0t", false),
	    VALUE(OWNED OWN "\x03\0joe\x05\0staf", false),
	    VALUE(OWNED OWN "\x00\x01joe\0\0", false),
	    VALUE(OWNED "\0\0\0", false),
	    VALUE("\x02\xa0\x09\xa0\x01\x01", false),
#undef VALUE
	};
	int fd = new_file("file");

	cr_assert(fchmod(fd, 0640) == 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metadata got;

		cr_assert(fsetxattr(fd, "user.ftx.meta", cases[i].value, cases[i].length, 0) == 0);
		got = read_back(fd, "");
		cr_expect(got.mode == (cases[i].good ? 04640 : 0640), "%zu: %o", i, got.mode);
		cr_expect(cases[i].good || (got.xattrs.length == 0 && got.uid == geteuid()));
	}
	close(fd);
}

Test(remembered, fails_where_the_disk_fails)
{
	static const struct {
		const char *call;
		enum metadata_past past;
	} cases[] = {
	    {"fsetxattr", METADATA_FRESH},  {"fgetxattr", METADATA_STANDING},
	    {"flistxattr", METADATA_AGAIN}, {"fremovexattr", METADATA_AGAIN},
	    {"fchmod", METADATA_FRESH},	    {"futimens", METADATA_FRESH},
	};
	struct metadata m = foreign();
	uint8_t flags;
	int fd = new_file("file");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m = foreign();
		if (strcmp(cases[i].call, "fremovexattr") == 0) {
			m.flags = 0;
			m.mode = 0640;
		}
		fault_set(cases[i].call, 1, EIO);
		assert_error(metadata_apply(&rules, fd, &m, cases[i].past, &flags), FTX_E_IO);
		cr_expect(fault_hit(), "%s", cases[i].call);
	}
	close(fd);
}

Test(remembered, of_a_link_is_nothing_and_that_is_said)
{
	struct metadata m = foreign(), got;
	uint8_t flags = 0;

	m.type = ENTRY_SYMLINK;
	m.xattrs = (struct span){0};
	cr_assert(symlinkat("nowhere", room, "link") == 0);
	assert_ok(metadata_apply_link(&rules, room, "link", &m, &flags));
	cr_expect(flags == STATUS_OWNER_NOT_KEPT);
	got = read_back(-1, "link");
	cr_expect(got.type == ENTRY_SYMLINK && got.mtime_s == m.mtime_s &&
		  got.mtime_ns == m.mtime_ns);
	cr_expect((got.flags & METADATA_OWNER) == 0 && got.user.length == 0,
		  "that it is ours does not say whose it was");
	cr_expect(!metadata_differs(&rules, &m, &got), "it cannot be mended");
	m.mtime_s++;
	cr_expect(metadata_differs(&rules, &m, &got));
}

Test(remembered, times_before_1970_and_far_ahead_are_kept_as_far_as_the_disk_goes)
{
	static const int64_t seconds[] = {0,	   -1,		-2147483647LL, 4294967296LL,
					  1 << 30, -8589934592, 17179869184LL};
	int fd = new_file("file");

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct metadata m = {
		    .type = ENTRY_FILE, .mode = 0644, .mtime_s = seconds[i], .mtime_ns = 999999999};
		struct timespec clamped[2] = {{.tv_nsec = UTIME_OMIT},
					      {.tv_sec = seconds[i], .tv_nsec = 999999999}};
		uint8_t flags;
		struct metadata got;
		struct stat st;

		assert_ok(metadata_apply(&rules, fd, &m, METADATA_STANDING, &flags));
		got = read_back(fd, "");
		cr_assert(futimens(fd, clamped) == 0 && fstat(fd, &st) == 0);
		cr_expect(got.mtime_s == st.st_mtim.tv_sec);
		if (seconds[i] >= -2147483647LL && seconds[i] <= 4294967296LL)
			cr_expect(got.mtime_s == seconds[i] && got.mtime_ns == 999999999, "%lld",
				  (long long)seconds[i]);
	}
	close(fd);
}
