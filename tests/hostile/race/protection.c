#include "tests/hostile/race/protection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "src/store/resolve.h"

enum { LANDLOCK_RESTRICT_SELF = 446 };

static enum protection protection;

void
protect(enum protection how)
{
	protection = how;
	resolve_walk_only(how != BY_OPENAT2);
}

int __real_openat(int dir, const char *path, int flags, ...);
int __real___openat_2(int dir, const char *path, int flags);
long __real_syscall(long number, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap___openat_2(int dir, const char *path, int flags);
long __wrap_syscall(long number, ...);

/* The mistake that the race is about: what was looked at need not be what is opened. */
static bool
looks_good(int dir, const char *path, int flags)
{
	const struct timespec moment = {.tv_nsec = 50000};
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		errno = (flags & O_DIRECTORY) != 0 ? ENOTDIR : ELOOP;
		return false;
	}
	/* As where the processor is taken away; so few attempts are enough. */
	nanosleep(&moment, NULL);
	return true;
}

static bool
looks_only(int flags)
{
	return protection == BY_LOOKING && (flags & O_NOFOLLOW) != 0;
}

int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (looks_only(flags)) {
		if (!looks_good(dir, path, flags))
			return -1;
		flags &= ~O_NOFOLLOW;
	}
	return __real_openat(dir, path, flags, mode);
}

int
__wrap___openat_2(int dir, const char *path, int flags)
{
	return __wrap_openat(dir, path, flags);
}

long
__wrap_syscall(long number, ...)
{
	long a[6];
	va_list args;

	if (number == LANDLOCK_RESTRICT_SELF)
		return 0;
	/* As glibc's own: all six, whatever the call has. */
	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
