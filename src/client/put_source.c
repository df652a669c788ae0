#include "src/client/put.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

/* Where the entry's file is: a directory that is open, and the name in it. */
static int
find_file(struct stream *s, const struct entry *e, int *dir, const char **name)
{
	const struct root *root = e->batch->root;
	const struct place *place;
	int r;

	if (!root->is_directory || s->run->request->copy_links) {
		*dir = root->is_directory ? root->local : AT_FDCWD;
		*name = root->is_directory ? e->path : root->local_path;
		return 0;
	}
	errno = 0;
	if ((r = stream_set_root(s, e->batch->root)) != 0)
		return r;
	if ((r = tree_parent(s->tree, e->path, false, &place)) != 0) {
		r = r == FTX_E_NOT_FOUND ? FTX_E_VANISHED : r;
		problem_local(&s->problem, r, 0);
		return r;
	}
	*dir = place->dir;
	*name = place->leaf;
	return 0;
}

int
put_source(struct stream *s, const struct entry *e, struct source **source, char **path)
{
	struct run *run = s->run;
	const struct root *root = e->batch->root;
	const struct place *place;
	int r;

	*path = NULL;
	errno = 0;
	if (root->is_directory && !run->request->copy_links) {
		if ((r = stream_set_root(s, e->batch->root)) != 0)
			return r;
		r = tree_parent(s->tree, e->path, false, &place);
		if (r == 0)
			r = source_open_at(source, place->dir, place->leaf, &run->rules,
					   run->parts);
	} else {
		*path = root_join(root->local_path, e->path);
		r = *path != NULL ? source_open_path(source, *path, &run->rules, run->parts)
				  : FTX_E_NOMEM;
	}
	if (r == FTX_E_NOT_FOUND)
		return problem_local(&s->problem, FTX_E_VANISHED, 0);
	return r != 0 ? problem_local(&s->problem, r, errno) : 0;
}

/* The entry as it is now. */
static int
refresh(struct stream *s, struct entry *e, int dir, const char *name, int fd, const struct stat *st)
{
	struct run *run = s->run;
	struct span *spans[] = {&e->metadata.user, &e->metadata.group, &e->metadata.xattrs};
	int r = metadata_read(&run->rules, run->parts, dir, name, fd, st, &e->metadata, &s->buffer);

	for (size_t i = 0; i < 3 && r == 0; i++) {
		spans[i]->data = batch_copy(e->batch, spans[i]->data, spans[i]->length);
		if (spans[i]->data == NULL)
			r = FTX_E_NOMEM;
	}
	if (r != 0)
		return problem_local(&s->problem, r, 0);
	/* Modulo 2^64, so a file that became smaller is subtracted. */
	atomic_fetch_add(&run->bytes_total, (uint64_t)st->st_size - e->identity.size);
	e->identity = identity_of(st);
	e->allocated = (uint64_t)st->st_blocks * 512u;
	return 0;
}

int
put_open(struct stream *s, struct entry *e, int *fd)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct identity now;
	const char *name = NULL;
	struct stat st;
	int dir = -1;
	int r = find_file(s, e, &dir, &name);

	if (r != 0)
		return r;
	if (e->batch->root->is_directory && !s->run->request->copy_links)
		flags |= O_NOFOLLOW;
	*fd = openat(dir, name, flags);
	if (*fd < 0 && errno == ENOENT)
		return problem_local(&s->problem, FTX_E_VANISHED, 0);
	if (*fd < 0)
		return problem_local(&s->problem, error_from_errno(errno), errno);
	if (fstat(*fd, &st) != 0)
		r = problem_local(&s->problem, error_from_errno(errno), errno);
	else if (!S_ISREG(st.st_mode))
		r = problem_set(&s->problem, FTX_E_CHANGED, SIDE_LOCAL,
				"is not a regular file any more");
	now = identity_of(&st);
	if (r == 0 && !identity_same(&now, &e->identity))
		r = refresh(s, e, dir, name, *fd, &st);
	if (r != 0)
		close(*fd);
	return r;
}
