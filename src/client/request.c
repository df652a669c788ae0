#include "src/client/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/stream.h"
#include "src/store/tree.h"

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

void
request_append(struct request_list *list, struct request *r)
{
	r->next = NULL;
	if (list->last != NULL)
		list->last->next = r;
	else
		list->first = r;
	list->last = r;
}

struct request *
request_first(struct request_list *list)
{
	struct request *r = list->first;

	if (r == NULL)
		return NULL;
	list->first = r->next;
	if (list->first == NULL)
		list->last = NULL;
	return r;
}

void
request_list_free(struct request_list *list)
{
	struct request *r;

	while ((r = request_first(list)) != NULL)
		request_free(r);
}

/*
 * What was under way when a connection was lost and is there now has come there.  Where content is
 * compared, that tells nothing of a file that may have been there before with this size and time:
 * of that compare_content() knows.  A directory gets its metadata last.
 */
static bool
has_arrived(const struct stream *s, const struct entry *e, const struct offer_verdict *v)
{
	if (s->run->request->checksum && entry_is_file(e) && e->resent_as != TREE_ABSENT)
		return false;
	return e->resent && (v->state == TREE_SAME ||
			     (e->metadata.type == ENTRY_DIRECTORY && v->state == TREE_METADATA));
}

static int
take_verdicts(const struct stream *s, struct batch *b, const struct message_verdicts *m)
{
	if (m->verdicts.count != b->count)
		return FTX_E_PROTOCOL;
	for (size_t i = 0; i < b->count; i++) {
		struct entry *e = &b->entries[i];
		const struct offer_verdict *v = &m->verdicts.items[i];

		if (e->begun)
			continue;
		e->arrived = has_arrived(s, e, v);
		if (!e->arrived)
			e->verdict = *v;
	}
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
		return take_verdicts(r->stream, r->batch, &m->verdicts);
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
	int error;

	if (r->reply.on_message == NULL) {
		r->reply.on_message = take_answer;
		r->reply.arg = r;
	}
	request_append(&s->requests, r);
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
	return r->reply.done ? request_first(list) : NULL;
}
