#include "src/client/verify_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/filter.h"
#include "src/client/merge.h"

const char *
difference_text(enum difference d)
{
	static const char *const texts[DIFFERENCE_COUNT] = {
	    [DIFFERENCE_ONLY_HERE] = "only here",     [DIFFERENCE_ONLY_THERE] = "only there",
	    [DIFFERENCE_TYPE] = "type differs",	      [DIFFERENCE_SIZE] = "size differs",
	    [DIFFERENCE_CONTENT] = "content differs", [DIFFERENCE_TARGET] = "target differs",
	    [DIFFERENCE_MODE] = "mode differs",	      [DIFFERENCE_MTIME] = "mtime differs",
	};

	return texts[d];
}

void
verify_give(struct verify *v, const struct verify_result *result)
{
	v->progress->files++;
	v->request->on_result(v->request->arg, result);
}

void
verify_fail(struct verify *v, const char *path, enum entry_type type, const struct problem *p)
{
	verify_give(v, &(struct verify_result){.path = path, .type = type, .problem = p});
}

void
verify_fail_remote(struct verify *v, const char *path, enum entry_type type, int error)
{
	struct problem p;

	problem_set(&p, error, SIDE_REMOTE, NULL);
	verify_fail(v, path, type, &p);
}

void
verify_fail_local(struct verify *v, const char *path, enum entry_type type, int error, int errnum)
{
	struct problem p;

	problem_local(&p, error == FTX_E_NOT_FOUND ? FTX_E_VANISHED : error, errnum);
	verify_fail(v, path, type, &p);
}

static unsigned
compare_metadata(const struct metadata *here, const struct metadata *there)
{
	unsigned differences = 0;

	if (here->type != ENTRY_SYMLINK && (here->mode & 07777) != (there->mode & 07777))
		differences |= 1u << DIFFERENCE_MODE;
	/* Either end may be the copy, with the coarser times. */
	if (!mtime_same(here->mtime_s, here->mtime_ns, there->mtime_s, there->mtime_ns) &&
	    !mtime_same(there->mtime_s, there->mtime_ns, here->mtime_s, here->mtime_ns))
		differences |= 1u << DIFFERENCE_MTIME;
	return differences;
}

/* 0 with *same, or the error of this end. */
static int
compare_target(struct verify *v, int dir, const char *name, const struct span *there, bool *same)
{
	ssize_t n = readlinkat(dir, name, v->target, sizeof(v->target));

	if (n < 0)
		return error_from_errno(errno);
	*same = (size_t)n == there->length && memcmp(v->target, there->data, (size_t)n) == 0;
	return 0;
}

static bool
is_special(enum entry_type type)
{
	return type != ENTRY_FILE && type != ENTRY_DIRECTORY && type != ENTRY_SYMLINK;
}

/* What both ends have.  dir and name: of this end, for a link. */
static int
compare_both(struct verify *v, const char *path, int dir, const char *name, const struct stat *st,
	     const struct attributes *there)
{
	struct metadata here = metadata_of(st);
	struct verify_result result = {.path = path, .type = (enum entry_type)here.type};
	bool same = false;
	int r;

	if (here.type != there->metadata.type) {
		result.differences = 1u << DIFFERENCE_TYPE;
		verify_give(v, &result);
		return 0;
	}
	result.skipped = is_special(result.type);
	if (v->request->metadata && !result.skipped)
		result.differences = compare_metadata(&here, &there->metadata);
	if (result.type == ENTRY_SYMLINK) {
		errno = 0;
		if ((r = compare_target(v, dir, name, &there->target, &same)) != 0) {
			verify_fail_local(v, path, result.type, r, errno);
			return 0;
		}
		if (!same)
			result.differences |= 1u << DIFFERENCE_TARGET;
	} else if (result.type == ENTRY_FILE && (uint64_t)st->st_size == there->identity.size) {
		return verify_content(v, path, there->identity.size, result.differences);
	} else if (result.type == ENTRY_FILE) {
		result.differences |= 1u << DIFFERENCE_SIZE;
	}
	verify_give(v, &result);
	return 0;
}

/* What is at one end only: special files are not transferred, so they are not missed. */
static void
judge_lonely(struct verify *v, const char *path, enum entry_type type, enum difference d)
{
	struct verify_result result = {
	    .path = path, .type = type, .skipped = is_special(type), .differences = 1u << d};

	if (result.skipped)
		result.differences = 0;
	verify_give(v, &result);
}

/* Of an entry with an error the type is not told: it may be a mount point. */
static bool
is_excluded_there(const struct verify *v, const char *path, const struct listing_line *line)
{
	bool is_directory =
	    line->attributes == NULL || line->attributes->metadata.type == ENTRY_DIRECTORY;

	return v->request->filter != NULL &&
	       filter_excludes(v->request->filter, path, is_directory);
}

/* Both, or one, could not be looked at. */
static bool
take_entry_errors(struct verify *v, const struct merge_item *item)
{
	bool here = item->here != NULL && item->here->kind == WALK_ERROR;
	bool there = item->there != NULL && item->there->kind == LISTING_ERROR;

	v->progress->files_total += here || there;
	if (here)
		verify_fail_local(v, item->path, ENTRY_FILE, item->here->error, item->here->errnum);
	else if (there)
		verify_fail_remote(v, item->path, ENTRY_FILE, item->there->error);
	return here || there;
}

static int
take_entry(struct verify *v, const struct merge_item *item)
{
	const struct walk_item *here = item->here;
	const struct listing_line *there = item->there;

	/* What is below a directory of one end was said with it. */
	if (!v->both || (here == NULL && is_excluded_there(v, item->path, there)))
		return 0;
	if (take_entry_errors(v, item))
		return 0;
	if ((here == NULL && v->here_incomplete) || (there == NULL && v->there_incomplete))
		return 0;
	v->progress->files_total++;
	if (there == NULL)
		judge_lonely(v, item->path, (enum entry_type)metadata_of(&here->st).type,
			     DIFFERENCE_ONLY_HERE);
	else if (here == NULL)
		judge_lonely(v, item->path, (enum entry_type)there->attributes->metadata.type,
			     DIFFERENCE_ONLY_THERE);
	else
		return compare_both(v, item->path, here->dir, here->name, &here->st,
				    there->attributes);
	return 0;
}

/* Of the directory itself; its entries have results of their own. */
static void
take_directory_error(struct verify *v, const struct merge_item *item)
{
	assert(item->here != NULL || item->there != NULL); /* merge.h */
	if (!v->both)
		return;
	v->here_incomplete = v->here_incomplete || item->here != NULL;
	v->there_incomplete = v->there_incomplete || item->there != NULL;
	v->progress->files_total++;
	if (item->here != NULL)
		verify_fail_local(v, item->path, ENTRY_DIRECTORY, item->here->error,
				  item->here->errnum);
	else
		verify_fail_remote(v, item->path, ENTRY_DIRECTORY, item->there->error);
}

static int
compare_trees(struct verify *v, struct walk *w, struct merge *m)
{
	struct merge_item item = {.kind = MERGE_ENTER};
	int r = 0;

	while (r == 0) {
		while ((r = merge_next(m, &item, v->problem)) != 0)
			if ((r = verify_recover(v)) != 0)
				return r;
		if (cancel_requested(v->request->cancel))
			return verify_explain(v, FTX_E_INTERRUPTED);
		switch (item.kind) {
		case MERGE_ENTER:
			v->both = item.here != NULL && item.there != NULL;
			v->here_incomplete = v->there_incomplete = false;
			if (item.there == NULL)
				walk_skip(w);
			break;
		case MERGE_ENTRY:
			r = take_entry(v, &item);
			break;
		case MERGE_ERROR:
			take_directory_error(v, &item);
			break;
		case MERGE_END:
			return 0;
		}
	}
	return r;
}

static bool
wanted(void *arg, const char *path, bool is_directory)
{
	const struct verify *v = arg;

	return !filter_excludes(v->request->filter, path, is_directory);
}

static int
run_trees(struct verify *v)
{
	const struct verify_request *request = v->request;
	struct walk_options options = {.recursive = true,
				       .one_file_system = request->one_file_system};
	struct tree_options beside = {
	    .root = v->top, .resolve_flags = RESOLVE_ENTER_MOUNTS, .temp_dir = -1};
	struct listing *l = NULL;
	struct merge *m = NULL;
	struct walk *w = NULL;
	int r;

	while (listing_open(&l, v->connection, 0, request->remote, true, 0, v->problem) != 0)
		if ((r = verify_recover(v)) != 0)
			return r;
	v->listing = l;
	if (request->filter != NULL) {
		options.wanted = wanted;
		options.arg = v;
	}
	r = walk_new(&w, v->top, &options);
	if (r == 0 && ((m = merge_new(w, l)) == NULL || (v->tree = tree_new(&beside)) == NULL))
		r = FTX_E_NOMEM;
	if (r != 0)
		problem_set(v->problem, r, SIDE_LOCAL, NULL);
	else
		r = compare_trees(v, w, m);
	v->progress->scanned = r == 0;
	merge_free(m);
	walk_free(w);
	v->listing = NULL;
	listing_close(l);
	return r;
}

/* The two things named. */
static int
run_tops(struct verify *v)
{
	const struct verify_request *request = v->request;
	struct stat st;
	int r;

	v->progress->files_total = 1;
	if (stat(request->local, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return problem_local(v->problem, FTX_E_NOT_FOUND, errno);
		verify_fail_local(v, "", ENTRY_FILE, error_from_errno(errno), errno);
		return 0;
	}
	r = compare_both(v, "", AT_FDCWD, request->local, &st, request->top);
	if (r != 0 || !S_ISDIR(st.st_mode) || request->top->metadata.type != ENTRY_DIRECTORY)
		return r;
	v->top = open(request->local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->top < 0) {
		v->progress->files_total++;
		verify_fail_local(v, "", ENTRY_DIRECTORY, error_from_errno(errno), errno);
		return 0;
	}
	return run_trees(v);
}

int
verify_run(struct connection *c, const struct verify_request *request,
	   struct transfer_progress *progress, struct problem *p)
{
	struct verify *v = calloc(1, sizeof(*v));
	int r = v != NULL ? 0 : FTX_E_NOMEM;

	*progress = (struct transfer_progress){.phase = PHASE_VERIFY};
	if (r == 0) {
		v->connection = c;
		v->request = request;
		v->progress = progress;
		v->problem = p;
		v->top = -1;
		v->portion = calloc(1, sizeof(*v->portion));
		v->last = calloc(1, sizeof(*v->last));
		r = v->portion != NULL && v->last != NULL ? 0 : FTX_E_NOMEM;
	}
	if (r != 0)
		problem_set(p, r, SIDE_LOCAL, NULL);
	else if ((r = run_tops(v)) == 0 && (r = verify_flush(v)) == 0) {
		r = verify_finish(v, v->last);
		while (r != 0 && (r = verify_recover(v)) == 0)
			r = verify_finish(v, v->last);
	}
	progress->scanned = progress->scanned || r == 0;
	if (v != NULL) {
		/* Where it was interrupted, answers may still come. */
		if (v->portion != NULL && v->connection != NULL)
			connection_abandon(v->connection, &v->portion->reply);
		if (v->last != NULL && v->connection != NULL)
			connection_abandon(v->connection, &v->last->reply);
		tree_free(v->tree);
		if (v->top >= 0)
			close(v->top);
		free(v->portion);
		free(v->last);
	}
	free(v);
	return r;
}
