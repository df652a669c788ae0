/*
 * ls, stat, df, mkdir, mv, rm, ln, verify and digest: from the options to the exit code.
 */
#include "cmd/ftx/option_values.h"
#include "cmd/ftx/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/settings.h"
#include "cmd/ftx/signals.h"
#include "cmd/ftx/verbs.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/hint.h"
#include "src/secure/aead.h"
#include "src/secure/keyfile.h"

static const struct {
	enum verb verb;
	bool share_needed;
	void (*run)(struct remote_job *j);
} verbs[] = {
    {VERB_LS, false, remote_ls},	 {VERB_STAT, true, remote_show_stat},
    {VERB_DF, false, remote_df},	 {VERB_MKDIR, true, remote_make},
    {VERB_MV, true, remote_move},	 {VERB_RM, true, remote_erase},
    {VERB_LN, true, remote_name},	 {VERB_VERIFY, true, remote_verify},
    {VERB_DIGEST, true, remote_digests}, {VERB_PING, false, remote_pings},
};

static bool
is_remote_argument(const struct options *o, size_t i)
{
	/* The target of a symbolic link is text. */
	if (i == 0 && (o->verb == VERB_VERIFY || (o->verb == VERB_LN && o->symbolic)))
		return false;
	return o->verb != VERB_DIGEST || argument_is_remote(o->arguments[i]);
}

/* Which of the arguments it is about; of mv and ln it may be the last one, of the same share. */
static void
hint(const struct remote_job *j, const char *path, struct problem *p)
{
	size_t n = 0;

	for (size_t i = 0; i < j->options->argument_count && n < j->remote_count; i++) {
		const char *typed = j->options->arguments[i];

		if (!is_remote_argument(j->options, i))
			continue;
		if (hint_concerns(path, typed))
			hint_remote(p, remote_info(j->remote), remote_address(j->remote, n)->path);
		n++;
	}
}

void
remote_failed(struct remote_job *j, const char *path, const struct problem *p)
{
	struct report *r = &j->report;
	struct problem shown = *p;

	/* Who has nothing to write to any more stops by itself. */
	if (report_is_lost(r) && p->error == FTX_E_INTERRUPTED)
		return;
	outcome_error(&r->outcome, p->error);
	hint(j, path, &shown);
	r->reporter->error(r, path, &shown);
}

/* Who asks is told how many entries are over. */
static void
answer(struct remote_job *j)
{
	struct report *r = &j->report;

	if (!signals_asked())
		return;
	r->progress.files = r->outcome.total + r->outcome.deleted;
	r->progress.files_total = r->progress.files;
	r->reporter->answer(r);
}

void
remote_entry_over(struct remote_job *j, const char *path, const char *dest, enum entry_type type,
		  enum file_action action, const struct problem *p)
{
	struct report *r = &j->report;
	struct transfer_file f = {.type = type,
				  .action = action,
				  .status = p != NULL			   ? STATUS_FAILED
					    : j->options->transfer.dry_run ? STATUS_PLANNED
									   : STATUS_DONE};
	struct problem memory;

	outcome_file(&r->outcome, &f);
	if (p == NULL && !j->options->transfer.dry_run)
		j->changed = true;
	f.path = strdup(path);
	f.dest = dest != NULL ? strdup(dest) : NULL;
	if (f.path == NULL || (dest != NULL && f.dest == NULL)) {
		problem_nomem(&memory);
		remote_failed(j, NULL, &memory);
	} else {
		r->reporter->file(r, &f);
		if (p != NULL)
			remote_failed(j, path, p);
	}
	free(f.path);
	free(f.dest);
	if ((j->options->verb & VERBS_COMPARE) == 0)
		answer(j);
}

bool
remote_ended(const struct remote_job *j)
{
	return (j->remote != NULL && remote_over(j->remote)) || signals_caught() != 0 ||
	       report_is_lost(&j->report);
}

char *
remote_join(const char *typed, const char *below)
{
	size_t length = strlen(typed);
	const char *slash = below[0] == '\0' || (length > 0 && typed[length - 1] == '/') ? "" : "/";
	char *joined;

	return asprintf(&joined, "%s%s%s", typed, slash, below) >= 0 ? joined : NULL;
}

void
remote_show_progress(struct remote_job *j, const struct transfer_progress *p)
{
	if (report_due(&j->report))
		report_look(&j->report, p);
}

/* Which arguments are remote; owned array, NULL: out of memory. */
static const char **
remote_arguments(const struct options *o, size_t *count)
{
	const char **list = calloc(o->argument_count, sizeof(*list));

	*count = 0;
	for (size_t i = 0; i < o->argument_count && list != NULL; i++)
		if (is_remote_argument(o, i))
			list[(*count)++] = o->arguments[i];
	return list;
}

static void
on_note(void *arg, const char *text)
{
	struct remote_job *j = arg;
	struct problem p;

	problem_set(&p, FTX_E_CLOSED, SIDE_NETWORK, "%s", text);
	j->report.reporter->note(&j->report, &p);
}

static int
set_up(struct remote_job *j, bool share_needed, struct problem *why)
{
	const struct transfer_request *t = &j->options->transfer;
	size_t count;
	const char **addresses = remote_arguments(j->options, &count);
	const struct remote_options options = {
	    .addresses = addresses,
	    .count = count,
	    .share_needed = share_needed,
	    .port = t->port,
	    .family = t->family,
	    .retry_for_ms = t->retry_for_ms,
	    .timeout_ms = t->timeout_ms,
	    .on_note = on_note,
	    .arg = j,
	};
	int r = 0;

	if (addresses == NULL)
		r = problem_nomem(why);
	else if (count > 0)
		r = remote_new(&j->remote, &options, why);
	j->remote_count = r == 0 ? count : 0;
	free(addresses);
	return r != 0 ? r : remote_check(j, why);
}

static void
announce(struct remote_job *j)
{
	const struct address *server = remote_server(j->remote);
	struct transfer_started e = {
	    .streams = 1, .aead = aead_name(connection_aead(remote_connection(j->remote)))};

	address_format_server(e.server, server->host, server->port);
	memcpy(e.session_id, remote_session_id(j->remote), sizeof(e.session_id));
	j->report.started = true;
	j->report.reporter->started(&j->report, &e);
}

/* Config, key, connection.  0 or an error in why. */
static int
reach(struct remote_job *j, uint8_t **secret, struct problem *why)
{
	const struct config *config;
	struct problem unknown;
	const char *identity;
	uint64_t begun;
	int resolved, r;

	if ((r = settings_config(j->options, &config, why)) != 0)
		return r;
	resolved = remote_resolve(j->remote, config, &identity, &unknown);
	r = identity_load(j->options, identity, secret, why);
	/* Of both, the key file comes first: exit 14 before 8. */
	if (r == 0 && resolved != 0) {
		*why = unknown;
		r = resolved;
	}
	if (r == 0 && ((r = signals_catch(remote_cancel(j->remote))) != 0 ||
		       (r = report_watch(&j->report)) != 0))
		problem_local(why, r, errno);
	begun = clock_ns();
	if (r == 0)
		r = remote_connect(j->remote, *secret, why);
	j->connect_ns = clock_ns() - begun;
	return r;
}

static void
work(struct remote_job *j, void (*run)(struct remote_job *j))
{
	uint8_t *secret = NULL;
	struct problem why;

	if (j->remote == NULL) {
		int r = signals_catch(NULL);

		if (r == 0 && (r = report_watch(&j->report)) == 0) {
			j->report.started = true;
			run(j);
		} else {
			problem_local(&why, r, errno);
			remote_failed(j, NULL, &why);
		}
	} else if (reach(j, &secret, &why) != 0) {
		remote_failed(j, NULL, &why);
	} else {
		announce(j);
		run(j);
		if (j->changed && !remote_over(j->remote) && remote_sync(j->remote, &why) != 0)
			remote_failed(j, NULL, &why);
	}
	remote_free(j->remote);
	key_secret_free(secret);
}

int
verb_remote(const struct options *o)
{
	static struct remote_job job; /* large */
	struct problem why;
	size_t i = 0;

	while (verbs[i].verb != o->verb)
		i++;
	job.options = o;
	if (set_up(&job, verbs[i].share_needed, &why) != 0) {
		remote_free(job.remote);
		return complain(o, &why);
	}
	report_init(&job.report, o);
	/* The last argument of mv and ln is a place. */
	job.report.outcome.several =
	    o->argument_count > ((o->verb & (VERB_MV | VERB_LN)) != 0 ? 2u : 1u);
	work(&job, verbs[i].run);
	return report_end(&job.report, outcome_exit(&job.report.outcome));
}
