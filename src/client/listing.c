/*
 * What arrives is checked and copied in the callback, so that a server that lies ends the
 * connection; it is given out from the copies.  One NEXT is on its way at a time (behind the end of
 * a walk another would be a protocol error), and the next one is sent when its answer is over and
 * half of what it brought is used up: until then the server does nothing.
 */
#include "src/client/listing_impl.h"

#include <assert.h>
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

static struct part *
copy_part(const struct message_entries *m)
{
	size_t bytes = 0;
	struct part *p;
	uint8_t *at;

	for (uint32_t i = 0; i < m->lines.count; i++)
		bytes += span_bytes(&m->lines.items[i]);
	p = malloc(sizeof(*p) + m->lines.count * sizeof(p->lines[0]) + bytes);
	if (p == NULL)
		return NULL;
	*p = (struct part){.count = m->lines.count};
	at = (uint8_t *)&p->lines[p->count];
	for (uint32_t i = 0; i < p->count; i++) {
		struct span *spans[SPANS];

		p->lines[i] = m->lines.items[i];
		spans_of(&p->lines[i], spans);
		for (size_t j = 0; j < SPANS; j++) {
			if (spans[j]->length == 0)
				continue;
			memcpy(at, spans[j]->data, spans[j]->length);
			spans[j]->data = at;
			at += spans[j]->length;
		}
	}
	return p;
}

static int
take_entries(struct listing *l, const struct message_entries *m)
{
	struct part *p;
	int r = 0;

	if (l->asked == 0 || m->lines.count == 0)
		return FTX_E_PROTOCOL;
	l->asked--;
	for (uint32_t i = 0; i < m->lines.count && r == 0; i++)
		r = listing_check(l, &m->lines.items[i]);
	if (r != 0 || l->closing)
		return r;
	if ((p = copy_part(m)) == NULL)
		return FTX_E_NOMEM;
	if (l->end != NULL)
		l->end->next = p;
	else
		l->first = p;
	l->end = p;
	l->parts++;
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
	return l->count == 0 || listing_enter_next(l) ? FTX_E_PROTOCOL : 0;
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

int
listing_ask(struct listing *l, struct connection *c, const char *path)
{
	struct message m = {.type = MESSAGE_LIST};
	int r;

	l->connection = c;
	l->asked_path = path;
	l->begun = (struct reply){.on_message = on_list, .arg = l};
	l->reply = (struct reply){.on_message = on_next, .arg = l};
	m.list.walk = l->walk;
	m.list.path = span_of(path);
	m.list.recursive = l->recursive;
	m.list.parts = (uint16_t)l->metadata_parts;
	r = connection_request(c, &m, &l->begun);
	return r != 0 ? r : ask(l, NEXT_PARTS);
}

int
listing_wait(struct listing *l, struct problem *p)
{
	int r = connection_answer(l->connection, &l->begun);

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

	if (from->kind == LINE_ENTER)
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

/* The last component, "" of the top. */
static const char *
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Was the line given out before the connection was lost? */
static bool
is_passed(struct listing *l, const struct listing_line *line)
{
	const struct passed *passed = &l->passed;
	struct position before =
	    position_of(passed->path, last_name(passed->path), passed->entered);
	struct position now;
	int order;

	if (line->kind == LISTING_ERROR && line->of_directory) {
		/* It stands somewhere among the entries of its directory. */
		before.name = NULL;
		now = position_of(line->path, line->name, true);
		order = position_compare(&now, &before);
		return order < 0 || (order == 0 && passed->directory_error);
	}
	now = position_of(line->path, line->name, line->kind == LISTING_ENTER);
	return position_compare(&now, &before) <= 0;
}

static void
note_passed(struct listing *l, const struct listing_line *line)
{
	struct passed *passed = &l->passed;

	if (line->kind == LISTING_ERROR && line->of_directory) {
		passed->directory_error = true;
		return;
	}
	if (line->kind == LISTING_ENTER)
		passed->directory_error = false;
	passed->any = true;
	passed->entered = line->kind == LISTING_ENTER;
	memcpy(passed->path, line->path, strlen(line->path) + 1);
}

/* 1 with the next line that was not given out before, 0: none is here. */
static int
give_next(struct listing *l, struct listing_line *line)
{
	for (; l->first != NULL; drop_used(l)) {
		if (l->first->at == l->first->count)
			continue;
		give(l, &l->first->lines[l->first->at++], line);
		if (l->passing && is_passed(l, line))
			continue;
		/* An error of a directory may stand before entries that were given out. */
		l->passing = l->passing && line->kind == LISTING_ERROR && line->of_directory;
		note_passed(l, line);
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

int
listing_next(struct listing *l, struct listing_line *line, struct problem *p)
{
	int r;

	drop_used(l);
	for (;;) {
		look_for_end(l);
		/* The answer is there and there is more to ask for. */
		if (l->open && l->reply.done && l->parts <= ENOUGH_PARTS) {
			if ((r = ask(l, NEXT_PARTS)) != 0)
				break;
		}
		if (give_next(l, line) == 1)
			return 1;
		if (l->open && l->reply.done && l->parts <= ENOUGH_PARTS)
			continue;
		if (l->reply.done && !l->open) {
			*p = l->reply.problem;
			return p->error;
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

/* Forgets what has come and was not given out, and what was asked. */
static void
clear(struct listing *l)
{
	while (l->depth > 0)
		listing_leave(l);
	while (l->first != NULL) {
		struct part *next = l->first->next;

		free(l->first);
		l->first = next;
	}
	l->end = NULL;
	l->parts = l->asked = 0;
	l->count = l->count_before = 0;
	l->directory_length = 0;
	l->open = l->arrived = false;
	l->last[0] = '\0';
}

int
listing_again(struct listing *l, struct connection *c)
{
	clear(l);
	l->passing = l->passed.any;
	return listing_ask(l, c, l->asked_path);
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
	clear(l);
	free(l);
}
