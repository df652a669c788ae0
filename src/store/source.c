#include "src/store/source.h"

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
	return take_stat(s, &st);
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
