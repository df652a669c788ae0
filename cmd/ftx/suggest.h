/*
 * What somebody may have meant who typed something that is not there.
 */
#ifndef FTX_SUGGEST_H
#define FTX_SUGGEST_H

#include "cmd/ftx/option_table.h"

/* Room for "; did you mean --no-target-directory?" and the like. */
#define SUGGESTION_BYTES 256u

/* Begins with "; ", or is "" where nothing is like it.  Returns out. */
const char *suggest_verb(char out[static SUGGESTION_BYTES], const char *typed);

/* The same of what help may be asked about. */
const char *suggest_help(char out[static SUGGESTION_BYTES], const char *typed);

/*
 * typed: "--nam" or "--nam=value", which is no name, or the beginning of several; verb 0: any.
 */
const char *suggest_option(char out[static SUGGESTION_BYTES], const char *typed, unsigned verb);

/* The same for a letter: the one of the other case, where it is an option of this verb. */
const char *suggest_letter(char out[static SUGGESTION_BYTES], char letter, unsigned verb);

#endif
