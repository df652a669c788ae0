/*
 * The commit, step by step: the exclusive lock (nobody else can write this inode any more); what
 * is pending goes into the table; every block is there and the digest right; metadata; fsync of
 * the partial; the writable descriptor is closed; parents are made; one rename; the directories
 * are synced; the journal goes.
 *
 * Up to the rename a failure that is not the disk's leaves the partial as it was.
 */
#include "src/store/upload_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/publish.h"

enum { COMMIT_WAIT_MS = 5000 };

/* Ascending, disjoint, not empty, within the file. */
static bool
ranges_ok(const struct upload_commit *c, uint64_t blocks)
{
	uint64_t next = 0;

	if (c->sent_count > LIMIT_GAP_RANGES)
		return false;
	for (uint32_t i = 0; i < c->sent_count; i++) {
		const struct block_range *range = &c->sent[i];

		if (range->count == 0 || range->first < next || range->first > blocks ||
		    range->count > blocks - range->first)
			return false;
		next = range->first + range->count;
	}
	return true;
}

static int
take_over(struct upload *u)
{
	int r = journal_lock(&u->journal, JOURNAL_EXCLUSIVE, COMMIT_WAIT_MS);

	if (r != 0)
		return r;
	/* Somebody has taken our files away by hand: there is nothing left to go on with. */
	if (!journal_in_place(&u->journal) ||
	    !publish_leads_to(u->options.staging.dir, u->part_name, u->part))
		return upload_fail(u, FTX_E_IO, UPLOAD_DISCARD);
	return 0;
}

/*
 * In a client's directory a partial with another mode than 0600 is not touched, but a run that dies
 * between fchmod and rename leaves one.  So the journal says first which mode that is.
 */
static int
announce_mode(struct upload *u, const struct metadata *m)
{
	const struct upload_options *o = &u->options;
	int r;

	if (!upload_is_strict(u))
		return 0;
	u->journal.header.commit_mode = S_IFREG | metadata_mode(o->rules, m);
	if ((r = journal_write_header(&u->journal)) != 0)
		return upload_fail_write(u, r);
	u->journal_dirty = true;
	return 0;
}

/* The blocks of this run go out of the table, to be sent once more. */
static int
take_back(struct upload *u, const struct upload_commit *c, struct upload_result *result)
{
	int r;

	for (uint32_t i = 0; i < c->sent_count; i++) {
		r = journal_clear(&u->journal, c->sent[i].first, c->sent[i].count);
		if (r != 0)
			return upload_fail_write(u, r);
		result->blocks[i] = c->sent[i];
	}
	if (fdatasync(u->journal.fd) != 0)
		return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	result->block_count = c->sent_count;
	return FTX_E_MISMATCH;
}

static int
verify(struct upload *u, const struct upload_commit *c, struct upload_result *result)
{
	struct digest sent;
	struct stat st;
	int r = upload_digests(u, c, result, &sent);

	if (r != 0)
		return r;
	if (c->digest != NULL && !digest_equal(c->digest, &sent))
		return take_back(u, c, result);
	if (fstat(u->part, &st) != 0)
		return error_from_errno(errno);
	/* All blocks are in the table, so somebody else has cut or extended the file. */
	if ((uint64_t)st.st_size != u->options.identity.size)
		return upload_fail(u, FTX_E_IO, UPLOAD_DISCARD);
	return 0;
}

/* What is missing may have come over a connection to another node. */
static int
verify_with_others(struct upload *u, const struct upload_commit *c, struct upload_result *result)
{
	int r = verify(u, c, result);

	if (r != FTX_E_INCOMPLETE || u->options.staging.node[0] == '\0')
		return r;
	if ((r = upload_adopt(u)) != 0)
		return r;
	result->block_count = 0;
	return verify(u, c, result);
}

/* Metadata, fsync, close: from here on nothing writes to this inode. */
static int
finish_part(struct upload *u, const struct upload_commit *c, struct upload_result *result)
{
	const struct upload_options *o = &u->options;
	int r = metadata_apply(o->rules, u->part, &c->metadata, METADATA_AGAIN, &result->flags);

	if (r != 0)
		return upload_fail(u, r, r == FTX_E_IO ? UPLOAD_DISCARD : UPLOAD_KEEP);
	upload_long_call(u);
	if (fsync(u->part) != 0)
		return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	r = close(u->part);
	u->part = -1;
	/* EINTR: closed all the same. */
	if (r != 0 && errno != EINTR)
		return upload_fail(u, error_from_errno(errno), UPLOAD_DISCARD);
	return 0;
}

static int
move_into_place(struct upload *u)
{
	const struct upload_options *o = &u->options;
	struct place p;
	struct stat before;
	int r = resolve_parent(o->root, o->path, o->resolve_flags | RESOLVE_MAKE_PARENTS, &p);

	usage_note_made(o->tally, p.made);
	if (r == 0)
		r = upload_check_leaf(u, &p, &before);
	if (r == 0)
		r = (o->overwrite ? publish_over : publish_new)(o->staging.dir, u->part_name, p.dir,
								p.leaf);
	if (r == 0 && before.st_mode != 0)
		usage_note_gone(o->tally, &before);
	place_release(&p);
	return r;
}

/* What the disk says now cannot be undone: the file is there, but not durable. */
static int
settle(struct upload *u)
{
	const struct upload_options *o = &u->options;
	int r;

	upload_long_call(u);
	r = resolve_sync_parents(o->root, o->path, o->resolve_flags);
	if (r == 0)
		upload_drop_others(u);
	unlinkat(o->staging.dir, u->journal_name, 0);
	journal_close(&u->journal);
	u->error = r;
	u->published = true;
	return r;
}

/* The commit was refused, the upload goes on: as it was before take_over(). */
static void
give_back(struct upload *u, int error)
{
	int r = u->part >= 0 ? 0 : upload_open_part(u);

	if (r == 0)
		r = journal_lock(&u->journal, JOURNAL_SHARED, 0);
	if (r != 0)
		upload_fail(u, error, UPLOAD_KEEP);
}

/*
 * The size that was unknown.  The journal's header keeps saying that it is, so that this run can go
 * on with the whole blocks if the answer is lost; the slot of a last block that is not whole then
 * does not count.
 */
static int
fix_size(struct upload *u, const struct upload_commit *c)
{
	struct digest digest;
	struct stat st;

	if (u->size_fixed && c->size != u->options.identity.size)
		return FTX_E_PROTOCOL;
	if (!upload_is_unsized(u))
		return 0;
	if (c->size > LIMIT_FILE_BYTES ||
	    (u->filled > 0 && c->size != u->block * LIMIT_BLOCK_BYTES + u->filled))
		return FTX_E_PROTOCOL;
	if (fstat(u->part, &st) != 0)
		return upload_fail(u, error_from_errno(errno), UPLOAD_KEEP);
	if ((uint64_t)st.st_size > c->size)
		return FTX_E_PROTOCOL;
	u->options.identity.size = u->journal.header.size = c->size;
	u->size_fixed = true;
	if (u->filled == 0)
		return 0;
	u->filled = 0;
	digest = digest_finish(u->running);
	return upload_add_pending(u, u->block, &digest);
}

int
upload_commit(struct upload *u, const struct upload_commit *c, struct upload_result *result)
{
	int r;

	assert(!u->published);
	result->flags = 0;
	result->block_count = 0;
	if (u->error != 0)
		return u->error;
	if ((r = fix_size(u, c)) != 0)
		return r;
	if (u->filled > 0 || !ranges_ok(c, block_count_of(u->options.identity.size)))
		return FTX_E_PROTOCOL;
	if ((r = take_over(u)) != 0)
		return r;
	if ((r = announce_mode(u, &c->metadata)) == 0 && (r = upload_flush(u)) == 0 &&
	    (r = verify_with_others(u, c, result)) == 0 && (r = upload_check_target(u)) == 0 &&
	    (r = finish_part(u, c, result)) == 0 && (r = move_into_place(u)) == 0)
		return settle(u);
	if (u->error == 0)
		give_back(u, r);
	return r;
}
