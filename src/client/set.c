#include "src/client/set.h"

#include <string.h>

#include "proto/errors.h"

/*
 * One directory becomes the set: where its only source lands.  Where it lands does not depend on
 * what is there, so it is known before anything was scanned.
 */
static const char *
destination(const struct run *run)
{
	return run->set_destination;
}

/* A whole share is never replaced; anything else needs what not every file system has. */
static void
explain_exchange(struct stream *s)
{
	const char *rest = strchr(destination(s->run), '/');

	if (rest == NULL || rest[1] == '\0')
		return;
	problem_hint(&s->problem, "the file system there cannot exchange directories; "
				  "--atomic-set and a new name need no exchange");
}

int
stream_begin_set(struct stream *s)
{
	struct message m = {.type = MESSAGE_BEGIN};
	const struct transfer_request *request = s->run->request;
	int r;

	if (request->set == SET_NONE || request->dry_run)
		return 0;
	m.begin.destination = span_of(destination(s->run));
	m.begin.mode = request->set == SET_EXCHANGE;
	r = stream_call(s, &m, NULL, NULL);
	if (r == FTX_E_UNSUPPORTED && request->set == SET_EXCHANGE)
		explain_exchange(s);
	return r;
}

int
stream_publish_set(struct stream *s)
{
	struct message m = {.type = MESSAGE_PUBLISH};

	if (s->run->request->set == SET_NONE || s->run->request->dry_run)
		return 0;
	m.publish.destination = span_of(destination(s->run));
	return stream_call(s, &m, NULL, NULL);
}
