/*
 * Patterns with `?`, `*`, `**`, `[...]` and backslashes, as rsync reads them, over bytes.
 *
 * `?` and `[...]` take one byte that is not a slash, `*` any number of those, two stars or more any
 * bytes.  A class has ranges, `!` or `^` in front for its complement, names as [:alpha:] (ASCII),
 * and
 * `]` as its first member is itself.  A pattern with a class that has no end or an unknown name,
 * and one that ends in a single backslash, match nothing.
 *
 * The time is bounded by the bytes of text times the bytes of pattern / 64, whatever stands in
 * them: all ways to match are followed at once.  The memory is 1 KiB and 2 KiB for each 64 bytes of
 * pattern.
 */
#ifndef CLIENT_WILDCARD_H
#define CLIENT_WILDCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

#define WILDCARD_PATTERN_BYTES LIMIT_PATH_BYTES
#define WILDCARD_WORDS	       (WILDCARD_PATTERN_BYTES / 64 + 1)

struct wildcard;

/* A text on its way through a pattern.  Belongs to one thread; the pattern is only read. */
struct wildcard_run {
	const struct wildcard *pattern;
	bool after_slashes;
	uint64_t reached[WILDCARD_WORDS]; /* bit n: the first n elements have matched */
};

/* Copies pattern[0..length), at most WILDCARD_PATTERN_BYTES.  NULL: out of memory. */
struct wildcard *wildcard_new(const char *pattern, size_t length);
void wildcard_free(struct wildcard *w);

/*
 * Begins a match: the whole pattern against all the text that follows, or, with after_slashes,
 * against what follows any of its slashes as well.
 */
void wildcard_begin(struct wildcard_run *run, const struct wildcard *w, bool after_slashes);
void wildcard_feed(struct wildcard_run *run, const char *text, size_t length);
bool wildcard_matched(const struct wildcard_run *run);

#endif
