#include "src/server/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/io.h"
#include "src/base/log.h"
#include "src/base/version.h"
#include "src/server/books.h"
#include "src/server/child.h"
#include "src/server/supervisor_impl.h"

enum { NAME_MOST_BYTES = 4096, LABEL_BYTES = 2 * DISPLAY_PATH_BYTES };

static void
head(struct page *page, const char *name, const char *type, const char *help)
{
	page_add(page, "# HELP ftxd_%s %s\n# TYPE ftxd_%s %s\n", name, help, name, type);
}

static void
single(struct page *page, const char *name, const char *type, const char *help, uint64_t value)
{
	head(page, name, type, help);
	page_add(page, "ftxd_%s %llu\n", name, (unsigned long long)value);
}

/* Label values are names and words without anything to escape (config, refusals.h, errors.def). */
static void
labelled(struct page *page, const char *name, const char *label, const char *value, uint64_t number)
{
	page_add(page, "ftxd_%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)number);
}

static uint64_t
start_time_s(const struct supervisor *s)
{
	return (uint64_t)clock_wall_s() - (clock_ms() - s->operations.started_ms) / 1000;
}

static void
format_daemon(const struct supervisor *s, struct page *page)
{
	const unsigned *count = s->peers.count;

	head(page, "info", "gauge", "Always 1.");
	labelled(page, "info", "version", version_text, 1);
	single(page, "start_time_seconds", "gauge", "When the daemon was started.",
	       start_time_s(s));
	single(page, "sessions", "gauge", "Sessions there are.", count[PEER_SESSION]);
	single(page, "sessions_most", "gauge", "Sessions there may be.",
	       s->settings.max_connections);
	single(page, "handshakes", "gauge", "Handshakes that are going on.", count[PEER_GREETING]);
	single(page, "waiting_connections", "gauge", "Connections that wait for a handshake.",
	       count[PEER_PENDING] + count[PEER_READY]);
	single(page, "crashes_total", "counter", "Processes of connections that have crashed.",
	       s->crashes.total);
}

static void
format_refused(const struct refusals *refusals, struct page *page)
{
	head(page, "refused_total", "counter", "Connections that became no session.");
	for (unsigned i = 0; i < REFUSALS; i++)
		labelled(page, "refused_total", "reason", refusal_name((enum refusal)i),
			 refusals->count[i]);
}

static void
format_ended(const struct operations *o, struct page *page)
{
	head(page, "sessions_ended_total", "counter", "Sessions that have ended.");
	for (unsigned i = 0; i < OPERATIONS_ENDS; i++)
		if (o->ended[i] > 0 || i == OPERATIONS_DONE)
			labelled(page, "sessions_ended_total", "reason", operations_end_name(i),
				 o->ended[i]);
}

static void
format_shares(const struct supervisor *s, struct page *page)
{
	const struct policy *policy = s->settings.policy;

	head(page, "share_online", "gauge", "Is the share's directory there?");
	for (size_t i = 0; i < policy->share_count; i++)
		labelled(page, "share_online", "share", policy->shares[i].name,
			 operations_share(s, i) != NULL &&
			     operations_share(s, i)->presence == SHARE_ONLINE);
	head(page, "share_free_bytes", "gauge", "Free space of the share's file system.");
	for (size_t i = 0; i < policy->share_count; i++) {
		const struct share_seen *seen = operations_share(s, i);

		if (seen != NULL && seen->presence == SHARE_ONLINE && seen->bytes != 0)
			labelled(page, "share_free_bytes", "share", policy->shares[i].name,
				 seen->bytes_free);
	}
}

struct client_metric {
	const char *name, *help;
	uint64_t (*value)(const struct tally_line *line);
};

static uint64_t
sessions_value(const struct tally_line *line)
{
	return line->sessions;
}

static uint64_t
received_value(const struct tally_line *line)
{
	return line->received;
}

static uint64_t
sent_value(const struct tally_line *line)
{
	return line->sent;
}

static uint64_t
committed_value(const struct tally_line *line)
{
	return line->committed;
}

static void
format_clients(const struct tally_line *tally, struct page *page)
{
	static const struct client_metric metrics[] = {
	    {"client_sessions_total", "Sessions that have begun.", sessions_value},
	    {"client_received_bytes_total", "Bytes received from the client.", received_value},
	    {"client_sent_bytes_total", "Bytes sent to the client.", sent_value},
	    {"client_committed_total", "Files and sets that the client has published.",
	     committed_value},
	};

	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		head(page, metrics[m].name, "counter", metrics[m].help);
		for (size_t i = 0; i <= TALLY_CLIENTS; i++)
			if (tally[i].sessions > 0)
				labelled(page, metrics[m].name, "client", tally[i].client,
					 metrics[m].value(&tally[i]));
	}
}

struct expected_metric {
	const char *name, *help;
	uint64_t (*value)(const struct expected_client *client);
};

static uint64_t
last_value(const struct expected_client *client)
{
	return (uint64_t)client->last_s;
}

static uint64_t
overdue_value(const struct expected_client *client)
{
	return client->overdue;
}

static void
format_expected(const struct expected *expected, struct page *page)
{
	static const struct expected_metric metrics[] = {
	    {"client_overdue", "Has a client that is expected not come?", overdue_value},
	    {"client_last_session_seconds", "When its last session ended well; 0: none is known.",
	     last_value},
	};

	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		head(page, metrics[m].name, "gauge", metrics[m].help);
		for (size_t i = 0; i < expected_count(expected); i++) {
			const struct expected_client *client = expected_client(expected, i);

			if (client->every_s != 0)
				labelled(page, metrics[m].name, "client", client->name,
					 metrics[m].value(client));
		}
	}
}

/* For a label's value, without controls and with the escapes of the format. */
static const char *
escape_label(const char *value, char out[static LABEL_BYTES])
{
	char shown[LABEL_BYTES / 2];
	char *to = out;

	display_escape(shown, sizeof(shown), value, strlen(value));
	for (const char *from = shown; *from != '\0'; from++) {
		if (*from == '\\' || *from == '"')
			*to++ = '\\';
		*to++ = *from;
	}
	*to = '\0';
	return out;
}

struct usage_metric {
	const char *name, *help;
	/* false: there is none. */
	bool (*value)(const struct ledger_figures *f, uint64_t *value);
};

static bool
used_bytes(const struct ledger_figures *f, uint64_t *value)
{
	*value = f->used.bytes;
	return f->counted;
}

static bool
used_files(const struct ledger_figures *f, uint64_t *value)
{
	*value = f->used.files;
	return f->counted;
}

static bool
quota_bytes(const struct ledger_figures *f, uint64_t *value)
{
	*value = f->quota.bytes;
	return *value != 0;
}

static bool
quota_files(const struct ledger_figures *f, uint64_t *value)
{
	*value = f->quota.files;
	return *value != 0;
}

static void
format_usage(const struct ledger *ledger, struct page *page)
{
	static const struct usage_metric metrics[] = {
	    {"used_bytes", "What there is in a subtree.", used_bytes},
	    {"used_files", "Files, directories and links in a subtree.", used_files},
	    {"quota_bytes", "What the client may have in a subtree.", quota_bytes},
	    {"quota_files", "Files, directories and links it may have there.", quota_files},
	};

	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		head(page, metrics[m].name, "gauge", metrics[m].help);
		for (uint32_t i = 0; i < ledger_account_count(ledger); i++) {
			char subtree[LABEL_BYTES];
			struct ledger_figures f;
			uint64_t value;

			ledger_look(ledger, i, &f);
			if (metrics[m].value(&f, &value))
				page_add(page,
					 "ftxd_%s{client=\"%s\",share=\"%s\",subtree=\"/%s\"} "
					 "%llu\n",
					 metrics[m].name, f.client, f.share,
					 escape_label(f.subtree, subtree),
					 (unsigned long long)value);
		}
	}
}

void
metrics_format(const struct supervisor *s, struct page *page)
{
	format_daemon(s, page);
	format_refused(&s->refusals, page);
	format_ended(&s->operations, page);
	format_shares(s, page);
	format_clients(s->operations.tally, page);
	format_expected(books_expected(s), page);
	format_usage(books_ledger(s), page);
}

/* No sync: after a crash of the machine there is another one in 15 seconds. */
static int
replace(const char *path, const char *text, size_t length)
{
	char fresh[NAME_MOST_BYTES + 8];
	int fd;
	int r;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	/* What a writer left that was killed; a link that somebody put there is not followed. */
	if (unlink(fresh) != 0 && errno != ENOENT)
		return error_from_errno(errno);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_from_errno(errno);
	r = fchmod(fd, 0644) == 0 ? write_full(fd, text, length) : error_from_errno(errno);
	if (close(fd) != 0 && r == 0)
		r = error_from_errno(errno);
	if (r == 0 && rename(fresh, path) != 0)
		r = error_from_errno(errno);
	if (r != 0)
		(void)unlink(fresh);
	return r;
}

pid_t
metrics_write(const char *path, const struct page *page, struct key_holder *key)
{
	pid_t pid = child_fork_helper(key);

	if (pid == 0) {
		int r = replace(path, page->text, page->length);

		_exit(r != 0 ? -r & 0xff : 0);
	}
	return pid > 0 ? pid : error_from_errno(errno);
}
