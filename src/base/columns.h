/*
 * How much room text takes on a terminal.
 *
 * The text is what display_escape() leaves: valid UTF-8 without controls, in which a backslash
 * begins \n, \t, \\ or \xHH.  Widths are those of wcwidth(3) in the locale C.UTF-8, whatever the
 * user's is, and never too small: a character that is not known there counts 2, as does every one
 * that is not ASCII where the system has no such locale.
 */
#ifndef BASE_COLUMNS_H
#define BASE_COLUMNS_H

#include <stddef.h>

/* Columns that text takes, at most. */
size_t columns_of(const char *text);

/*
 * Text, or where that is wider than columns its end behind "...", in out[0..capacity): as much of
 * it as fits both.  Characters and escapes stay whole.  capacity is at least 1.  Returns out.
 */
char *columns_end(char *out, size_t capacity, const char *text, size_t columns);

#endif
