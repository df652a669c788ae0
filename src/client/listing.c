/*
 * What arrives is checked and copied in the callback, so that a server that lies ends the
 * connection; it is given out from the copies.  One NEXT is on its way at a time (behind the end of
 * a walk another would be a protocol error), and the next one is sent when its answer is over and
 * half of what it brought is used up: until then the server does nothing.
 *
 * What has arrived stays when a connection is lost.  Over another one the top is listed once more,
 * and what came is passed over; if that one is lost before it comes so far, the directory that was
 * arriving is listed with what is below it, and then each that waits for its turn, by a LIST of its
 * own.  So a listing ends also where no connection lives as long as it takes.
 */
#include "src/client/listing_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

enum { NEXT_PARTS = 8, ENOUGH_PARTS = NEXT_PARTS / 2 };

#define LINES_A_LOOK 64u /* given out between two looks whether an answer is at its end */

/* What of a line varies in length. */
enum { SPANS = 5 };
static void
spans_of(struct listed *line, struct span *spans[static SPANS])
{
	spans[0] = &line->path;
	spans[1] = &line->attributes.metadata.user;
	spans[2] = &line->attributes.metadata.group;
	spans[3] = &line->attributes.metadata.xattrs;
	spans[4] = &line->attributes.target;
}

static size_t
span_bytes(const struct listed *line)
{
	const struct metadata *m = &line->attributes.metadata;

	return line->path.length + m->user.length + m->group.length + m->xattrs.length +
	       line->attributes.target.length;
}

/* Puts base in front of a path that is relative to it, which ends at `at`. */
static uint8_t *
copy_below(uint8_t *at, const char *base, size_t length, struct span *path)
{
	uint8_t *begin = at;

	memcpy(at, base, length);
	at += length;
	if (path->length > 0) {
		*at++ = '/';
		memcpy(at, path->data, path->length);
		at += path->length;
	}
	*path = (struct span){begin, (size_t)(at - begin)};
	return at;
}

/* Those of the lines that are not here yet.  Paths become relative to the top. */
static struct part *
copy_part(const struct listing *l, const struct message_entries *m, const uint8_t *as)
{
	size_t bytes = 0, base = listing_base(l);
	struct part *p;
	uint8_t *at;

	for (uint32_t i = 0; i < m->lines.count; i++)
		bytes += span_bytes(&m->lines.items[i]) +
			 (m->lines.items[i].kind == LINE_ENTER ? base + 1 : 0);
	p = malloc(sizeof(*p) + m->lines.count * sizeof(p->lines[0]) + bytes);
	if (p == NULL)
		return NULL;
	*p = (struct part){.count = 0};
	at = (uint8_t *)&p->lines[m->lines.count];
	for (uint32_t i = 0; i < m->lines.count; i++) {
		struct listed *line = &p->lines[p->count];
		struct span *spans[SPANS];
		size_t j = 0;

		if (as[i] == LISTED_AGAIN)
			continue;
		p->count++;
		*line = m->lines.items[i];
		if (as[i] == LISTED_BEYOND)
			line->code = (uint16_t)-FTX_E_NAME;
		spans_of(line, spans);
		if (line->kind == LINE_ENTER && base > 0) {
			at = copy_below(at, l->at.arriving, base, &line->path);
			j = 1;
		}
		for (; j < SPANS; j++) {
			if (spans[j]->length == 0)
				continue;
			memcpy(at, spans[j]->data, spans[j]->length);
			spans[j]->data = at;
			at += spans[j]->length;
		}
	}
	return p;
}

static void
add_part(struct listing *l, struct part *p)
{
	if (l->end != NULL)
		l->end->next = p;
	else
		l->first = p;
	l->end = p;
	l->parts++;
}

static int
take_entries(struct listing *l, const struct message_entries *m)
{
	uint8_t as[LIMIT_ENTRIES];
	struct part *p;
	int r = 0;

	if (l->asked == 0 || m->lines.count == 0)
		return FTX_E_PROTOCOL;
	l->asked--;
	for (uint32_t i = 0; i < m->lines.count && r == 0; i++)
		r = listing_check(l, &m->lines.items[i], &as[i]);
	if (r != 0 || l->closing)
		return r;
	if ((p = copy_part(l, m, as)) == NULL)
		return FTX_E_NOMEM;
	add_part(l, p);
	return 0;
}

/* The end has to come where everything that was announced has been entered. */
static int
take_done(struct listing *l, const struct message_list_done *m)
{
	l->open = false;
	if (m->count != l->count)
		return FTX_E_PROTOCOL;
	if (l->closing)
		return 0;
	if (l->count == 0 || listing_enter_next(l))
		return FTX_E_PROTOCOL;
	l->over = l->at.floor == 0;
	return 0;
}

static int
on_next(void *arg, const struct message *m)
{
	struct listing *l = arg;

	l->arrived = true;
	if (!l->open && m->type != MESSAGE_ERROR)
		return FTX_E_PROTOCOL; /* LIST had failed */
	if (m->type == MESSAGE_ENTRIES)
		return take_entries(l, &m->entries);
	if (m->type == MESSAGE_LIST_DONE)
		return take_done(l, &m->list_done);
	if (m->type == MESSAGE_ERROR)
		l->open = false;
	else if (l->count == l->count_before)
		return FTX_E_PROTOCOL; /* MORE, and nothing came: it would go on for ever */
	return 0;
}

/* parts 0: ends the walk. */
static int
ask(struct listing *l, unsigned parts)
{
	struct message m = {.type = MESSAGE_NEXT};

	m.next.walk = l->walk;
	m.next.parts = (uint8_t)parts;
	l->asked = parts;
	l->count_before = l->count;
	return connection_request(l->connection, &m, &l->reply);
}

static void
explain(const struct listing *l, int error, struct problem *p)
{
	if (connection_error(l->connection) != 0)
		connection_explain(l->connection, p);
	else
		problem_set(p, error, SIDE_LOCAL, NULL);
}

static int
on_list(void *arg, const struct message *m)
{
	struct listing *l = arg;

	l->open = m->type == MESSAGE_OK;
	return 0;
}

struct listing *
listing_new(uint8_t walk, bool recursive, unsigned parts)
{
	struct listing *l = calloc(1, sizeof(*l));

	assert(walk < LIMIT_WALKS);
	if (l == NULL)
		return NULL;
	l->walk = walk;
	l->recursive = recursive;
	l->metadata_parts = parts;
	return l;
}

/* LIST of the directory that is to arrive. */
static int
ask_walk(struct listing *l)
{
	struct message m = {.type = MESSAGE_LIST};
	char path[2 * (LIMIT_PATH_BYTES + 1)];
	int r;

	snprintf(path, sizeof(path), "%s%s%s", l->asked_path, l->at.arriving[0] != '\0' ? "/" : "",
		 l->at.arriving);
	l->begun = (struct reply){.on_message = on_list, .arg = l};
	l->reply = (struct reply){.on_message = on_next, .arg = l};
	l->count = 0;
	l->open = false;
	if (strlen(path) > LIMIT_PATH_BYTES) {
		l->begun.done = l->reply.done = true;
		l->begun.problem.error = l->reply.problem.error = FTX_E_NAME;
		return 0;
	}
	m.list.walk = l->walk;
	m.list.path = span_of(path);
	m.list.recursive = l->recursive;
	m.list.parts = (uint16_t)l->metadata_parts;
	r = connection_request(l->connection, &m, &l->begun);
	return r != 0 ? r : ask(l, NEXT_PARTS);
}

int
listing_ask(struct listing *l, struct connection *c, const char *path)
{
	l->asked_path = path;
	return listing_again(l, c);
}

/* Is the answer to LIST that one directory below the top cannot be listed? */
static bool
is_one_directory(const struct listing *l)
{
	return l->begun.done && l->begun.problem.error != 0 && listing_base(l) > 0 &&
	       connection_error(l->connection) == 0;
}

int
listing_wait(struct listing *l, struct problem *p)
{
	int r = l->over ? 0 : connection_answer(l->connection, &l->begun);

	if (r != 0 && is_one_directory(l))
		r = 0; /* a line of its own */
	else
		*p = l->begun.problem;
	return r;
}

int
listing_open(struct listing **out, struct connection *c, uint8_t walk, const char *path,
	     bool recursive, unsigned parts, struct problem *p)
{
	struct listing *l = listing_new(walk, recursive, parts);
	int r;

	*out = NULL;
	if (l == NULL)
		return problem_nomem(p);
	if ((r = listing_ask(l, c, path)) != 0)
		explain(l, r, p);
	else
		r = listing_wait(l, p);
	if (r == 0)
		*out = l;
	else
		listing_close(l);
	return r;
}

/* The part whose last line was given out goes with the next call. */
static void
drop_used(struct listing *l)
{
	struct part *p = l->first;

	if (p == NULL || p->at < p->count)
		return;
	l->first = p->next;
	if (l->first == NULL)
		l->end = NULL;
	l->parts--;
	free(p);
}

static void
give(struct listing *l, const struct listed *from, struct listing_line *line)
{
	size_t at = l->directory_length;
	const char *slash;

	/* An error of a directory that was not entered has a path too. */
	if (from->kind == LINE_ENTER || (from->kind == LINE_ERROR && from->path.length > 0))
		at = 0;
	else if (from->kind == LINE_ENTRY && at > 0)
		l->path[at++] = '/';
	if (from->path.length > 0)
		memcpy(l->path + at, from->path.data, from->path.length);
	l->path[at + from->path.length] = '\0';
	if (from->kind == LINE_ENTER)
		l->directory_length = from->path.length;
	slash = strrchr(l->path, '/');
	*line = (struct listing_line){.path = l->path, .attributes = &from->attributes};
	line->name = slash != NULL ? slash + 1 : l->path;
	line->kind = from->kind == LINE_ENTER ? LISTING_ENTER : LISTING_ENTRY;
	if (from->code != 0) {
		line->kind = LISTING_ERROR;
		line->error = error_from_wire(from->code);
		line->of_directory = from->kind == LINE_ERROR;
		line->attributes = NULL;
	}
}

/* 1 with the next line, 0: none is here. */
static int
give_next(struct listing *l, struct listing_line *line)
{
	for (; l->first != NULL; drop_used(l)) {
		if (l->first->at == l->first->count)
			continue;
		give(l, &l->first->lines[l->first->at++], line);
		return 1;
	}
	return 0;
}

/*
 * The answer's end comes right behind its last part, or a moment later.  What is wrong with the
 * connection is told when it is waited for.
 */
static void
look_for_end(struct listing *l)
{
	if (l->open && l->asked == 0 && !l->reply.done && l->first != NULL &&
	    l->first->at % LINES_A_LOOK == 0)
		(void)connection_poll(l->connection);
}

/* As for one that goes in the middle of a walk. */
static int
error_of_directory(int error)
{
	if (error == FTX_E_NOT_FOUND)
		return FTX_E_VANISHED;
	return error == FTX_E_CONFLICT || error == FTX_E_IS_LINK ? FTX_E_CHANGED : error;
}

/* The directory that was to be walked cannot be: that is its line. */
static int
add_error(struct listing *l)
{
	size_t length = listing_base(l);
	struct part *p = malloc(sizeof(*p) + sizeof(p->lines[0]) + length);

	if (p == NULL)
		return FTX_E_NOMEM;
	*p = (struct part){.count = 1};
	p->lines[0] =
	    (struct listed){.kind = LINE_ERROR,
			    .path = {(uint8_t *)&p->lines[1], length},
			    .code = (uint16_t)-error_of_directory(l->begun.problem.error)};
	memcpy(&p->lines[1], l->at.arriving, length);
	add_part(l, p);
	listing_leave(&l->at);
	return 0;
}

/* A walk has ended, and others are to come. */
static int
next_walk(struct listing *l)
{
	int r = l->reply.problem.error != 0 ? add_error(l) : 0;

	if (r != 0)
		return r;
	l->over = !listing_next_walk(l);
	return l->over ? 0 : ask_walk(l);
}

/* Is there more to ask for, and room? */
static bool
may_ask(const struct listing *l)
{
	return !l->over && l->reply.done && l->parts <= ENOUGH_PARTS &&
	       (l->open || l->reply.problem.error == 0 || is_one_directory(l));
}

int
listing_next(struct listing *l, struct listing_line *line, struct problem *p)
{
	int r;

	drop_used(l);
	for (;;) {
		look_for_end(l);
		if (may_ask(l) && (r = l->open ? ask(l, NEXT_PARTS) : next_walk(l)) != 0)
			break;
		if (give_next(l, line) == 1)
			return 1;
		if (may_ask(l))
			continue;
		if (l->over || (l->reply.done && !l->open)) {
			*p = l->reply.problem;
			return l->over ? 0 : p->error;
		}
		l->arrived = false;
		if ((r = connection_wait_for(l->connection, &l->arrived)) != 0)
			break;
	}
	explain(l, r, p);
	return r;
}

/* Brings the server's walk to its end, where the connection still can. */
static void
end_walk(struct listing *l)
{
	int r = connection_error(l->connection);

	if (r == 0)
		r = connection_wait(l->connection, &l->reply);
	if (r == 0 && l->open && ask(l, 0) == 0)
		(void)connection_wait(l->connection, &l->reply);
}

void
listing_lost(struct listing *l)
{
	l->connection = NULL;
	l->open = false;
}

int
listing_again(struct listing *l, struct connection *c)
{
	l->connection = c;
	if (l->over)
		return 0;
	listing_walk_again(l);
	return ask_walk(l);
}

void
listing_close(struct listing *l)
{
	if (l == NULL)
		return;
	l->closing = true;
	if (l->connection != NULL) {
		if (l->open || !l->reply.done)
			end_walk(l);
		/* Where that was interrupted, the answers may still come. */
		connection_abandon(l->connection, &l->begun);
		connection_abandon(l->connection, &l->reply);
	}
	listing_leave_all(&l->at);
	if (l->behind)
		listing_leave_all(&l->reached);
	while (l->first != NULL) {
		struct part *next = l->first->next;

		free(l->first);
		l->first = next;
	}
	free(l);
}
