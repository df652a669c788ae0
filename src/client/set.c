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

static int
take_inode(void *arg, const struct message *m)
{
	uint64_t *inode = arg;

	if (m->type == MESSAGE_ENTRY && m->entry.attributes.metadata.type == ENTRY_DIRECTORY)
		*inode = m->entry.attributes.identity.inode;
	return 0;
}

/* Which directory is at the destination as this connection sees it; 0: none, or it does not say. */
static int
look(struct stream *s, uint64_t *inode)
{
	struct message m = {.type = MESSAGE_STAT};
	int r;

	*inode = 0;
	m.stat.path = span_of(destination(s->run));
	r = stream_call(s, &m, take_inode, inode);
	return r != 0 && stream_is_over(s) ? r : 0;
}

static int
begin(struct stream *s)
{
	struct message m = {.type = MESSAGE_BEGIN};
	const struct transfer_request *request = s->run->request;
	int r;

	m.begin.destination = span_of(destination(s->run));
	m.begin.mode = request->set == SET_EXCHANGE;
	r = stream_call(s, &m, NULL, NULL);
	if (r == FTX_E_UNSUPPORTED && request->set == SET_EXCHANGE)
		explain_exchange(s);
	return r;
}

/*
 * The answer to PUBLISH was lost.  If the set's directory is at its destination now, it was
 * published; if it is still hidden, it was not; and where neither can be seen nothing more is done:
 * what BEGIN gives then is another, empty set.
 */
static int
begin_again(struct stream *s)
{
	struct set_publishing *publishing = &s->run->publishing;
	uint64_t inode;
	int r = look(s, &inode);

	if (r != 0)
		return r;
	publishing->done = publishing->inode != 0 && inode == publishing->inode;
	if (publishing->done)
		return 0;
	if (publishing->inode != 0 && (r = begin(s)) == 0)
		r = look(s, &inode);
	if (r != 0 && stream_is_over(s))
		return r;
	if (r == 0 && inode != 0 && inode == publishing->inode)
		return 0;
	problem_set(&s->problem, FTX_E_IO, SIDE_NETWORK,
		    "the connection was lost while the set was published: whether it was is not "
		    "known");
	problem_hint(&s->problem, "see what is at the destination before running it again");
	return s->problem.error;
}

int
stream_begin_set(struct stream *s)
{
	const struct transfer_request *request = s->run->request;

	if (request->set == SET_NONE || request->dry_run)
		return 0;
	return s->run->publishing.asked ? begin_again(s) : begin(s);
}

/* Published by a session that is gone: its rename is made durable. */
static int
sync_published(struct stream *s)
{
	struct message m = {.type = MESSAGE_SYNC};
	char share[LIMIT_SHARE_BYTES + 1];

	address_share(share, destination(s->run));
	m.sync.share = span_of(share);
	return stream_call(s, &m, NULL, NULL);
}

int
stream_publish_set(struct stream *s)
{
	struct message m = {.type = MESSAGE_PUBLISH};
	struct set_publishing *publishing = &s->run->publishing;
	int r;

	if (s->run->request->set == SET_NONE || s->run->request->dry_run)
		return 0;
	if (publishing->done)
		return sync_published(s);
	if ((r = look(s, &publishing->inode)) != 0)
		return r;
	m.publish.destination = span_of(destination(s->run));
	publishing->asked = true;
	r = stream_call(s, &m, NULL, NULL);
	if (r == 0 || !stream_is_over(s))
		publishing->asked = false;
	return r;
}
