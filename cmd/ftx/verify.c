/*
 * verify and digest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/option_values.h"
#include "cmd/ftx/remote.h"
#include "cmd/ftx/signals.h"
#include "proto/errors.h"
#include "src/client/verify.h"
#include "src/store/content.h"

/* Both names of an entry; NULL where memory is short. */
struct names {
	char *local, *remote;
};

static struct names
names_of(const struct remote_job *j, const char *below)
{
	return (struct names){.local = remote_join(j->options->arguments[0], below),
			      .remote = remote_join(j->options->arguments[1], below)};
}

static void
names_free(struct names *n)
{
	free(n->local);
	free(n->remote);
}

static void
count_result(struct report *r, const struct verify_result *result)
{
	struct transfer_file f = {.type = result->type, .bytes = result->bytes};

	f.status = result->problem != NULL    ? STATUS_FAILED
		   : result->skipped	      ? STATUS_SKIPPED
		   : result->differences == 0 ? STATUS_SAME
					      : STATUS_DONE;
	outcome_file(&r->outcome, &f);
	if (result->differences != 0)
		outcome_error(&r->outcome, FTX_E_MISMATCH);
}

static void
show_differences(struct report *r, const struct names *names, const struct verify_result *result)
{
	for (unsigned i = 0; i < DIFFERENCE_COUNT; i++) {
		const struct shown_difference d = {.path = names->local,
						   .dest = names->remote,
						   .type = result->type,
						   .difference = (enum difference)i};

		if ((result->differences & 1u << i) == 0)
			continue;
		r->differences++;
		r->reporter->difference(r, &d);
	}
}

static void
on_result(void *arg, const struct verify_result *result)
{
	struct remote_job *j = arg;
	struct names names;

	if (result->problem == NULL)
		remote_got_further(j->remote);
	count_result(&j->report, result);
	if (result->repeated || (result->problem == NULL && result->differences == 0))
		return;
	names = names_of(j, result->path);
	if (names.local == NULL || names.remote == NULL) {
		struct problem p;

		problem_nomem(&p);
		remote_failed(j, NULL, &p);
	} else if (result->problem != NULL) {
		remote_failed(j, result->problem->side == SIDE_REMOTE ? names.remote : names.local,
			      result->problem);
	} else {
		show_differences(&j->report, &names, result);
	}
	/* Nobody reads it any more. */
	if (report_is_lost(&j->report))
		cancel_request(remote_cancel(j->remote));
	names_free(&names);
}

static void
on_progress(void *arg, const struct transfer_progress *progress)
{
	remote_show_progress(arg, progress);
}

/* The one or the other does not exist (exit code 5), or it ended early. */
static void
end_early(struct remote_job *j, const struct problem *p)
{
	bool missing = p->error == FTX_E_NOT_FOUND || p->error == FTX_E_IS_LINK;
	size_t which = p->side == SIDE_REMOTE ? 1 : 0;

	if (j->report.outcome.first == 0 && (missing || p->error == FTX_E_NOMEM))
		j->report.outcome.several = false;
	remote_failed(j, missing ? j->options->arguments[which] : NULL, p);
}

static int
on_lost(void *arg, struct connection **c, struct problem *p)
{
	struct remote_job *j = arg;
	int r = remote_again(j->remote, p);

	*c = remote_connection(j->remote);
	return r;
}

void
remote_verify(struct remote_job *j)
{
	const struct options *o = j->options;
	struct remote_entry top;
	const struct verify_request request = {
	    .local = o->arguments[0],
	    .remote = remote_address(j->remote, 0)->path,
	    .top = &top.attributes,
	    .filter = o->filter,
	    .metadata = o->metadata,
	    .one_file_system = o->transfer.one_file_system,
	    .cancel = remote_cancel(j->remote),
	    .on_result = on_result,
	    .on_lost = on_lost,
	    .on_progress = on_progress,
	    .arg = j,
	};
	struct problem p;

	if (remote_stat(j->remote, request.remote, 0, &top, &p) != 0 ||
	    verify_run(remote_connection(j->remote), &request, &j->report.progress, &p) != 0)
		end_early(j, &p);
}

#define AHEAD 16u /* requests for remote digests on their way */

/* An argument of digest. */
struct asked {
	bool remote;
	size_t address; /* of the remote ones */
	struct reply reply;
	struct path_digest digest;
};

struct digesting {
	struct remote_job *j;
	struct asked *wanted; /* one an argument */
	size_t asked;	      /* arguments below this one have been, where they are remote */
	size_t addresses;     /* of them */
	struct transfer_progress progress;
	uint8_t block[LIMIT_BLOCK_BYTES];
};

static int
take_digest(void *arg, const struct message *m)
{
	struct asked *w = arg;

	if (m->type != MESSAGE_DIGESTS)
		return 0;
	if (m->digests.digests.count != 1)
		return FTX_E_PROTOCOL;
	w->digest = m->digests.digests.items[0];
	return 0;
}

static int
ask(struct digesting *d, struct asked *w)
{
	struct remote_job *j = d->j;
	struct path_only itself = {.path = span_of("")};
	struct message m = {.type = MESSAGE_DIGEST};

	m.digest.base = span_of(remote_address(j->remote, w->address)->path);
	m.digest.paths.items = &itself;
	m.digest.paths.count = 1;
	w->reply = (struct reply){.on_message = take_digest, .arg = w};
	return connection_request(remote_connection(j->remote), &m, &w->reply);
}

/* Asks for what comes up to some arguments after i. */
static int
ask_ahead(struct digesting *d, size_t i)
{
	struct remote_job *j = d->j;
	int r = 0;

	for (; d->asked < j->options->argument_count && d->asked <= i + AHEAD && r == 0;
	     d->asked++) {
		struct asked *w = &d->wanted[d->asked];

		w->remote = argument_is_remote(j->options->arguments[d->asked]);
		if (!w->remote)
			continue;
		w->address = d->addresses++;
		r = ask(d, w);
	}
	return r;
}

/* Over another connection what was asked on the lost one, from w on. */
static int
ask_again(struct digesting *d, struct asked *w, struct problem *p)
{
	int r = remote_again(d->j->remote, p);

	for (; r == 0 && w < d->wanted + d->asked; w++)
		if (w->remote)
			(void)ask(d, w); /* the answer tells what is wrong */
	return r;
}

static int
digest_remote(struct digesting *d, struct asked *w, struct problem *p)
{
	int r;

	while ((r = connection_answer(remote_connection(d->j->remote), &w->reply)) != 0 &&
	       connection_error(remote_connection(d->j->remote)) != 0) {
		*p = w->reply.problem;
		if ((r = ask_again(d, w, p)) != 0)
			return r;
	}
	if (r == FTX_E_INTERRUPTED) {
		*p = w->reply.problem;
		return r;
	}
	remote_got_further(d->j->remote);
	if (w->reply.problem.error != 0) {
		*p = w->reply.problem;
		return p->error;
	}
	if (w->digest.code != 0)
		return problem_set(p, error_from_wire(w->digest.code), SIDE_REMOTE, NULL);
	return 0;
}

static int
between(void *arg)
{
	struct digesting *d = arg;
	struct remote_job *j = d->j;

	remote_show_progress(j, &d->progress);
	d->progress.bytes += LIMIT_BLOCK_BYTES;
	if (signals_caught() != 0)
		return FTX_E_INTERRUPTED;
	/* One that is lost meanwhile is noticed when its answer is waited for. */
	if (j->remote != NULL)
		(void)connection_poll(remote_connection(j->remote));
	return 0;
}

static int
digest_local(struct digesting *d, const char *path, struct asked *w, struct problem *p)
{
	uint64_t before = d->progress.bytes;
	struct source *source = NULL;
	int r;

	errno = 0;
	r = source_open_path(&source, path, NULL, 0);
	if (r != 0) {
		problem_local(p, r, errno);
	} else {
		d->progress.bytes_total += source_identity(source)->size;
		if ((r = content_hash(source, NULL, d->block, between, d, &w->digest)) != 0)
			problem_local(p, r, r == FTX_E_IO ? errno : 0);
		source_close(source);
		d->progress.bytes = before + w->digest.size;
	}
	return r;
}

static void
digest_failed(struct remote_job *j, const char *path, struct problem *p)
{
	enum side side = p->side;

	if (p->error == FTX_E_CONFLICT) {
		problem_set(p, FTX_E_CONFLICT, side, "is a directory");
		problem_hint(p, "digests are of files; ftx verify compares directories");
	}
	remote_entry_over(j, path, NULL, ENTRY_FILE, ACTION_NONE, p);
}

static void
digest_shown(struct remote_job *j, char *path, const struct path_digest *digest)
{
	struct transfer_file f = {.path = path,
				  .type = ENTRY_FILE,
				  .status = STATUS_DONE,
				  .bytes = digest->size,
				  .has_digest = true};

	memcpy(f.digest.bytes, digest->digest, sizeof(f.digest.bytes));
	outcome_file(&j->report.outcome, &f);
	j->report.reporter->digest(&j->report, &f);
}

static void
digest_all(struct digesting *d)
{
	struct remote_job *j = d->j;

	for (size_t i = 0; i < j->options->argument_count && !remote_ended(j); i++) {
		struct asked *w = &d->wanted[i];
		char *path = j->options->arguments[i];
		struct problem p;
		int r = ask_ahead(d, i);

		/* An error of the connection comes again. */
		r = w->remote ? digest_remote(d, w, &p) : r;
		if (!w->remote)
			r = digest_local(d, path, w, &p);
		d->progress.files = d->progress.files_total = i + 1;
		if (r == 0)
			digest_shown(j, path, &w->digest);
		else if (remote_ended(j))
			remote_failed(j, NULL, &p);
		else
			digest_failed(j, path, &p);
	}
}

void
remote_digests(struct remote_job *j)
{
	struct digesting *d = calloc(1, sizeof(*d));
	struct problem p;

	if (d != NULL)
		d->wanted = calloc(j->options->argument_count, sizeof(*d->wanted));
	if (d == NULL || d->wanted == NULL) {
		problem_nomem(&p);
		remote_failed(j, NULL, &p);
	} else {
		d->j = j;
		d->progress.phase = PHASE_VERIFY;
		digest_all(d);
		j->report.progress = d->progress;
		j->report.progress.bytes_total = j->report.outcome.bytes_total;
		for (size_t i = 0; i < d->asked; i++)
			if (d->wanted[i].remote && remote_connection(j->remote) != NULL)
				connection_abandon(remote_connection(j->remote),
						   &d->wanted[i].reply);
		free(d->wanted);
	}
	free(d);
}
