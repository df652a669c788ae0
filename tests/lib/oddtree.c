/*
 * A tree with everything odd in it, the same one for the same seed, and changes to it.
 *
 *	oddtree make SEED DIRECTORY	an empty directory becomes one; 77: no attributes or ACLs
 *there oddtree change SEED DIRECTORY	something happens to many of its entries
 *
 * As root also owners, trusted and security attributes.  A symbolic link always belongs to who
 * makes it: a server that is not root has nowhere to remember another owner of one.  No file
 * becomes a directory or the reverse, as no transfer ever replaces one by the other.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PATH_BYTES  8192u
#define NAME_BYTES  255u
#define DIRECTORIES 512u
#define MIB	    1048576u

static uint64_t state;
static bool is_root;
static unsigned serial; /* makes random names differ */

/* What a directory gets when nothing is made in it any more. */
static struct pending {
	char *path;
	struct timespec mtime;
} pending[DIRECTORIES];
static unsigned pending_count;

/* xorshift64*: below limit */
static uint64_t
draw(uint64_t limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * UINT64_C(2685821657736338717) >> 16) % limit;
}

static void
need(bool good, const char *what, const char *path)
{
	if (!good)
		err(1, "%s: %s", what, path);
}

static struct timespec
odd_time(void)
{
	/* Before 1970 and 1902, at the edges of 32 bits, far ahead; ext4 goes from 1901 to 2446. */
	static const int64_t seconds[] = {-2147483648, -1000000000, -1,		0,	   1,
					  2147483647,  2147483648,  4294967296, 7258118400};
	static const long fine[] = {1, 123456789, 500000001, 999999999};
	static const long coarse[] = {0, 500000000, 123456000, 999000000};
	struct timespec t = {.tv_sec = seconds[draw(sizeof(seconds) / sizeof(seconds[0]))],
			     .tv_nsec = fine[draw(4)]};

	/* A second with a coarse time comes once: a finer one of the same second counts as equal.
	 */
	if (draw(2) == 0) {
		t.tv_sec = 1000000000 + (time_t)draw(700000000);
		t.tv_nsec = coarse[draw(4)];
	}
	return t;
}

static mode_t
odd_mode(void)
{
	static const mode_t modes[] = {0000,  0444,  0555,  0600,  0644,  0666, 0755, 0777, 0400,
				       04755, 02755, 01777, 06711, 07777, 0640, 0001, 0020, 02640};

	return modes[draw(sizeof(modes) / sizeof(modes[0]))];
}

static void
odd_owner(const char *path)
{
	/* With names, without, the one of the server, the largest there is. */
	static const uint32_t ids[] = {0, 0, 1, 2, 5, 65534, 12345, 4294967294};

	if (is_root)
		need(lchown(path, ids[draw(8)], ids[draw(8)]) == 0, "chown", path);
}

static void
put_attribute(const char *path, const char *name, const void *value, size_t length)
{
	if (lsetxattr(path, name, value, length, 0) == 0)
		return;
	if (errno == ENOTSUP)
		exit(77);
	need(false, name, path);
}

/* An ACL as the kernel has it (linux/posix_acl_xattr.h): version, then tag, rights, id. */
static void
put_acl(const char *path, const char *name, mode_t mode)
{
	const struct {
		uint16_t tag, rights;
		uint32_t id;
	} entries[] = {{0x01, mode >> 6 & 7, UINT32_MAX},
		       {0x02, draw(8) & 7, 1000},
		       {0x02, 6, 54321},
		       {0x04, draw(8) & 7, UINT32_MAX},
		       {0x08, 5, 65534},
		       {0x10, mode >> 3 & 7, UINT32_MAX},
		       {0x20, mode & 7, UINT32_MAX}};
	uint8_t value[4 + sizeof(entries)] = {2};
	size_t n = 4;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		const uint32_t id = entries[i].id;

		value[n++] = (uint8_t)entries[i].tag;
		value[n++] = 0;
		value[n++] = (uint8_t)entries[i].rights;
		value[n++] = 0;
		for (unsigned shift = 0; shift < 32; shift += 8)
			value[n++] = (uint8_t)(id >> shift);
	}
	put_attribute(path, name, value, n);
}

static void
odd_attributes(const char *path)
{
	static const uint8_t capability[20] = {0x01, 0, 0, 0x02, 0x01}; /* VFS_CAP_REVISION_2 */
	uint8_t value[700];
	char name[32];

	for (uint64_t left = draw(4); left > 0; left--) {
		size_t length = draw(2) == 0 ? (size_t)draw(sizeof(value)) : (size_t)draw(5);

		for (size_t i = 0; i < length; i++)
			value[i] = (uint8_t)draw(256);
		snprintf(name, sizeof(name), "user.odd\xff%u", (unsigned)draw(5));
		put_attribute(path, name, value, length);
	}
	if (!is_root)
		return;
	if (draw(3) == 0)
		put_attribute(path, "trusted.odd", "\0\1\n", 3);
	if (draw(4) == 0)
		put_attribute(path, "security.capability", capability, sizeof(capability));
}

/* Everything but content and time. */
static void
dress(const char *path, bool directory)
{
	mode_t mode = odd_mode();

	odd_owner(path);
	/* What is made in a setgid directory gets its group: that of a link would differ. */
	if (directory)
		mode &= ~(mode_t)S_ISGID;
	if (!is_root) /* it is needed below */
		mode |= directory ? 0700 : 0600;
	need(chmod(path, mode) == 0, "chmod", path);
	odd_attributes(path);
	if (draw(4) == 0)
		put_acl(path, "system.posix_acl_access", mode);
	if (directory && draw(3) == 0)
		put_acl(path, "system.posix_acl_default", 0751);
}

static void
set_time(const char *path, struct timespec mtime)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, mtime};

	need(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat", path);
}

static void
directory(const char *path)
{
	need(mkdir(path, 0700) == 0, "mkdir", path);
	if (pending_count == DIRECTORIES)
		errx(1, "too many directories");
	pending[pending_count].path = strdup(path);
	need(pending[pending_count].path != NULL, "strdup", path);
	pending[pending_count++].mtime = odd_time();
}

static void
finish_directories(void)
{
	while (pending_count > 0) {
		struct pending *p = &pending[--pending_count];

		dress(p->path, true);
		set_time(p->path, p->mtime);
		free(p->path);
	}
}

static void
write_at(int fd, const char *path, uint64_t offset, size_t length, bool packs)
{
	uint8_t bytes[4096];

	while (length > 0) {
		size_t part = length < sizeof(bytes) ? length : sizeof(bytes);

		for (size_t i = 0; i < part; i++)
			bytes[i] = (uint8_t)(packs ? 'a' + draw(3) : draw(256));
		need(pwrite(fd, bytes, part, (off_t)offset) == (ssize_t)part, "write", path);
		offset += part;
		length -= part;
	}
}

static void
file(const char *path, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	need(fd >= 0, "open", path);
	write_at(fd, path, 0, length, draw(2) == 0);
	close(fd);
	dress(path, false);
	set_time(path, odd_time());
}

/* size bytes of hole, with data at some multiples of 64 KiB: bit n of islands */
static void
sparse(const char *path, uint64_t size, unsigned islands)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	need(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "open", path);
	for (unsigned n = 0; n < 32; n++)
		if ((islands >> n & 1) != 0)
			write_at(fd, path, size / 32 / 65536 * 65536 * n, 65536, false);
	close(fd);
	dress(path, false);
	set_time(path, odd_time());
}

static void
symbolic(const char *target, const char *path)
{
	need(symlink(target, path) == 0, "symlink", path);
	set_time(path, odd_time());
}

static void
hard(const char *old, const char *new)
{
	need(link(old, new) == 0, "link", new);
}

/* Any bytes that a name may have. */
static void
odd_name(char name[static NAME_BYTES + 1])
{
	size_t length = draw(8) == 0 ? NAME_BYTES : 8 + (size_t)draw(40);
	int n = snprintf(name, 16, "%u", serial++);

	for (size_t i = (size_t)n; i < length; i++)
		do
			name[i] = (char)draw(256);
		while (name[i] == '\0' || name[i] == '/');
	name[length] = '\0';
}

/* Directory + "/" + an odd name. */
static void
odd_path(char path[static PATH_BYTES], const char *parent)
{
	char name[NAME_BYTES + 1];

	odd_name(name);
	snprintf(path, PATH_BYTES, "%s/%s", parent, name);
}

static void
make_names(void)
{
	char path[PATH_BYTES], name[NAME_BYTES + 1];

	directory("bytes");
	for (unsigned byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		snprintf(path, sizeof(path), "bytes/%c", (int)byte);
		if (byte != '.')
			file(path, (size_t)draw(300));
		snprintf(path, sizeof(path), "bytes/x%cx", (int)byte);
		if (byte % 16 == 0)
			directory(path);
		else
			symbolic(path, path);
	}
	directory("-long");
	for (unsigned kind = 0; kind < 3; kind++) {
		memset(name, (int)"\xff- "[kind], NAME_BYTES);
		name[NAME_BYTES] = '\0';
		snprintf(path, sizeof(path), "-long/%s", name);
		if (kind == 0)
			directory(path);
		else if (kind == 1)
			file(path, 10);
		else
			symbolic(name, path);
	}
	file("...", 1);
	file("-rf", 1);
	file("new\nline", 1);
	file(" ", 1);
	file("C:\\x", 1);
}

static void
make_deep(void)
{
	char path[PATH_BYTES] = "level";
	size_t length = strlen(path);

	directory(path);
	for (unsigned level = 2; level <= 100; level++) {
		length += (size_t)snprintf(path + length, sizeof(path) - length, "/%u", level);
		directory(path);
	}
	snprintf(path + length, sizeof(path) - length, "/bottom");
	file(path, 100);
}

static void
make_sizes(void)
{
	static const uint32_t sizes[] = {0,	  1,	 4095,	  4096,	       4097,
					 65535,	  65536, 262143,  262144,      262145,
					 MIB - 1, MIB,	 MIB + 1, 3 * MIB + 77};
	char path[PATH_BYTES];

	directory("sizes");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(path, sizeof(path), "sizes/%u", (unsigned)sizes[i]);
		file(path, sizes[i]);
	}
	directory("sparse");
	sparse("sparse/all", 64 * (uint64_t)MIB, 0);
	sparse("sparse/small", 200000, 0);
	sparse("sparse/begin", 8 * MIB + 1, 1);
	sparse("sparse/end", 8 * MIB, UINT32_C(1) << 31);
	sparse("sparse/islands", 40 * (uint64_t)MIB + 12345, 0x80108421u);
	sparse("sparse/tail", 6 * MIB + 4097, 0x8u);
}

static void
make_links(void)
{
	char target[4096];

	directory("links");
	directory("links/a");
	directory("links/b");
	symbolic("nowhere", "links/dangling");
	symbolic("/etc/../etc/passwd", "links/absolute");
	symbolic("../links", "links/up");
	symbolic("loop", "links/loop");
	symbolic("/", "links/top");
	symbolic(" \xff\n", "links/odd");
	memset(target, 't', sizeof(target));
	target[4095] = '\0';
	symbolic(target, "links/long");
	file("links/a/two", 1000);
	hard("links/a/two", "links/b/two");
	file("links/three", 3000);
	hard("links/three", "links/b/three");
	hard("links/three", "three");
	file("links/empty", 0);
	hard("links/empty", "links/a/empty");
	file("links/big", 2 * MIB + 5);
	hard("links/big", "links/b/big");
	hard("sparse/islands", "links/islands");
}

/* Where the random part puts something. */
static void
make_random(void)
{
	char path[PATH_BYTES], other[PATH_BYTES];
	char parents[24][PATH_BYTES / 16];
	unsigned count = 1;

	directory("random");
	strcpy(parents[0], "random");
	for (unsigned i = 0; i < 400; i++) {
		const char *parent = parents[draw(count)];

		odd_path(path, parent);
		switch (draw(12)) {
		case 0:
			if (strlen(path) >= sizeof(parents[0]) || count == 24)
				break;
			directory(path);
			strcpy(parents[count++], path);
			break;
		case 1:
			symbolic("where\nto", path);
			break;
		case 2:
			file(path, 0);
			odd_path(other, parents[draw(count)]);
			hard(path, other);
			break;
		case 3:
			file(path, (size_t)draw(300000));
			break;
		default:
			file(path, (size_t)draw(5000));
			break;
		}
	}
}

/* The one that has the bit, without links. */
static void
make_setgid(void)
{
	need(mkdir("setgid", 0700) == 0, "mkdir", "setgid");
	file("setgid/file", 10);
	odd_owner("setgid");
	need(chmod("setgid", 02775) == 0, "chmod", "setgid");
}

static void
make(void)
{
	make_names();
	make_deep();
	make_sizes();
	make_links();
	make_random();
	finish_directories();
	make_setgid();
	dress(".", true);
	need(chmod(".", 0755) == 0, "chmod", ".");
	set_time(".", (struct timespec){.tv_sec = -12345, .tv_nsec = 678});
}

static void
rewrite(const char *path, size_t length)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	need(fd >= 0, "open", path);
	write_at(fd, path, 0, length, false);
	close(fd);
}

/* The name becomes a file of its own, with the same content. */
static void
break_link(const char *path, const char *other)
{
	char bytes[4096];
	int from = open(path, O_RDONLY), to = open(other, O_WRONLY | O_CREAT | O_EXCL, 0640);
	ssize_t n;

	need(from >= 0 && to >= 0, "open", path);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		need(write(to, bytes, (size_t)n) == n, "write", other);
	close(from);
	close(to);
	need(rename(other, path) == 0, "rename", path);
}

static void
change_file(const char *path, const char *other, const struct stat *st)
{
	char name[64];

	switch (draw(11)) {
	case 0:
		rewrite(path, (size_t)draw(9000));
		break;
	case 1:
		rewrite(path, (size_t)(st->st_size < 100000 ? st->st_size : 100000));
		break;
	case 2:
		set_time(path, odd_time());
		break;
	case 3:
		need(chmod(path, odd_mode()) == 0, "chmod", path);
		break;
	case 4:
		odd_owner(path);
		break;
	case 5:
		odd_attributes(path);
		break;
	case 6:
		snprintf(name, sizeof(name), "user.odd\xff%u", (unsigned)draw(5));
		(void)lremovexattr(path, draw(2) == 0 ? name : "system.posix_acl_access");
		break;
	case 7:
		hard(path, other);
		break;
	case 8:
		need(rename(path, other) == 0, "rename", path);
		break;
	case 9:
		need(unlink(path) == 0, "unlink", path);
		break;
	case 10:
		break_link(path, other);
		break;
	}
}

static void
change_link(const char *path, const char *other)
{
	switch (draw(3)) {
	case 0:
		set_time(path, odd_time());
		break;
	case 1:
		need(rename(path, other) == 0, "rename", path);
		break;
	case 2:
		need(unlink(path) == 0, "unlink", path);
		symbolic("elsewhere", path);
		break;
	}
}

static void
change_directory(const char *path, const char *other, bool top)
{
	/* Those at the top keep their names: tests know them. */
	switch (draw(top ? 2 : 4)) {
	case 0:
		dress(path, true);
		break;
	case 1:
		set_time(path, odd_time());
		break;
	case 2:
		/* It may be empty. */
		if (rmdir(path) != 0)
			need(rename(path, other) == 0, "rename", path);
		break;
	case 3:
		(void)lremovexattr(path, "system.posix_acl_default");
		odd_owner(path);
		break;
	}
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Directories come behind what is in them, so paths stay right. */
static void
change(void)
{
	char top[] = ".", path[PATH_BYTES], other[PATH_BYTES];
	char *const tops[] = {top, NULL};
	FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *e;

	need(fts != NULL, "fts_open", top);
	serial = 1000000;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_level == 0 || e->fts_info == FTS_D || draw(3) != 0)
			continue;
		snprintf(path, sizeof(path), "%s", e->fts_path);
		snprintf(other, sizeof(other), "%.*s", (int)(strlen(path) - e->fts_namelen - 1),
			 path);
		odd_path(path, other);
		strcpy(other, path);
		snprintf(path, sizeof(path), "%s", e->fts_path);
		if (e->fts_info == FTS_F)
			change_file(path, other, e->fts_statp);
		else if (e->fts_info == FTS_DP)
			change_directory(path, other, e->fts_level == 1);
		else
			change_link(path, other);
	}
	fts_close(fts);
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: oddtree make|change SEED DIRECTORY");
	state = strtoull(argv[2], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	is_root = geteuid() == 0;
	need(chdir(argv[3]) == 0, "chdir", argv[3]);
	umask(0);
	if (strcmp(argv[1], "make") == 0)
		make();
	else if (strcmp(argv[1], "change") == 0)
		change();
	else
		errx(2, "what is %s?", argv[1]);
	return 0;
}
