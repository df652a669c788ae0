#include <string.h>

#include "proto/errors.h"
#include "src/client/connect.h"
#include "src/client/get_output.h"
#include "src/client/landing.h"
#include "src/client/listing.h"
#include "src/client/scan.h"

/* A source that is asked for. */
struct looking {
	struct scanner *sc;
	struct reply reply;
	struct listing *listing;
	bool known;  /* what it is; not what went wrong with that */
	bool landed; /* a directory: where it lands is known, and it is being listed */
	struct entry e;
	uint64_t links;
	char target[LIMIT_PATH_BYTES + 1];
};

static int
check(const struct attributes *a, unsigned parts)
{
	return a->metadata.type == 0 || (a->metadata.flags & ~parts) != 0 ||
		       xattrs_check(&a->metadata.xattrs) != 0 ||
		       (a->metadata.type == ENTRY_FILE && a->identity.size > LIMIT_FILE_BYTES) ||
		       memchr(a->target.data, 0, a->target.length) != NULL
		   ? FTX_E_PROTOCOL
		   : 0;
}

/* What the server says of an entry; path is borrowed, a link's target is copied. */
static int
entry_of(struct entry *e, char target[static LIMIT_PATH_BYTES + 1], const char *path,
	 const struct attributes *a, unsigned parts)
{
	int r = check(a, parts);

	if (r != 0)
		return r;
	memcpy(target, a->target.data, a->target.length);
	target[a->target.length] = '\0';
	*e = (struct entry){.path = path,
			    .target = a->metadata.type == ENTRY_SYMLINK ? target : "",
			    .metadata = a->metadata,
			    .identity = a->identity,
			    .allocated = a->allocated};
	if (a->metadata.type != ENTRY_FILE)
		e->identity.size = 0;
	return 0;
}

/* The source itself. */
static int
take_stat(void *arg, const struct message *m)
{
	struct looking *l = arg;
	struct scanner *sc = l->sc;
	const struct attributes *a = &m->entry.attributes;
	struct problem p;
	int r;

	if (m->type != MESSAGE_ENTRY)
		return 0;
	if ((r = entry_of(&l->e, l->target, "", a, sc->run->parts)) != 0)
		return r;
	l->known = true;
	l->links = a->links;
	sc->root->is_directory = a->metadata.type == ENTRY_DIRECTORY;
	if (a->metadata.type != ENTRY_FILE)
		return 0;
	/* What it leads to lives until this returns: the batch gets it here. */
	if (landing_get(sc->run, sc->root, &p) != 0)
		scan_fail(sc, "", ENTRY_FILE, true, &p);
	else
		(void)scan_add(sc, &l->e, 0, 1);
	return 0;
}

static void
leave_out(struct scanner *sc, const char *path)
{
	memcpy(sc->left_out, path, strlen(path) + 1);
	sc->inside = false;
}

/* Is the line of, or below, a directory that is left out? */
static bool
is_left_out(const struct scanner *sc, const struct listing_line *line)
{
	size_t length = strlen(sc->left_out);

	return length > 0 && strncmp(line->path, sc->left_out, length) == 0 &&
	       (line->path[length] == '/' || line->path[length] == '\0');
}

static bool
take_line(struct scanner *sc, const struct listing_line *line, struct problem *p)
{
	struct run *run = sc->run;
	struct entry e;
	enum side side = SIDE_REMOTE;
	int r;

	if (is_left_out(sc, line))
		return true;
	if (line->kind == LISTING_ERROR) {
		if (line->path[0] != '\0' && !scan_wants(sc, line->path, line->of_directory))
			return true;
		problem_set(p, line->error == FTX_E_NOT_FOUND ? FTX_E_VANISHED : line->error, side,
			    NULL);
		scan_fail(sc, line->path, line->of_directory ? ENTRY_DIRECTORY : ENTRY_FILE,
			  line->of_directory, p);
		return true;
	}
	r = entry_of(&e, sc->target, line->path, line->attributes, run->parts);
	if (r != 0) {
		problem_set(p, r, side, NULL);
		run_trouble(run, p);
		return false;
	}
	if (line->kind == LISTING_ENTER) {
		if (e.metadata.type == ENTRY_DIRECTORY &&
		    (line->path[0] == '\0' || scan_wants(sc, line->path, true)))
			sc->inside = scan_enter(sc, &e);
		else
			leave_out(sc, line->path);
		return !cancel_requested(&run->cancel);
	}
	if (!sc->inside || e.metadata.type == ENTRY_DIRECTORY)
		return true;
	if (!scan_wants(sc, line->path, false))
		return true;
	if (e.metadata.type != ENTRY_FILE && e.metadata.type != ENTRY_SYMLINK) {
		scan_skip(sc, line->path, e.metadata.type);
		return true;
	}
	return scan_add(sc, &e, 0, line->attributes->links);
}

/* Over the connection that was lost it can go on over another one. */
static int
list(struct scanner *sc, struct listing *l, struct connection *c, struct problem *p)
{
	struct run *run = sc->run;
	struct listing_line line;
	int r = listing_wait(l, p);

	while (r == 0 && (r = listing_next(l, &line, p)) == 1 && !cancel_requested(&run->cancel)) {
		retry_progress(&run->retry);
		if (!take_line(sc, &line, p))
			break;
		r = 0;
	}
	if (r >= 0 || !run_goes_on(run, c))
		scan_leave(sc);
	return r < 0 ? r : 0;
}

/* READ of a link is refused, and says where the link leads. */
static void
refuse_link(struct connection *c, const struct entry *e, const char *remote, struct problem *p)
{
	struct message m = {.type = MESSAGE_READ};
	struct reply reply = {0};

	m.read.path = span_of(remote);
	m.read.identity = e->identity;
	if (connection_call(c, &m, &reply) != 0)
		*p = reply.problem;
	else
		problem_set(p, FTX_E_IS_LINK, SIDE_REMOTE, NULL);
}

/*
 * What a source is, and its listing: most often it is a directory.  Of a file nothing comes of
 * that.
 */
static int
ask(void *arg, struct connection *c)
{
	struct looking *l = arg;
	const struct run *run = l->sc->run;
	struct message m = {.type = MESSAGE_STAT};
	const char *path = l->sc->root->remote;
	int r;

	if (l->landed)
		return listing_again(l->listing, c);
	l->reply = (struct reply){.on_message = take_stat, .arg = l};
	m.stat.path = span_of(path);
	m.stat.parts = (uint16_t)run->parts;
	r = connection_request(c, &m, &l->reply);
	return r != 0 ? r : listing_ask(l->listing, c, path);
}
_Static_assert(1 + LISTING_REQUESTS <= EARLY_REQUESTS, "asked before WELCOME");

/* Of a directory all that is in it; of anything else there is nothing more to do. */
static int
take_type(struct looking *l, struct connection *c, struct problem *p)
{
	struct scanner *sc = l->sc;
	int r;

	if (l->e.metadata.type == ENTRY_FILE)
		return 0;
	if (l->e.metadata.type == ENTRY_SYMLINK) {
		refuse_link(c, &l->e, sc->root->remote, p);
		if ((r = connection_error(c)) == 0)
			scan_fail(sc, "", ENTRY_SYMLINK, true, p);
		return r;
	}
	if (l->e.metadata.type != ENTRY_DIRECTORY) {
		scan_skip(sc, "", l->e.metadata.type);
		return 0;
	}
	if (!l->landed) {
		scan_several(sc->run);
		sc->left_out[0] = '\0';
		if (landing_get(sc->run, sc->root, p) != 0) {
			scan_fail(sc, "", ENTRY_DIRECTORY, true, p);
			return 0;
		}
		l->landed = true;
	}
	r = list(sc, l->listing, c, p);
	if (r == 0 || connection_error(c) != 0 || r == FTX_E_INTERRUPTED)
		return r;
	scan_fail(sc, "", ENTRY_DIRECTORY, true, p);
	return 0;
}

/* What was found at the source.  0, or why the connection is over, in p. */
static int
take_root(struct looking *l, struct connection *c, struct problem *p)
{
	int r = l->landed ? 0 : connection_answer(c, &l->reply);

	if (r == 0)
		return take_type(l, c, p);
	*p = l->reply.problem;
	/* A file is on its way already. */
	if (l->known && l->e.metadata.type == ENTRY_FILE)
		return 0;
	if (connection_error(c) != 0 || r == FTX_E_INTERRUPTED)
		return r;
	scan_fail(l->sc, "", ENTRY_FILE, true, p);
	return 0;
}

/* The connection is lost, and another one is to go on. */
static bool
is_lost(struct run *run, struct connection **c)
{
	if (!run_goes_on(run, *c))
		return false;
	connection_free(*c);
	*c = NULL;
	return true;
}

/* The first source is asked for as soon as there is a connection, which becomes *c. */
static int
scan_root(struct scanner *sc, struct connection **c, struct problem *p)
{
	struct run *run = sc->run;
	struct looking l = {.sc = sc, .listing = listing_new(0, true, run->parts)};
	const struct early early = {ask, &l};
	struct server_info info;
	int r;

	if (l.listing == NULL)
		return problem_nomem(p);
	do {
		r = 0;
		if (*c != NULL)
			(void)ask(&l, *c); /* the answer tells what is wrong */
		else
			r = run_connect(run, SCANNER_STREAM, &early, c, &info, p);
		if (r == 0)
			r = take_root(&l, *c, p);
		if (*c == NULL || connection_error(*c) != 0)
			listing_lost(l.listing);
	} while (r != 0 && is_lost(run, c));
	if (r != 0)
		scan_leave(sc);
	listing_close(l.listing);
	return r;
}

/* Standard output gets one source after the other. */
static int
scan_output(struct scanner *sc, struct connection **c, struct problem *p)
{
	return get_output(sc->run, sc->root, c, p);
}

void
scan_get(struct scanner *sc)
{
	struct run *run = sc->run;
	struct connection *c = NULL;
	struct problem p;
	size_t directories = 0;
	int r = 0;

	for (size_t i = 0; i < run->request->source_count && r == 0; i++) {
		if (cancel_requested(&run->cancel))
			break;
		sc->root = &run->roots[i];
		r = run->to_output ? scan_output(sc, &c, &p) : scan_root(sc, &c, &p);
		directories += sc->root->is_directory;
	}
	if (r == 0 && !cancel_requested(&run->cancel) &&
	    ((run->request->selection != NULL && directories != 1) ||
	     (run->request->delete &&directories == 0)))
		r = problem_set(&p, FTX_E_USAGE, SIDE_LOCAL,
				run->request->delete
				    ? "--delete needs a directory as source"
				    : "--files-from needs one directory as source");
	if (r != 0 && r != FTX_E_INTERRUPTED)
		run_trouble(run, &p);
	connection_close(c);
}
