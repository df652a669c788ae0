#include "src/client/set.h"

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

int
stream_begin_set(struct stream *s)
{
	struct message m = {.type = MESSAGE_BEGIN};
	const struct transfer_request *request = s->run->request;

	if (request->set == SET_NONE || request->dry_run)
		return 0;
	m.begin.destination = span_of(destination(s->run));
	m.begin.mode = request->set == SET_EXCHANGE;
	return stream_call(s, &m, NULL, NULL);
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
