#include "src/client/scan.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/filter.h"
#include "src/client/selection.h"

static void
out_of_memory(struct run *run)
{
	struct problem p;

	problem_nomem(&p);
	run_trouble(run, &p);
}

/* false: the end of the run. */
static bool
flush(struct scanner *sc)
{
	struct batch *b = sc->batch;

	sc->batch = NULL;
	return b == NULL || work_push(&sc->run->work, b, sc->continues);
}

/* At a directory's end: is the batch worth sending? */
static bool
is_enough(struct scanner *sc, const struct batch *b)
{
	return b->count >= BATCH_ENOUGH ||
	       (b->count >= BATCH_FEW && work_is_hungry(&sc->run->work));
}

/* A batch with room for so many bytes; goes_on: in the directory that the last one ended in. */
static struct batch *
batch_for(struct scanner *sc, size_t encoded, bool goes_on)
{
	struct batch *b = sc->batch;
	bool same_root;

	if (b != NULL && (b->root != sc->root || !batch_has_room(b, encoded) ||
			  (!goes_on && is_enough(sc, b)))) {
		same_root = b->root == sc->root; /* flushed, it is not ours any more */
		if (!flush(sc))
			return NULL;
		sc->continues = goes_on && same_root;
	}
	if (sc->batch == NULL) {
		sc->batch = batch_new(sc->root);
		if (sc->batch == NULL)
			out_of_memory(sc->run);
	}
	return sc->batch;
}

static struct entry *
add(struct scanner *sc, const struct entry *e, bool goes_on)
{
	struct batch *b = batch_for(sc, entry_encoded(e), goes_on);
	struct entry *added;

	if (b == NULL)
		return NULL;
	added = batch_add(b, e);
	if (added == NULL)
		out_of_memory(sc->run);
	else
		work_expect(&sc->run->work, added);
	return added;
}

static void
leave_one(struct scanner *sc)
{
	work_leave(&sc->run->work, sc->above[--sc->depth]);
}

void
scan_leave(struct scanner *sc)
{
	while (sc->depth > 0)
		leave_one(sc);
}

/* Is directory the one that path is in? */
static bool
is_parent(const char *directory, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) : 0;

	return strlen(directory) == length && memcmp(directory, path, length) == 0;
}

bool
scan_enter(struct scanner *sc, const struct entry *from)
{
	struct entry e = *from;
	struct dirnode *d;

	if (from->path[0] != '\0') {
		while (sc->depth > 0 && !is_parent(sc->above[sc->depth - 1]->path, from->path))
			leave_one(sc);
		if (sc->depth == 0)
			return false;
	}
	d = dirnode_new(sc->depth > 0 ? sc->above[sc->depth - 1] : NULL, sc->root, from->path,
			&from->metadata);
	if (d == NULL) {
		out_of_memory(sc->run);
		return false;
	}
	work_enter(&sc->run->work, d);
	sc->above[sc->depth++] = d;
	e.directory = d;
	return add(sc, &e, false) != NULL;
}

bool
scan_add(struct scanner *sc, struct entry *e, uint64_t device, uint64_t links)
{
	struct run *run = sc->run;
	struct link_group *first = NULL;

	e->directory = sc->depth > 0 ? sc->above[sc->depth - 1] : NULL;
	atomic_fetch_add(&run->files_total, 1);
	atomic_fetch_add(&sc->root->entries, 1);
	if (run->request->hard_links && links > 1 && entry_is_file(e)) {
		if (run_looks_at_names(run)) {
			e->names = links;
			e->device = device;
		} else if (work_meet_link(&run->work, sc->root, device, links, e, &first) != 0) {
			out_of_memory(run);
			return false;
		} else if (first == NULL) {
			return true;
		}
	}
	e->links = first;
	atomic_fetch_add(&run->bytes_total, entry_is_file(e) ? e->identity.size : 0);
	return add(sc, e, sc->depth > 0) != NULL;
}

void
scan_skip(struct scanner *sc, const char *path, unsigned type)
{
	struct transfer_file f = {.type = (enum entry_type)type, .status = STATUS_SKIPPED};

	atomic_fetch_add(&sc->run->files_total, 1);
	atomic_fetch_add(&sc->root->entries, 1);
	run_result(sc->run, sc->root, path, &f, NULL);
}

void
scan_fail(struct scanner *sc, const char *path, enum entry_type type, bool of_directory,
	  const struct problem *p)
{
	struct transfer_file f = {.type = type};

	if (type != ENTRY_DIRECTORY)
		atomic_fetch_add(&sc->run->files_total, 1);
	if (of_directory)
		atomic_store(&sc->root->incomplete, true);
	run_result(sc->run, sc->root, path, &f, p);
}

bool
scan_wants(struct scanner *sc, const char *path, bool is_directory)
{
	const struct transfer_request *request = sc->run->request;

	if (request->filter != NULL && filter_excludes(request->filter, path, is_directory))
		return false;
	return request->selection == NULL ||
	       selection_check(request->selection, path, is_directory) != SELECTION_NONE;
}

void
scan_several(struct run *run)
{
	pthread_mutex_lock(&run->results);
	run->outcome.several = true;
	pthread_mutex_unlock(&run->results);
}

/* --files-from: what was listed and is not there. */
static void
report_unseen(struct scanner *sc)
{
	struct selection *selection = sc->run->request->selection;
	struct problem p;
	const char *path;
	size_t i = 0;

	if (selection == NULL || sc->root == NULL || atomic_load(&sc->run->over))
		return;
	while ((path = selection_next_unseen(selection, &i)) != NULL) {
		problem_set(&p, FTX_E_NOT_FOUND, run_is_put(sc->run) ? SIDE_LOCAL : SIDE_REMOTE,
			    NULL);
		scan_fail(sc, path, ENTRY_FILE, false, &p);
	}
}

void *
scan_main(void *arg)
{
	struct run *run = arg;
	struct scanner *sc = calloc(1, sizeof(*sc));

	if (sc == NULL) {
		out_of_memory(run);
		return NULL;
	}
	sc->run = run;
	if (run->request->source_count > 1 || run->request->selection != NULL)
		scan_several(run);
	/* Standard input is read by the first stream. */
	if (run_is_put(run) && run->request->input_fd < 0)
		scan_put(sc);
	else if (!run_is_put(run))
		scan_get(sc);
	if (flush(sc))
		report_unseen(sc);
	scan_leave(sc);
	atomic_store(&run->scanned, true);
	work_scanned(&run->work);
	free(sc);
	return NULL;
}
