#include "src/base/io.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "proto/errors.h"

/* Does [offset, offset + length) lie within what off_t can name? */
static bool
range_fits(size_t length, uint64_t offset)
{
	return offset <= INT64_MAX && length <= INT64_MAX - offset;
}

/*
 * What a call that wrote n bytes means: 0 to go on.  A write of nothing although something was
 * asked for has no errno; going on would never end.
 */
static int
write_result(ssize_t n)
{
	if (n > 0 || (n < 0 && errno == EINTR))
		return 0;
	if (n == 0)
		errno = EIO;
	return error_from_errno(errno);
}

int
write_full(int fd, const void *data, size_t length)
{
	const uint8_t *p = data;

	while (length > 0) {
		ssize_t n = write(fd, p, length);
		int r = write_result(n);

		if (r != 0)
			return r;
		if (n > 0) {
			p += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

int
pwrite_full(int fd, const void *data, size_t length, uint64_t offset)
{
	const uint8_t *p = data;

	if (!range_fits(length, offset)) {
		errno = EFBIG;
		return FTX_E_TOO_LARGE;
	}
	while (length > 0) {
		ssize_t n = pwrite(fd, p, length, (off_t)offset);
		int r = write_result(n);

		if (r != 0)
			return r;
		if (n > 0) {
			p += n;
			length -= (size_t)n;
			offset += (uint64_t)n;
		}
	}
	return 0;
}

int
read_full(int fd, void *data, size_t length, size_t *got)
{
	uint8_t *p = data;

	*got = 0;
	while (*got < length) {
		ssize_t n = read(fd, p + *got, length - *got);

		if (n == 0)
			return 0;
		if (n > 0)
			*got += (size_t)n;
		else if (errno != EINTR)
			return error_from_errno(errno);
	}
	return 0;
}

int
pread_full(int fd, void *data, size_t length, uint64_t offset, size_t *got)
{
	uint8_t *p = data;

	*got = 0;
	if (!range_fits(length, offset)) {
		errno = EFBIG;
		return FTX_E_TOO_LARGE;
	}
	while (*got < length) {
		ssize_t n = pread(fd, p + *got, length - *got, (off_t)(offset + *got));

		if (n == 0)
			return 0;
		if (n > 0)
			*got += (size_t)n;
		else if (errno != EINTR)
			return error_from_errno(errno);
	}
	return 0;
}
