/*
 * Sizes, rates and durations as people write and read them.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* "0", "17": decimal digits and nothing else.  0 or FTX_E_USAGE (also on overflow). */
int count_parse(uint64_t *n, const char *text);

/*
 * "1048576", "64K", "1.5G"; K M G T = powers of 1024, either case; a fraction needs one of them and
 * is rounded down to a byte.  0 or FTX_E_USAGE (also on overflow).
 */
int size_parse(uint64_t *bytes, const char *text);

/*
 * "500ms", "10", "1.5s", "5m", "2h", "7d"; a bare number is seconds.  At most INT64_MAX, so that it
 * can be added to any time.  0 or FTX_E_USAGE.
 */
int duration_parse(uint64_t *milliseconds, const char *text);

/* "0 B", "1023 B", "1.5 KiB", "17.0 MiB"; room for 16 bytes is enough.  Returns out. */
char *size_format(char *out, size_t capacity, uint64_t bytes);

/* "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"; room for 32 bytes is enough.  Returns out.
 */
char *duration_format(char *out, size_t capacity, uint64_t milliseconds);

#endif
