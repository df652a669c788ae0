/*
 * Preloaded into ftxd or ftx: writes down, in order, what is done to partials, journals and
 * directories and what is sent to the peer.  tests/fault/check-order judges it.
 *
 * FTX_RECORD_LOG	the file to append to; one line an event:
 *	PID pwrite part|journal|small INODE OFFSET LENGTH zero|data
 *	PID metadata part|journal|small INODE
 *	PID fsync|fdatasync part|journal|small|directory INODE
 *	PID rename part|small|other INODE DIRECTORY-INODE NAME
 *	PID mkdir directory INODE DIRECTORY-INODE NAME
 *	PID unlink part|journal|other INODE DIRECTORY-INODE NAME
 *	PID send peer - LENGTH
 * FTX_RECORD_OMIT	calls that succeed without being done: fdatasync_part,
 *			fdatasync_journal, fsync_part, fsync_small or fsync_directory
 *
 * A partial or journal is known by the inode that had its name once: the journal is made under a
 * temporary one.  A small file is one of a group: made without a name, or as RUN-N or
 *.ftx-RUN-N.new.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/fault/preload.h"

#define KNOWN_MAX 16384

static struct {
	ino_t inode;
	const char *class;
} known[KNOWN_MAX];
static unsigned known_count;

__attribute__((format(printf, 1, 2))) static void
record(const char *format, ...)
{
	const char *path = getenv("FTX_RECORD_LOG");
	char line[1024];
	int saved = errno;
	va_list args;

	if (path == NULL)
		return;
	int n = snprintf(line, sizeof(line), "%d ", (int)getpid());
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
	va_end(args);
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	long fd =
	    syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	syscall(SYS_write, fd, line, (size_t)n);
	syscall(SYS_close, fd);
	errno = saved;
}

static const char *
class_of(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "directory";
	for (unsigned i = known_count; i-- > 0;)
		if (known[i].inode == st->st_ino)
			return known[i].class;
	return "other";
}

static bool
ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* tree_temp() names it: 16 hex digits, a number. */
static bool
is_small(const char *name)
{
	if (strncmp(name, ".ftx-", 5) == 0)
		name += 5;
	if (strspn(name, "0123456789abcdef") != 16 || name[16] != '-')
		return false;
	name += 17;
	name += strspn(name, "0123456789");
	return *name == '\0' || strcmp(name, ".new") == 0;
}

static void
learn_class(const struct stat *st, const char *class)
{
	if (known_count == KNOWN_MAX)
		abort();
	known[known_count].inode = st->st_ino;
	known[known_count++].class = class;
}

/* An inode has this name now. */
static void
learn(const struct stat *st, const char *name)
{
	const char *class = ends_with(name, ".part")  ? "part"
			    : ends_with(name, ".jnl") ? "journal"
			    : is_small(name)	      ? "small"
						      : NULL;

	if (class == NULL && strcmp(class_of(st), "other") == 0)
		return;
	learn_class(st, class != NULL ? class : "other");
}

static void
learn_at(int dir, const char *name)
{
	struct stat st;
	int saved = errno;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		learn(&st, name);
	errno = saved;
}

static bool
omitted(const char *call, const char *class)
{
	const char *omit = getenv("FTX_RECORD_OMIT");
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", call, class);
	return omit != NULL && strcmp(omit, name) == 0;
}

static bool
to_peer(int fd)
{
	int domain = 0, saved = errno;
	socklen_t length = sizeof(domain);
	bool peer = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
		    (domain == AF_INET || domain == AF_INET6);

	errno = saved;
	return peer;
}

static void
record_send(int fd, ssize_t length)
{
	if (length > 0 && to_peer(fd))
		record("send peer - %zd", length);
}

static void
record_pwrite(int fd, const void *data, ssize_t length, off_t offset)
{
	const char *bytes = data;
	bool zero = true;
	struct stat st;

	if (length <= 0 || fstat(fd, &st) != 0)
		return;
	const char *class = class_of(&st);
	if (strcmp(class, "other") == 0)
		return;
	for (ssize_t i = 0; i < length && zero; i++)
		zero = bytes[i] == 0;
	record("pwrite %s %llu %lld %zd %s", class, (unsigned long long)st.st_ino,
	       (long long)offset, length, zero ? "zero" : "data");
}

/* For renames, links, unlinks: what is at a name, and in which directory that is. */
static void
record_name(const char *call, const struct stat *st, int dir, const char *name)
{
	struct stat parent = {0};

	if (fstatat(dir, dir == AT_FDCWD ? "." : "", &parent, AT_EMPTY_PATH) != 0)
		abort();
	record("%s %s %llu %llu %s", call, class_of(st), (unsigned long long)st->st_ino,
	       (unsigned long long)parent.st_ino, name);
}

static int
sync_call(const char *call, int fd, int (*real)(int))
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return real(fd);
	if (omitted(call, class_of(&st)))
		return 0;
	int result = real(fd);
	if (result == 0)
		record("%s %s %llu", call, class_of(&st), (unsigned long long)st.st_ino);
	return result;
}

static int
metadata_call(int fd, int result)
{
	struct stat st;

	if (result == 0 && fstat(fd, &st) == 0 && strcmp(class_of(&st), "other") != 0)
		record("metadata %s %llu", class_of(&st), (unsigned long long)st.st_ino);
	return result;
}

int
fchmod(int fd, mode_t mode)
{
	REAL(fchmod)
	return metadata_call(fd, real(fd, mode));
}

int
futimens(int fd, const struct timespec times[2])
{
	REAL(futimens)
	return metadata_call(fd, real(fd, times));
}

int
fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	REAL(fsetxattr)
	return metadata_call(fd, real(fd, name, value, size, flags));
}

int
fdatasync(int fd)
{
	REAL(fdatasync)
	return sync_call("fdatasync", fd, real);
}

int
fsync(int fd)
{
	REAL(fsync)
	return sync_call("fsync", fd, real);
}

ssize_t
pwrite(int fd, const void *data, size_t length, off_t offset)
{
	REAL(pwrite)
	ssize_t n = real(fd, data, length, offset);
	record_pwrite(fd, data, n, offset);
	return n;
}

ssize_t
send(int fd, const void *data, size_t length, int flags)
{
	REAL(send)
	ssize_t n = real(fd, data, length, flags);
	record_send(fd, n);
	return n;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	REAL(sendmsg)
	ssize_t n = real(fd, message, flags);
	record_send(fd, n);
	return n;
}

ssize_t
write(int fd, const void *data, size_t length)
{
	REAL(write)
	ssize_t n = real(fd, data, length);
	record_send(fd, n);
	return n;
}

static int
opened(int fd, const char *path, int flags)
{
	struct stat st;

	if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode)) {
		if ((flags & O_TMPFILE) == O_TMPFILE)
			learn_class(&st, "small");
		else
			learn(&st, path);
	}
	return fd;
}

int
openat(int dir, const char *path, int flags, ...)
{
	REAL(openat)
	va_list args;

	va_start(args, flags);
	mode_t mode = va_arg(args, mode_t);
	va_end(args);
	return opened(real(dir, path, flags, mode), path, flags);
}

static int
renamed(int result, int to, const char *new)
{
	struct stat st;

	if (result == 0 && fstatat(to, new, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		record_name("rename", &st, to, new);
		learn_at(to, new);
	}
	return result;
}

int
renameat(int from, const char *old, int to, const char *new)
{
	REAL(renameat)
	return renamed(real(from, old, to, new), to, new);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	REAL(renameat2)
	return renamed(real(from, old, to, new, flags), to, new);
}

/* A partial may be published by link and unlink; a journal is put in place so. */
int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	REAL(linkat)
	return renamed(real(from, old, to, new, flags), to, new);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	REAL(mkdirat)
	struct stat st;
	int result = real(dir, path, mode);

	if (result == 0 && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		record_name("mkdir", &st, dir, path);
	return result;
}

int
unlinkat(int dir, const char *path, int flags)
{
	REAL(unlinkat)
	struct stat st;
	bool there = fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
	int result = real(dir, path, flags);

	if (result == 0 && there)
		record_name("unlink", &st, dir, path);
	return result;
}

bool
syscall_fails(long number)
{
	(void)number;
	return false;
}
