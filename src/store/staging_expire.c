#include "src/store/staging_expire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/each_name.h"
#include "src/store/journal.h"
#include "src/store/publish.h"
#include "src/store/remove_tree.h"
#include "src/store/set_impl.h"
#include "src/store/staging.h"
#include "src/store/walk.h"

enum {
	ID_CHARS = UPLOAD_ID_BYTES - 1,
	NODE_CHARS = UPLOAD_NODE_BYTES - 1,
	NAME_BYTES = UPLOAD_ID_BYTES + UPLOAD_NODE_BYTES + 16,
};

struct expiry {
	int staging;
	int up, sets; /* of the client that is looked at; -1: it has none */
	int64_t before_s;
	struct staging_expired *expired;
	void (*progress)(void *arg);
	void *arg;
};

static void
progress(const struct expiry *e)
{
	if (e->progress != NULL)
		e->progress(e->arg);
}

static void
fail(struct expiry *e, int errnum)
{
	if (errnum != ENOENT)
		e->expired->failed++;
}

static int
open_directory(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Characters of ID, or of ID.NODE (struct upload_staging); 0: name begins with neither. */
static size_t
stem_of(const char *name)
{
	static const char digits[] = "0123456789abcdef";
	const char *node = name + ID_CHARS + 1;

	if (strspn(name, digits) != ID_CHARS)
		return 0;
	if (name[ID_CHARS] == '.' && strspn(node, digits) == NODE_CHARS)
		return ID_CHARS + 1 + NODE_CHARS;
	return ID_CHARS;
}

/* Has name the form of one of these and suffix? */
static bool
is_id(const char *name, const char *suffix)
{
	size_t stem = stem_of(name);

	return stem != 0 && strcmp(name + stem, suffix) == 0;
}

/* name with another suffix. */
static void
sibling(char out[static NAME_BYTES], const char *name, const char *suffix)
{
	snprintf(out, NAME_BYTES, "%.*s%s", (int)stem_of(name), name, suffix);
}

/* Is name in dir a file that was last written to before that moment?  What is not there is old. */
static bool
is_old(const struct expiry *e, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	return S_ISREG(st.st_mode) && st.st_mtim.tv_sec < e->before_s;
}

static void
unlink_file(struct expiry *e, const char *name)
{
	struct usage_tally tally = {0};
	struct stat st;

	if (fstatat(e->up, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (unlinkat(e->up, name, 0) != 0) {
		fail(e, errno);
		return;
	}
	usage_note_gone(&tally, &st);
	e->expired->bytes += tally.gone.bytes;
}

/* Whoever works on a partial, or begins to, has a lock on its journal. */
static void
expire_partial(struct expiry *e, const char *journal)
{
	char part[NAME_BYTES];
	struct journal j;

	sibling(part, journal, ".part");
	if (!is_old(e, e->up, journal) || !is_old(e, e->up, part))
		return;
	if (journal_open(&j, e->up, journal) != 0) {
		fail(e, errno);
		return;
	}
	/* Asked again: the one before may just have ended. */
	if (journal_lock(&j, JOURNAL_EXCLUSIVE, 0) == 0 && journal_in_place(&j) &&
	    is_old(e, e->up, journal) && is_old(e, e->up, part)) {
		unlink_file(e, part); /* a journal without a partial starts over */
		unlink_file(e, journal);
		e->expired->partials++;
	}
	journal_close(&j);
}

/* A file that belongs to no journal. */
static void
expire_stray(struct expiry *e, const char *name)
{
	char journal[NAME_BYTES];
	struct stat st;

	sibling(journal, name, ".jnl");
	if (is_id(name, ".part") && fstatat(e->up, journal, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	if (fstatat(e->up, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !is_old(e, e->up, name))
		return;
	unlink_file(e, name);
	e->expired->partials++;
}

/* Has nothing in the set been made, written or given another name since? */
static bool
is_set_old(const struct expiry *e, int set)
{
	const struct walk_options options = {
	    .recursive = true, .refuse_mounts = true, .show_reserved = true};
	struct walk_item item = {.kind = WALK_LEAVE};
	struct walk *walk;
	bool old = true;

	if (walk_new(&walk, set, &options) != 0)
		return false;
	while (old && walk_next(walk, &item) == 0 && item.kind != WALK_END) {
		progress(e);
		/* Files have the times of their sources; when they came says the inode's change. */
		if (item.kind == WALK_ENTER || item.kind == WALK_ENTRY)
			old = item.st.st_ctim.tv_sec < e->before_s;
		else if (item.kind == WALK_ERROR && item.error != FTX_E_DENIED)
			old = false;
	}
	old = old && item.kind == WALK_END;
	walk_free(walk);
	return old;
}

static void
remove_set(struct expiry *e, const char *name)
{
	struct usage_tally tally = {0};
	int r = remove_tree(e->sets, name, e->progress, e->arg, &tally);

	e->expired->bytes += tally.gone.bytes;
	if (r != 0)
		e->expired->failed++;
	else
		e->expired->sets++;
}

static bool
is_set_there_and_old(const struct expiry *e, const char *name)
{
	int set = open_directory(e->sets, name);
	bool old = set >= 0 && is_set_old(e, set);

	if (set >= 0)
		close(set);
	return old;
}

/* Opened and nobody else's; -1: somebody has the set, or it has none.  *missing: the latter. */
static int
lock_set(const struct expiry *e, const char *lock_name, bool *missing)
{
	struct set s = {.lock =
			    openat(e->up, lock_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};

	*missing = s.lock < 0 && errno == ENOENT;
	if (s.lock < 0)
		return -1;
	if (set_lock(&s, SET_MEMBERS, F_WRLCK, 0) == 0 &&
	    publish_leads_to(e->up, lock_name, s.lock))
		return s.lock;
	close(s.lock);
	return -1;
}

/* Of the directory for sets: a set, or the rest of an old tree. */
static void
expire_set(struct expiry *e, const char *name)
{
	char lock_name[NAME_BYTES];
	bool missing;
	int lock;

	if (strcmp(name, "tmp") == 0 || !is_set_there_and_old(e, name))
		return;
	sibling(lock_name, name, ".lock");
	if (!is_id(name, "")) {
		remove_set(e, name);
		return;
	}
	lock = lock_set(e, lock_name, &missing);
	if (lock < 0 && !missing)
		return;
	if (is_set_there_and_old(e, name)) {
		remove_set(e, name);
		if (lock >= 0)
			unlink_file(e, lock_name);
	}
	if (lock >= 0)
		close(lock);
}

/* The lock file of a set that is not there. */
static void
expire_lock(struct expiry *e, const char *lock_name)
{
	char name[NAME_BYTES];
	struct stat st;
	bool missing;
	int lock;

	sibling(name, lock_name, "");
	if (!is_old(e, e->up, lock_name) ||
	    (e->sets >= 0 && fstatat(e->sets, name, &st, AT_SYMLINK_NOFOLLOW) == 0) ||
	    (lock = lock_set(e, lock_name, &missing)) < 0)
		return;
	if (e->sets < 0 || fstatat(e->sets, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		unlink_file(e, lock_name);
	close(lock);
}

static bool
take_of_up(void *arg, const char *name)
{
	struct expiry *e = arg;

	progress(e);
	if (is_id(name, ".jnl"))
		expire_partial(e, name);
	else if (is_id(name, ".lock"))
		expire_lock(e, name);
	else
		expire_stray(e, name);
	return true;
}

static bool
take_of_sets(void *arg, const char *name)
{
	struct expiry *e = arg;

	progress(e);
	expire_set(e, name);
	return true;
}

static bool
take_client(void *arg, const char *name)
{
	struct expiry *e = arg;
	int client = open_directory(e->staging, name);

	if (client < 0)
		return true;
	e->up = open_directory(client, "up");
	e->sets = open_directory(client, "set");
	if (e->up >= 0) {
		each_name(e->up, take_of_up, e);
		staging_temp_sweep(e->up, "");
	}
	if (e->sets >= 0 && e->up >= 0) {
		each_name(e->sets, take_of_sets, e);
		staging_temp_sweep(e->sets, "");
	}
	if (e->up >= 0)
		close(e->up);
	if (e->sets >= 0)
		close(e->sets);
	close(client);
	return true;
}

void
staging_expire(int staging, int64_t before_s, struct staging_expired *expired,
	       void (*progress_fn)(void *arg), void *arg)
{
	struct expiry e = {.staging = staging,
			   .before_s = before_s,
			   .expired = expired,
			   .progress = progress_fn,
			   .arg = arg};

	each_name(staging, take_client, &e);
}
