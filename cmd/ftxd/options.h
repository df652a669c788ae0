/*
 * Options of verbs whose other arguments may begin with '-' too, as a public key can: not for
 * getopt().
 */
#ifndef FTXD_OPTIONS_H
#define FTXD_OPTIONS_H

/*
 * The value of the option of this name where argument *i is it, or begins with it and '='; "" where
 * it is missing.  *i is the last argument that was taken.  NULL: it is another argument.
 */
const char *option_value(int argc, char **argv, int *i, const char *name);

#endif
