/* What preloaded objects need to reach the function they stand before. */
#ifndef FAULT_PRELOAD_H
#define FAULT_PRELOAD_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Declares real, the next function of this name.  POSIX leaves the copy of the bytes for the
 * conversion. */
#define REAL(name)                                                                                 \
	static __typeof__(name) *real;                                                             \
	if (real == NULL) {                                                                        \
		void *symbol = dlsym(RTLD_NEXT, #name);                                            \
		memcpy(&real, &symbol, sizeof(real));                                              \
	}

/*
 * Is this a call by which ftxd's children confine themselves?  What is preloaded opens files of its
 * own and asks sockets, which a confined process may not: to it the kernel is one without these.
 */
static inline bool
confines(long number)
{
	return number == SYS_seccomp || (number >= 444 && number <= 446); /* landlock_* */
}

/* The other names of what an object stands before. */

int openat64(int dir, const char *path, int flags, ...);
int
openat64(int dir, const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = va_arg(args, mode_t);
	va_end(args);
	return openat(dir, path, flags, mode);
}

int __openat_2(int dir, const char *path, int flags);
int
__openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags, 0);
}

ssize_t
pwrite64(int fd, const void *data, size_t length, off_t offset)
{
	return pwrite(fd, data, length, offset);
}

/* The object's own: does this one fail?  Then errno is set. */
bool syscall_fails(long number);

/* Of the project: getxattrat, openat2 and what confines. */
long
syscall(long number, ...)
{
	REAL(syscall)
	va_list args;
	long a[6];

	va_start(args, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (confines(number)) {
		errno = ENOSYS;
		return -1;
	}
	return syscall_fails(number) ? -1 : real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#endif
