/*
 * Whole reads and writes: short counts and EINTR are handled here and nowhere else.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Each returns 0 or a negative FTX_E_*, with errno kept from the call that failed. */
int write_full(int fd, const void *data, size_t length);
int pwrite_full(int fd, const void *data, size_t length, uint64_t offset);

/* Reads up to length bytes; fewer only at the end of the file.  *got is set in any case. */
int read_full(int fd, void *data, size_t length, size_t *got);
int pread_full(int fd, void *data, size_t length, uint64_t offset, size_t *got);

#endif
