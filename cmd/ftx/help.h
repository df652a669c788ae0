/*
 * What --help and help print, on standard output.
 */
#ifndef FTX_HELP_H
#define FTX_HELP_H

#include "cmd/ftx/options.h"

/*
 * One screen about everything; or about a verb (0: none), or a topic (of topic_rows, NULL: none).
 * Returns the exit code.
 */
int help_print(enum verb verb, const char *topic);

/* Version, and what this build has. */
int help_version(void);

#endif
