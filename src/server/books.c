/*
 * DESIGN.  What changes is written by a process of its own, since a slow disk must not keep the
 * supervisor.  What is counted comes from books_scan.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/child.h"
#include "src/server/supervisor_impl.h"

#define AGAIN_MS       600000u /* after what did not work */
#define LOOK_MS	       10000u  /* at the most: the wall clock may be set */
#define SAVE_USAGE_MS  30000u  /* what changes all the time is counted again anyway */
#define SAVE_CLIENT_MS 1000u

const struct ledger *
books_ledger(const struct supervisor *s)
{
	return s->books.ledger;
}

const struct expected *
books_expected(const struct supervisor *s)
{
	return s->books.expected;
}

void
books_save_within(struct supervisor *s, uint64_t ms)
{
	struct books *b = &s->books;
	uint64_t due_ms = clock_ms() + ms;

	if (due_ms < b->save.not_before_ms)
		due_ms = b->save.not_before_ms;
	if (s->options->state != NULL && b->kept &&
	    (b->save.due_ms == 0 || due_ms < b->save.due_ms))
		b->save.due_ms = due_ms;
}

/* What is full, or cannot be written to, is for a while. */
static void
save_failed(struct supervisor *s)
{
	s->books.save.not_before_ms = clock_ms() + AGAIN_MS;
	books_save_within(s, 0);
}

static void
start_save(struct supervisor *s)
{
	struct books *b = &s->books;
	pid_t pid = child_fork_helper(s->options->key);

	if (pid == 0)
		_exit(books_write(s->options->state, b->ledger, b->expected) == 0 ? 0 : 1);
	b->save.due_ms = b->save.not_before_ms = 0;
	if (pid > 0) {
		b->save.pid = pid;
		return;
	}
	log_error("cannot save what is to be remembered error=%s",
		  error_name(error_from_errno(errno)));
	save_failed(s);
}

/*
 * Who is expected
 */

static void
overdue(void *arg, const struct expected_client *client)
{
	bool came = client->last_s != 0;
	time_t then = came ? client->last_s : client->since_s;
	char text[32] = "";
	struct tm tm;

	(void)arg;
	if (gmtime_r(&then, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	log_warning("client is overdue client=%s %s=%s expect-every=%llds", client->name,
		    came ? "last" : "never-since", text, (long long)client->every_s);
}

static void
look_who_is_overdue(struct supervisor *s, uint64_t now_ms)
{
	struct books *b = &s->books;
	int64_t now_s = clock_wall_s();
	int64_t next_s = expected_look(b->expected, now_s, overdue, NULL);
	bool any = false;

	for (size_t i = 0; i < expected_count(b->expected) && !any; i++)
		any = expected_client(b->expected, i)->every_s != 0;
	b->look_ms = any ? now_ms + LOOK_MS : 0;
	if (next_s != INT64_MAX && next_s - now_s < (int64_t)(LOOK_MS / 1000))
		b->look_ms = now_ms + (uint64_t)(next_s - now_s) * 1000;
}

void
books_came(struct supervisor *s, const struct peer *p)
{
	struct books *b = &s->books;

	if (expected_came(b->expected, p->client, clock_wall_s()))
		log_info("client is back client=%s", p->client);
	if (b->look_ms == 0)
		return; /* nobody is expected */
	books_save_within(s, SAVE_CLIENT_MS);
	look_who_is_overdue(s, clock_ms());
}

/*
 * Sessions
 */

void
books_counted(const struct supervisor *s, const struct client_policy *client,
	      bool counted[static LIMIT_SHARES])
{
	uint32_t first = ledger_accounts(s->books.ledger, client->name);

	for (uint32_t i = 0; i < LIMIT_SHARES; i++)
		counted[i] = first != LEDGER_NONE && i < client->grant_count &&
			     ledger_is_counted(s->books.ledger, first + i);
}

void
books_began(const struct supervisor *s, struct peer *p)
{
	const struct client_policy *client = policy_of_name(s->settings.policy, p->client);

	p->accounts = ledger_accounts(s->books.ledger, p->client);
	p->account_count = client != NULL ? (uint32_t)client->grant_count : 0;
}

bool
books_reserve(struct supervisor *s, const struct peer *p, const struct pair_message *asked)
{
	struct pair_message m = {.type = PAIR_RESERVED};
	struct ledger_answer answer = {.granted = true,
				       .amount = asked->reserve.wanted,
				       .left = {UINT64_MAX, UINT64_MAX},
				       .most = {UINT64_MAX, UINT64_MAX}};

	if (asked->reserve.grant >= p->account_count)
		return false;
	/* Of an earlier policy: that session is ending. */
	if (p->accounts != LEDGER_NONE)
		answer = ledger_reserve(s->books.ledger, p->accounts + asked->reserve.grant,
					&asked->reserve.wanted, &asked->reserve.least,
					!asked->reserve.look);
	m.reserved.granted = answer.granted;
	m.reserved.amount = answer.amount;
	m.reserved.left = answer.left;
	m.reserved.most = answer.most;
	children_tell(p, &m);
	if (!asked->reserve.look)
		books_save_within(s, SAVE_USAGE_MS);
	return true;
}

bool
books_change(struct supervisor *s, const struct peer *p, const struct pair_message *said)
{
	if (said->changed.grant >= p->account_count)
		return false;
	if (p->accounts != LEDGER_NONE)
		ledger_change(s->books.ledger, p->accounts + said->changed.grant,
			      &said->changed.tally);
	books_save_within(s, SAVE_USAGE_MS);
	return true;
}

/*
 * The loop
 */

bool
books_reap(struct supervisor *s, pid_t pid, int status)
{
	struct books *b = &s->books;

	if (books_scan_reap(s, pid))
		return true;
	if (pid != b->save.pid)
		return false;
	b->save.pid = 0;
	if (status != 0)
		save_failed(s);
	return true;
}

void
books_on_time(struct supervisor *s, uint64_t now_ms)
{
	struct books *b = &s->books;

	if (s->stopping)
		return;
	if (b->look_ms != 0 && now_ms >= b->look_ms)
		look_who_is_overdue(s, now_ms);
	books_scan_on_time(s, now_ms);
	if (b->save.due_ms != 0 && now_ms >= b->save.due_ms && b->save.pid == 0)
		start_save(s);
}

static void
earlier(uint64_t *next_ms, uint64_t at_ms)
{
	if (at_ms < *next_ms)
		*next_ms = at_ms;
}

uint64_t
books_next_ms(const struct supervisor *s)
{
	const struct books *b = &s->books;
	uint64_t next = s->stopping ? UINT64_MAX : books_scan_next_ms(s);

	if (s->stopping)
		return next;
	if (b->look_ms != 0)
		earlier(&next, b->look_ms);
	if (b->save.due_ms != 0 && b->save.pid == 0)
		earlier(&next, b->save.due_ms);
	return next;
}

/*
 * Policies
 */

void
books_drop(struct books *fresh)
{
	ledger_free(fresh->ledger);
	expected_free(fresh->expected);
	free(fresh->due_ms);
	*fresh = (struct books){.ledger = NULL};
}

/* Is there anything that the next run is to know? */
static bool
is_any_kept(const struct books *b)
{
	for (size_t i = 0; i < expected_count(b->expected); i++)
		if (expected_client(b->expected, i)->every_s != 0)
			return true;
	for (size_t i = 0; i < ledger_share_count(b->ledger); i++)
		if (ledger_share(b->ledger, i).wanted)
			return true;
	return false;
}

/* What an earlier policy had saved. */
static void
forget_saved(const struct supervisor *s)
{
	const struct books *b = &s->books;

	if (s->options->state != NULL && !b->kept)
		(void)books_write(s->options->state, b->ledger, b->expected); /* has told */
}

int
books_prepare(const struct policy *policy, struct books *fresh)
{
	*fresh = (struct books){.scan.pair = -1};
	fresh->ledger = ledger_new(policy);
	fresh->expected = expected_new(policy, clock_wall_s());
	if (fresh->ledger != NULL)
		fresh->due_ms = calloc(ledger_share_count(fresh->ledger) + 1, sizeof(uint64_t));
	if (fresh->due_ms != NULL && fresh->expected != NULL) {
		fresh->kept = is_any_kept(fresh);
		return 0;
	}
	log_error("%s", error_text(FTX_E_NOMEM));
	books_drop(fresh);
	return FTX_E_NOMEM;
}

void
books_take(struct supervisor *s, struct books *fresh)
{
	struct books *b = &s->books, old;

	books_scan_stop(s);
	ledger_carry(fresh->ledger, b->ledger);
	expected_carry(fresh->expected, b->expected);
	fresh->save = b->save;
	old = *b;
	*b = *fresh;
	books_scan_plan(s);
	books_scan_carry(s, &old);
	books_drop(&old);
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &s->peers.table[i];
		const struct client_policy *client;

		if (p->state != PEER_SESSION)
			continue;
		client = policy_of_name(s->settings.policy, p->client);
		if (client != NULL &&
		    memcmp(client->fingerprint, p->fingerprint, sizeof(p->fingerprint)) == 0)
			books_began(s, p);
		else
			p->accounts = LEDGER_NONE;
	}
	forget_saved(s);
	books_save_within(s, SAVE_CLIENT_MS);
	look_who_is_overdue(s, clock_ms());
}

int
books_open(struct supervisor *s)
{
	struct books *b = &s->books;
	int r = books_prepare(s->settings.policy, b);

	if (r != 0)
		return r;
	books_scan_plan(s);
	if (s->options->state != NULL)
		books_read(s->options->state, b->ledger, b->expected);
	forget_saved(s);
	/* From when on a client is expected is to outlive a crash. */
	books_save_within(s, SAVE_CLIENT_MS);
	look_who_is_overdue(s, clock_ms());
	return 0;
}

/* What it is about to write is older than what follows, and would come in its place. */
static void
end_save(struct books *b)
{
	if (b->save.pid == 0)
		return;
	kill(b->save.pid, SIGKILL);
	while (waitpid(b->save.pid, NULL, 0) < 0 && errno == EINTR)
		;
	b->save.pid = 0;
}

void
books_close(struct supervisor *s)
{
	struct books *b = &s->books;

	if (b->ledger == NULL)
		return;
	books_scan_stop(s);
	end_save(b);
	/* Nothing may be due though a place was counted: its share's turn was not over yet. */
	if (s->options->state != NULL && b->kept)
		(void)books_write(s->options->state, b->ledger, b->expected);
	books_drop(b);
}
