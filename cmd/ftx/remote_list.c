/*
 * ls, stat and df.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/remote.h"
#include "proto/errors.h"
#include "src/client/listing.h"

static const char *
typed(const struct remote_job *j, size_t i)
{
	return j->options->arguments[i];
}

static void
out_of_memory(struct remote_job *j)
{
	struct problem p;

	problem_nomem(&p);
	remote_failed(j, NULL, &p);
}

static void
list_shares(struct remote_job *j)
{
	const struct server_info *info = remote_info(j->remote);
	struct problem p;

	if (info->share_count == 0) {
		problem_set(&p, 0, SIDE_REMOTE, "the server lists no share for this key");
		j->report.reporter->note(&j->report, &p);
	}
	for (unsigned i = 0; i < info->share_count; i++)
		j->report.reporter->share(&j->report, info->shares[i].name, info->shares[i].rights);
}

/* path: as typed and what is below. */
static void
show_line(struct remote_job *j, const struct listing_line *line, const char *path)
{
	const struct shown_entry shown = {
	    .path = path, .name = line->name, .attributes = line->attributes};
	struct problem p;

	switch (line->kind) {
	case LISTING_ENTER:
		if (j->options->all || j->options->argument_count > 1)
			j->report.reporter->directory(&j->report, path);
		break;
	case LISTING_ENTRY:
		j->report.reporter->entry(&j->report, &shown);
		break;
	case LISTING_ERROR:
		problem_set(&p, line->error, SIDE_REMOTE, NULL);
		j->report.outcome.several = j->report.outcome.several || line->path[0] != '\0';
		remote_failed(j, path, &p);
		break;
	}
}

static void
list_directory(struct remote_job *j, const char *as_typed, const char *remote_path)
{
	struct listing *listing;
	struct listing_line line;
	struct problem p;
	int r;

	r = remote_list(j->remote, &listing, remote_path, j->options->all, METADATA_OWNER, &p);
	if (r != 0) {
		remote_failed(j, as_typed, &p);
		return;
	}
	while (!remote_ended(j) && (r = remote_list_next(j->remote, listing, &line, &p)) > 0) {
		char *path = remote_join(as_typed, line.path);

		if (path == NULL) {
			out_of_memory(j);
			break;
		}
		show_line(j, &line, path);
		free(path);
	}
	if (r < 0)
		remote_failed(j, as_typed, &p);
	listing_close(listing);
}

void
remote_ls(struct remote_job *j)
{
	struct remote_entry entry;
	struct problem p;

	for (size_t i = 0; i < j->options->argument_count && !remote_ended(j); i++) {
		const char *path = remote_address(j->remote, i)->path;
		const struct shown_entry shown = {
		    .path = typed(j, i), .name = typed(j, i), .attributes = &entry.attributes};

		if (path[0] == '\0')
			list_shares(j);
		else if (remote_stat(j->remote, path, METADATA_OWNER, &entry, &p) != 0)
			remote_failed(j, typed(j, i), &p);
		else if (entry.attributes.metadata.type == ENTRY_DIRECTORY)
			list_directory(j, typed(j, i), path);
		else
			j->report.reporter->entry(&j->report, &shown);
	}
}

/* What is behind the last slash of SHARE/REST. */
static const char *
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

void
remote_show_stat(struct remote_job *j)
{
	struct remote_entry entry;
	struct problem p;

	for (size_t i = 0; i < j->options->argument_count && !remote_ended(j); i++) {
		const char *path = remote_address(j->remote, i)->path;
		const struct shown_entry shown = {
		    .path = typed(j, i), .name = last_name(path), .attributes = &entry.attributes};

		if (remote_stat(j->remote, path, METADATA_OWNER, &entry, &p) != 0)
			remote_failed(j, typed(j, i), &p);
		else
			j->report.reporter->entry(&j->report, &shown);
	}
}

static void
show_space(struct remote_job *j, const char *shown, const char *path)
{
	struct message_space space;
	struct problem p;

	if (remote_space(j->remote, path, &space, &p) != 0)
		remote_failed(j, shown, &p);
	else
		j->report.reporter->space(&j->report, shown, &space);
}

void
remote_df(struct remote_job *j)
{
	const struct server_info *info = remote_info(j->remote);

	for (size_t i = 0; i < j->options->argument_count && !remote_ended(j); i++) {
		const char *path = remote_address(j->remote, i)->path;

		if (path[0] != '\0')
			show_space(j, typed(j, i), path);
		for (unsigned n = 0; path[0] == '\0' && n < info->share_count; n++)
			if ((info->shares[n].rights & 1) != 0) /* list: messages.def */
				show_space(j, info->shares[n].name, info->shares[n].name);
	}
}
