/*
 * The end of standard output, which is none without a word where somebody may miss something: a
 * reader that has gone ends the program as it ends others, by SIGPIPE, unless who started it has
 * that ignored.
 */
#ifndef FTX_OUTPUT_H
#define FTX_OUTPUT_H

/*
 * Writes out what was printed.  verb_name: for the message, NULL: none.  Returns the exit code, or
 * does not return.
 */
int output_end(const char *verb_name);

/* It did not take what it was given: says so, unless it dies of SIGPIPE.  As output_end(), not 0.
 */
int output_failed(const char *verb_name, int errnum);

#endif
