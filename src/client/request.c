#include "src/client/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/stream.h"

struct request *
request_new(struct stream *s, enum request_kind kind, uint32_t room)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->kind = kind;
	r->stream = s;
	r->items = calloc(room > 0 ? room : 1, sizeof(*r->items));
	r->statuses = calloc(room > 0 ? room : 1, sizeof(*r->statuses));
	if (r->items == NULL || r->statuses == NULL) {
		request_free(r);
		return NULL;
	}
	return r;
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	free(r->items);
	free(r->statuses);
	free(r);
}

static int
take_verdicts(struct batch *b, const struct message_verdicts *m)
{
	if (m->verdicts.count != b->count)
		return FTX_E_PROTOCOL;
	for (size_t i = 0; i < b->count; i++)
		b->entries[i].verdict = m->verdicts.items[i];
	return 0;
}

static int
take_statuses(struct request *r, const struct item_status *items, uint32_t count)
{
	if (count != r->count)
		return FTX_E_PROTOCOL;
	if (count > 0)
		memcpy(r->statuses, items, count * sizeof(*items));
	return 0;
}

static int
take_answer(void *arg, const struct message *m)
{
	struct request *r = arg;

	if (m->type == MESSAGE_VERDICTS)
		return take_verdicts(r->batch, &m->verdicts);
	if (m->type == MESSAGE_STATUSES)
		return take_statuses(r, m->statuses.statuses.items, m->statuses.statuses.count);
	if (m->type == MESSAGE_COMMITTED_PACKS)
		return take_statuses(r, m->committed_packs.statuses.items,
				     m->committed_packs.statuses.count);
	return 0;
}

int
request_send(struct request *r, const struct message *m)
{
	struct stream *s = r->stream;
	struct request_list *list = &s->requests;
	int error;

	if (r->reply.on_message == NULL) {
		r->reply.on_message = take_answer;
		r->reply.arg = r;
	}
	if (list->last != NULL)
		list->last->next = r;
	else
		list->first = r;
	list->last = r;
	error = connection_request(s->connection, m, &r->reply);
	return error != 0 ? stream_explain(s, error) : 0;
}

struct request *
request_take(struct stream *s, bool wait, int *error)
{
	struct request_list *list = &s->requests;
	struct request *r = list->first;

	*error = 0;
	if (r == NULL)
		return NULL;
	if (!r->reply.done) {
		*error = wait ? connection_wait(s->connection, &r->reply)
			      : connection_poll(s->connection);
		if (*error != 0) {
			stream_explain(s, *error);
			return NULL;
		}
	}
	if (!r->reply.done)
		return NULL;
	list->first = r->next;
	if (list->first == NULL)
		list->last = NULL;
	return r;
}
