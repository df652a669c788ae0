/* What preloaded objects need to reach the function they stand before. */
#ifndef FAULT_PRELOAD_H
#define FAULT_PRELOAD_H

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

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

#endif
