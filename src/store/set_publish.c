#include "src/store/set_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/publish.h"
#include "src/store/remove_tree.h"

enum { PUBLISH_WAIT_MS = 5000, RACES = 16 };

static void
long_call(const struct set *s)
{
	if (s->options.before_long_call != NULL)
		s->options.before_long_call(s->options.arg);
}

/*
 * What a dead run made, or a connection that was lost, nobody has synced: so the whole file system
 * is.  All else has been synced by then, and costs nothing.
 */
static int
sync_content(const struct set *s)
{
	long_call(s);
	if (syncfs(s->dir) != 0)
		return error_from_errno(errno);
	return directory_sync(s->dir);
}

static int
move_new(const struct set *s, const struct place *p)
{
	struct stat st;

	if (renameat2(s->options.staging, s->id, p->dir, p->leaf, RENAME_NOREPLACE) == 0)
		return 0;
	if (!publish_lacks_flags(errno))
		return errno == EEXIST ? FTX_E_EXISTS : error_from_errno(errno);
	/* Without it a rename could still replace an empty directory, and nothing else. */
	if (fstatat(p->dir, p->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return FTX_E_EXISTS;
	return publish_over(s->options.staging, s->id, p->dir, p->leaf);
}

static int
exchange_back_and_forth(const struct set *s, const struct place *p)
{
	if (renameat2(s->options.staging, s->id, p->dir, p->leaf, RENAME_EXCHANGE) == 0)
		return 0;
	return publish_lacks_flags(errno) ? FTX_E_UNSUPPORTED : error_from_errno(errno);
}

/*
 * What a death leaves of the two is removed like an old tree.  That may be done by another session
 * too soon: then publishing will tell.
 */
int
set_can_exchange(const struct set *s)
{
	int staging = s->options.staging, r;
	char one[SET_NAME_BYTES], other[SET_NAME_BYTES];

	if ((r = set_old_name(s, one)) != 0 || (r = set_old_name(s, other)) != 0)
		return r;
	if (mkdirat(staging, one, 0700) != 0)
		return error_from_errno(errno);
	if (mkdirat(staging, other, 0700) != 0 ||
	    renameat2(staging, one, staging, other, RENAME_EXCHANGE) != 0)
		r = publish_lacks_flags(errno) ? FTX_E_UNSUPPORTED : error_from_errno(errno);
	if (r == FTX_E_NOT_FOUND)
		r = 0;
	unlinkat(staging, one, AT_REMOVEDIR);
	unlinkat(staging, other, AT_REMOVEDIR);
	return r;
}

/* What was there is a directory, or goes back. */
static int
exchange(struct set *s, const struct place *p)
{
	struct stat st;
	int r = exchange_back_and_forth(s, p);

	if (r != 0)
		return r;
	if (fstatat(s->options.staging, s->id, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode)) {
		/* It stays where it is if it cannot be moved: a set with another inode is none. */
		if (set_move_aside(s, s->old) != 0)
			snprintf(s->old, sizeof(s->old), "%s", s->id);
		return 0;
	}
	r = exchange_back_and_forth(s, p);
	return r != 0 ? r : FTX_E_CONFLICT;
}

/* Others may make and remove the destination meanwhile. */
static int
give_name(struct set *s, const struct place *p)
{
	int r = FTX_E_BUSY;

	for (unsigned i = 0; i < RACES; i++) {
		int like = -1;

		if ((r = set_look_at_destination(s, &like)) != 0)
			return r;
		r = like >= 0 ? exchange(s, p) : move_new(s, p);
		if (like >= 0)
			close(like);
		if (r != (like >= 0 ? FTX_E_NOT_FOUND : FTX_E_EXISTS))
			return r;
		if (s->options.mode == SET_NEW)
			return FTX_E_SET_EXISTS;
	}
	return r;
}

/* No other session changes it any more, and none will. */
static int
take_alone(struct set *s)
{
	int r;

	/* Two that publish at once would wait for each other. */
	set_let_go(s);
	if ((r = set_lock(s, SET_CHANGING, F_WRLCK, PUBLISH_WAIT_MS)) != 0)
		return r;
	if (!publish_leads_to(s->options.locks, s->lock_name, s->lock)) {
		s->done = true;
		return FTX_E_VANISHED;
	}
	return publish_leads_to(s->options.staging, s->id, s->dir) ? 0 : FTX_E_VANISHED;
}

int
set_publish(struct set *s)
{
	const struct set_options *o = &s->options;
	struct place p = {.dir = -1};
	int like, r;

	if ((r = take_alone(s)) != 0)
		goto out;
	if ((r = set_look_at_destination(s, &like)) == 0 && like >= 0)
		close(like);
	if (r != 0 || (r = sync_content(s)) != 0 ||
	    (r = resolve_parent(o->root, o->destination, RESOLVE_MAKE_PARENTS, &p)) != 0 ||
	    (r = give_name(s, &p)) != 0)
		goto out;
	s->done = true;
	usage_note_made(o->tally, p.made);
	/* First the name: with the lock file gone nobody would know an old tree from a set. */
	long_call(s);
	if ((r = resolve_sync_parents(o->root, o->destination, 0)) == 0)
		r = directory_sync(o->staging);
	unlinkat(o->locks, s->lock_name, 0);
out:
	place_release(&p);
	set_let_go(s);
	return r;
}

int
set_remove_old(struct set *s)
{
	if (s->old[0] == '\0')
		return 0;
	return remove_tree(s->options.staging, s->old, s->options.before_long_call, s->options.arg,
			   s->options.tally);
}
