/*
 * STAT, READ, SYNC (PROTOCOL.md, "Reading").
 */
#include "src/server/handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/resolve.h"
#include "src/store/source.h"

int
session_attributes(struct session *s, const struct subtree *t, unsigned parts, int dir,
		   const char *name, const struct stat *st, struct attributes *a)
{
	ssize_t length;
	int r;

	*a = (struct attributes){.metadata = metadata_of(st), .identity = identity_of(st)};
	a->allocated = (uint64_t)st->st_blocks * 512u;
	a->links = st->st_nlink < UINT32_MAX ? (uint32_t)st->st_nlink : UINT32_MAX;
	if (S_ISLNK(st->st_mode)) {
		length = readlinkat(dir, name, s->link_target, sizeof(s->link_target));
		if (length < 0)
			return errno == ENOENT || errno == EINVAL ? FTX_E_VANISHED
								  : error_from_errno(errno);
		if (length > (ssize_t)LIMIT_PATH_BYTES)
			return FTX_E_TOO_LARGE;
		a->target = (struct span){(const uint8_t *)s->link_target, (size_t)length};
	}
	r = metadata_read(&t->rules, parts, dir, name, -1, st, &a->metadata, &s->metadata);
	if (r != 0)
		a->metadata = metadata_of(st);
	return r;
}

int
handle_stat(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_ENTRY};
	struct target t;
	struct place place;
	struct stat st;
	int r = target_parse(s, &m->stat.path, RIGHT_LIST, &t);

	if (r == 0)
		r = resolve_parent(t.subtree->root, t.rest, 0, &place);
	if (r != 0)
		return answer_path_error(s, r, &t);
	if (fstatat(place.dir, place.leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
		r = error_from_errno(errno);
	else
		r = session_attributes(s, t.subtree, m->stat.parts, place.dir, place.leaf, &st,
				       &answer.entry.attributes);
	place_release(&place);
	if (r != 0)
		return answer_path_error(s, r, &t);
	return connection_send(&s->connection, &answer);
}

/* Ascending, disjoint, not empty, within the file: what an honest client sends. */
static bool
ranges_ok(const struct message_read *m)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < m->ranges.count; i++) {
		const struct range *r = &m->ranges.items[i];

		if (r->length == 0 || r->offset < end || r->offset > m->identity.size ||
		    r->length > m->identity.size - r->offset)
			return false;
		end = r->offset + r->length;
	}
	return true;
}

/* One chunk: read where it is sealed, so that an incompressible file is not copied. */
static int
send_chunk(struct session *s, struct source *source, uint64_t offset, size_t length,
	   int *file_error)
{
	struct message part = {.type = MESSAGE_DATA};
	uint8_t *raw = connection_payload(&s->connection, MESSAGE_DATA);
	struct digest digest;

	if ((*file_error = source_read(source, offset, raw, length)) != 0)
		return 0;
	digest = digest_of(raw, length);
	memcpy(part.data.digest, digest.bytes, sizeof(part.data.digest));
	part.data.offset = offset;
	part.data.raw_length = (uint32_t)length;
	part.data.data.data = raw;
	part.data.codec =
	    (uint8_t)encoder_run(s->encoder, offset, raw, length, &part.data.data.length);
	return connection_send(&s->connection, &part);
}

static int
send_hole(struct session *s, uint64_t offset, uint64_t length)
{
	struct message part = {.type = MESSAGE_DATA_HOLE};

	part.data_hole.offset = offset;
	part.data_hole.length = length;
	return connection_send(&s->connection, &part);
}

/* Chunks end at multiples of LIMIT_CHUNK_BYTES, so none crosses a block's end; holes may. */
static int
send_range(struct session *s, struct source *source, const struct range *range, int *file_error)
{
	uint64_t offset = range->offset;
	uint64_t end = range->offset + range->length;
	int r = 0;

	while (offset < end && r == 0 && *file_error == 0) {
		uint64_t chunk = LIMIT_CHUNK_BYTES - offset % LIMIT_CHUNK_BYTES;
		uint64_t length;
		bool hole;

		if ((*file_error = source_extent(source, offset, end, &hole, &length)) != 0)
			break;
		if (hole) {
			r = send_hole(s, offset, length);
		} else {
			length = length < chunk ? length : chunk;
			r = send_chunk(s, source, offset, (size_t)length, file_error);
		}
		offset += length;
	}
	return r;
}

static int
open_source(struct session *s, const struct message_read *m, struct target *t, struct place *place,
	    struct source **source)
{
	int r = target_parse(s, &m->path, RIGHT_GET, t);

	if (r == 0)
		r = encoder_setup(s->encoder, (enum compress_mode)m->compress, m->level,
				  s->peer_codecs);
	if (r == FTX_E_USAGE)
		r = FTX_E_UNSUPPORTED; /* a level that the codec does not have */
	encoder_next_file(s->encoder);
	if (r == 0)
		r = resolve_parent(t->subtree->root, t->rest, 0, place);
	if (r == 0)
		r = source_open_at(source, place->dir, place->leaf, NULL, 0);
	if (r == 0 && !identity_same(source_identity(*source), &m->identity))
		r = FTX_E_CHANGED;
	return r;
}

int
handle_read(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_DONE};
	struct place place = {.dir = -1};
	struct source *source = NULL;
	struct target t;
	int file_error;
	int r = 0;

	if (!ranges_ok(&m->read))
		return FTX_E_PROTOCOL;
	file_error = open_source(s, &m->read, &t, &place, &source);
	if (file_error == 0)
		file_read(s, "read", t.subtree, t.rest);
	for (uint32_t i = 0; i < m->read.ranges.count && r == 0 && file_error == 0; i++)
		r = send_range(s, source, &m->read.ranges.items[i], &file_error);
	/* What was sent may be of two states of the file. */
	if (r == 0 && file_error == 0)
		file_error = source_check(source);
	if (r == 0 && file_error == 0) {
		answer.done.identity = *source_identity(source);
		r = connection_send(&s->connection, &answer);
	} else if (r == 0) {
		r = answer_path_error(s, subtree_hide_read(t.subtree, file_error), &t);
	}
	source_close(source);
	place_release(&place);
	return r;
}

int
handle_sync(struct session *s, const struct message *m)
{
	struct target t;
	int r = target_parse(s, &m->sync.share, RIGHT_PUT, &t);
	int fd;

	if (r != 0)
		return answer_path_error(s, r, &t);
	if (t.rest[0] != '\0')
		return FTX_E_PROTOCOL;
	session_working(s);
	fd = openat(t.subtree->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0)
		r = error_from_errno(errno);
	if (fd >= 0)
		close(fd);
	return r != 0 ? answer_error(s, r, NULL) : answer_ok(s);
}
