/*
 * FETCH (PROTOCOL.md, "Packs"): small files, many to a record.
 *
 * A file that fits into one part is read whole before anything of it is sent, so that one which
 * changed meanwhile can be read once more.
 */
#include "src/server/handlers.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/store/metadata.h"

enum { FETCHED_LAST = 1, TRIES = 2 };

/* The part of the answer that is being gathered; its content is in the session's raw. */
struct fetch {
	uint64_t sent; /* bytes of content in this answer so far: where this part begins */
	size_t record; /* bytes of the record without content */
	size_t raw;
	size_t text;
	uint32_t count;
	struct fetched items[LIMIT_ENTRIES];
	uint8_t texts[LIMIT_RECORD_PLAIN]; /* what the spans of items lead into */
};

/* One of the files asked for. */
struct file {
	uint16_t index;
	uint64_t limit;
	unsigned parts;
	const struct metadata_rules *rules;
	const struct place *place;
	int fd;
	struct stat st;
	struct metadata metadata; /* leads into the session's buffer */
};

static size_t
empty_record(void)
{
	return 1 + structure_min_bytes(&message_info(MESSAGE_DATA_PACK)->body);
}

static void
start_part(struct fetch *f)
{
	f->record = empty_record();
	f->raw = 0;
	f->text = 0;
	f->count = 0;
}

static size_t
text_bytes(const struct metadata *m)
{
	return m->user.length + m->group.length + m->xattrs.length;
}

static size_t
item_bytes(const struct metadata *m)
{
	return structure_min_bytes(structure_info(STRUCTURE_fetched)) + text_bytes(m);
}

/* Content that fits into a record beside record bytes of other things and raw of content. */
static size_t
room_beside(size_t record, size_t raw)
{
	size_t room = LIMIT_CHUNK_BYTES - raw;

	if (record + raw >= LIMIT_RECORD_PLAIN)
		return 0;
	return room < LIMIT_RECORD_PLAIN - record - raw ? room : LIMIT_RECORD_PLAIN - record - raw;
}

/* Does an item with this metadata and length fit into the part that is being gathered? */
static bool
fits(const struct fetch *f, const struct metadata *m, size_t length)
{
	size_t record = f->record + item_bytes(m);

	return f->count < LIMIT_ENTRIES && record + f->raw + length <= LIMIT_RECORD_PLAIN &&
	       length <= LIMIT_CHUNK_BYTES - f->raw;
}

static int
send_part(struct session *s)
{
	struct fetch *f = s->fetch;
	struct message part = {.type = MESSAGE_DATA_PACK};
	struct span *data = &part.data_pack.data;
	int r;

	if (f->count == 0)
		return 0;
	part.data_pack.items.items = f->items;
	part.data_pack.items.count = f->count;
	part.data_pack.raw_length = (uint32_t)f->raw;
	data->data = s->raw;
	if (f->raw > 0)
		part.data_pack.codec =
		    (uint8_t)encoder_run(s->encoder, f->sent, s->raw, f->raw, &data->length);
	r = connection_send(&s->connection, &part);
	f->sent += f->raw;
	start_part(f);
	return r;
}

static struct span
keep_text(struct fetch *f, const struct span *text)
{
	struct span kept = {.data = f->texts + f->text, .length = text->length};

	assert(text->length <= sizeof(f->texts) - f->text);
	if (text->length > 0)
		memcpy(f->texts + f->text, text->data, text->length);
	f->text += text->length;
	return kept;
}

/* Adds an item, whose content is there already; it must fit. */
static void
add(struct session *s, const struct fetched *item)
{
	struct fetch *f = s->fetch;
	struct fetched *kept = &f->items[f->count++];
	struct digest digest = digest_of(s->raw + f->raw, item->length);

	*kept = *item;
	memcpy(kept->digest, digest.bytes, sizeof(kept->digest));
	kept->metadata.user = keep_text(f, &item->metadata.user);
	kept->metadata.group = keep_text(f, &item->metadata.group);
	kept->metadata.xattrs = keep_text(f, &item->metadata.xattrs);
	f->raw += item->length;
	f->record += item_bytes(&item->metadata);
}

/* There is no (more) content of this file, and why. */
static int
add_error(struct session *s, uint16_t index, int error)
{
	const struct fetched item = {
	    .index = index,
	    .code = (uint16_t)-error,
	    .flags = FETCHED_LAST,
	    .metadata.type = ENTRY_FILE,
	};
	int r = fits(s->fetch, &item.metadata, 0) ? 0 : send_part(s);

	if (r == 0)
		add(s, &item);
	return r;
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

/* Looks before it opens (source.c says why). */
static int
open_file(struct file *file)
{
	const struct place *p = file->place;
	int r;

	if (fstatat(p->dir, p->leaf, &file->st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_from_errno(errno);
	if ((r = check_type(file->st.st_mode)) != 0)
		return r;
	file->fd =
	    openat(p->dir, p->leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return file->fd >= 0 ? 0 : error_from_errno(errno);
}

/* Its state before it is read, and its metadata. */
static int
look(struct session *s, struct file *file)
{
	int r;

	if (fstat(file->fd, &file->st) != 0)
		return error_from_errno(errno);
	if ((r = check_type(file->st.st_mode)) != 0)
		return r;
	if ((uint64_t)file->st.st_size > file->limit)
		return FTX_E_TOO_LARGE;
	return metadata_read(file->rules, file->parts, file->place->dir, file->place->leaf,
			     file->fd, &file->st, &file->metadata, &s->metadata);
}

/* Has it stayed what it was, metadata included? */
static int
check_unchanged(const struct file *file)
{
	struct identity before = identity_of(&file->st), after;
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return error_from_errno(errno);
	after = identity_of(&st);
	return identity_same(&before, &after) && before.ctime_s == after.ctime_s &&
		       before.ctime_ns == after.ctime_ns
		   ? 0
		   : FTX_E_CHANGED;
}

/* Reads behind what is gathered. */
static int
read_part(struct session *s, const struct file *file, uint64_t offset, size_t length)
{
	size_t got = 0;
	int r = length > 0 ? pread_full(file->fd, s->raw + s->fetch->raw, length, offset, &got) : 0;

	if (r != 0)
		return r;
	return got == length ? 0 : FTX_E_CHANGED;
}

static struct fetched
item_of(const struct file *file, uint64_t offset, size_t length, bool last)
{
	struct fetched item = {
	    .index = file->index,
	    .size = (uint64_t)file->st.st_size,
	    .offset = offset,
	    .length = (uint32_t)length,
	    .flags = last ? FETCHED_LAST : 0,
	    .metadata.type = ENTRY_FILE,
	};

	if (last)
		item.metadata = file->metadata;
	return item;
}

/*
 * These return 0 or why the connection is over; *error: what is wrong with the file.
 */

/* A file that does not fit into one part.  Its last part is sent when nothing has changed. */
static int
fetch_parts(struct session *s, const struct file *file, int *error)
{
	static const struct metadata none;
	uint64_t size = (uint64_t)file->st.st_size, offset = 0;
	size_t most = room_beside(empty_record() + item_bytes(&none), 0);
	size_t most_last = room_beside(empty_record() + item_bytes(&file->metadata), 0);
	int r = 0;

	while (r == 0 && offset < size) {
		bool last = size - offset <= most_last;
		size_t length = last || size - offset <= most ? (size_t)(size - offset) : most;
		struct fetched item;

		if (!last && length == size - offset)
			length--; /* the last part has room for the metadata */
		if ((r = send_part(s)) != 0)
			return r;
		if ((*error = read_part(s, file, offset, length)) != 0 ||
		    (last && (*error = check_unchanged(file)) != 0))
			return 0;
		item = item_of(file, offset, length, last);
		add(s, &item);
		offset += length;
	}
	return r;
}

static int
fetch_whole(struct session *s, const struct file *file, int *error)
{
	size_t size = (size_t)file->st.st_size;
	struct fetched item = item_of(file, 0, size, true);
	int r = fits(s->fetch, &file->metadata, size) ? 0 : send_part(s);

	if (r != 0)
		return r;
	if ((*error = read_part(s, file, 0, size)) == 0 && (*error = check_unchanged(file)) == 0)
		add(s, &item);
	return 0;
}

static int
fetch_open(struct session *s, struct file *file, int *error)
{
	int r = 0;

	*error = FTX_E_CHANGED;
	for (unsigned tries = 0; r == 0 && *error == FTX_E_CHANGED && tries < TRIES; tries++) {
		if ((*error = look(s, file)) != 0)
			return 0;
		if ((uint64_t)file->st.st_size >
		    room_beside(empty_record() + item_bytes(&file->metadata), 0))
			return fetch_parts(s, file, error);
		r = fetch_whole(s, file, error);
	}
	return r;
}

/* Goes there and opens it; once more where the directory that is kept open may have gone. */
static int
find_file(struct tree *tree, const char *path, struct file *file)
{
	int r = tree_parent(tree, path, false, &file->place);

	if (r == 0)
		r = open_file(file);
	if (r != FTX_E_NOT_FOUND)
		return r;
	tree_leave(tree);
	if ((r = tree_parent(tree, path, false, &file->place)) == 0)
		r = open_file(file);
	return r;
}

static int
fetch_file(struct session *s, const struct target *t, struct tree *tree,
	   const struct message_fetch *m, uint16_t index)
{
	const struct wanted *wanted = &m->files.items[index];
	char path[LIMIT_PATH_BYTES + 1];
	struct file file = {
	    .index = index,
	    .limit = wanted->limit,
	    .parts = m->parts,
	    .rules = &t->subtree->rules,
	    .fd = -1,
	};
	int error = target_join(t, &wanted->path, false, path);
	int r = 0;

	if (error == 0 && (error = find_file(tree, path, &file)) == 0)
		r = fetch_open(s, &file, &error);
	if (file.fd >= 0)
		close(file.fd);
	if (r == 0 && error != 0)
		r = add_error(s, index, subtree_hide_read(t->subtree, error));
	else if (r == 0)
		file_read(s, "read", t->subtree, path);
	return r;
}

static int
prepare(struct session *s, const struct message_fetch *m, struct target *t, struct tree **tree)
{
	int r = target_parse(s, &m->base, RIGHT_GET, t);

	if (r == 0)
		r = subtree_tree(s, t->subtree, false, tree);
	if (r == 0)
		r = encoder_setup(s->encoder, (enum compress_mode)m->compress, m->level,
				  s->peer_codecs);
	if (r == FTX_E_USAGE)
		r = FTX_E_UNSUPPORTED; /* a level that the codec does not have */
	if (r == 0 && s->fetch == NULL && (s->fetch = malloc(sizeof(*s->fetch))) == NULL)
		r = FTX_E_NOMEM;
	return r;
}

int
handle_fetch(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_FETCHED};
	struct tree *tree;
	struct target t;
	int r = prepare(s, &m->fetch, &t, &tree);

	if (r != 0)
		return answer_path_error(s, r, &t);
	s->fetch->sent = 0;
	start_part(s->fetch);
	for (uint32_t i = 0; i < m->fetch.files.count && r == 0; i++)
		r = fetch_file(s, &t, tree, &m->fetch, (uint16_t)i);
	if (r == 0)
		r = send_part(s);
	answer.fetched.count = (uint16_t)m->fetch.files.count;
	return r != 0 ? r : connection_send(&s->connection, &answer);
}
