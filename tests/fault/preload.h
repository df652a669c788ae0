/* What preloaded objects need to reach the function they stand before. */
#ifndef FAULT_PRELOAD_H
#define FAULT_PRELOAD_H

#include <dlfcn.h>
#include <string.h>

/* Declares real, the next function of this name.  POSIX leaves the copy of the bytes for the
 * conversion. */
#define REAL(name)                                                                                 \
	static __typeof__(name) *real;                                                             \
	if (real == NULL) {                                                                        \
		void *symbol = dlsym(RTLD_NEXT, #name);                                            \
		memcpy(&real, &symbol, sizeof(real));                                              \
	}

#endif
