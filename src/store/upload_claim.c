/*
 * Finding, locking and beginning a partial.
 *
 * 1. The journal is made complete under a temporary name, synced, and put in place.
 * 2. An exclusive lock on it without waiting.  Got: nobody else lives.  Identity and partial are
 *    as they should be: resume, the header gets this run's session id.  Otherwise: start over.
 *    Not got: a shared lock, and this process joins if session id and identity are the header's.
 *
 * Starting over, in the order that makes a death at any point harmless: the old partial goes; the
 * header, synced, gets new random bytes, which void every slot; a new, empty partial is made; the
 * directory is synced.  A journal without a partial always starts over.
 */
#include "src/store/upload_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/store/publish.h"

/* How long to wait for one who is just setting up, publishing or removing. */
enum { CLAIM_WAIT_MS = 1000, CLAIM_POLL_NS = 3000000, PRIVATE_MODE = 0600 };

bool
upload_is_strict(const struct upload *u)
{
	return u->options.staging.prefix[0] != '\0';
}

/* A file that this user made for this purpose?  also: another mode it may have, or 0. */
static bool
is_private(const struct stat *st, mode_t also)
{
	mode_t mode = st->st_mode & 07777;

	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink == 1 &&
	       (mode == PRIVATE_MODE || (also != 0 && mode == (also & 07777)));
}

/* FTX_E_NOT_FOUND, FTX_E_CONFLICT, or 0 with *st. */
static int
look_at(const struct upload *u, const char *name, mode_t also, struct stat *st)
{
	if (fstatat(u->options.staging.dir, name, st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_from_errno(errno);
	if (!S_ISREG(st->st_mode) || (upload_is_strict(u) && !is_private(st, also)))
		return FTX_E_CONFLICT;
	return 0;
}

int
upload_open_part(struct upload *u)
{
	const struct upload_staging *s = &u->options.staging;
	struct stat st;
	int r = look_at(u, u->part_name, u->journal.header.commit_mode, &st);

	if (r != 0)
		return r;
	/* Two names: a commit was cut off between link and unlink.  It is a published file now. */
	if (st.st_nlink != 1)
		return FTX_E_NOT_FOUND;
	/* A commit that was cut off may have left a mode that does not let us in. */
	if (upload_is_strict(u) && (st.st_mode & 07777) != PRIVATE_MODE &&
	    fchmodat(s->dir, u->part_name, PRIVATE_MODE, AT_SYMLINK_NOFOLLOW) != 0)
		return error_from_errno(errno);
	u->part = openat(s->dir, u->part_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (u->part < 0)
		return error_from_errno(errno);
	if (!publish_leads_to(s->dir, u->part_name, u->part) || fstat(u->part, &st) != 0 ||
	    !S_ISREG(st.st_mode)) {
		close(u->part);
		u->part = -1;
		return FTX_E_CONFLICT;
	}
	return 0;
}

/* A journal is made only where no stranger's file lies in the partial's place. */
static int
create_journal(struct upload *u)
{
	const struct upload_options *o = &u->options;
	struct journal_header header = {.size = o->identity.size,
					.mtime_s = o->identity.mtime_s,
					.mtime_ns = o->identity.mtime_ns};
	struct stat st;
	int r = look_at(u, u->part_name, 0, &st);

	if (r != 0 && r != FTX_E_NOT_FOUND)
		return r;
	memcpy(header.session_id, o->session_id, sizeof(header.session_id));
	r = journal_create(o->staging.dir, u->journal_name, &header, o->path);
	return r == FTX_E_EXISTS ? 0 : r;
}

int
upload_lock_journal(struct upload *u, bool *alone)
{
	struct journal *j = &u->journal;
	struct stat st;
	int r = look_at(u, u->journal_name, 0, &st);

	if (r != 0 || (r = journal_open(j, u->options.staging.dir, u->journal_name)) != 0)
		return r;
	r = journal_lock(j, JOURNAL_EXCLUSIVE, 0);
	*alone = r == 0;
	if (r == FTX_E_BUSY)
		r = journal_lock(j, JOURNAL_SHARED, 0);
	if (r == 0 && !journal_in_place(j))
		r = FTX_E_NOT_FOUND;
	if (r != 0)
		journal_close(j);
	return r;
}

/*
 * Has whoever holds the lock set up what is joined?  Not so if it has only made the journal, and
 * the lock is shared with others that have found it locked meanwhile.
 */
static bool
is_set_up(const struct upload *u)
{
	struct stat st;

	return look_at(u, u->part_name, 0, &st) != FTX_E_NOT_FOUND;
}

static int
acquire(struct upload *u, bool *alone)
{
	const struct timespec pause = {.tv_nsec = CLAIM_POLL_NS};
	uint64_t deadline = clock_ms() + CLAIM_WAIT_MS;

	for (;;) {
		int r = upload_lock_journal(u, alone);

		if (r == 0 && !*alone && !is_set_up(u)) {
			journal_close(&u->journal);
			r = FTX_E_BUSY;
		}
		if (r != FTX_E_BUSY && r != FTX_E_NOT_FOUND)
			return r;
		if (clock_ms() >= deadline)
			return FTX_E_BUSY;
		if (r == FTX_E_NOT_FOUND)
			r = create_journal(u);
		if (r == FTX_E_BUSY)
			nanosleep(&pause, NULL);
		else if (r != 0)
			return r;
	}
}

static bool
header_is_this_run(const struct upload *u)
{
	return memcmp(u->journal.header.session_id, u->options.session_id,
		      sizeof(u->options.session_id)) == 0;
}

static bool
header_fits(const struct upload *u)
{
	const struct journal_header *h = &u->journal.header;
	const struct identity *i = &u->options.identity;

	if (upload_is_unsized(u) && !header_is_this_run(u))
		return false;
	return h->size == i->size && h->mtime_s == i->mtime_s && h->mtime_ns == i->mtime_ns;
}

static void
header_take(struct upload *u)
{
	struct journal_header *h = &u->journal.header;
	const struct upload_options *o = &u->options;

	h->size = o->identity.size;
	h->mtime_s = o->identity.mtime_s;
	h->mtime_ns = o->identity.mtime_ns;
	h->commit_mode = 0;
	memcpy(h->session_id, o->session_id, sizeof(h->session_id));
}

static int
create_part(struct upload *u)
{
	int dir = u->options.staging.dir;

	u->part = openat(dir, u->part_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 PRIVATE_MODE);
	if (u->part < 0)
		return errno == EEXIST ? FTX_E_CONFLICT : error_from_errno(errno);
	u->begun = true;
	return directory_sync(dir);
}

/* fresh: the journal is as it was made by this run, so there is nothing to void. */
static int
start_over(struct upload *u, bool fresh)
{
	int dir = u->options.staging.dir, r = 0;

	if (u->part >= 0)
		close(u->part);
	u->part = -1;
	if (upload_unlink_part(u) != 0 && errno != ENOENT)
		return error_from_errno(errno);
	header_take(u);
	if (!fresh)
		r = journal_reset(&u->journal, u->options.path);
	if (r == 0)
		r = create_part(u);
	/* Without a partial the journal is worth nothing; the exclusive lock is held. */
	if (r != 0) {
		if (u->part >= 0)
			unlinkat(dir, u->part_name, 0);
		unlinkat(dir, u->journal_name, 0);
	}
	return r;
}

/*
 * Can the partial hold what the table says, and nothing else?  A file that is shorter than the end
 * of a block in the table was cut by somebody; a longer one is that of another identity, whose
 * removal a crash has undone.
 */
static int
check_length(const struct upload *u, uint64_t blocks_end, bool *good)
{
	struct stat st;

	if (fstat(u->part, &st) != 0)
		return error_from_errno(errno);
	*good =
	    (uint64_t)st.st_size >= blocks_end && (uint64_t)st.st_size <= u->options.identity.size;
	return 0;
}

/* The exclusive lock is held. */
static int
set_up(struct upload *u, struct block_range *have, uint32_t *have_count)
{
	int header = journal_read_header(&u->journal), part, r;
	bool good = false, empty = false;
	uint64_t end;

	if (header != 0 && header != FTX_E_MISMATCH)
		return header;
	part = upload_open_part(u);
	if (part != 0 && part != FTX_E_NOT_FOUND)
		return part;
	if (header == 0 && part == 0 && header_fits(u)) {
		if ((r = upload_find_blocks(u, have, have_count, &end)) != 0 ||
		    (r = check_length(u, end, &good)) != 0)
			return r;
	}
	if (good) {
		header_take(u);
		return journal_write_header(&u->journal);
	}
	*have_count = 0;
	if (header == 0 && (r = journal_is_empty(&u->journal, &empty)) != 0)
		return r;
	return start_over(u, empty && part != 0 && header_fits(u) && header_is_this_run(u));
}

/* The shared lock is held, and somebody else has one too. */
static int
join(struct upload *u, struct block_range *have, uint32_t *have_count)
{
	uint64_t end;
	int r = journal_read_header(&u->journal);

	/* What has no size yet is written by one process at a time. */
	if (upload_is_unsized(u))
		return FTX_E_BUSY;
	if (r == FTX_E_MISMATCH || (r == 0 && (!header_fits(u) || !header_is_this_run(u))))
		return FTX_E_BUSY;
	if (r != 0)
		return r;
	if ((r = upload_open_part(u)) != 0)
		return r == FTX_E_NOT_FOUND ? FTX_E_BUSY : r;
	return upload_find_blocks(u, have, have_count, &end);
}

static int
adopt(struct upload *u, struct block_range *have, uint32_t *have_count)
{
	uint64_t end;
	int r;

	if (u->options.staging.node[0] == '\0')
		return 0;
	r = upload_adopt(u);
	return r != 0 ? r : upload_find_blocks(u, have, have_count, &end);
}

int
upload_claim(struct upload *u, struct block_range *have, uint32_t *have_count)
{
	bool alone;
	int r = acquire(u, &alone);

	if (r != 0)
		return r;
	r = alone ? set_up(u, have, have_count) : join(u, have, have_count);
	if (r == 0 && alone)
		r = adopt(u, have, have_count);
	if (r == 0)
		r = journal_lock(&u->journal, JOURNAL_SHARED, 0);
	if (r != 0) {
		if (u->part >= 0)
			close(u->part);
		u->part = -1;
		journal_close(&u->journal);
	}
	return r;
}
