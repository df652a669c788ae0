/*
 * What a daemon tells on its control socket (src/server/status.h), taken apart and printed.
 */
#ifndef FTXD_REPORT_H
#define FTXD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

/* Takes text apart, in place, and prints it: for people, or a JSON object a line.  false: it is not
 * whole, or not what a daemon tells. */
bool report_print(char *text, bool json, FILE *out);

#endif
