/*
 * What options mean: their values, and which of them make no sense together.
 */
#ifndef FTX_OPTION_VALUES_H
#define FTX_OPTION_VALUES_H

#include "cmd/ftx/option_table.h"

/* Before any option. */
void option_defaults(struct options *o);

/* Takes one option's meaning over; value is borrowed.  Complains where it is OPTIONS_WRONG. */
enum options_result option_apply(struct options *o, const struct option_row *row,
				 const char *value);

/* Arguments and options together, once all are known: all that can be said without a server. */
enum options_result options_check(struct options *o);

/* Has it the form HOST:..., of what is remote where both may stand?  ./a:b is a local name. */
bool argument_is_remote(const char *argument);

/* A line about the command line on stderr.  Returns OPTIONS_WRONG. */
enum options_result options_wrong(const struct options *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* text escaped for it; in a buffer of its own until the next call. */
const char *option_shown(const char *text);

#endif
