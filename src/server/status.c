#include "src/server/status.h"

#include <string.h>
#include <unistd.h>

#include "proto/message.h"
#include "src/base/clock.h"
#include "src/base/version.h"
#include "src/server/books.h"
#include "src/server/supervisor_impl.h"

static void
text(struct page *page, const char *name, const char *value)
{
	page_text(page, name, value, strlen(value));
}

static void
write_daemon(const struct supervisor *s, struct page *page)
{
	const unsigned *count = s->peers.count;

	page_line(page, "daemon");
	text(page, "version", version_text);
	page_number(page, "pid", (uint64_t)getpid());
	page_number(page, "uptime_s", (clock_ms() - s->operations.started_ms) / 1000);
	text(page, "state", s->again ? "restarting" : s->stopping ? "stopping" : "running");
	page_number(page, "sessions", count[PEER_SESSION]);
	page_number(page, "max_connections", s->settings.max_connections);
	page_number(page, "handshakes", count[PEER_GREETING]);
	page_number(page, "waiting", count[PEER_PENDING] + count[PEER_READY]);
	page_number(page, "crashes", s->crashes.total);
	page_end(page);
}

static void
write_refused(const struct refusals *refusals, struct page *page)
{
	for (unsigned i = 0; i < REFUSALS; i++) {
		if (refusals->count[i] == 0)
			continue;
		page_line(page, "refused");
		text(page, "reason", refusal_name((enum refusal)i));
		page_number(page, "count", refusals->count[i]);
		page_end(page);
	}
}

static const char *
presence_word(uint32_t presence)
{
	switch ((enum share_presence)presence) {
	case SHARE_ONLINE:
		return "online";
	case SHARE_OFFLINE:
		return "offline";
	case SHARE_UNKNOWN:
		break;
	}
	return "unknown";
}

static void
write_share(const struct share_place *share, const struct share_seen *seen, struct page *page)
{
	page_line(page, "share");
	text(page, "name", share->name);
	text(page, "path", share->path);
	text(page, "state", presence_word(seen != NULL ? seen->presence : SHARE_UNKNOWN));
	if (seen != NULL && seen->bytes != 0) {
		page_number(page, "bytes", seen->bytes);
		page_number(page, "bytes_free", seen->bytes_free);
	}
	page_end(page);
}

static void
write_client(const struct supervisor *s, const struct client_policy *client, struct page *page)
{
	const struct tally_line *line = tally_find(s->operations.tally, client->name);
	static const struct tally_line none;

	if (line == NULL)
		line = &none;
	page_line(page, "client");
	text(page, "name", client->name);
	/* Without a line there never was a session. */
	page_number(page, "sessions", line != &none ? sessions_of(s, client->name) : 0);
	page_number(page, "sessions_total", line->sessions);
	page_number(page, "received", line->received);
	page_number(page, "sent", line->sent);
	page_number(page, "committed", line->committed);
	page_end(page);
}

static void
write_usage(const struct ledger *ledger, uint32_t account, struct page *page)
{
	struct ledger_figures f;

	ledger_look(ledger, account, &f);
	if (!f.counted &&
	    (f.quota.bytes | f.quota.files | f.share_quota.bytes | f.share_quota.files) == 0)
		return;
	page_line(page, "usage");
	text(page, "client", f.client);
	text(page, "share", f.share);
	text(page, "subtree", f.subtree);
	if (f.counted) {
		page_number(page, "counted_s", (uint64_t)f.counted_s);
		page_number(page, "bytes", f.used.bytes);
		page_number(page, "files", f.used.files);
	}
	page_number(page, "quota", f.quota.bytes);
	page_number(page, "quota_files", f.quota.files);
	page_number(page, "share_quota", f.share_quota.bytes);
	page_number(page, "share_quota_files", f.share_quota.files);
	page_end(page);
}

static void
write_expected(const struct expected_client *client, struct page *page)
{
	if (client->every_s == 0)
		return;
	page_line(page, "expected");
	text(page, "client", client->name);
	page_number(page, "every_s", (uint64_t)client->every_s);
	page_number(page, "last_s", (uint64_t)client->last_s);
	page_number(page, "due_s", (uint64_t)expected_due_s(client));
	text(page, "state", client->overdue ? "overdue" : "fine");
	page_end(page);
}

static const char *
doing_word(const struct peer *p, const struct activity_seen *seen)
{
	const struct message_info *info = message_info(seen->doing);

	if (p->ended.type == PAIR_ENDED)
		return "ending";
	if (p->joined == 0)
		return "joining";
	return seen->doing != 0 && info != NULL ? info->name : "waiting";
}

static void
write_session(const struct peer *p, uint64_t now_ms, struct page *page)
{
	struct activity_seen seen;

	activity_look(p->activity, now_ms, &seen);
	page_line(page, "session");
	text(page, "client", p->client);
	text(page, "address", p->address);
	page_number(page, "pid", (uint64_t)p->pid);
	page_number(page, "seconds", (now_ms - p->began_ms) / 1000);
	text(page, "doing", doing_word(p, &seen));
	page_text(page, "path", seen.path, seen.path_length);
	page_number(page, "uploads", seen.uploads);
	page_number(page, "committed", seen.committed);
	page_number(page, "received", seen.received);
	page_number(page, "sent", seen.sent);
	page_number(page, "rate", seen.rate);
	page_end(page);
}

void
status_write(const struct supervisor *s, struct page *page)
{
	const struct policy *policy = s->settings.policy;
	const struct ledger *ledger = books_ledger(s);
	const struct expected *expected = books_expected(s);
	uint64_t now_ms = clock_ms();

	write_daemon(s, page);
	write_refused(&s->refusals, page);
	for (size_t i = 0; i < policy->share_count; i++)
		write_share(&policy->shares[i], operations_share(s, i), page);
	for (size_t i = 0; i < policy->client_count; i++)
		write_client(s, &policy->clients[i], page);
	for (uint32_t i = 0; i < ledger_account_count(ledger); i++)
		write_usage(ledger, i, page);
	for (size_t i = 0; i < expected_count(expected); i++)
		write_expected(expected_client(expected, i), page);
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (s->peers.table[i].state == PEER_SESSION)
			write_session(&s->peers.table[i], now_ms, page);
	page_line(page, "end");
	page_end(page);
}
