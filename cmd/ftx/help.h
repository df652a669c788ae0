/*
 * What --help and help print, on standard output.
 */
#ifndef FTX_HELP_H
#define FTX_HELP_H

#include "cmd/ftx/options.h"

/* One screen about everything, or about a verb (0: none).  Returns the exit code. */
int help_print(enum verb verb);
int help_version(void);

#endif
