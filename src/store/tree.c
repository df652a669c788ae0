/*
 * The directory of the last path is kept open, for a second at most: another process may have
 * moved it away, and what is kept open would then be another directory than the path says.  Within
 * that second a call that finds nothing there (ENOENT) walks afresh once.
 */
#include "src/store/tree.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/encoding.h"
#include "src/store/name.h"
#include "src/store/tree_impl.h"

enum { NEAR_MS = 1000 };

struct tree *
tree_new(const struct tree_options *options)
{
	struct tree *t = calloc(1, sizeof(*t));
	uint8_t run[(sizeof(t->run) - 1) / 2];
	ssize_t got;

	if (t == NULL)
		return NULL;
	/* So few bytes come whole and are never interrupted (getrandom(2)). */
	got = getrandom(run, sizeof(run), 0);
	assert(got == (ssize_t)sizeof(run));
	t->options = *options;
	t->link_temp = -1;
	for (size_t i = 0; i < TREE_SLOTS; i++)
		t->near[i].place.dir = -1;
	hex_encode(t->run, run, sizeof(run));
	return t;
}

void
tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	tree_leave(t);
	tree_unsynced_end(t);
	tree_made_free(t->made);
	free(t);
}

const struct tree_options *
tree_options(const struct tree *t)
{
	return &t->options;
}

void
tree_leave(struct tree *t)
{
	for (size_t i = 0; i < TREE_SLOTS; i++)
		place_release(&t->near[i].place);
}

/* Bytes of path before its last component, without the slash. */
static size_t
parent_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) : 0;
}

static const char *
leaf_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (path[0] == '\0')
		return ".";
	return slash != NULL ? slash + 1 : path;
}

/* Is the directory of n, which is kept open, one on the way to the one that path is in? */
static bool
is_on_the_way(const struct tree_near *n, const char *path, size_t length)
{
	if (n->length == 0 || n->length >= length)
		return false;
	return memcmp(n->path, path, n->length) == 0 && path[n->length] == '/';
}

/* From the root, or from where n is, to the directory above path's leaf. */
static int
walk(struct tree *t, struct tree_near *n, const char *path, size_t length)
{
	struct place found;
	int root = t->options.root;
	const char *rest = path;
	uint64_t since = clock_ms();
	int r;

	if (n->place.dir >= 0 && is_on_the_way(n, path, length)) {
		root = n->place.dir;
		rest = path + n->length + 1;
		since = n->since_ms;
	}
	r = resolve_parent(root, rest, t->options.resolve_flags & ~(unsigned)RESOLVE_MAKE_PARENTS,
			   &found);
	place_release(&n->place);
	if (r != 0) {
		place_release(&found);
		return r;
	}
	n->place = found;
	n->since_ms = since;
	n->length = length;
	memcpy(n->path, path, length);
	return 0;
}

/* Walks to where path's leaf is, from what is kept open where that is young. */
static int
go_to(struct tree *t, enum tree_slot slot, const char *path)
{
	struct tree_near *n = &t->near[slot];
	size_t length = parent_length(path);

	if (n->place.dir >= 0 && clock_ms() - n->since_ms > NEAR_MS)
		place_release(&n->place);
	if (n->place.dir < 0 || n->length != length || memcmp(n->path, path, length) != 0) {
		bool short_cut = n->place.dir >= 0 && is_on_the_way(n, path, length);
		int r = walk(t, n, path, length);

		if (r == FTX_E_NOT_FOUND && short_cut)
			r = walk(t, n, path, length);
		if (r != 0)
			return r;
	}
	strcpy(n->place.leaf, leaf_of(path));
	return 0;
}

/* One directory of those above an entry. */
static int
make_one(struct tree *t, enum tree_slot slot, const char *path)
{
	struct tree_attempt a = {.slot = slot, .path = path};
	int r = tree_attempt(t, &a);

	if (r != 0)
		return r;
	while (mkdirat(a.p->dir, a.p->leaf, 0777) != 0)
		if (errno == EEXIST)
			return 0;
		else if (!tree_attempt_again(t, &a))
			return error_from_errno(errno);
	usage_note_made(t->options.tally, 1);
	if ((r = tree_note_made(t, a.p->dir, a.p->leaf)) != 0)
		return r;
	return tree_touch_parent(t, path);
}

static int
make_parents(struct tree *t, enum tree_slot slot, const char *path)
{
	char above[LIMIT_PATH_BYTES + 1];
	const char *slash = path;
	int r = 0;

	while (r == 0 && (slash = strchr(slash, '/')) != NULL) {
		size_t length = (size_t)(slash - path);

		memcpy(above, path, length);
		above[length] = '\0';
		r = make_one(t, slot, above);
		slash++;
	}
	return r;
}

int
tree_parent_in(struct tree *t, enum tree_slot slot, const char *path, bool make,
	       const struct place **p)
{
	int r;

	if (path[0] != '\0' && (r = path_check(path, strlen(path))) != 0)
		return r;
	r = go_to(t, slot, path);
	if (r == FTX_E_NOT_FOUND && make && (r = make_parents(t, slot, path)) == 0)
		r = go_to(t, slot, path);
	if (r == 0)
		*p = &t->near[slot].place;
	return r;
}

int
tree_parent(struct tree *t, const char *path, bool make, const struct place **p)
{
	return tree_parent_in(t, TREE_MAIN, path, make, p);
}

int
tree_touch_parent(struct tree *t, const char *path)
{
	return tree_unsynced_add(t, path, parent_length(path), false);
}

void
tree_set_temp(struct tree *t, int temp_dir)
{
	t->options.temp_dir = temp_dir;
}

int
tree_temp(struct tree *t, const struct place *p, char name[static TREE_TEMP_BYTES])
{
	bool beside = t->options.temp_dir < 0;

	snprintf(name, TREE_TEMP_BYTES, "%s%s-%" PRIu64 "%s", beside ? ".ftx-" : "", t->run,
		 ++t->temp_count, beside ? ".new" : "");
	return beside ? p->dir : t->options.temp_dir;
}

void
tree_set_link_temp(struct tree *t, int dir)
{
	t->link_temp = dir;
}

int
tree_link_temp(struct tree *t, const struct place *p, char name[static TREE_TEMP_BYTES])
{
	int dir = tree_temp(t, p, name);

	return t->link_temp >= 0 ? t->link_temp : dir;
}

int
tree_attempt(struct tree *t, struct tree_attempt *a)
{
	return tree_parent_in(t, a->slot, a->path, a->make, &a->p);
}

bool
tree_attempt_again(struct tree *t, struct tree_attempt *a)
{
	int errnum = errno;
	bool again = false;

	if (errnum == ENOENT && !a->walked_again) {
		a->walked_again = true;
		place_release(&t->near[a->slot].place);
		again = tree_attempt(t, a) == 0;
	} else if (errnum == EACCES && !a->made_writable) {
		a->made_writable = true;
		again = tree_make_writable(t, a->p, a->path) == 0;
	}
	errno = errnum;
	return again;
}

int
tree_stat(const struct place *p, struct stat *st)
{
	return fstatat(p->dir, p->leaf, st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : error_from_errno(errno);
}

/*
 * Goes to path and looks.  Where there is nothing, the directory may have been removed and made
 * again since: a removed one has no names.
 */
static int
find(struct tree *t, const char *path, const struct place **p, struct stat *st)
{
	struct stat above;
	int r = tree_parent(t, path, false, p);

	if (r == 0)
		r = tree_stat(*p, st);
	else
		return r;
	if (r != FTX_E_NOT_FOUND || fstat((*p)->dir, &above) != 0 || above.st_nlink != 0)
		return r;
	place_release(&t->near[TREE_MAIN].place);
	if ((r = tree_parent(t, path, false, p)) != 0)
		return r;
	return tree_stat(*p, st);
}

int
tree_read_link(struct tree *t, const struct place *p, size_t *length)
{
	ssize_t got = readlinkat(p->dir, p->leaf, t->target, sizeof(t->target));

	if (got < 0)
		return errno == EINVAL ? FTX_E_CHANGED : error_from_errno(errno);
	if ((size_t)got >= sizeof(t->target))
		return FTX_E_TOO_LARGE;
	t->target[got] = '\0';
	*length = (size_t)got;
	return 0;
}

int
tree_look(struct tree *t, const char *path, unsigned parts, struct attributes *a)
{
	const struct place *p;
	struct stat st;
	size_t length = 0;
	int r = find(t, path, &p, &st);

	*a = (struct attributes){0};
	if (r == 0)
		r = metadata_read(t->options.rules, parts, p->dir, p->leaf, -1, &st, &a->metadata,
				  &t->buffer);
	if (r == 0 && S_ISLNK(st.st_mode))
		r = tree_read_link(t, p, &length);
	if (r != 0)
		return r;
	a->identity = identity_of(&st);
	a->allocated = (uint64_t)st.st_blocks * 512;
	a->links = st.st_nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)st.st_nlink;
	a->target = (struct span){.data = (const uint8_t *)t->target, .length = length};
	return 0;
}

/* Is the content of what is there that of what is wanted, as far as it can be told? */
static int
compare_content(struct tree *t, const struct place *p, const struct stat *st,
		const struct node *wanted, bool *same)
{
	size_t length;
	int r;

	*same = true;
	if (S_ISREG(st->st_mode)) {
		*same = (uint64_t)st->st_size == wanted->size &&
			mtime_same(wanted->metadata.mtime_s, wanted->metadata.mtime_ns,
				   st->st_mtim.tv_sec, (uint32_t)st->st_mtim.tv_nsec);
	} else if (S_ISLNK(st->st_mode)) {
		r = tree_read_link(t, p, &length);
		if (r != 0 && r != FTX_E_TOO_LARGE)
			return r;
		*same = r == 0 && length == wanted->target.length &&
			memcmp(t->target, wanted->target.data, length) == 0;
	}
	return 0;
}

static int
compare_metadata(struct tree *t, const struct place *p, const struct stat *st,
		 const struct metadata *wanted, bool *same)
{
	struct metadata there;
	int r = metadata_read(t->options.rules, wanted->flags, p->dir, p->leaf, -1, st, &there,
			      &t->buffer);

	/* Attributes too large to be read are not those that fitted into a message. */
	*same = r == 0 && !metadata_differs(t->options.rules, wanted, &there);
	return r == FTX_E_TOO_LARGE ? 0 : r;
}

/* Files and links take each other's place; nothing takes that of a directory. */
static bool
is_replaceable(enum entry_type type)
{
	return type == ENTRY_FILE || type == ENTRY_SYMLINK;
}

static int
compare(struct tree *t, const char *path, const struct node *wanted, struct offer_verdict *v)
{
	const struct place *p;
	struct stat st;
	enum entry_type type;
	bool same;
	int r = find(t, path, &p, &st);

	if (r != 0)
		return r;
	v->size = (uint64_t)st.st_size;
	v->mtime_s = st.st_mtim.tv_sec;
	v->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	type = metadata_of(&st).type;
	v->state = is_replaceable(type) && is_replaceable(wanted->metadata.type) ? TREE_DIFFERS
										 : TREE_CONFLICT;
	if (type != wanted->metadata.type)
		return 0;
	v->state = TREE_DIFFERS;
	if ((r = compare_content(t, p, &st, wanted, &same)) != 0 || !same)
		return r;
	if ((r = compare_metadata(t, p, &st, &wanted->metadata, &same)) != 0)
		return r;
	v->state = same ? TREE_SAME : TREE_METADATA;
	if (same)
		v->flags = metadata_unkept(t->options.rules, &wanted->metadata);
	return 0;
}

void
tree_compare(struct tree *t, const char *path, const struct node *wanted, struct offer_verdict *v)
{
	int r;

	*v = (struct offer_verdict){0};
	r = compare(t, path, wanted, v);
	if (r == FTX_E_NOT_FOUND)
		*v = (struct offer_verdict){.state = TREE_ABSENT};
	else if (r != 0)
		*v = (struct offer_verdict){.state = TREE_ERROR, .code = (uint16_t)-r};
}
