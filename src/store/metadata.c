#include "src/store/metadata.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/cursor.h"
#include "proto/errors.h"

/*
 * Value of user.ftx.meta: a version byte, the full mode (u16), and the mode that the file was
 * given in its place (u16); little endian.
 */
static const char xattr_name[] = "user.ftx.meta";
enum { XATTR_VERSION = 1, XATTR_BYTES = 5, NSEC_PER_S = 1000000000 };

static uint8_t
type_of(mode_t mode)
{
	static const struct {
		mode_t format;
		enum entry_type type;
	} table[] = {
	    {S_IFREG, ENTRY_FILE},  {S_IFDIR, ENTRY_DIRECTORY}, {S_IFLNK, ENTRY_SYMLINK},
	    {S_IFIFO, ENTRY_FIFO},  {S_IFSOCK, ENTRY_SOCKET},	{S_IFCHR, ENTRY_CHARACTER},
	    {S_IFBLK, ENTRY_BLOCK},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].format == (mode & S_IFMT))
			return (uint8_t)table[i].type;
	return 0;
}

struct identity
identity_of(const struct stat *st)
{
	return (struct identity){
	    .size = (uint64_t)st->st_size,
	    .mtime_s = st->st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	    .inode = st->st_ino,
	    .ctime_s = st->st_ctim.tv_sec,
	    .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
	};
}

struct metadata
metadata_of(const struct stat *st)
{
	return (struct metadata){
	    .type = type_of(st->st_mode),
	    .mode = (uint16_t)(st->st_mode & 07777),
	    .mtime_s = st->st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	};
}

bool
identity_resumes(const struct identity *a, const struct identity *b)
{
	return a->size == b->size && a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns;
}

bool
identity_same(const struct identity *a, const struct identity *b)
{
	return identity_resumes(a, b) && a->inode == b->inode;
}

bool
mtime_same(int64_t source_s, uint32_t source_ns, int64_t stored_s, uint32_t stored_ns)
{
	static const uint32_t units[] = {1, 1000, 1000000, NSEC_PER_S};

	if (source_s != stored_s)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (stored_ns == source_ns - source_ns % units[i])
			return true;
	return false;
}

void
metadata_rules_init(struct metadata_rules *rules, enum metadata_policy policy, bool set_owner,
		    bool numeric_ids, int probe_dir)
{
	*rules = (struct metadata_rules){.policy = policy,
					 .umask_bits = metadata_umask(),
					 .own = {.uid = geteuid(), .gid = getegid()},
					 .set_owner = set_owner && geteuid() == 0,
					 .numeric_ids = numeric_ids,
					 .can_remember = probe_dir >= 0};
}

mode_t
metadata_mode(const struct metadata_rules *rules, const struct metadata *m)
{
	switch (rules->policy) {
	case METADATA_SERVER:
		return ((m->mode & 0777u) | (m->type == ENTRY_DIRECTORY ? 0700u : 0600u)) &
		       ~rules->umask_bits;
	case METADATA_CLIENT:
		return m->mode & (rules->own.uid == 0 ? 07777u : 0777u);
	}
	assert(false);
	return 0;
}

/* Errors that say "this file system, or this file, does not hold such a thing". */
static bool
is_not_kept(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EPERM || errnum == EACCES || errnum == ENOSYS;
}

/* Returns 0, *kept saying whether it worked, or the error of errno. */
static int
remember(int fd, const struct metadata *m, mode_t applied, bool *kept)
{
	uint8_t value[XATTR_BYTES];
	struct put_cursor c = put_cursor_over(value, sizeof(value));
	bool fits = put_u8(&c, XATTR_VERSION) == 0 && put_u16(&c, m->mode) == 0 &&
		    put_u16(&c, (uint16_t)applied) == 0 && c.left == 0;

	assert(fits);
	*kept = fsetxattr(fd, xattr_name, value, sizeof(value), 0) == 0;
	return *kept || is_not_kept(errno) ? 0 : error_from_errno(errno);
}

/* What an earlier, failed commit of the same partial may have left. */
static void
forget(int fd)
{
	/* Where it cannot be removed it could not be set either. */
	(void)fremovexattr(fd, xattr_name);
}

int
metadata_apply(const struct metadata_rules *rules, int fd, const struct metadata *m,
	       enum metadata_past past, uint8_t *flags)
{
	mode_t applied = metadata_mode(rules, m);
	bool kept = applied == m->mode;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
				    {.tv_sec = m->mtime_s, .tv_nsec = (long)m->mtime_ns}};
	int r;

	assert(m->mtime_ns < NSEC_PER_S);
	if (rules->policy == METADATA_SERVER) {
		if (kept && past != METADATA_FRESH)
			forget(fd);
		else if (!kept && (r = remember(fd, m, applied, &kept)) != 0)
			return r;
	}
	if (fchmod(fd, applied) != 0) {
		if (!is_not_kept(errno))
			return error_from_errno(errno);
		kept = false;
	}
	*flags = kept ? 0 : STATUS_MODE_NOT_KEPT;
	/* Last: everything before it may touch the times. */
	return futimens(fd, times) == 0 ? 0 : error_from_errno(errno);
}

int
metadata_apply_link(const struct metadata_rules *rules, int dir, const char *name,
		    const struct metadata *m, uint8_t *flags)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
				    {.tv_sec = m->mtime_s, .tv_nsec = (long)m->mtime_ns}};

	(void)rules;
	*flags = 0;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : error_from_errno(errno);
}

static void
recall(int fd, const struct stat *st, struct metadata *m)
{
	uint8_t value[XATTR_BYTES], version;
	uint16_t full, applied;
	ssize_t got = fgetxattr(fd, xattr_name, value, sizeof(value));
	struct get_cursor c;

	if (got != XATTR_BYTES)
		return;
	c = get_cursor_over(value, sizeof(value));
	if (get_u8(&c, &version) != 0 || get_u16(&c, &full) != 0 || get_u16(&c, &applied) != 0)
		return;
	if (version == XATTR_VERSION && full <= 07777 && applied == (st->st_mode & 07777))
		m->mode = full;
}

int
metadata_read(const struct metadata_rules *rules, unsigned parts, int dir, const char *name, int fd,
	      const struct stat *st, struct metadata *m, struct metadata_buffer *b)
{
	int own = -1;

	(void)parts;
	(void)b;
	*m = metadata_of(st);
	if (rules->policy != METADATA_SERVER || (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)))
		return 0;
	if (fd < 0)
		fd = own = openat(dir, name[0] != '\0' ? name : ".",
				  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		recall(fd, st, m);
	if (own >= 0)
		close(own);
	return 0;
}

bool
metadata_differs(const struct metadata_rules *rules, const struct metadata *wanted,
		 const struct metadata *there)
{
	mode_t mode = rules->policy == METADATA_SERVER && rules->can_remember
			  ? wanted->mode
			  : metadata_mode(rules, wanted);

	return (wanted->type != ENTRY_SYMLINK && mode != there->mode) ||
	       !mtime_same(wanted->mtime_s, wanted->mtime_ns, there->mtime_s, there->mtime_ns);
}

mode_t
metadata_umask(void)
{
	mode_t bits = umask(0);

	umask(bits);
	return bits;
}
