/*
 * The command line of ftx.
 */
#ifndef FTX_OPTIONS_H
#define FTX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "src/client/transfer.h"

enum verb { VERB_PUT = 1, VERB_GET = 2, VERB_KEYGEN = 4, VERB_KEY = 8 };

struct options {
	enum verb verb;
	const char *verb_name;
	bool quiet, verbose, json;
	const char *identity; /* -i, or NULL */
	const char *output;   /* -o of keygen, or NULL */
	struct transfer_request transfer;
	char **arguments; /* after the verb */
	size_t argument_count;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_WRONG };

/* May reorder argv.  Complains on stderr where it returns OPTIONS_WRONG. */
enum options_result options_parse(struct options *o, int argc, char **argv);

#endif
