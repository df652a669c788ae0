/*
 * The lines of progress at the end of a terminal, of which standard error is the way to it.
 *
 * The cursor rests where the first line begins, so that whatever a resize does to the lines is
 * below it and goes with the next screen_draw() or screen_erase().  Before anything else is
 * written there, screen_erase().
 *
 * Ctrl-Z erases them before the program stops, and nothing is drawn while the program is in the
 * background.
 */
#ifndef FTX_SCREEN_H
#define FTX_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Is standard error a terminal that can do this (TERM says no other)? */
bool screen_possible(void);

/* From now on SIGWINCH, SIGTSTP and SIGCONT are seen to.  0 or an FTX_E_*. */
int screen_open(void);

/* Has it been resized or the program been continued since the last call?  Then draw anew. */
bool screen_changed(void);

/* Has the program been stopped and continued since the last call? */
bool screen_continued(void);

/* Columns that a line may have. */
size_t screen_columns(void);

/* In place of what is there; "" is no line. */
void screen_draw(const char *const *lines, size_t count);

void screen_erase(void);

/* Are there lines? */
bool screen_drawn(void);

#endif
