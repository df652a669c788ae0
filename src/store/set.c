#include "src/store/set_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/cursor.h"
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/encoding.h"
#include "src/base/io.h"
#include "src/data/checksum.h"
#include "src/store/each_name.h"
#include "src/store/mount.h"
#include "src/store/publish.h"
#include "src/store/remove_tree.h"
#include "src/store/staging.h"

static const char magic[8] = {'f', 't', 'x', '1', 's', 'e', 't', '\n'};
enum { RECORD_BYTES = 40, CHECK_AT = 32, LOCK_POLL_NS = 3000000, JOIN_WAIT_MS = 1000, TRIES = 100 };

/* What the lock file says. */
struct record {
	uint8_t session_id[16];
	uint64_t inode;
};

static int
write_record(const struct set *s, const struct record *record)
{
	uint8_t bytes[RECORD_BYTES] = {0};
	struct put_cursor c = put_cursor_over(bytes, sizeof(bytes));
	int r;

	if ((r = put_bytes(&c, magic, sizeof(magic))) != 0 ||
	    (r = put_bytes(&c, record->session_id, sizeof(record->session_id))) != 0 ||
	    (r = put_u64(&c, record->inode)) != 0 ||
	    (r = put_u64(&c, check64(bytes, CHECK_AT))) != 0 ||
	    (r = pwrite_full(s->lock, bytes, sizeof(bytes), 0)) != 0)
		return r;
	return fdatasync(s->lock) == 0 ? 0 : error_from_errno(errno);
}

/* FTX_E_MISMATCH where it is empty or damaged. */
static int
read_record(const struct set *s, struct record *record)
{
	uint8_t bytes[RECORD_BYTES] = {0}, seen[sizeof(magic)];
	struct get_cursor c = get_cursor_over(bytes, sizeof(bytes));
	uint64_t check;
	size_t got;
	int r = pread_full(s->lock, bytes, sizeof(bytes), 0, &got);

	if (r != 0)
		return r;
	if (got != sizeof(bytes))
		return FTX_E_MISMATCH;
	if ((r = get_bytes(&c, seen, sizeof(seen))) != 0 ||
	    (r = get_bytes(&c, record->session_id, sizeof(record->session_id))) != 0 ||
	    (r = get_u64(&c, &record->inode)) != 0 || (r = get_u64(&c, &check)) != 0)
		return r;
	if (memcmp(seen, magic, sizeof(magic)) != 0 || check != check64(bytes, CHECK_AT))
		return FTX_E_MISMATCH;
	return 0;
}

int
set_lock(struct set *s, enum set_lock what, short type, uint64_t wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	uint64_t deadline = clock_ms() + wait_ms;

	for (;;) {
		struct flock f = {
		    .l_type = type, .l_whence = SEEK_SET, .l_start = what, .l_len = 1};

		if (fcntl(s->lock, F_OFD_SETLK, &f) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return error_from_errno(errno);
		if (clock_ms() >= deadline)
			return FTX_E_BUSY;
		nanosleep(&pause, NULL);
	}
}

/* Opens dir/leaf, which must be a directory of the same mount. */
static int
open_like(int dir, const char *leaf, int *like)
{
	struct mount above, here;
	int fd = openat(dir, leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? FTX_E_CONFLICT
							  : error_from_errno(errno);
	if ((r = mount_of(dir, "", false, &above)) == 0 &&
	    (r = mount_of(fd, "", false, &here)) == 0 && !mount_same(&above, &here))
		r = FTX_E_OTHER_FILE_SYSTEM;
	if (r != 0)
		close(fd);
	else
		*like = fd;
	return r;
}

int
set_look_at_destination(const struct set *s, int *like)
{
	const struct set_options *o = &s->options;
	struct place p;
	struct stat st;
	int r = resolve_parent(o->root, o->destination, 0, &p);

	*like = -1;
	if (r == 0 && fstatat(p.dir, p.leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
		r = error_from_errno(errno);
	else if (r == 0 && o->mode == SET_NEW)
		r = FTX_E_SET_EXISTS;
	else if (r == 0 && S_ISLNK(st.st_mode))
		r = FTX_E_IS_LINK;
	else if (r == 0)
		r = open_like(p.dir, p.leaf, like);
	place_release(&p);
	return r == FTX_E_NOT_FOUND ? 0 : r;
}

/*
 * The rename works within one file system only, and not every one can exchange; better said before
 * anything is sent.
 */
static int
check_file_system(const struct set *s)
{
	const struct set_options *o = &s->options;
	struct stat here, there;
	int dir, r = resolve_nearest(o->root, o->destination, 0, &dir);

	if (r != 0)
		return r;
	if (fstat(dir, &here) != 0 || fstat(o->staging, &there) != 0)
		r = error_from_errno(errno);
	else if (here.st_dev != there.st_dev)
		r = FTX_E_OTHER_FILE_SYSTEM;
	close(dir);
	return r == 0 && s->like >= 0 ? set_can_exchange(s) : r;
}

int
set_old_name(const struct set *s, char old[static SET_NAME_BYTES])
{
	uint8_t random[8];
	char digits[2 * sizeof(random) + 1];

	if (getentropy(random, sizeof(random)) != 0)
		return error_from_errno(errno);
	hex_encode(digits, random, sizeof(random));
	snprintf(old, SET_NAME_BYTES, "%s.%s.old", s->id, digits);
	return 0;
}

int
set_move_aside(const struct set *s, char old[static SET_NAME_BYTES])
{
	int r = set_old_name(s, old);

	return r != 0 ? r : publish_over(s->options.staging, s->id, s->options.staging, old);
}

static int
open_directory(struct set *s, struct stat *st)
{
	s->dir = openat(s->options.staging, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0 || fstat(s->dir, st) != 0)
		return error_from_errno(errno);
	return 0;
}

static void
close_directory(struct set *s)
{
	if (s->dir >= 0)
		close(s->dir);
	s->dir = -1;
}

/* What a dead run left: its set, or what lies in the set's place. */
static int
take_over(struct set *s, bool *taken)
{
	char old[SET_NAME_BYTES];
	struct record record;
	struct stat st;
	int known = read_record(s, &record), r;

	*taken = false;
	if (known != 0 && known != FTX_E_MISMATCH)
		return known;
	r = open_directory(s, &st);
	if (r == FTX_E_NOT_FOUND)
		return 0;
	if (r == 0 && known == 0 && st.st_ino == record.inode) {
		*taken = true;
		return 0;
	}
	close_directory(s);
	return set_move_aside(s, old);
}

static int
make_directory(struct set *s)
{
	struct stat st;

	/* It is to be seen by others one day, as every directory that is made. */
	if (mkdirat(s->options.staging, s->id, 0777) != 0)
		return error_from_errno(errno);
	usage_note_made(s->options.tally, 1);
	return open_directory(s, &st);
}

/* Nobody else lives. */
static int
set_up(struct set *s)
{
	struct record record;
	struct stat st;
	bool taken;
	int r = take_over(s, &taken);

	if (r == 0 && !taken)
		r = make_directory(s);
	if (r != 0)
		return r;
	if (fstat(s->dir, &st) != 0)
		return error_from_errno(errno);
	memcpy(record.session_id, s->options.session_id, sizeof(record.session_id));
	record.inode = st.st_ino;
	if ((r = write_record(s, &record)) != 0 || (r = directory_sync(s->options.staging)) != 0)
		return r;
	if (s->options.locks != s->options.staging && (r = directory_sync(s->options.locks)) != 0)
		return r;
	return set_lock(s, SET_MEMBERS, F_RDLCK, 0);
}

/* Somebody else has it: is it this run? */
static int
join(struct set *s)
{
	struct record record;
	struct stat st;
	int r = read_record(s, &record);

	if (r == 0 && memcmp(record.session_id, s->options.session_id, sizeof(record.session_id)))
		r = FTX_E_BUSY;
	if (r == 0)
		r = open_directory(s, &st);
	if (r == 0 && st.st_ino != record.inode)
		r = FTX_E_BUSY;
	/* It is just being begun or published. */
	return r == FTX_E_MISMATCH || r == FTX_E_NOT_FOUND ? FTX_E_BUSY : r;
}

static bool
in_place(const struct set *s)
{
	return publish_leads_to(s->options.locks, s->lock_name, s->lock);
}

/* Once; *again: the lock file was taken away meanwhile. */
static int
try_claim(struct set *s, bool *again)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	bool alone;
	int r;

	*again = false;
	s->lock = openat(s->options.locks, s->lock_name, flags, 0600);
	if (s->lock < 0)
		return error_from_errno(errno);
	r = set_lock(s, SET_MEMBERS, F_WRLCK, 0);
	alone = r == 0;
	if (r == FTX_E_BUSY)
		r = set_lock(s, SET_MEMBERS, F_RDLCK, JOIN_WAIT_MS);
	if (r == 0 && !in_place(s))
		*again = true;
	else if (r == 0)
		r = alone ? set_up(s) : join(s);
	if (r != 0 || *again) {
		close_directory(s);
		close(s->lock);
		s->lock = -1;
	}
	return r;
}

static int
claim(struct set *s)
{
	bool again = true;
	int r = 0;

	for (unsigned i = 0; again && i < TRIES; i++)
		r = try_claim(s, &again);
	return again ? FTX_E_BUSY : r;
}

/* Old trees whose remover died.  One that is being removed just now may lose its race. */
static bool
sweep_name(void *arg, const char *name)
{
	const struct set_options *o = arg;
	size_t length = strlen(name);

	/* What cannot be removed is tried again the next time. */
	if (length > 4 && strcmp(name + length - 4, ".old") == 0)
		(void)remove_tree(o->staging, name, o->before_long_call, o->arg, o->tally);
	return true;
}

static void
sweep(struct set *s)
{
	each_name(s->options.staging, sweep_name, &s->options);
}

static struct set *
set_new(const struct set_options *o)
{
	struct set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->options = *o;
	s->options.destination = s->destination = strdup(o->destination);
	s->lock = s->dir = s->like = -1;
	if (s->destination == NULL) {
		free(s);
		return NULL;
	}
	staging_set_id(s->id, o->node != NULL ? o->node : "", o->destination,
		       strlen(o->destination));
	snprintf(s->lock_name, sizeof(s->lock_name), "%s.lock", s->id);
	return s;
}

int
set_begin(struct set **out, const struct set_options *options)
{
	struct set *s;
	int r;

	if (options->destination[0] == '\0')
		return options->mode == SET_NEW ? FTX_E_SET_EXISTS : FTX_E_UNSUPPORTED;
	if ((s = set_new(options)) == NULL)
		return FTX_E_NOMEM;
	if ((r = set_look_at_destination(s, &s->like)) != 0 || (r = check_file_system(s)) != 0 ||
	    (r = claim(s)) != 0) {
		set_end(s);
		return r;
	}
	sweep(s);
	*out = s;
	return 0;
}

/* The last one takes an empty set away. */
static void
remove_empty(struct set *s)
{
	if (set_lock(s, SET_MEMBERS, F_WRLCK, 0) == 0 && in_place(s) &&
	    publish_leads_to(s->options.staging, s->id, s->dir) &&
	    unlinkat(s->options.staging, s->id, AT_REMOVEDIR) == 0) {
		usage_note_gone(s->options.tally, &(const struct stat){.st_mode = S_IFDIR});
		unlinkat(s->options.locks, s->lock_name, 0);
	}
}

void
set_end(struct set *s)
{
	if (s == NULL)
		return;
	if (s->lock >= 0 && !s->done)
		remove_empty(s);
	close_directory(s);
	if (s->like >= 0)
		close(s->like);
	if (s->lock >= 0)
		close(s->lock);
	free(s->destination);
	free(s);
}

const char *
set_id(const struct set *s)
{
	return s->id;
}

int
set_directory(const struct set *s)
{
	return s->dir;
}

int
set_like(const struct set *s)
{
	return s->like;
}

/* Who publishes has the lock for as long as a sync takes; the client is told to wait that long. */
enum { HOLD_WAIT_MS = 300000 };

int
set_hold(struct set *s)
{
	int r = s->done ? FTX_E_VANISHED : set_lock(s, SET_CHANGING, F_RDLCK, 0);

	if (r == FTX_E_BUSY) {
		if (s->options.before_long_call != NULL)
			s->options.before_long_call(s->options.arg);
		r = set_lock(s, SET_CHANGING, F_RDLCK, HOLD_WAIT_MS);
	}
	if (r != 0)
		return r;
	if (in_place(s))
		return 0;
	s->done = true;
	set_let_go(s);
	return FTX_E_VANISHED;
}

void
set_let_go(struct set *s)
{
	(void)set_lock(s, SET_CHANGING, F_UNLCK, 0);
}
