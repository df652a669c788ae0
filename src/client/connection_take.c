#include "src/client/connection_impl.h"

#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"

/* Which messages answer a request, beside ERROR and WORKING. */
static const struct {
	enum message_type request, answer;
} answers[] = {
    {MESSAGE_HELLO, MESSAGE_WELCOME},
    {MESSAGE_PING, MESSAGE_PONG},
    {MESSAGE_STAT, MESSAGE_ENTRY},
    {MESSAGE_OPEN, MESSAGE_HAVE},
    {MESSAGE_CHECKPOINT, MESSAGE_OK},
    {MESSAGE_RELEASE, MESSAGE_OK},
    {MESSAGE_SYNC, MESSAGE_OK},
    {MESSAGE_COMMIT, MESSAGE_COMMITTED},
    {MESSAGE_READ, MESSAGE_DATA},
    {MESSAGE_READ, MESSAGE_DATA_HOLE},
    {MESSAGE_READ, MESSAGE_DONE},
    {MESSAGE_OFFER, MESSAGE_VERDICTS},
    {MESSAGE_COMMIT_PACKS, MESSAGE_COMMITTED_PACKS},
    {MESSAGE_MKDIR, MESSAGE_STATUSES},
    {MESSAGE_SYMLINK, MESSAGE_STATUSES},
    {MESSAGE_LINK, MESSAGE_STATUSES},
    {MESSAGE_SETMETA, MESSAGE_STATUSES},
    {MESSAGE_REMOVE, MESSAGE_STATUSES},
    {MESSAGE_RENAME, MESSAGE_STATUSES},
    {MESSAGE_LIST, MESSAGE_OK},
    {MESSAGE_NEXT, MESSAGE_ENTRIES},
    {MESSAGE_NEXT, MESSAGE_MORE},
    {MESSAGE_NEXT, MESSAGE_LIST_DONE},
    {MESSAGE_FETCH, MESSAGE_DATA_PACK},
    {MESSAGE_FETCH, MESSAGE_FETCHED},
    {MESSAGE_STATFS, MESSAGE_SPACE},
    {MESSAGE_DIGEST, MESSAGE_DIGESTS},
    {MESSAGE_BEGIN, MESSAGE_BEGUN},
    {MESSAGE_PUBLISH, MESSAGE_PUBLISHED},
};

static bool
answers_request(enum message_type type, enum message_type request)
{
	if (type == MESSAGE_ERROR || type == MESSAGE_WORKING)
		return true;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].request == request && answers[i].answer == type)
			return true;
	return false;
}

static void
take_error(struct reply *reply, const struct message_error *e)
{
	struct problem *p = &reply->problem;
	int error = error_from_wire(e->code);

	problem_set(p, error, SIDE_REMOTE, NULL);
	p->retryable = e->retryable != 0;
	if (e->text.length > 0)
		display_escape(p->text, sizeof(p->text), e->text.data, e->text.length);
}

/* A part or an answer of the oldest request. */
static int
answer(struct connection *c, const struct message *m, bool final)
{
	struct waiting *oldest = &c->window[c->head];
	struct reply *reply = oldest->reply;
	int r = 0;

	if (c->count == 0 || !answers_request(m->type, oldest->request))
		return FTX_E_PROTOCOL;
	c->patience_ms = 0;
	if (m->type == MESSAGE_WORKING) {
		c->patience_ms = m->working.patience_s * UINT64_C(1000);
		return 0;
	}
	if (m->type == MESSAGE_ERROR)
		take_error(reply, &m->error);
	if (reply->on_message != NULL) {
		c->receiving = true;
		r = reply->on_message(reply->arg, m);
		c->receiving = false;
	}
	if (r != 0 || !final)
		return r;
	if (oldest->request == MESSAGE_COMMIT)
		c->commits--;
	if (m->type == MESSAGE_WELCOME)
		c->state = STATE_OPEN;
	c->head = (c->head + 1) % LIMIT_UNANSWERED;
	c->count--;
	reply->done = true;
	return 0;
}

static int
closing(struct connection *c, const struct message *m)
{
	c->closed_by_peer = true;
	c->retryable = m->type == MESSAGE_CLOSE && m->close.retryable != 0;
	if (m->type == MESSAGE_REFUSED)
		return FTX_E_KEY_REFUSED;
	if (m->close.code == 0)
		return FTX_E_CLOSED;
	return error_from_wire(m->close.code);
}

/* Has the error number a row in errors.def? */
static bool
is_known(uint16_t code)
{
	return error_from_wire(code) != FTX_E_PROTOCOL || code == (uint16_t)-FTX_E_PROTOCOL;
}

/* Items of so many bytes, each with a code at this place: 0 or a known one. */
static bool
all_known(const void *items, uint32_t count, size_t item_bytes, size_t at)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t code;

		memcpy(&code, (const uint8_t *)items + i * item_bytes + at, sizeof(code));
		if (code != 0 && !is_known(code))
			return false;
	}
	return true;
}

#define ALL_KNOWN(list, type)                                                                      \
	all_known((list).items, (list).count, sizeof(struct type), offsetof(struct type, code))

/* "Messages": a number without a row is a protocol error, wherever it stands. */
static bool
codes_are_known(const struct message *m)
{
	if (m->type == MESSAGE_ERROR)
		return is_known(m->error.code);
	if (m->type == MESSAGE_CLOSE)
		return m->close.code == 0 || is_known(m->close.code);
	if (m->type == MESSAGE_VERDICTS)
		return ALL_KNOWN(m->verdicts.verdicts, offer_verdict);
	if (m->type == MESSAGE_STATUSES)
		return ALL_KNOWN(m->statuses.statuses, item_status);
	if (m->type == MESSAGE_COMMITTED_PACKS)
		return ALL_KNOWN(m->committed_packs.statuses, item_status);
	if (m->type == MESSAGE_ENTRIES)
		return ALL_KNOWN(m->entries.lines, listed);
	if (m->type == MESSAGE_DATA_PACK)
		return ALL_KNOWN(m->data_pack.items, fetched);
	return m->type != MESSAGE_DIGESTS || ALL_KNOWN(m->digests.digests, path_digest);
}

int
connection_take(struct connection *c, const uint8_t *plain, size_t length)
{
	const struct message_info *info;
	int r = message_decode(&c->message, &c->arena, plain, length);

	if (r != 0)
		return r;
	info = message_info(c->message.type);
	if ((info->sender & SENDER_SERVER) == 0 || (info->states & c->state) == 0 ||
	    !codes_are_known(&c->message))
		return FTX_E_PROTOCOL;
	switch (info->kind) {
	case KIND_PART:
		return answer(c, &c->message, false);
	case KIND_ANSWER:
		return answer(c, &c->message, true);
	case KIND_CLOSING:
		return closing(c, &c->message);
	case KIND_REQUEST:
	case KIND_UNANSWERED:
		break;
	}
	return FTX_E_PROTOCOL;
}
