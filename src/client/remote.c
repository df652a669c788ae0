#include "src/client/remote.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/units.h"
#include "src/store/metadata.h"

struct remote {
	struct remote_options options; /* addresses: not used any more */
	struct address *addresses;
	size_t address_count;
	struct address server;
	struct cancel cancel;
	struct connection *connection;
	struct server_info info;
	uint8_t session_id[16];
	const uint8_t *identity;
	struct retry retry;
	unsigned losses; /* connections that were lost */
};

static int
parse_addresses(struct remote *r, const struct remote_options *o, struct problem *p)
{
	int error = 0;

	for (size_t i = 0; i < o->count && error == 0; i++) {
		error = o->share_needed
			    ? address_parse(&r->addresses[i], o->addresses[i], p)
			    : address_parse_server(&r->addresses[i], o->addresses[i], p);
		if (error == 0 && !address_same_server(&r->addresses[0], &r->addresses[i]))
			error = problem_set(p, FTX_E_USAGE, SIDE_LOCAL,
					    "all remote paths of one command are on one server");
	}
	return error;
}

int
remote_new(struct remote **out, const struct remote_options *o, struct problem *p)
{
	struct remote *r = calloc(1, sizeof(*r));
	int error;

	*out = NULL;
	assert(o->count > 0);
	if (r == NULL)
		return problem_nomem(p);
	r->options = *o;
	retry_init(&r->retry);
	r->cancel.fd = -1;
	r->address_count = o->count;
	r->addresses = calloc(o->count, sizeof(*r->addresses));
	if (r->addresses == NULL)
		error = problem_nomem(p);
	else if ((error = cancel_init(&r->cancel)) != 0)
		problem_local(p, error, errno);
	else
		error = parse_addresses(r, o, p);
	if (error != 0) {
		remote_free(r);
		return error;
	}
	r->server = r->addresses[0];
	*out = r;
	return 0;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	/* The answer to a call that was left would still be taken in, to where its caller was. */
	if (r->connection != NULL &&
	    (connection_error(r->connection) != 0 || cancel_requested(&r->cancel)))
		connection_free(r->connection);
	else
		connection_close(r->connection);
	cancel_release(&r->cancel);
	retry_release(&r->retry);
	free(r->addresses);
	free(r);
}

const struct address *
remote_address(const struct remote *r, size_t n)
{
	return &r->addresses[n];
}

int
remote_resolve(struct remote *r, const struct config *config, const char **identity,
	       struct problem *p)
{
	int error = address_resolve(&r->server, config, p);

	*identity = r->server.identity;
	if (error != 0)
		return error;
	if (r->options.port != 0)
		r->server.port = r->options.port;
	if (r->server.port == 0)
		r->server.port = ADDRESS_DEFAULT_PORT;
	return 0;
}

static void
note_loss(struct remote *r, const char *why)
{
	char text[PROBLEM_TEXT_BYTES + 64], limit[32];

	if (r->options.on_note == NULL || !retry_tells_loss(&r->retry))
		return;
	duration_format(limit, sizeof(limit), r->options.retry_for_ms);
	snprintf(text, sizeof(text), "%s; trying again for up to %s", why, limit);
	r->options.on_note(r->options.arg, text);
}

static void
note_retry(void *arg, const struct problem *p, uint64_t delay_ms)
{
	(void)delay_ms; /* the next one is longer: what counts is for how long it is tried */
	note_loss(arg, p->text);
}

/* again: a connection was lost. */
static int
reach(struct remote *r, bool again, struct problem *p)
{
	struct connect_options o = {
	    .host = r->server.host,
	    .port = r->server.port,
	    .family = r->options.family,
	    .server_key = r->server.key,
	    .server_key2 = r->server.has_key2 ? r->server.key2 : NULL,
	    .identity = r->identity,
	    .retry_for_ms = r->options.retry_for_ms,
	    .again = again ? &r->retry : NULL,
	    .connection = {.cancel = &r->cancel, .timeout_ms = r->options.timeout_ms},
	    .on_retry = note_retry,
	    .arg = r,
	};
	int error;

	memcpy(o.session_id, r->session_id, sizeof(o.session_id));
	error = connect_server(&r->connection, &r->info, &o, p);
	if (error == 0 && retry_tells_return(&r->retry) && r->options.on_note != NULL)
		r->options.on_note(r->options.arg, "connected again, going on");
	return error;
}

int
remote_connect(struct remote *r, const uint8_t identity[static KEY_BYTES], struct problem *p)
{
	r->identity = identity;
	if (getrandom(r->session_id, sizeof(r->session_id), 0) != (ssize_t)sizeof(r->session_id))
		return problem_local(p, error_from_errno(errno), errno);
	return reach(r, false, p);
}

/* Is the connection lost, and may another one go on? */
static bool
is_lost(const struct remote *r)
{
	return r->connection != NULL && connection_is_lost(r->connection) &&
	       r->options.retry_for_ms > 0 && !cancel_requested(&r->cancel);
}

int
remote_again(struct remote *r, struct problem *p)
{
	if (!is_lost(r))
		return p->error;
	r->losses++;
	retry_lost(&r->retry);
	note_loss(r, p->text);
	connection_free(r->connection);
	r->connection = NULL;
	return reach(r, true, p);
}

struct cancel *
remote_cancel(struct remote *r)
{
	return &r->cancel;
}

bool
remote_over(const struct remote *r)
{
	return cancel_requested(&r->cancel) || r->connection == NULL ||
	       (connection_error(r->connection) != 0 && !is_lost(r));
}

const struct server_info *
remote_info(const struct remote *r)
{
	return &r->info;
}

struct connection *
remote_connection(struct remote *r)
{
	return r->connection;
}

const struct address *
remote_server(const struct remote *r)
{
	return &r->server;
}

const uint8_t *
remote_session_id(const struct remote *r)
{
	return r->session_id;
}

int
remote_call(struct remote *r, const struct message *m, struct reply *reply, bool *twice,
	    struct problem *p)
{
	unsigned losses = r->losses;
	int error;

	do {
		error = connection_call(r->connection, m, reply);
		if (error == 0 || connection_error(r->connection) == 0)
			retry_progress(&r->retry);
		if (error != 0)
			*p = reply->problem;
	} while (error != 0 && is_lost(r) && (error = remote_again(r, p)) == 0);
	if (twice != NULL)
		*twice = losses != r->losses;
	return error;
}

void
remote_got_further(struct remote *r)
{
	retry_progress(&r->retry);
}

bool
remote_has_time(const struct remote *r, uint64_t since_ms)
{
	return clock_ms() - since_ms < r->options.retry_for_ms;
}

int
remote_list(struct remote *r, struct listing **out, const char *path, bool recursive,
	    unsigned parts, struct problem *p)
{
	int error;

	do {
		error = listing_open(out, r->connection, 0, path, recursive, parts, p);
	} while (error != 0 && is_lost(r) && (error = remote_again(r, p)) == 0);
	return error;
}

/* The same listing over another connection. */
static int
list_again(struct remote *r, struct listing *l, struct problem *p)
{
	int error;

	do {
		listing_lost(l);
		if ((error = remote_again(r, p)) != 0)
			return error;
		(void)listing_again(l, r->connection); /* the answer tells what is wrong */
		error = listing_wait(l, p);
	} while (error != 0 && is_lost(r));
	if (error != 0 && connection_error(r->connection) != 0)
		listing_lost(l);
	return error;
}

int
remote_list_next(struct remote *r, struct listing *l, struct listing_line *line, struct problem *p)
{
	int n;

	while ((n = listing_next(l, line, p)) < 0 && is_lost(r))
		if ((n = list_again(r, l, p)) != 0)
			return n;
	if (n >= 0)
		retry_progress(&r->retry);
	return n;
}

/* A span of the server's into out, which has room for the rows' maximum and a terminator. */
static struct span
take_text(char *out, const struct span *from)
{
	if (from->length > 0)
		memcpy(out, from->data, from->length);
	out[from->length] = '\0';
	return (struct span){.data = (const uint8_t *)out, .length = from->length};
}

static int
take_entry(void *arg, const struct message *m)
{
	struct remote_entry *e = arg;
	const struct attributes *a = &m->entry.attributes;
	bool is_link;

	if (m->type != MESSAGE_ENTRY)
		return 0;
	is_link = a->metadata.type == ENTRY_SYMLINK;
	if (a->metadata.type == 0 || (a->target.length > 0) != is_link ||
	    (is_link && memchr(a->target.data, '\0', a->target.length) != NULL))
		return FTX_E_PROTOCOL;
	e->attributes = *a;
	e->attributes.metadata.user = take_text(e->user, &a->metadata.user);
	e->attributes.metadata.group = take_text(e->group, &a->metadata.group);
	e->attributes.metadata.xattrs = (struct span){NULL, 0};
	e->attributes.target = take_text(e->target, &a->target);
	return 0;
}

int
remote_stat(struct remote *r, const char *path, unsigned parts, struct remote_entry *e,
	    struct problem *p)
{
	struct message m = {.type = MESSAGE_STAT};
	struct reply reply = {.on_message = take_entry, .arg = e};

	m.stat.path = span_of(path);
	m.stat.parts = (uint16_t)parts;
	return remote_call(r, &m, &reply, NULL, p);
}

static int
take_space(void *arg, const struct message *m)
{
	struct message_space *s = arg;

	if (m->type == MESSAGE_SPACE)
		*s = m->space;
	return 0;
}

int
remote_space(struct remote *r, const char *path, struct message_space *s, struct problem *p)
{
	struct message m = {.type = MESSAGE_STATFS};
	struct reply reply = {.on_message = take_space, .arg = s};

	m.statfs.path = span_of(path);
	return remote_call(r, &m, &reply, NULL, p);
}

int
remote_ping(struct remote *r, uint64_t *ns, struct problem *p)
{
	struct message m = {.type = MESSAGE_PING};
	struct reply reply = {.done = false};
	uint64_t begun = clock_ns();
	int error = connection_call(r->connection, &m, &reply); /* another one is another time */

	*ns = clock_ns() - begun;
	if (error != 0)
		*p = reply.problem;
	return error;
}

static int
take_packs(void *arg, const struct message *m)
{
	(void)arg;
	return m->type == MESSAGE_COMMITTED_PACKS && m->committed_packs.statuses.count != 0
		   ? FTX_E_PROTOCOL
		   : 0;
}

/* What sessions that are gone have changed: all of it, whatever it was. */
static int
sync_shares(struct remote *r, struct problem *p)
{
	char share[LIMIT_SHARE_BYTES + 1], last[LIMIT_SHARE_BYTES + 1] = "";
	struct message m = {.type = MESSAGE_SYNC};
	int error = 0;

	for (size_t i = 0; i < r->address_count && error == 0; i++) {
		struct reply reply = {.on_message = NULL};

		address_share(share, r->addresses[i].path);
		if (share[0] == '\0' || strcmp(share, last) == 0)
			continue;
		memcpy(last, share, sizeof(last));
		m.sync.share = span_of(share);
		error = remote_call(r, &m, &reply, NULL, p);
	}
	return error;
}

int
remote_sync(struct remote *r, struct problem *p)
{
	struct message m = {.type = MESSAGE_COMMIT_PACKS};
	struct reply reply = {.on_message = take_packs};
	int error = r->losses > 0 ? 0 : remote_call(r, &m, &reply, NULL, p);

	return error == 0 && r->losses > 0 ? sync_shares(r, p) : error;
}
