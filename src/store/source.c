#include "src/store/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"

struct source {
	int dir;      /* borrowed; AT_FDCWD for a path of the user's */
	int at_flags; /* AT_SYMLINK_NOFOLLOW, or 0 for a path of the user's */
	char *name;   /* owned; relative to dir */
	int fd;
	struct stat st;
	struct identity identity;
	const struct metadata_rules *rules; /* borrowed; NULL: metadata_of() is enough */
	unsigned parts;
	struct metadata metadata;
	struct metadata_buffer *buffer; /* owned; what metadata's spans lead into */
	bool is_dense; /* without holes, or the file system cannot say where they are */
	/* What source_extent() found last: empty, or a stretch of one kind. */
	uint64_t extent_start, extent_end;
	bool extent_is_hole;
};

static int
take_stat(struct source *s, const struct stat *st)
{
	s->st = *st;
	s->identity = identity_of(st);
	s->metadata = metadata_of(st);
	if (s->rules == NULL)
		return 0;
	if (s->buffer == NULL && (s->buffer = malloc(sizeof(*s->buffer))) == NULL)
		return FTX_E_NOMEM;
	return metadata_read(s->rules, s->parts, s->dir, s->name, s->fd, st, &s->metadata,
			     s->buffer);
}

static int
check_type(mode_t mode)
{
	if (S_ISREG(mode))
		return 0;
	if (S_ISDIR(mode))
		return FTX_E_CONFLICT;
	return S_ISLNK(mode) ? FTX_E_IS_LINK : FTX_E_NOT_REGULAR;
}

/*
 * Looks before it opens: opening alone already wakes who waits at the other end of a FIFO, or does
 * something to a device.  What counts is what the descriptor then turns out to be.
 */
static int
open_regular(struct source *s)
{
	int nofollow = s->at_flags != 0 ? O_NOFOLLOW : 0;
	struct stat st;
	int r;

	if (fstatat(s->dir, s->name, &st, s->at_flags) != 0)
		return error_from_errno(errno);
	if ((r = check_type(st.st_mode)) != 0)
		return r;
	s->fd = openat(s->dir, s->name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | nofollow);
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		return error_from_errno(errno);
	if ((r = check_type(st.st_mode)) != 0)
		return r;
	if ((r = take_stat(s, &st)) != 0)
		return r;
	s->is_dense = source_allocated(s) >= s->identity.size;
	return 0;
}

static int
source_open(struct source **out, int dir, const char *name, int at_flags,
	    const struct metadata_rules *rules, unsigned parts)
{
	struct source *s = malloc(sizeof(*s));
	int r;

	if (s == NULL)
		return FTX_E_NOMEM;
	*s = (struct source){.dir = dir,
			     .at_flags = at_flags,
			     .name = strdup(name),
			     .fd = -1,
			     .rules = rules,
			     .parts = parts};
	r = s->name != NULL ? open_regular(s) : FTX_E_NOMEM;
	if (r != 0) {
		source_close(s);
		return r;
	}
	*out = s;
	return 0;
}

int
source_open_at(struct source **out, int dir, const char *leaf, const struct metadata_rules *rules,
	       unsigned parts)
{
	return source_open(out, dir, leaf, AT_SYMLINK_NOFOLLOW, rules, parts);
}

int
source_open_path(struct source **out, const char *path, const struct metadata_rules *rules,
		 unsigned parts)
{
	return source_open(out, AT_FDCWD, path, 0, rules, parts);
}

void
source_close(struct source *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->name);
	free(s->buffer);
	free(s);
}

const struct identity *
source_identity(const struct source *s)
{
	return &s->identity;
}

const struct metadata *
source_metadata(const struct source *s)
{
	return &s->metadata;
}

uint64_t
source_allocated(const struct source *s)
{
	return (uint64_t)s->st.st_blocks * 512u;
}

int
source_fd(const struct source *s)
{
	return s->fd;
}

int
source_read(struct source *s, uint64_t offset, void *data, size_t length)
{
	size_t got;
	int r = pread_full(s->fd, data, length, offset, &got);

	if (r != 0)
		return r;
	return got == length ? 0 : FTX_E_CHANGED;
}

/*
 * Where the next data begins (SEEK_DATA) or ends (SEEK_HOLE) at or after offset.  The file's size
 * as it was at opening: there is none, which is also the answer where the file has become shorter.
 */
static int
seek(struct source *s, uint64_t offset, int whence, uint64_t *found)
{
	off_t at = lseek(s->fd, (off_t)offset, whence);

	*found = s->identity.size;
	if (at >= 0 && (uint64_t)at < *found)
		*found = (uint64_t)at;
	if (at >= 0 || errno == ENXIO)
		return 0;
	if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return error_from_errno(errno);
	s->is_dense = true;
	return 0;
}

static bool
is_worth_it(const struct source *s, uint64_t start, uint64_t end)
{
	return end - start >= SOURCE_HOLE_BYTES || end == s->identity.size;
}

/* The end of the data at offset and of what small holes join to it, at least as far as end. */
static int
find_data_end(struct source *s, uint64_t offset, uint64_t end, uint64_t *data_end)
{
	uint64_t hole, next = offset;
	int r;

	do {
		uint64_t at = next;

		if ((r = seek(s, at, SEEK_HOLE, &hole)) != 0)
			return r;
		*data_end = hole;
		if (hole >= end)
			return 0;
		if ((r = seek(s, hole, SEEK_DATA, &next)) != 0)
			return r;
		/* Somebody makes holes while we look: source_check() finds out. */
		if (hole == offset || next == at)
			next = end;
		else if (is_worth_it(s, hole, next))
			return 0;
		*data_end = next;
	} while (next < end);
	return 0;
}

static int
find_extent(struct source *s, uint64_t offset, uint64_t end)
{
	uint64_t data, data_end;
	int r = seek(s, offset, SEEK_DATA, &data);

	if (r != 0 || s->is_dense)
		return r;
	s->extent_is_hole = is_worth_it(s, offset, data);
	data_end = data;
	if (!s->extent_is_hole && (r = find_data_end(s, data, end, &data_end)) != 0)
		return r;
	s->extent_start = offset;
	s->extent_end = data_end;
	return 0;
}

int
source_extent(struct source *s, uint64_t offset, uint64_t end, bool *hole, uint64_t *length)
{
	int r = 0;

	assert(offset < end && end <= s->identity.size);
	if (!s->is_dense && (offset < s->extent_start || offset >= s->extent_end))
		r = find_extent(s, offset, end);
	if (r != 0)
		return r;
	*hole = !s->is_dense && s->extent_is_hole;
	*length = (s->is_dense || s->extent_end > end ? end : s->extent_end) - offset;
	return 0;
}

int
source_check(struct source *s)
{
	struct stat now, named;
	struct identity identity;

	if (fstat(s->fd, &now) != 0)
		return error_from_errno(errno);
	identity = identity_of(&now);
	if (!identity_same(&identity, &s->identity))
		return FTX_E_CHANGED;
	if (fstatat(s->dir, s->name, &named, s->at_flags) != 0)
		return errno == ENOENT || errno == ENOTDIR ? FTX_E_VANISHED
							   : error_from_errno(errno);
	if (named.st_ino != now.st_ino || named.st_dev != now.st_dev)
		return FTX_E_CHANGED;
	return take_stat(s, &now);
}
