#include "src/store/name.h"

#include <string.h>

#include "proto/errors.h"
#include "proto/limits.h"

bool
name_reserved(const void *name, size_t length)
{
	const char *bytes = name;

	return length >= 4 && memcmp(bytes, ".ftx", 4) == 0 && (length == 4 || bytes[4] == '-');
}

bool
name_ok(const void *name, size_t length)
{
	const char *bytes = name;

	if (length == 0 || length > LIMIT_NAME_BYTES)
		return false;
	if (memchr(bytes, '\0', length) != NULL || memchr(bytes, '/', length) != NULL)
		return false;
	if (bytes[0] == '.' && (length == 1 || (length == 2 && bytes[1] == '.')))
		return false;
	return !name_reserved(bytes, length);
}

int
path_check(const void *path, size_t length)
{
	const char *next = path;
	size_t left = length;

	if (length > LIMIT_PATH_BYTES)
		return FTX_E_NAME;
	for (unsigned depth = 1; depth <= LIMIT_PATH_DEPTH; depth++) {
		const char *slash = left > 0 ? memchr(next, '/', left) : NULL;
		size_t component = slash != NULL ? (size_t)(slash - next) : left;

		if (!name_ok(next, component))
			return FTX_E_NAME;
		if (slash == NULL)
			return 0;
		next += component + 1;
		left -= component + 1;
	}
	return FTX_E_NAME;
}
