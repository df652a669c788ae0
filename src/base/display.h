/*
 * Showing names that strangers chose, safely and readably.
 */
#ifndef BASE_DISPLAY_H
#define BASE_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes name to out[0..capacity) so that it can stand on a terminal or in a log line: valid
 * UTF-8 stays; C0 and C1 controls, DEL, invalid UTF-8 and the backslash become \n, \t, \\ or \xHH.
 * Bidirectional controls (U+202A..E, U+2066..9, U+200E, U+200F) and line separators U+2028/9 are
 * escaped too, and U+061C.  Always terminates (capacity is at least 1); what does not fit is cut
 * behind a whole character and ends in "...".  Returns out.
 */
char *display_escape(char *out, size_t capacity, const void *name, size_t length);

/*
 * The same in double quotes, for the value of a key=value field: a quote in the name is \".  It is
 * whole in any case; capacity is at least 3.
 */
char *display_quote(char *out, size_t capacity, const void *name, size_t length);

/*
 * As display_escape(), for what is escaped already, or should be: backslashes stay as they are, so
 * nothing changes in what is.
 */
char *display_again(char *out, size_t capacity, const void *text, size_t length);

/* Room that any path of LIMIT_PATH_BYTES (4095) needs when every byte is escaped, and a terminator.
 */
#define DISPLAY_PATH_BYTES (4 * 4095 + 4)

/* Is it valid UTF-8 (RFC 3629: no surrogates, nothing overlong, at most U+10FFFF)? */
bool utf8_valid(const void *text, size_t length);

#endif
