#include "cmd/ftx/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ftx/signals.h"
#include "proto/errors.h"

int
output_failed(const char *verb_name, int errnum)
{
	if (errnum == EPIPE && !signals_unwanted(SIGPIPE))
		signals_die(SIGPIPE);
	fprintf(stderr, "ftx: %s%sstandard output: %s\n", verb_name != NULL ? verb_name : "",
		verb_name != NULL ? ": " : "", strerror(errnum));
	return FTX_EXIT_FAILURE;
}

int
output_end(const char *verb_name)
{
	/* What failed before is tried again here: stdio keeps it. */
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return FTX_EXIT_OK;
	return output_failed(verb_name, errno != 0 ? errno : EIO);
}
