/*
 * --exclude, --include and --exclude-from: which entries of a tree are left out, with the meaning
 * that rsync gives the same rules in `rsync -a RULES SRC/ DST`.
 *
 * The first rule that matches decides, in the order they were added; what none matches is included.
 * A pattern that begins with a slash is matched against the whole path below the top.  Another one
 * with N slashes inside is matched against the last N + 1 components, so one without a slash
 * against the name alone; with `**` it is matched against the path and what follows each of its
 * slashes.  A slash at the end makes it a rule for directories; `dir/` followed by three stars
 * matches dir and all below.  A pattern without `*`, `?` and `[` is literal, backslashes included;
 * with them src/client/wildcard.h has the rest.
 *
 * What lies below an excluded directory is excluded because the caller does not go there: each path
 * is judged by itself.
 *
 * Not rsync's: "!" does not clear the list but is refused, and so are patterns over
 * WILDCARD_PATTERN_BYTES; in a file, lines in the syntax of rsync's --filter ("merge FILE", ".
 * FILE",
 * ":C", "-! PATTERN", "protect PATTERN" ...) are refused where rsync takes them for odd names.
 */
#ifndef CLIENT_FILTER_H
#define CLIENT_FILTER_H

#include <stdbool.h>

#include "src/client/problem.h"

struct filter;

enum filter_action { FILTER_EXCLUDE, FILTER_INCLUDE };

/* NULL: out of memory.  The caller frees it. */
struct filter *filter_new(void);
void filter_free(struct filter *f);

/*
 * Adds a rule; pattern is copied.  As in rsync "- " or "+ " in front of the pattern decides instead
 * of action, and an empty pattern is no rule.  0, FTX_E_USAGE or FTX_E_NOMEM; why is set then.
 */
int filter_add(struct filter *f, enum filter_action action, const char *pattern,
	       struct problem *why);

/*
 * Adds the rules of a file, one exclude pattern a line, or "- PATTERN" or "+ PATTERN".  A line ends
 * at
 * '\n' or '\r'; empty ones and those that begin with '#' or ';' are ignored.  path "-" is refused.
 * 0, FTX_E_USAGE with the line's number, FTX_E_NOMEM, or the error of errno for a file that cannot
 * be read; why is set then, and the rules before the bad line are in f.
 */
int filter_add_file(struct filter *f, const char *path, struct problem *why);

/*
 * Is the entry at path left out?  path is relative to the top: components joined by single slashes,
 * none at either end; the top itself ("") is never left out.  Any number of threads may ask at once
 * when nothing is added any more.
 */
bool filter_excludes(const struct filter *f, const char *path, bool is_directory);

#endif
