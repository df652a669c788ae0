/*
 * Directories are noted where they are entered, so that everything below one lies together behind
 * it: backward it comes before it, and the last thing seen that stays is below a directory exactly
 * if anything that stays is.
 */
#include "src/client/surplus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/client/filter.h"
#include "src/client/listing.h"
#include "src/client/merge.h"
#include "src/client/spool.h"
#include "src/store/walk.h"

struct surplus {
	struct stream *s;
	struct root *root;
	struct spool *spool;
	const char *why;
	bool has_doomed, has_retimed;
	char doomed[LIMIT_PATH_BYTES + 1];  /* the last directory that goes with all below it */
	char retimed[LIMIT_PATH_BYTES + 1]; /* the last SURPLUS_RETIME */
	struct surplus_item record;
};

struct surplus_reader {
	struct spool_reader *spool;
	bool has_kept;
	char kept[LIMIT_PATH_BYTES + 1]; /* the last SURPLUS_KEEP */
	struct surplus_item item;
};

static bool
is_below(const char *path, const char *top)
{
	size_t length = strlen(top);

	return strncmp(path, top, length) == 0 && path[length] == '/';
}

/* Is it, or a directory above it, excluded? */
static bool
is_excluded(const struct surplus *u, const char *path, bool is_directory)
{
	const struct filter *filter = u->s->run->request->filter;
	char above[LIMIT_PATH_BYTES + 1];

	if (filter == NULL)
		return false;
	for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) {
		size_t length = (size_t)(slash - path);

		memcpy(above, path, length);
		above[length] = '\0';
		if (filter_excludes(filter, above, true))
			return true;
	}
	return filter_excludes(filter, path, is_directory);
}

static int
append(struct surplus *u, enum surplus_kind kind, enum entry_type type, const char *path,
       size_t length)
{
	int r;

	u->record.kind = (uint8_t)kind;
	u->record.type = (uint8_t)type;
	memcpy(u->record.path, path, length);
	u->record.path[length] = '\0';
	r = spool_append(u->spool, &u->record, offsetof(struct surplus_item, path) + length + 1);
	return r != 0 ? problem_set(&u->s->problem, r, SIDE_LOCAL,
				    "the list of what is to be deleted: %s", error_text(r))
		      : 0;
}

/* The directory that path is in stays, and changes by this. */
static int
retime(struct surplus *u, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) : 0;

	if (u->has_retimed && strlen(u->retimed) == length && memcmp(u->retimed, path, length) == 0)
		return 0;
	u->has_retimed = true;
	memcpy(u->retimed, path, length);
	u->retimed[length] = '\0';
	return append(u, SURPLUS_RETIME, ENTRY_DIRECTORY, path, length);
}

/* Something of the destination: directories as they are entered, all else as it is met. */
static int
meet(struct surplus *u, const char *path, enum entry_type type, bool at_source)
{
	const struct transfer_request *request = u->s->run->request;
	bool excluded = is_excluded(u, path, type == ENTRY_DIRECTORY);
	bool inside = u->has_doomed && is_below(path, u->doomed);
	int r;

	if (at_source && !(excluded && request->delete_excluded))
		return 0;
	if (excluded && !request->delete_excluded)
		return inside ? append(u, SURPLUS_KEEP, type, path, strlen(path)) : 0;
	if (!inside) {
		if ((r = retime(u, path)) != 0)
			return r;
		if (type == ENTRY_DIRECTORY) {
			u->has_doomed = true;
			memcpy(u->doomed, path, strlen(path) + 1);
		}
	}
	return append(u, SURPLUS_REMOVE, type, path, strlen(path));
}

static void
incomplete(struct surplus *u)
{
	u->why = "the destination could not be listed to its end";
}

/* An error in what is excluded: at the source it changes nothing, at the destination it stays. */
static bool
is_of_no_concern(const struct surplus *u, const char *path, bool at_source)
{
	return path[0] != '\0' && (at_source || !u->s->run->request->delete_excluded) &&
	       is_excluded(u, path, true);
}

static void
other_type(struct surplus *u)
{
	u->why = "something of another type is there";
}

/* What the root's directory at the server has.  As listing_open(). */
static int
list(struct surplus *u, struct listing **l)
{
	struct stream *s = u->s;
	int r;

	do {
		r = listing_open(l, s->connection, 1, u->root->remote, true, 0, &s->problem);
	} while (r != 0 && stream_is_lost(s) && (r = stream_again(s)) == 0);
	return r;
}

/* A listing has failed.  0: another connection goes on with it; else why not, in s->problem. */
static int
list_again(struct surplus *u, struct listing *l)
{
	struct stream *s = u->s;
	int r = s->problem.error;

	while (r != 0 && stream_is_lost(s)) {
		listing_lost(l);
		if ((r = stream_again(s)) == 0) {
			(void)listing_again(l, s->connection); /* the answer tells what is wrong */
			r = listing_wait(l, &s->problem);
		}
	}
	return r;
}

/* As listing_next(), over as many connections as it takes. */
static int
next_line(struct surplus *u, struct listing *l, struct listing_line *line)
{
	int n;

	while ((n = listing_next(l, line, &u->s->problem)) < 0)
		if ((n = list_again(u, l)) != 0)
			return n;
	retry_progress(&u->s->run->retry);
	return n;
}

/* put: one line of what the server has. */
static int
take_line(struct surplus *u, const struct listing_line *line)
{
	const int flags = u->s->run->request->copy_links ? 0 : AT_SYMLINK_NOFOLLOW;
	bool entered = line->kind == LISTING_ENTER, at_source;
	enum entry_type type;
	struct stat st;

	if (line->kind == LISTING_ERROR && !is_of_no_concern(u, line->path, false))
		incomplete(u);
	if (line->kind == LISTING_ERROR || line->path[0] == '\0')
		return 0;
	type = (enum entry_type)line->attributes->metadata.type;
	if ((type == ENTRY_DIRECTORY) != entered)
		return 0;
	at_source = fstatat(u->root->local, line->path, &st, flags) == 0;
	if (at_source && entered && !S_ISDIR(st.st_mode) && !is_excluded(u, line->path, true))
		other_type(u);
	/* What cannot be seen for another reason may be there. */
	return meet(u, line->path, type, at_source || (errno != ENOENT && errno != ENOTDIR));
}

static int
find_remote(struct surplus *u)
{
	struct listing_line line;
	struct listing *l;
	int r = list(u, &l);

	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	while ((r = next_line(u, l, &line)) == 1)
		if ((r = take_line(u, &line)) != 0)
			break;
	listing_close(l);
	return r < 0 ? r : 0;
}

/* get: one item of both ends. */
static int
take_item(struct surplus *u, const struct merge_item *item, dev_t device)
{
	const struct listing_line *there = item->there;
	const struct walk_item *here = item->here;
	bool entered = item->kind == MERGE_ENTER, is_directory;

	if (item->kind == MERGE_ERROR || (here != NULL && here->kind == WALK_ERROR) ||
	    (there != NULL && there->kind == LISTING_ERROR)) {
		if (!is_of_no_concern(u, item->path, there != NULL && there->kind == LISTING_ERROR))
			incomplete(u);
		return 0;
	}
	if (here == NULL || item->path[0] == '\0')
		return 0;
	is_directory = S_ISDIR(here->st.st_mode);
	/* Other file systems are not entered, and stay. */
	if (is_directory && here->st.st_dev != device)
		return append(u, SURPLUS_KEEP, ENTRY_DIRECTORY, item->path, strlen(item->path));
	if (is_directory && !entered && there != NULL &&
	    there->attributes->metadata.type != ENTRY_DIRECTORY &&
	    !is_excluded(u, item->path, true))
		other_type(u);
	if (is_directory != entered)
		return 0;
	return meet(u, item->path, (enum entry_type)metadata_of(&here->st).type, there != NULL);
}

static int
merge_both(struct surplus *u, struct merge *merge, struct listing *l, dev_t device)
{
	struct merge_item item = {.kind = MERGE_ENTER};
	int r = 0;

	while (r == 0 && item.kind != MERGE_END) {
		while ((r = merge_next(merge, &item, &u->s->problem)) != 0)
			if (r != connection_error(u->s->connection) || list_again(u, l) != 0)
				return r;
		retry_progress(&u->s->run->retry);
		if (item.kind != MERGE_END)
			r = take_item(u, &item, device);
	}
	return r;
}

static int
find_local(struct surplus *u)
{
	const struct walk_options options = {.recursive = true, .one_file_system = true};
	struct stream *s = u->s;
	struct listing *l = NULL;
	struct merge *merge = NULL;
	struct walk *w = NULL;
	struct stat st;
	int r;

	if (u->root->local < 0)
		return 0;
	if (fstat(u->root->local, &st) != 0)
		return problem_local(&s->problem, error_from_errno(errno), errno);
	if ((r = list(u, &l)) != 0)
		return r;
	r = walk_new(&w, u->root->local, &options);
	if (r == 0 && (merge = merge_new(w, l)) == NULL)
		r = FTX_E_NOMEM;
	if (r != 0)
		problem_set(&s->problem, r, SIDE_LOCAL, NULL);
	else
		r = merge_both(u, merge, l, st.st_dev);
	merge_free(merge);
	walk_free(w);
	listing_close(l);
	return r;
}

int
surplus_find(struct surplus **out, struct stream *s, struct root *root, const char **why)
{
	struct surplus *u = calloc(1, sizeof(*u));
	int r = FTX_E_NOMEM;

	*out = NULL;
	if (u != NULL && (u->spool = spool_new()) != NULL) {
		u->s = s;
		u->root = root;
		r = run_is_put(s->run) ? find_remote(u) : find_local(u);
	} else {
		problem_set(&s->problem, r, SIDE_LOCAL, NULL);
	}
	if (r != 0) {
		surplus_free(u);
		return r;
	}
	*why = u->why;
	*out = u;
	return 0;
}

void
surplus_free(struct surplus *u)
{
	if (u == NULL)
		return;
	spool_free(u->spool);
	free(u);
}

struct surplus_reader *
surplus_reader_new(struct surplus *u)
{
	struct surplus_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->spool = spool_reader_new(u->spool, SPOOL_BACKWARD);
	if (r->spool == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
surplus_reader_free(struct surplus_reader *r)
{
	if (r == NULL)
		return;
	spool_reader_free(r->spool);
	free(r);
}

int
surplus_next(struct surplus_reader *r, const struct surplus_item **item)
{
	const void *record;
	size_t length;
	int error;

	*item = NULL;
	while ((error = spool_read(r->spool, &record, &length)) == 0 && record != NULL) {
		memcpy(&r->item, record, length);
		if (r->item.kind == SURPLUS_KEEP) {
			r->has_kept = true;
			memcpy(r->kept, r->item.path, strlen(r->item.path) + 1);
		} else if (r->item.kind == SURPLUS_RETIME || !r->has_kept ||
			   !is_below(r->kept, r->item.path)) {
			*item = &r->item;
			return 0;
		}
	}
	return error;
}

int
surplus_count(struct surplus *u, uint64_t *count)
{
	struct surplus_reader *r = surplus_reader_new(u);
	const struct surplus_item *item;
	int error = r != NULL ? 0 : FTX_E_NOMEM;

	*count = 0;
	while (error == 0 && (error = surplus_next(r, &item)) == 0 && item != NULL)
		*count += item->kind == SURPLUS_REMOVE;
	surplus_reader_free(r);
	return error;
}
