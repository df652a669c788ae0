/*
 * The two halves of the sandbox, apart from who uses them (sandbox.c, tests).
 */
#ifndef SERVER_SANDBOX_IMPL_H
#define SERVER_SANDBOX_IMPL_H

#include "src/server/sandbox.h"

/* Landlock's versions that are used, and that are of use. */
enum { LANDLOCK_ABI_LEAST = 2, LANDLOCK_ABI_MOST = 6 };

/* The kernel's version; 0: it has none. */
int landlock_abi(void);

/*
 * Confines this thread, and those that it starts, to places with what version abi has.  0, or the
 * error of errno; FTX_E_UNSUPPORTED below LANDLOCK_ABI_LEAST.
 */
int landlock_confine(int abi, const struct sandbox_place *places, size_t count);

enum sandbox_filter { FILTER_GREETER, FILTER_SESSION, FILTERS };

/* Can this kernel kill for a system call that is not on a list? */
bool seccomp_usable(void);

/* Makes the filters, for this process and its children; once.  0 or FTX_E_NOMEM. */
int seccomp_prepare(void);

/* Confines all threads.  Needs no_new_privs.  0, FTX_E_NOMEM or the error of errno. */
int seccomp_confine(enum sandbox_filter filter);

#endif
