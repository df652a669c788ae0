/*
 * rm.  A tree is listed into a spool first, then removed from its end: what is in a directory
 * stands behind it, so it goes before it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ftx/remote.h"
#include "proto/errors.h"
#include "src/client/listing.h"
#include "src/client/spool.h"

/* One REMOVE in the making. */
struct portion {
	uint32_t count;
	size_t used; /* of text */
	const char *names[LIMIT_ENTRIES];
	enum entry_type types[LIMIT_ENTRIES];
	char text[REMOTE_REMOVE_BYTES]; /* the names, terminated: no longer than encoded */
};

/* A tree that is removed. */
struct erasure {
	struct remote_job *job;
	const char *typed;
	const char *path; /* SHARE/REST of the top; names are relative to it */
	struct portion portion;
};

static void
failed_locally(struct remote_job *j, const char *typed, int error, int errnum)
{
	struct problem p;

	problem_local(&p, error, errnum);
	remote_failed(j, typed, &p);
}

static void
entry_over(struct erasure *e, const char *name, enum entry_type type, int error)
{
	char *path = remote_join(e->typed, name);
	struct problem p;

	/* Somebody else was faster. */
	if (error == FTX_E_NOT_FOUND)
		error = 0;
	if (error != 0)
		problem_set(&p, error, SIDE_REMOTE, NULL);
	if (path == NULL)
		failed_locally(e->job, e->typed, FTX_E_NOMEM, 0);
	else
		remote_entry_over(e->job, path, NULL, type, ACTION_DELETE, error != 0 ? &p : NULL);
	free(path);
}

/* Removes the portion, or says that it would be.  false: the connection is over. */
static bool
remove_portion(struct erasure *e)
{
	struct portion *portion = &e->portion;
	int errors[LIMIT_ENTRIES] = {0};
	struct problem p;

	if (portion->count == 0)
		return true;
	if (!e->job->options->transfer.dry_run &&
	    remote_remove(e->job->remote, e->path, portion->names, portion->count, errors, &p) !=
		0) {
		/* All or some of it may be done. */
		e->job->changed = true;
		remote_failed(e->job, e->typed, &p);
		return false;
	}
	for (uint32_t i = 0; i < portion->count; i++)
		entry_over(e, portion->names[i], portion->types[i], errors[i]);
	portion->count = 0;
	portion->used = 0;
	return true;
}

static bool
add(struct erasure *e, const char *name, enum entry_type type)
{
	struct portion *portion = &e->portion;
	size_t bytes = strlen(name) + 2; /* as it is encoded */

	if ((portion->count == LIMIT_ENTRIES || portion->used + bytes > sizeof(portion->text)) &&
	    !remove_portion(e))
		return false;
	portion->names[portion->count] = strcpy(portion->text + portion->used, name);
	portion->types[portion->count++] = type;
	portion->used += bytes;
	return true;
}

/* A record: the type's byte, the path, a terminator. */
static int
append(struct spool *s, const struct listing_line *line)
{
	char record[1 + LIMIT_PATH_BYTES + 1 + LIMIT_NAME_BYTES + 1];
	size_t length = strlen(line->path);

	if (length > LIMIT_PATH_BYTES)
		return FTX_E_NAME;
	record[0] = (char)line->attributes->metadata.type;
	memcpy(record + 1, line->path, length + 1);
	return spool_append(s, record, length + 2);
}

/* false: what was found is not all there is, because the connection or the disk gave up. */
static bool
find(struct erasure *e, struct spool *s)
{
	struct remote_job *j = e->job;
	struct listing *listing = NULL;
	struct listing_line line;
	struct problem p;
	int error = 0;
	int r;

	r = remote_list(j->remote, &listing, e->path, true, 0, &p);
	while (r == 0 && error == 0 && (r = remote_list_next(j->remote, listing, &line, &p)) > 0) {
		if (line.kind == LISTING_ENTRY) {
			error = append(s, &line);
		} else if (line.kind == LISTING_ERROR) {
			char *path = remote_join(e->typed, line.path);

			problem_set(&p, line.error, SIDE_REMOTE, NULL);
			remote_failed(j, path != NULL ? path : e->typed, &p);
			free(path);
		}
		r = 0;
	}
	if (r < 0)
		remote_failed(j, e->typed, &p);
	else if (error != 0)
		failed_locally(j, e->typed, error, errno);
	listing_close(listing);
	return r == 0 && error == 0;
}

static bool
erase_found(struct erasure *e, struct spool *s)
{
	struct spool_reader *reader = spool_reader_new(s, SPOOL_BACKWARD);
	const void *record = NULL;
	size_t length;
	bool going = reader != NULL;
	int error = reader == NULL ? FTX_E_NOMEM : 0;

	while (going && error == 0) {
		const char *text;

		error = spool_read(reader, &record, &length);
		if (error != 0 || record == NULL)
			break;
		text = record;
		going = !remote_ended(e->job) && add(e, text + 1, (enum entry_type)text[0]);
	}
	if (error != 0)
		failed_locally(e->job, e->typed, error, errno);
	spool_reader_free(reader);
	return going && error == 0 && remove_portion(e);
}

/* The top itself; its name is relative to its share. */
static void
erase_one(struct erasure *e, enum entry_type type)
{
	const char *name = address_rest(e->path);
	char share[LIMIT_SHARE_BYTES + 1];
	int error = 0;
	struct problem p;

	address_share(share, e->path);
	if (!e->job->options->transfer.dry_run &&
	    remote_remove(e->job->remote, share, &name, 1, &error, &p) != 0)
		remote_failed(e->job, e->typed, &p);
	else
		entry_over(e, "", type, error);
}

static void
erase_tree(struct erasure *e)
{
	struct spool *s = spool_new();

	e->job->report.outcome.several = true;
	if (s == NULL)
		failed_locally(e->job, e->typed, FTX_E_NOMEM, 0);
	else if (find(e, s) && erase_found(e, s))
		erase_one(e, ENTRY_DIRECTORY);
	spool_free(s);
}

static void
erase(struct erasure *e)
{
	const struct options *o = e->job->options;
	struct remote_entry entry;
	struct problem p;
	enum entry_type type;

	if (remote_stat(e->job->remote, e->path, 0, &entry, &p) != 0) {
		if (p.error == FTX_E_NOT_FOUND && o->force)
			return;
		e->job->report.outcome.total++;
		e->job->report.outcome.failed++;
		remote_failed(e->job, e->typed, &p);
		return;
	}
	type = (enum entry_type)entry.attributes.metadata.type;
	if (type != ENTRY_DIRECTORY) {
		erase_one(e, type);
	} else if (o->all) {
		erase_tree(e);
	} else {
		problem_set(&p, FTX_E_CONFLICT, SIDE_REMOTE, "is a directory");
		problem_hint(&p, "-r removes it with all that is in it");
		remote_entry_over(e->job, e->typed, NULL, type, ACTION_DELETE, &p);
	}
}

void
remote_erase(struct remote_job *j)
{
	static struct erasure e; /* large */

	for (size_t i = 0; i < j->options->argument_count && !remote_ended(j); i++) {
		e.job = j;
		e.typed = j->options->arguments[i];
		e.path = remote_address(j->remote, i)->path;
		e.portion.count = 0;
		e.portion.used = 0;
		erase(&e);
	}
}
