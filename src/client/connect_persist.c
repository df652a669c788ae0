/*
 * How often and for how long an attempt to connect is made again.
 */
#include "src/client/connect_impl.h"

#include "proto/errors.h"
#include "src/base/clock.h"

#define FIRST_DELAY_MS	   1500u
#define MAX_DELAY_MS	   15000u
#define SILENT_MS	   15000u /* how long a peer without an answer is asked again */
#define ABSENT_ATTEMPTS	   3u
#define UNPROVED_ATTEMPTS  3u
#define DISPROVED_ATTEMPTS 4u

/*
 * Is the other of two keys to be tried at once?  A key stays until it was not proved: a server that
 * turns us away for now has said nothing about it.
 */
static bool
change_key(struct connect_options *o, unsigned *unproved)
{
	const uint8_t *key = o->server_key;

	if (o->server_key2 == NULL)
		return false;
	o->server_key = o->server_key2;
	o->server_key2 = key;
	return ++*unproved % 2 == 1;
}

/* Attempts so far. */
struct attempts {
	uint64_t begun_ms, delay_ms;
	unsigned failed, unproved, absent, unanswered, disproved;
};

/* What is only tried a few times, or not at all. */
static bool
is_enough(struct attempts *t, const struct connect_options *o, int error, enum verdict verdict)
{
	/* The server has no room for one more: that is no reason to wait. */
	if (error == FTX_E_BUSY && o->spare)
		return true;
	switch (verdict) {
	case VERDICT_FINAL:
		return true;
	case VERDICT_DISPROVED:
		/* On a network that spoils what it carries that happens to the right one too. */
		return o->again == NULL || ++t->disproved == DISPROVED_ATTEMPTS;
	case VERDICT_ABSENT:
		return o->again == NULL && ++t->absent == ABSENT_ATTEMPTS;
	case VERDICT_UNPROVED:
		return ++t->unanswered == UNPROVED_ATTEMPTS;
	case VERDICT_AGAIN:
	case VERDICT_SILENT:
		break;
	}
	return false;
}

/* The pause before the next attempt.  false: there is no time for one. */
static bool
next_pause(struct attempts *t, const struct connect_options *o, enum verdict verdict,
	   uint64_t *pause)
{
	uint64_t limit = o->retry_for_ms;

	if (o->again != NULL) {
		retry_lost(o->again);
		return retry_pause(o->again, t->failed++, limit, pause);
	}
	if (verdict == VERDICT_SILENT && limit > SILENT_MS)
		limit = SILENT_MS;
	*pause = retry_jitter(t->delay_ms);
	if (clock_ms() + *pause - t->begun_ms > limit)
		return false;
	t->delay_ms = 2 * t->delay_ms < MAX_DELAY_MS ? 2 * t->delay_ms : MAX_DELAY_MS;
	return true;
}

static int
rest(const struct connect_options *o, uint64_t pause, struct problem *p)
{
	if (cancel_poll(connect_cancel(o), -1, 0, clock_ms() + pause) != 0)
		return problem_set(p, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
	return 0;
}

static int
persist(struct aim *aim, const struct connect_options *o, struct problem *p)
{
	struct connect_options with = *o; /* the key to be proved first */
	struct attempts t = {.begun_ms = clock_ms(), .delay_ms = FIRST_DELAY_MS};

	for (;;) {
		enum verdict verdict = VERDICT_FINAL;
		uint64_t pause;
		int r = connect_attempt(aim, &with, &verdict, p);

		if (r == FTX_E_SERVER_KEY && change_key(&with, &t.unproved))
			continue;
		if (r == FTX_E_SERVER_KEY)
			connect_key_problem(o, p); /* both keys, in their order */
		/* Who has proved the key before is not another one now. */
		if (verdict == VERDICT_SILENT && o->again != NULL && r != FTX_E_INTERRUPTED)
			r = problem_set(p, FTX_E_CLOSED, SIDE_NETWORK,
					"%s port %u: it answers no more", o->host,
					(unsigned)o->port);
		if (r == 0 || r == FTX_E_INTERRUPTED || is_enough(&t, o, r, verdict) ||
		    !next_pause(&t, o, verdict, &pause))
			return r;
		if (o->on_retry != NULL)
			o->on_retry(o->arg, p, pause);
		if ((r = rest(o, pause, p)) != 0)
			return r;
	}
}

int
connect_server(struct connection **out, struct server_info *info, const struct connect_options *o,
	       struct problem *p)
{
	struct aim aim = {.connection = out, .info = info};
	struct connect_options with = *o;
	uint64_t pause;
	int r;

	with.invite = NULL;
	/* Of many that lost the same server at once, not all come back at once. */
	if (o->again != NULL && retry_is_lost(o->again)) {
		if (!retry_pause(o->again, 0, o->retry_for_ms, &pause))
			return problem_set(p, FTX_E_CLOSED, SIDE_NETWORK,
					   "the connection was lost");
		if ((r = rest(o, pause, p)) != 0)
			return r;
	}
	return persist(&aim, &with, p);
}

int
connect_join(char client[static CLIENT_NAME_BYTES], const struct connect_options *o,
	     struct problem *p)
{
	struct aim aim = {.client = client};
	struct connect_options with = *o;

	with.server_key2 = NULL;
	with.again = NULL;
	return persist(&aim, &with, p);
}
