#include "src/store/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/store/metadata.h"
#include "store_helpers.h"

TestSuite(xattrs, .init = room_begin_on_disk, .fini = room_end);

/* "name=value,name=value" packed, in the order given. */
static struct span
pack(const char *text)
{
	static uint8_t room_for[4][4096];
	static unsigned next;
	uint8_t *bytes = room_for[next++ % 4];
	struct put_cursor c = put_cursor_over(bytes, 4096);

	while (*text != '\0') {
		size_t name = strcspn(text, "="), value = strcspn(text + name + 1, ",");

		cr_assert(put_u16(&c, (uint16_t)name) == 0 && put_bytes(&c, text, name) == 0);
		text += name + 1;
		cr_assert(put_u16(&c, (uint16_t)value) == 0 && put_bytes(&c, text, value) == 0);
		text += value + (text[value] == ',');
	}
	return (struct span){bytes, 4096 - c.left};
}

/* The other way round. */
static const char *
text_of(const struct span *packed)
{
	static char text[4096];
	struct get_cursor c = get_cursor_over(packed->data, packed->length);
	struct span name, value;
	size_t used = 0;

	text[0] = '\0';
	while (xattrs_next(&c, ~0u, &name, &value))
		used +=
		    (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s=%.*s",
				     used > 0 ? "," : "", (int)name.length, (const char *)name.data,
				     (int)value.length, (const char *)value.data);
	return text;
}

Test(xattrs, packed_well_are_taken)
{
	static const char *const good[] = {
	    "",
	    "user.a=1",
	    "user.a=,user.b=2",
	    "user.a=1,user.aa=2,user.b=3",
	    "security.capability=x,system.posix_acl_access=y,trusted.t=z,user.u=",
	    "system.posix_acl_access=y,system.posix_acl_default=z",
	    "security.selinux=a label is left alone where it arrives",
	    "user.ftx=not ours",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct span packed = pack(good[i]);

		cr_expect(xattrs_check(&packed) == 0, "%s", good[i]);
		cr_expect_str_eq(text_of(&packed), good[i]);
	}
}

Test(xattrs, packed_in_any_other_way_are_refused)
{
	static const char *const bad[] = {
	    "user.b=1,user.a=2",
	    "user.a=1,user.a=2",
	    "user.aa=1,user.a=2",
	    "=1",
	    "user.=1",
	    "user=1",
	    "security.=1",
	    "system.posix_acl_accessx=1",
	    "system.nfs4_acl=1",
	    "osx.x=1",
	    "user.ftx.meta=1",
	    "user.ftx.x=1",
	    "btrfs.compression=1",
	};
	char name[LIMIT_NAME_BYTES + 10];
	struct span packed;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		packed = pack(bad[i]);
		cr_expect(xattrs_check(&packed) == FTX_E_PROTOCOL, "%s", bad[i]);
	}
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	strcpy(name + LIMIT_NAME_BYTES, "=v");
	packed = pack(name);
	cr_expect(xattrs_check(&packed) == 0);
	name[LIMIT_NAME_BYTES] = 'n';
	strcpy(name + LIMIT_NAME_BYTES + 1, "=v");
	packed = pack(name);
	cr_expect(xattrs_check(&packed) == FTX_E_PROTOCOL);
	/* NUL in a name */
	packed = (struct span){(const uint8_t *)"\007\0user.\0x\0\0", 11};
	cr_expect(xattrs_check(&packed) == FTX_E_PROTOCOL);
}

Test(xattrs, cut_anywhere_but_between_two_are_refused)
{
	struct span whole = pack("security.capability=xy,user.a=1,user.b=22");
	static const size_t between[] = {0, 2 + 19 + 2 + 2, 2 + 19 + 2 + 2 + 2 + 6 + 2 + 1};

	for (size_t length = 0; length < whole.length; length++) {
		/* Of its exact size, for the address sanitizer. */
		uint8_t *copy = malloc(length > 0 ? length : 1);
		struct span cut = {copy, length};
		bool good = false;

		memcpy(copy, whole.data, length);
		for (size_t i = 0; i < 3; i++)
			good = good || length == between[i];
		cr_expect(xattrs_check(&cut) == (good ? 0 : FTX_E_PROTOCOL), "%zu", length);
		free(copy);
	}
}

Test(xattrs, are_merged_and_compared_class_by_class)
{
	struct span a = pack("security.x=1,system.posix_acl_access=2,trusted.t=3,user.a=4");
	struct span b = pack("security.y=5,system.posix_acl_access=6,user.b=7");
	uint8_t bytes[200];
	struct put_cursor out = put_cursor_over(bytes, sizeof(bytes));
	struct span merged;

	assert_ok(xattrs_merge(&out, &a, XATTR_PRIVILEGED | XATTR_USER, &b, XATTR_ACL));
	merged = (struct span){bytes, sizeof(bytes) - out.left};
	cr_expect_str_eq(text_of(&merged),
			 "security.x=1,system.posix_acl_access=6,trusted.t=3,user.a=4");
	assert_ok(xattrs_check(&merged));
	cr_expect(xattrs_equal(&a, &merged, XATTR_PRIVILEGED | XATTR_USER));
	cr_expect(!xattrs_equal(&a, &merged, XATTR_ACL));
	cr_expect(xattrs_equal(&b, &merged, XATTR_ACL));
	cr_expect(!xattrs_equal(&a, &b, XATTR_USER));
	cr_expect(xattrs_equal(&a, &b, XATTR_DEFAULT_ACL));
	cr_expect(xattrs_equal(&a, &b, 0));
	cr_expect(xattrs_classes(&a) == (XATTR_PRIVILEGED | XATTR_ACL | XATTR_USER));
	out = put_cursor_over(bytes, merged.length - 1);
	assert_error(xattrs_merge(&out, &a, XATTR_PRIVILEGED | XATTR_USER, &b, XATTR_ACL),
		     FTX_E_TOO_LARGE);
}

static int
new_file(const char *name)
{
	int fd = openat(room, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert(fd >= 0);
	return fd;
}

static struct span
read_all(const struct xattr_place *p, unsigned classes)
{
	static uint8_t bytes[LIMIT_XATTRS_BYTES];
	struct put_cursor out = put_cursor_over(bytes, sizeof(bytes));

	assert_ok(xattrs_read(p, classes, &out));
	return (struct span){bytes, sizeof(bytes) - out.left};
}

Test(xattrs, are_read_sorted_by_descriptor_and_by_name)
{
	int fd = new_file("file"), dir = openat(room, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct xattr_place by_fd, by_name;
	struct span got;

	cr_assert(fsetxattr(fd, "user.b", "2", 1, 0) == 0);
	cr_assert(fsetxattr(fd, "user.a", "", 0, 0) == 0);
	cr_assert(fsetxattr(fd, "user.ftx.meta", "ours", 4, 0) == 0);
	cr_assert(symlinkat("file", room, "link") == 0);
	assert_ok(xattr_place_init(&by_fd, -1, "", fd));
	assert_ok(xattr_place_init(&by_name, dir, "file", -1));
	got = read_all(&by_fd, XATTR_USER);
	cr_expect_str_eq(text_of(&got), "user.a=,user.b=2");
	got = read_all(&by_name, XATTR_USER);
	cr_expect_str_eq(text_of(&got), "user.a=,user.b=2");
	got = read_all(&by_name, XATTR_ACL);
	cr_expect(got.length == 0);
	/* A link is not looked through. */
	assert_ok(xattr_place_init(&by_name, dir, "link", -1));
	got = read_all(&by_name, XATTR_USER);
	cr_expect(got.length == 0);
	cr_assert(fsetxattr(room, "user.dir", "d", 1, 0) == 0);
	assert_ok(xattr_place_init(&by_name, dir, "", -1));
	got = read_all(&by_name, XATTR_USER);
	cr_expect_str_eq(text_of(&got), "user.dir=d");
	close(dir);
	close(fd);
}

Test(xattrs, are_given_exactly_but_for_ours)
{
	int fd = new_file("file");
	struct xattr_place p = {.fd = fd};
	struct span wanted = pack("user.a=new,user.c=3"), got;
	unsigned lost = 0;

	cr_assert(fsetxattr(fd, "user.a", "old", 3, 0) == 0);
	cr_assert(fsetxattr(fd, "user.b", "extra", 5, 0) == 0);
	cr_assert(fsetxattr(fd, "user.z", "extra", 5, 0) == 0);
	cr_assert(fsetxattr(fd, "user.ftx.meta", "ours", 4, 0) == 0);
	assert_ok(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost));
	got = read_all(&p, XATTR_USER);
	cr_expect_str_eq(text_of(&got), "user.a=new,user.c=3");
	cr_expect(fgetxattr(fd, "user.ftx.meta", NULL, 0) == 4);
	cr_expect(lost == 0);
	wanted = (struct span){0};
	assert_ok(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost));
	got = read_all(&p, XATTR_USER);
	cr_expect(got.length == 0);
	close(fd);
}

Test(xattrs, that_do_not_fit_are_lost_and_a_disk_that_fails_is_an_error)
{
	static const int errnums[] = {ENOSPC, E2BIG, EDQUOT, EOPNOTSUPP, EPERM, EACCES};
	int fd = new_file("file");
	struct xattr_place p = {.fd = fd};
	struct span wanted = pack("user.a=1,user.b=2"), got;
	unsigned lost;

	for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
		fault_set("fsetxattr", 1, errnums[i]);
		assert_ok(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost));
		cr_expect(fault_hit() && lost == XATTR_USER);
		got = read_all(&p, XATTR_USER);
		cr_expect_str_eq(text_of(&got), i == 0 ? "user.b=2" : "user.a=1,user.b=2");
		if (i == 0)
			assert_ok(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost));
	}
	fault_set("fsetxattr", 2, EIO);
	assert_error(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost), FTX_E_IO);
	fault_set("flistxattr", 1, EIO);
	assert_error(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost), FTX_E_IO);
	wanted = (struct span){0};
	fault_set("fremovexattr", 1, EIO);
	assert_error(xattrs_apply(&p, &wanted, XATTR_USER, false, &lost), FTX_E_IO);
	close(fd);
}

/* tmpfs holds what ext4 does not. */
static bool
large_room(char path[200])
{
	if (geteuid() != 0 || !own_mounts())
		return false;
	cr_assert(mkdirat(room, "ram", 0755) == 0);
	snprintf(path, 200, "%s/share/ram", room_path);
	cr_assert(mount("none", path, "tmpfs", 0, NULL) == 0);
	return true;
}

Test(xattrs, fill_the_room_to_the_last_byte_and_no_further)
{
	static uint8_t value[65536], bytes[LIMIT_XATTRS_BYTES];
	enum { FULL = LIMIT_XATTRS_BYTES - 2 * (4 + sizeof("trusted.a") - 1) };
	struct xattr_place p;
	struct put_cursor out;
	char path[200];

	if (!large_room(path))
		return;
	p = (struct xattr_place){.fd = new_file("ram/file")};
	memset(value, 'v', sizeof(value));
	cr_assert(fsetxattr(p.fd, "trusted.a", value, FULL, 0) == 0);
	cr_assert(fsetxattr(p.fd, "trusted.b", "", 0, 0) == 0);
	out = put_cursor_over(bytes, sizeof(bytes));
	assert_ok(xattrs_read(&p, XATTR_PRIVILEGED, &out));
	cr_expect(out.left == 0);
	cr_expect(xattrs_check(&(struct span){bytes, sizeof(bytes)}) == 0);
	for (int more = 0; more < 2; more++) {
		cr_assert(fsetxattr(p.fd, more == 0 ? "trusted.b" : "trusted.c", "x",
				    more == 0 ? 1 : 0, 0) == 0);
		out = put_cursor_over(bytes, sizeof(bytes));
		assert_error(xattrs_read(&p, XATTR_PRIVILEGED, &out), FTX_E_TOO_LARGE);
		cr_assert(fsetxattr(p.fd, "trusted.b", "", 0, 0) == 0);
	}
	cr_assert(fremovexattr(p.fd, "trusted.b") == 0 && fremovexattr(p.fd, "trusted.c") == 0);
	cr_assert(fsetxattr(p.fd, "trusted.a", value, sizeof(value), 0) == 0);
	out = put_cursor_over(bytes, sizeof(bytes));
	assert_error(xattrs_read(&p, XATTR_PRIVILEGED, &out), FTX_E_TOO_LARGE);
	close(p.fd);
	umount2(path, MNT_DETACH);
}

Test(xattrs, of_any_number_are_listed)
{
	struct xattr_place p;
	struct span got, name, value;
	struct get_cursor c;
	unsigned count = 0, lost;
	char path[200], text[20];

	if (!large_room(path))
		return;
	p = (struct xattr_place){.fd = new_file("ram/file")};
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "trusted.n%03u", (i * 7) % 1000);
		cr_assert(fsetxattr(p.fd, text, text, 3, 0) == 0);
	}
	got = read_all(&p, XATTR_PRIVILEGED);
	assert_ok(xattrs_check(&got));
	c = get_cursor_over(got.data, got.length);
	while (xattrs_next(&c, XATTR_PRIVILEGED, &name, &value))
		count++;
	cr_expect(count == 1000);
	got = pack("trusted.n500=tru,trusted.other=x");
	assert_ok(xattrs_apply(&p, &got, XATTR_PRIVILEGED, false, &lost));
	got = read_all(&p, XATTR_PRIVILEGED);
	cr_expect_str_eq(text_of(&got), "trusted.n500=tru,trusted.other=x");
	close(p.fd);
	umount2(path, MNT_DETACH);
}
