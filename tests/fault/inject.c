/*
 * Preloaded into ftxd or ftx: lets calls fail.
 *
 * FTX_INJECT_CONTROL names a file that every process reads when it first touches a name that
 * begins with ".ftx" (so a server's sessions do, and a client that receives):
 *	fail ERRNO N	the Nth call on files from then on fails with the number ERRNO
 *	sync ERRNO N	the Nth fsync or fdatasync does
 *	nothing else	nothing happens
 * A call that was made to fail is written to the file with ".fired" behind its name.
 *
 * FTX_INJECT_NO_FLAGS=ERRNO: each renameat2 with flags, in every process, fails with that number,
 * as on a file system that has none.
 *
 * FTX_INJECT_SHORT=1: every read, write, send and receive in every process moves half of
 * what it could, and every third is interrupted first.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
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

#define WATCHED_FDS 1024

static pid_t armed_pid; /* the process that has read its orders */
static bool only_syncs;
static int fail_errno;
static atomic_long calls_left; /* until the call that fails; below 0: none does */
static bool written[WATCHED_FDS];
static atomic_uint short_count;

static void
arm(void)
{
	const char *path = getenv("FTX_INJECT_CONTROL");
	char text[64] = "", kind[8] = "";
	long nth = 0;

	if (path == NULL || armed_pid == getpid())
		return;
	armed_pid = getpid();
	atomic_store(&calls_left, -1);
	long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	if (sscanf(text, "%7s %d %ld", kind, &fail_errno, &nth) == 3)
		atomic_store(&calls_left, nth);
	only_syncs = strcmp(kind, "sync") == 0;
}

static void
arm_by_name(const char *path)
{
	const char *name = strrchr(path, '/');

	if (strncmp(name != NULL ? name + 1 : path, ".ftx", 4) == 0)
		arm();
}

static void
write_fired(const char *call)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s.fired", getenv("FTX_INJECT_CONTROL"));
	long fd =
	    syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	syscall(SYS_write, fd, call, strlen(call));
	syscall(SYS_write, fd, "\n", (size_t)1);
	syscall(SYS_close, fd);
}

/* Is this the one?  Sets errno then. */
static bool
fails(const char *call)
{
	bool sync = strcmp(call, "fsync") == 0 || strcmp(call, "fdatasync") == 0;

	if (armed_pid != getpid() || (only_syncs && !sync) || atomic_load(&calls_left) <= 0 ||
	    atomic_fetch_sub(&calls_left, 1) != 1)
		return false;
	write_fired(call);
	errno = fail_errno;
	return true;
}

static bool
file_fails(const char *call, int fd)
{
	struct stat st;

	return armed_pid == getpid() && fstat(fd, &st) == 0 && !S_ISSOCK(st.st_mode) && fails(call);
}

/* Files and streams may be short; datagrams, signals and the like come whole. */
static bool
may_be_short(int fd)
{
	struct stat st;
	int type = 0;
	socklen_t length = sizeof(type);

	if (fstat(fd, &st) != 0)
		return false;
	if (S_ISSOCK(st.st_mode))
		return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
		       type == SOCK_STREAM;
	return S_ISREG(st.st_mode);
}

/* How much of length this call may move; -1: interrupted. */
static ssize_t
shortened(int fd, size_t length)
{
	static int wanted = -1;

	if (wanted < 0)
		wanted = getenv("FTX_INJECT_SHORT") != NULL;
	if (!wanted || length == 0 || !may_be_short(fd))
		return (ssize_t)length;
	if (atomic_fetch_add(&short_count, 1) % 3 == 2) {
		errno = EINTR;
		return -1;
	}
	return (ssize_t)((length + 1) / 2);
}

ssize_t
pwrite(int fd, const void *data, size_t length, off_t offset)
{
	REAL(pwrite)
	ssize_t part = shortened(fd, length);
	if (part < 0 || file_fails("pwrite", fd))
		return -1;
	if (fd >= 0 && fd < WATCHED_FDS)
		written[fd] = true;
	return real(fd, data, (size_t)part, offset);
}

ssize_t
write(int fd, const void *data, size_t length)
{
	REAL(write)
	ssize_t part = shortened(fd, length);
	if (part < 0 || file_fails("write", fd))
		return -1;
	return real(fd, data, (size_t)part);
}

ssize_t
pread(int fd, void *data, size_t length, off_t offset)
{
	REAL(pread)
	ssize_t part = shortened(fd, length);
	return part < 0 ? -1 : real(fd, data, (size_t)part, offset);
}

ssize_t
pread64(int fd, void *data, size_t length, off_t offset)
{
	return pread(fd, data, length, offset);
}

ssize_t
read(int fd, void *data, size_t length)
{
	REAL(read)
	ssize_t part = shortened(fd, length);
	return part < 0 ? -1 : real(fd, data, (size_t)part);
}

ssize_t
send(int fd, const void *data, size_t length, int flags)
{
	REAL(send)
	ssize_t part = shortened(fd, length);
	return part < 0 ? -1 : real(fd, data, (size_t)part, flags);
}

ssize_t
recv(int fd, void *data, size_t length, int flags)
{
	REAL(recv)
	ssize_t part = shortened(fd, length);
	return part < 0 ? -1 : real(fd, data, (size_t)part, flags);
}

int
fdatasync(int fd)
{
	REAL(fdatasync)
	return fails("fdatasync") ? -1 : real(fd);
}

int
fsync(int fd)
{
	REAL(fsync)
	return fails("fsync") ? -1 : real(fd);
}

int
sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
	REAL(sync_file_range)
	return fails("sync_file_range") ? -1 : real(fd, offset, length, flags);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	REAL(fallocate)
	return fails("fallocate") ? -1 : real(fd, mode, offset, length);
}

int
ftruncate(int fd, off_t length)
{
	REAL(ftruncate)
	return fails("ftruncate") ? -1 : real(fd, length);
}

int
fchmod(int fd, mode_t mode)
{
	REAL(fchmod)
	return fails("fchmod") ? -1 : real(fd, mode);
}

int
futimens(int fd, const struct timespec times[2])
{
	REAL(futimens)
	return fails("futimens") ? -1 : real(fd, times);
}

int
fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	REAL(fsetxattr)
	return fails("fsetxattr") ? -1 : real(fd, name, value, size, flags);
}

/* What was written may be lost here too; the descriptor is free whatever close answers. */
int
close(int fd)
{
	REAL(close)
	bool watched = fd >= 0 && fd < WATCHED_FDS && written[fd];
	int result = real(fd);

	if (!watched)
		return result;
	written[fd] = false;
	return result == 0 && fails("close") ? -1 : result;
}

int
openat(int dir, const char *path, int flags, ...)
{
	REAL(openat)
	va_list args;

	va_start(args, flags);
	mode_t mode = va_arg(args, mode_t);
	va_end(args);
	arm_by_name(path);
	return fails("openat") ? -1 : real(dir, path, flags, mode);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	REAL(mkdirat)
	arm_by_name(path);
	return fails("mkdirat") ? -1 : real(dir, path, mode);
}

int
unlinkat(int dir, const char *path, int flags)
{
	REAL(unlinkat)
	return fails("unlinkat") ? -1 : real(dir, path, flags);
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	REAL(linkat)
	return fails("linkat") ? -1 : real(from, old, to, new, flags);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	REAL(renameat)
	return fails("renameat") ? -1 : real(from, old, to, new);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	REAL(renameat2)
	const char *no_flags = getenv("FTX_INJECT_NO_FLAGS");
	if (flags != 0 && no_flags != NULL) {
		errno = atoi(no_flags);
		return -1;
	}
	return fails("renameat2") ? -1 : real(from, old, to, new, flags);
}

bool
syscall_fails(long number)
{
	return number == SYS_openat2 && fails("openat2");
}
