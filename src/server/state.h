/*
 * Small files of text in the state directory: what one run of the daemon leaves to the next.
 *
 *	ftxd NAME 1
 *	LINES
 *	end CHECK		XXH3-64 of all before this line, in hex
 */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include <stddef.h>

#define STATE_BYTES_MAX (UINT32_C(64) << 20)

/*
 * Replaces DIRECTORY/NAME by lines (ended each) in one rename, mode 0600, on stable storage.  0, or
 * the error of errno.
 */
int state_write(const char *directory, const char *name, const char *lines);

/* Removes it; that there is none is fine.  0 or the error of errno. */
int state_remove(const char *directory, const char *name);

/*
 * The lines, owned by the caller.  FTX_E_NOT_FOUND where there is no such file; FTX_E_MISMATCH
 * where it is damaged, of another version, or no file of this user or root that others cannot write
 * to; FTX_E_NOMEM, ...
 */
int state_read(const char *directory, const char *name, char **lines);

/* Takes the first line off *rest; NULL: there is none.  Changes the text. */
char *state_next_line(char **rest);

#endif
