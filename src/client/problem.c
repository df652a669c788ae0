#include "src/client/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"

void
problem_clear(struct problem *p)
{
	memset(p, 0, sizeof(*p));
}

int
problem_set(struct problem *p, int error, enum side side, const char *format, ...)
{
	va_list ap;

	p->error = error;
	p->errnum = 0;
	p->side = side;
	p->retryable = error_retryable(error);
	p->hint[0] = '\0';
	if (format == NULL) {
		snprintf(p->text, sizeof(p->text), "%s", error_text(error));
		return error;
	}
	va_start(ap, format);
	vsnprintf(p->text, sizeof(p->text), format, ap);
	va_end(ap);
	return error;
}

int
problem_local(struct problem *p, int error, int errnum)
{
	char name[128];

	/* The project's own wording where it says more than errno's. */
	if (errnum == 0 || (error != FTX_E_IO && error != FTX_E_NETWORK)) {
		problem_set(p, error, SIDE_LOCAL, NULL);
	} else {
		problem_set(p, error, SIDE_LOCAL, "%s", strerror_r(errnum, name, sizeof(name)));
	}
	p->errnum = errnum;
	return error;
}

void
problem_hint(struct problem *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->hint, sizeof(p->hint), format, ap);
	va_end(ap);
}

const char *
side_name(enum side side)
{
	switch (side) {
	case SIDE_LOCAL:
		return "local";
	case SIDE_REMOTE:
		return "remote";
	case SIDE_NETWORK:
		return "network";
	}
	return "local";
}
