#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/backup.h"
#include "src/client/landing.h"
#include "src/client/scan.h"
#include "src/store/walk.h"

/* What lstat or stat says, as an entry; the rest is added by describe(). */
static struct entry
entry_of(const char *path, const struct stat *st)
{
	struct entry e = {.path = path,
			  .target = "",
			  .metadata = metadata_of(st),
			  .identity = identity_of(st),
			  .allocated = (uint64_t)st->st_blocks * 512u};

	if (!S_ISREG(st->st_mode))
		e.identity.size = 0;
	return e;
}

/* Metadata with its parts, and a link's target.  0, or an error in p. */
static int
describe(struct scanner *sc, struct entry *e, int dir, const char *name, int fd,
	 const struct stat *st, struct problem *p)
{
	struct run *run = sc->run;
	int r;

	errno = 0;
	r = metadata_read(&run->rules, run->parts, dir, name, fd, st, &e->metadata, &sc->buffer);
	if (r == FTX_E_TOO_LARGE)
		return problem_set(p, r, SIDE_LOCAL, "its extended attributes are too large");
	if (r != 0)
		return problem_local(p, r, errno);
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(dir, name, sc->target, sizeof(sc->target));

		if (n < 0)
			return problem_local(p, error_from_errno(errno), errno);
		if ((size_t)n >= sizeof(sc->target))
			return problem_local(p, FTX_E_NAME, 0);
		sc->target[n] = '\0';
		e->target = sc->target;
	}
	return 0;
}

/* true: go on. */
static bool
take_entry(struct scanner *sc, const struct walk_item *item)
{
	const struct transfer_request *request = sc->run->request;
	struct entry e = entry_of(item->path, &item->st);
	struct problem p;
	bool entered = S_ISDIR(item->st.st_mode);

	/* Directories come again when they are entered, but for those of other file systems. */
	if (entered && !(request->one_file_system && item->st.st_dev != sc->device))
		return true;
	if (!entered && !S_ISREG(item->st.st_mode) && !S_ISLNK(item->st.st_mode)) {
		scan_skip(sc, item->path, e.metadata.type);
		return true;
	}
	if (describe(sc, &e, item->dir, item->name, -1, &item->st, &p) != 0) {
		scan_fail(sc, item->path, (enum entry_type)e.metadata.type, false, &p);
		return true;
	}
	if (entered)
		return scan_enter(sc, &e);
	return scan_add(sc, &e, item->st.st_dev, item->st.st_nlink);
}

static bool
take_directory(struct scanner *sc, const struct walk_item *item)
{
	struct entry e = entry_of(item->path, &item->st);
	struct problem p;

	if (item->dir >= 0 && describe(sc, &e, item->dir, "", item->dir, &item->st, &p) != 0)
		scan_fail(sc, item->path, ENTRY_DIRECTORY, false, &p);
	return scan_enter(sc, &e);
}

static void
take_error(struct scanner *sc, const struct walk_item *item)
{
	struct problem p;

	if (item->error == FTX_E_NOT_FOUND)
		problem_local(&p, FTX_E_VANISHED, 0);
	else
		problem_local(&p, item->error, item->errnum);
	scan_fail(sc, item->path, item->of_directory ? ENTRY_DIRECTORY : ENTRY_FILE,
		  item->of_directory, &p);
}

static bool
wanted(void *arg, const char *path, bool is_directory)
{
	return scan_wants(arg, path, is_directory);
}

static void
walk(struct scanner *sc)
{
	const struct transfer_request *request = sc->run->request;
	const struct walk_options options = {.recursive = true,
					     .follow = request->copy_links,
					     .one_file_system = request->one_file_system,
					     .wanted = wanted,
					     .arg = sc};
	struct walk_item item = {.kind = WALK_LEAVE};
	struct problem p;
	struct walk *w = NULL;
	bool good = true;
	int r = walk_new(&w, sc->root->local, &options);

	while (r == 0 && good && item.kind != WALK_END && !cancel_requested(&sc->run->cancel)) {
		r = walk_next(w, &item);
		if (r != 0)
			break;
		switch (item.kind) {
		case WALK_ENTER:
			good = take_directory(sc, &item);
			break;
		case WALK_ENTRY:
			good = take_entry(sc, &item);
			break;
		case WALK_ERROR:
			take_error(sc, &item);
			break;
		case WALK_LEAVE:
		case WALK_END:
			break;
		}
	}
	if (r != 0) {
		problem_set(&p, r, SIDE_LOCAL, NULL);
		run_trouble(sc->run, &p);
	}
	if (w != NULL && walk_reserved(w) > 0)
		run_reserved(sc->run, sc->root, walk_reserved(w));
	walk_free(w);
	scan_leave(sc);
}

/* One source that is no directory. */
static void
scan_file(struct scanner *sc, const struct stat *st)
{
	struct entry e = entry_of("", st);
	struct problem p;

	if (!S_ISREG(st->st_mode))
		scan_skip(sc, "", e.metadata.type);
	else if (describe(sc, &e, AT_FDCWD, sc->root->local_path, -1, st, &p) != 0)
		scan_fail(sc, "", ENTRY_FILE, false, &p);
	else
		(void)scan_add(sc, &e, st->st_dev, 1);
}

static void
scan_root(struct scanner *sc, const struct stat *st)
{
	struct root *root = sc->root;
	struct problem p;

	if (landing_put(sc->run, root, &p) != 0) {
		scan_fail(sc, "", ENTRY_FILE, true, &p);
		return;
	}
	if (sc->run->request->backup_dir != NULL &&
	    backup_check(root, sc->run->request->backup_dir, &p) != 0) {
		run_trouble(sc->run, &p);
		return;
	}
	if (!root->is_directory) {
		scan_file(sc, st);
		return;
	}
	root->local = open(root->local_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->local < 0) {
		problem_local(&p, error_from_errno(errno), errno);
		scan_fail(sc, "", ENTRY_DIRECTORY, true, &p);
		return;
	}
	sc->device = st->st_dev;
	walk(sc);
}

/* Looks at all sources; what is wrong with the request as a whole is found before anything moves.
 */
static int
look_at_sources(struct run *run, struct stat *sts, int *errnums)
{
	const struct transfer_request *request = run->request;
	size_t directories = 0;
	struct problem p;

	for (size_t i = 0; i < request->source_count; i++) {
		struct root *root = &run->roots[i];

		root->local_path = root_join(root->typed, "");
		if (root->local_path == NULL)
			errnums[i] = ENOMEM;
		else
			errnums[i] = stat(root->local_path, &sts[i]) != 0 ? errno : 0;
		root->is_directory = errnums[i] == 0 && S_ISDIR(sts[i].st_mode);
		directories += root->is_directory;
	}
	if (directories > 0)
		scan_several(run);
	if (request->selection != NULL && directories != 1)
		problem_set(&p, FTX_E_USAGE, SIDE_LOCAL,
			    "--files-from needs one directory as source");
	else if (request->delete &&directories == 0)
		problem_set(&p, FTX_E_USAGE, SIDE_LOCAL, "--delete needs a directory as source");
	else if (request->set != SET_NONE && directories != 1)
		problem_set(&p, FTX_E_USAGE, SIDE_LOCAL,
			    "a set needs one directory as source (--atomic-set, --replace-set)");
	else
		return 0;
	run_trouble(run, &p);
	return p.error;
}

void
scan_put(struct scanner *sc)
{
	struct run *run = sc->run;
	size_t count = run->request->source_count;
	struct stat *sts = calloc(count, sizeof(*sts));
	int *errnums = calloc(count, sizeof(*errnums));
	struct problem p;

	if (sts == NULL || errnums == NULL) {
		problem_nomem(&p);
		run_trouble(run, &p);
		goto out;
	}
	if (look_at_sources(run, sts, errnums) != 0)
		goto out;
	for (size_t i = 0; i < count && !cancel_requested(&run->cancel); i++) {
		sc->root = &run->roots[i];
		if (errnums[i] != 0) {
			problem_local(&p, error_from_errno(errnums[i]), errnums[i]);
			scan_fail(sc, "", ENTRY_FILE, true, &p);
			continue;
		}
		scan_root(sc, &sts[i]);
	}
out:
	free(sts);
	free(errnums);
}
