#include "src/store/upload_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proto/errors.h"

uint64_t
upload_free_bytes(const struct upload *u)
{
	struct statvfs vfs;
	uint64_t bytes;

	/* Without blocks it counts none: ramfs, some FUSE file systems. */
	if (fstatvfs(u->part, &vfs) != 0 || vfs.f_blocks == 0 ||
	    __builtin_mul_overflow((uint64_t)vfs.f_bavail, (uint64_t)vfs.f_frsize, &bytes))
		return UINT64_MAX;
	return bytes;
}

/* Bytes of wanted that fd does not occupy yet.  0 or the error of errno. */
static int
missing_bytes(int fd, uint64_t wanted, uint64_t *missing)
{
	uint64_t occupied;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_from_errno(errno);
	occupied = (uint64_t)st.st_blocks * 512;
	*missing = wanted > occupied ? wanted - occupied : 0;
	return 0;
}

/*
 * Does what is still missing of the source's size on disk fit, with the slots of all blocks?  A
 * file that is one big hole is little but slots.
 */
int
upload_check_space(const struct upload *u)
{
	const struct upload_options *o = &u->options;
	uint64_t part = 0, journal = 0;
	uint64_t both, needed;
	int r;

	/* Nobody knows; the writes will tell. */
	if (upload_is_unsized(u))
		return 0;
	if ((r = missing_bytes(u->part, o->allocate, &part)) != 0 ||
	    (r = missing_bytes(u->journal.fd, block_count_of(o->identity.size) * JOURNAL_SLOT_BYTES,
			       &journal)) != 0)
		return r;
	if (__builtin_add_overflow(part, journal, &both) ||
	    __builtin_add_overflow(both, o->keep_free, &needed) ||
	    (both > 0 && needed > upload_free_bytes(u)))
		return FTX_E_NO_SPACE;
	return 0;
}

int
upload_check_leaf(const struct upload *u, const struct place *p, struct stat *st)
{
	if (fstatat(p->dir, p->leaf, st, AT_SYMLINK_NOFOLLOW) != 0) {
		*st = (struct stat){0};
		return errno == ENOENT ? 0 : error_from_errno(errno);
	}
	if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		return FTX_E_CONFLICT;
	return u->options.overwrite ? 0 : FTX_E_EXISTS;
}

int
upload_check_target(const struct upload *u)
{
	const struct upload_options *o = &u->options;
	unsigned flags = o->resolve_flags & ~(unsigned)RESOLVE_MAKE_PARENTS;
	struct place p;
	struct stat st;
	int r = resolve_parent(o->root, o->path, flags, &p);

	if (r == 0)
		r = upload_check_leaf(u, &p, &st);
	else if (r == FTX_E_NOT_FOUND)
		r = 0;
	place_release(&p);
	return r;
}

/* A rename works within one file system only; better said before anything is sent. */
static int
check_file_system(const struct upload *u)
{
	const struct upload_options *o = &u->options;
	struct stat here, there;
	int dir, r = resolve_nearest(o->root, o->path, o->resolve_flags, &dir);

	if (r != 0)
		return r;
	if (fstat(dir, &here) != 0 || fstat(o->staging.dir, &there) != 0)
		r = error_from_errno(errno);
	else if (here.st_dev != there.st_dev)
		r = FTX_E_OTHER_FILE_SYSTEM;
	close(dir);
	return r;
}

static void
set_names(struct upload *u)
{
	const struct upload_staging *s = &u->options.staging;
	const char *dot = s->node[0] != '\0' ? "." : "";
	int n = snprintf(u->part_name, sizeof(u->part_name), "%s%s%s%s.part", s->prefix, s->id, dot,
			 s->node);
	int m = snprintf(u->journal_name, sizeof(u->journal_name), "%s%s%s%s.jnl", s->prefix, s->id,
			 dot, s->node);

	assert(n > 0 && m > 0 && (size_t)n < sizeof(u->part_name) &&
	       (size_t)m < sizeof(u->journal_name));
}

static void
upload_free(struct upload *u)
{
	digest_state_free(u->running);
	free(u->path);
	free(u);
}

static struct upload *
upload_new(const struct upload_options *o)
{
	struct upload *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->options = *o;
	u->options.path = u->path = strdup(o->path);
	u->running = digest_state_new();
	u->part = u->journal.fd = -1;
	u->window = UINT64_MAX;
	if (u->path == NULL || u->running == NULL) {
		upload_free(u);
		return NULL;
	}
	set_names(u);
	return u;
}

/*
 * Preallocation keeps a file in one piece and finds a full disk early.  A sparse source would lose
 * its holes by it; a file system in memory would only do its work earlier, while the sender waits.
 */
static bool
is_preallocated(const struct upload *u)
{
	const struct upload_options *o = &u->options;
	struct statfs fs;

	return !upload_is_unsized(u) && o->allocate >= o->identity.size &&
	       o->identity.size > LIMIT_BLOCK_BYTES && fstatfs(u->part, &fs) == 0 &&
	       fs.f_type != TMPFS_MAGIC;
}

int
upload_open(struct upload **out, const struct upload_options *options, struct block_range *have,
	    uint32_t *have_count)
{
	struct upload *u;
	int r;

	*have_count = 0;
	if (options->identity.size > LIMIT_FILE_BYTES &&
	    options->identity.size != UPLOAD_SIZE_UNKNOWN)
		return FTX_E_TOO_LARGE;
	if ((u = upload_new(options)) == NULL)
		return FTX_E_NOMEM;
	if ((r = upload_check_target(u)) != 0 || (r = check_file_system(u)) != 0 ||
	    (r = upload_claim(u, have, have_count)) != 0)
		goto out;
	u->preallocate = is_preallocated(u);
	if ((r = upload_check_space(u)) != 0)
		upload_fail(u, r, UPLOAD_KEEP);
out:
	if (r != 0)
		upload_close(u, UPLOAD_KEEP);
	else
		*out = u;
	return r;
}

/* Is there anything in the table? */
static bool
has_blocks(const struct upload *u)
{
	struct journal_scan scan;
	struct digest digest;
	uint64_t block;
	bool found;

	journal_scan_start(&scan, &u->journal);
	return journal_scan_next(&scan, &found, &block, &digest) != 0 || found;
}

int
upload_close(struct upload *u, enum upload_end end)
{
	int r = 0;

	if (u == NULL)
		return 0;
	if (end == UPLOAD_DISCARD)
		u->remove = true;
	else
		r = u->error;
	if (u->journal.fd >= 0) {
		if (!u->remove && upload_flush(u) != 0 && r == 0)
			r = u->error;
		if (u->remove || (u->error != 0 && !has_blocks(u)))
			upload_remove(u);
	}
	if (u->part >= 0)
		close(u->part);
	journal_close(&u->journal);
	upload_free(u);
	return r;
}

int
upload_forget(const struct upload_staging *staging)
{
	const struct upload_options options = {.staging = *staging, .path = ""};
	struct upload *u = upload_new(&options);
	bool alone;
	int r;

	if (u == NULL)
		return FTX_E_NOMEM;
	r = upload_lock_journal(u, &alone);
	if (r == 0 && !alone)
		r = FTX_E_BUSY;
	if (r == 0)
		r = journal_read_header(&u->journal);
	if (r == 0 || r == FTX_E_MISMATCH)
		r = upload_open_part(u);
	if (r == 0 || (r == FTX_E_NOT_FOUND && u->journal.fd >= 0)) {
		r = 0;
		upload_remove(u);
	}
	if (u->part >= 0)
		close(u->part);
	journal_close(&u->journal);
	upload_free(u);
	return r == FTX_E_NOT_FOUND ? 0 : r;
}
