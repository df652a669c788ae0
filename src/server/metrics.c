#include "src/server/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/io.h"
#include "src/base/log.h"
#include "src/server/child.h"
#include "src/server/supervisor_impl.h"

enum { NAME_MOST_BYTES = 4096 };

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
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec - (clock_ms() - s->operations.started_ms) / 1000;
}

static void
format_daemon(const struct supervisor *s, struct page *page)
{
	const unsigned *count = s->peers.count;

	head(page, "info", "gauge", "Always 1.");
	labelled(page, "info", "version", FTX_VERSION, 1);
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

void
metrics_format(const struct supervisor *s, struct page *page)
{
	format_daemon(s, page);
	format_refused(&s->refusals, page);
	format_ended(&s->operations, page);
	format_shares(s, page);
	format_clients(s->operations.tally, page);
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
