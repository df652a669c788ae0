/*
 * A working directory of its own for each test, where "user" and "system" are the two files of a
 * configuration.
 */
#ifndef TESTS_UNIT_CLIENT_FILES_H
#define TESTS_UNIT_CLIENT_FILES_H

#include <limits.h>

extern char files_directory[PATH_MAX];

/* The init and fini of a suite. */
void files_enter(void);
void files_leave(void);

void files_write(const char *name, const char *text);

#endif
