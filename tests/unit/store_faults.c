/*
 * These take the place of the C library's functions in the whole test program: each passes the call
 * on to the kernel, unless it is the one that is to fail.
 */
#include "store_helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FAULT_HOOK (-2)

static const char *also_call;
static int also_errno;
static const char *fault_call;
static unsigned fault_left;
static int fault_errno;
static void (*fault_does)(void);
static bool hit;
static size_t most_at_once;
static unsigned pwrites;
static bool tracing;
static char trace[16384];

void
fault_set(const char *call, unsigned nth, int errnum)
{
	fault_call = call;
	fault_left = nth;
	fault_errno = errnum;
	if (call != NULL)
		hit = false;
}

void
fault_short_writes(size_t most)
{
	most_at_once = most;
}

void
fault_hook(const char *call, unsigned nth, void (*hook)(void))
{
	fault_set(call, nth, FAULT_HOOK);
	fault_does = hook;
}

bool
fault_hit(void)
{
	return hit;
}

void
trace_start(void)
{
	tracing = true;
	trace[0] = '\0';
}

const char *
trace_text(void)
{
	tracing = false;
	return trace;
}

/* "part", "jnl", "dir" or "?": what a descriptor is open on. */
static const char *
kind_of(int fd)
{
	char link[64], target[4096];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return "?";
	target[n] = '\0';
	if (strstr(target, ".jnl") != NULL)
		return "jnl";
	if (strstr(target, ".part") != NULL)
		return "part";
	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "dir" : "?";
}

static void
note(const char *call, const char *what)
{
	size_t used = strlen(trace);

	if (tracing)
		snprintf(trace + used, sizeof(trace) - used, "%s%s %s", used > 0 ? ", " : "", call,
			 what);
}

void
trace_note(const char *what)
{
	note("", what);
}

void
fault_also(const char *call, int errnum)
{
	also_call = call;
	also_errno = errnum;
}

static bool
fails(const char *call)
{
	if (also_call != NULL && strcmp(also_call, call) == 0) {
		errno = also_errno;
		return true;
	}
	if (fault_call == NULL ||
	    (strcmp(fault_call, call) != 0 && strcmp(fault_call, "any") != 0) || --fault_left != 0)
		return false;
	if (fault_errno == FAULT_KILL)
		raise(SIGKILL);
	fault_call = NULL;
	hit = true;
	if (fault_errno == FAULT_HOOK) {
		fault_does();
		return false;
	}
	errno = fault_errno;
	return true;
}

ssize_t
pwrite(int fd, const void *data, size_t length, off_t offset)
{
	note("pwrite", kind_of(fd));
	if (most_at_once > 0 && ++pwrites % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	if (most_at_once > 0 && length > most_at_once)
		length = most_at_once;
	return fails("pwrite") ? -1 : syscall(SYS_pwrite64, fd, data, length, offset);
}

int
fdatasync(int fd)
{
	note("fdatasync", kind_of(fd));
	return fails("fdatasync") ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
syncfs(int fd)
{
	note("syncfs", kind_of(fd));
	return fails("syncfs") ? -1 : (int)syscall(SYS_syncfs, fd);
}

int
fsync(int fd)
{
	note("fsync", kind_of(fd));
	return fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int
close(int fd)
{
	bool is_part = (tracing || fault_call != NULL) && strcmp(kind_of(fd), "part") == 0;
	int r;

	if (is_part)
		note("close", "part");
	r = (int)syscall(SYS_close, fd);
	return fails("close") || (is_part && fails("close part")) ? -1 : r;
}

int
sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags)
{
	note("sync_file_range", kind_of(fd));
	return fails("sync_file_range")
		   ? -1
		   : (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	note("fallocate", kind_of(fd));
	return fails("fallocate") ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int
ftruncate(int fd, off_t length)
{
	const char *kind = kind_of(fd);

	if (strcmp(kind, "part") == 0)
		note("ftruncate", kind);
	return fails("ftruncate") ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

/* Those that look for slots are not worth writing down. */
off_t
lseek(int fd, off_t offset, int whence)
{
	const char *kind = kind_of(fd);

	if (strcmp(kind, "jnl") != 0)
		note("lseek", kind);
	return fails("lseek") ? -1 : syscall(SYS_lseek, fd, offset, whence);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	note("renameat2", strstr(from, ".part") != NULL ? "part" : "jnl");
	return fails("renameat2") ? -1
				  : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	note("renameat", strstr(from, ".part") != NULL ? "part" : "jnl");
	return fails("renameat") ? -1 : (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	note("linkat", strstr(from, ".part") != NULL ? "part" : "jnl");
	return fails("linkat") ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int
unlinkat(int dir, const char *name, int flags)
{
	note("unlinkat", strstr(name, ".part") != NULL ? "part" : "jnl");
	return fails("unlinkat") ? -1 : (int)syscall(SYS_unlinkat, dir, name, flags);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	note("mkdirat", name);
	return fails("mkdirat") ? -1 : (int)syscall(SYS_mkdirat, dir, name, mode);
}

int
fchmod(int fd, mode_t mode)
{
	note("fchmod", kind_of(fd));
	return fails("fchmod") ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int
futimens(int fd, const struct timespec times[2])
{
	note("futimens", kind_of(fd));
	return fails("futimens") ? -1 : (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

int
fchown(int fd, uid_t uid, gid_t gid)
{
	note("fchown", kind_of(fd));
	return fails("fchown") ? -1 : (int)syscall(SYS_fchown, fd, uid, gid);
}

int
fremovexattr(int fd, const char *name)
{
	note("fremovexattr", kind_of(fd));
	return fails("fremovexattr") ? -1 : (int)syscall(SYS_fremovexattr, fd, name);
}

ssize_t
fgetxattr(int fd, const char *name, void *value, size_t size)
{
	note("fgetxattr", kind_of(fd));
	return fails("fgetxattr") ? -1 : syscall(SYS_fgetxattr, fd, name, value, size);
}

ssize_t
flistxattr(int fd, char *list, size_t size)
{
	note("flistxattr", kind_of(fd));
	return fails("flistxattr") ? -1 : syscall(SYS_flistxattr, fd, list, size);
}

int
fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	note("fsetxattr", kind_of(fd));
	return fails("fsetxattr") ? -1 : (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
}

int
openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = 0;

	if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (fails("openat"))
		return -1;
	return (int)syscall(SYS_openat, dir, name, flags, mode);
}

int
fcntl(int fd, int command, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, command);
	argument = va_arg(ap, void *);
	va_end(ap);
	return fails("fcntl") ? -1 : (int)syscall(SYS_fcntl, fd, command, argument);
}
